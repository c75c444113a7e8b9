//! Reading requests: the token, a bounded body, JSON. What is wrong is said without quoting it,
//! since it may be a secret in the wrong place.

use core::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::answer::Answer;
use super::directory::Who;
use super::hub::Hub;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Whose token the request carries.
pub(crate) fn authorize<'a>(hub: &'a Hub, headers: &HeaderMap) -> Option<&'a Who> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    // Two of them are a smuggled one: neither counts.
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case(&hub.config.auth_scheme) {
        return None;
    }
    hub.config.directory.who(token.trim_matches(' '))
}

/// The whole body, at most `limit` bytes of it.
pub(crate) async fn body(request: Request, limit: usize) -> Result<Bytes, Answer> {
    let body = axum::body::to_bytes(request.into_body(), limit);
    match tokio::time::timeout(BODY_TIMEOUT, body).await {
        Ok(Ok(bytes)) => Ok(bytes),
        // Nobody is there to read the answer to a body that broke off, so what is left is one that
        // is too long.
        Ok(Err(_)) => Err(Answer::too_large(limit)),
        Err(_) => Err(Answer::bad_request("the body did not arrive within 10 s")),
    }
}

/// Reads JSON, or says where it goes wrong and what it should look like.
pub(crate) fn json<T: DeserializeOwned>(body: &[u8], expected: &str) -> Result<T, Answer> {
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Answer::bad_request(format!(
            "the body goes wrong at line {line}, column {column}; send {expected}"
        ))
    })
}
