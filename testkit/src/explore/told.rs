//! What a machine says, in a form that can be made without one: to hold what it said against what it must say.

use dormouse_core::{
    Action, Delay, End, HeartbeatFault, Oddity, Report, Status, StopReason, Timestamp,
};

/// One action. Of secrets it knows only whether they are the right ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Disconnect { attempt: u64 },
    Abandon { beat: u64 },
    Connect { attempt: u64, session: Option<String>, previous: Option<String>, token: u8 },
    Heartbeat { beat: u64, lease: String, token: u8 },
    HandOverFailed(Wait),
    Held { wait: u64 },
    Connected { attempt: u64, took: u64, interval: u64 },
    Oddity { attempt: u64, oddity: Oddity },
    Beat { beat: u64, took: u64, fault: Option<HeartbeatFault> },
    Ended { attempt: u64, end: End, ran: u64, then: Then },
    Status(Status),
    Wake { url: String, session: Option<String> },
    Stop(StopReason),
    Sleep { until: Option<u64> },
}

/// What follows the end of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Connect(Wait),
    Park(Wait),
    HandOver,
    Stop(StopReason),
}

/// A delay and what it is made of, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) row: u64,
    pub(crate) flap: u64,
    pub(crate) retry_after: u64,
    pub(crate) window: u64,
    pub(crate) total: u64,
}

impl From<Delay> for Wait {
    fn from(delay: Delay) -> Self {
        Self {
            row: millis(delay.row()),
            flap: millis(delay.flap()),
            retry_after: millis(delay.retry_after()),
            window: millis(delay.window()),
            total: millis(delay.total()),
        }
    }
}

impl Told {
    /// What an action says.
    ///
    /// # Panics
    ///
    /// If a request is not as sections 2.1 and 2.3 have it, or a wake carries another token than was sent.
    pub(crate) fn of(action: &Action) -> Self {
        match action {
            Action::Disconnect { attempt } => Self::Disconnect { attempt: attempt.0 },
            Action::Abandon { beat } => Self::Abandon { beat: beat.0 },
            Action::Connect { attempt, request } => {
                let url = request.url();
                let query = url
                    .strip_prefix("https://api.example.com/v1/watch?protocolVersion=2.2.0")
                    .expect("the watch's URL");
                let (query, previous) = parameter(query, "previousWatchLeaseId");
                let (query, session) = parameter(query, "remoteAccessSessionId");
                assert_eq!((query, request.method().as_str(), request.body()), ("", "GET", ""));
                Self::Connect {
                    attempt: attempt.0,
                    session,
                    previous,
                    token: token(
                        request,
                        [("accept", "text/event-stream"), ("cache-control", "no-store")],
                    ),
                }
            }
            Action::Heartbeat { beat, request } => {
                assert_eq!(request.url(), "https://api.example.com/v1/watch/heartbeat");
                assert_eq!(request.method().as_str(), "POST");
                let lease = request
                    .body()
                    .strip_prefix(r#"{"watchLeaseId":""#)
                    .and_then(|rest| rest.strip_suffix(r#""}"#))
                    .expect("the heartbeat's body");
                Self::Heartbeat {
                    beat: beat.0,
                    lease: lease.to_owned(),
                    token: token(request, [("content-type", "application/json")]),
                }
            }
            Action::Report(report) => Self::report(report),
            Action::Status(status) => Self::Status(*status),
            Action::Wake(wake) => {
                assert!(wake.token.expose() == "canary-wake", "another token");
                assert_eq!(millis(wake.wait_for_viewer), 30_000);
                Self::Wake {
                    url: wake.url.to_string(),
                    session: wake.session.as_ref().map(ToString::to_string),
                }
            }
            Action::Stop(reason) => Self::Stop(*reason),
            Action::Sleep { until } => Self::Sleep { until: until.map(Timestamp::as_millis) },
        }
    }

    fn report(report: &Report) -> Self {
        match *report {
            Report::HandOverFailed { delay } => Self::HandOverFailed(delay.into()),
            Report::Held { wait } => Self::Held { wait: millis(wait) },
            Report::Connected { attempt, took, heartbeat_interval, wait_for_viewer } => {
                assert_eq!(millis(wait_for_viewer), 30_000);
                Self::Connected {
                    attempt: attempt.0,
                    took: millis(took),
                    interval: millis(heartbeat_interval),
                }
            }
            Report::Oddity { attempt, oddity } => Self::Oddity { attempt: attempt.0, oddity },
            Report::Heartbeat { beat, took, fault } => {
                Self::Beat { beat: beat.0, took: millis(took), fault }
            }
            Report::Ended { attempt, end, ran, then } => {
                Self::Ended { attempt: attempt.0, end, ran: millis(ran), then: then.into() }
            }
            other => panic!("a report that nobody knows: {other:?}"),
        }
    }
}

impl From<dormouse_core::Then> for Then {
    fn from(then: dormouse_core::Then) -> Self {
        match then {
            dormouse_core::Then::Connect(delay) => Self::Connect(delay.into()),
            dormouse_core::Then::Park(delay) => Self::Park(delay.into()),
            dormouse_core::Then::HandOver => Self::HandOver,
            dormouse_core::Then::Stop(reason) => Self::Stop(reason),
        }
    }
}

/// A query without its last parameter, and that one, if it has this name.
fn parameter<'q>(query: &'q str, name: &str) -> (&'q str, Option<String>) {
    match query.rsplit_once('&').map(|(rest, last)| (rest, last.split_once('='))) {
        Some((rest, Some((last, value)))) if last == name => (rest, Some(value.to_owned())),
        _ => (query, None),
    }
}

/// Which of the run's tokens a request carries, in the one header that may.
fn token<const N: usize>(request: &dormouse_core::Request, own: [(&str, &str); N]) -> u8 {
    let mut headers = request.headers();
    for expected in own {
        assert_eq!(headers.next(), Some(expected));
    }
    let (name, value) = headers.next().expect("a credential");
    assert_eq!(name, "authorization");
    let token = value.strip_prefix("Bearer canary-").and_then(|number| number.parse().ok());
    assert_eq!(headers.next(), Some(("accept-encoding", "identity")));
    assert_eq!(headers.next(), None);
    token.expect("a token of this run")
}

fn millis(duration: core::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("a wait")
}
