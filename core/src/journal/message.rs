//! The data of an event, veiled: written anew, so that `hello` and `wake` are read from it as they were before,
//! and nothing else is in it.
//!
//! What an event's data comes to depends on its depth, on whether it is one JSON object, and on what stands at
//! each of six keys. So a member with one of these keys is written again, in its place, with a value of the same
//! kind: a token as filler, a number as it is, what is of the wrong type as something of the wrong type. Every
//! other member is left out. What is no JSON object is overwritten. That this is all that is ever read of an
//! event is not assumed: the tests hold the readers themselves against it.
//!
//! A line of data stays a line, since a stream is cut at its lines. Each token of the JSON is put in the first
//! place where it fits into a line, and it always fits: it is not longer than the one it stands for, and the
//! tokens before it took no more room than they did.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::filler;
use crate::error::UrlFault;
use crate::wire::url::{self, schemes};
use crate::wire::{LeaseId, SessionId, URL_MOST, is_too_deep};

/// Which id an event of this name is read for. Elsewhere an id means nothing, and could be anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// None yet, or an empty one.
    Absent,
    Hello,
    Wake,
    /// Any other.
    Unwanted,
}

/// The data of an event, lines joined with LF, and the same veiled: as long, with each LF where it was.
///
/// `plain` says that the base URL is `http`, `most` is the limit of the data.
pub(super) fn veil(data: &[u8], name: Name, plain: bool, most: usize) -> Vec<u8> {
    let text = String::from_utf8_lossy(data);
    // The decoder ends the stream there, and reads nothing of it.
    if text.len() > most {
        return overwritten(data, b'x');
    }
    if is_too_deep(&text) {
        return overwritten(data, b'[');
    }
    let Some(members) = Members::read(&text) else { return overwritten(data, b'x') };
    let map = Map::of(data, &text);
    members.set(name, plain, &map, data).unwrap_or_else(|| overwritten(data, b'x'))
}

/// The same for what is a whole object as it stands, before its event is complete. `None` where it is not, or
/// where it would depend on the name, which may still change.
pub(super) fn veil_early(data: &[u8], name: Name, plain: bool) -> Option<Vec<u8>> {
    let text = core::str::from_utf8(data).ok()?;
    if is_too_deep(text) {
        return None;
    }
    let members = Members::read(text)?;
    if matches!(name, Name::Absent | Name::Unwanted) {
        return None;
    }
    // An id stays under its own name alone.
    if members.0.iter().any(|(key, value)| id_in(*key, value).is_some()) {
        return None;
    }
    members.set(name, plain, &Map::of(data, text), data)
}

/// What follows a whole object in the same event: nothing but blank lines, or else what makes it none.
pub(super) fn veil_rest(rest: &[u8]) -> Vec<u8> {
    if rest.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\n')) {
        return rest.to_vec();
    }
    let deep = is_too_deep(&String::from_utf8_lossy(rest));
    overwritten(rest, if deep { b'[' } else { b'x' })
}

/// Overwrites each line.
fn overwritten(data: &[u8], symbol: u8) -> Vec<u8> {
    let mut data = data.to_vec();
    for line in data.split_mut(|byte| *byte == b'\n') {
        filler::fill(line, symbol);
    }
    data
}

/// Lines as long as those of some data, in which tokens are put where they fit, with spaces around them.
struct Page {
    bytes: Vec<u8>,
    at: usize,
    /// Where the line at hand ends.
    end: usize,
}

impl Page {
    fn like(data: &[u8]) -> Self {
        let blank = |byte: &u8| if *byte == b'\n' { b'\n' } else { b' ' };
        let mut page = Self { bytes: data.iter().map(blank).collect(), at: 0, end: 0 };
        page.end = page.line_end();
        page
    }

    fn line_end(&self) -> usize {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at.saturating_add(memchr::memchr(b'\n', rest).unwrap_or(rest.len()))
    }

    /// Puts a token into the first line from here on that has room for it, if one has.
    fn put(&mut self, token: &[u8]) -> Option<()> {
        loop {
            let end = self.at.saturating_add(token.len());
            if end <= self.end {
                self.bytes.get_mut(self.at..end)?.copy_from_slice(token);
                self.at = end;
                return Some(());
            }
            if self.end >= self.bytes.len() {
                return None;
            }
            self.at = self.end.saturating_add(1);
            self.end = self.line_end();
        }
    }
}

/// The keys that anything is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Lease,
    Wait,
    Interval,
    Url,
    Token,
    Session,
}

impl Key {
    const ALL: [Self; 6] =
        [Self::Lease, Self::Wait, Self::Interval, Self::Url, Self::Token, Self::Session];

    /// As it stands in JSON.
    const fn quoted(self) -> &'static str {
        match self {
            Self::Lease => "\"watchLeaseId\"",
            Self::Wait => "\"deviceWaitForViewerMs\"",
            Self::Interval => "\"heartbeatIntervalMs\"",
            Self::Url => "\"url\"",
            Self::Token => "\"token\"",
            Self::Session => "\"remoteAccessSessionId\"",
        }
    }

    fn named(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.quoted().trim_matches('"') == key)
    }
}

/// The members of an object that have one of these keys, in their order, with those that stand twice.
struct Members<'d>(Vec<(Key, &'d RawValue)>);

