//! The first line: what it takes to make the same watch again.

use alloc::borrow::{Cow, ToOwned as _};
use alloc::string::String;

use serde::Deserialize;

use super::line::Object;
use super::{Damage, FORMAT};
use crate::config::{Config, OnUnauthorized};
use crate::guard::Guards;
use crate::secret::Token;
use crate::sse::Limits;
use crate::time::Timestamp;
use crate::watch::Watch;

/// What the first line of a journal says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// Which version of this crate recorded it; none in a journal that holds for every version.
    pub version: Option<String>,
    /// What the journal shows, in a sentence, where somebody has said so.
    pub shows: Option<String>,
    /// How the watch was configured.
    pub config: Config,
    /// How long the device's token was, in bytes: 1 to [`Token::MAX_LEN`].
    pub token_len: usize,
    /// The watch's seed.
    pub seed: u64,
    /// When the watch began.
    pub start: Timestamp,
}

impl Header {
    /// The line, without its end.
    pub(super) fn line(&self) -> String {
        let config = self.config.settings();
        let guards = &config.guards;
        let on_unauthorized = match config.on_unauthorized {
            OnUnauthorized::Stop => "stop",
            OnUnauthorized::Park => "park",
        };
        Object::new()
            .number("dormouse_journal", FORMAT)
            .maybe_text("version", self.version.as_deref())
            .maybe_text("shows", self.shows.as_deref())
            .text("base", &config.base)
            .text("watch_path", &config.watch_path)
            .text("heartbeat_path", &config.heartbeat_path)
            .text("auth_scheme", &config.auth_scheme)
            .text("protocol_version", &config.protocol_version)
            .number("line_limit", config.limits.line as u64)
            .number("data_limit", config.limits.data as u64)
            .flag("flap", guards.flap)
            .flag("connect_bound", guards.connect_bound)
            .flag("retry_after", guards.retry_after)
            .flag("jitter", guards.jitter)
            .flag("window", guards.window)
            .flag("hints", guards.hints)
            .text("on_unauthorized", on_unauthorized)
            .number("token_len", self.token_len as u64)
            .text("seed", &alloc::format!("{:016x}", self.seed))
            .number("start", self.start.as_millis())
            .end()
    }

    pub(super) fn read(line: &str) -> Result<Self, Damage> {
        #[derive(Deserialize)]
        struct Format {
            dormouse_journal: u64,
        }
        // Another format may have any other field: so the version comes first.
        let format: Format = serde_json::from_str(line).map_err(|_| Damage::NoHeader)?;
        if format.dormouse_journal != u64::from(FORMAT) {
            return Err(Damage::Format { found: format.dormouse_journal });
        }
        let fields: Fields<'_> =
            serde_json::from_str(line).map_err(|error| Damage::json(&error))?;
        fields.header()
    }

    /// The watch, as it was at first. Its token is filler.
    pub(super) fn watch(&self) -> Option<Watch> {
        Some(Watch::new(self.config.clone(), filler(self.token_len)?, self.seed, self.start))
    }
}

/// A token of this length, if there can be one.
pub(super) fn filler(len: usize) -> Option<Token> {
    if len > Token::MAX_LEN { None } else { Token::new("x".repeat(len)).ok() }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields<'l> {
    #[serde(rename = "dormouse_journal")]
    _format: u64,
    #[serde(borrow)]
    version: Option<Cow<'l, str>>,
    #[serde(borrow)]
    shows: Option<Cow<'l, str>>,
    base: Cow<'l, str>,
    watch_path: Cow<'l, str>,
    heartbeat_path: Cow<'l, str>,
    auth_scheme: Cow<'l, str>,
    protocol_version: Cow<'l, str>,
    line_limit: usize,
    data_limit: usize,
    flap: bool,
    connect_bound: bool,
    retry_after: bool,
    jitter: bool,
    window: bool,
    hints: bool,
    on_unauthorized: Cow<'l, str>,
    token_len: usize,
    seed: Cow<'l, str>,
    start: u64,
}

impl Fields<'_> {
    fn header(self) -> Result<Header, Damage> {
        let guards = Guards {
            flap: self.flap,
            connect_bound: self.connect_bound,
            retry_after: self.retry_after,
            jitter: self.jitter,
            window: self.window,
            hints: self.hints,
        };
        let on_unauthorized = match &*self.on_unauthorized {
            "stop" => OnUnauthorized::Stop,
            "park" => OnUnauthorized::Park,
            _ => return Err(Damage::Value { field: "on_unauthorized" }),
        };
        let config = Config::new(self.base)
            .watch_path(self.watch_path)
            .heartbeat_path(self.heartbeat_path)
            .auth_scheme(self.auth_scheme)
            .protocol_version(self.protocol_version)
            .limits(Limits { line: self.line_limit, data: self.data_limit })
            .guards(guards)
            .on_unauthorized(on_unauthorized)
            .build()
            .map_err(Damage::Config)?;
        if filler(self.token_len).is_none() {
            return Err(Damage::Value { field: "token_len" });
        }
        let digits =
            self.seed.len() == 16 && self.seed.bytes().all(|byte| byte.is_ascii_hexdigit());
        let seed = u64::from_str_radix(&self.seed, 16).ok().filter(|_| digits);
        Ok(Header {
            version: self.version.map(|version| (*version).to_owned()),
            shows: self.shows.map(|shows| (*shows).to_owned()),
            config,
            token_len: self.token_len,
            seed: seed.ok_or(Damage::Value { field: "seed" })?,
            start: Timestamp::from_millis(self.start),
        })
    }
}
