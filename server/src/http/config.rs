//! What a server is told: checked once, each default with its reason.

use core::fmt;
use core::time::Duration;
use std::path::{Path, PathBuf};

use super::directory::Directory;
use crate::load::{self, MAX_WINDOW};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A checked configuration. Made by [`Config::builder`]; read it through the accessors of its
/// fields.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) directory: Directory,
    pub(crate) heartbeat_interval: Duration,
    pub(crate) device_wait_for_viewer: Duration,
    pub(crate) lease_lifetime: Duration,
    pub(crate) comment_interval: Duration,
    pub(crate) wake_lifetime: Duration,
    pub(crate) connects_per_second: u32,
    pub(crate) connect_burst: u32,
    pub(crate) max_watches: usize,
    pub(crate) retry_at_least: Duration,
    pub(crate) drain_timeout: Duration,
    pub(crate) auth_scheme: String,
    pub(crate) prefix: String,
    pub(crate) allow_plain_urls: bool,
    pub(crate) state_file: Option<PathBuf>,
}

impl Config {
    /// Starts a configuration for these devices and operators; everything else has a default.
    pub fn builder(directory: Directory) -> ConfigBuilder {
        ConfigBuilder {
            directory,
            heartbeat_interval: Duration::from_secs(30),
            device_wait_for_viewer: Duration::from_secs(60),
            lease_lifetime: None,
            comment_interval: None,
            wake_lifetime: Duration::from_secs(120),
            connects_per_second: 500,
            connect_burst: None,
            max_watches: 100_000,
            retry_at_least: Duration::from_secs(1),
            drain_timeout: Duration::from_secs(10),
            auth_scheme: "Bearer".into(),
            prefix: String::new(),
            allow_plain_urls: false,
            state_file: None,
        }
    }

    /// The interval told to clients in `hello`.
    pub fn heartbeat_interval(&self) -> Duration {
        self.heartbeat_interval
    }

    /// How long a lease lives without a heartbeat.
    pub fn lease_lifetime(&self) -> Duration {
        self.lease_lifetime
    }

    /// How often an idle stream gets a comment.
    pub fn comment_interval(&self) -> Duration {
        self.comment_interval
    }

    /// The reconnect window for a fleet of this size.
    pub(crate) fn window(&self, fleet: usize) -> Duration {
        load::window(fleet, self.connects_per_second, self.retry_at_least)
    }

    /// What stands before `/v1/…`; empty, or with a slash in front and none at the end.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Where the living leases are kept over a restart.
    pub fn state_file(&self) -> Option<&Path> {
        self.state_file.as_deref()
    }
}

/// Builds a [`Config`].
#[derive(Clone, Debug)]
pub struct ConfigBuilder {
    directory: Directory,
    heartbeat_interval: Duration,
    device_wait_for_viewer: Duration,
    lease_lifetime: Option<Duration>,
    comment_interval: Option<Duration>,
    wake_lifetime: Duration,
    connects_per_second: u32,
    connect_burst: Option<u32>,
    max_watches: usize,
    retry_at_least: Duration,
    drain_timeout: Duration,
    auth_scheme: String,
    prefix: String,
    allow_plain_urls: bool,
    state_file: Option<PathBuf>,
}

impl ConfigBuilder {
    /// `heartbeatIntervalMs` of `hello`: 1 s to 24 h, default 30 s, which is inside the idle limit
    /// of the usual NAT and balancer and costs a device two small requests a minute.
    pub fn heartbeat_interval(mut self, interval: Duration) -> Self {
        self.heartbeat_interval = interval;
        self
    }

    /// `deviceWaitForViewerMs` of `hello`: 5 s to 24 h, default 60 s, so that a person has time to
    /// come.
    pub fn device_wait_for_viewer(mut self, wait: Duration) -> Self {
        self.device_wait_for_viewer = wait;
        self
    }

    /// How long a lease lives without a heartbeat: 2 to 100 heartbeat intervals, default 3. That is
    /// when a client gives the lease up itself (protocol.md, section 3); a shorter one would be
    /// given away under its feet.
    pub fn lease_lifetime(mut self, lifetime: Duration) -> Self {
        self.lease_lifetime = Some(lifetime);
        self
    }

