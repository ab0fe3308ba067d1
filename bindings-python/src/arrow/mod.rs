//! Tables of messages for other programs, through the Arrow PyCapsule interface: no library of
//! Arrow for Python is needed here.
//!
//! Source: <https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html>.

mod source;
mod table;
mod work;

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::ffi::{FFI_ArrowArray, from_ffi, to_ffi};
use arrow_array::ffi_stream::{ArrayStreamReader, FFI_ArrowArrayStream};
use arrow_array::{Array, ArrayRef, RecordBatch, StructArray, make_array};
use arrow_schema::ffi::FFI_ArrowSchema;
use arrow_schema::{ArrowError, SchemaRef};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};

use popmail::mime::columns::Column;

use source::{Files, Item, Mbox, Source};
use work::{Batches, Progress};

use crate::parallel;

const ARRAY: &std::ffi::CStr = c"arrow_array";
const SCHEMA: &std::ffi::CStr = c"arrow_schema";
const STREAM: &std::ffi::CStr = c"arrow_array_stream";

/// A table in memory.
#[pyclass(frozen, module = "popmail.arrow", name = "Batch")]
pub struct PyBatch(RecordBatch);

#[pymethods]
impl PyBatch {
    #[getter]
    fn column_names(&self) -> Vec<String> {
        names(&self.0.schema())
    }

    fn __len__(&self) -> usize {
        self.0.num_rows()
    }

    fn __repr__(&self) -> String {
        let (rows, columns) = (self.0.num_rows(), self.0.num_columns());
        format!("<Batch rows={rows} columns={columns}>")
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &self.0.schema())
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        // A wish, which a producer may leave aside; it tells its own schema.
        let _ = requested_schema;
        let rows = StructArray::from(self.0.clone()).into_data();
        let (array, _) = to_ffi(&rows).map_err(raised)?;
        Ok((
            schema_capsule(py, &self.0.schema())?,
            PyCapsule::new_with_value(py, array, ARRAY)?,
        ))
    }
}

/// Tables one after the other.
#[pyclass(frozen, module = "popmail.arrow", name = "BatchReader")]
pub struct PyBatchReader {
    batches: Mutex<Option<Batches>>,
    schema: SchemaRef,
    progress: Arc<Progress>,
    #[pyo3(get)]
    total_messages: Option<u64>,
    #[pyo3(get)]
    total_octets: Option<u64>,
}

#[pymethods]
impl PyBatchReader {
    #[getter]
    fn column_names(&self) -> Vec<String> {
        names(&self.schema)
    }

    #[getter]
    fn messages(&self) -> u64 {
        self.progress.messages.load(Ordering::Relaxed)
    }

    #[getter]
    fn octets(&self) -> u64 {
        self.progress.octets.load(Ordering::Relaxed)
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<PyBatch>> {
        let next = py.detach(|| {
            let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
            Some(batches.as_mut()?.next())
        });
        let batch = next.ok_or_else(taken)?.transpose();
        Ok(batch.map_err(raised)?.map(PyBatch))
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &self.schema)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        let batches = py.detach(|| {
            let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
            batches.take()
        });
        let batches = batches.ok_or_else(taken)?;
        PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(batches)), STREAM)
    }
}

fn taken() -> PyErr {
    PyRuntimeError::new_err("the batches were handed over already: read the source again")
}

fn names(schema: &SchemaRef) -> Vec<String> {
    let fields = schema.fields().iter();
    fields.map(|field| field.name().clone()).collect()
}

fn schema_capsule<'py>(py: Python<'py>, schema: &SchemaRef) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(schema.as_ref()).map_err(raised)?;
    PyCapsule::new_with_value(py, schema, SCHEMA)
}

/// An error of Arrow as Python's; one that Python raised below it as itself.
fn raised(error: ArrowError) -> PyErr {
    match error {
        ArrowError::ExternalError(inner) => match inner.downcast::<PyErr>() {
            Ok(error) => *error,
            Err(inner) => PyRuntimeError::new_err(inner.to_string()),
        },
        ArrowError::IoError(_, error) => error.into(),
        other => PyValueError::new_err(other.to_string()),
    }
}

/// Makes one batch of messages.
#[pyfunction]
#[pyo3(name = "arrow_parse", signature = (messages, columns, threads, /))]
fn parse(
    messages: &Bound<'_, PyAny>,
    columns: Option<Vec<String>>,
    threads: Option<usize>,
) -> PyResult<PyBatch> {
    let columns = chosen(columns)?;
    let threads = parallel::wanted(threads)?;
    let items: Vec<Item> = match arrays(messages)? {
        Some(arrays) => arrays.iter().flat_map(source::cells).collect(),
        None => {
            let objects = messages.try_iter()?;
            objects
                .map(|object| Item::of(&object?))
                .collect::<PyResult<_>>()?
        }
    };
    let schema = table::schema(&columns);
    let made = messages
        .py()
        .detach(|| work::batch(&items, &columns, &schema, threads));
    Ok(PyBatch(made.map_err(raised)?))
}

/// Reads messages from Python objects or an Arrow array in batches.
#[pyfunction]
#[pyo3(name = "arrow_read", signature = (messages, columns, rows, threads, /))]
fn read(
    messages: &Bound<'_, PyAny>,
    columns: Option<Vec<String>>,
    rows: usize,
    threads: Option<usize>,
) -> PyResult<PyBatchReader> {
    let source = match arrays(messages)? {
        Some(arrays) => Source::Cells(arrays.into_iter(), None),
        None => Source::Objects(messages.try_iter()?.unbind()),
    };
    let total = messages.len().ok().map(|count| count as u64);
    reader(source, columns, rows, threads, total, None)
}

