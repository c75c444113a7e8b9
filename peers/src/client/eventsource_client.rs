//! A loop over eventsource-client with its own hyper transport: the library reconnects, backs off and
//! follows redirects; the loop keeps the heartbeats and the two answers that are final.
//!
//! * `readme`: the Quick Start's transport (10 s to connect, 30 s of silence) and the builder's defaults:
//!   reconnect after 1 s, doubling to 60 s, jittered, but not where the very first connect fails; follow 16 redirects.
//! * `tuned`: retry the first connect too, at most 30 s apart; follow no redirect; and, since the library shows
//!   comments to the application, the protocol's read deadline of 2.5 intervals on whole lines.

use std::time::Duration;

use eventsource_client::{Client as _, ClientBuilder, Error, ReconnectOptions, SSE};
use futures_util::StreamExt as _;
use launchdarkly_sdk_transport::HyperTransport;
use tokio::time::{sleep, timeout};

use super::heartbeat::Heartbeats;
use super::{
    BACKOFF, CONNECT_TIMEOUT, Device, Ending, Event, Failure, Over, READ_TIMEOUT, RESTART, Settings,
};

pub(super) async fn run(device: Device<'_>, settings: Settings) -> Result<Ending, Failure> {
    let http = device.shared.map_or_else(reqwest::Client::new, |shared| shared.http.clone());
    loop {
        match stream(device, &http, settings).await? {
            Over::For(ending) => return Ok(ending),
            Over::Again(wait) => sleep(wait).await,
        }
    }
}

pub(super) fn transport() -> Result<HyperTransport, Failure> {
    let builder = HyperTransport::builder();
    Ok(builder.connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT).build_http()?)
}

fn client(
    device: Device<'_>,
    settings: Settings,
) -> Result<impl eventsource_client::Client, Failure> {
    let transport = match device.shared {
        Some(shared) => shared.hyper.clone(),
        None => transport()?,
    };
    let builder = ClientBuilder::for_url(&device.watch_url()).map_err(plain)?;
    let mut builder = builder.header("Authorization", &device.authorization()).map_err(plain)?;
    if settings == Settings::Tuned {
        let reconnect = ReconnectOptions::reconnect(true)
            .retry_initial(true)
            .delay(BACKOFF.0)
            .delay_max(BACKOFF.1)
            .build();
        builder = builder.reconnect(reconnect).redirect_limit(0);
    }
    Ok(builder.build_with_transport(transport))
}

async fn stream(
    device: Device<'_>,
    http: &reqwest::Client,
    settings: Settings,
) -> Result<Over, Failure> {
    let mut stream = client(device, settings)?.stream();
    let mut heartbeats = Heartbeats::NONE;
    // Before hello, and while the library waits to reconnect, there is nothing to expect.
    let mut patience = Duration::MAX;
    loop {
        let item = tokio::select! {
            item = timeout(patience, stream.next()) => item,
            over = heartbeats.lost() => return over,
        };
        match item {
            Err(_) => return Ok(Over::Again(Duration::ZERO)),
            // Closed for good: the first connect failed, or there were too many redirects.
            Ok(None) => return Ok(Over::Again(RESTART)),
            Ok(Some(Ok(SSE::Event(event)))) => match Event::read(&event.event_type, &event.data) {
                Event::Hello(hello) => {
                    heartbeats = Heartbeats::start(http, device, &hello);
                    if settings == Settings::Tuned {
                        patience = hello.interval().mul_f64(2.5);
                    }
                }
                Event::Wake => return Ok(Over::For(Ending::Woken)),
                Event::Other => {}
            },
            Ok(Some(Ok(SSE::Connected(_) | SSE::Comment(_)))) => {}
            Ok(Some(Err(Error::UnexpectedResponse(response, _)))) if response.status() == 401 => {
                return Ok(Over::For(Ending::Refused));
            }
            // The documentation: errors are not terminal, keep polling.
            Ok(Some(Err(_))) => {
                heartbeats = Heartbeats::NONE;
                patience = Duration::MAX;
            }
        }
    }
}

/// The library's error is not `Sync`.
fn plain(error: Error) -> Failure {
    error.to_string().into()
}
