//! Configuration: checked once, when it is built, so that nothing can be wrong with it later.
//!
//! It holds no secret: the token is given to the machine beside it, and a configuration may be printed,
//! recorded and attached to a bug report.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use crate::error::UrlFault;
use crate::guard::Guards;
use crate::sse;
use crate::wire::url;

/// The version of the protocol that this client speaks, unless told otherwise (protocol.md section 2.1).
pub const PROTOCOL_VERSION: &str = "2.2.0";

/// The longest base URL, path, scheme or version that is taken, in bytes.
const TEXT_MOST: usize = 2 * 1024;
/// The bounds of what may be configured for one line and for one event's data, in bytes. Below the
/// lower one a wake with a token of ordinary length would not fit.
const LIMIT_LEAST: usize = 1024;
const LIMIT_MOST: usize = 64 * 1024 * 1024;

/// A checked configuration.
///
/// ```
/// use dormouse_core::Config;
/// let config = Config::new("https://api.example.com").build()?;
/// let error = Config::new("api.example.com").build().unwrap_err();
/// assert_eq!(error.to_string(), "the base URL is not an absolute URL as RFC 3986 has it");
/// # Ok::<(), dormouse_core::ConfigError>(())
/// ```
/// To clone it costs nothing: all clones share it, and with it thousands of watches of one service.
#[derive(Clone, PartialEq, Eq)]
pub struct Config(Arc<Settings>);

/// What is in a configuration.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// As they were given, but for slashes at the base's end.
    pub(crate) base: Box<str>,
    pub(crate) watch_path: Box<str>,
    pub(crate) heartbeat_path: Box<str>,
    pub(crate) protocol_version: Box<str>,
    /// The watch's URL up to and with the protocol version.
    watch_url: Box<str>,
    heartbeat_url: Box<str>,
    pub(crate) auth_scheme: Box<str>,
    /// Whether the base is `http`: then a wake may lead to `ws` and `http` too.
    plain: bool,
    pub(crate) limits: sse::Limits,
    pub(crate) guards: Guards,
    pub(crate) on_unauthorized: OnUnauthorized,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What to do when the server refuses the token (protocol.md section 5.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnUnauthorized {
    /// Stop: a token that was refused is seldom accepted later, and somebody has to act.
    #[default]
    Stop,
    /// Show [`Status::Unauthorized`](crate::Status::Unauthorized), and try again after 5 min, doubling to
    /// an hour, or at once with a new token: for devices that nobody restarts.
    Park,
}

impl Config {
    /// Begins a configuration for the service at `base`: an absolute `http` or `https` URL, perhaps with
    /// a path, without query, fragment and user info. Everything else has a default.
    #[expect(clippy::new_ret_no_self, reason = "a configuration exists only checked")]
    pub fn new(base: impl Into<String>) -> ConfigBuilder {
        ConfigBuilder {
            base: base.into(),
            watch_path: "/v1/watch".into(),
            heartbeat_path: "/v1/watch/heartbeat".into(),
            auth_scheme: "Bearer".into(),
            protocol_version: PROTOCOL_VERSION.into(),
            limits: sse::Limits::default(),
            guards: Guards::all(),
            on_unauthorized: OnUnauthorized::Stop,
        }
    }
}

impl Config {
    /// The base URL, without slashes at its end.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.0.base
    }

    /// Which guards are on.
    #[must_use]
    pub fn guards(&self) -> &Guards {
        &self.0.guards
    }

    /// Whether the base URL is `http`: the transport needs no TLS then.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.0.plain
    }

    pub(crate) fn watch_url(&self) -> &str {
        &self.0.watch_url
    }

    pub(crate) fn heartbeat_url(&self) -> &str {
        &self.0.heartbeat_url
    }

    pub(crate) fn auth_scheme(&self) -> &str {
        &self.0.auth_scheme
    }

    pub(crate) fn limits(&self) -> sse::Limits {
        self.0.limits
    }

    pub(crate) fn on_unauthorized(&self) -> OnUnauthorized {
        self.0.on_unauthorized
    }

    /// All of it, for who writes it down.
    #[cfg(feature = "serde")]
    pub(crate) fn settings(&self) -> &Settings {
        &self.0
    }
}

/// A configuration being written: see [`Config::new`].
#[derive(Clone, Debug)]
#[must_use = "nothing is checked until build"]
pub struct ConfigBuilder {
    base: String,
    watch_path: String,
    heartbeat_path: String,
    auth_scheme: String,
    protocol_version: String,
    limits: sse::Limits,
    guards: Guards,
    on_unauthorized: OnUnauthorized,
}

impl ConfigBuilder {
    /// The watch's path below the base: `/v1/watch` by default.
    pub fn watch_path(mut self, path: impl Into<String>) -> Self {
        self.watch_path = path.into();
        self
    }

    /// The heartbeat's path below the base: `/v1/watch/heartbeat` by default.
    pub fn heartbeat_path(mut self, path: impl Into<String>) -> Self {
        self.heartbeat_path = path.into();
        self
    }

