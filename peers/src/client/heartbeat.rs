//! The heartbeats of a lease (protocol.md sections 2.3 and 3), for the loops over general clients: a task
//! beside the stream that posts one every interval, and says when and why it gave up.

use std::future;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::{Device, Ending, Failure, Hello, Over, TAKEN};

/// Heartbeats under way, or none. Dropping them stops them.
pub(super) struct Heartbeats(Option<JoinHandle<Over>>);

impl Heartbeats {
    pub(super) const NONE: Self = Self(None);

    pub(super) fn start(http: &reqwest::Client, device: Device<'_>, hello: &Hello) -> Self {
        let interval = hello.interval();
        let body = serde_json::json!({ "watchLeaseId": hello.watch_lease_id }).to_string();
        let post = http
            .post(device.heartbeat_url())
            .header("authorization", device.authorization())
            .header("content-type", "application/json")
            .timeout(interval.min(Duration::from_secs(10)))
            .body(body);
        Self(Some(tokio::spawn(beat(post, interval))))
    }

    /// Waits until the lease is known to be lost: for ever while there is none.
    pub(super) async fn lost(&mut self) -> Result<Over, Failure> {
        match &mut self.0 {
            Some(task) => Ok(task.await?),
            None => future::pending().await,
        }
    }
}

impl Drop for Heartbeats {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

async fn beat(post: reqwest::RequestBuilder, interval: Duration) -> Over {
    let mut proved = Instant::now();
    loop {
        sleep(interval).await;
        let sent = Instant::now();
        let answer = match post.try_clone() {
            Some(post) => post.send().await.ok().map(|answer| answer.status().as_u16()),
            // Only a streamed body cannot be cloned.
            None => None,
        };
        match answer {
            Some(200..300) => proved = sent,
            Some(401) => return Over::For(Ending::Refused),
            Some(409) => return Over::Again(TAKEN),
            Some(410) => return Over::Again(Duration::ZERO),
            _ if proved.elapsed() >= interval * 3 => return Over::Again(Duration::ZERO),
            _ => {}
        }
    }
}
