//! What devices ask for: the watch and the heartbeat (protocol.md, sections 2.1 and 2.3).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::answer::Answer;
use super::body::WatchBody;
use super::directory::Who;
use super::hub::Hub;
use super::request::{self, authorize};
use super::wake::is_session_id;
use crate::lease::{BadLeaseId, Heartbeat, LeaseId};

/// The major version of the watch protocol that is spoken here.
const MAJOR_VERSION: &str = "2";

/// The longest body of a heartbeat, in bytes.
const MAX_HEARTBEAT: usize = 16 * 1024;

/// `GET /v1/watch`
pub(crate) async fn watch(
    State(hub): State<Arc<Hub>>,
    request: Request,
) -> Result<Response, Answer> {
    let device = device(&hub, &request)?;
    let query = WatchQuery::read(&request)?;
    let previous = query.previous.as_ref().map(LeaseId::expose);
    let grant = hub.open(&device, previous).inspect_err(|answer| {
        tracing::debug!(device = &*device, status = answer.status.as_u16(), "watch refused");
    })?;
    tracing::trace!(device = &*device, session = query.session.as_deref(), "hello is due");
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // Proxies that buffer would hold the wake back.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::new(WatchBody::new(hub, device, grant))).into_response())
}

/// `HEAD /v1/watch`: axum would have the GET answer it, and that takes a lease.
pub(crate) async fn no_head() -> Answer {
    Answer::method_not_allowed()
}

/// `POST /v1/watch/heartbeat`
pub(crate) async fn heartbeat(
    State(hub): State<Arc<Hub>>,
    request: Request,
) -> Result<StatusCode, Answer> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Beat {
        watch_lease_id: String,
    }
    let device = device(&hub, &request)?;
    let body = request::body(request, MAX_HEARTBEAT).await?;
    let beat: Beat = request::json(&body, "{\"watchLeaseId\":\"…\"}")?;
    let lease = LeaseId::new(&beat.watch_lease_id)
        .map_err(|error @ BadLeaseId| Answer::bad_request(format!("watchLeaseId: {error}")))?;
    let outcome = hub.heartbeat(&device, lease.expose());
    tracing::trace!(device = &*device, ?outcome, "heartbeat");
    match outcome {
        Heartbeat::Refreshed | Heartbeat::Woken => Ok(StatusCode::NO_CONTENT),
        Heartbeat::Taken => Err(Answer::taken()),
        Heartbeat::Gone => Err(Answer::gone()),
    }
}

fn device(hub: &Hub, request: &Request) -> Result<Arc<str>, Answer> {
    match authorize(hub, request.headers()) {
        Some(Who::Device(device)) => Ok(Arc::clone(device)),
        // An operator's token on a device is a mistake that a retry does not mend: 401 stops it.
        Some(Who::Operator) | None => {
            Err(Answer::unauthorized(&hub.config.auth_scheme, "device's"))
        }
    }
}

/// The query of a watch, checked.
struct WatchQuery {
    previous: Option<LeaseId>,
    session: Option<String>,
}

impl WatchQuery {
    fn read(request: &Request) -> Result<WatchQuery, Answer> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(request.uri())
            .map_err(|_| Answer::bad_request("the query cannot be read"))?;
        let (mut version, mut previous, mut session) = (None, None, None);
        for (name, value) in pairs {
            // A parameter that this server does not know may be known to a later one.
            let slot = match name.as_str() {
                "protocolVersion" => &mut version,
                "previousWatchLeaseId" => &mut previous,
                "remoteAccessSessionId" => &mut session,
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return Err(Answer::bad_request(format!("{name} is given twice")));
            }
        }
        if !version.as_deref().is_some_and(speaks) {
            let what = if version.is_some() { "is not spoken here" } else { "is missing" };
            return Err(Answer::bad_request(format!(
                "protocolVersion {what}; send protocolVersion=2.2.0"
            )));
        }
        if session.as_deref().is_some_and(|id| !is_session_id(id)) {
            return Err(Answer::bad_request(
                "remoteAccessSessionId is 1 to 256 bytes of visible ASCII; leave it out where \
                 there is none",
            ));
        }
        let previous = previous.as_deref().map(LeaseId::new).transpose().map_err(|error| {
            Answer::bad_request(format!(
                "previousWatchLeaseId: {error}; leave it out where there is none"
            ))
        })?;
        Ok(WatchQuery { previous, session })
    }
}

/// Whether a version such as `2`, `2.2` or `2.2.0` has our major number.
fn speaks(version: &str) -> bool {
    let mut parts = version.split('.');
    let number = |part: &str| {
        (1..=9).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    parts.next() == Some(MAJOR_VERSION) && version.split('.').count() <= 3 && parts.all(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for version in ["2", "2.0", "2.2.0", "2.99.123"] {
            assert!(speaks(version), "{version}");
        }
        for version in
            ["", "1", "3.0.0", "22.0.0", "2.", "2.x", "2.2.0.1", " 2", "2.2.0-beta", "02", "2.-1"]
        {
            assert!(!speaks(version), "{version}");
        }
    }
}
