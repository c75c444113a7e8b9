//! Scripts: one step a line, what happens on the left and all that follows on the right.
//!
//! ```text
//! 30s   answer 1 410  => disconnect 1; connect 2; beat 1 Status(410) after 0s
//!                     => ended 1 HeartbeatLost(Gone) after 30s then 0s; sleep 60s
//! ```
//!
//! The time counts from the beginning. After each input a tick is fed if a deadline has passed, as a run
//! loop would; then the machine is polled until it sleeps, and what came is compared with what stands
//! there: all of it, in order. `=> -` leaves the machine without the tick and unpolled, as between two
//! inputs that come at once. A line that begins with `=>` goes on with the list of the line above it; `#`
//! begins a remark.
//!
//! What may stand on the left is in `dormouse_testkit::script`.

use std::time::Duration;

use dormouse_core::{
    Action, Config, ConfigBuilder, End, Guards, Input, Method, Report, Request, Status, Then,
    Timestamp, Token, Watch,
};
use dormouse_testkit::script::{input, steps};

pub(crate) use dormouse_testkit::script::{WAKE_TOKEN, hello, sse_head, wake};

/// What no `Debug` may ever show.
pub(crate) const DEVICE_TOKEN: &str = "canary-device";

/// The first watch, open, at 0 s, with an interval of 30 s.
pub(crate) const OPEN: &str = "
    0s  start          => connect 1; status Connecting; sleep 30s
    0s  head 1 sse     => sleep 30s
    0s  hello 1 L1 30s => connected 1 after 0s beat 30s wait 30s; status Connected; sleep 30s
";

pub(crate) fn config() -> ConfigBuilder {
    Config::new("https://api.example.com")
}

/// Every guard off: the decisions of section 4 alone.
pub(crate) fn plain() -> Config {
    config().guards(Guards::none()).build().expect("a config")
}

/// Every guard off but those that `switch` turns on.
pub(crate) fn with(switch: impl Fn(&mut Guards)) -> Config {
    let mut guards = Guards::none();
    switch(&mut guards);
    config().guards(guards).build().expect("a config")
}

pub(crate) fn watch(config: Config, seed: u64) -> Watch {
    Watch::new(config, token(DEVICE_TOKEN), seed, Timestamp::ORIGIN)
}

pub(crate) fn token(text: &str) -> Token {
    Token::new(text).expect("a token")
}

pub(crate) fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Runs the parts of a script one after the other and gives back the machine as they leave it.
pub(crate) fn script(config: Config, parts: &[&str]) -> Watch {
    let mut watch = watch(config, 1);
    play(&mut watch, parts);
    watch
}

/// Goes on with a script.
pub(crate) fn play(watch: &mut Watch, parts: &[&str]) {
    for step in steps(parts) {
        assert!(!step.expected.is_empty(), "{}: a step has an arrow", step.input);
        if step.input != "start" {
            watch.handle(step.at, input(&step.input).as_input());
        }
        if step.expected == ["-"] {
            continue;
        }
        if watch.deadline().is_some_and(|deadline| deadline <= step.at) {
            watch.handle(step.at, Input::Tick);
        }
        let came = drain(watch);
        assert_eq!(
            came,
            step.expected,
            "\n\nafter this step:  {}s  {}\nthis came:        => {}\nand was expected: => {}\n",
            step.at.as_millis() / 1000,
            step.input,
            came.join("; "),
            step.expected.join("; ")
        );
    }
}

/// What every watch begins with.
pub(crate) const START: &str = "0s start => connect 1; status Connecting; sleep 30s\n";

/// What stands between a connect of `attempt` at `now`, in seconds, and an open watch.
pub(crate) fn opened(attempt: u64, now: u64, status: &str) -> String {
    let (hello, beat) = (now + 30, now + 30);
    format!(
        "
    {now}s  head {attempt} sse => sleep {hello}s
    {now}s  hello {attempt} L{attempt} 30s => connected {attempt} after 0s beat 30s wait 30s{status}; sleep {beat}s
    "
    )
}

/// What [`opened`] shows where the status was another.
pub(crate) const CONNECTED: &str = "; status Connected";

/// Opens attempts from 1 on and lets each end at once, and checks the delays, in seconds. Leaves the
/// machine in the next attempt, and says which and when.
pub(crate) fn short_watches(watch: &mut Watch, delays: &[u64]) -> (u64, u64) {
    let (mut attempt, mut now, mut status) = (1, 0, CONNECTED);
    play(watch, &[START]);
    for delay in delays {
        play(watch, &[&opened(attempt, now, status)]);
        let (next, due) = (attempt + 1, now + delay);
        let ended = format!("ended {attempt} Ended after 0s then {delay}s");
        status = if *delay == 0 {
            let step = format!(
                "{now}s end {attempt} => disconnect {attempt}; connect {next} previous=L{attempt}; {ended}; sleep {}s",
                due + 30
            );
            play(watch, &[&step]);
            ""
        } else {
            let step = format!(
                "
    {now}s  end {attempt} => disconnect {attempt}; {ended}; status Connecting; sleep {due}s
    {due}s  tick          => connect {next} previous=L{attempt}; sleep {}s
    ",
                due + 30
            );
            play(watch, &[&step]);
            CONNECTED
        };
        (attempt, now) = (next, due);
    }
    (attempt, now)
}

