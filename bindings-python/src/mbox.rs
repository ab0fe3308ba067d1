//! Mailbox files in memory that the system maps: messages are read from it
//! where they are. Where they are is decided in `popmail::mime::mbox`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use memmap2::{Mmap, MmapOptions};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use popmail::maildrop;
use popmail::mime::mbox::{MboxEntry, MboxFormat, is_mbox, scan_mbox_from};

use crate::message::{Octets, PyMessage};

/// The messages of one file, found as far as they were asked for.
#[pyclass(frozen, module = "popmail._native", name = "MboxFile")]
pub struct PyMboxFile {
    map: Arc<Mmap>,
    format: MboxFormat,
    found: Mutex<Found>,
}

struct Found {
    entries: Vec<MboxEntry>,
    /// Where to go on; `None` at the end.
    next: Option<usize>,
}

#[pymethods]
impl PyMboxFile {
    #[new]
    fn new(py: Python<'_>, path: PathBuf, format: &str) -> PyResult<Self> {
        let format = format_named(format)?;
        let map = py.detach(|| map_path(&path))?;
        check(&map, &path)?;
        Ok(Self {
            map: Arc::new(map),
            format,
            found: Mutex::new(Found {
                entries: Vec::new(),
                next: Some(0),
            }),
        })
    }

    /// How many messages there are: the rest of the file is searched for it.
    fn count(&self, py: Python<'_>) -> usize {
        py.detach(|| self.search(usize::MAX))
    }

    /// A message, `None` where there are fewer.
    fn message(&self, py: Python<'_>, index: usize) -> Option<PyMessage> {
        let entry = py.detach(|| self.entry(index))?;
        let message = entry.message(&self.map);
        Some(match message {
            std::borrow::Cow::Borrowed(_) => {
                PyMessage::of(Octets::Mapped(Arc::clone(&self.map), entry.content), None)
            }
            std::borrow::Cow::Owned(octets) => {
                PyMessage::of(Octets::Python(PyBytes::new(py, &octets).into()), None)
            }
        })
    }

    /// The separator line before a message.
    fn envelope<'py>(&self, py: Python<'py>, index: usize) -> Option<Bound<'py, PyBytes>> {
        let entry = py.detach(|| self.entry(index))?;
        Some(PyBytes::new(py, entry.envelope(&self.map)))
    }
}

impl PyMboxFile {
    /// Finds messages until there are `wanted`; returns how many there are then.
    fn search(&self, wanted: usize) -> usize {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = found.next
            && found.entries.len() < wanted
        {
            let mut scanner = scan_mbox_from(&self.map, self.format, at);
            while found.entries.len() < wanted
                && let Some(entry) = scanner.next()
            {
                found.entries.push(entry);
            }
            found.next = scanner.position();
        }
        found.entries.len()
    }

    fn entry(&self, index: usize) -> Option<MboxEntry> {
        let known = || {
            let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            found.entries.get(index).cloned()
        };
        known().or_else(|| {
            self.search(index.saturating_add(1));
            known()
        })
    }
}

/// Reads a message from a file of its own.
#[pyfunction]
#[pyo3(signature = (path, /))]
fn parse_file(py: Python<'_>, path: PathBuf) -> PyResult<PyMessage> {
    let map = Arc::new(py.detach(|| map_path(&path))?);
    let whole = 0..map.len();
    Ok(PyMessage::of(Octets::Mapped(map, whole), None))
}

/// The format with this name.
pub fn format_named(name: &str) -> PyResult<MboxFormat> {
    let mut known = MboxFormat::NAMES.into_iter();
    let found = known.find_map(|(known, format)| (known == name).then_some(format));
    found.ok_or_else(|| {
        let names = MboxFormat::NAMES.map(|(name, _)| name).join("', '");
        PyValueError::new_err(format!("format must be one of '{names}', got {name:?}"))
    })
}

/// Refuses what is no mbox file.
pub fn check(file: &[u8], path: &Path) -> PyResult<()> {
    if is_mbox(file) {
        return Ok(());
    }
    Err(PyValueError::new_err(format!(
        "{}: expected an mbox file, which begins with a line 'From '",
        path.display()
    )))
}

/// Where the file of a Maildir's message is now that is not where it was; `None` if it is gone.
#[pyfunction]
#[pyo3(signature = (path, /))]
fn moved_file(py: Python<'_>, path: PathBuf) -> PyResult<Option<PathBuf>> {
    Ok(py.detach(|| maildrop::moved(&path))?)
}

fn map_path(path: &Path) -> std::io::Result<Mmap> {
    let file = File::open(path)?;
    let octets = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    map(&file, octets)
}

/// Maps the start of a file. It must not be cut while it is mapped, which users are told.
#[allow(unsafe_code)]
pub fn map(file: &File, octets: usize) -> std::io::Result<Mmap> {
    // SAFETY: the octets are only read. Another program that writes to the file
    // may change what is read, as with every map of a file; nothing here relies
    // on two reads giving the same.
    unsafe { MmapOptions::new().len(octets).map(file) }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(parse_file, module)?)?;
    module.add_function(wrap_pyfunction!(moved_file, module)?)?;
    module.add_class::<PyMboxFile>()
}