    /// How often an idle stream gets a comment: 10 ms to 2 heartbeat intervals, default half of
    /// one, so that four in a row must be lost before a client's read deadline of 2.5 intervals.
    pub fn comment_interval(mut self, interval: Duration) -> Self {
        self.comment_interval = Some(interval);
        self
    }

    /// How long a wake waits for a device that is away: 1 s to 24 h, default 2 minutes: a device
    /// that was cut off is back by then, and whoever asked has not lost patience yet.
    pub fn wake_lifetime(mut self, lifetime: Duration) -> Self {
        self.wake_lifetime = lifetime;
        self
    }

    /// How many watches are accepted in a second: 1 to 100,000, default 500. The reconnect window
    /// of the fleet is sized by it (protocol.md, section 5.4), and what comes above it is told to
    /// come later.
    pub fn connects_per_second(mut self, rate: u32) -> Self {
        self.connects_per_second = rate;
        self
    }

    /// How many watches are accepted at once after a calm: 1 to 1,000,000, default one second's
    /// worth.
    pub fn connect_burst(mut self, burst: u32) -> Self {
        self.connect_burst = Some(burst);
        self
    }

    /// How many watches may be open: at least 1, default 100,000; a socket and some 12 KiB for
    /// each.
    pub fn max_watches(mut self, watches: usize) -> Self {
        self.max_watches = watches;
        self
    }

    /// The shortest reconnect window that is told: up to 5 minutes, default 1 s, so that even two
    /// devices do not come back in the same instant.
    pub fn retry_at_least(mut self, window: Duration) -> Self {
        self.retry_at_least = window;
        self
    }

    /// How long a drain waits for streams to end before it cuts them: up to 24 h, default 10 s. A
    /// stream whose client reads ends in milliseconds. Used by [`Running`](crate::Running) and
    /// [`serve`](crate::Server::serve).
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// The authorization scheme before the token, compared without case: default `Bearer`.
    pub fn auth_scheme(mut self, scheme: impl Into<String>) -> Self {
        self.auth_scheme = scheme.into();
        self
    }

    /// What stands before `/v1/…`, such as `/api`: default nothing. Not needed below
    /// `axum::Router::nest`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Whether a wake's URL may be `ws` or `http`: default no. Clients accept that only over a
    /// plain base themselves (protocol.md, section 7), so this is for loopback and tests.
    pub fn allow_plain_urls(mut self, allow: bool) -> Self {
        self.allow_plain_urls = allow;
        self
    }

    /// Where the living leases are kept, so that after a crash and restart nobody is let in before
    /// a holder that is on its way back. Default: nowhere, and after a restart whoever comes first
    /// is let in.
    ///
    /// The file is readable by its owner alone and holds lease ids, no tokens. One server uses it
    /// at a time.
    pub fn state_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.state_file = Some(path.into());
        self
    }

    /// Checks everything.
    ///
    /// # Errors
    /// The first field that is out of its range, and what the range is.
    pub fn build(self) -> Result<Config, ConfigError> {
        let second = Duration::from_secs(1);
        let beat = self.heartbeat_interval;
        within("heartbeat_interval", beat, second, DAY)?;
        within("device_wait_for_viewer", self.device_wait_for_viewer, 5 * second, DAY)?;
        let lease_lifetime = self.lease_lifetime.unwrap_or(3 * beat);
        within("lease_lifetime", lease_lifetime, 2 * beat, 100 * beat)?;
        let comment_interval = self.comment_interval.unwrap_or(beat / 2);
        within("comment_interval", comment_interval, Duration::from_millis(10), 2 * beat)?;
        within("wake_lifetime", self.wake_lifetime, second, DAY)?;
        within("retry_at_least", self.retry_at_least, Duration::ZERO, MAX_WINDOW)?;
        within("drain_timeout", self.drain_timeout, Duration::ZERO, DAY)?;
        within("connects_per_second", self.connects_per_second, 1, 100_000)?;
        let connect_burst = self.connect_burst.unwrap_or(self.connects_per_second);
        within("connect_burst", connect_burst, 1, 1_000_000)?;
        within("max_watches", self.max_watches, 1, usize::MAX)?;

        let token_char =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if self.auth_scheme.is_empty() || !self.auth_scheme.bytes().all(token_char) {
            let what = "is one word such as \"Bearer\", without the token".to_owned();
            return Err(ConfigError { field: "auth_scheme", what });
        }
        let segment = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
        let empty_segment = self.prefix.contains("//") || self.prefix.ends_with('/');
        if !self.prefix.is_empty()
            && (!self.prefix.starts_with('/') || empty_segment || !self.prefix.bytes().all(segment))
        {
            let what = "is empty or a path such as \"/api\": a slash in front, none at the end, \
                        letters, digits and -._~ between"
                .to_owned();
            return Err(ConfigError { field: "prefix", what });
        }
        Ok(Config {
            directory: self.directory,
            heartbeat_interval: beat,
            device_wait_for_viewer: self.device_wait_for_viewer,
            lease_lifetime,
            comment_interval,
            wake_lifetime: self.wake_lifetime,
            connects_per_second: self.connects_per_second,
            connect_burst,
            max_watches: self.max_watches,
            retry_at_least: self.retry_at_least,
            drain_timeout: self.drain_timeout,
            auth_scheme: self.auth_scheme,
            prefix: self.prefix,
            allow_plain_urls: self.allow_plain_urls,
            state_file: self.state_file,
        })
    }
}

