//! What a poll hands out: one flat struct, in which a field that does not apply is zero.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ptr;
use core::time::Duration;

use dormouse_core::{Cause, Delay, End, Report, Request, Then, Timestamp};

use crate::boundary::{Header, Slice};
use crate::code::*;

/// What is to be done. `kind` says which of these it is, and which fields apply; the others are 0, or NULL and 0. It is
/// the library's own, and stays as it is until the next call on its watch that is not const. Every text is followed by a
/// NUL that `len` does not count, and none has one inside, but for a wake's `token`, which may hold anything.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Action {
    /// `DORMOUSE_ACTION_*`.
    pub kind: u32,
    /// Status: `DORMOUSE_STATUS_*` or `DORMOUSE_STOP_*`. Stop: `DORMOUSE_STOP_*`. Reports: the oddity, or the first
    /// code of what was wrong, from the outside in.
    pub code: u32,
    /// The stable name of all of it: `connected`, or of a cause every part with dots between, as
    /// `stream.wake.type.token`. A status that is an end is `stopped`.
    pub name: Slice,
    /// Connect, disconnect, and reports about one: the number of the attempt, from 1.
    pub attempt: u64,
    /// Heartbeat, abandon, and reports about one: the number of the heartbeat, from 1.
    pub beat: u64,
    /// Sleep: when `dormouse_watch_tick` is due, or `DORMOUSE_NEVER`.
    pub until_ms: u64,
    /// Connect and heartbeat: `GET` or `POST`.
    pub method: Slice,
    /// Connect and heartbeat: the absolute URL to send it to. Wake: where to go.
    pub url: Slice,
    /// Connect and heartbeat: the headers to send, and no others that mean anything. `authorization` is a secret.
    pub headers: *const Header,
    /// How many headers there are.
    pub header_count: usize,
    /// Heartbeat: the body. A connect has none.
    pub body: Slice,
    /// Wake: the token that opens `url`. A secret.
    pub token: Slice,
    /// Wake: which remote access session it belongs to, if it says so; else NULL.
    pub session: Slice,
    /// Wake, and report connected: how long the device is to wait for its viewer, 5 s to 24 h.
    pub wait_for_viewer_ms: u64,
    /// Report: `DORMOUSE_REPORT_*`.
    pub report: u32,
    /// Report ended: `DORMOUSE_PHASE_*`.
    pub phase: u32,
    /// The second code of what was wrong, if it has one.
    pub fault_code: u32,
    /// The third.
    pub detail_code: u32,
    /// The fourth.
    pub part_code: u32,
    /// The HTTP status, where that is what was wrong; else -1.
    pub http_status: i32,
    /// Report heartbeat: 1 if the lease was refreshed.
    pub accepted: u32,
    /// Report ended: what follows, `DORMOUSE_THEN_*`.
    pub then: u32,
    /// Report ended, where the end follows: `DORMOUSE_STOP_*`.
    pub reason: u32,
    /// 1 where the five fields below apply.
    pub has_delay: u32,
    /// How long the next connect waits, in all.
    pub delay_ms: u64,
    /// What the protocol's table gave.
    pub row_ms: u64,
    /// The least that the flap guard asked for.
    pub flap_ms: u64,
    /// The least that the server's `Retry-After` asked for.
    pub retry_after_ms: u64,
    /// What was drawn from the reconnect window.
    pub window_ms: u64,
    /// Report connected: from the connect to `hello`. Report heartbeat: from its sending to its end.
    pub took_ms: u64,
    /// Report connected: how often the lease is refreshed, 1 s to 24 h.
    pub heartbeat_interval_ms: u64,
    /// Report ended: how long the attempt ran, or a watch since `hello`.
    pub ran_ms: u64,
    /// Report held: how long the connect waits.
    pub wait_ms: u64,
}

impl Action {
    const NOTHING: Self = Self {
        kind: 0,
        code: 0,
        name: Slice::NONE,
        attempt: 0,
        beat: 0,
        until_ms: 0,
        method: Slice::NONE,
        url: Slice::NONE,
        headers: ptr::null(),
        header_count: 0,
        body: Slice::NONE,
        token: Slice::NONE,
        session: Slice::NONE,
        wait_for_viewer_ms: 0,
        report: 0,
        phase: 0,
        fault_code: 0,
        detail_code: 0,
        part_code: 0,
        http_status: -1,
        accepted: 0,
        then: 0,
        reason: 0,
        has_delay: 0,
        delay_ms: 0,
        row_ms: 0,
        flap_ms: 0,
        retry_after_ms: 0,
        window_ms: 0,
        took_ms: 0,
        heartbeat_interval_ms: 0,
        ran_ms: 0,
        wait_ms: 0,
    };
}

/// An action, flat, and the texts that it points at.
pub(crate) struct Flat {
    pub(crate) action: Action,
    texts: Vec<Box<[u8]>>,
    headers: Vec<Header>,
}

impl Flat {
    pub(crate) const fn new() -> Self {
        Self { action: Action::NOTHING, texts: Vec::new(), headers: Vec::new() }
    }