/// Reads files of one message each in batches.
#[pyfunction]
#[pyo3(name = "arrow_read_files", signature = (paths, root, columns, rows, threads, /))]
fn read_files(
    paths: Vec<PathBuf>,
    root: Option<PathBuf>,
    columns: Option<Vec<String>>,
    rows: usize,
    threads: Option<usize>,
) -> PyResult<PyBatchReader> {
    let total = Some(paths.len() as u64);
    let source = Source::Files(Files::new(paths, root));
    reader(source, columns, rows, threads, total, None)
}

/// Reads an mbox file in batches.
#[pyfunction]
#[pyo3(name = "arrow_read_mbox", signature = (path, format, columns, rows, threads, /))]
fn read_mbox(
    path: PathBuf,
    format: &str,
    columns: Option<Vec<String>>,
    rows: usize,
    threads: Option<usize>,
) -> PyResult<PyBatchReader> {
    let mbox = Mbox::open(&path, format)?;
    let octets = Some(mbox.octets() as u64);
    reader(Source::Mbox(mbox), columns, rows, threads, None, octets)
}

fn reader(
    source: Source,
    columns: Option<Vec<String>>,
    rows: usize,
    threads: Option<usize>,
    total_messages: Option<u64>,
    total_octets: Option<u64>,
) -> PyResult<PyBatchReader> {
    if rows == 0 {
        return Err(PyValueError::new_err(
            "batch_size must be at least 1 message, got 0",
        ));
    }
    let columns = chosen(columns)?;
    let schema = table::schema(&columns);
    let batches = Batches::new(source, columns, rows, parallel::wanted(threads)?);
    Ok(PyBatchReader {
        progress: batches.progress(),
        batches: Mutex::new(Some(batches)),
        schema,
        total_messages,
        total_octets,
    })
}

/// The columns with these names; the usual ones where none are given.
fn chosen(names: Option<Vec<String>>) -> PyResult<Vec<Column>> {
    let Some(names) = names else {
        return Ok(Column::usual().collect());
    };
    let mut columns = Vec::with_capacity(names.len());
    for name in names {
        let column = Column::named(&name).ok_or_else(|| {
            let known: Vec<_> = Column::ALL.iter().map(|known| known.as_str()).collect();
            let known = known.join(", ");
            PyValueError::new_err(format!("no column {name:?}: expected some of {known}"))
        })?;
        if columns.contains(&column) {
            return Err(PyValueError::new_err(format!("column {name:?} twice")));
        }
        columns.push(column);
    }
    if columns.is_empty() {
        return Err(PyValueError::new_err("expected at least one column"));
    }
    Ok(columns)
}

/// The arrays of octets in an object that gives Arrow data; `None` if it gives none.
fn arrays(object: &Bound<'_, PyAny>) -> PyResult<Option<Vec<ArrayRef>>> {
    let arrays = if object.hasattr("__arrow_c_array__")? {
        let capsules = object.call_method0("__arrow_c_array__")?;
        let capsules = capsules.cast_into::<PyTuple>()?;
        let schema = capsules.get_item(0)?.cast_into::<PyCapsule>()?;
        let array = capsules.get_item(1)?.cast_into::<PyCapsule>()?;
        vec![imported(&schema, &array)?]
    } else if object.hasattr("__arrow_c_stream__")? {
        let stream = object.call_method0("__arrow_c_stream__")?;
        streamed(&stream.cast_into::<PyCapsule>()?)?
    } else {
        return Ok(None);
    };
    match arrays
        .iter()
        .find(|array| !source::is_binary(array.data_type()))
    {
        None => Ok(Some(arrays)),
        Some(other) => Err(PyTypeError::new_err(format!(
            "expected an Arrow array of binary, with a message in each cell, got {}",
            other.data_type()
        ))),
    }
}

#[allow(unsafe_code)]
fn imported(schema: &Bound<'_, PyCapsule>, array: &Bound<'_, PyCapsule>) -> PyResult<ArrayRef> {
    let schema = schema.pointer_checked(Some(SCHEMA))?.cast();
    let array = array.pointer_checked(Some(ARRAY))?.cast();
    // SAFETY: capsules of these names hold these structures, as the PyCapsule interface says; what
    // is moved out of them is marked as released there.
    let data = unsafe {
        let schema = FFI_ArrowSchema::from_raw(schema.as_ptr());
        from_ffi(FFI_ArrowArray::from_raw(array.as_ptr()), &schema)
    };
    Ok(make_array(data.map_err(raised)?))
}

#[allow(unsafe_code)]
fn streamed(stream: &Bound<'_, PyCapsule>) -> PyResult<Vec<ArrayRef>> {
    let stream = stream.pointer_checked(Some(STREAM))?.cast();
    // SAFETY: as above.
    let arrays = unsafe { ArrayStreamReader::from_raw(stream.as_ptr()) };
    let arrays = arrays.map_err(raised)?.collect::<Result<_, _>>();
    arrays.map_err(raised)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let usual: Vec<_> = Column::usual().map(Column::as_str).collect();
    let all: Vec<_> = Column::ALL.iter().map(|column| column.as_str()).collect();
    module.add("ARROW_COLUMNS", PyTuple::new(module.py(), all)?)?;
    module.add("ARROW_USUAL_COLUMNS", PyTuple::new(module.py(), usual)?)?;
    module.add_function(wrap_pyfunction!(parse, module)?)?;
    module.add_function(wrap_pyfunction!(read, module)?)?;
    module.add_function(wrap_pyfunction!(read_files, module)?)?;
    module.add_function(wrap_pyfunction!(read_mbox, module)?)?;
    module.add_class::<PyBatch>()?;
    module.add_class::<PyBatchReader>()
}
