//! From a URL and a token to a machine: what every adapter's builder does before it comes to its runtime.

use std::fmt;

use dormouse_core::driver::{Driver, Note, Timer, Transport};
use dormouse_core::journal::Recorder;
use dormouse_core::{Config, ConfigBuilder, ConfigError, Timestamp, Token, TokenError, Watch};

/// A watch being set up.
#[must_use = "nothing happens until start"]
pub struct Setup {
    config: ConfigBuilder,
    token: Option<Result<Token, TokenError>>,
    observer: Option<Observer>,
    journal: Option<(usize, Sink)>,
}

type Observer = Box<dyn FnMut(Timestamp, &Note<'_>) + Send + Sync>;
type Sink = Box<dyn FnMut(&str) + Send + Sync>;

impl Setup {
    /// For the service at `base`.
    pub fn new(base: impl Into<String>) -> Self {
        Self { config: Config::new(base), token: None, observer: None, journal: None }
    }

    /// The device's token.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(Token::new(token));
        self
    }

    /// Everything else that can be configured.
    pub fn configure(mut self, set: impl FnOnce(ConfigBuilder) -> ConfigBuilder) -> Self {
        self.config = set(self.config);
        self
    }

    /// Shows every [`Note`] to `observer`.
    pub fn observe(
        mut self,
        observer: impl FnMut(Timestamp, &Note<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Records the watch, in at most `limit` bytes: `sink` gets the lines of its journal.
    pub fn journal(mut self, limit: usize, sink: impl FnMut(&str) + Send + Sync + 'static) -> Self {
        self.journal = Some((limit, Box::new(sink)));
        self
    }

    /// Checks everything, seeds the machine from the operating system, and puts it over `timer` and the
    /// transport that `transport` makes for this configuration.
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration or the token, what `transport` says, or that the operating
    /// system gives no entropy.
    pub fn start<T: Transport + Unpin, C: Timer + Unpin>(
        self,
        mut timer: C,
        transport: impl FnOnce(&Config) -> Result<T, StartError>,
    ) -> Result<Driver<T, C>, StartError> {
        let config = self.config.build().map_err(StartError::Config)?;
        let token = self.token.ok_or(StartError::NoToken)?.map_err(StartError::Token)?;
        let transport = transport(&config)?;
        let seed = getrandom::u64().map_err(|error| StartError::Entropy(error.to_string()))?;
        let now = timer.now();
        let journal = self
            .journal
            .map(|(limit, sink)| (Recorder::new(&config, &token, seed, now).limit(limit), sink));
        let machine = Watch::new(config, token, seed, now);
        let mut driver = Driver::new(machine, transport, timer);
        if let Some((recorder, sink)) = journal {
            driver = driver.record(recorder, sink);
        }
        if let Some(observer) = self.observer {
            driver = driver.observe(observer);
        }
        Ok(driver)
    }
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup")
            .field("config", &self.config)
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

/// Why a watch could not be set up. It never holds a token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartError {
    /// A setting is wrong.
    Config(ConfigError),
    /// No token was given.
    NoToken,
    /// The token is not one.
    Token(TokenError),
    /// The HTTP client cannot be made.
    Client(String),
    /// The operating system gives no entropy.
    Entropy(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::NoToken => f.write_str("no token was given"),
            Self::Token(error) => error.fmt(f),
            Self::Client(why) => write!(f, "the HTTP client cannot be made: {why}"),
            Self::Entropy(why) => write!(f, "the operating system gives no entropy: {why}"),
        }
    }
}

impl std::error::Error for StartError {}
