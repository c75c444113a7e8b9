//! Configuration. It is checked by core, when it is made, and holds no secret.

use dormouse_core::{OnUnauthorized, sse};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::error;
use crate::record::{record, show};
use crate::secret::Text;

record! {
    /// Which guards are on (protocol.md section 5): each of them, unless it is switched off.
    ///
    /// With all of them off a watch decides exactly as the tables of section 4 say.
    Guards {
        /// Streams that break at once again and again are waited for ever longer (5.1).
        flap: bool,
        /// Never more than 30 connects in 10 minutes (5.1).
        connect_bound: bool,
        /// `Retry-After` is honoured on 429 and 503, up to an hour (5.2).
        retry_after: bool,
        /// Waits are drawn, so that a fleet does not come back all at once (5.3).
        jitter: bool,
        /// The server's `retry:` field spreads reconnects over a window (5.4).
        window: bool,
        /// Changes of network, resumes and being offline are heeded (5.5).
        hints: bool,
    }
    {
        #[new]
        #[pyo3(signature = (
            *, flap = true, connect_bound = true, retry_after = true, jitter = true, window = true, hints = true
        ))]
        fn new(
            flap: bool,
            connect_bound: bool,
            retry_after: bool,
            jitter: bool,
            window: bool,
            hints: bool,
        ) -> Self {
            Self { flap, connect_bound, retry_after, jitter, window, hints }
        }

        /// Every guard off.
        #[staticmethod]
        fn none() -> Self {
            Self::from(&dormouse_core::Guards::none())
        }
    }
}

impl From<&dormouse_core::Guards> for Guards {
    fn from(guards: &dormouse_core::Guards) -> Self {
        let dormouse_core::Guards {
            flap, connect_bound, retry_after, jitter, window, hints, ..
        } = *guards;
        Self { flap, connect_bound, retry_after, jitter, window, hints }
    }
}

/// A checked configuration.
///
/// `base` is an absolute http or https URL, perhaps with a path, without query, fragment and user info. Everything else
/// has a default:
///
/// * `watch_path`, `heartbeat_path`: below the base, `/v1/watch` and `/v1/watch/heartbeat`;
/// * `auth_scheme`: what stands before the token, `Bearer`;
/// * `protocol_version`: what is announced, `2.2.0`;
/// * `line_limit`, `data_limit`: the longest line of the stream and the most data of an event, in bytes, 64 KiB and
///   256 KiB, each from 1 KiB to 64 MiB;
/// * `guards`: all on;
/// * `park_on_unauthorized`: whether a token that the server refuses is tried again, after 5 minutes, doubling to an
///   hour, or at once with a new one; otherwise the watch stops.
///
/// Raises `ConfigError` if any of them cannot be used.
#[pyclass(frozen, eq, module = "dormouse")]
#[derive(Clone, PartialEq)]
pub(crate) struct Config {
    pub(crate) checked: dormouse_core::Config,
    given: Vec<(&'static str, Given)>,
}

/// A setting as it was given, to show it.
#[derive(Clone, PartialEq)]
enum Given {
    Text(String),
    Number(usize),
    Flag(bool),
    Guards(Guards),
}

#[pymethods]
impl Config {
    #[new]
    #[pyo3(signature = (
        base, *, watch_path = None, heartbeat_path = None, auth_scheme = None, protocol_version = None,
        line_limit = None, data_limit = None, guards = None, park_on_unauthorized = false
    ))]
    #[allow(clippy::too_many_arguments, reason = "each is a keyword in Python")]
    fn new(
        base: Text,
        watch_path: Option<Text>,
        heartbeat_path: Option<Text>,
        auth_scheme: Option<Text>,
        protocol_version: Option<Text>,
        line_limit: Option<crate::argument::Number>,
        data_limit: Option<crate::argument::Number>,
        guards: Option<PyRef<'_, Guards>>,
        park_on_unauthorized: bool,
    ) -> PyResult<Self> {
        let mut given = vec![("base", Given::Text(base.0.clone()))];
        let mut builder = dormouse_core::Config::new(base.0);
        let mut text = |name, value: Option<Text>| {
            let text = value?.0;
            given.push((name, Given::Text(text.clone())));
            Some(text)
        };
        if let Some(path) = text("watch_path", watch_path) {
            builder = builder.watch_path(path);
        }
        if let Some(path) = text("heartbeat_path", heartbeat_path) {
            builder = builder.heartbeat_path(path);
        }
        if let Some(scheme) = text("auth_scheme", auth_scheme) {
            builder = builder.auth_scheme(scheme);
        }
        if let Some(version) = text("protocol_version", protocol_version) {
            builder = builder.protocol_version(version);
        }
        let mut limits = sse::Limits::default();
        for (name, limit, slot) in [
            ("line_limit", line_limit, &mut limits.line),
            ("data_limit", data_limit, &mut limits.data),
        ] {
            if let Some(limit) = limit {
                *slot = usize::try_from(limit.0).unwrap_or(usize::MAX);
                given.push((name, Given::Number(*slot)));
            }
        }
        if let Some(guards) = guards {
            let Guards { flap, connect_bound, retry_after, jitter, window, hints } = *guards;
            let mut on = dormouse_core::Guards::none();
            on.flap = flap;
            on.connect_bound = connect_bound;
            on.retry_after = retry_after;
            on.jitter = jitter;
            on.window = window;
            on.hints = hints;
            builder = builder.guards(on);
            given.push(("guards", Given::Guards(guards.clone())));
        }
        if park_on_unauthorized {
            builder = builder.on_unauthorized(OnUnauthorized::Park);
            given.push(("park_on_unauthorized", Given::Flag(true)));
        }
        let checked = builder.limits(limits).build().map_err(error::config)?;
        Ok(Self { checked, given })
    }

    /// The base URL, without slashes at its end.
    #[getter]
    fn base(&self) -> &str {
        self.checked.base()
    }

    /// Which guards are on.
    #[getter]
    fn guards(&self) -> Guards {
        Guards::from(self.checked.guards())
    }

    /// Whether the base URL is http: no TLS is needed then, and a wake may lead to ws and http too.
    #[getter]
    fn is_plain(&self) -> bool {
        self.checked.is_plain()
    }

    /// As it was given.
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let mut shown = Vec::with_capacity(self.given.len());
        for (name, value) in &self.given {
            let value = match value {
                Given::Text(text) => PyString::new(py, text).repr()?.to_string(),
                Given::Number(number) => number.to_string(),
                Given::Flag(flag) => if *flag { "True" } else { "False" }.to_owned(),
                Given::Guards(guards) => {
                    let fields =
                        ["flap", "connect_bound", "retry_after", "jitter", "window", "hints"];
                    show(Bound::new(py, guards.clone())?.as_any(), &fields)?
                }
            };
            shown.push(format!("{name}={value}"));
        }
        Ok(format!("Config({})", shown.join(", ")))
    }
}