/// Polls until the machine sleeps, and checks on the way what holds after every drain.
pub(crate) fn drain(watch: &mut Watch) -> Vec<String> {
    let mut came = Vec::new();
    loop {
        let action = watch.poll();
        came.push(show(&action));
        match action {
            Action::Status(status) => assert_eq!(status, watch.status()),
            Action::Sleep { until } => {
                assert_eq!(until, watch.deadline());
                assert_eq!(watch.poll(), action, "to sleep is a fixed point");
                return came;
            }
            _ => assert!(came.len() < 20, "it never sleeps: {came:#?}"),
        }
    }
}

fn show(action: &Action) -> String {
    match action {
        Action::Disconnect { attempt } => format!("disconnect {}", attempt.0),
        Action::Abandon { beat } => format!("abandon {}", beat.0),
        Action::Connect { attempt, request } => {
            format!("connect {}{}", attempt.0, show_watch_request(request))
        }
        Action::Heartbeat { beat, request } => {
            format!("heartbeat {} {}", beat.0, show_heartbeat_request(request))
        }
        Action::Report(report) => show_report(report),
        Action::Status(Status::Stopped(reason)) => format!("status Stopped {reason:?}"),
        Action::Status(status) => format!("status {status:?}"),
        Action::Wake(wake) => {
            assert_eq!((&*wake.url, wake.token.expose()), ("wss://go.example/1", WAKE_TOKEN));
            let session = wake
                .session
                .as_ref()
                .map_or(String::new(), |session| format!(" session={session}"));
            format!("wake, wait {}{session}", seconds(wake.wait_for_viewer))
        }
        Action::Stop(reason) => format!("stop {reason:?}"),
        Action::Sleep { until: None } => "sleep".to_owned(),
        Action::Sleep { until: Some(until) } => {
            format!("sleep {}", seconds(until.since(Timestamp::ORIGIN)))
        }
    }
}

/// Section 2.1: what is sent is shown, and what is always sent is checked.
fn show_watch_request(request: &Request) -> String {
    assert_eq!((request.method(), request.body()), (Method::Get, ""));
    let always = "https://api.example.com/v1/watch?protocolVersion=2.2.0";
    let query = request.url().strip_prefix(always).expect("the URL of a watch");
    let mut shown = String::new();
    for parameter in query.split_terminator('&').skip(1) {
        let (name, value) = parameter.split_once('=').expect("name=value");
        assert!(!value.is_empty(), "{name} is sent empty");
        let name = match name {
            "remoteAccessSessionId" => "session",
            "previousWatchLeaseId" => "previous",
            other => panic!("{other}?"),
        };
        shown.push_str(&format!(" {name}={value}"));
    }
    shown + &show_token(request)
}

/// Section 2.3.
fn show_heartbeat_request(request: &Request) -> String {
    assert_eq!(request.method(), Method::Post);
    assert_eq!(request.url(), "https://api.example.com/v1/watch/heartbeat");
    let body: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(request.body()).expect("a JSON object");
    assert_eq!(body.len(), 1, "{body:?}");
    let lease = body["watchLeaseId"].as_str().expect("a lease id");
    format!("{lease}{}", show_token(request))
}

fn show_token(request: &Request) -> String {
    let mut headers = request.headers();
    let (_, value) = headers.find(|(name, _)| *name == "authorization").expect("authorization");
    let token = value.strip_prefix("Bearer ").expect("the scheme");
    if token == DEVICE_TOKEN { String::new() } else { format!(" token={token}") }
}

fn show_report(report: &Report) -> String {
    match report {
        Report::Connected { attempt, took, heartbeat_interval, wait_for_viewer } => format!(
            "connected {} after {} beat {} wait {}",
            attempt.0,
            seconds(*took),
            seconds(*heartbeat_interval),
            seconds(*wait_for_viewer)
        ),
        Report::Oddity { attempt, oddity } => format!("odd {} {oddity:?}", attempt.0),
        Report::Heartbeat { beat, took, fault } => {
            let how = fault.map_or("accepted".to_owned(), |fault| format!("{fault:?}"));
            format!("beat {} {how} after {}", beat.0, seconds(*took))
        }
        Report::Ended { attempt, end, ran, then } => {
            let end = match end {
                End::Connect(fault) => format!("{fault:?}"),
                End::Watch(outcome) => format!("{outcome:?}"),
            };
            let then = match then {
                Then::Connect(delay) => seconds(delay.total()),
                Then::Park(delay) => format!("park {}", seconds(delay.total())),
                Then::HandOver => "hand over".to_owned(),
                Then::Stop(_) => "stop".to_owned(),
            };
            format!("ended {} {end} after {} then {then}", attempt.0, seconds(*ran))
        }
        Report::HandOverFailed { delay } => format!("failed then {}", seconds(delay.total())),
        Report::Held { wait } => format!("held {}", seconds(*wait)),
        other => panic!("{other:?}?"),
    }
}

fn seconds(duration: Duration) -> String {
    let millis = duration.subsec_millis();
    let part = if millis == 0 { String::new() } else { format!(".{millis:03}") };
    format!("{}{}s", duration.as_secs(), part.trim_end_matches('0'))
}
