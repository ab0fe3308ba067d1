//! The native module `popmail._native`: conversion between Python and the
//! core, and nothing else. What POP3 or MIME demand is decided in the core;
//! what Python users expect is written in Python.

mod arrow;
mod client;
mod compose;
mod convert;
mod entries;
mod error;
mod event;
mod legacy;
mod lint;
mod maildrop;
mod mbox;
mod message;
mod parallel;
mod scanner;
mod server;
mod sync;
mod text;
mod views;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _native {
    use super::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        arrow::register(module)?;
        client::register(module)?;
        compose::register(module)?;
        convert::register(module)?;
        entries::register(module)?;
        event::register(module)?;
        lint::register(module)?;
        legacy::register(module)?;
        mbox::register(module)?;
        message::register(module)?;
        maildrop::register(module)?;
        scanner::register(module)?;
        server::register(module)?;
        sync::register(module)?;
        views::register(module)
    }
}
