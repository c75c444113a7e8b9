//! Which addresses are tried, when, and what is left of those that were not needed.

#![allow(clippy::expect_used, reason = "a test may")]

use super::*;

use std::net::{Ipv4Addr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::time::Instant;

use async_io::{Async, Timer};
use futures_lite::future::block_on;

/// Smol's reactor, which needs nobody to run it.
pub(crate) struct Reactor;

impl Network for Reactor {
    type Stream = Async<TcpStream>;

    async fn resolve(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        (name, port).to_socket_addrs().map(Iterator::collect)
    }

    async fn connect(address: SocketAddr) -> io::Result<Self::Stream> {
        let stream = Async::<TcpStream>::connect(address).await?;
        let _ = stream.get_ref().set_nodelay(true);
        Ok(stream)
    }

    async fn sleep(time: Duration) {
        Timer::after(time).await;
    }
}

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// Whom that leads to.
fn reached(addresses: &[SocketAddr], each: Duration) -> Result<SocketAddr, TransportFault> {
    let stream = block_on(reach::<Reactor>(addresses.to_vec(), each));
    let stream = stream.map_err(|error| error.fault())?;
    Ok(stream.get_ref().peer_addr().expect("a peer"))
}

#[test]
fn an_address_that_refuses_is_followed_by_the_next() {
    let (_listener, good) = listen();
    let refuses: SocketAddr = ([127, 0, 0, 2], good.port()).into();
    assert_eq!(reached(&[refuses, good], EACH), Ok(good));
    assert_eq!(reached(&[refuses, refuses, refuses, good], EACH), Ok(good));
    assert_eq!(reached(&[refuses, refuses], EACH), Err(TransportFault::Connect));
    assert_eq!(reached(&[], EACH), Err(TransportFault::Resolve));
}

#[test]
fn families_take_turns() {
    let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
    let sorted = |addresses: &[&str]| {
        let sorted = in_turn(addresses.iter().copied().map(address).collect());
        sorted.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let (six, four) = (["[::1]:1", "[::2]:1", "[::3]:1"], ["1.0.0.1:1", "1.0.0.2:1"]);
    let both = [six[0], four[0], six[1], four[1], six[2]];
    assert_eq!(sorted(&[six[0], six[1], six[2], four[0], four[1]]), both);
    assert_eq!(sorted(&[six[0], four[0], four[1], six[1], six[2]]), both);
    let both = [four[0], six[0], four[1], six[1], six[2]];
    assert_eq!(sorted(&[four[0], four[1], six[0], six[1], six[2]]), both);
    assert_eq!(sorted(&six), six);
    assert_eq!(sorted(&[]), [""; 0]);
}

/// An address whose backlog is full: whoever comes now gets no answer at all.
#[cfg(target_os = "linux")]
struct Silent {
    address: SocketAddr,
    _full: (TcpListener, Vec<TcpStream>),
}

#[cfg(target_os = "linux")]
impl Silent {
    fn new() -> Self {
        let (listener, address) = listen();
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            waiting.push(stream);
        }
        Self { address, _full: (listener, waiting) }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_address_that_does_not_answer_costs_a_quarter_of_a_second() {
    let silent = Silent::new();
    let (_listener, good) = listen();
    let began = Instant::now();
    assert_eq!(reached(&[silent.address, good], EACH), Ok(good));
    assert!(began.elapsed() >= AHEAD && began.elapsed() < EACH, "{:?}", began.elapsed());
}

#[cfg(target_os = "linux")]
#[test]
fn an_address_that_does_not_answer_does_not_hold_up_those_after_one_that_refuses() {
    let silent = Silent::new();
    let (_listener, good) = listen();
    let refuses: SocketAddr = ([127, 0, 0, 2], good.port()).into();
    let began = Instant::now();
    assert_eq!(reached(&[silent.address, refuses, good], EACH), Ok(good));
    assert!(began.elapsed() >= AHEAD && began.elapsed() < EACH, "{:?}", began.elapsed());
}

#[cfg(target_os = "linux")]
#[test]
fn each_address_has_its_time_and_no_more() {
    let silent = Silent::new();
    let each = Duration::from_millis(400);
    let began = Instant::now();
    let nobody = reached(&[silent.address, silent.address], each);
    assert_eq!(nobody, Err(TransportFault::Connect));
    let took = began.elapsed();
    assert!(took >= AHEAD + each, "the second has its time from when it began: {took:?}");
    assert!(took < EACH, "{took:?}");
}

/// Which addresses were begun and which were dropped, with connections that are what their last byte says: one that
/// stands, one that refuses, or one that does not answer.
mod scripted {
    use super::*;

    use std::cell::RefCell;
    use std::future::pending;

    use futures_lite::io::Cursor;

    thread_local! {
        static SEEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }

    fn see(what: &str, address: SocketAddr) {
        SEEN.with_borrow_mut(|seen| seen.push(format!("{what} {}", address.port())));
    }

    struct GivenUp(Option<SocketAddr>);

    impl Drop for GivenUp {
        fn drop(&mut self) {
            if let Some(address) = self.0 {
                see("given up", address);
            }
        }
    }

    /// Ports say what becomes of a connection.
    struct Script;
    const STANDS: u16 = 1;
    const REFUSES: u16 = 2;

    impl Network for Script {
        type Stream = Cursor<Vec<u8>>;

        async fn resolve(_: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
            Ok(Vec::new())
        }

        async fn connect(address: SocketAddr) -> io::Result<Self::Stream> {
            see("begun", address);
            let mut open = GivenUp(Some(address));
            match address.port() % 10 {
                STANDS => open.0 = None,
                REFUSES => {
                    open.0 = None;
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                _ => pending().await,
            }
            Ok(Cursor::new(Vec::new()))
        }

        async fn sleep(time: Duration) {
            // Nothing that lasts as long as an address may is waited for here.
            if time >= EACH {
                pending::<()>().await;
            }
        }
    }

    /// What was seen of ports in this order.
    fn seen(ports: &[u16]) -> Vec<String> {
        let addresses = ports.iter().map(|port| (Ipv4Addr::LOCALHOST, *port).into()).collect();
        let _ = block_on(reach::<Script>(addresses, EACH));
        SEEN.take()
    }

    #[test]
    fn the_first_to_connect_wins_and_the_others_are_given_up() {
        assert_eq!(seen(&[11, 21]), ["begun 11"]);
        let all = ["begun 10", "begun 20", "begun 31", "given up 10", "given up 20"];
        assert_eq!(seen(&[10, 20, 31, 41]), all);
        let all = ["begun 12", "begun 20", "begun 32", "begun 41", "given up 20"];
        assert_eq!(seen(&[12, 20, 32, 41]), all);
        assert_eq!(seen(&[12, 22]), ["begun 12", "begun 22"]);
    }
}
