//! Who says what of a token, through the `log` crate that async-h1 logs with.

#![allow(clippy::expect_used, reason = "a test may")]

#[allow(dead_code, reason = "it needs no more of it")]
#[path = "common/requests.rs"]
mod requests;

use std::sync::Mutex;

use dormouse_core::driver::Transport as _;
use dormouse_surf::SurfTransport;
use dormouse_testkit::FaultServer;
use dormouse_testkit::wire::status;

static TOLD: Mutex<Vec<(log::Level, String)>> = Mutex::new(Vec::new());

struct Listener;

impl log::Log for Listener {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.args().to_string().contains("canary") {
            let told = (record.level(), record.target().to_owned());
            TOLD.lock().expect("nobody panics here").push(told);
        }
    }

    fn flush(&self) {}
}

#[test]
fn a_token_is_logged_by_async_h1_and_at_trace_alone() {
    log::set_logger(&Listener).expect("the only one");
    log::set_max_level(log::LevelFilter::Trace);
    let server = FaultServer::start(|_| status("204 No Content"), |_| status("204 No Content"));
    let server = server.expect("a port");
    let (watch, heartbeat) = requests::requests(&server.url());
    smol::block_on(async {
        let mut transport = SurfTransport::new().expect("a client");
        let (_, mut body) = transport.open(watch).await.expect("an answer");
        assert_eq!(requests::read(&mut body).await.1, None);
        assert_eq!(transport.post(heartbeat).await, Ok(204));
    });
    let told = TOLD.lock().expect("nobody panics here");
    assert!(!told.is_empty(), "upstream has stopped it: the README can stop warning of it");
    for (level, target) in told.iter() {
        assert_eq!((*level, target.starts_with("async_h1")), (log::Level::Trace, true), "{target}");
    }
}
