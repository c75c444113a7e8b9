//! surf against the server that misbehaves, with smol and with async-std to run it: the testkit's table, as
//! for every transport. Two of its scenarios come out otherwise with surf, and stand in `tests/limits.rs`; every
//! other is named here, and a test sees to it.

#![allow(clippy::expect_used, reason = "a test may")]

use std::error::Error;
use std::future::Future;
use std::marker::PhantomData;

use dormouse_smol::core::journal::Recorder;
use dormouse_smol::{Event, Handle, Watch};
use dormouse_surf::SurfTransport;
use dormouse_testkit::faults::{Client, Observer, Sink};

/// What runs the watch.
trait Executor: 'static {
    fn block_on(future: impl Future<Output = ()>);
}

struct Smol;

impl Executor for Smol {
    fn block_on(future: impl Future<Output = ()>) {
        smol::block_on(future);
    }
}

struct AsyncStd;

impl Executor for AsyncStd {
    fn block_on(future: impl Future<Output = ()>) {
        async_std::task::block_on(future);
    }
}

struct Surf<E>(PhantomData<E>);

impl<E: Executor> Client for Surf<E> {
    type Watch = Watch<SurfTransport>;

    const NEEDS_FRAMING: bool = true;

    fn watch(
        url: &str,
        token: &str,
        observer: Observer,
        journal: Sink,
    ) -> Result<Self::Watch, Box<dyn Error>> {
        let builder = Watch::builder(url).token(token).observe(observer);
        let builder = builder.journal(Recorder::DEFAULT_LIMIT, journal);
        Ok(builder.transport(SurfTransport::new()?).start()?)
    }

    fn handle(watch: &Self::Watch) -> Handle {
        watch.handle()
    }

    fn next(watch: &mut Self::Watch) -> impl Future<Output = Option<Event>> {
        watch.next()
    }

    fn block_on(future: impl Future<Output = ()>) {
        E::block_on(future);
    }
}

macro_rules! under {
    ($($executor:ident: $client:ty;)+) => {
        $(mod $executor {
            use super::*;

            dormouse_testkit::faults!($client:
                a_port_that_nobody_listens_on_is_no_connection
                a_name_that_there_is_not_cannot_be_looked_up
                a_connection_reset_before_the_head_is_broken
                every_status_reaches_the_machine_as_it_is
                a_401_stops_the_watch
                retry_after_is_read_from_the_head
                no_redirect_is_followed_and_no_credential_leaves
                a_stream_that_ends_before_hello_is_told_from_one_that_is_cut
                a_malformed_hello_is_named
                hello_numbers_are_clamped
                a_line_without_end_is_given_up_at_its_limit
                a_wake_counts_after_hello_only_and_once
                a_wake_cut_at_any_byte_never_acts
                a_malformed_wake_breaks_the_stream
                what_a_heartbeat_is_answered_decides
                a_heartbeat_that_is_redirected_or_fails_refreshes_nothing
                a_heartbeat_that_is_never_answered_is_abandoned
                stopping_and_dropping_close_everything
                a_stop_is_prompt_while_connecting_and_while_waiting
                the_future_of_the_next_event_can_be_dropped_at_any_time
                bad_settings_are_refused_at_the_start
            );
        })+
    };
}

under! {
    under_smol: Surf<Smol>;
    under_async_std: Surf<AsyncStd>;
}

/// What the table has and this file does not, by name, so that a scenario that is new is not left out.
#[test]
fn every_scenario_is_named() {
    let manifest = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(manifest.join(path)).expect("text");
    let own = read("tests/faults.rs") + &read("tests/limits.rs");
    let table = read("../../testkit/src/faults.rs");
    let scenarios: Vec<_> = table
        .lines()
        .filter_map(|line| line.strip_prefix("pub fn ")?.split_once("<C: Client>"))
        .map(|(name, _)| name)
        .collect();
    assert!(scenarios.len() > 20, "{scenarios:?}");
    for name in scenarios {
        assert!(
            own.contains(&format!("    {name}\n")) || own.contains(&format!("fn {name}()")),
            "{name}"
        );
    }
}
