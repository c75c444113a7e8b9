//! Why: what an input was ignored for, which row of protocol.md section 4 decided, which guards of section 5 had
//! a say. The machine says what it did; these are its reasons in the protocol's words.

use dormouse_core::{
    Action, ConnectFault, Delay, End, HeartbeatLoss, Outcome, Report, Stats, Then,
};

/// What an input, or a part of it, came to nothing for.
pub(super) fn ignored(before: &Stats, after: &Stats) -> Vec<&'static str> {
    [
        (before.stale, after.stale, "it belongs to what was given up, or never was"),
        (before.out_of_place, after.out_of_place, "it makes no sense in this state"),
        (
            before.hints_ignored,
            after.hints_ignored,
            "there is nothing to hasten, or hints are off or spent (5.5)",
        ),
        (
            before.events_ignored,
            after.events_ignored,
            "an event that means nothing where it came (2.2)",
        ),
        (
            before.heartbeats_skipped,
            after.heartbeats_skipped,
            "a heartbeat that was due while one was in flight (3)",
        ),
    ]
    .into_iter()
    .filter(|(before, after, _)| after > before)
    .map(|(_, _, why)| why)
    .collect()
}

/// Why an action is what it is: the row of section 4, and the guards that had a say.
pub(super) fn why(action: &Action) -> (Option<&'static str>, Vec<&'static str>) {
    let Action::Report(report) = action else { return (None, Vec::new()) };
    match report {
        Report::Connected { .. } => (Some("a connect: hello received"), Vec::new()),
        Report::Ended { end, then, .. } => {
            let (delay, mut guards) = match then {
                Then::Connect(delay) => (Some(delay), delay_guards(delay)),
                Then::Park(delay) => (Some(delay), delay_guards(delay)),
                _ => (None, Vec::new()),
            };
            match (end, then) {
                (End::Connect(ConnectFault::Unauthorized), Then::Connect(_)) => {
                    // No row: it was the refusal of another token.
                    return (None, vec!["a new token has come since (5.6)"]);
                }
                (End::Watch(Outcome::Hint(_)), _) => guards.push("a hint (5.5)"),
                (_, Then::Park(_)) => guards.push("a refused token parks the watch (5.6)"),
                _ => {}
            }
            (Some(row(*end, delay)), guards)
        }
        Report::HandOverFailed { delay } => {
            let mut guards = vec!["a failed hand-over counts as a short watch (5.1)"];
            guards.extend(delay_guards(delay));
            (None, guards)
        }
        Report::Held { .. } => (None, vec!["the connect bound (5.1)"]),
        _ => (None, Vec::new()),
    }
}

fn row(end: End, delay: Option<&Delay>) -> &'static str {
    match end {
        End::Connect(ConnectFault::Unauthorized) => "a connect: 401",
        End::Connect(ConnectFault::Conflict) => "a connect: 409",
        End::Connect(ConnectFault::NotEventStream) => "a connect: 2xx that is not SSE",
        End::Connect(_) => "a connect: anything else",
        End::Watch(outcome) => match outcome {
            Outcome::Wake => "a watch: wake",
            Outcome::ReadTimeout | Outcome::Hint(_) => "a watch: read timeout",
            Outcome::Ended => "a watch: stream ended cleanly",
            Outcome::Stream(_) if delay.is_some_and(|delay| delay.row().is_zero()) => {
                "a watch: stream error after running for at least one heartbeat interval"
            }
            Outcome::Stream(_) => "a watch: stream error earlier than one heartbeat interval",
            Outcome::HeartbeatLost(loss) => match loss {
                HeartbeatLoss::Taken => "a watch: heartbeat answered 409",
                HeartbeatLoss::Gone => "a watch: heartbeat answered 410",
                HeartbeatLoss::Unauthorized => "a watch: heartbeat answered 401",
                HeartbeatLoss::Failed => "a watch: heartbeats failed for too long",
                HeartbeatLoss::Cancelled => "a watch: heartbeats were cancelled from outside",
                _ => "a watch",
            },
            _ => "a watch",
        },
    }
}

fn delay_guards(delay: &Delay) -> Vec<&'static str> {
    let least = delay.row().max(delay.flap()).max(delay.retry_after());
    [
        (delay.flap() > delay.row(), "the flap guard (5.1)"),
        (!delay.retry_after().is_zero(), "Retry-After (5.2)"),
        (delay.total().saturating_sub(delay.window()) != least, "jitter (5.3)"),
        (!delay.window().is_zero(), "the reconnect window (5.4)"),
    ]
    .into_iter()
    .filter(|(had_a_say, _)| *had_a_say)
    .map(|(_, guard)| guard)
    .collect()
}
