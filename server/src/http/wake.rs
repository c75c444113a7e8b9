//! A wake as an operator asks for it, checked against what a client accepts (protocol.md, sections
//! 2.2 and 7): what would break its stream is refused here, where somebody can mend it.

use core::fmt;

use fluent_uri::Uri;
use serde::Deserialize;

use crate::frame::MAX_LINE;

const MAX_URL: usize = 8 * 1024;
const MAX_TOKEN: usize = 64 * 1024;
const MAX_SESSION: usize = 256;

/// Where to go, and what to get in with. `Debug` shows neither.
#[derive(PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wake {
    pub(crate) url: String,
    pub(crate) token: String,
    #[serde(default, rename = "remoteAccessSessionId")]
    pub(crate) session: Option<String>,
}

impl Wake {
    /// Says what is wrong, without showing any of it.
    pub(crate) fn check(&self, allow_plain: bool) -> Result<(), &'static str> {
        check_url(&self.url, allow_plain)?;
        if self.token.is_empty() {
            return Err("token is empty");
        }
        if self.token.len() > MAX_TOKEN {
            return Err("token is longer than 64 KiB");
        }
        // JSON's escapes make a text longer; a text alone cannot be broken over lines.
        let escaped = serde_json::to_string(&self.token).map_or(usize::MAX, |json| json.len());
        if escaped > MAX_LINE - "data: \"token\":,".len() {
            return Err(
                "token does not fit one line of the stream, 64 KiB with its escapes; shorten it",
            );
        }
        match &self.session {
            Some(id) if !is_session_id(id) => {
                Err("remoteAccessSessionId is 1 to 256 bytes of visible ASCII")
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wake").field("session", &self.session).finish_non_exhaustive()
    }
}

/// Whether a text may be a session id (protocol.md, section 7).
pub(crate) fn is_session_id(text: &str) -> bool {
    (1..=MAX_SESSION).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn check_url(url: &str, allow_plain: bool) -> Result<(), &'static str> {
    if url.len() > MAX_URL {
        return Err("url is longer than 8 KiB");
    }
    let uri = Uri::parse(url).map_err(|_| "url is no absolute URL such as wss://host/path")?;
    let scheme = uri.scheme().as_str().to_ascii_lowercase();
    match scheme.as_str() {
        "wss" | "https" => {}
        "ws" | "http" if allow_plain => {}
        "ws" | "http" => {
            return Err(
                "url is plain ws or http, which this server does not allow; use wss or https",
            );
        }
        _ => return Err("url has another scheme than wss or https"),
    }
    let authority = uri
        .authority()
        .filter(|authority| !authority.host().is_empty())
        .ok_or("url names no host")?;
    if authority.has_userinfo() {
        return Err("url has user info before its host; send it in token");
    }
    authority.port_to_u16().map_err(|_| "url has a port above 65535")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wake(url: &str, token: &str, session: Option<&str>) -> Wake {
        Wake { url: url.into(), token: token.into(), session: session.map(Into::into) }
    }

    #[test]
    fn urls() {
        for url in
            ["wss://a.example", "https://a.example:8443/x?y=z#f", "WSS://A", "wss://[::1]:1/"]
        {
            assert_eq!(wake(url, "t", None).check(false), Ok(()), "{url}");
        }
        for url in ["ws://127.0.0.1:80/", "http://localhost"] {
            assert_eq!(wake(url, "t", None).check(true), Ok(()), "{url}");
            assert!(wake(url, "t", None).check(false).is_err(), "{url}");
        }
        let long = format!("wss://a/{}", "x".repeat(MAX_URL));
        for url in [
            "",
            "a.example",
            "/path",
            "ftp://a",
            "wss:a",
            "wss:///a",
            "wss://",
            "wss://u@a",
            "wss://u:p@a/",
            "wss://a b",
            "wss://a\n",
            "wss://ä/",
            "wss://a:99999/",
            "javascript:alert(1)",
            &long,
        ] {
            assert!(wake(url, "t", None).check(true).is_err(), "{url}");
        }
    }

    #[test]
    fn tokens_and_sessions() {
        let url = "wss://a.example";
        assert!(wake(url, "", None).check(false).is_err());
        assert!(wake(url, &"x".repeat(MAX_TOKEN - 64), None).check(false).is_ok());
        assert!(wake(url, &"x".repeat(MAX_TOKEN + 1), None).check(false).is_err());
        assert!(wake(url, &"\n".repeat(40_000), None).check(false).is_err());
        for session in ["", "a b", "a\n", &"x".repeat(257)] {
            assert!(wake(url, "t", Some(session)).check(false).is_err());
        }
        assert!(wake(url, "t", Some(&"x".repeat(256))).check(false).is_ok());
    }

    #[test]
    fn debug_shows_neither_token_nor_url() {
        assert_eq!(
            format!("{:?}", wake("wss://canary", "canary", Some("s"))),
            "Wake { session: Some(\"s\"), .. }"
        );
    }
}
