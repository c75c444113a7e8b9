//! The operator's request: `POST {base}/v1/devices/{device}/wake`, and what its answer means.
//!
//! `wake` and `demo` both send it, over real HTTP. Answers are read up to 16 KiB, and what is quoted of
//! them holds no token, whatever the server writes.

use std::time::{Duration, Instant};

use dormouse_core::{Config, ConfigError, Secret, Token};
use reqwest::{Client, StatusCode, Url};
use serde::Serialize;
use serde_json::Value;

use crate::failure::Failure;
use crate::words::{foreign, innermost, span};

/// From the first byte to the answer. The server waits for at most one second for a device's stream.
const TIMEOUT: Duration = Duration::from_secs(20);

/// How much of an answer is read.
const MOST: usize = 16 * 1024;

/// Somebody who may wake devices.
pub(crate) struct Operator {
    client: Client,
    base: Url,
    auth_scheme: String,
    token: Token,
}

/// What a device is woken with.
pub(crate) struct Order {
    pub(crate) url: String,
    pub(crate) token: Secret,
    pub(crate) session: Option<String>,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) took: Duration,
    /// The body, where it is JSON.
    pub(crate) body: Option<Value>,
    secrets: [String; 2],
}

impl Operator {
    pub(crate) fn new(base: &str, auth_scheme: &str, token: Token) -> Result<Self, Failure> {
        let plain = check_base(base, auth_scheme)?;
        // As many slashes at its end as one likes, and none of them in the path.
        let url = Url::parse(base.trim_end_matches('/'))
            .map_err(|_| Failure::usage("the base URL is no URL"))?;
        let client = dormouse_tokio::client_builder(plain)
            .map_err(|error| Failure::failed(error.to_string()))?
            .build()
            .map_err(|error| Failure::failed(format!("the HTTP client cannot be made: {error}")))?;
        Ok(Self { client, base: url, auth_scheme: auth_scheme.into(), token })
    }

    /// Wakes a device, or has the wake wait for it.
    pub(crate) async fn wake(&self, device: &str, order: &Order) -> Result<Answer, Failure> {
        #[derive(Serialize)]
        struct Body<'a> {
            url: &'a str,
            token: &'a str,
            #[serde(rename = "remoteAccessSessionId", skip_serializing_if = "Option::is_none")]
            session: Option<&'a str>,
        }
        let body = Body {
            url: &order.url,
            token: order.token.expose(),
            session: order.session.as_deref(),
        };
        let body = serde_json::to_vec(&body).map_err(|error| Failure::failed(error.to_string()))?;
        let mut authorization = reqwest::header::HeaderValue::from_str(&format!(
            "{} {}",
            self.auth_scheme,
            self.token.expose()
        ))
        .map_err(|_| Failure::usage("the authorization scheme is no HTTP token"))?;
        authorization.set_sensitive(true);

        let request = self
            .client
            .post(self.address(device)?)
            .header(reqwest::header::AUTHORIZATION, authorization)
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .timeout(TIMEOUT)
            .body(body);
        let began = Instant::now();
        let mut response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MOST {
                break;
            }
        }
        Ok(Answer {
            status,
            took: began.elapsed(),
            body: serde_json::from_slice(&bytes).ok(),
            secrets: [self.token.expose().to_owned(), order.token.expose().to_owned()],
        })
    }

    fn address(&self, device: &str) -> Result<Url, Failure> {
        // A path would lose these two on its way.
        if matches!(device, "" | "." | "..") {
            return Err(Failure::usage(format!("{device:?} is no device's name")));
        }
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| Failure::usage("the base URL can have no path"))?
            .pop_if_empty()
            .extend(["v1", "devices", device, "wake"]);
        Ok(url)
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let said = if error.is_timeout() {
            format!("it took longer than {}", span(TIMEOUT))
        } else {
            // The innermost cause is the one that can be acted upon.
            let mut cause: &dyn std::error::Error = error;
            while let Some(inner) = cause.source() {
                cause = inner;
            }
            innermost(&cause.to_string())
        };
        Failure::failed(format!("{}: no answer from the server: {said}", self.base))
            .advise("check that the server runs, and that this is its base URL")
    }
}

impl Answer {
    /// What the server says about it, fit for a terminal.
    pub(crate) fn message(&self) -> Option<String> {
        let message = self.body.as_ref()?.get("message")?.as_str()?;
        Some(self.fit(message))
    }

    /// Text of the answer, fit for a terminal.
    pub(crate) fn fit(&self, text: &str) -> String {
        foreign(text, &self.secrets.each_ref().map(String::as_str))
    }

    /// Whether the body has the field.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.body.as_ref().is_some_and(|body| body.get(field).is_some())
    }

    /// Whether the body says so.
    pub(crate) fn says(&self, field: &str) -> bool {
        self.body.as_ref().is_some_and(|body| body[field] == Value::Bool(true))
    }
}

/// Checks a base URL as a watch would, and says whether it is `http`. The URL is not quoted: it may hold
/// a password, which is why it is refused.
pub(crate) fn check_base(base: &str, auth_scheme: &str) -> Result<bool, Failure> {
    Config::new(base)
        .auth_scheme(auth_scheme)
        .build()
        .map(|config| config.is_plain())
        .map_err(|error| misconfigured(&error))
}

/// A setting that cannot be used.
pub(crate) fn misconfigured(error: &ConfigError) -> Failure {
    let failure = Failure::usage(error.to_string());
    match error {
        ConfigError::Base(_) => failure
            .advise("write the base URL like https://api.example.com or http://127.0.0.1:8080"),
        _ => failure,
    }
}
