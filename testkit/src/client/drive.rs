//! Any runtime: the driver, polled by whoever runs this future.
//!
//! Each poll makes the future of the next event anew and drops it again, whatever it was in the middle of: so
//! every scenario on every runtime also tries that nothing is lost by that.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use dormouse_core::driver::{Body, Driver, Event, Handle, Timer, Transport, TransportError};
use dormouse_core::{Request, Token};
use dormouse_runtime::{Setup, StartError};

use super::{Hoard, Line, Options, PanicAt};
use crate::clock::Scaled;
use crate::fact::{Command, Fact};

/// Sets up a driver over an adapter's timer and transport, and runs it until it is over: what
/// [`Client::run`](super::Client::run) comes to for every adapter.
///
/// # Errors
///
/// If the watch cannot be set up.
pub async fn drive<T: Transport + Unpin, C: Timer + Unpin>(
    options: &Options,
    line: &Arc<Line>,
    timer: C,
    transport: impl FnOnce(bool) -> Result<T, StartError>,
) -> Result<(), String> {
    let told = Arc::clone(line);
    let panic_at = options.panic_at;
    let mut driver = Setup::new(&options.url)
        .token(&options.token)
        .configure(|config| options.configure(config))
        .observe(move |at, note| {
            let leak = super::leaks(&format!("{note} {note:?}"));
            if let Some(fact) = leak.or_else(|| Fact::of_note(note)) {
                told.tell(at, fact);
            }
        })
        .start(Scaled::new(timer, line.clock().clone()), |config| {
            let inner = transport(config.is_plain())?;
            Ok(Panicking { inner, panic_at, opened: 0 })
        })
        .map_err(|error| error.to_string())?;
    let mut app = App::new(driver.handle());
    poll_fn(|cx| app.poll(&mut driver, line, cx)).await;
    Ok(())
}

/// The application around the watch, which does as it is told.
struct App {
    handle: Handle,
    awake: bool,
    frozen: bool,
    hoard: Hoard,
}

impl App {
    fn new(handle: Handle) -> Self {
        Self { handle, awake: false, frozen: false, hoard: Hoard::default() }
    }

    fn poll<T: Transport + Unpin, C: Timer + Unpin>(
        &mut self,
        driver: &mut Driver<T, C>,
        line: &Line,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        loop {
            let given = match line.command(Some(cx.waker())) {
                (Some(Command::Drop), _) => return Poll::Ready(()),
                (Some(Command::SleepAgain { done }), _) => {
                    if !done {
                        driver.hand_over_failed();
                    }
                    self.awake = false;
                    continue;
                }
                (Some(Command::Hoard), _) => {
                    self.hoard = Hoard::take(line);
                    continue;
                }
                (Some(command), _) => {
                    self.obey(command);
                    continue;
                }
                (None, given) => given,
            };
            if self.awake || self.frozen {
                line.settled(given, self.handle.stats());
                return Poll::Pending;
            }
            let Poll::Ready(event) = pin!(driver.next()).poll(cx) else {
                line.settled(given, self.handle.stats());
                return Poll::Pending;
            };
            match event {
                Some(Event::Wake(wake)) => {
                    line.tell_also(Fact::of_wake(&wake));
                    self.awake = true;
                }
                Some(Event::Status(_)) => {}
                None => {
                    line.tell_also(Fact::Stopped);
                    return Poll::Ready(());
                }
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Stop => {
                self.handle.stop();
                // Nobody waits for the work on a wake to end.
                self.awake = false;
            }
            Command::NetworkChanged => self.handle.network_changed(),
            Command::Resumed => self.handle.resumed(),
            Command::Offline { offline } => self.handle.offline(offline),
            Command::SetToken { token } => {
                if let Ok(token) = Token::new(token) {
                    self.handle.set_token(token);
                }
            }
            Command::Freeze => self.frozen = true,
            Command::Thaw => self.frozen = false,
            Command::Release => self.hoard = Hoard::default(),
            _ => {}
        }
    }
}

/// A transport that panics where it is told to, and is the adapter's own otherwise.
struct Panicking<T> {
    inner: T,
    panic_at: Option<PanicAt>,
    opened: u32,
}

impl<T> Panicking<T> {
    fn here(&self, here: PanicAt) {
        assert!(self.panic_at != Some(here), "the transport panics, as it was told to");
    }
}

impl<T: Transport + Unpin> Transport for Panicking<T> {
    type Open = Opening<T::Open>;
    type Body = Panicking<T::Body>;
    type Post = T::Post;

    fn open(&mut self, request: Request) -> Self::Open {
        self.opened += 1;
        if self.opened == 2 {
            self.here(PanicAt::Open);
        }
        Opening { inner: self.inner.open(request), panic_at: self.panic_at }
    }

    fn post(&mut self, request: Request) -> Self::Post {
        self.here(PanicAt::Post);
        self.inner.post(request)
    }

    fn close(&mut self) {
        self.inner.close();
    }
}

struct Opening<F> {
    inner: F,
    panic_at: Option<PanicAt>,
}

impl<H, B, F> Future for Opening<F>
where
    F: Future<Output = Result<(H, B), TransportError>> + Unpin,
{
    type Output = Result<(H, Panicking<B>), TransportError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let panic_at = self.panic_at;
        Pin::new(&mut self.inner)
            .poll(cx)
            .map_ok(|(head, inner)| (head, Panicking { inner, panic_at, opened: 0 }))
    }
}

impl<B: Body> Body for Panicking<B> {
    type Chunk = B::Chunk;

    fn poll_chunk(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Self::Chunk, TransportError>>> {
        let polled = self.inner.poll_chunk(cx);
        if polled.is_ready() {
            self.here(PanicAt::Chunk);
        }
        polled
    }
}
