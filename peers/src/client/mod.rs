//! The loops, one file each, and what those over general clients share: the protocol's messages and its
//! heartbeats, which are the application's whatever library reads the stream.
//!
//! Each general client comes twice: `readme` is configured as the library's own README shows it, `tuned`
//! with everything it offers that bears on these faults. The loop around it is the same.

mod dormouse;
mod eventsource_client;
mod heartbeat;
mod reqwest_eventsource;

use std::process::ExitCode;
use std::time::Duration;

use dormouse_tokio::TokioTransport;
use launchdarkly_sdk_transport::HyperTransport;
use serde::Deserialize;

/// The device's token. Where it is seen at another origin, a credential has left.
pub const TOKEN: &str = "canary-device-token";
/// Where the true wake leads.
pub const WAKE_URL: &str = "ws://127.0.0.1:9/room";
/// What opens it.
pub const WAKE_TOKEN: &str = "canary-wake-token";

/// What a library that is asked to reconnect uses as its bounds when tuned: the protocol's (section 4).
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// Where a tuned client can be given one: section 8 asks for "some seconds".
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For silence of the connection: more than the 25 s that the servers' interval of 10 s asks for, since
/// such a limit has to be set before the interval is known.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// When a library has closed its stream for good and the device must be reachable all the same.
const RESTART: Duration = Duration::from_secs(5);
/// Section 4: another client holds the lease.
const TAKEN: Duration = Duration::from_secs(30);

/// How the library is configured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Settings {
    /// As its README shows it.
    Readme,
    /// With everything it offers that bears on the faults.
    Tuned,
}

/// A loop and its settings.
#[derive(Clone, Copy)]
pub enum Loop {
    /// dormouse-tokio.
    Dormouse,
    /// eventsource-client.
    EventsourceClient(Settings),
    /// reqwest-eventsource.
    ReqwestEventsource(Settings),
}

/// Which device a loop is to be, and with what it speaks.
#[derive(Clone, Copy)]
pub struct Device<'a> {
    /// The base URL of the service.
    pub base: &'a str,
    /// The device's token.
    pub token: &'a str,
    /// What it shares with other devices in the process, if it does: otherwise it has a client of its own.
    pub shared: Option<&'a Shared>,
}

impl Device<'_> {
    fn watch_url(&self) -> String {
        format!("{}/v1/watch?protocolVersion=2.2.0", self.base)
    }

    fn heartbeat_url(&self) -> String {
        format!("{}/v1/watch/heartbeat", self.base)
    }

    fn authorization(&self) -> String {
        format!("Bearer {}", self.token)
    }
}

/// One HTTP client, or what stands for one, for many loops of a kind.
pub struct Shared {
    dormouse: TokioTransport,
    /// Of the loops over general clients: for the heartbeats, and where the library is made for it for the stream.
    http: reqwest::Client,
    hyper: HyperTransport,
}

impl Loop {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 5] = [
        Self::Dormouse,
        Self::EventsourceClient(Settings::Readme),
        Self::EventsourceClient(Settings::Tuned),
        Self::ReqwestEventsource(Settings::Readme),
        Self::ReqwestEventsource(Settings::Tuned),
    ];

    /// Its name, as tables have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dormouse => "dormouse-tokio",
            Self::EventsourceClient(Settings::Readme) => "eventsource-client, readme",
            Self::EventsourceClient(Settings::Tuned) => "eventsource-client, tuned",
            Self::ReqwestEventsource(Settings::Readme) => "reqwest-eventsource, readme",
            Self::ReqwestEventsource(Settings::Tuned) => "reqwest-eventsource, tuned",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|client| client.name() == name)
    }

    /// What many of it can share in one process.
    ///
    /// # Errors
    ///
    /// If a client cannot be made.
    pub fn shared(self) -> Result<Shared, Failure> {
        let settings = match self {
            Self::Dormouse => Settings::Readme,
            Self::EventsourceClient(settings) | Self::ReqwestEventsource(settings) => settings,
        };
        Ok(Shared {
            dormouse: TokioTransport::new(true)?,
            http: match self {
                Self::ReqwestEventsource(_) => reqwest_eventsource::http(settings)?,
                _ => reqwest::Client::new(),
            },
            hyper: eventsource_client::transport()?,
        })
    }

    /// Keeps the protocol until the wake comes, or until the token is refused.
    ///
    /// # Errors
    ///
    /// What has nothing to do with the server: a URL that cannot be parsed, say.
    pub async fn run(self, device: Device<'_>) -> Result<Ending, Failure> {
        // Each in a box, or the future of any would be as large as the largest.
        match self {
            Self::Dormouse => Box::pin(dormouse::run(device)).await,
            Self::EventsourceClient(settings) => {
                Box::pin(eventsource_client::run(device, settings)).await
            }
            Self::ReqwestEventsource(settings) => {
                Box::pin(reqwest_eventsource::run(device, settings)).await
            }
        }
    }
}

/// How a loop came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The wake came.
    Woken,
    /// The token was refused, which is final.
    Refused,
}

impl Ending {
    const fn code(self) -> u8 {
        match self {
            Self::Woken => 0,
            Self::Refused => 3,
        }
    }

    /// From a process's exit code.
    pub fn from_code(code: i32) -> Option<Self> {
        [Self::Woken, Self::Refused].into_iter().find(|ending| i32::from(ending.code()) == code)
    }
}

/// Something that none of this is about: a URL that cannot be parsed, say.
pub type Failure = Box<dyn std::error::Error>;

/// The process of a cell's client.
pub fn main(name: &str, base: &str) -> ExitCode {
    let ended = || -> Result<Ending, Failure> {
        let client = Loop::named(name).ok_or("no such client")?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(client.run(Device { base, token: TOKEN, shared: None }))
    };
    match ended() {
        Ok(ending) => ExitCode::from(ending.code()),
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// How one stream of a general client came to its end.
enum Over {
    /// With the loop.
    For(Ending),
    /// To begin anew after so long.
    Again(Duration),
}

/// The first event's data.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hello {
    watch_lease_id: String,
    heartbeat_interval_ms: u64,
}

impl Hello {
    fn interval(&self) -> Duration {
        Duration::from_millis(self.heartbeat_interval_ms.max(1_000))
    }
}

/// What an event means to the loop.
enum Event {
    Hello(Hello),
    Wake,
    Other,
}

impl Event {
    /// What cannot be read is passed over.
    fn read(kind: &str, data: &str) -> Self {
        #[derive(Deserialize)]
        struct Wake {
            url: String,
            token: String,
        }
        match kind {
            "hello" => serde_json::from_str(data).map_or(Self::Other, Self::Hello),
            "wake" => match serde_json::from_str::<Wake>(data) {
                Ok(wake) if wake.url == WAKE_URL && wake.token == WAKE_TOKEN => Self::Wake,
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }
}
