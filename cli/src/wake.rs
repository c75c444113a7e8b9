//! `dormouse wake URL DEVICE`: the operator's side.
//!
//! One request, and its answer in words: delivered, or waiting for a device that is away. What is not
//! given is made up: a place to go, and a token to get in with, which then nobody knows; that is enough to
//! see a device wake.

use std::path::PathBuf;
use std::process::ExitCode;

use dormouse_core::Secret;
use reqwest::StatusCode;
use serde::Serialize;

use crate::failure::Failure;
use crate::operator::{Answer, Operator, Order};
use crate::output::{ALERT, BRIGHT, Event, Line, Output, Stamp};
use crate::secrets;
use crate::words::{millis, span};

/// Wake a device
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  dormouse wake http://127.0.0.1:8080 laptop --operator-token-file dormouse-tokens/operator

The operator's token comes from --operator-token-file or DORMOUSE_OPERATOR_TOKEN, the wake's from
--wake-token-file or DORMOUSE_WAKE_TOKEN, or it is made up.

With --json, one object:
  event         \"wake\", or \"refused\"
  wake          device, delivered, waiting, waits_ms, replaced, took_ms
  refused       device, status, error, message, took_ms

Exit codes: 0 delivered, or waiting for the device to come back; 1 it failed; 2 wrong arguments or
tokens; 3 the server refuses the operator's token.")]
pub(crate) struct Args {
    /// The base URL of the service
    url: String,
    /// The device's name
    device: String,
    /// The file with the operator's token [env: DORMOUSE_OPERATOR_TOKEN]
    #[arg(long, value_name = "FILE")]
    operator_token_file: Option<PathBuf>,
    /// Where the device is to go [default: a made-up session at wss://example.com]
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// The file with the token that the device gets in with [env: DORMOUSE_WAKE_TOKEN]
    #[arg(long, value_name = "FILE")]
    wake_token_file: Option<PathBuf>,
    /// The remote access session that the wake belongs to
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// The authorization scheme before the token
    #[arg(long, value_name = "SCHEME", default_value = "Bearer")]
    auth_scheme: String,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Told {
    Wake {
        device: String,
        delivered: bool,
        waiting: bool,
        waits_ms: Option<u64>,
        replaced: bool,
        took_ms: f64,
    },
    Refused {
        device: String,
        status: u16,
        error: Option<String>,
        message: Option<String>,
        took_ms: u64,
    },
}

impl Event for Told {
    fn line(&self) -> Option<Line> {
        let Self::Wake { device, delivered, waiting, waits_ms, replaced, took_ms } = self else {
            // Standard error says it.
            return None;
        };
        let took = format!("{took_ms:.1} ms");
        if *delivered {
            let text = format!("{device} was asleep and has the wake; answered in {took}");
            return Some(Line::new("delivered", BRIGHT, text));
        }
        let place = if *replaced { ", in the place of an older one" } else { "" };
        let until = waits_ms.map_or(String::new(), |wait| {
            format!(" for up to {}", span(std::time::Duration::from_millis(wait)))
        });
        let text = if *waiting {
            format!("{device} is away; the wake waits for it{until}{place}; answered in {took}")
        } else {
            format!("a newer wake for {device} took the place of this one")
        };
        Some(Line::new(if *waiting { "waiting" } else { "replaced" }, ALERT, text))
    }
}

pub(crate) async fn run(args: Args, json: bool) -> Result<ExitCode, Failure> {
    let token = secrets::find_token(
        args.operator_token_file.as_deref(),
        "DORMOUSE_OPERATOR_TOKEN",
        "--operator-token-file",
        "operator's",
    )?;
    let operator = Operator::new(&args.url, &args.auth_scheme, token)?;
    let url = match args.to {
        Some(url) => url,
        None => format!("wss://example.com/session/{}", &secrets::random()?[..8]),
    };
    let made_up =
        args.wake_token_file.is_none() && std::env::var_os("DORMOUSE_WAKE_TOKEN").is_none();
    let token = if made_up {
        Secret::new(secrets::random()?)
    } else {
        let file = args.wake_token_file.as_deref();
        secrets::find(file, "DORMOUSE_WAKE_TOKEN", "--wake-token-file", "wake's")?.text
    };
    let order = Order { url, token, session: args.session };

    let output = Output::new(json, Stamp::Clock, 9);
    let answer = operator.wake(&args.device, &order).await?;
    let outcome = judge(&args.device, &answer);
    output.say(&told(args.device, &answer, outcome.is_ok()));
    outcome?;
    output.finish()?;
    Ok(ExitCode::SUCCESS)
}

fn told(device: String, answer: &Answer, good: bool) -> Told {
    let field = |name: &str| answer.body.as_ref().and_then(|body| body.get(name));
    if good {
        Told::Wake {
            device,
            delivered: answer.says("delivered"),
            waiting: answer.says("waiting"),
            waits_ms: field("waitsMs").and_then(serde_json::Value::as_u64),
            replaced: answer.says("replaced"),
            took_ms: (answer.took.as_secs_f64() * 1e4).round() / 10.0,
        }
    } else {
        Told::Refused {
            device,
            status: answer.status.as_u16(),
            error: field("error").and_then(|error| error.as_str()).map(|error| answer.fit(error)),
            message: answer.message(),
            took_ms: millis(answer.took),
        }
    }
}

/// What an answer means, where it is not good.
fn judge(device: &str, answer: &Answer) -> Result<(), Failure> {
    let status = answer.status.as_u16();
    let said = answer.message().map_or(String::new(), |message| format!(": {message}"));
    Err(match answer.status {
        StatusCode::OK | StatusCode::ACCEPTED if answer.has("delivered") => {
            if answer.says("delivered") || answer.says("waiting") {
                return Ok(());
            }
            Failure::failed(format!("a newer wake for {device} took the place of this one"))
        }
        StatusCode::UNAUTHORIZED => {
            Failure::unauthorized(format!("the server refuses the operator's token (401){said}"))
                .advise("a device's token does not wake devices; check --operator-token-file")
        }
        StatusCode::NOT_FOUND if answer.has("error") => {
            Failure::failed(format!("the server knows no device {device:?} (404)"))
                .advise("check the name against the devices that the server is configured with")
        }
        StatusCode::NOT_FOUND => Failure::failed("there is no such service at this URL (404)")
            .advise("check the base URL, and the path in it if the server has a --prefix"),
        StatusCode::BAD_REQUEST => {
            Failure::failed(format!("the server cannot use this wake (400){said}"))
                .advise("check --to, --session and the wake's token")
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            Failure::failed(format!("the server takes no wakes now (503){said}"))
                .advise("nothing was delivered; try again in a moment")
        }
        _ if answer.status.is_redirection() => {
            Failure::failed(format!("the server answered {status}; redirects are not followed"))
                .advise("check the base URL")
        }
        _ if answer.status.is_success() => Failure::failed(format!(
            "the answer ({status}) is not the service's: a maintenance page, a captive portal or a \
             wrong address"
        ))
        .advise("check the base URL"),
        _ => Failure::failed(format!("the server answered {status}{said}")),
    })
}
