//! The structure of a message while it arrives, as Python objects; what a part is decides `popmail::mime::scanner`.

use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use popmail::mime::scanner::{ScanEvent, Scanner};

/// Finds the parts of a message while it arrives.
#[pyclass(frozen, module = "popmail", name = "Scanner")]
pub struct PyScanner(Mutex<Option<Scanner>>);

#[pymethods]
impl PyScanner {
    #[new]
    fn new() -> Self {
        PyScanner(Mutex::new(Some(Scanner::new())))
    }

    #[pyo3(signature = (octets, /))]
    fn receive<'py>(&self, py: Python<'py>, octets: &[u8]) -> PyResult<Bound<'py, PyList>> {
        self.events(py, |scanner| scanner.receive(octets))
    }

    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let events = self.events(py, Scanner::finish);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
        events
    }
}

impl PyScanner {
    fn events<'py>(
        &self,
        py: Python<'py>,
        change: impl FnOnce(&mut Scanner),
    ) -> PyResult<Bound<'py, PyList>> {
        let mut scanner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(scanner) = scanner.as_mut() else {
            return Err(PyValueError::new_err("the message is over"));
        };
        change(scanner);
        let module = py.import("popmail.scanner")?;
        let (started, ended) = (module.getattr("PartStarted")?, module.getattr("PartEnded")?);
        let events = PyList::empty(py);
        while let Some(event) = scanner.next_event() {
            events.append(match event {
                ScanEvent::PartStarted {
                    part,
                    depth,
                    content_type,
                    header,
                    body,
                } => {
                    let header = PyBytes::new(py, &header);
                    started.call1((part, depth, content_type, header, body))?
                }
                ScanEvent::PartEnded { part, body } => {
                    ended.call1((part, (body.start, body.end)))?
                }
            })?;
        }
        Ok(events)
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyScanner>()
}
