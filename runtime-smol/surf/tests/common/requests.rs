//! The transport without a watch.

#![allow(clippy::expect_used, reason = "a test may")]

use std::future::{Future, poll_fn};
use std::time::Duration;

use dormouse_core::driver::{Body as _, Transport as _, TransportError};
use dormouse_core::{Action, Config, Head, Input, Request, Timestamp, Token, Watch};
use dormouse_surf::{SurfBody, SurfTransport};

/// The two requests as the machine makes them.
pub(crate) fn requests(base: &str) -> (Request, Request) {
    let config = Config::new(base).build().expect("a config");
    let start = Timestamp::ORIGIN;
    let token = Token::new("canary-device-token").expect("a token");
    let mut machine = Watch::new(config, token, 1, start);
    let (mut watch, mut now) = (None, start);
    loop {
        match machine.poll() {
            Action::Connect { attempt, request } => {
                let headers = [("content-type", b"text/event-stream".as_slice())];
                machine.handle(now, Input::Head { attempt, head: Head::read(200, headers) });
                let hello = dormouse_testkit::wire::hello("l", 1000);
                machine.handle(now, Input::Data { attempt, bytes: hello.as_bytes() });
                watch = Some(request);
            }
            Action::Heartbeat { request, .. } => return (watch.expect("it connected"), request),
            Action::Sleep { until } => {
                now = until.expect("a deadline");
                machine.handle(now, Input::Tick);
            }
            _ => {}
        }
    }
}

pub(crate) async fn open(base: &str) -> Result<(Head, SurfBody), TransportError> {
    SurfTransport::new().expect("a client").open(requests(base).0).await
}

pub(crate) async fn next(body: &mut SurfBody) -> Option<Result<Vec<u8>, TransportError>> {
    poll_fn(|cx| body.poll_chunk(cx)).await
}

/// What came of a body, and how it ended: `None` is properly.
pub(crate) async fn read(body: &mut SurfBody) -> (String, Option<TransportError>) {
    let mut text = Vec::new();
    loop {
        match next(body).await {
            Some(Ok(chunk)) => text.extend(chunk),
            end => return (String::from_utf8(text).expect("text"), end.and_then(Result::err)),
        }
    }
}

/// Whether nothing comes of it in a while.
pub(crate) async fn hangs<T>(future: impl Future<Output = T>) -> bool {
    let some = async { Some(future.await) };
    let late = async {
        async_std::task::sleep(Duration::from_millis(500)).await;
        None
    };
    // In this order: to be polled because the time is up does not count.
    futures_lite::future::or(late, some).await.is_none()
}
