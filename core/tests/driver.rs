//! The driver without any runtime: a transport that is a script, a clock that is a number, and an executor
//! that is a loop.

#![cfg(feature = "driver")]
#![allow(clippy::expect_used, reason = "a test may")]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, Ready, ready};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake as Waken, Waker};

use dormouse_core::driver::{Body, Driver, Event, Note, Timer, Transport, TransportError};
use dormouse_core::{
    Config, Guards, Head, Request, Status, StopReason, Timestamp, Token, TransportFault, Watch,
};

const HELLO: &str = "event: hello\ndata: {\"watchLeaseId\":\"l\",\"deviceWaitForViewerMs\":5000,\
    \"heartbeatIntervalMs\":10000}\n\n";
const WAKE: &str = "event: wake\ndata: {\"url\":\"wss://a.example\",\"token\":\"t\"}\n\n";

/// What the body of each stream yields, piece by piece. After the last one it is silent.
type Pieces = Vec<Poll<&'static str>>;

/// The world around a driver: single-threaded, and shared by the parts that a driver is given.
#[derive(Default)]
struct World {
    now: Cell<u64>,
    streams: RefCell<VecDeque<Pieces>>,
    posts: RefCell<VecDeque<Poll<u16>>>,
    requests: RefCell<Vec<String>>,
    bodies_open: Cell<usize>,
    /// For so many polls more the transport has to catch up, when the driver is late.
    behind: Cell<usize>,
    /// The device was suspended, and the timer has noticed.
    suspended: Cell<bool>,
}

#[derive(Clone)]
struct Part(Rc<World>);

struct Stream {
    world: Rc<World>,
    pieces: VecDeque<Poll<&'static str>>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.world.bodies_open.set(self.world.bodies_open.get() - 1);
    }
}

impl Body for Stream {
    type Chunk = &'static str;

    fn poll_chunk(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<&'static str, TransportError>>> {
        match self.pieces.pop_front() {
            // A piece that is not ready asks to be polled again, as a socket would.
            Some(Poll::Pending) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Poll::Ready("")) => Poll::Ready(None),
            Some(Poll::Ready("!")) => {
                Poll::Ready(Some(Err(TransportError::new(TransportFault::Broken, "cut"))))
            }
            // A flood never ends.
            Some(Poll::Ready("∞")) => {
                self.pieces.push_front(Poll::Ready("∞"));
                Poll::Ready(Some(Ok(":\n")))
            }
            Some(Poll::Ready(piece)) => Poll::Ready(Some(Ok(piece))),
            None => Poll::Pending,
        }
    }
}

/// An answer that is there, or never comes; 0 stands for a connection that broke.
struct Answer(Poll<u16>);

impl Future for Answer {
    type Output = Result<u16, TransportError>;

    fn poll(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.map(|status| match status {
            0 => Err(TransportError::new(TransportFault::Broken, "cut")),
            status => Ok(status),
        })
    }
}

impl Transport for Part {
    type Open = Ready<Result<(Head, Stream), TransportError>>;
    type Body = Stream;
    type Post = Answer;

    fn open(&mut self, request: Request) -> Self::Open {
        self.0.requests.borrow_mut().push(request.url().to_owned());
        let Some(pieces) = self.0.streams.borrow_mut().pop_front() else {
            return ready(Err(TransportError::new(TransportFault::Connect, "refused")));
        };
        self.0.bodies_open.set(self.0.bodies_open.get() + 1);
        let head = Head::read(200, [("content-type", b"text/event-stream".as_slice())]);
        ready(Ok((head, Stream { world: Rc::clone(&self.0), pieces: pieces.into() })))
    }

    fn post(&mut self, request: Request) -> Self::Post {
        self.0.requests.borrow_mut().push(request.url().to_owned());
        Answer(self.0.posts.borrow_mut().pop_front().unwrap_or(Poll::Pending))
    }
}