    /// The authorization scheme before the token: `Bearer` by default (RFC 6750).
    pub fn auth_scheme(mut self, scheme: impl Into<String>) -> Self {
        self.auth_scheme = scheme.into();
        self
    }

    /// The protocol version to announce: [`PROTOCOL_VERSION`] by default.
    pub fn protocol_version(mut self, version: impl Into<String>) -> Self {
        self.protocol_version = version.into();
        self
    }

    /// What one line and one event's data may hold: 64 KiB and 256 KiB by default, 1 KiB to 64 MiB each.
    /// This bounds the memory that a server can make a watch use.
    pub fn limits(mut self, limits: sse::Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Which guards are on: all by default.
    pub fn guards(mut self, guards: Guards) -> Self {
        self.guards = guards;
        self
    }

    /// What to do when the token is refused: stop, by default.
    pub fn on_unauthorized(mut self, on_unauthorized: OnUnauthorized) -> Self {
        self.on_unauthorized = on_unauthorized;
        self
    }

    /// Checks everything.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, by name.
    pub fn build(self) -> Result<Config, ConfigError> {
        for (what, text) in [
            (Setting::Base, &self.base),
            (Setting::WatchPath, &self.watch_path),
            (Setting::HeartbeatPath, &self.heartbeat_path),
            (Setting::AuthScheme, &self.auth_scheme),
            (Setting::ProtocolVersion, &self.protocol_version),
        ] {
            if text.len() > TEXT_MOST {
                return Err(ConfigError::TooLong { what });
            }
        }
        let base = url::check(&self.base, &["http", "https"]).map_err(ConfigError::Base)?;
        if base.has_query() || base.has_fragment() {
            return Err(ConfigError::Base(UrlFault::Query));
        }
        let plain = base.scheme().as_str().eq_ignore_ascii_case("http");
        let base = self.base.trim_end_matches('/');
        let join = |what, path: &str| {
            let url = format!("{base}{path}");
            let good = path.starts_with('/')
                && !path.contains(['?', '#'])
                && url::check(&url, &["http", "https"]).is_ok();
            if good { Ok(url) } else { Err(ConfigError::Path { what }) }
        };
        let mut watch_url = join(Setting::WatchPath, &self.watch_path)?;
        let heartbeat_url = join(Setting::HeartbeatPath, &self.heartbeat_path)?;
        if self.auth_scheme.is_empty() || !self.auth_scheme.bytes().all(is_token_char) {
            return Err(ConfigError::AuthScheme);
        }
        if self.protocol_version.is_empty() {
            return Err(ConfigError::ProtocolVersion);
        }
        for limit in [self.limits.line, self.limits.data] {
            if !(LIMIT_LEAST..=LIMIT_MOST).contains(&limit) {
                return Err(ConfigError::Limit { limit });
            }
        }
        watch_url.push_str("?protocolVersion=");
        watch_url.extend(crate::wire::encode(&self.protocol_version));
        Ok(Config(Arc::new(Settings {
            base: base.into(),
            watch_path: self.watch_path.into(),
            heartbeat_path: self.heartbeat_path.into(),
            protocol_version: self.protocol_version.into(),
            watch_url: watch_url.into(),
            heartbeat_url: heartbeat_url.into(),
            auth_scheme: self.auth_scheme.into(),
            plain,
            limits: self.limits,
            guards: self.guards,
            on_unauthorized: self.on_unauthorized,
        })))
    }
}

/// RFC 9110 section 5.6.2: what an authorization scheme is made of.
fn is_token_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A setting that is text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Setting {
    /// The base URL.
    Base,
    /// The watch's path.
    WatchPath,
    /// The heartbeat's path.
    HeartbeatPath,
    /// The authorization scheme.
    AuthScheme,
    /// The protocol version.
    ProtocolVersion,
}

impl Setting {
    /// The stable code, 721 to 729.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Base => 721,
            Self::WatchPath => 722,
            Self::HeartbeatPath => 723,
            Self::AuthScheme => 724,
            Self::ProtocolVersion => 725,
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Base => "the base URL",
            Self::WatchPath => "the watch path",
            Self::HeartbeatPath => "the heartbeat path",
            Self::AuthScheme => "the authorization scheme",
            Self::ProtocolVersion => "the protocol version",
        })
    }
}

/// What is wrong with a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The base URL.
    Base(UrlFault),
    /// A path that does not begin with a slash, or does not go into a URL as it stands.
    Path {
        /// Which one.
        what: Setting,
    },
    /// The authorization scheme is not a token (RFC 9110 section 5.6.2).
    AuthScheme,
    /// The protocol version is empty.
    ProtocolVersion,
    /// A limit outside 1 KiB to 64 MiB.
    Limit {
        /// As it was given, in bytes.
        limit: usize,
    },
    /// More than 2 KiB of text.
    TooLong {
        /// Which one.
        what: Setting,
    },
}

