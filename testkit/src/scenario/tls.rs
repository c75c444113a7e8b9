//! TLS: whom a client believes, and what it takes for an end.

use dormouse_core::{ConnectFault, End, Outcome, StreamFault, TransportFault, UrlFault, WireFault};

use super::Scenario;
use super::say::{broken_connect, broken_stream, good, millis, stream, then};
use crate::bench::{Bench, Ground, Stage, Staged};
use crate::client::Speech;
use crate::tls::Certificate;
use crate::wire::{hello, wake};
use crate::{Gate, Step};

const NEEDS: &[Speech] = &[Speech::Tls];
const ROWS: &[&str] =
    &["8 https is verified against the platform's roots", "4 connect: transport error"];

/// A server with this certificate.
fn server(ground: &Ground, certificate: Certificate) -> Staged {
    let tls = ground.authority()?.server(certificate)?;
    Ok(Stage::of(ground.builder().tls(tls).watches(|_| good("l")).start()?))
}

/// A server that is not believed is told nothing.
fn is_not_believed(bench: &Bench) {
    let mut run = bench.watch();
    for row in [1, 2] {
        let ending = run.ended(broken_connect(TransportFault::Tls));
        ending.is_after(row);
        run.comes_back(&ending);
    }
    drop(run);
    assert_eq!(bench.server().seen(), [], "a request was sent");
    assert!(bench.server().connections() >= 2);
}

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "tls-good",
        story: "The certificate is good.",
        must: "Connect, and heartbeat beside the stream.",
        rows: &["8 https is verified against the platform's roots", "2.3"],
        needs: NEEDS,
        stage: |ground| {
            let tls = ground.authority()?.server(Certificate::Good)?;
            Ok(Stage::of(ground.builder().tls(tls).watches(|_| super::say::alive("l")).start()?))
        },
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            run.lives_until_a_beat();
            run.accepted();
        },
    },
    Scenario {
        name: "tls-expired",
        story: "The certificate was valid until 2020.",
        must: "Say that TLS failed, send nothing, back off.",
        rows: ROWS,
        needs: NEEDS,
        stage: |ground| server(ground, Certificate::Expired),
        play: is_not_believed,
    },
    Scenario {
        name: "tls-wrong-host",
        story: "The certificate is for another name.",
        must: "Say that TLS failed, send nothing, back off.",
        rows: ROWS,
        needs: NEEDS,
        stage: |ground| server(ground, Certificate::WrongHost),
        play: is_not_believed,
    },
    Scenario {
        name: "tls-unknown-authority",
        story: "The certificate is signed by an authority that nobody trusts.",
        must: "Say that TLS failed, send nothing, back off.",
        rows: ROWS,
        needs: NEEDS,
        stage: |ground| server(ground, Certificate::UnknownAuthority),
        play: is_not_believed,
    },
    Scenario {
        name: "tls-stall",
        story: "The connection is taken, and the handshake is never answered.",
        must: "Give up when the deadline for hello has passed, which covers TLS.",
        rows: &["3 hello deadline", "8 one deadline covers everything up to hello"],
        needs: NEEDS,
        stage: |ground| {
            let server = ground.builder().connections(|_| vec![Step::Hold]).start()?;
            let url = format!("https://localhost:{}", server.address().port());
            ground.authority()?;
            Ok(Stage { url, ..Stage::of(server) })
        },
        play: |bench| {
            let mut run = bench.watch();
            run.connecting();
            bench.server().wait_open(1);
            run.forward(millis(29_999));
            run.is_quiet();
            run.forward(millis(1));
            run.ended(End::Connect(ConnectFault::HelloTimeout { opened: false })).is_after(1);
            bench.server().wait_open(0);
        },
    },
    Scenario {
        name: "tls-none",
        story: "The server speaks plain HTTP on the port of an https URL.",
        must: "Say that TLS failed; never fall back to plain HTTP.",
        rows: ROWS,
        needs: NEEDS,
        stage: |ground| {
            let server = ground.builder().connections(|_| {
                vec![
                    Step::send("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"),
                    Step::Hold,
                ]
            });
            let server = server.start()?;
            let url = format!("https://localhost:{}", server.address().port());
            ground.authority()?;
            Ok(Stage { url, ..Stage::of(server) })
        },
        play: is_not_believed,
    },
    Scenario {
        name: "tls-cut",
        story: "The connection is closed without the end that TLS has: anybody on the way could have done that.",
        must: "Take it for a broken stream, not for one that ended.",
        rows: &["4 watch: stream error earlier than that"],
        needs: NEEDS,
        stage: |ground| {
            let tls = ground.authority()?.server(Certificate::Good)?;
            let gate = Gate::new();
            let cut = then("l-1", &gate, [Step::Cut]);
            let watches = move |n| if n == 0 { cut.clone() } else { good("l-2") };
            let server = ground.builder().tls(tls).watches(watches).start()?;
            Ok(Stage::of(server).gates([gate]))
        },
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            bench.open(0);
            let ending = run.ended(broken_stream(TransportFault::Broken));
            ending.is_after(1);
            run.comes_back(&ending);
            run.connected();
            assert_eq!(bench.previous(1).as_deref(), Some("l-1"));
        },
    },
    Scenario {
        name: "tls-wake-without",
        story: "A wake over https leads to ws: and to http:.",
        must: "Go to neither: a token that came under TLS does not leave without it.",
        rows: &["7 wake url", "4 watch: malformed wake"],
        needs: NEEDS,
        stage: |ground| {
            let tls = ground.authority()?.server(Certificate::Good)?;
            let watches = |n: usize| {
                let url = ["ws://a.example/", "http://a.example/", "wss://a.example/"][n.min(2)];
                stream(format!("{}{}", hello("l", 20_000), wake(url, "t")))
            };
            Ok(Stage::of(ground.builder().tls(tls).watches(watches).start()?))
        },
        play: |bench| {
            let mut run = bench.watch();
            let fault = WireFault::Url(UrlFault::Scheme);
            for _ in 0..2 {
                let end = End::Watch(Outcome::Stream(StreamFault::Wake(fault)));
                let ending = run.ended(end);
                run.comes_back(&ending);
            }
            assert_eq!(run.wake().url, "wss://a.example/");
        },
    },
];
