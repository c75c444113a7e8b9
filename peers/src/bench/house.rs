//! The server: `dormouse-server` with a device for each client, and what it was asked for counted around it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use bytes::Bytes;
use clap::Args;
use dormouse_peers::client::Failure;
use dormouse_server::{Config, Directory, Server};
use http_body_util::BodyExt as _;
use tokio::net::TcpSocket;
use tokio::runtime::Runtime;

/// What kind of server.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// How many devices it knows
    #[arg(long)]
    pub(crate) devices: usize,
    /// How many watches it lets in each second
    #[arg(long)]
    pub(crate) rate: u32,
    /// The heartbeat interval in milliseconds; a comment comes twice as often
    #[arg(long)]
    pub(crate) interval: u64,
    /// Take its reconnect window out of the streams
    #[arg(long)]
    pub(crate) no_window: bool,
    /// Where it listens
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
}

/// The token of that device.
pub(crate) fn token(device: usize) -> String {
    format!("canary-device-token-{device:05}")
}

/// What the server was asked for so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Watches that were let in.
    pub(crate) accepted: AtomicU64,
    /// Watches that were not.
    pub(crate) turned_away: AtomicU64,
    /// Heartbeats that were accepted.
    pub(crate) heartbeats: AtomicU64,
}

impl Tally {
    fn count(&self, is_heartbeat: bool, accepted: bool) {
        let counter = match (is_heartbeat, accepted) {
            (true, true) => &self.heartbeats,
            (true, false) => return,
            (false, true) => &self.accepted,
            (false, false) => &self.turned_away,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// A server that runs, on a thread of its own, until it is dropped.
pub(crate) struct House {
    server: Server,
    address: SocketAddr,
    pub(crate) tally: Arc<Tally>,
    _runtime: Runtime,
}

impl House {
    pub(crate) fn open(plan: &Plan) -> Result<Self, Failure> {
        let directory = (0..plan.devices).try_fold(Directory::new(), |directory, device| {
            directory.device(&format!("device-{device}"), &token(device))
        })?;
        let config = Config::builder(directory)
            .heartbeat_interval(Duration::from_millis(plan.interval))
            .connects_per_second(plan.rate)
            .build()?;
        let server = Server::new(config)?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let tally = Arc::new(Tally::default());
        let counting = (Arc::clone(&tally), plan.no_window);
        let app = server.router().layer(from_fn_with_state(counting, count));
        let listener = {
            let _inside = runtime.enter();
            let socket = TcpSocket::new_v4()?;
            // The port is taken again as soon as the process before it is gone.
            socket.set_reuseaddr(true)?;
            socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, plan.port)))?;
            socket.listen(4096)?
        };
        let address = listener.local_addr()?;
        let serving = server.clone();
        runtime.spawn(async move {
            serving.serve(listener, app, std::future::pending()).await;
        });
        Ok(Self { server, address, tally, _runtime: runtime })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn open_watches(&self) -> usize {
        self.server.open_watches()
    }

    pub(crate) fn heartbeats(&self) -> u64 {
        self.tally.heartbeats.load(Ordering::Relaxed)
    }
}

async fn count(
    axum::extract::State((tally, no_window)): axum::extract::State<(Arc<Tally>, bool)>,
    request: Request,
    next: Next,
) -> Response {
    let is_heartbeat = request.method() == axum::http::Method::POST;
    let response = next.run(request).await;
    tally.count(is_heartbeat, response.status().is_success());
    if is_heartbeat || !no_window { response } else { response.map(without_window) }
}

/// The same stream without its `retry` fields. The server writes each frame in one piece, so that none is cut.
fn without_window(body: Body) -> Body {
    Body::new(body.map_frame(|frame| {
        frame.map_data(|bytes| match bytes.strip_prefix(b"retry: ") {
            Some(window) => {
                let end = window.iter().position(|byte| *byte == b'\n').unwrap_or(0);
                Bytes::copy_from_slice(&window[end + 1..])
            }
            None => bytes,
        })
    }))
}

/// A server of its own process: says where it is, and then, ten times a second, what it was asked for so far. It ends
/// when it is killed, or when nobody reads that any more.
pub(crate) fn main(plan: &Plan) -> Result<(), Failure> {
    use std::io::Write as _;

    crate::process::raise_descriptors(2 * plan.devices + 100)?;
    let house = House::open(plan)?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", house.url())?;
    loop {
        let accepted = house.tally.accepted.load(Ordering::Relaxed);
        let turned_away = house.tally.turned_away.load(Ordering::Relaxed);
        writeln!(out, "{accepted} {turned_away} {}", house.open_watches())?;
        std::thread::sleep(Duration::from_millis(100));
    }
}
