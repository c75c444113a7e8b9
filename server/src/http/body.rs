//! The body of an open watch: one sleep and one waker, no task and no channel.
//!
//! It is polled by the connection that carries it. What it gives out is in the connection's hands;
//! what it has not given out is still in the table, so dropping it at any point loses nothing. The
//! drop itself is how the server notices at once that a client has gone.

use core::convert::Infallible;
use core::future::Future as _;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep, sleep_until};

use super::hub::{Grant, Hub, Next};
use crate::lease::LeaseId;
use crate::{frame, load};

#[derive(Debug)]
pub(crate) struct WatchBody {
    hub: Arc<Hub>,
    device: Arc<str>,
    lease: LeaseId,
    stage: Stage,
    /// The reconnect window that the client was told last.
    window: Duration,
    comment_at: Instant,
    sleep: Pin<Box<Sleep>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Hello,
    Idle,
    Done,
}

impl WatchBody {
    pub(crate) fn new(
        hub: Arc<Hub>,
        device: Arc<str>,
        Grant { lease, window }: Grant,
    ) -> WatchBody {
        let comment_at = Instant::now() + hub.config.comment_interval;
        let sleep = Box::pin(sleep_until(comment_at));
        WatchBody { hub, device, lease, stage: Stage::Hello, window, comment_at, sleep }
    }

    fn hello(&self) -> Bytes {
        let config = &self.hub.config;
        frame::hello(
            self.window,
            &self.lease,
            config.device_wait_for_viewer,
            config.heartbeat_interval,
        )
        .into()
    }

    /// What is due at this instant on an idle stream: a comment, and a new window where the fleet
    /// has grown or shrunk so much that the old one misleads.
    fn sign_of_life(&mut self, now: Instant, window: Duration) -> Bytes {
        self.comment_at = now + self.hub.config.comment_interval;
        if load::misleads(self.window, window) {
            self.window = window;
            return frame::retry(window).into();
        }
        Bytes::from_static(frame::COMMENT.as_bytes())
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match self.stage {
            Stage::Hello => {
                self.stage = Stage::Idle;
                return Poll::Ready(Some(self.hello()));
            }
            Stage::Idle => {}
            Stage::Done => return Poll::Ready(None),
        }
        loop {
            let last = match self.hub.turn(&self.device, &self.lease, cx.waker()) {
                Next::Wake(wake) => {
                    Some(frame::wake(&wake.url, &wake.token, wake.session.as_deref()).into())
                }
                Next::Drain(window) => Some(frame::retry(window).into()),
                Next::Over => None,
                Next::Idle { until, window } => {
                    let now = Instant::now();
                    if self.comment_at <= now {
                        return Poll::Ready(Some(self.sign_of_life(now, window)));
                    }
                    let deadline = until.min(self.comment_at);
                    self.sleep.as_mut().reset(deadline);
                    ready!(self.sleep.as_mut().poll(cx));
                    continue;
                }
            };
            self.stage = Stage::Done;
            return Poll::Ready(last);
        }
    }
}

impl Body for WatchBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.get_mut().poll_bytes(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

impl Drop for WatchBody {
    fn drop(&mut self) {
        self.hub.close(&self.device, &self.lease, self.stage != Stage::Hello);
    }
}
