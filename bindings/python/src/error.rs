//! The caller's own mistakes, as the exceptions of `python/dormouse/errors.py`. None of them holds a token.

use dormouse_core::{ConfigError, TokenError};
use pyo3::PyErr;

mod python {
    #![allow(missing_docs, reason = "documented where they are defined")]
    pyo3::import_exception!(dormouse.errors, LocalError);
    pyo3::import_exception!(dormouse.errors, ConfigError);
    pyo3::import_exception!(dormouse.errors, TokenError);
}

/// An argument that cannot be meant.
pub(crate) fn local(what: impl Into<String>) -> PyErr {
    python::LocalError::new_err(what.into())
}

pub(crate) fn config(error: ConfigError) -> PyErr {
    python::ConfigError::new_err((error.to_string(), error.code()))
}

pub(crate) fn token(error: TokenError) -> PyErr {
    python::TokenError::new_err((error.to_string(), error.code()))
}