impl ConfigError {
    /// The stable code, 701 to 709. What is inside has a code of its own.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Base(_) => 701,
            Self::Path { .. } => 702,
            Self::AuthScheme => 703,
            Self::ProtocolVersion => 704,
            Self::Limit { .. } => 705,
            Self::TooLong { .. } => 706,
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base(UrlFault::Scheme) => {
                f.write_str("the base URL's scheme is neither http nor https")
            }
            Self::Base(fault) => write!(f, "the base URL {fault}"),
            Self::Path { what } => {
                write!(f, "{what} has to begin with a slash and be a plain URL path, without query")
            }
            Self::AuthScheme => {
                f.write_str("the authorization scheme is no HTTP token, such as Bearer")
            }
            Self::ProtocolVersion => f.write_str("the protocol version is empty"),
            Self::Limit { limit } => {
                write!(f, "a limit of {limit} bytes is outside {LIMIT_LEAST} to {LIMIT_MOST}")
            }
            Self::TooLong { what } => write!(f, "{what} is longer than {TEXT_MOST} bytes"),
        }
    }
}

impl core::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(builder: ConfigBuilder) -> Option<ConfigError> {
        builder.build().err()
    }

    #[test]
    fn a_base_is_an_absolute_http_url_and_nothing_more() {
        for good in ["http://localhost:8080", "https://example.com/api/", "HTTPS://example.com"] {
            assert_eq!(error(Config::new(good)), None, "{good}");
        }
        for (bad, fault) in [
            ("", UrlFault::Syntax),
            ("example.com", UrlFault::Syntax),
            ("localhost:8080", UrlFault::Scheme),
            ("wss://example.com", UrlFault::Scheme),
            ("https://example.com/?x=1", UrlFault::Query),
            ("https://example.com/?", UrlFault::Query),
            ("https://example.com/#x", UrlFault::Query),
            ("https://user:pw@example.com", UrlFault::UserInfo),
            ("https://", UrlFault::Host),
            (" https://example.com", UrlFault::Syntax),
        ] {
            assert_eq!(error(Config::new(bad)), Some(ConfigError::Base(fault)), "{bad:?}");
        }
    }

    #[test]
    fn it_says_what_it_was_given() {
        let config = Config::new("https://example.com/api//").guards(Guards::none()).build();
        let config = config.expect("a config");
        assert_eq!((config.base(), config.guards()), ("https://example.com/api", &Guards::none()));
        let shown = format!("{config:?}");
        assert!(
            shown.contains("https://example.com/api/v1/watch?protocolVersion=2.2.0"),
            "{shown}"
        );
        assert!(shown.contains("Guards { flap: false"), "{shown}");
    }

    #[test]
    fn paths_join_the_base_with_one_slash() {
        let config = Config::new("https://example.com/api//")
            .watch_path("/w")
            .heartbeat_path("/h/b")
            .protocol_version("3 beta&x")
            .build()
            .expect("a config");
        assert_eq!(config.watch_url(), "https://example.com/api/w?protocolVersion=3%20beta%26x");
        assert_eq!(config.heartbeat_url(), "https://example.com/api/h/b");
    }

    #[test]
    fn each_setting_is_checked_by_name() {
        let base = || Config::new("https://example.com");
        for bad in ["", "w", "/a?b", "/a#b", "/a b", "/ä", "/%", "@evil.example/"] {
            let what = Setting::WatchPath;
            assert_eq!(error(base().watch_path(bad)), Some(ConfigError::Path { what }), "{bad:?}");
        }
        let what = Setting::HeartbeatPath;
        assert_eq!(error(base().heartbeat_path("x")), Some(ConfigError::Path { what }));
        for bad in ["", "Bear er", "Bearer:", "B\r\n"] {
            assert_eq!(error(base().auth_scheme(bad)), Some(ConfigError::AuthScheme), "{bad:?}");
        }
        assert_eq!(error(base().protocol_version("")), Some(ConfigError::ProtocolVersion));
        let limits = sse::Limits { line: 10, ..sse::Limits::default() };
        assert_eq!(error(base().limits(limits)), Some(ConfigError::Limit { limit: 10 }));
        let what = Setting::AuthScheme;
        assert_eq!(
            error(base().auth_scheme("x".repeat(3000))),
            Some(ConfigError::TooLong { what })
        );
    }
    #[test]
    fn the_ends_of_every_range_are_inside() {
        let base = || Config::new("https://example.com");
        let limits = |limit| sse::Limits { line: limit, data: limit };
        for good in [1024, 64 * 1024 * 1024] {
            assert_eq!(error(base().limits(limits(good))), None, "{good}");
        }
        for bad in [1023, 64 * 1024 * 1024 + 1] {
            let limit = bad;
            assert_eq!(error(base().limits(limits(bad))), Some(ConfigError::Limit { limit }));
        }
        assert_eq!(error(base().auth_scheme("x".repeat(2048))), None);
        let what = Setting::AuthScheme;
        let long = base().auth_scheme("x".repeat(2049));
        assert_eq!(error(long), Some(ConfigError::TooLong { what }));
    }

    #[test]
    fn only_an_http_base_is_plain() {
        for (base, plain) in [("http://a", true), ("HTTP://a", true), ("https://a", false)] {
            assert_eq!(Config::new(base).build().map(|config| config.is_plain()), Ok(plain));
        }
    }
}
