//! Errors of the core as Python exceptions, which `popmail.error` defines.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBytes;

use popmail::{Error, UsageError};

/// The exception object for an error that an event tells.
pub fn exception<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    let reply = error.reply();
    make(py)?.call1((
        error.code().as_str(),
        error.to_string(),
        error.is_fatal(),
        reply.map(|reply| PyBytes::new(py, reply.line())),
        reply.and_then(|reply| reply.response_code()),
        reply.map(|reply| reply.verdict().as_str()),
        error.guessed_verdict().map(popmail::Verdict::as_str),
        error.detail(),
    ))
}

/// What a call that the core refuses raises.
pub fn raised(py: Python<'_>, error: UsageError) -> PyErr {
    match exception(py, &error.into()) {
        Ok(value) => PyErr::from_value(value),
        Err(error) => error,
    }
}

fn make(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let make = MAKE.get_or_try_init(py, || {
        Ok::<_, PyErr>(py.import("popmail.error")?.getattr("make")?.unbind())
    })?;
    Ok(make.bind(py))
}
