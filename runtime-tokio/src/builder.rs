//! From a URL and a token to a watch that runs.

use dormouse_core::driver::Note;
use dormouse_core::{ConfigBuilder, Timestamp};
use dormouse_runtime::{Setup, StartError};

use crate::{ReqwestTransport, TokioTimer, Watch};

/// A watch being set up: see [`Watch::builder`].
#[must_use = "nothing happens until start"]
#[derive(Debug)]
pub struct Builder {
    setup: Setup,
    client: Option<reqwest::Client>,
}

impl Builder {
    pub(crate) fn new(base: impl Into<String>) -> Self {
        Self { setup: Setup::new(base), client: None }
    }

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

    /// Checks everything and makes the watch. It connects when its first event is asked for, within a
    /// tokio runtime with time and I/O enabled.
    ///
    /// # Errors
    ///
    /// If the URL, the token or another setting is wrong, the HTTP client cannot be made, or the operating
    /// system gives no entropy.
    pub fn start(self) -> Result<Watch, StartError> {
        let client = self.client;
        let driver = self.setup.start(TokioTimer::new(), |config| match client {
            Some(client) => Ok(ReqwestTransport::with_client(client)),
            None => ReqwestTransport::new(config.is_plain()),
        })?;
        Ok(Watch(driver))
    }
}
