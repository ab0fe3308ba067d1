//! The answers to LIST and UIDL as sequences: a pair becomes a Python object
//! when it is asked for, so that a million of them cost what the core keeps.

use std::sync::Arc;

use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

macro_rules! sequence {
    ($(#[$doc:meta])* $name:ident over $inner:ty, $iterator:ident, $pair:ty, $get:expr) => {
        $(#[$doc])*
        #[pyclass(frozen, sequence, module = "popmail._native")]
        pub struct $name(Arc<$inner>);

        impl $name {
            pub fn new(entries: $inner) -> Self {
                Self(Arc::new(entries))
            }

            pub fn inner(&self) -> &$inner {
                &self.0
            }
        }

        #[pymethods]
        impl $name {
            fn __len__(&self) -> usize {
                self.0.len()
            }

            /// From 0; below 0 is an `IndexError` like beyond the end.
            fn __getitem__(&self, at: isize) -> PyResult<$pair> {
                usize::try_from(at)
                    .ok()
                    .and_then(|at| ($get)(&self.0, at))
                    .ok_or_else(|| PyIndexError::new_err("index out of range"))
            }

            fn __iter__(&self) -> $iterator {
                $iterator(self.0.clone(), 0)
            }

            /// What each number has; the last of a number that comes twice.
            fn table<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
                let table = PyDict::new(py);
                let mut pairs = (0..).map_while(|at| ($get)(&self.0, at));
                pairs.try_for_each(|(number, value)| table.set_item(number, value))?;
                Ok(table)
            }
        }

        #[pyclass(module = "popmail._native")]
        pub struct $iterator(Arc<$inner>, usize);

        #[pymethods]
        impl $iterator {
            fn __iter__(slf: Py<Self>) -> Py<Self> {
                slf
            }

            fn __next__(&mut self) -> Option<$pair> {
                let pair = ($get)(&self.0, self.1);
                self.1 += usize::from(pair.is_some());
                pair
            }
        }
    };
}

sequence! {
    /// `(number, octets)` of each line of LIST.
    ListEntries over popmail::pop3::ListEntries, ListEntriesIterator, (u32, u64),
    |entries: &popmail::pop3::ListEntries, at: usize| {
        entries.get(at).map(|entry| (entry.number, entry.octets))
    }
}

sequence! {
    /// `(number, uid)` of each line of UIDL.
    UidlEntries over popmail::pop3::UidlEntries, UidlEntriesIterator, (u32, String),
    |entries: &popmail::pop3::UidlEntries, at: usize| {
        entries.get(at).map(|entry| (entry.number, entry.uid.to_owned()))
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<ListEntries>()?;
    module.add_class::<UidlEntries>()
}
