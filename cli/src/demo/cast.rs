//! The players: a server that can be killed and come back, a device, its twin, and an operator.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use dormouse_core::{Secret, Token};
use dormouse_server::{Config, Directory, Running, Server};
use dormouse_tokio::{Event, Watch};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use crate::failure::Failure;
use crate::operator::{Answer, Operator, Order};
use crate::secrets;
use crate::seen::{Observer, Seen};

/// The device's name.
pub(super) const DEVICE: &str = "laptop";
/// The shortest that there is, so that heartbeats are seen.
pub(super) const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);
/// How long the device is busy after a wake.
const WORK: Duration = Duration::from_millis(700);

/// What is heard of the device.
#[derive(Debug)]
pub(super) enum Heard {
    Seen(Seen),
    Woken { url: String },
    Done,
}

/// Something heard, and when it was said.
pub(super) type Said = (Instant, Heard);

/// A directory of its own for the server's state, gone when the story is over.
pub(super) struct Place(PathBuf);

impl Place {
    pub(super) fn new() -> Result<Self, Failure> {
        let name = format!("dormouse-demo-{}", secrets::random()?);
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path)
            .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
        Ok(Self(path))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Where the server runs, time and again, always on the port that it got first.
pub(super) struct Host {
    place: Place,
    address: OnceLock<SocketAddr>,
    device_token: String,
    operator_token: String,
}

impl Host {
    pub(super) fn new(place: Place) -> Result<Self, Failure> {
        Ok(Self {
            place,
            address: OnceLock::new(),
            device_token: secrets::random()?,
            operator_token: secrets::random()?,
        })
    }

    pub(super) fn device_token(&self) -> &str {
        &self.device_token
    }

    pub(super) fn base(&self) -> Result<String, Failure> {
        let address = self.address.get();
        address
            .map(|address| format!("http://{address}"))
            .ok_or_else(|| Failure::failed("the server has not run yet"))
    }

    /// Serves with nothing left of an earlier run but its state file, as a new process would.
    pub(super) async fn serve(&self) -> Result<Running, Failure> {
        let failed = |error: &dyn std::error::Error| {
            Failure::failed(format!("the server cannot run: {error}"))
        };
        let directory = Directory::new()
            .device(DEVICE, &self.device_token)
            .and_then(|directory| directory.operator(&self.operator_token))
            .map_err(|error| failed(&error))?;
        let config = Config::builder(directory)
            .heartbeat_interval(HEARTBEAT_INTERVAL)
            .device_wait_for_viewer(Duration::from_secs(5))
            .state_file(self.place.0.join("leases"))
            .build()
            .map_err(|error| failed(&error))?;
        let address =
            self.address.get().copied().unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 0).into());
        let listener = TcpListener::bind(address).await.map_err(|error| failed(&error))?;
        let server = Server::new(config).map_err(|error| failed(&error))?;
        let running = server.spawn(listener).map_err(|error| failed(&error))?;
        self.address.get_or_init(|| running.local_addr());
        Ok(running)
    }

    pub(super) fn operator(&self, base: &str) -> Result<Caller, Failure> {
        let token = Token::new(self.operator_token.as_str())
            .map_err(|error| Failure::failed(error.to_string()))?;
        Ok(Caller(Operator::new(base, "Bearer", token)?))
    }
}

/// The operator.
pub(super) struct Caller(Operator);

impl Caller {
    pub(super) fn order(&self) -> Result<Order, Failure> {
        Ok(Order {
            url: format!("wss://relay.example/{}", &secrets::random()?[..8]),
            token: Secret::new(secrets::random()?),
            session: None,
        })
    }

    pub(super) async fn wake(&self, order: &Order) -> Result<Answer, Failure> {
        self.0.wake(DEVICE, order).await
    }
}

/// Puts the device to sleep, in a task of its own.
pub(super) fn device(
    base: &str,
    token: &str,
    ear: UnboundedSender<Said>,
) -> Result<JoinHandle<()>, Failure> {
    let (mut observer, eyes) = (Observer::default(), ear.clone());
    let mut watch = Watch::builder(base)
        .token(token)
        .observe(move |_, note| {
            if let Some(seen) = observer.see(note) {
                let _ = eyes.send((Instant::now(), Heard::Seen(seen)));
            }
        })
        .start()
        .map_err(|error| Failure::failed(format!("the device cannot watch: {error}")))?;
    Ok(tokio::spawn(async move {
        while let Some(event) = watch.next().await {
            if let Event::Wake(wake) = event {
                let at = Instant::now();
                let _ = ear.send((at, Heard::Woken { url: wake.url.to_string() }));
                tokio::time::sleep(WORK).await;
                let _ = ear.send((Instant::now(), Heard::Done));
            }
        }
    }))
}

/// Has a second device come with the same token, which the server is to refuse. Says how it was.
pub(super) async fn twin(base: &str, token: &str) -> Result<String, Failure> {
    let (ear, mut heard) = unbounded_channel();
    let device = device(base, token, ear)?;
    let refused = async {
        while let Some((_, said)) = heard.recv().await {
            match said {
                Heard::Seen(Seen::Ended { fault, .. }) => return Some(fault.words()),
                Heard::Seen(Seen::Connected { .. }) => return None,
                _ => {}
            }
        }
        None
    };
    let refused = tokio::time::timeout(Duration::from_secs(3), refused).await.ok().flatten();
    device.abort();
    match refused {
        Some(words) => Ok(format!("comes with the same token, and is turned away: {words}")),
        None => Err(Failure::failed("a second device with the same token was not turned away")),
    }
}
