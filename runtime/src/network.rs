//! What a runtime brings for HTTP/1.1, and how a server is reached with it.
//!
//! A name often has several addresses, and some of them lead nowhere. As RFC 8305 has it ("Happy Eyeballs"):
//!
//! * The addresses of the two families take turns, beginning with the family of the first (section 4): the system
//!   has sorted them already.
//! * The next address is tried a quarter of a second after the last one (section 5), or at once when that failed.
//!   The first connection that stands is taken, and the others are given up.
//! * Each gets ten seconds, so that several fit into the 30 s that the machine gives a connect.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Duration;

use dormouse_core::TransportFault;
use dormouse_core::driver::TransportError;
use futures_lite::future::or;
use futures_lite::{AsyncRead, AsyncWrite};

use crate::proxy::Endpoint;

/// For one address of a name.
const EACH: Duration = Duration::from_secs(10);
/// After which the next address is tried as well: "Connection Attempt Delay" in RFC 8305.
const AHEAD: Duration = Duration::from_millis(250);

/// What a runtime has to bring for [`HttpTransport`](crate::HttpTransport): names, TCP and a way to wait.
pub trait Network: 'static {
    /// A TCP connection, by the traits of futures-io. Dropping it closes the socket, now.
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// Looks up a name, which is no address, beside whatever else the thread has to do. The addresses are in the
    /// system's own order.
    fn resolve(name: &str, port: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;

    /// Connects. A request is sent whole, so there is nothing to wait for: `TCP_NODELAY` is on. There is no time
    /// limit here; dropping the future gives it up.
    fn connect(address: SocketAddr) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Ready after `time`.
    fn sleep(time: Duration) -> impl Future<Output = ()> + Send;
}

/// A connection to one of its addresses.
pub(crate) async fn dial<N: Network>(there: &Endpoint) -> Result<N::Stream, TransportError> {
    let addresses = match there.host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, there.port)],
        Err(_) => N::resolve(&there.host, there.port)
            .await
            .map_err(|error| TransportError::new(TransportFault::Resolve, error.to_string()))?,
    };
    reach::<N>(addresses, EACH).await
}

type Attempt<S> = Pin<Box<dyn Future<Output = io::Result<S>> + Send>>;

/// The first connection to any of them.
async fn reach<N: Network>(
    addresses: Vec<SocketAddr>,
    each: Duration,
) -> Result<N::Stream, TransportError> {
    let mut waiting = in_turn(addresses).into_iter();
    let mut begun: Vec<Attempt<N::Stream>> = Vec::new();
    // Until the next one begins, if there is one.
    let mut pause: Option<Pin<Box<dyn Future<Output = ()> + Send>>> = None;
    let mut failed = TransportError::new(TransportFault::Resolve, "the name has no address");
    poll_fn(|cx| {
        loop {
            let mut index = 0;
            while let Some(attempt) = begun.get_mut(index) {
                match attempt.as_mut().poll(cx) {
                    Poll::Pending => index += 1,
                    Poll::Ready(Ok(stream)) => return Poll::Ready(Ok(stream)),
                    Poll::Ready(Err(error)) => {
                        failed = TransportError::new(TransportFault::Connect, error.to_string());
                        drop(begun.remove(index));
                        if index == begun.len() {
                            pause = None;
                        }
                    }
                }
            }
            if let Some(pause) = &mut pause {
                ready!(pause.as_mut().poll(cx));
            }
            let Some(address) = waiting.next() else { break };
            begun.push(Box::pin(attempt::<N>(address, each)));
            let more = waiting.len() > 0;
            pause = more.then(|| Box::pin(N::sleep(AHEAD)) as _);
        }
        if begun.is_empty() { Poll::Ready(Err(failed.clone())) } else { Poll::Pending }
    })
    .await
}

async fn attempt<N: Network>(address: SocketAddr, each: Duration) -> io::Result<N::Stream> {
    let late = async {
        N::sleep(each).await;
        Err(io::ErrorKind::TimedOut.into())
    };
    or(N::connect(address), late).await
}

/// The families one after the other, each in the order that it had.
fn in_turn(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let mut counts = [0; 2];
    let mut ranked: Vec<_> = addresses
        .into_iter()
        .map(|address| {
            let other = usize::from(address.is_ipv6() != first);
            counts[other] += 1;
            ((counts[other], other), address)
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, address)| address).collect()
}

#[cfg(test)]
pub(crate) mod tests;
