//! The standard's own algorithm, as literally and as slowly as it is written.
//!
//! It takes a stream that has ended, decodes it to text as a whole, splits that into lines, and knows no
//! limits. What is added to it is what the decoder adds: comments are reported, and events can be filtered.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::mem;

use super::{Outcome, Seen, event};

pub(super) fn decode(stream: &[u8], only: Option<&[&str]>) -> Outcome {
    let mut state = State::default();
    let (lines, pending) = lines(stream);
    for line in &lines {
        state.line(line, only);
    }
    Outcome {
        items: state.items,
        limit: None,
        last_event_id: state.last_event_id,
        retry: state.retry,
        lines: lines.len() as u64,
        unfinished: pending || state.begun,
    }
}

/// The complete lines of a stream, and whether something follows them.
fn lines(stream: &[u8]) -> (Vec<String>, bool) {
    // "UTF-8 decode" is also what strips the byte order mark, and replaces a part of one.
    let text = String::from_utf8_lossy(stream);
    let mut text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
    let mut lines = Vec::new();
    while let Some(end) = text.find(['\r', '\n']) {
        lines.push(text[..end].to_string());
        let rest = &text[end..];
        text = rest.strip_prefix("\r\n").unwrap_or(&rest[1..]);
    }
    (lines, !text.is_empty())
}

#[derive(Default)]
struct State {
    data_buffer: String,
    event_type_buffer: String,
    last_event_id_buffer: String,
    last_event_id: String,
    retry: Option<u64>,
    items: Vec<Seen>,
    /// Data came, or had come, under a name that is not wanted.
    let_go: bool,
    /// A field was set that only a blank line gives effect to.
    begun: bool,
    id_set: bool,
}

impl State {
    fn line(&mut self, line: &str, only: Option<&[&str]>) {
        if line.is_empty() {
            self.dispatch(only);
        } else if line.starts_with(':') {
            self.items.push(Seen::Comment);
        } else if let Some((field, value)) = line.split_once(':') {
            self.field(field, value.strip_prefix(' ').unwrap_or(value), only);
        } else {
            self.field(line, "", only);
        }
        self.begun =
            self.id_set || !self.data_buffer.is_empty() || !self.event_type_buffer.is_empty();
    }

    fn field(&mut self, field: &str, value: &str, only: Option<&[&str]>) {
        match field {
            "event" => self.event_type_buffer = value.to_string(),
            "data" => {
                self.data_buffer.push_str(value);
                self.data_buffer.push('\n');
            }
            "id" if !value.contains('\0') => {
                self.last_event_id_buffer = value.to_string();
                self.id_set = true;
            }
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                let ms = value.parse().unwrap_or(u64::MAX);
                self.retry = Some(ms);
                self.items.push(Seen::Retry(ms));
            }
            _ => {}
        }
        let named = !self.event_type_buffer.is_empty();
        let wanted = only.is_none_or(|only| only.contains(&self.event_type_buffer.as_str()));
        self.let_go |= named && !wanted && !self.data_buffer.is_empty();
    }

    fn dispatch(&mut self, only: Option<&[&str]>) {
        self.last_event_id = self.last_event_id_buffer.clone();
        let mut data = mem::take(&mut self.data_buffer);
        let mut name = mem::take(&mut self.event_type_buffer);
        let let_go = mem::take(&mut self.let_go);
        self.id_set = false;
        if data.is_empty() {
            return;
        }
        data.pop();
        if name.is_empty() {
            name = "message".to_string();
        }
        self.items.push(if let_go || only.is_some_and(|only| !only.contains(&name.as_str())) {
            Seen::Skipped
        } else {
            event(&name, &data, &self.last_event_id)
        });
    }
}
