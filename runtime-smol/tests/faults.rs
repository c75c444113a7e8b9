//! The adapter against a server that misbehaves: what the transport sees has to reach the machine as what
//! it is, and nothing may stay open. The table is the testkit's, and every adapter's.

use std::error::Error;
use std::future::Future;

use dormouse_smol::core::journal::Recorder;
use dormouse_smol::{Event, Handle, Watch};
use dormouse_testkit::faults::{Client, Observer, Sink};

struct Smol;

impl Client for Smol {
    type Watch = Watch;

    fn watch(
        url: &str,
        token: &str,
        observer: Observer,
        journal: Sink,
    ) -> Result<Watch, Box<dyn Error>> {
        let builder = Watch::builder(url).token(token).observe(observer);
        Ok(builder.journal(Recorder::DEFAULT_LIMIT, journal).start()?)
    }

    fn handle(watch: &Watch) -> Handle {
        watch.handle()
    }

    fn next(watch: &mut Watch) -> impl Future<Output = Option<Event>> {
        watch.next()
    }

    fn block_on(future: impl Future<Output = ()>) {
        smol::block_on(future);
    }
}

dormouse_testkit::faults!(Smol);

#[test]
fn a_watch_without_a_token_is_refused() {
    let refused = Watch::builder("http://localhost").start().expect_err("refused");
    assert_eq!(refused.to_string(), "no token was given");
}
