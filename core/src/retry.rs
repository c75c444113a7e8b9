//! The decisions: protocol.md section 4, one pure function for each of its two tables.
//!
//! No clock, no entropy, no I/O, and no guard: what stands here is what the client does with every guard
//! switched off. The guards of section 5 are laid on top by [`Guards`](crate::Guards), and may only lengthen.
//!
//! What is remembered between attempts is a [`Memory`]: the previous lease, which lets the server
//! recognise the client, and the backoff. A row that says "as it was" leaves its half untouched; a row
//! that says "doubled" waits for the backoff as it was before.

use core::time::Duration;

use crate::error::{ConnectFault, HeartbeatLoss, Outcome};
use crate::wire::LeaseId;

/// The backoff at first, and after every `hello`: one second.
pub const BACKOFF_FIRST: Duration = Duration::from_secs(1);

/// The longest backoff: half a minute.
pub const BACKOFF_MOST: Duration = Duration::from_secs(30);

/// The wait after an answer that will not change soon: somebody else holds the lease, or this is not
/// the service. Half a minute.
pub const PAUSE: Duration = Duration::from_secs(30);

/// What a client remembers between attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// The lease of the last watch, while it is worth telling the server.
    pub previous_lease: Option<LeaseId>,
    /// The delay that the next row that doubles will give: [`BACKOFF_FIRST`] to [`BACKOFF_MOST`].
    pub backoff: Duration,
}

impl Default for Memory {
    fn default() -> Self {
        Self { previous_lease: None, backoff: BACKOFF_FIRST }
    }
}

impl Memory {
    /// The present backoff as a delay; the next one is twice as long.
    fn double(&mut self) -> Next {
        let delay = self.backoff;
        self.backoff = delay.saturating_mul(2).min(BACKOFF_MOST);
        Next::Connect(delay)
    }
}

/// What a row says comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Watch the stream.
    Watch,
    /// Hand the wake over.
    HandOver,
    /// Connect again after so long; zero is "at once".
    Connect(Duration),
    /// Stop: the token is refused.
    Unauthorized,
    /// Stop: heartbeats were cancelled.
    Cancelled,
}

/// A connect ended, in `hello` or in a fault: the first table.
///
/// ```
/// use core::time::Duration;
/// use dormouse_core::retry::{connect_ended, Memory, Next};
/// use dormouse_core::ConnectFault;
///
/// let (memory, next) = connect_ended(Memory::default(), Err(ConnectFault::Status(500)));
/// assert_eq!(next, Next::Connect(Duration::from_secs(1)));
/// assert_eq!(memory.backoff, Duration::from_secs(2));
/// ```
#[must_use]
pub fn connect_ended(mut memory: Memory, result: Result<(), ConnectFault>) -> (Memory, Next) {
    let next = match result {
        Ok(()) => {
            memory = Memory::default();
            Next::Watch
        }
        Err(ConnectFault::Unauthorized) => Next::Unauthorized,
        Err(ConnectFault::Conflict) => {
            memory.previous_lease = None;
            Next::Connect(PAUSE)
        }
        Err(ConnectFault::NotEventStream) => Next::Connect(PAUSE),
        Err(
            ConnectFault::Status(_)
            | ConnectFault::Compressed
            | ConnectFault::Transport(_)
            | ConnectFault::Ended
            | ConnectFault::HelloTimeout { .. }
            | ConnectFault::Hello(_)
            | ConnectFault::Limit(_),
        ) => memory.double(),
    };
    (memory, next)
}

