//! The core's maildrops, for `popmail.maildrop`.

use std::borrow::Cow;
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use popmail::Maildrop;

/// Messages in memory.
#[pyclass(frozen, module = "popmail")]
pub struct MemoryMaildrop(Mutex<popmail::MemoryMaildrop>);

#[pymethods]
impl MemoryMaildrop {
    #[new]
    #[pyo3(signature = (messages = None))]
    fn new(messages: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let mut maildrop = popmail::MemoryMaildrop::new();
        if let Some(messages) = messages {
            for message in messages.try_iter()? {
                maildrop.push(message?.extract::<Cow<'_, [u8]>>()?.as_ref());
            }
        }
        Ok(Self(Mutex::new(maildrop)))
    }

    fn append(&self, message: Cow<'_, [u8]>) {
        locked(&self.0).push(message.as_ref());
    }

    #[getter]
    fn messages<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        let maildrop = locked(&self.0).clone();
        let messages = maildrop.messages();
        messages.map(|message| PyBytes::new(py, message)).collect()
    }

    fn __len__(&self) -> usize {
        locked(&self.0).entries().len()
    }

    fn refresh(&self) -> PyResult<()> {
        Ok(locked(&self.0).refresh()?)
    }

    fn entries(&self) -> Vec<(String, u64)> {
        entries(&*locked(&self.0))
    }

    fn open(&self, number: u32) -> PyResult<ContentReader> {
        ContentReader::open(&*locked(&self.0), number)
    }

    fn commit(&self, deleted: Vec<u32>) -> PyResult<()> {
        commit(&mut *locked(&self.0), &deleted)
    }
}

macro_rules! stored {
    ($($(#[$doc:meta])* $name:ident { $($new:tt)* })*) => {$(
        $(#[$doc])*
        #[pyclass(frozen, module = "popmail")]
        pub struct $name {
            path: PathBuf,
            maildrop: Mutex<popmail::$name>,
        }

        #[pymethods]
        impl $name {
            $($new)*

            #[getter]
            fn path(&self) -> PathBuf {
                self.path.clone()
            }

            fn __len__(&self, py: Python<'_>) -> usize {
                py.detach(|| locked(&self.maildrop).entries().len())
            }

            fn refresh(&self, py: Python<'_>) -> PyResult<()> {
                Ok(py.detach(|| locked(&self.maildrop).refresh())?)
            }

            fn entries(&self, py: Python<'_>) -> Vec<(String, u64)> {
                py.detach(|| entries(&*locked(&self.maildrop)))
            }

            fn open(&self, py: Python<'_>, number: u32) -> PyResult<ContentReader> {
                py.detach(|| ContentReader::open(&*locked(&self.maildrop), number))
            }

            fn commit(&self, py: Python<'_>, deleted: Vec<u32>) -> PyResult<()> {
                py.detach(|| commit(&mut *locked(&self.maildrop), &deleted))
            }

            fn release(&self, py: Python<'_>) {
                py.detach(|| locked(&self.maildrop).release());
            }

            fn __repr__(&self) -> String {
                format!(concat!(stringify!($name), "({:?})"), self.path)
            }
        }
    )*};
}

stored! {
    /// A folder with `new` and `cur`.
    Maildir {
        #[new]
        fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
            let maildrop = py.detach(|| popmail::Maildir::open(&path))?;
            Ok(Self {
                path,
                maildrop: Mutex::new(maildrop),
            })
        }
    }
    /// One file with all messages.
    Mbox {
        #[new]
        #[pyo3(signature = (path, *, read_only = false))]
        fn new(py: Python<'_>, path: PathBuf, read_only: bool) -> PyResult<Self> {
            let maildrop = py.detach(|| popmail::Mbox::open(&path, read_only))?;
            Ok(Self {
                path,
                maildrop: Mutex::new(maildrop),
            })
        }
    }
}

/// A message that is being read.
#[pyclass(frozen, module = "popmail._native")]
pub struct ContentReader(Mutex<Option<Box<dyn Read + Send>>>);

impl ContentReader {
    fn open(maildrop: &dyn Maildrop, number: u32) -> PyResult<Self> {
        Ok(Self(Mutex::new(Some(maildrop.open(number)?))))
    }
}

#[pymethods]
impl ContentReader {
    /// Up to `size` octets; fewer only at the end.
    fn read<'py>(&self, py: Python<'py>, size: usize) -> PyResult<Bound<'py, PyBytes>> {
        let octets = py.detach(|| {
            let mut octets = Vec::new();
            if let Some(reader) = locked(&self.0).as_mut() {
                let most = u64::try_from(size).unwrap_or(u64::MAX);
                reader.take(most).read_to_end(&mut octets)?;
            }
            Ok::<_, std::io::Error>(octets)
        })?;
        Ok(PyBytes::new(py, &octets))
    }

    fn close(&self) {
        *locked(&self.0) = None;
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<MemoryMaildrop>()?;
    module.add_class::<Maildir>()?;
    module.add_class::<Mbox>()?;
    module.add_class::<ContentReader>()
}

fn entries(maildrop: &dyn Maildrop) -> Vec<(String, u64)> {
    let entries = maildrop.entries().iter();
    entries
        .map(|entry| (entry.uid.clone(), entry.octets))
        .collect()
}

fn commit(maildrop: &mut dyn Maildrop, deleted: &[u32]) -> PyResult<()> {
    maildrop
        .commit(deleted)
        .map_err(|error| PyOSError::new_err(error.to_string()))
}

/// A maildrop keeps its promises after a panic too: it is read anew.
fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
