//! From a URL and a token to a watch that runs.

use std::fmt;

use dormouse_core::driver::{Note, Transport};
use dormouse_core::{Config, ConfigBuilder, Timestamp};
use dormouse_runtime::{Setup, StartError};

use crate::{TokioTimer, TokioTransport, Watch};

/// A watch being set up: see [`Watch::builder`].
#[must_use = "nothing happens until start"]
pub struct Builder<T = TokioTransport> {
    setup: Setup,
    transport: Source<T>,
}

/// Where the transport comes from.
enum Source<T> {
    /// It is made once the configuration is known to be good.
    Made(fn(&Config) -> Result<T, StartError>),
    /// The user brought it.
    Given(T),
}

impl Builder {
    pub(crate) fn new(base: impl Into<String>) -> Self {
        let own = |config: &Config| TokioTransport::new(config.is_plain());
        Self { setup: Setup::new(base), transport: Source::Made(own) }
    }
}

impl<T> Builder<T> {
    /// The device's token: 1 byte to 8 KiB of visible ASCII. A token read from a file wants trimming.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.setup = self.setup.token(token);
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
        self.setup = self.setup.configure(set);
        self
    }

    /// Sends requests through this instead of a transport of our own. A program with many watches makes one
    /// [`TokioTransport`] and gives each of them a clone, which costs next to nothing. [`with_tls`] is for roots or a
    /// client certificate of yours. With the feature `reqwest` there is `ReqwestTransport`, over a client of
    /// reqwest's. Or bring whatever implements [`Transport`] over an HTTP client that you have already; what it must
    /// keep stands there.
    ///
    /// [`with_tls`]: TokioTransport::with_tls
    pub fn transport<U: Transport + Unpin>(self, transport: U) -> Builder<U> {
        Builder { setup: self.setup, transport: Source::Given(transport) }
    }

    /// Shows every [`Note`] to `observer`, with the watch's own time: what is attempted, why it ended, how
    /// long the next wait is and which guard made it so. It is called from within the watch's task and
    /// should return soon.
    pub fn observe(
        mut self,
        observer: impl FnMut(Timestamp, &Note<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.setup = self.setup.observe(observer);
        self
    }

    /// Records everything that goes into the watch and comes out of it, with no token in it: `sink` gets the lines of a
    /// [journal](dormouse_core::journal), which `dormouse replay` shows and plays again. It is kept to `limit` bytes, of
    /// which the first are kept ([`Recorder::DEFAULT_LIMIT`](dormouse_core::journal::Recorder::DEFAULT_LIMIT) is a
    /// good one). The last line may come when the watch is dropped. `sink` is called from within the watch's task and
    /// should return soon.
    pub fn journal(mut self, limit: usize, sink: impl FnMut(&str) + Send + Sync + 'static) -> Self {
        self.setup = self.setup.journal(limit, sink);
        self
    }
}

impl<T: Transport + Unpin> Builder<T> {
    /// Checks everything and makes the watch. It connects when its first event is asked for, within a
    /// tokio runtime with time and I/O enabled.
    ///
    /// # Errors
    ///
    /// If the URL, the token or another setting is wrong, TLS cannot be set up, or the operating system
    /// gives no entropy.
    pub fn start(self) -> Result<Watch<T>, StartError> {
        let transport = self.transport;
        let driver = self.setup.start(TokioTimer::new(), |config| match transport {
            Source::Made(make) => make(config),
            Source::Given(transport) => Ok(transport),
        })?;
        Ok(Watch(driver))
    }
}

impl<T> fmt::Debug for Builder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("setup", &self.setup).finish_non_exhaustive()
    }
}
