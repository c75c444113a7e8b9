//! The two requests of the protocol, complete: an adapter sends what it is given (protocol.md sections
//! 2.1 and 2.3).

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use crate::config::Config;
use crate::secret::{Secret, Token};
use crate::wire::{LeaseId, SessionId};

/// A request to send as it stands. No redirect is to be followed: the credential is for this origin only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    method: Method,
    url: Box<str>,
    authorization: Secret,
    body: String,
}

/// The method of a [`Request`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// A watch.
    Get,
    /// A heartbeat.
    Post,
}

impl Method {
    /// As it stands in the request line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

impl Request {
    pub(crate) fn watch(
        config: &Config,
        token: &Token,
        session: Option<&SessionId>,
        previous: Option<&LeaseId>,
    ) -> Self {
        let mut url = String::from(config.watch_url());
        for (parameter, value) in [
            ("remoteAccessSessionId", session.map(SessionId::as_str)),
            ("previousWatchLeaseId", previous.map(LeaseId::as_str)),
        ] {
            if let Some(value) = value {
                url.push('&');
                url.push_str(parameter);
                url.push('=');
                url.extend(encode(value));
            }
        }
        Self {
            method: Method::Get,
            url: url.into(),
            authorization: authorization(config, token),
            body: String::new(),
        }
    }

    pub(crate) fn heartbeat(config: &Config, token: &Token, lease: &LeaseId) -> Self {
        // The id is visible ASCII; what JSON wants escaped among that are the quote and the backslash.
        let mut body = String::from(r#"{"watchLeaseId":""#);
        for symbol in lease.as_str().chars() {
            if matches!(symbol, '"' | '\\') {
                body.push('\\');
            }
            body.push(symbol);
        }
        body.push_str(r#""}"#);
        Self {
            method: Method::Post,
            url: config.heartbeat_url().into(),
            authorization: authorization(config, token),
            body,
        }
    }

    /// GET for a watch, POST for a heartbeat.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// The absolute URL, percent-encoded.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The headers to send, `Authorization` included: its value is a secret.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let own: &'static [(&'static str, &'static str)] = match self.method {
            Method::Get => &[("accept", "text/event-stream"), ("cache-control", "no-store")],
            Method::Post => &[("content-type", "application/json")],
        };
        // A transport may offer to decompress, and a proxy then holds the stream back to compress it.
        let every =
            [("authorization", self.authorization.expose()), ("accept-encoding", "identity")];
        own.iter().copied().chain(every)
    }

    /// The body: empty for a watch.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }
}

/// Percent-encodes a query value: everything but what RFC 3986 calls unreserved.
pub(crate) fn encode(value: &str) -> impl Iterator<Item = &str> {
    const RESERVED: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    percent_encoding::utf8_percent_encode(value, RESERVED)
}

fn authorization(config: &Config, token: &Token) -> Secret {
    Secret::new(format!("{} {}", config.auth_scheme(), token.expose()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn config() -> Config {
        Config::new("https://api.example.com/x/").build().expect("a config")
    }

    fn token() -> Token {
        Token::new("canary").expect("a token")
    }

    #[test]
    fn a_watch_is_asked_for_as_the_protocol_says() {
        let request = Request::watch(&config(), &token(), None, None);
        assert_eq!(request.method().as_str(), "GET");
        assert_eq!(request.url(), "https://api.example.com/x/v1/watch?protocolVersion=2.2.0");
        let headers: Vec<_> = request.headers().collect();
        assert!(headers.contains(&("authorization", "Bearer canary")));
        assert!(headers.contains(&("accept", "text/event-stream")));
        assert!(headers.contains(&("cache-control", "no-store")));
        assert!(headers.contains(&("accept-encoding", "identity")));
        assert_eq!(request.body(), "");
    }

    #[test]
    fn what_is_remembered_is_sent_percent_encoded_and_nothing_is_sent_empty() {
        let session = SessionId::new("s/1 ").err();
        assert!(session.is_some(), "a space is not visible");
        let session = SessionId::new("s/1&a=b").expect("a session id");
        let lease = LeaseId::new("l+1%#~").expect("a lease id");
        let url = |session, lease| Request::watch(&config(), &token(), session, lease).url;
        let base = "https://api.example.com/x/v1/watch?protocolVersion=2.2.0";
        assert_eq!(
            *url(Some(&session), Some(&lease)),
            *format!(
                "{base}&remoteAccessSessionId=s%2F1%26a%3Db&previousWatchLeaseId=l%2B1%25%23~"
            )
        );
        assert_eq!(*url(None, Some(&lease)), *format!("{base}&previousWatchLeaseId=l%2B1%25%23~"));
    }

    #[test]
    fn a_heartbeat_is_json_whatever_the_lease_id_holds() {
        let lease = LeaseId::new(r#"a"b\c</script>"#).expect("a lease id");
        let request = Request::heartbeat(&config(), &token(), &lease);
        assert_eq!(request.method().as_str(), "POST");
        assert_eq!(request.url(), "https://api.example.com/x/v1/watch/heartbeat");
        let body: serde_json::Value = serde_json::from_str(request.body()).expect("JSON");
        assert_eq!(body, serde_json::json!({ "watchLeaseId": r#"a"b\c</script>"# }));
        assert!(request.headers().any(|header| header == ("content-type", "application/json")));
    }

    #[test]
    fn no_token_is_printed() {
        let request = Request::watch(&config(), &token(), None, None);
        assert!(!format!("{request:?}").contains("canary"));
    }
}
