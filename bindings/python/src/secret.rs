//! Tokens, in custody: an object that shows nothing, is pickled by nobody, and gives its text out by one name.

use dormouse_core::Token;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::error;
use crate::record::not_pickled;

/// Text that is never shown: a device's token, a wake's token.
///
/// It has no text in `repr`, `str` and `format`, so that none is in a log line or in a traceback that shows local
/// variables. It cannot be pickled. `expose()` is the only way to the text.
///
/// Raises `LocalError` if the text is not valid Unicode.
#[pyclass(frozen, eq, module = "dormouse")]
#[derive(Clone, PartialEq)]
pub(crate) struct Secret(dormouse_core::Secret);

impl From<dormouse_core::Secret> for Secret {
    fn from(secret: dormouse_core::Secret) -> Self {
        Self(secret)
    }
}

#[pymethods]
impl Secret {
    #[new]
    #[pyo3(signature = (text, /))]
    fn new(text: Text) -> Self {
        Self(dormouse_core::Secret::new(text.0))
    }

    /// The text itself, for the one place that has to send it.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }

    fn __repr__(&self) -> &'static str {
        "Secret([hidden])"
    }

    fn __str__(&self) -> &'static str {
        "[hidden]"
    }

    /// Whatever is asked for: padding would not hide more, and a precision no less.
    fn __format__(&self, _spec: &str) -> &'static str {
        "[hidden]"
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_pickled("Secret"))
    }
}

/// Text of Python's. What is no Unicode is refused without showing it, which Python's own error would.
pub(crate) struct Text(pub(crate) String);

impl FromPyObject<'_, '_> for Text {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let Ok(text) = object.cast::<PyString>() else {
            let kind = object.get_type().name()?.to_string();
            return Err(PyTypeError::new_err(format!("a str is wanted, and not {kind}")));
        };
        match text.to_cow() {
            Ok(text) => Ok(Self(text.into_owned())),
            Err(_) => Err(error::local("the text is not valid Unicode")),
        }
    }
}

/// A device's token: text, or a `Secret` that holds it.
pub(crate) struct DeviceToken(pub(crate) Token);

impl FromPyObject<'_, '_> for DeviceToken {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let text = match object.cast::<Secret>() {
            Ok(secret) => secret.get().expose().to_owned(),
            Err(_) => object.extract::<Text>()?.0,
        };
        Token::new(text).map(Self).map_err(error::token)
    }
}
