//! Answers that are no stream: a status, and a JSON body that says what to do.

use core::time::Duration;

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::load::whole_seconds;

/// An answer that refuses: a stable word for programs and a sentence for people. It quotes nothing
/// of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    error: &'static str,
    message: String,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Answer {
    fn new(status: StatusCode, error: &'static str, message: impl Into<String>) -> Answer {
        Answer { status, error, message: message.into(), header: None }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Answer {
        Answer::new(StatusCode::BAD_REQUEST, "bad-request", message)
    }

    pub(crate) fn too_large(limit: usize) -> Answer {
        let message = format!("the body is longer than {} KiB", limit / 1024);
        Answer::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", message)
    }

    pub(crate) fn method_not_allowed() -> Answer {
        Answer::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "use GET")
    }

    pub(crate) fn unauthorized(scheme: &str, whose: &str) -> Answer {
        let message = format!("send the {whose} token: Authorization: {scheme} TOKEN");
        let mut answer = Answer::new(StatusCode::UNAUTHORIZED, "unauthorized", message);
        // The scheme was checked to be one word, so this cannot fail.
        answer.header = HeaderValue::try_from(format!("{scheme} realm=\"watch\""))
            .ok()
            .map(|challenge| (header::WWW_AUTHENTICATE, challenge));
        answer
    }

    pub(crate) fn held() -> Answer {
        let message =
            "another client holds this device; it is free when that client's lease expires";
        Answer::new(StatusCode::CONFLICT, "held", message)
    }

    pub(crate) fn taken() -> Answer {
        Answer::new(
            StatusCode::CONFLICT,
            "taken",
            "another client took the lease; open a new watch later",
        )
    }

    pub(crate) fn gone() -> Answer {
        Answer::new(
            StatusCode::GONE,
            "gone",
            "the lease is unknown or has expired; open a new watch",
        )
    }

    pub(crate) fn unknown_device() -> Answer {
        Answer::new(StatusCode::NOT_FOUND, "unknown-device", "no device of that name is configured")
    }

    /// The server is about to stop: come back within the window that its streams are told.
    pub(crate) fn draining(window: Duration) -> Answer {
        Answer::later("draining", "the server is about to stop", whole_seconds(window))
    }

    pub(crate) fn later(error: &'static str, message: &'static str, seconds: u64) -> Answer {
        let mut answer = Answer::new(StatusCode::SERVICE_UNAVAILABLE, error, message);
        answer.header = Some((header::RETRY_AFTER, HeaderValue::from(seconds.max(1))));
        answer
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.error, "message": self.message }));
        let mut response =
            (self.status, [(header::CACHE_CONTROL, "no-store")], body).into_response();
        response.headers_mut().extend(self.header);
        response
    }
}
