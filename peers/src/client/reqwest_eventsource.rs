//! A loop over reqwest-eventsource: the library reconnects after errors of the connection and closes for good
//! after any status but 200 and any media type but its own, as browsers do; the loop begins anew then, since
//! a device must stay reachable, and keeps the heartbeats and the two answers that are final.
//!
//! * `readme`: `reqwest::Client::new()`, as `EventSource::get` makes one, and the default policy: retry after
//!   300 ms, doubling to 5 s. No time limits; ten redirects, without the token where they leave the origin.
//! * `tuned`: the protocol's backoff of 1 s to 30 s; reqwest's own limits of 10 s to connect and 30 s of silence;
//!   no redirects. (Comments are not shown to the application, so a deadline on whole lines cannot be kept.)

use futures_util::StreamExt as _;
use reqwest::redirect::Policy;
use reqwest_eventsource::retry::ExponentialBackoff;
use reqwest_eventsource::{Error, EventSource};
use tokio::time::sleep;

use super::heartbeat::Heartbeats;
use super::{
    BACKOFF, CONNECT_TIMEOUT, Device, Ending, Event, Failure, Over, READ_TIMEOUT, RESTART, Settings,
};

pub(super) async fn run(device: Device<'_>, settings: Settings) -> Result<Ending, Failure> {
    let http = match device.shared {
        Some(shared) => shared.http.clone(),
        None => http(settings)?,
    };
    loop {
        match stream(device, &http, settings).await? {
            Over::For(ending) => return Ok(ending),
            Over::Again(wait) => sleep(wait).await,
        }
    }
}

pub(super) fn http(settings: Settings) -> Result<reqwest::Client, Failure> {
    Ok(match settings {
        Settings::Readme => reqwest::Client::new(),
        Settings::Tuned => reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .redirect(Policy::none())
            .build()?,
    })
}

async fn stream(
    device: Device<'_>,
    http: &reqwest::Client,
    settings: Settings,
) -> Result<Over, Failure> {
    let request = http.get(device.watch_url()).header("authorization", device.authorization());
    let mut source = EventSource::new(request)?;
    if settings == Settings::Tuned {
        let (first, longest) = BACKOFF;
        let policy = ExponentialBackoff::new(first, 2.0, Some(longest), None);
        source.set_retry_policy(Box::new(policy));
    }
    let mut heartbeats = Heartbeats::NONE;
    loop {
        let item = tokio::select! {
            item = source.next() => item,
            over = heartbeats.lost() => return over,
        };
        match item {
            None => return Ok(Over::Again(RESTART)),
            Some(Ok(reqwest_eventsource::Event::Open)) => {}
            Some(Ok(reqwest_eventsource::Event::Message(message))) => {
                match Event::read(&message.event, &message.data) {
                    Event::Hello(hello) => {
                        heartbeats = Heartbeats::start(http, device, &hello);
                    }
                    Event::Wake => return Ok(Over::For(Ending::Woken)),
                    Event::Other => {}
                }
            }
            Some(Err(Error::InvalidStatusCode(status, _))) if status == 401 => {
                return Ok(Over::For(Ending::Refused));
            }
            // The library reconnects, or says that it has closed.
            Some(Err(_)) => heartbeats = Heartbeats::NONE,
        }
    }
}
