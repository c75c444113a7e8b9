//! One line of a journal: a flat JSON object, written by hand so that every byte of it is ours to promise.
//!
//! What a field means stands in the [module's](super) documentation. What a fault is called, its type and `cause.rs`
//! say.

use alloc::string::{String, ToString as _};
use alloc::vec;
use core::fmt::Write as _;
use core::time::Duration;

use crate::action::{Action, Attempt, End, Report, Then};
use crate::cause::Cause;
use crate::error::TransportFault;
use crate::guard::Delay;
use crate::input::Input;
use crate::time::{Timestamp, millis};
use crate::wire::{Request, SessionId};

/// What a line of an action begins with.
pub(super) const ACTION: &str = r#"{"out":"#;

/// A flat object being written.
pub(super) struct Object(String);

impl Object {
    pub(super) fn new() -> Self {
        Self(String::from("{"))
    }

    fn action(kind: &str) -> Self {
        Self::new().text("out", kind)
    }

    fn report(kind: &str) -> Self {
        Self::action("report").text("report", kind)
    }

    fn key(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(key);
        self.0.push_str("\":");
    }

    pub(super) fn number(mut self, key: &str, value: impl Into<u64>) -> Self {
        self.key(key);
        // Writing to a string does not fail.
        let _ = write!(self.0, "{}", value.into());
        self
    }

    pub(super) fn flag(mut self, key: &str, value: bool) -> Self {
        self.key(key);
        self.0.push_str(if value { "true" } else { "false" });
        self
    }

    pub(super) fn text(mut self, key: &str, value: &str) -> Self {
        self.key(key);
        self.0.push('"');
        for symbol in value.chars() {
            match symbol {
                '"' => self.0.push_str("\\\""),
                '\\' => self.0.push_str("\\\\"),
                '\n' => self.0.push_str("\\n"),
                '\r' => self.0.push_str("\\r"),
                '\t' => self.0.push_str("\\t"),
                '\u{8}' => self.0.push_str("\\b"),
                '\u{c}' => self.0.push_str("\\f"),
                '\0'..='\u{1f}' => {
                    let _ = write!(self.0, "\\u{:04x}", u32::from(symbol));
                }
                _ => self.0.push(symbol),
            }
        }
        self.0.push('"');
        self
    }

    /// Bytes, as text where they are UTF-8 and else in hexadecimal.
    fn bytes(self, bytes: &[u8]) -> Self {
        match core::str::from_utf8(bytes) {
            Ok(text) => self.text("text", text),
            Err(_) => {
                let mut digits = String::with_capacity(bytes.len().saturating_mul(2));
                for byte in bytes {
                    let _ = write!(digits, "{byte:02x}");
                }
                self.text("hex", &digits)
            }
        }
    }

    pub(super) fn maybe_text(self, key: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(key, value),
            None => self,
        }
    }

    fn maybe_number(self, key: &str, value: Option<u64>) -> Self {
        match value {
            Some(value) => self.number(key, value),
            None => self,
        }
    }

    fn span(self, key: &str, value: Duration) -> Self {
        self.number(key, millis(value))
    }

    fn delay(self, delay: Option<&Delay>) -> Self {
        let Some(delay) = delay else { return self };
        self.span("delay_ms", delay.total())
            .span("row_ms", delay.row())
            .span("flap_ms", delay.flap())
            .span("retry_after_ms", delay.retry_after())
            .span("window_ms", delay.window())
    }

    fn request(self, request: &Request) -> Self {
        let body = Some(request.body()).filter(|body| !body.is_empty());
        self.text("method", request.method().as_str())
            .text("url", request.url())
            .maybe_text("body", body)
    }

    fn cause(self, cause: &Cause) -> Self {
        // There is no part with the code 0.
        let [code, inner @ ..] = cause.codes().map(u64::from);
        let [fault, detail, part] = inner.map(|code| Some(code).filter(|code| *code != 0));
        self.number("code", code)
            .maybe_number("fault_code", fault)
            .maybe_number("detail_code", detail)
            .maybe_number("part_code", part)
            .text("cause", &cause.to_string())
            .maybe_number("status", cause.status().map(u64::from))
    }

    fn transport(self, fault: TransportFault) -> Self {
        self.number("code", fault.code()).text("cause", fault.name())
    }

    /// The whole line, without its end.
    pub(super) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// The line of an input, but for the bytes of a stream: those are veiled first, and have a line of their own.