fn within<T: PartialOrd + fmt::Debug>(
    field: &'static str,
    value: T,
    least: T,
    most: T,
) -> Result<(), ConfigError> {
    if least <= value && value <= most {
        return Ok(());
    }
    Err(ConfigError { field, what: format!("is {value:?}; it must be from {least:?} to {most:?}") })
}

/// A field of a [`Config`] that is out of its range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    field: &'static str,
    what: String,
}

impl ConfigError {
    /// The field's name, as its method of [`ConfigBuilder`] is called.
    pub fn field(&self) -> &'static str {
        self.field
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.what)
    }
}

impl core::error::Error for ConfigError {}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]
mod tests {
    use super::*;

    fn config() -> ConfigBuilder {
        Config::builder(Directory::new())
    }

    #[test]
    fn defaults_follow_the_heartbeat_interval() {
        let config = config().heartbeat_interval(Duration::from_secs(2)).build().unwrap();
        assert_eq!(config.lease_lifetime(), Duration::from_secs(6));
        assert_eq!(config.comment_interval(), Duration::from_secs(1));
    }

    #[test]
    fn each_field_is_named_when_it_is_wrong() {
        let second = Duration::from_secs(1);
        let wrong = [
            (
                config().heartbeat_interval(second / 2),
                "heartbeat_interval is 500ms; it must be from 1s to 86400s",
            ),
            (
                config().device_wait_for_viewer(second),
                "device_wait_for_viewer is 1s; it must be from 5s to 86400s",
            ),
            (
                config().lease_lifetime(59 * second),
                "lease_lifetime is 59s; it must be from 60s to 3000s",
            ),
            (
                config().comment_interval(61 * second),
                "comment_interval is 61s; it must be from 10ms to 60s",
            ),
            (
                config().wake_lifetime(Duration::ZERO),
                "wake_lifetime is 0ns; it must be from 1s to 86400s",
            ),
            (
                config().retry_at_least(301 * second),
                "retry_at_least is 301s; it must be from 0ns to 300s",
            ),
            (
                config().connects_per_second(0),
                "connects_per_second is 0; it must be from 1 to 100000",
            ),
            (config().connect_burst(0), "connect_burst is 0; it must be from 1 to 1000000"),
        ];
        for (builder, said) in wrong {
            assert_eq!(builder.build().unwrap_err().to_string(), said);
        }
        assert_eq!(config().max_watches(0).build().unwrap_err().field(), "max_watches");
        for scheme in ["", "Bearer x", "Bearer:"] {
            assert_eq!(config().auth_scheme(scheme).build().unwrap_err().field(), "auth_scheme");
        }
        for prefix in ["/", "api", "/api/", "/a//b", "/{a}", "/a?b"] {
            assert_eq!(config().prefix(prefix).build().unwrap_err().field(), "prefix");
        }
        for prefix in ["", "/api", "/api/v7"] {
            assert_eq!(config().prefix(prefix).build().unwrap().prefix(), prefix);
        }
    }
}
