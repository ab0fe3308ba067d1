//! Files inside bodies and TNEF streams as Python objects.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use popmail::mime::legacy::{
    EmbeddedDefect, EmbeddedFile, Tnef, TnefValue, join_partial as join, read_tnef as read,
};

/// A file that was found in a body.
#[pyclass(frozen, module = "popmail", name = "EmbeddedFile")]
pub struct PyEmbeddedFile {
    #[pyo3(get)]
    format: &'static str,
    #[pyo3(get)]
    name: Option<String>,
    #[pyo3(get)]
    safe_filename: String,
    #[pyo3(get)]
    content_type: String,
    #[pyo3(get)]
    content_id: Option<String>,
    #[pyo3(get)]
    content: Py<PyBytes>,
    #[pyo3(get)]
    part: u32,
    defects: Vec<EmbeddedDefect>,
}

#[pymethods]
impl PyEmbeddedFile {
    #[getter]
    fn defects(&self) -> Vec<&'static str> {
        names(&self.defects)
    }

    #[pyo3(signature = (folder, /))]
    fn save<'py>(
        slf: &Bound<'py, Self>,
        folder: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let save = slf.py().import("popmail.message")?.getattr("save")?;
        save.call1((slf, folder))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!(
            "<EmbeddedFile format={:?} name={} content_type={:?} size={}>",
            self.format,
            self.name.as_deref().into_pyobject(py)?.repr()?,
            self.content_type,
            self.content.bind(py).as_bytes().len()
        ))
    }
}

/// Files as a list; each is called by its place where it has no name.
pub fn files(py: Python<'_>, files: Vec<EmbeddedFile>) -> PyResult<Bound<'_, PyList>> {
    let mut number = 0;
    let convert = |file: EmbeddedFile| {
        number += 1;
        PyEmbeddedFile {
            format: file.format.as_str(),
            safe_filename: file.safe_filename(number),
            content: PyBytes::new(py, &file.content).unbind(),
            name: file.name,
            content_type: file.content_type,
            content_id: file.content_id,
            part: file.part,
            defects: file.defects,
        }
    };
    let list = PyList::empty(py);
    for file in files.into_iter().map(convert) {
        list.append(Py::new(py, file)?)?;
    }
    Ok(list)
}

fn names(defects: &[EmbeddedDefect]) -> Vec<&'static str> {
    defects.iter().map(|defect| defect.as_str()).collect()
}

/// What a TNEF stream holds.
#[pyclass(frozen, module = "popmail", name = "Tnef")]
pub struct PyTnef {
    #[pyo3(get)]
    subject: Option<String>,
    #[pyo3(get)]
    message_class: Option<String>,
    #[pyo3(get)]
    text: Option<String>,
    #[pyo3(get)]
    html: Option<String>,
    #[pyo3(get)]
    rtf: Option<Py<PyBytes>>,
    #[pyo3(get)]
    files: Py<PyList>,
    #[pyo3(get)]
    attributes: Py<PyDict>,
    defects: Vec<EmbeddedDefect>,
}

#[pymethods]
impl PyTnef {
    #[getter]
    fn defects(&self) -> Vec<&'static str> {
        names(&self.defects)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!(
            "<Tnef subject={} files={}>",
            self.subject.as_deref().into_pyobject(py)?.repr()?,
            self.files.bind(py).len()
        ))
    }
}

pub fn tnef(py: Python<'_>, tnef: Tnef) -> PyResult<PyTnef> {
    let attributes = PyDict::new(py);
    for attribute in tnef.attributes {
        if !attributes.contains(&attribute.name)? {
            attributes.set_item(attribute.name, value(py, attribute.value)?)?;
        }
    }
    Ok(PyTnef {
        subject: tnef.subject,
        message_class: tnef.message_class,
        text: tnef.text,
        html: tnef.html,
        rtf: tnef.rtf.map(|rtf| PyBytes::new(py, &rtf).unbind()),
        files: files(py, tnef.files)?.unbind(),
        attributes: attributes.unbind(),
        defects: tnef.defects,
    })
}

fn value(py: Python<'_>, value: TnefValue) -> PyResult<Bound<'_, PyAny>> {
    Ok(match value {
        TnefValue::Integer(number) => number.into_pyobject(py)?.into_any(),
        TnefValue::Real(number) => number.into_pyobject(py)?.into_any(),
        TnefValue::Boolean(value) => value.into_pyobject(py)?.to_owned().into_any(),
        TnefValue::Text(text) => text.into_pyobject(py)?.into_any(),
        TnefValue::Binary(octets) => PyBytes::new(py, &octets).into_any(),
        // A time beyond Python's calendar stays a number.
        TnefValue::Time(seconds) => match moment(py, seconds) {
            Ok(time) => time,
            Err(_) => seconds.into_pyobject(py)?.into_any(),
        },
    })
}

fn moment(py: Python<'_>, seconds: i64) -> PyResult<Bound<'_, PyAny>> {
    let module = py.import("datetime")?;
    let utc = module.getattr("UTC")?;
    let epoch = module
        .getattr("datetime")?
        .call_method1("fromtimestamp", (0, utc))?;
    let options = PyDict::new(py);
    options.set_item("seconds", seconds)?;
    epoch.add(module.getattr("timedelta")?.call((), Some(&options))?)
}

/// Read a TNEF stream; `None` when it is none.
#[pyfunction]
#[pyo3(signature = (stream, /))]
fn read_tnef(py: Python<'_>, stream: &[u8]) -> PyResult<Option<PyTnef>> {
    read(stream).map(|found| tnef(py, found)).transpose()
}

/// Put the pieces of a message together.
#[pyfunction]
#[pyo3(signature = (pieces, /))]
fn join_partial<'py>(py: Python<'py>, pieces: Vec<Vec<u8>>) -> PyResult<Bound<'py, PyBytes>> {
    let messages: Vec<_> = pieces
        .iter()
        .map(|piece| popmail::mime::parse(piece))
        .collect();
    let whole = join(&messages).map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(PyBytes::new(py, &whole))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(read_tnef, module)?)?;
    module.add_function(wrap_pyfunction!(join_partial, module)?)?;
    module.add_class::<PyEmbeddedFile>()?;
    module.add_class::<PyTnef>()
}
