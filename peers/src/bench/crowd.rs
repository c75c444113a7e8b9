//! Many sleeping watches in a process of their own, and what they take of memory and of the processor.
//!
//! All of one kind, with one shared client where the kind has such a thing, each in a task of its own, on one thread.
//! The first comes alone: what there is of a runtime is there then, and is not counted.

use std::io::{Write as _, stdin};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::Args;
use dormouse_peers::client::{Device, Failure, Loop, Settings};
use futures_util::TryFutureExt as _;

use crate::LOOK;
use crate::house::{House, Plan, token};
use crate::process::{processor_time, raise_descriptors, resident};
use crate::table::Row;

/// How many watches.
const WATCHES: usize = 5_000;
/// With `--quick`.
const QUICK: usize = 20;
/// The heartbeat interval, in milliseconds.
const INTERVAL: u64 = 10_000;
/// With `--quick`.
const QUICK_INTERVAL: u64 = 1_000;
/// For how many intervals the processor's time is counted.
const INTERVALS: u32 = 3;
/// How many connect in a second.
const RATE: u32 = 500;
/// For how long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(180);

/// A way to sleep.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A loop on tokio.
    Tokio(Loop),
    /// dormouse-smol, with its default transport.
    Smol,
    /// dormouse-tokio over reqwest.
    Reqwest,
}

/// Those that are compared, ours first.
pub(crate) const KINDS: [Kind; 4] = [
    Kind::Tokio(Loop::Dormouse),
    Kind::Smol,
    Kind::Tokio(Loop::ReqwestEventsource(Settings::Tuned)),
    Kind::Tokio(Loop::EventsourceClient(Settings::Tuned)),
];

impl Kind {
    /// What it is called in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tokio(client) => client.name(),
            Self::Smol => "dormouse-smol",
            Self::Reqwest => "dormouse-tokio, reqwest",
        }
    }

    fn named(name: &str) -> Option<Self> {
        let own = [Self::Smol, Self::Reqwest].into_iter().find(|kind| kind.name() == name);
        own.or_else(|| Loop::named(name).map(Self::Tokio))
    }
}

/// What the process is told.
#[derive(Args)]
pub(crate) struct Member {
    kind: String,
    url: String,
    /// How many there are to be
    count: usize,
    /// How many of them begin in a second
    rate: u32,
}

/// The process.
pub(crate) fn main(member: &Member) -> Result<(), Failure> {
    raise_descriptors(2 * member.count + 100)?;
    let url: Rc<str> = member.url.as_str().into();
    match Kind::named(&member.kind).ok_or("no such kind")? {
        Kind::Tokio(client) => on_tokio(async {
            let shared = Rc::new(client.shared()?);
            fill(member, tokio::time::sleep, |number| {
                let (shared, url) = (Rc::clone(&shared), Rc::clone(&url));
                tokio::task::spawn_local(tell(client.name(), async move {
                    let token = token(number);
                    let device = Device { base: &url, token: &token, shared: Some(&shared) };
                    client.run(device).await.map(drop)
                }));
            })
            .await
        }),
        Kind::Reqwest => on_tokio(async {
            use dormouse_tokio::{ReqwestTransport, Watch, client_builder};

            let shared = ReqwestTransport::with_client(client_builder(true)?.build()?);
            fill(member, tokio::time::sleep, |number| {
                let (transport, url) = (shared.clone(), Rc::clone(&url));
                tokio::task::spawn_local(tell("dormouse-tokio, reqwest", async move {
                    let builder = Watch::builder(&*url).token(token(number));
                    let mut watch = builder.transport(transport).start()?;
                    while watch.next().await.is_some() {}
                    Ok(())
                }));
            })
            .await
        }),
        Kind::Smol => {
            use dormouse_smol::{SmolTransport, Watch};

            let executor = smol::LocalExecutor::new();
            let after = |wait| async move {
                smol::Timer::after(wait).await;
            };
            let shared = SmolTransport::new(true)?;
            smol::block_on(executor.run(fill(member, after, |number| {
                let (transport, url) = (shared.clone(), Rc::clone(&url));
                let watch = tell("dormouse-smol", async move {
                    let builder = Watch::builder(&*url).token(token(number));
                    let mut watch = builder.transport(transport).start()?;
                    while watch.next().await.is_some() {}
                    Ok(())
                });
                executor.spawn(watch).detach();
            })))
        }
    }
}

fn on_tokio(fill: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, fill)
}

/// Says so, if a watch could not be set up. To await it in a future of ours would hold it twice.
fn tell(
    kind: &'static str,
    watch: impl Future<Output = Result<(), Failure>>,
) -> impl Future<Output = ()> {
    watch.unwrap_or_else(move |error| eprintln!("{kind}: {error}"))
}

/// Begins the first, and when a line comes in the rest; ends with the input.
async fn fill<S: Future<Output = ()>>(
    member: &Member,
    sleep: impl Fn(Duration) -> S,
    begin: impl Fn(usize),
) -> Result<(), Failure> {
    begin(0);
    let line = || smol::unblock(|| stdin().read_line(&mut String::new()));
    line().await?;
    for number in 1..member.count {
        begin(number);
        // One by one: what begins together beats together, and a process that wakes up for fifty heartbeats at once
        // has it easier than one that wakes up for each.
        sleep(Duration::from_secs(1) / member.rate).await;
    }
    line().await?;
    Ok(())
}

