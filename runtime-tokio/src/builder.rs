//! From a URL and a token to a watch that runs.

use std::fmt;

use dormouse_core::driver::{Driver, Note, Timer as _};
use dormouse_core::{Config, ConfigBuilder, ConfigError, Timestamp, Token, TokenError};

use crate::{ReqwestTransport, TokioTimer, Watch};

/// A watch being set up: see [`Watch::builder`].
#[must_use = "nothing happens until start"]
pub struct Builder {
    config: ConfigBuilder,
    token: Option<Result<Token, TokenError>>,
    client: Option<reqwest::Client>,
    observer: Option<Observer>,
}

type Observer = Box<dyn FnMut(Timestamp, &Note<'_>) + Send + Sync>;

impl Builder {
    pub(crate) fn new(base: impl Into<String>) -> Self {
        Self { config: Config::new(base), token: None, client: None, observer: None }
    }

    /// The device's token: 1 byte to 8 KiB of visible ASCII. A token read from a file wants trimming.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(Token::new(token));
        self
    }

    /// Everything else that can be configured, each with a default: paths, authorization scheme, limits,
    /// guards, what to do when the token is refused.
    ///
    /// ```
    /// use dormouse_tokio::{Watch, core::OnUnauthorized};
    /// let builder = Watch::builder("https://api.example.com")
    ///     .token("…")
    ///     .configure(|config| config.auth_scheme("Device").on_unauthorized(OnUnauthorized::Park));
    /// ```
    pub fn configure(mut self, set: impl FnOnce(ConfigBuilder) -> ConfigBuilder) -> Self {
        self.config = set(self.config);
        self
    }

    /// Sends requests with this client instead of one of our own: to share one among many watches, or for
    /// a proxy, roots or a client certificate of yours.
    ///
    /// It has to be built so that the protocol can work; [`client_builder`](crate::client_builder) begins
    /// one that is. `redirect(Policy::none())` (a redirect that was followed is reported as a fault), no
    /// `timeout` and no `read_timeout` (they would cut the stream), no decompression, HTTP/1.1 only (over
    /// HTTP/2 watches beyond the server's limit of streams would hang without an error), and a
    /// `connect_timeout` of some seconds, so that each of a name's addresses gets its turn. Unlike our
    /// own, it may use a pooled connection for the next watch.
    ///
    /// This couples your `reqwest` to ours: version 0.13.
    pub fn client(mut self, client: reqwest::Client) -> Self {
        self.client = Some(client);
        self
    }

    /// Shows every [`Note`] to `observer`, with the watch's own time: what is attempted, why it ended, how
    /// long the next wait is and which guard made it so. It is called from within the watch's task and
    /// should return soon.
    pub fn observe(
        mut self,
        observer: impl FnMut(Timestamp, &Note<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Checks everything and makes the watch. It connects when its first event is asked for, within a
    /// tokio runtime with time and I/O enabled.
    ///
    /// # Errors
    ///
    /// If the URL, the token or another setting is wrong, the HTTP client cannot be made, or the operating
    /// system gives no entropy.
    pub fn start(self) -> Result<Watch, StartError> {
        let config = self.config.build().map_err(StartError::Config)?;
        let token = self.token.ok_or(StartError::NoToken)?.map_err(StartError::Token)?;
        let transport = match self.client {
            Some(client) => ReqwestTransport::with_client(client),
            None => ReqwestTransport::new(config.is_plain())?,
        };
        let seed = getrandom::u64().map_err(|error| StartError::Entropy(error.to_string()))?;
        let mut timer = TokioTimer::new();
        let machine = dormouse_core::Watch::new(config, token, seed, timer.now());
        let driver = Driver::new(machine, transport, timer);
        Ok(Watch(match self.observer {
            Some(observer) => driver.observe(observer),
            None => driver,
        }))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("config", &self.config)
            .field("token", &self.token)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

/// Why a watch could not be set up. It never holds a token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartError {
    /// A setting is wrong.
    Config(ConfigError),
    /// [`Builder::token`] was not called.
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
