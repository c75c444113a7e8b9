//! The rules one by one, then the table against a model that is too simple to be wrong, then laws
//! over histories.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use proptest::prelude::*;

use super::*;

const LIFETIME: u64 = 90;
const WAKE_LIFETIME: u64 = 120;

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn id(number: usize) -> LeaseId {
    LeaseId::new(&format!("lease-{number}")).unwrap()
}

fn table(devices: &[&'static str]) -> Leases<u32> {
    let terms = Terms { lease_lifetime: at(LIFETIME), wake_lifetime: at(WAKE_LIFETIME) };
    Leases::new(terms, devices.iter().copied())
}

/// One device, held with lease 1 since 0.
fn held() -> Leases<u32> {
    let mut leases = table(&["a"]);
    assert_eq!(leases.open(at(0), "a", None, id(1)), Ok(Opened::Granted));
    leases
}

fn state(leases: &mut Leases<u32>, now: u64) -> State {
    leases.status(at(now))[0].state
}

#[test]
fn a_second_client_is_refused_until_the_lease_expires_even_if_the_stream_is_closed() {
    let mut leases = held();
    leases.close(at(1), "a", &id(1));
    assert_eq!(leases.open(at(89), "a", None, id(2)), Err(Refusal::Held));
    assert_eq!(leases.open(at(89), "a", Some("lease-7"), id(2)), Err(Refusal::Held));
    assert_eq!(leases.open(at(90), "a", None, id(2)), Ok(Opened::Granted));
}

#[test]
fn an_open_stream_does_not_keep_a_lease_alive() {
    let mut leases = held();
    assert_eq!(leases.turn(at(89), "a", &id(1)), Turn::Idle { until: at(90) });
    assert_eq!(leases.turn(at(90), "a", &id(1)), Turn::Over);
}

#[test]
fn heartbeats_prolong_the_lease_that_they_name() {
    let mut leases = held();
    assert_eq!(leases.heartbeat(at(60), "a", "lease-1"), Heartbeat::Refreshed);
    assert_eq!(leases.heartbeat(at(61), "a", "lease-2"), Heartbeat::Taken);
    assert_eq!(leases.turn(at(61), "a", &id(1)), Turn::Idle { until: at(150) });
    assert_eq!(leases.heartbeat(at(150), "a", "lease-1"), Heartbeat::Gone);
    assert_eq!(leases.heartbeat(at(150), "b", "lease-1"), Heartbeat::Gone);
}

#[test]
fn the_holder_takes_over_from_itself_and_the_older_lease_is_over() {
    let mut leases = held();
    assert_eq!(leases.open(at(5), "a", Some("lease-1"), id(2)), Ok(Opened::TakenOver));
    assert_eq!(leases.heartbeat(at(6), "a", "lease-1"), Heartbeat::Taken);
    assert_eq!(leases.turn(at(6), "a", &id(1)), Turn::Over);
    // The older stream closes late: that is nothing to the newer one.
    leases.close(at(7), "a", &id(1));
    assert!(!leases.withdraw(at(7), "a", &id(1)));
    assert_eq!(state(&mut leases, 7), State::Asleep);
    assert_eq!(leases.heartbeat(at(8), "a", "lease-2"), Heartbeat::Refreshed);
}

#[test]
fn a_hello_that_was_lost_does_not_lock_its_client_out() {
    let mut leases = held();
    leases.open(at(5), "a", Some("lease-1"), id(2)).unwrap();
    // The client never learnt of lease 2.
    assert_eq!(leases.open(at(6), "a", Some("lease-1"), id(3)), Ok(Opened::TakenOver));
    assert_eq!(leases.open(at(6), "a", Some("lease-2"), id(4)), Err(Refusal::Held));
    // Now it has learnt of lease 3, and lease 1 is worth nothing any more.
    leases.heartbeat(at(7), "a", "lease-3");
    assert_eq!(leases.open(at(8), "a", Some("lease-1"), id(5)), Err(Refusal::Held));
    assert_eq!(leases.open(at(8), "a", Some("lease-3"), id(6)), Ok(Opened::TakenOver));

    // The same where the lease that it names has expired, or died with another process.
    let mut leases = table(&["a"]);
    assert_eq!(leases.open(at(0), "a", Some("lease-0"), id(1)), Ok(Opened::Granted));
    assert_eq!(leases.open(at(1), "a", None, id(2)), Err(Refusal::Held));
    assert_eq!(leases.open(at(1), "a", Some("lease-0"), id(2)), Ok(Opened::TakenOver));
}

#[test]
fn a_grant_whose_hello_never_left_is_undone() {
    let mut leases = held();
    assert!(leases.withdraw(at(1), "a", &id(1)));
    assert_eq!(leases.held(), 0);
    assert_eq!(leases.open(at(1), "a", None, id(2)), Ok(Opened::Granted));
    // Not so where the former holder may come back with the lease before.
    leases.open(at(2), "a", Some("lease-2"), id(3)).unwrap();
    assert!(!leases.withdraw(at(3), "a", &id(3)));
    assert_eq!(leases.open(at(4), "a", None, id(4)), Err(Refusal::Held));
    assert_eq!(leases.open(at(4), "a", Some("lease-2"), id(5)), Ok(Opened::TakenOver));
}

#[test]
fn a_wake_is_taken_once_and_frees_the_device() {
    let mut leases = held();
    assert_eq!(leases.wake(at(1), "a", 7), Ok(Handed { open: true, replaced: false }));
    assert_eq!(state(&mut leases, 1), State::Waking);
    assert_eq!(leases.turn(at(1), "a", &id(1)), Turn::Wake(7));
    assert_eq!(leases.turn(at(1), "a", &id(1)), Turn::Over);
    assert_eq!(state(&mut leases, 1), State::Awake);
    // A heartbeat that was on its way is not told to drop the stream with the wake in it; it
    // prolongs nothing.
    assert_eq!(leases.heartbeat(at(2), "a", "lease-1"), Heartbeat::Woken);
    // Back from work, without a previous lease.
    assert_eq!(leases.open(at(91), "a", None, id(2)), Ok(Opened::Granted));
    assert_eq!(leases.turn(at(91), "a", &id(2)), Turn::Idle { until: at(181) });
}

#[test]
fn a_client_that_has_not_read_its_wake_is_not_told_to_forget_the_lease() {
    let mut leases = held();
    leases.wake(at(1), "a", 7).unwrap();
    assert_eq!(leases.turn(at(1), "a", &id(1)), Turn::Wake(7));
    // The lease's own time is over at 90 and the wake's at 121. A 410 between would have a client that
    // still reads come back without the lease, and the wake would be lost.
    assert_eq!(leases.heartbeat(at(90), "a", "lease-1"), Heartbeat::Woken);
    assert_eq!(leases.heartbeat(at(120), "a", "lease-1"), Heartbeat::Woken);
    assert_eq!(leases.open(at(120), "a", Some("lease-1"), id(2)), Ok(Opened::Returned));
    assert_eq!(leases.turn(at(120), "a", &id(2)), Turn::Wake(7));
    // When both are over there is nothing left to come back for.
    assert_eq!(leases.heartbeat(at(209), "a", "lease-2"), Heartbeat::Woken);
    assert_eq!(leases.heartbeat(at(210), "a", "lease-2"), Heartbeat::Gone);
}

#[test]
fn a_wake_waits_for_a_device_that_is_away_and_the_newest_is_kept() {
    let mut leases = table(&["a"]);
    assert_eq!(leases.wake(at(0), "a", 1), Ok(Handed { open: false, replaced: false }));
    assert_eq!(leases.wake(at(5), "a", 2), Ok(Handed { open: false, replaced: true }));
    assert_eq!(leases.wake(at(5), "b", 2), Err(Refusal::UnknownDevice));
    leases.open(at(124), "a", None, id(1)).unwrap();
    assert_eq!(leases.turn(at(124), "a", &id(1)), Turn::Wake(2));

    leases.wake(at(200), "a", 3).unwrap();
    leases.open(at(320), "a", None, id(2)).unwrap();
    assert_eq!(leases.turn(at(320), "a", &id(2)), Turn::Idle { until: at(410) });
}

#[test]
fn a_wake_that_no_stream_took_waits_on() {
    let mut leases = held();
    leases.wake(at(1), "a", 7).unwrap();
    leases.close(at(1), "a", &id(1));
    leases.open(at(2), "a", Some("lease-1"), id(2)).unwrap();
    assert_eq!(leases.turn(at(2), "a", &id(2)), Turn::Wake(7));
}

#[test]
fn a_client_that_comes_back_with_the_woken_lease_is_woken_again() {
    let mut leases = held();
    leases.wake(at(1), "a", 7).unwrap();
    assert_eq!(leases.turn(at(1), "a", &id(1)), Turn::Wake(7));
    assert_eq!(leases.open(at(2), "a", Some("lease-1"), id(2)), Ok(Opened::Returned));
    // Hello and wake are lost once more: the client still knows lease 1 only.
    assert_eq!(leases.turn(at(2), "a", &id(2)), Turn::Wake(7));
    assert_eq!(leases.open(at(3), "a", Some("lease-1"), id(3)), Ok(Opened::Returned));
    // A newer wake goes before the lost one.
    leases.turn(at(3), "a", &id(3));
    leases.wake(at(4), "a", 8).unwrap();
    leases.open(at(5), "a", Some("lease-3"), id(4)).unwrap();
    assert_eq!(leases.turn(at(5), "a", &id(4)), Turn::Wake(8));
    assert_eq!(leases.open(at(6), "a", None, id(5)), Ok(Opened::Granted));
    assert_eq!(leases.turn(at(6), "a", &id(5)), Turn::Idle { until: at(96) });
}

#[test]
fn a_restart_keeps_everybody_out_but_the_holder() {
    let mut leases = held();
    leases.open(at(1), "a", Some("lease-1"), id(2)).unwrap();
    let text = serde_json::to_string(&leases.snapshot(at(2))).unwrap();
    assert_eq!(text, r#"[{"device":"a","lease":"lease-2","before":"lease-1"}]"#);

    let restored = || {
        let mut leases = table(&["a"]);
        let unknown = Held { device: "zebra".into(), lease: id(9), before: None };
        let held: Vec<Held> = serde_json::from_str(&text).unwrap();
        leases.restore(at(0), at(10), held.into_iter().chain([unknown]));
        assert_eq!((leases.held(), leases.devices()), (1, 1));
        leases
    };
    let mut leases = restored();
    // Who is there already stays there.
    leases.restore(at(0), at(10), [Held { device: "a".into(), lease: id(8), before: None }]);
    assert_eq!(leases.snapshot(at(0))[0].lease, id(2));
    assert_eq!(state(&mut leases, 0), State::Away);
    assert_eq!(leases.open(at(99), "a", None, id(3)), Err(Refusal::Held));
    assert_eq!(leases.open(at(99), "a", Some("lease-0"), id(3)), Err(Refusal::Held));
    assert_eq!(leases.open(at(99), "a", Some("lease-1"), id(3)), Ok(Opened::TakenOver));
    assert_eq!(restored().open(at(99), "a", Some("lease-2"), id(3)), Ok(Opened::TakenOver));
    assert_eq!(restored().heartbeat(at(99), "a", "lease-2"), Heartbeat::Refreshed);
    assert_eq!(restored().open(at(100), "a", None, id(3)), Ok(Opened::Granted));
}

#[test]
fn status_tells_since_when() {
    let mut leases = held();
    leases.heartbeat(at(30), "a", "lease-1");
    let status = leases.status(at(40)).remove(0);
    assert_eq!((status.state, status.since), (State::Asleep, at(40)));
    assert_eq!((status.lease_age, status.lease_left), (Some(at(40)), Some(at(80))));
    // Expired unnoticed: away since that moment, and the same once it has been noticed.
    for _ in 0..2 {
        let status = leases.status(at(130)).remove(0);
        assert_eq!((status.state, status.since, status.lease_age), (State::Away, at(10), None));
        leases.sweep(at(130));
    }
    // Cut off: away since then, whenever the lease expires.
    let mut leases = held();
    leases.close(at(10), "a", &id(1));
    for now in [20, 89, 90, 200] {
        let status = leases.status(at(now)).remove(0);
        assert_eq!((status.state, status.since), (State::Away, at(now - 10)));
    }
}

#[test]
fn a_sweep_names_each_device_that_lapsed_once() {
    let mut leases = table(&["a", "b", "c"]);
    for (number, device) in ["a", "b", "c"].into_iter().enumerate() {
        leases.open(at(0), device, None, id(number)).unwrap();
    }
    leases.heartbeat(at(50), "b", "lease-1");
    // C lapses and is granted anew before anybody sweeps.
    leases.open(at(95), "c", None, id(7)).unwrap();
    assert_eq!(leases.sweep(at(100)), ["a".into()]);
    assert_eq!(leases.sweep(at(101)), []);
    assert_eq!(leases.held(), 2);
}

#[test]
fn time_that_runs_backwards_stands_still() {
    let mut leases = held();
    leases.sweep(at(80));
    leases.heartbeat(at(10), "a", "lease-1");
    assert_eq!(leases.turn(at(20), "a", &id(1)), Turn::Idle { until: at(170) });
    let forever = Duration::MAX;
    assert_eq!(leases.turn(forever, "a", &id(1)), Turn::Over);
    // At the end of time nothing lives, and nothing overflows.
    assert!(leases.open(forever, "a", None, id(2)).is_ok());
    assert_eq!(leases.turn(forever, "a", &id(2)), Turn::Over);
}

#[test]
fn ids() {
    assert_eq!(LeaseId::from_bits(0xab).expose(), format!("{:0>32}", "ab"));
    assert_eq!(format!("{:?}", LeaseId::new("canary").unwrap()), "LeaseId(hidden)");
    for bad in ["", "a b", "a\n", "a\0", "ä", &"x".repeat(257)] {
        assert_eq!(LeaseId::new(bad), Err(BadLeaseId));
    }
    assert!(LeaseId::new(&"x".repeat(256)).is_ok());
}

/// What a caller may do; ids are picked from those that were ever granted.
#[derive(Clone, Debug)]
enum Op {
    Pass(u64),
    Open { device: usize, previous: Option<usize> },
    Heartbeat { device: usize, lease: usize },
    Close { device: usize, lease: usize },
    Withdraw { device: usize, lease: usize },
    Wake { device: usize },
    Turn { device: usize, lease: usize },
    Sweep,
    Restart,
}

const DEVICES: [&str; 2] = ["a", "b"];

fn op() -> impl Strategy<Value = Op> {
    let device = || 0..DEVICES.len();
    // Counted back from the newest: old ids are rare, ids never granted do occur.
    let lease = || prop_oneof![3 => 0..2_usize, 1 => 0..12_usize];
    prop_oneof![
        3 => prop_oneof![0..5_u64, 25..35_u64, 85..95_u64, 115..125_u64].prop_map(Op::Pass),
        4 => (device(), proptest::option::of(lease()))
            .prop_map(|(device, previous)| Op::Open { device, previous }),
        4 => (device(), lease()).prop_map(|(device, lease)| Op::Heartbeat { device, lease }),
        2 => (device(), lease()).prop_map(|(device, lease)| Op::Close { device, lease }),
        1 => (device(), lease()).prop_map(|(device, lease)| Op::Withdraw { device, lease }),
        3 => device().prop_map(|device| Op::Wake { device }),
        4 => (device(), lease()).prop_map(|(device, lease)| Op::Turn { device, lease }),
        1 => Just(Op::Sweep),
        1 => Just(Op::Restart),
    ]
}

/// The model: everything that ever happened to each lease and wake, and questions asked of that
/// history. Nothing is ever removed, nothing expires but by comparison.
#[derive(Default)]
struct Model {
    now: u64,
    leases: Vec<Grant>,
    wakes: Vec<Sent>,
}

struct Grant {
    device: usize,
    /// The previous lease that it was opened with.
    proof: Option<usize>,
    confirmed: bool,
    until: u64,
    /// Taken over, withdrawn or woken.
    ended: bool,
    open: bool,
    /// The wake that ended it.
    woken: Option<usize>,
}

struct Sent {
    device: usize,
    until: u64,
    /// Replaced, or taken and not proven lost.
    done: bool,
}

impl Model {
    fn holder(&self, device: usize) -> Option<usize> {
        let lives =
            |grant: &Grant| grant.device == device && !grant.ended && self.now < grant.until;
        let living: Vec<usize> =
            (0..self.leases.len()).filter(|n| lives(&self.leases[*n])).collect();
        assert!(living.len() <= 1, "two holders");
        living.first().copied()
    }

    fn waiting(&self, device: usize) -> Option<usize> {
        let waits = |sent: &Sent| sent.device == device && !sent.done && self.now < sent.until;
        (0..self.wakes.len()).rev().find(|n| waits(&self.wakes[*n]))
    }

    /// The newest lease of the device, if it ended with a wake.
    fn woken(&self, device: usize) -> Option<usize> {
        let newest = (0..self.leases.len()).rev().find(|n| self.leases[*n].device == device)?;
        self.leases[newest].woken.map(|_| newest)
    }

    /// Whether anything is left of a woken lease: its own time, or its wake's.
    fn may_return(&self, lease: usize) -> bool {
        let wake = self.leases[lease].woken.map_or(0, |wake| self.wakes[wake].until);
        self.now < wake.max(self.leases[lease].until)
    }

    fn proves(&self, lease: usize, proof: Option<usize>) -> bool {
        let grant = &self.leases[lease];
        proof.is_some() && (proof == Some(lease) || (!grant.confirmed && proof == grant.proof))
    }

    fn open(&mut self, device: usize, proof: Option<usize>) -> Result<Opened, Refusal> {
        let mut opened = match self.holder(device) {
            Some(holder) if self.proves(holder, proof) => {
                self.leases[holder].ended = true;
                Opened::TakenOver
            }
            Some(_) => return Err(Refusal::Held),
            None => Opened::Granted,
        };
        if let Some(woken) = self.woken(device).filter(|woken| self.proves(*woken, proof)) {
            let lost = self.leases[woken].woken.unwrap();
            // Once neither the wake nor the lease lives, the table has forgotten both.
            if self.now < self.wakes[lost].until.max(self.leases[woken].until) {
                opened = Opened::Returned;
            }
            if self.waiting(device).is_none() {
                self.wakes[lost].done = false;
            }
        }
        let (until, open) = (self.now + LIFETIME, true);
        let (confirmed, ended, woken) = (false, false, None);
        self.leases.push(Grant { device, proof, confirmed, until, ended, open, woken });
        Ok(opened)
    }

    fn heartbeat(&mut self, device: usize, lease: usize) -> Heartbeat {
        match self.holder(device) {
            Some(holder) if holder == lease => {
                self.leases[lease].until = self.now + LIFETIME;
                self.leases[lease].confirmed = true;
                Heartbeat::Refreshed
            }
            Some(_) => Heartbeat::Taken,
            None if self.woken(device) == Some(lease) && self.may_return(lease) => Heartbeat::Woken,
            None => Heartbeat::Gone,
        }
    }

    fn turn(&mut self, device: usize, lease: usize) -> Turn<u32> {
        if self.holder(device) != Some(lease) {
            return Turn::Over;
        }
        let Some(wake) = self.waiting(device) else {
            return Turn::Idle { until: at(self.leases[lease].until) };
        };
        self.wakes[wake].done = true;
        self.leases[lease].ended = true;
        self.leases[lease].woken = Some(wake);
        Turn::Wake(u32::try_from(wake).unwrap())
    }

    fn wake(&mut self, device: usize) -> Handed {
        let replaced = self.waiting(device);
        if let Some(older) = replaced {
            self.wakes[older].done = true;
        }
        self.wakes.push(Sent { device, until: self.now + WAKE_LIFETIME, done: false });
        let open = self.holder(device).is_some_and(|holder| self.leases[holder].open);
        Handed { open, replaced: replaced.is_some() }
    }

    fn withdraw(&mut self, device: usize, lease: usize) -> bool {
        if self.holder(device) != Some(lease) {
            return false;
        }
        self.leases[lease].open = false;
        let proven = self.leases[lease].proof.is_some() && !self.leases[lease].confirmed;
        self.leases[lease].ended = !proven;
        !proven
    }

    fn close(&mut self, device: usize, lease: usize) {
        if self.holder(device) == Some(lease) {
            self.leases[lease].open = false;
        }
    }

    /// A crash: only living leases are remembered.
    fn restart(&mut self) {
        for device in 0..DEVICES.len() {
            if let Some(holder) = self.holder(device) {
                self.leases[holder].until = self.now + LIFETIME;
                self.leases[holder].open = false;
            }
        }
        for grant in &mut self.leases {
            grant.woken = None;
        }
        for sent in &mut self.wakes {
            sent.done = true;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Every answer of the table is the model's. The laws are asked of the model's history on the
    /// way: at most one holder at any time, a heartbeat prolongs what it names and nothing else, no
    /// unexpired wake is lost.
    #[test]
    fn the_table_answers_as_the_model(ops in proptest::collection::vec(op(), 1..80)) {
        let mut table = table(&DEVICES);
        let mut model = Model::default();
        for op in ops {
            let now = at(model.now);
            let name = |device: usize| DEVICES[device];
            // The n-th newest; beyond the first one there are ids that were never granted.
            let newest = model.leases.len();
            let pick = |back: usize| newest.checked_sub(back + 1).unwrap_or(1000 + back);
            match op {
                Op::Pass(seconds) => model.now += seconds,
                Op::Open { device, previous } => {
                    let proof = previous.map(pick);
                    let text = proof.map(|n| id(n).expose().to_owned());
                    let opened = table.open(now, name(device), text.as_deref(), id(newest));
                    prop_assert_eq!(opened, model.open(device, proof));
                }
                Op::Heartbeat { device, lease } => {
                    let lease = pick(lease);
                    let untils: Vec<u64> = model.leases.iter().map(|grant| grant.until).collect();
                    let outcome = table.heartbeat(now, name(device), id(lease).expose());
                    prop_assert_eq!(outcome, model.heartbeat(device, lease));
                    for (n, until) in untils.into_iter().enumerate() {
                        let prolonged = model.leases[n].until != until;
                        prop_assert!(!prolonged || (n == lease && outcome == Heartbeat::Refreshed));
                    }
                }
                Op::Close { device, lease } => {
                    table.close(now, name(device), &id(pick(lease)));
                    model.close(device, pick(lease));
                }
                Op::Withdraw { device, lease } => {
                    let freed = table.withdraw(now, name(device), &id(pick(lease)));
                    prop_assert_eq!(freed, model.withdraw(device, pick(lease)));
                }
                Op::Wake { device } => {
                    let number = u32::try_from(model.wakes.len()).unwrap();
                    prop_assert_eq!(table.wake(now, name(device), number), Ok(model.wake(device)));
                }
                Op::Turn { device, lease } => {
                    let lease = pick(lease);
                    let turn = table.turn(now, name(device), &id(lease));
                    prop_assert_eq!(turn, model.turn(device, lease));
                }
                Op::Sweep => drop(table.sweep(now)),
                Op::Restart => {
                    let held = table.snapshot(now);
                    table = self::table(&DEVICES);
                    table.restore(now, Duration::ZERO, held);
                    model.restart();
                }
            }
            for (device, status) in table.status(at(model.now)).iter().enumerate() {
                prop_assert_eq!(status.lease_age.is_some(), model.holder(device).is_some());
                prop_assert_eq!(status.wake_waiting, model.waiting(device).is_some());
            }
            table.sweep(at(model.now));
            let holders = (0..DEVICES.len()).filter_map(|device| model.holder(device));
            prop_assert_eq!(table.held(), holders.count());
        }
    }

    /// A client that keeps the protocol, over a network that loses hellos and wakes: each wake is
    /// seen at most once and in order, and the newest one is always seen in the end.
    #[test]
    fn an_honest_client_sees_each_wake_once_and_misses_none(
        steps in proptest::collection::vec((0..6_u8, any::<bool>(), any::<bool>()), 1..60),
    ) {
        let terms = Terms { lease_lifetime: at(LIFETIME), wake_lifetime: at(1_000_000) };
        let mut table = Leases::new(terms, ["a"]);
        let mut client = Client::default();
        let mut sent = 0;
        for (step, hello_lost, wake_lost) in steps {
            client.now += 1;
            match step {
                0 | 1 => client.connect(&mut table, hello_lost, wake_lost),
                2 => client.cut(&mut table),
                3 => {
                    sent += 1;
                    table.wake(at(client.now), "a", sent).unwrap();
                    client.read(&mut table, wake_lost);
                }
                4 => client.beat(&mut table),
                _ => client.now += 20,
            }
        }
        // The network is mended. At worst a lease that the client never learnt of has to expire.
        for _ in 0..=LIFETIME {
            if sent > 0 && client.seen.last() != Some(&sent) {
                client.now += 1;
                client.connect(&mut table, false, false);
            }
        }
        prop_assert_eq!(client.seen.last().copied().unwrap_or(0), sent);
        prop_assert!(client.seen.is_sorted_by(|earlier, later| earlier < later));
    }
}

/// One client by protocol.md, section 4: what it remembers, and what it has been woken with.
#[derive(Default)]
struct Client {
    now: u64,
    granted: usize,
    previous: Option<LeaseId>,
    stream: Option<LeaseId>,
    seen: Vec<u32>,
}

impl Client {
    fn connect(&mut self, table: &mut Leases<u32>, hello_lost: bool, wake_lost: bool) {
        self.cut(table);
        self.granted += 1;
        let fresh = id(self.granted);
        let previous = self.previous.as_ref().map(LeaseId::expose);
        match table.open(at(self.now), "a", previous, fresh.clone()) {
            Ok(_) if hello_lost => table.close(at(self.now), "a", &fresh),
            Ok(_) => {
                self.previous = None;
                self.stream = Some(fresh);
                self.read(table, wake_lost);
            }
            Err(_) => self.previous = None,
        }
    }

    /// Takes what the stream has; a wake that is lost cuts the stream.
    fn read(&mut self, table: &mut Leases<u32>, wake_lost: bool) {
        let Some(lease) = self.stream.clone() else { return };
        match table.turn(at(self.now), "a", &lease) {
            Turn::Wake(_) if wake_lost => self.cut(table),
            Turn::Wake(wake) => {
                self.seen.push(wake);
                self.stream = None;
            }
            Turn::Idle { .. } => {}
            Turn::Over => self.cut(table),
        }
    }

    fn cut(&mut self, table: &mut Leases<u32>) {
        if let Some(lease) = self.stream.take() {
            table.close(at(self.now), "a", &lease);
            self.previous = Some(lease);
        }
    }

    fn beat(&mut self, table: &mut Leases<u32>) {
        let Some(lease) = self.stream.clone() else { return };
        match table.heartbeat(at(self.now), "a", lease.expose()) {
            Heartbeat::Refreshed | Heartbeat::Woken => {}
            Heartbeat::Taken | Heartbeat::Gone => {
                self.cut(table);
                self.previous = None;
            }
        }
    }
}
