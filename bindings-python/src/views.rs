//! The other readings of an ambiguous message as Python objects; which there are is decided in
//! `popmail::mime::views`. Each is parsed when it is asked for, so that they are not all in memory.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBytes;

use popmail::mime::ParseOptions;
use popmail::mime::views::View;

use crate::message::{Octets, PyMessage};

/// A message as other programs may read it.
#[pyclass(frozen, module = "popmail", name = "View")]
pub struct PyView {
    of: Py<PyMessage>,
    view: View,
    options: Option<ParseOptions>,
    message: PyOnceLock<Py<PyMessage>>,
}

impl PyView {
    pub fn new(of: Py<PyMessage>, view: View, options: Option<ParseOptions>) -> Self {
        PyView {
            of,
            view,
            options,
            message: PyOnceLock::new(),
        }
    }
}

#[pymethods]
impl PyView {
    #[getter]
    fn code(&self) -> &'static str {
        self.view.code.as_str()
    }

    #[getter]
    fn message<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMessage>> {
        let made = self.message.get_or_try_init(py, || {
            let bytes = PyBytes::new(py, &self.view.apply(self.of.get().view().raw()));
            Py::new(
                py,
                PyMessage::of(Octets::Python(bytes.into()), self.options),
            )
        });
        Ok(made?.bind(py).clone())
    }

    fn __repr__(&self) -> String {
        format!("View(code='{}')", self.view.code.as_str())
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyView>()
}
