//! What Python calls hand in, made into what core takes: numbers in their ranges, bytes, headers.

use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyMemoryView, PyString};

use crate::error;

/// An integer of 64 bits without sign. What is none is a `LocalError`, and what is no integer a `TypeError`.
#[derive(Clone, Copy)]
pub(crate) struct Number(pub(crate) u64);

impl FromPyObject<'_, '_> for Number {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        object.extract().map(Self).map_err(|error| out_of_range(object.py(), error, u64::MAX))
    }
}

/// An HTTP status.
#[derive(Clone, Copy)]
pub(crate) struct Status(pub(crate) u16);

impl FromPyObject<'_, '_> for Status {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let most = u64::from(u16::MAX);
        object.extract().map(Self).map_err(|error| out_of_range(object.py(), error, most))
    }
}

fn out_of_range(py: Python<'_>, error: PyErr, most: u64) -> PyErr {
    if error.is_instance_of::<PyOverflowError>(py) {
        error::local(format!("an integer is outside 0 to {most}"))
    } else {
        error
    }
}

/// Bytes of a stream: lent where they cannot change, and copied where they can.
pub(crate) enum Data<'py> {
    Lent(Bound<'py, PyBytes>),
    Copied(Vec<u8>),
}

impl Data<'_> {
    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Lent(bytes) => bytes.as_bytes(),
            Self::Copied(bytes) => bytes,
        }
    }
}

impl<'py> FromPyObject<'_, 'py> for Data<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = object.cast::<PyBytes>() {
            return Ok(Self::Lent(bytes.to_owned()));
        }
        if let Ok(bytes) = object.cast::<PyByteArray>() {
            return Ok(Self::Copied(bytes.to_vec()));
        }
        if object.cast::<PyMemoryView>().is_ok() {
            let bytes = object.call_method0("tobytes")?;
            return Ok(Self::Lent(bytes.cast_into::<PyBytes>()?));
        }
        // The value itself is not told: it may be a token.
        let kind = object.get_type().name()?.to_string();
        Err(PyTypeError::new_err(format!("bytes are wanted, and not {kind}")))
    }
}

/// Headers: pairs of names and values, each text or bytes, in any order, or something with `items()`.
pub(crate) struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }
}

impl FromPyObject<'_, '_> for Headers {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let items = match object.getattr("items") {
            Ok(items) => items.call0()?,
            Err(_) => object.to_owned().into_any(),
        };
        let mut pairs = Vec::new();
        for pair in items.try_iter()? {
            let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair?.extract()?;
            // A name that is no text is no header that anybody looks for.
            let name = String::from_utf8_lossy(&header_part(&name)?).into_owned();
            pairs.push((name, header_part(&value)?));
        }
        Ok(Self(pairs))
    }
}

fn header_part(part: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if let Ok(text) = part.cast::<PyString>() {
        // Clients decode what is no UTF-8 in ways of their own; there is none in what is looked for.
        return Ok(text.to_string_lossy().into_owned().into_bytes());
    }
    Ok(part.extract::<Data<'_>>()?.as_slice().to_vec())
}