/// Such a process, seen from outside. Dropping it ends it.
pub(crate) struct Crowd(Child);

impl Crowd {
    /// One watch, for now.
    pub(crate) fn start(kind: Kind, url: &str, count: usize, rate: u32) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["crowd", kind.name(), url, &count.to_string(), &rate.to_string()]);
        command.stdin(Stdio::piped());
        for name in ["http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        Ok(Self(command.spawn()?))
    }

    /// All the others come.
    pub(crate) fn fill(&mut self) -> Result<(), Failure> {
        self.0.stdin.as_mut().ok_or("no way in")?.write_all(b"\n")?;
        Ok(())
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a sleeping watch takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// Resident memory once connected, in bytes.
    pub(crate) connected: f64,
    /// The same after a heartbeat of each.
    pub(crate) beating: f64,
    /// Processor time for each heartbeat and the two comments that come with it, in nanoseconds.
    pub(crate) beat: f64,
}

/// Measures one kind.
pub(crate) fn measure(kind: Kind, count: usize, interval: u64) -> Result<Cost, Failure> {
    raise_descriptors(2 * count + 100)?;
    let plan = Plan { devices: count, rate: 100_000, interval, no_window: false, port: 0 };
    let house = House::open(&plan)?;
    let mut crowd = Crowd::start(kind, &house.url(), count, RATE)?;
    wait(kind, "be connected", || house.open_watches() == 1)?;
    // What follows from hello in the client, too.
    sleep(10 * LOOK);
    let one = resident(crowd.id())?;
    crowd.fill()?;
    wait(kind, "be connected, all of them", || house.open_watches() == count)?;
    sleep(10 * LOOK);
    let connected = resident(crowd.id())?;
    // The first heartbeat of each comes within an interval.
    let interval = Duration::from_millis(interval);
    sleep(interval + interval / 5);
    let beats = house.heartbeats();
    if beats < count as u64 {
        return Err(format!("{}: {beats} heartbeats of {count} watches", kind.name()).into());
    }
    let beating = resident(crowd.id())?;
    let (beats, before) = (house.heartbeats(), processor_time(crowd.id())?);
    sleep(INTERVALS * interval);
    let (beats, time) = (house.heartbeats() - beats, processor_time(crowd.id())? - before);
    if house.open_watches() != count {
        return Err(format!("{}: {} watches are left", kind.name(), house.open_watches()).into());
    }
    let each = |all: u64| all.saturating_sub(one) as f64 / count.saturating_sub(1).max(1) as f64;
    let beat = time as f64 / beats as f64;
    Ok(Cost { connected: each(connected), beating: each(beating), beat })
}

fn wait(kind: Kind, what: &str, reached: impl Fn() -> bool) -> Result<(), Failure> {
    let until = Instant::now() + PATIENCE;
    while !reached() {
        if Instant::now() > until {
            return Err(format!("{} did not come to {what}", kind.name()).into());
        }
        sleep(LOOK);
    }
    Ok(())
}

pub(crate) fn rows(quick: bool) -> Result<Vec<Row>, Failure> {
    let (count, interval) = if quick { (QUICK, QUICK_INTERVAL) } else { (WATCHES, INTERVAL) };
    println!(
        "| {count} watches | KiB each, connected | after a heartbeat | µs for a heartbeat and two comments |"
    );
    println!("| --- | --- | --- | --- |");
    let mut costs = Vec::new();
    // The last only to see what our own transport comes to.
    for kind in KINDS.into_iter().chain([Kind::Reqwest]) {
        let cost = measure(kind, count, interval)?;
        let (connected, beating) = (cost.connected / 1024.0, cost.beating / 1024.0);
        println!("| {} | {connected:.1} | {beating:.1} | {:.1} |", kind.name(), cost.beat / 1e3);
        costs.push(cost);
    }
    println!();
    let [tokio, smol, reqwest, launchdarkly, over_reqwest] = costs[..] else {
        return Err("a kind is new".into());
    };
    let kib = |bytes: f64| format!("{:.1} KiB", bytes / 1024.0);
    let better = reqwest.beating.min(launchdarkly.beating);
    Ok(vec![
        Row::at_most(
            &format!("resident memory for each sleeping watch, {count} in one process on one shared transport, tokio"),
            "the better of the same loop over reqwest-eventsource and over eventsource-client",
            tokio.beating / better,
            0.5,
        )
        .with(format!("{} and {}", kib(tokio.beating), kib(better))),
        Row::at_most(
            "the same with smol and its default transport",
            "the tokio figure",
            smol.beating / tokio.beating,
            0.5,
        )
        .with(kib(smol.beating)),
        Row::at_most(
            "the same with smol and its default transport",
            "the tokio figure, over reqwest",
            smol.beating / over_reqwest.beating,
            0.5,
        )
        .with(format!("{} and {}", kib(smol.beating), kib(over_reqwest.beating))),
        Row::at_most(
            "CPU per sleeping watch and heartbeat",
            "the loop over reqwest-eventsource",
            tokio.beat / reqwest.beat,
            0.5,
        )
        .with(format!("{:.1} µs and {:.1} µs", tokio.beat / 1e3, reqwest.beat / 1e3)),
    ])
}