impl Timer for Part {
    fn now(&mut self) -> Timestamp {
        Timestamp::from_millis(self.0.now.get())
    }

    fn poll_sleep(&mut self, until: Timestamp, _: &mut Context<'_>) -> Poll<()> {
        if self.now() >= until { Poll::Ready(()) } else { Poll::Pending }
    }

    fn poll_catch_up(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(behind) = self.0.behind.get().checked_sub(1) else { return Poll::Ready(()) };
        self.0.behind.set(behind);
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn resumed(&mut self) -> bool {
        self.0.suspended.take()
    }
}

struct CountWakes(Arc<AtomicUsize>);

impl Waken for CountWakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct Bench {
    world: Rc<World>,
    driver: Driver<Part, Part>,
    wakes: Arc<AtomicUsize>,
}

impl Bench {
    fn new(streams: &[&[Poll<&'static str>]]) -> Self {
        let world = Rc::new(World::default());
        world.streams.borrow_mut().extend(streams.iter().map(|pieces| pieces.to_vec()));
        let part = Part(Rc::clone(&world));
        let driver = Driver::new(Self::machine(), part.clone(), part);
        Self { driver, world, wakes: Arc::default() }
    }

    /// Without chance, so that every wait is the row's; with hints, to see that they get through.
    fn machine() -> Watch {
        let mut guards = Guards::none();
        guards.hints = true;
        let config = Config::new("https://a.example").guards(guards).build();
        let token = Token::new("canary").expect("a token");
        Watch::new(config.expect("a config"), token, 0, Timestamp::ORIGIN)
    }

    /// Has every note shown to this.
    fn observe(&mut self, observer: impl FnMut(Timestamp, &Note<'_>) + Send + Sync + 'static) {
        let part = Part(Rc::clone(&self.world));
        self.driver = Driver::new(Self::machine(), part.clone(), part).observe(observer);
    }

    /// Polls the next event once, with a future that is dropped afterwards.
    fn poll(&mut self) -> Poll<Option<Event>> {
        let waker = Waker::from(Arc::new(CountWakes(Arc::clone(&self.wakes))));
        let next = pin!(self.driver.next());
        next.poll(&mut Context::from_waker(&waker))
    }

    /// Polls until there is an event, as long as the driver asks for it.
    fn next(&mut self) -> Option<Event> {
        loop {
            let asked = self.wakes.load(Ordering::SeqCst);
            match self.poll() {
                Poll::Ready(event) => return event,
                Poll::Pending => {
                    let again = self.wakes.load(Ordering::SeqCst);
                    assert_ne!(asked, again, "the driver sleeps, and nobody will wake it");
                }
            }
        }
    }

    fn at(&mut self, now: u64) -> &mut Self {
        self.world.now.set(now);
        self
    }

    fn url(event: Option<Event>) -> Box<str> {
        match event {
            Some(Event::Wake(wake)) => wake.url,
            other => panic!("no wake but {other:?}"),
        }
    }
}

fn status(status: Status) -> Option<Event> {
    Some(Event::Status(status))
}

#[test]
fn a_wake_goes_through_and_asking_again_goes_back_to_sleep() {
    let life = [Poll::Ready(HELLO), Poll::Pending, Poll::Ready(WAKE)];
    let mut bench = Bench::new(&[&life, &life]);
    assert_eq!(bench.next(), status(Status::Connecting));
    assert_eq!(bench.next(), status(Status::Connected));
    assert_eq!(&*Bench::url(bench.next()), "wss://a.example");
    assert_eq!(bench.world.bodies_open.get(), 0, "the watch is closed while awake");
    assert_eq!(bench.world.requests.borrow().len(), 1);
    Bench::url(bench.next());
    assert_eq!(bench.world.requests.borrow().len(), 2);
}

#[test]
fn a_future_dropped_at_every_await_loses_nothing() {
    let text: Vec<&'static str> =
        HELLO.split_inclusive(' ').chain(WAKE.split_inclusive(' ')).collect();
    let pieces: Pieces =
        text.into_iter().flat_map(|piece| [Poll::Pending, Poll::Ready(piece)]).collect();
    let mut bench = Bench::new(&[&pieces]);
    let mut events = Vec::new();
    // Every poll is a future of its own, dropped after it.
    for _ in 0..pieces.len() * 2 {
        if let Poll::Ready(event) = bench.poll() {
            events.push(event);
        }
        if events.len() == 3 {
            break;
        }
    }
    assert_eq!(events[..2], [status(Status::Connecting), status(Status::Connected)]);
    assert_eq!(&*Bench::url(events.remove(2)), "wss://a.example");
}

#[test]
fn a_server_that_never_stops_talking_starves_nobody() {
    let mut bench = Bench::new(&[&[Poll::Ready(HELLO), Poll::Ready("∞")]]);
    bench.world.posts.borrow_mut().push_back(Poll::Ready(410));
    assert_eq!(bench.next(), status(Status::Connecting));
    assert_eq!(bench.next(), status(Status::Connected));
    assert_eq!(bench.poll(), Poll::Pending, "others get their turn");
    // The first heartbeat is due; it is sent, and its answer is heard through the noise.
    bench.at(10_000);
    assert_eq!(bench.next(), status(Status::Connecting), "410, and nobody takes the next connect");
    let requests = bench.world.requests.borrow().clone();
    assert!(requests[1].ends_with("/v1/watch/heartbeat"), "{requests:?}");
    assert!(requests[2].contains("/v1/watch?"), "{requests:?}");
    // And so is a command.
    bench.driver.handle().stop();
    let stopped = Status::Stopped(StopReason::Requested);
    while bench.next() != status(stopped) {}
    assert_eq!(bench.next(), None);
}

#[test]
fn a_heartbeat_that_times_out_is_dropped_and_the_stream_stays() {
    let alive = [Poll::Ready(HELLO), Poll::Ready("∞")];
    let mut bench = Bench::new(&[&alive]);
    bench.next();
    bench.next();
    let _ = bench.at(10_000).poll();
    let _ = bench.at(20_000).poll();
    let requests = bench.world.requests.borrow().len();
    assert_eq!(requests, 3, "the second heartbeat is sent when the first has timed out");
    assert_eq!(bench.world.bodies_open.get(), 1);
}

/// A process that was stopped finds its deadlines passed before its transport has read what came meanwhile.
#[test]
fn a_late_driver_lets_the_transport_catch_up_before_deadlines_take_effect() {
    let quiet =
        [Poll::Ready(HELLO), Poll::Pending, Poll::Pending, Poll::Pending, Poll::Ready(WAKE)];
    let mut bench = Bench::new(&[&quiet]);
    bench.next();
    bench.next();
    // The read deadline was at 25 s, and long before that a wake came, which is only now being read.
    bench.at(3_600_000).world.behind.set(5);
    assert_eq!(&*Bench::url(bench.next()), "wss://a.example");

    let silent = [Poll::Ready(HELLO)];
    let mut bench = Bench::new(&[&silent]);
    bench.next();
    bench.next();
    bench.at(3_600_000).world.behind.set(2);
    assert_eq!(bench.poll(), Poll::Pending);
    assert_eq!(bench.world.bodies_open.get(), 1, "it may catch up");
    assert_eq!(bench.next(), status(Status::Connecting), "and then the deadline takes effect");
    assert_eq!(bench.world.bodies_open.get(), 0);
}

/// A hint ends the watch: what lies in the socket comes first.
#[test]
fn a_hint_does_not_overtake_a_wake() {
    let mut bench = Bench::new(&[&[Poll::Ready(HELLO), Poll::Pending, Poll::Ready(WAKE)]]);
    bench.next();
    bench.next();
    bench.world.behind.set(2);
    bench.driver.handle().resumed();
    assert_eq!(&*Bench::url(bench.next()), "wss://a.example");
    assert_eq!(bench.world.requests.borrow().len(), 1);

    let mut bench = Bench::new(&[&[Poll::Ready(HELLO)], &[Poll::Ready(HELLO)]]);
    bench.next();
    bench.next();
    bench.driver.handle().network_changed();
    assert_eq!(bench.poll(), Poll::Pending);
    assert_eq!(bench.world.requests.borrow().len(), 2, "and then it takes effect");
}

/// The timer has noticed a suspend: the machine hears of it as of any other hint.
#[test]
fn a_resume_that_the_timer_noticed_ends_the_watch() {
    let mut bench = Bench::new(&[&[Poll::Ready(HELLO)], &[Poll::Ready(HELLO)]]);
    bench.next();
    bench.next();
    assert_eq!(bench.poll(), Poll::Pending);
    bench.world.suspended.set(true);
    assert_eq!(bench.poll(), Poll::Pending);
    assert_eq!(bench.world.requests.borrow().len(), 2);
    assert_eq!(bench.world.bodies_open.get(), 1);
}

/// A heartbeat that broke is one that failed, and the stream stays.
#[test]
fn a_heartbeat_that_breaks_is_told_and_the_stream_stays() {
    let mut bench = Bench::new(&[&[Poll::Ready(HELLO), Poll::Ready("∞")]]);
    bench.world.posts.borrow_mut().extend([Poll::Ready(0), Poll::Ready(204)]);
    bench.next();
    bench.next();
    let _ = bench.at(10_000).poll();
    let _ = bench.at(20_000).poll();
    let stats = bench.driver.handle().stats();
    assert_eq!((stats.heartbeats, stats.heartbeats_accepted), (2, 1), "{stats:?}");
    assert_eq!(bench.world.bodies_open.get(), 1);
}

/// A timer that knows nothing of suspends, and whose transport has nothing to catch up with.
#[test]
fn a_plain_timer_is_one_that_only_waits() {
    struct Plain(Part);

    impl Timer for Plain {
        fn now(&mut self) -> Timestamp {
            self.0.now()
        }

        fn poll_sleep(&mut self, until: Timestamp, cx: &mut Context<'_>) -> Poll<()> {
            self.0.poll_sleep(until, cx)
        }
    }

    let world = Rc::new(World::default());
    world.streams.borrow_mut().push_back(vec![Poll::Ready(HELLO)]);
    let part = Part(Rc::clone(&world));
    let mut driver = Driver::new(Bench::machine(), part.clone(), Plain(part));
    let mut next = || pin!(driver.next()).poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(next(), Poll::Ready(status(Status::Connecting)));
    assert_eq!(next(), Poll::Ready(status(Status::Connected)));
    world.now.set(3_600_000);
    assert_eq!(next(), Poll::Ready(status(Status::Connecting)), "the read deadline, at once");
}

#[test]
fn a_transport_speaks_in_its_own_words() {
    let error = TransportError::new(TransportFault::Tls, "no such authority");
    assert_eq!((error.fault(), error.detail()), (TransportFault::Tls, "no such authority"));
}

/// All of it is on record, and none of it lost when the driver is dropped.
#[cfg(feature = "serde")]
#[test]
fn a_driver_keeps_a_journal_that_replays() {
    use dormouse_core::journal::{Recorder, Replay};

    let journal = Arc::new(std::sync::Mutex::new(Vec::<String>::new()));
    let sink = Arc::clone(&journal);
    let mut bench = Bench::new(&[&[Poll::Ready(HELLO), Poll::Pending, Poll::Ready(WAKE)]]);
    let part = Part(Rc::clone(&bench.world));
    let token = Token::new("canary").expect("a token");
    let mut guards = Guards::none();
    guards.hints = true;
    let config = Config::new("https://a.example").guards(guards).build().expect("a config");
    let recorder = Recorder::new(&config, &token, 0, Timestamp::ORIGIN);
    bench.driver = Driver::new(Bench::machine(), part.clone(), part)
        .record(recorder, move |line| sink.lock().expect("no panic").push(line.to_owned()));
    bench.next();
    bench.next();
    bench.next();
    drop(bench);
    let journal = journal.lock().expect("no panic");
    assert!(journal.last().is_some_and(|line| line.starts_with(r#"{"out":"wake""#)), "{journal:?}");
    assert!(!journal.concat().contains("canary"));
    let mut replay = Replay::new(&journal[0]).expect("a header");
    for line in &journal[1..] {
        replay.line(line).expect("the same");
    }
    assert_eq!(replay.watch().stats().wakes, 1);
}

#[test]
fn a_stop_closes_everything_and_ends_the_stream_for_good() {
    let mut bench = Bench::new(&[&[Poll::Ready(HELLO)]]);
    bench.next();
    bench.next();
    assert_eq!(bench.poll(), Poll::Pending);
    let handle = bench.driver.handle();
    assert_eq!(handle.status(), Status::Connected);
    let before = bench.wakes.load(Ordering::SeqCst);
    handle.stop();
    assert_eq!(bench.wakes.load(Ordering::SeqCst), before + 1, "a command wakes the task");
    assert_eq!(bench.next(), status(Status::Stopped(StopReason::Requested)));
    assert_eq!(bench.world.bodies_open.get(), 0);
    assert_eq!(bench.next(), None);
    assert_eq!(bench.next(), None);
    handle.network_changed();
    assert_eq!(bench.poll(), Poll::Ready(None), "a handle outlives its watch");
}

#[test]
fn dropping_the_driver_closes_the_stream() {
    let mut bench = Bench::new(&[&[Poll::Ready(HELLO)]]);
    bench.next();
    bench.next();
    assert_eq!(bench.world.bodies_open.get(), 1);
    let world = Rc::clone(&bench.world);
    drop(bench);
    assert_eq!(world.bodies_open.get(), 0);
}

#[test]
fn faults_reach_the_machine_as_what_they_are() {
    // Ends before hello, breaks before hello, is refused: three failed connects, doubling.
    let mut bench = Bench::new(&[&[Poll::Ready("")], &[Poll::Ready("!")]]);
    bench.next();
    let _ = bench.poll();
    let _ = bench.at(999).poll();
    assert_eq!(bench.world.requests.borrow().len(), 1);
    let _ = bench.at(1_000).poll();
    assert_eq!(bench.world.requests.borrow().len(), 2);
    let _ = bench.at(3_000).poll();
    assert_eq!(bench.world.requests.borrow().len(), 3);
    let _ = bench.at(6_999).poll();
    assert_eq!(bench.world.requests.borrow().len(), 3);
}

#[test]
fn a_failed_hand_over_counts_as_a_short_watch() {
    let life = [Poll::Ready(HELLO), Poll::Ready(WAKE)];
    let mut bench = Bench::new(&[&life, &life]);
    bench.next();
    bench.next();
    bench.driver.hand_over_failed();
    Bench::url(bench.next());
    bench.driver.hand_over_failed();
    bench.next();
    let stats = bench.driver.handle().stats();
    assert_eq!(stats.hand_overs_failed, 1, "{stats:?}");
}

#[test]
fn commands_are_heeded_in_every_state() {
    let mut bench = Bench::new(&[&[Poll::Ready(HELLO)], &[Poll::Ready(HELLO)]]);
    bench.driver.handle().offline(true);
    assert_eq!(bench.next(), status(Status::Connecting));
    assert_eq!(bench.poll(), Poll::Pending);
    assert_eq!(bench.world.requests.borrow().len(), 0, "offline before it began");
    bench.driver.handle().offline(false);
    assert_eq!(bench.next(), status(Status::Connected));
    bench.driver.handle().set_token(Token::new("new").expect("a token"));
    assert_eq!(bench.poll(), Poll::Pending);
    assert_eq!(bench.world.requests.borrow().len(), 1);
}

/// What an observer sees, in words: everything that matters, in its order.
#[test]
fn an_observer_sees_what_happens_in_its_order() {
    let notes = Arc::new(std::sync::Mutex::new(Vec::new()));
    let own = Arc::clone(&notes);
    let mut bench = Bench::new(&[&[Poll::Ready(HELLO), Poll::Pending, Poll::Ready("!")]]);
    bench.observe(move |at, note| {
        own.lock().expect("no panic").push(format!("{} {note}", at.as_millis()));
    });
    bench.next();
    bench.next();
    assert_eq!(
        bench.at(10_000).next(),
        status(Status::Connecting),
        "nobody takes the next connect"
    );
    assert_eq!(
        *notes.lock().expect("no panic"),
        [
            "0 attempt 1: connecting",
            "0 connecting",
            "0 attempt 1: connected in 0ns, heartbeat every 10s",
            "0 connected",
            "10000 heartbeat 1: sent",
            "10000 the connection broke: cut",
            "10000 attempt 2: connecting",
            "10000 attempt 1: the connection broke (after 10s); connecting again at once",
            "10000 no connection to the server: refused",
            "10000 attempt 2: no connection to the server (after 0ns); connecting again in 1s (row 1s)",
            "10000 connecting",
        ]
    );
}

#[test]
fn it_is_a_stream_of_the_same_events() {
    let mut bench = Bench::new(&[&[Poll::Ready(HELLO)]]);
    let mut next = || {
        let waker = Waker::from(Arc::new(CountWakes(Arc::default())));
        futures_core::Stream::poll_next(
            std::pin::Pin::new(&mut bench.driver),
            &mut Context::from_waker(&waker),
        )
    };
    assert_eq!(next(), Poll::Ready(status(Status::Connecting)));
    assert_eq!(next(), Poll::Ready(status(Status::Connected)));
    assert_eq!(next(), Poll::Pending);
}

#[test]
fn what_is_shown_of_a_driver_holds_no_token() {
    let bench = Bench::new(&[]);
    let shown = format!("{:?}", bench.driver);
    assert!(shown.contains("machine: Watch"), "{shown}");
    assert!(!shown.contains("canary"), "{shown}");
    let error = TransportError::new(TransportFault::Broken, "");
    assert_eq!(error.to_string(), "the connection broke");
    assert_eq!(format!("{error:?}"), "TransportError(the connection broke)");
}

/// The weight of each kind of line.
#[cfg(feature = "tracing")]
#[test]
fn each_note_is_logged_at_the_level_of_its_weight() {
    use std::fmt::Write as _;
    use std::sync::Mutex;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<String>>>);

    struct Words(String);

    impl tracing::field::Visit for Words {
        fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn std::fmt::Debug) {
            let _ = write!(self.0, " {value:?}");
        }
    }

    impl tracing::Subscriber for Log {
        fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
            tracing::span::Id::from_u64(1)
        }
        fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
        fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
        fn event(&self, event: &tracing::Event<'_>) {
            let meta = event.metadata();
            let mut words = Words(format!("{} {}:", meta.level(), meta.target()));
            event.record(&mut words);
            self.0.lock().expect("no panic").push(words.0);
        }
        fn enter(&self, _: &tracing::span::Id) {}
        fn exit(&self, _: &tracing::span::Id) {}
    }

    let play = || {
        let twice: &'static str = Box::leak(HELLO.repeat(2).into_boxed_str());
        let mut bench = Bench::new(&[
            &[Poll::Ready(twice), Poll::Pending, Poll::Ready(WAKE)],
            &[Poll::Ready("!")],
        ]);
        bench.world.posts.borrow_mut().extend([Poll::Ready(204), Poll::Ready(500)]);
        bench.next();
        bench.next();
        Bench::url(bench.next());
        bench.driver.hand_over_failed();
        bench.next();
    };
    let log = Log::default();
    tracing::subscriber::with_default(log.clone(), || {
        // Which lines are of interest to anybody is found out for each once, by whichever test comes first; and that may have
        // begun before somebody listened here. So all are met once, and asked for again.
        play();
        tracing::callsite::rebuild_interest_cache();
        log.0.lock().expect("no panic").clear();
        play();
    });
    let told = log.0.lock().expect("no panic").clone();
    assert_eq!(
        told,
        [
            "DEBUG dormouse: attempt 1: connecting",
            "INFO dormouse: connecting",
            "INFO dormouse: attempt 1: connected in 0ns, heartbeat every 10s",
            "WARN dormouse: attempt 1: a second hello on the same stream was ignored",
            "INFO dormouse: connected",
            "INFO dormouse: attempt 1: woken (after 0ns); handing the wake over",
            "DEBUG dormouse: attempt 2: connecting",
            "WARN dormouse: the wake came to nothing; connecting again at once",
            "WARN dormouse: the connection broke: cut",
            "INFO dormouse: attempt 2: the connection broke (after 0ns); connecting again in 1s (row 1s)",
            "INFO dormouse: connecting",
        ]
    );
}

/// A heartbeat's own notes: sent, accepted, failed.
#[test]
fn an_observer_sees_each_heartbeat() {
    let mut bench = Bench::new(&[&[Poll::Ready(HELLO), Poll::Ready("∞")]]);
    let notes = Arc::new(std::sync::Mutex::new(Vec::new()));
    let own = Arc::clone(&notes);
    bench.observe(move |_, note| own.lock().expect("no panic").push(note.to_string()));
    bench.world.posts.borrow_mut().extend([Poll::Ready(204), Poll::Ready(500)]);
    bench.next();
    bench.next();
    for now in [10_000, 10_000, 20_000, 20_000] {
        let _ = bench.at(now).poll();
    }
    assert_eq!(
        notes.lock().expect("no panic")[4..],
        [
            "heartbeat 1: sent",
            "heartbeat 1: accepted in 0ns",
            "heartbeat 2: sent",
            "heartbeat 2: failed after 0ns: the server answered 500",
        ]
    );
}

/// In one poll no more is read than is good for others, and no less.
#[test]
fn a_poll_ends_after_sixty_four_inputs() {
    let comments = vec![Poll::Ready(":\n"); 200];
    let pieces = [vec![Poll::Ready(HELLO)], comments].concat();
    let mut bench = Bench::new(&[&pieces]);
    bench.next();
    bench.next();
    let _ = bench.poll();
    assert_eq!(bench.driver.handle().stats().comments, 64);
    let _ = bench.poll();
    assert_eq!(bench.driver.handle().stats().comments, 128);
}

/// A driver that is late by less than a second was not stopped: the deadline takes effect at once.
#[test]
fn being_late_begins_at_one_second() {
    for (late, catches_up) in [(999, false), (1_000, true)] {
        let mut bench = Bench::new(&[&[Poll::Ready(HELLO)], &[Poll::Ready(HELLO)]]);
        bench.next();
        bench.next();
        // The heartbeats are answered, so that nothing but the read deadline at 25 s is due.
        bench.world.posts.borrow_mut().extend([Poll::Ready(204), Poll::Ready(204)]);
        let _ = bench.at(10_000).poll();
        let _ = bench.at(20_000).poll();
        bench.at(25_000 + late).world.behind.set(1_000);
        let _ = bench.poll();
        let caught_up = bench.world.behind.get() != 1_000;
        assert_eq!(caught_up, catches_up, "late by {late} ms");
    }
}