    /// Becomes this one.
    pub(crate) fn set(&mut self, action: &dormouse_core::Action) {
        // First what points, then what it points at.
        self.action = Action::NOTHING;
        self.headers.clear();
        self.texts.clear();
        match action {
            dormouse_core::Action::Disconnect { attempt } => {
                self.action.kind = DORMOUSE_ACTION_DISCONNECT;
                self.action.attempt = attempt.0;
            }
            dormouse_core::Action::Abandon { beat } => {
                self.action.kind = DORMOUSE_ACTION_ABANDON;
                self.action.beat = beat.0;
            }
            dormouse_core::Action::Connect { attempt, request } => {
                self.action.kind = DORMOUSE_ACTION_CONNECT;
                self.action.attempt = attempt.0;
                self.request(request);
            }
            dormouse_core::Action::Heartbeat { beat, request } => {
                self.action.kind = DORMOUSE_ACTION_HEARTBEAT;
                self.action.beat = beat.0;
                self.request(request);
            }
            dormouse_core::Action::Report(report) => {
                self.action.kind = DORMOUSE_ACTION_REPORT;
                self.report(report);
            }
            dormouse_core::Action::Status(status) => {
                self.action.kind = DORMOUSE_ACTION_STATUS;
                self.code(status.code(), status.name());
            }
            dormouse_core::Action::Wake(wake) => {
                self.action.kind = DORMOUSE_ACTION_WAKE;
                self.action.url = self.text(&wake.url);
                self.action.token = self.text(wake.token.expose());
                if let Some(session) = &wake.session {
                    self.action.session = self.text(session.as_str());
                }
                self.action.wait_for_viewer_ms = millis(wake.wait_for_viewer);
            }
            dormouse_core::Action::Stop(reason) => {
                self.action.kind = DORMOUSE_ACTION_STOP;
                self.code(reason.code(), reason.name());
            }
            dormouse_core::Action::Sleep { until } => {
                self.action.kind = DORMOUSE_ACTION_SLEEP;
                self.action.until_ms = until.map_or(DORMOUSE_NEVER, Timestamp::as_millis);
            }
        }
    }

    fn request(&mut self, request: &Request) {
        self.action.method = self.text(request.method().as_str());
        self.action.url = self.text(request.url());
        if !request.body().is_empty() {
            self.action.body = self.text(request.body());
        }
        for (name, value) in request.headers() {
            let header = Header { name: self.text(name), value: self.text(value) };
            self.headers.push(header);
        }
        self.action.headers = self.headers.as_ptr();
        self.action.header_count = self.headers.len();
    }

    fn report(&mut self, report: &Report) {
        match report {
            Report::Connected { attempt, took, heartbeat_interval, wait_for_viewer } => {
                self.action.report = DORMOUSE_REPORT_CONNECTED;
                self.action.attempt = attempt.0;
                self.action.took_ms = millis(*took);
                self.action.heartbeat_interval_ms = millis(*heartbeat_interval);
                self.action.wait_for_viewer_ms = millis(*wait_for_viewer);
            }
            Report::Oddity { attempt, oddity } => {
                self.action.report = DORMOUSE_REPORT_ODDITY;
                self.action.attempt = attempt.0;
                self.code(oddity.code(), oddity.name());
            }
            Report::Heartbeat { beat, took, fault } => {
                self.action.report = DORMOUSE_REPORT_HEARTBEAT;
                self.action.beat = beat.0;
                self.action.took_ms = millis(*took);
                self.action.accepted = u32::from(fault.is_none());
                if let Some(fault) = fault {
                    self.cause((*fault).into());
                }
            }
            Report::Ended { attempt, end, ran, then } => {
                self.action.report = DORMOUSE_REPORT_ENDED;
                self.action.attempt = attempt.0;
                self.action.phase = match end {
                    End::Connect(_) => DORMOUSE_PHASE_CONNECT,
                    End::Watch(_) => DORMOUSE_PHASE_WATCH,
                };
                self.cause((*end).into());
                self.action.ran_ms = millis(*ran);
                self.action.then = then.code().into();
                if let Then::Stop(reason) = then {
                    self.action.reason = reason.code().into();
                }
                if let Some(delay) = then.delay() {
                    self.delay(&delay);
                }
            }
            Report::HandOverFailed { delay } => {
                self.action.report = DORMOUSE_REPORT_HAND_OVER_FAILED;
                self.delay(delay);
            }
            Report::Held { wait } => {
                self.action.report = DORMOUSE_REPORT_HELD;
                self.action.wait_ms = millis(*wait);
            }
            // One that this version of the interface has no fields for: what it says in words is had all the same.
            _ => {}
        }
    }

    fn cause(&mut self, cause: Cause) {
        let [code, fault, detail, part] = cause.codes().map(u32::from);
        self.action.code = code;
        self.action.fault_code = fault;
        self.action.detail_code = detail;
        self.action.part_code = part;
        self.action.http_status = cause.status().map_or(-1, i32::from);
        self.action.name = self.text(&alloc::format!("{cause}"));
    }

    fn delay(&mut self, delay: &Delay) {
        self.action.has_delay = 1;
        self.action.delay_ms = millis(delay.total());
        self.action.row_ms = millis(delay.row());
        self.action.flap_ms = millis(delay.flap());
        self.action.retry_after_ms = millis(delay.retry_after());
        self.action.window_ms = millis(delay.window());
    }

    fn code(&mut self, code: u16, name: &str) {
        self.action.code = code.into();
        self.action.name = self.text(name);
    }

    /// Keeps a text, closed with NUL, in a place of its own: it does not move when the next one comes.
    fn text(&mut self, text: &str) -> Slice {
        let mut bytes = Vec::with_capacity(text.len() + 1);
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        self.texts.push(bytes.into());
        let kept = self.texts.last().map_or(&[][..], |kept| kept);
        Slice::of(&kept[..text.len()])
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