/// A watch ended: the second table.
///
/// `lease` is the lease it held, `ran` the time since its `hello`, and `interval` its heartbeat interval.
#[must_use]
pub fn watch_ended(
    mut memory: Memory,
    lease: LeaseId,
    outcome: Outcome,
    ran: Duration,
    interval: Duration,
) -> (Memory, Next) {
    const AT_ONCE: Next = Next::Connect(Duration::ZERO);
    let next = match outcome {
        Outcome::Wake => Next::HandOver,
        Outcome::ReadTimeout
        | Outcome::Hint(_)
        | Outcome::Ended
        | Outcome::HeartbeatLost(HeartbeatLoss::Failed) => {
            memory.previous_lease = Some(lease);
            AT_ONCE
        }
        Outcome::Stream(_) => {
            memory.previous_lease = Some(lease);
            if ran >= interval { AT_ONCE } else { memory.double() }
        }
        Outcome::HeartbeatLost(HeartbeatLoss::Taken) => {
            memory.previous_lease = None;
            Next::Connect(PAUSE)
        }
        Outcome::HeartbeatLost(HeartbeatLoss::Gone) => {
            memory.previous_lease = None;
            AT_ONCE
        }
        Outcome::HeartbeatLost(HeartbeatLoss::Unauthorized) => Next::Unauthorized,
        Outcome::HeartbeatLost(HeartbeatLoss::Cancelled) => Next::Cancelled,
    };
    (memory, next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Hint;
    use crate::error::{Field, StreamFault, TransportFault, WireFault};
    use crate::sse::LimitExceeded;

    const AT_ONCE: Next = Next::Connect(Duration::ZERO);
    const INTERVAL: Duration = Duration::from_secs(30);

    fn lease(id: &str) -> LeaseId {
        LeaseId::new(id).expect("a lease id")
    }

    /// A memory in which nothing is as at first, so that a row that touches too much is seen.
    fn used() -> Memory {
        Memory { previous_lease: Some(lease("old")), backoff: Duration::from_secs(8) }
    }

    fn old(backoff: u64) -> Memory {
        Memory { previous_lease: Some(lease("old")), backoff: Duration::from_secs(backoff) }
    }

    fn this(backoff: u64) -> Memory {
        Memory { previous_lease: Some(lease("this")), backoff: Duration::from_secs(backoff) }
    }

    fn none(backoff: u64) -> Memory {
        Memory { previous_lease: None, backoff: Duration::from_secs(backoff) }
    }

    fn watch(outcome: Outcome) -> (Memory, Next) {
        watch_ended(used(), lease("this"), outcome, INTERVAL * 4, INTERVAL)
    }

    #[test]
    fn connect_hello_clears_the_lease_and_resets_the_backoff() {
        assert_eq!(connect_ended(used(), Ok(())), (none(1), Next::Watch));
    }

    #[test]
    fn connect_401_stops_and_touches_nothing() {
        assert_eq!(
            connect_ended(used(), Err(ConnectFault::Unauthorized)),
            (old(8), Next::Unauthorized)
        );
    }

    #[test]
    fn connect_409_clears_the_lease_and_pauses_with_the_backoff_as_it_was() {
        assert_eq!(
            connect_ended(used(), Err(ConnectFault::Conflict)),
            (none(8), Next::Connect(PAUSE))
        );
    }

    #[test]
    fn connect_that_is_no_event_stream_pauses_and_touches_nothing() {
        assert_eq!(
            connect_ended(used(), Err(ConnectFault::NotEventStream)),
            (old(8), Next::Connect(PAUSE))
        );
    }

    #[test]
    fn connect_faults_of_every_other_kind_double_and_keep_the_lease() {
        for fault in [
            ConnectFault::Status(204),
            ConnectFault::Status(302),
            ConnectFault::Status(500),
            ConnectFault::Compressed,
            ConnectFault::Transport(TransportFault::Resolve),
            ConnectFault::Ended,
            ConnectFault::HelloTimeout { opened: false },
            ConnectFault::HelloTimeout { opened: true },
            ConnectFault::Hello(WireFault::Missing(Field::WatchLeaseId)),
            ConnectFault::Limit(LimitExceeded::Line),
        ] {
            let eight = Next::Connect(Duration::from_secs(8));
            assert_eq!(connect_ended(used(), Err(fault)), (old(16), eight), "{fault:?}");
        }
    }

    #[test]
    fn the_backoff_is_capped_after_twenty_doublings() {
        let mut memory = Memory::default();
        let mut delays = alloc::vec::Vec::new();
        for _ in 0..20 {
            let (after, next) = connect_ended(memory, Err(ConnectFault::Ended));
            let Next::Connect(delay) = next else { panic!("{next:?}") };
            delays.push(delay.as_secs());
            memory = after;
        }
        assert_eq!(delays[..6], [1, 2, 4, 8, 16, 30]);
        assert!(delays[6..].iter().all(|delay| *delay == 30), "{delays:?}");
        assert_eq!(memory.backoff, BACKOFF_MOST);
    }

    #[test]
    fn watch_wake_hands_over_and_touches_nothing() {
        assert_eq!(watch(Outcome::Wake), (old(8), Next::HandOver));
    }

    #[test]
    fn watch_read_timeout_keeps_this_lease_and_connects_at_once() {
        assert_eq!(watch(Outcome::ReadTimeout), (this(8), AT_ONCE));
    }

    #[test]
    fn watch_hints_are_decided_as_a_read_timeout() {
        for hint in [Hint::NetworkChanged, Hint::Resumed] {
            assert_eq!(watch(Outcome::Hint(hint)), watch(Outcome::ReadTimeout));
        }
    }

    #[test]
    fn watch_ended_cleanly_keeps_this_lease_and_connects_at_once() {
        assert_eq!(watch(Outcome::Ended), (this(8), AT_ONCE));
    }

    #[test]
    fn watch_stream_error_depends_on_whether_it_ran_one_interval() {
        for fault in [
            StreamFault::Transport(TransportFault::Broken),
            StreamFault::Wake(WireFault::Json),
            StreamFault::Limit(LimitExceeded::Data),
        ] {
            let ended =
                |ran| watch_ended(used(), lease("this"), Outcome::Stream(fault), ran, INTERVAL);
            let early = Next::Connect(Duration::from_secs(8));
            let instant = Duration::from_millis(1);
            assert_eq!(ended(Duration::ZERO), (this(16), early));
            assert_eq!(ended(INTERVAL - instant), (this(16), early));
            assert_eq!(ended(INTERVAL), (this(8), AT_ONCE), "exactly one interval is enough");
            assert_eq!(ended(INTERVAL + instant), (this(8), AT_ONCE));
        }
    }

    #[test]
    fn watch_heartbeat_409_clears_the_lease_and_pauses() {
        let lost = Outcome::HeartbeatLost(HeartbeatLoss::Taken);
        assert_eq!(watch(lost), (none(8), Next::Connect(PAUSE)));
    }

    #[test]
    fn watch_heartbeat_410_clears_the_lease_and_connects_at_once() {
        assert_eq!(watch(Outcome::HeartbeatLost(HeartbeatLoss::Gone)), (none(8), AT_ONCE));
    }

    #[test]
    fn watch_heartbeat_401_stops_and_touches_nothing() {
        let lost = Outcome::HeartbeatLost(HeartbeatLoss::Unauthorized);
        assert_eq!(watch(lost), (old(8), Next::Unauthorized));
    }

    #[test]
    fn watch_heartbeats_failed_keep_this_lease_and_connect_at_once() {
        assert_eq!(watch(Outcome::HeartbeatLost(HeartbeatLoss::Failed)), (this(8), AT_ONCE));
    }

    #[test]
    fn watch_heartbeats_cancelled_stop_and_touch_nothing() {
        let lost = Outcome::HeartbeatLost(HeartbeatLoss::Cancelled);
        assert_eq!(watch(lost), (old(8), Next::Cancelled));
    }
}
