//! `dormouse demo`: the whole story in one process, over real sockets.
//!
//! A server, a device and an operator play it; nothing is staged but the order. Each step waits for what
//! really happened, and if that does not come in time, the story has not come true: the message says
//! where it stopped, and the exit code is 1. `cast` has the players, `stage` how they are shown.

mod cast;
mod stage;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::output::{Output, Stamp};
use crate::seen::{Next, Phase, Seen};
use crate::signals::Signals;
use crate::words::{count, program};
use cast::{DEVICE, Heard, Host, Place};
use stage::{Actor, Scene, Stage};

/// The story ends by itself within this time, or has failed.
const CURTAIN: Duration = Duration::from_secs(19);

/// Watch a device sleep, be woken, lose its server and be woken again
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  dormouse demo
  dormouse demo --json | jq -r 'select(.event == \"woken\") | .took_ms'

With --json, one object a line; all carry event, actor (server, device, operator, twin), text, at_ms
(since the start) and unix_ms. In this order, with others between them:
  serving, connecting, asleep, heartbeat, waking, woken (took_ms), delivered, asleep, heartbeat,
  killed, cut_off (delay_ms), refused (delay_ms), back, rejected, asleep, waking, woken (took_ms),
  delivered, end (wakes, fastest_ms)

Exit codes: 0 all of it came true; 1 it did not; 130 or 143 it was stopped.")]
pub(crate) struct Args {}

pub(crate) async fn run(_: &Args, json: bool) -> Result<ExitCode, Failure> {
    let output = Output::new(json, Stamp::Elapsed, 8);
    let mut signals = Signals::listen()?;
    let play = async {
        match tokio::time::timeout(CURTAIN, story(&output)).await {
            Ok(done) => done,
            Err(_) => Err(Failure::failed("the story did not come true in time")),
        }
    };
    let done = tokio::select! {
        done = play => done,
        failure = output.closed() => return Err(failure),
        signal = signals.next() => return Ok(signal.exit_code()),
    };
    done?;
    output.finish()?;
    Ok(ExitCode::SUCCESS)
}

async fn story(output: &Output) -> Result<(), Failure> {
    output.prose(
        "A device sleeps behind a NAT and costs nothing. Somebody wants it, and its server dies.\n",
    );
    let host = Host::new(Place::new()?)?;
    let server = host.serve().await?;
    let base = host.base()?;
    let mut stage = Stage::new(output.clone());
    stage.tell(Scene::new("serving", Actor::Server, format!("listens on {base}")));

    let device = cast::device(&base, host.device_token(), stage.ear())?;
    stage.until("the device falls asleep", is_connected).await?;
    stage.until("a heartbeat is accepted", is_heartbeat).await?;
    let operator = host.operator(&base)?;
    wake(&mut stage, &operator).await?;

    stage.until("the device sleeps again", is_connected).await?;
    let asleep = Instant::now();
    stage.until("a heartbeat is accepted", is_heartbeat).await?;
    // A stream that breaks before it is one heartbeat interval old is answered with a backoff at once;
    // here the first reconnect is to be seen without one.
    stage.pause_until(asleep + cast::HEARTBEAT_INTERVAL + Duration::from_millis(200)).await;
    // Told first: the device may hear of it before the last connection is cut.
    stage.tell(Scene::new(
        "killed",
        Actor::Server,
        "is killed, as by kill -9: no goodbye, no drain",
    ));
    server.abort().await;
    stage.until("the device is cut off", is_cut_off).await?;
    stage.until("a connect is refused", is_refused).await?;
    stage.until("another connect is refused", is_refused).await?;

    let server = host.serve().await?;
    stage.tell(Scene::new(
        "back",
        Actor::Server,
        "is back on the same port, with its leases on file",
    ));
    let twin = cast::twin(&base, host.device_token()).await?;
    stage.tell(Scene::new("rejected", Actor::Twin, twin));
    stage.until("the device takes its lease up again", is_connected).await?;
    wake(&mut stage, &operator).await?;
    stage.until("the device sleeps again", is_connected).await?;

    device.abort();
    server.drain().await;
    end(&stage);
    Ok(())
}

/// Has the operator wake the device, and sees both ends of it.
async fn wake(stage: &mut Stage, operator: &cast::Caller) -> Result<(), Failure> {
    stage.pause(Duration::from_millis(300)).await;
    let order = operator.order()?;
    stage.tell(Scene::new(
        "waking",
        Actor::Operator,
        format!("wakes {DEVICE}: POST …/devices/{DEVICE}/wake"),
    ));
    let asked = Instant::now();
    stage.asked(asked);
    let (answer, woken) = tokio::join!(
        operator.wake(&order),
        stage.until("the device is woken", |heard| matches!(heard, Heard::Woken { .. }))
    );
    woken?;
    let answer = answer?;
    if !answer.says("delivered") {
        let status = answer.status;
        return Err(Failure::failed(format!("the server answered the operator {status}")));
    }
    let text = format!("hears that it was delivered ({})", answer.status.as_u16());
    stage.tell(Scene::new("delivered", Actor::Operator, text));
    Ok(())
}

fn end(stage: &Stage) {
    let fastest = stage.wakes.iter().min().copied().unwrap_or_default();
    let wakes = count(stage.wakes.len(), "wake", "wakes");
    let beats = count(stage.heartbeats, "heartbeat", "heartbeats");
    let refused = count(stage.refused, "refused connect", "refused connects");
    let fastest_ms = fastest.as_secs_f64() * 1e3;
    let text = format!(
        "{wakes}, the fastest in {fastest_ms:.1} ms; {beats}; {refused}; one server killed, and \
         nobody else let in meanwhile"
    );
    stage.end(text.clone(), fastest_ms);
    let program = program();
    stage.prose(&format!(
        "\nSeen: {text}.\n\
         A row is the protocol's own delay; the window is the server's wish, so that a fleet does not \
         come back all at once.\n\
         Next: {program} serve    and try it by hand"
    ));
}

fn is_connected(heard: &Heard) -> bool {
    matches!(heard, Heard::Seen(Seen::Connected { .. }))
}

fn is_heartbeat(heard: &Heard) -> bool {
    matches!(heard, Heard::Seen(Seen::Heartbeat { accepted: true, .. }))
}

fn is_cut_off(heard: &Heard) -> bool {
    matches!(heard, Heard::Seen(Seen::Ended { phase: Phase::Watch, then: Next::Connect, .. }))
}

fn is_refused(heard: &Heard) -> bool {
    matches!(heard, Heard::Seen(Seen::Ended { phase: Phase::Connect, .. }))
}