impl<'d> Members<'d> {
    fn read(text: &'d str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The veiled object, token by token, in the lines of `data`. `None` where it does not fit.
    fn set(&self, name: Name, plain: bool, map: &Map<'_>, data: &[u8]) -> Option<Vec<u8>> {
        let mut page = Page::like(data);
        let mut before = "{";
        for (key, value) in &self.0 {
            page.put(before.as_bytes())?;
            page.put(key.quoted().as_bytes())?;
            page.put(b":")?;
            let is_number = matches!(key, Key::Wait | Key::Interval);
            if is_number && value.get().starts_with(['[', '{']) {
                // The one value of the wrong kind that may be cut by a line's end wherever it is short.
                page.put(b"[")?;
                page.put(b"]")?;
            } else {
                page.put(&veiled_value(*key, value, name, plain, map))?;
            }
            before = ",";
        }
        if self.0.is_empty() {
            page.put(b"{")?;
        }
        page.put(b"}")?;
        Some(page.bytes)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(Text(key)) = map.next_key()? {
                    match Key::named(&key) {
                        Some(key) => members.push((key, map.next_value()?)),
                        None => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// A key, borrowed where it can be.
#[derive(Deserialize)]
struct Text<'d>(#[serde(borrow)] Cow<'d, str>);

/// A value of the same kind, and not longer.
fn veiled_value(key: Key, value: &RawValue, name: Name, plain: bool, map: &Map<'_>) -> Vec<u8> {
    if value.get() == "null" {
        return b"null".to_vec();
    }
    if let Key::Wait | Key::Interval = key {
        return match serde_json::from_str::<u64>(value.get()) {
            Ok(number) => format!("{number}").into(),
            // Whatever else is no such number takes two characters or more, in one line.
            Err(_) => b"\"\"".to_vec(),
        };
    }
    let Ok(text) = serde_json::from_str::<String>(value.get()) else { return b"0".to_vec() };
    let filler = || filler::text(text.len(), map.room(value).saturating_sub(2));
    let inside = match key {
        Key::Token => filler(),
        Key::Url if text.len() > URL_MOST => filler(),
        Key::Url => veiled_url(&text, plain).into(),
        _ => match id_in(key, value) {
            Some(id) if (key, name) == (Key::Lease, Name::Hello) => escaped(&id).into(),
            Some(id) if (key, name) == (Key::Session, Name::Wake) => escaped(&id).into(),
            Some(_) => filler(),
            None => Vec::new(),
        },
    };
    [b"\"".as_slice(), &inside, b"\""].concat()
}

/// A good id, if that is what the value is.
fn id_in(key: Key, value: &RawValue) -> Option<String> {
    let text: String = serde_json::from_str(value.get()).ok()?;
    match key {
        Key::Lease => LeaseId::new(text).ok().map(|id| id.as_str().into()),
        Key::Session => SessionId::new(text).ok().map(|id| id.as_str().into()),
        _ => None,
    }
}

/// An id is visible ASCII: what JSON wants escaped among that are the quote and the backslash.
fn escaped(id: &str) -> String {
    id.replace('\\', r"\\").replace('"', "\\\"")
}

/// A URL with which the same is wrong, or as little.
fn veiled_url(text: &str, plain: bool) -> String {
    match url::check(text, schemes(plain)) {
        Ok(_) => return filler::url(text),
        Err(UrlFault::Syntax | UrlFault::Query) => "",
        Err(UrlFault::Scheme) => "a:",
        Err(UrlFault::Host) if plain => "ws:",
        Err(UrlFault::Host) => "wss:",
        Err(UrlFault::UserInfo) if plain => "ws://@",
        Err(UrlFault::UserInfo) => "wss://@",
    }
    .into()
}

/// How much room a part of the text took in the data, of which U+FFFD may stand for one byte or two.
struct Map<'d> {
    text: &'d str,
    /// Behind each U+FFFD that stands for something: the place in the text, and in the data.
    places: Vec<(usize, usize)>,
}

impl<'d> Map<'d> {
    fn of(data: &[u8], text: &'d str) -> Self {
        let (mut in_text, mut in_data) = (0_usize, 0_usize);
        let mut places = Vec::new();
        if data.len() != text.len() || data != text.as_bytes() {
            for chunk in data.utf8_chunks() {
                let (valid, invalid) = (chunk.valid().len(), chunk.invalid().len());
                in_text = in_text.saturating_add(valid);
                in_data = in_data.saturating_add(valid).saturating_add(invalid);
                if invalid > 0 {
                    in_text = in_text.saturating_add('\u{FFFD}'.len_utf8());
                    places.push((in_text, in_data));
                }
            }
        }
        Self { text, places }
    }

    /// Bytes of the data behind a value, which was read from the text and lies in it.
    fn room(&self, value: &RawValue) -> usize {
        let value = value.get();
        let begin = (value.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let end = begin.saturating_add(value.len());
        self.in_data(end).saturating_sub(self.in_data(begin))
    }

    fn in_data(&self, in_text: usize) -> usize {
        let before = self.places.partition_point(|(text, _)| *text <= in_text);
        let last = before.checked_sub(1).and_then(|last| self.places.get(last));
        let (text, data) = last.copied().unwrap_or((0, 0));
        in_text.saturating_sub(text).saturating_add(data)
    }
}
