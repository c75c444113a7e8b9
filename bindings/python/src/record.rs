//! Frozen classes that are values: compared field by field, shown with their fields, and good for `match`.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

/// A frozen class with these fields. What else it can do stands in the second braces.
macro_rules! record {
    (
        $(#[doc = $doc:expr])*
        $name:ident $(extends $base:ident)? {
            $($(#[doc = $field_doc:expr])* $field:ident: $type:ty,)*
        }
        { $($more:tt)* }
    ) => {
        $(#[doc = $doc])*
        #[pyclass(frozen, eq, get_all, module = "dormouse" $(, extends = $base)?)]
        #[derive(Clone, PartialEq)]
        pub(crate) struct $name {
            $($(#[doc = $field_doc])* pub(crate) $field: $type,)*
        }

        #[pymethods]
        impl $name {
            /// The fields in their order, for `match`.
            #[classattr]
            fn __match_args__(py: Python<'_>) -> PyResult<Bound<'_, pyo3::types::PyTuple>> {
                let fields: &[&str] = &[$(stringify!($field)),*];
                pyo3::types::PyTuple::new(py, fields)
            }

            fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
                crate::record::show(slf.as_any(), &[$(stringify!($field)),*])
            }

            /// It may hold a token.
            fn __reduce__(&self) -> PyResult<()> {
                Err(crate::record::not_pickled(stringify!($name)))
            }

            $($more)*
        }
    };
}
pub(crate) use record;

/// Python's own error. Without it the oldest protocols would write an object without its content.
pub(crate) fn not_pickled(name: &str) -> PyErr {
    PyTypeError::new_err(format!("cannot pickle '{name}' object"))
}

/// As a dataclass shows itself. What is a secret shows itself as that.
pub(crate) fn show(object: &Bound<'_, PyAny>, fields: &[&str]) -> PyResult<String> {
    let mut shown = object.get_type().name()?.to_string();
    shown.push('(');
    for (at, field) in fields.iter().enumerate() {
        if at > 0 {
            shown.push_str(", ");
        }
        let value = object.getattr(*field)?.repr()?;
        shown.push_str(field);
        shown.push('=');
        shown.push_str(&value.to_string_lossy());
    }
    shown.push(')');
    Ok(shown)
}