pub(super) fn input(at: Timestamp, input: &Input<'_>) -> String {
    let object = |kind| Object::new().number("at", at.as_millis()).text("in", kind);
    match input {
        Input::Tick => object("tick"),
        Input::Head { attempt, head } => object("head")
            .number("attempt", attempt.0)
            .number("status", head.status())
            .flag("event_stream", head.is_event_stream())
            .flag("compressed", head.is_compressed())
            .maybe_number("retry_after_s", head.asked().map(|asked| asked.as_secs())),
        Input::Data { attempt, bytes } => {
            object("data").number("attempt", attempt.0).bytes(&vec![b'x'; bytes.len()])
        }
        Input::End { attempt } => object("end").number("attempt", attempt.0),
        Input::Failed { attempt, fault } => {
            object("failed").number("attempt", attempt.0).transport(*fault)
        }
        Input::HeartbeatAnswer { beat, status } => {
            object("heartbeat_answer").number("beat", beat.0).number("status", *status)
        }
        Input::HeartbeatFailed { beat, fault } => {
            object("heartbeat_failed").number("beat", beat.0).transport(*fault)
        }
        Input::HeartbeatsCancelled => object("heartbeats_cancelled"),
        Input::SleepAgain(hand_over) => object("sleep_again").text("hand_over", hand_over.name()),
        Input::Hint(hint) => object("hint").text("hint", hint.name()),
        Input::Offline(offline) => object("offline").flag("offline", *offline),
        Input::NewToken(token) => {
            object("new_token").number("token_len", token.expose().len() as u64)
        }
        Input::Stop => object("stop"),
    }
    .end()
}

/// Bytes of a stream that are fit to be shown.
pub(super) fn data(at: Timestamp, attempt: Attempt, bytes: &[u8]) -> String {
    Object::new()
        .number("at", at.as_millis())
        .text("in", "data")
        .number("attempt", attempt.0)
        .bytes(bytes)
        .end()
}

/// The last line of a journal that ends before its watch.
pub(super) fn end(name: &str) -> String {
    Object::new().text("end", name).end()
}

/// The line of an action. A wake's URL is written as `veil` shows it.
pub(super) fn action(action: &Action, veil: impl Fn(&str) -> String) -> String {
    match action {
        Action::Disconnect { attempt } => Object::action("disconnect").number("attempt", attempt.0),
        Action::Abandon { beat } => Object::action("abandon").number("beat", beat.0),
        Action::Connect { attempt, request } => {
            Object::action("connect").number("attempt", attempt.0).request(request)
        }
        Action::Heartbeat { beat, request } => {
            Object::action("heartbeat").number("beat", beat.0).request(request)
        }
        Action::Report(report) => self::report(report),
        Action::Status(status) => {
            Object::action("status").number("code", status.code()).text("status", status.name())
        }
        Action::Wake(wake) => {
            let token_len = wake.token.expose().len() as u64;
            Object::action("wake")
                .text("url", &veil(&wake.url))
                .number("token_len", token_len)
                .maybe_text("session", wake.session.as_ref().map(SessionId::as_str))
                .span("wait_for_viewer_ms", wake.wait_for_viewer)
        }
        Action::Stop(reason) => {
            Object::action("stop").number("code", reason.code()).text("reason", reason.name())
        }
        Action::Sleep { until } => {
            Object::action("sleep").maybe_number("until", until.map(Timestamp::as_millis))
        }
    }
    .end()
}

fn report(report: &Report) -> Object {
    match report {
        Report::Connected { attempt, took, heartbeat_interval, wait_for_viewer } => {
            Object::report("connected")
                .number("attempt", attempt.0)
                .span("took_ms", *took)
                .span("heartbeat_interval_ms", *heartbeat_interval)
                .span("wait_for_viewer_ms", *wait_for_viewer)
        }
        Report::Oddity { attempt, oddity } => {
            Object::report("oddity").number("attempt", attempt.0).text("oddity", oddity.name())
        }
        Report::Heartbeat { beat, took, fault } => {
            let object = Object::report("heartbeat")
                .number("beat", beat.0)
                .span("took_ms", *took)
                .flag("accepted", fault.is_none());
            match fault {
                Some(fault) => object.cause(&Cause::from(*fault)),
                None => object,
            }
        }
        Report::Ended { attempt, end, ran, then } => {
            let phase = match end {
                End::Connect(_) => "connect",
                End::Watch(_) => "watch",
            };
            let reason = match then {
                Then::Stop(reason) => Some(reason.name()),
                _ => None,
            };
            Object::report("ended")
                .number("attempt", attempt.0)
                .text("phase", phase)
                .cause(&Cause::from(*end))
                .span("ran_ms", *ran)
                .text("then", then.name())
                .delay(then.delay().as_ref())
                .maybe_text("reason", reason)
        }
        Report::HandOverFailed { delay } => Object::report("hand_over_failed").delay(Some(delay)),
        Report::Held { wait } => Object::report("held").span("wait_ms", *wait),
    }
}
