//! What operators ask for: to wake a device, and to see how all of them stand.

use core::time::Duration;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::answer::Answer;
use super::directory::Who;
use super::hub::{Fate, Hub};
use super::request::{self, authorize};
use super::wake::Wake;
use crate::lease::State as DeviceState;

/// The longest body of a wake, in bytes: URL and token at their longest, with room for escapes.
const MAX_WAKE: usize = 256 * 1024;

/// How long an operator waits for an open stream to take the wake. It is a matter of microseconds,
/// unless the device has stopped reading.
const TAKE_TIMEOUT: Duration = Duration::from_secs(1);

/// `POST /v1/devices/{device}/wake`
pub(crate) async fn wake(
    State(hub): State<Arc<Hub>>,
    device: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Answer> {
    operator(&hub, &request)?;
    let Path(device) = device.map_err(|_| Answer::unknown_device())?;
    let body = request::body(request, MAX_WAKE).await?;
    let wake: Wake = request::json(
        &body,
        "{\"url\":\"wss://…\",\"token\":\"…\"}, with \"remoteAccessSessionId\" if there is one, \
         nothing else",
    )?;
    wake.check(hub.config.allow_plain_urls).map_err(Answer::bad_request)?;

    let (handed, fate) = hub.wake(&device, Arc::new(wake))?;
    let fate = match fate {
        Some(fate) => tokio::time::timeout(TAKE_TIMEOUT, fate).await.ok().and_then(Result::ok),
        None => None,
    };
    let delivered = fate == Some(Fate::Taken);
    let waiting = fate.is_none();
    let state = match (delivered, handed.open) {
        (true, _) => "awake",
        (false, true) => "waking",
        (false, false) => "away",
    };
    tracing::info!(device, delivered, waiting, replaced = handed.replaced, "wake");
    let body = json!({
        "device": device,
        "delivered": delivered,
        "waiting": waiting,
        "waitsMs": waiting.then(|| millis(hub.config.wake_lifetime)),
        "replaced": handed.replaced,
        "state": state,
    });
    let status = if delivered { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok(answer(status, body))
}

/// `GET /v1/devices`
pub(crate) async fn devices(
    State(hub): State<Arc<Hub>>,
    request: Request,
) -> Result<Response, Answer> {
    operator(&hub, &request)?;
    let glance = hub.glance();
    let devices: Vec<Value> = hub
        .status()
        .iter()
        .map(|status| {
            json!({
                "device": status.device,
                "state": match status.state {
                    DeviceState::Asleep => "asleep",
                    DeviceState::Waking => "waking",
                    DeviceState::Awake => "awake",
                    DeviceState::Away => "away",
                },
                "sinceMs": millis(status.since),
                "leaseAgeMs": status.lease_age.map(millis),
                "leaseLeftMs": status.lease_left.map(millis),
                "wakeWaiting": status.wake_waiting,
            })
        })
        .collect();
    let body = json!({
        "devices": devices,
        "openWatches": glance.open,
        "heldLeases": glance.held,
        "retryMs": millis(glance.window),
        "draining": glance.draining,
        "stateFile": match (&hub.config.state_file, glance.state_broken) {
            (None, _) => "none",
            (Some(_), false) => "ok",
            (Some(_), true) => "failing",
        },
    });
    Ok(answer(StatusCode::OK, body))
}

/// `GET /healthz`: open to everybody, so it tells nothing but whether to send devices here.
pub(crate) async fn healthz(State(hub): State<Arc<Hub>>) -> Response {
    if hub.glance().draining {
        answer(StatusCode::SERVICE_UNAVAILABLE, json!({ "status": "draining" }))
    } else {
        answer(StatusCode::OK, json!({ "status": "ok" }))
    }
}

fn operator(hub: &Hub, request: &Request) -> Result<(), Answer> {
    match authorize(hub, request.headers()) {
        Some(Who::Operator) => Ok(()),
        Some(Who::Device(_)) | None => {
            Err(Answer::unauthorized(&hub.config.auth_scheme, "operator's"))
        }
    }
}

fn answer(status: StatusCode, body: Value) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
