//! The client's events as small frozen objects with the core's names.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList};

use popmail::{Capabilities, ClientEvent};

use crate::entries::{ListEntries, UidlEntries};
use crate::error::exception;

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[pyclass(frozen, get_all, module = "popmail.event")]
            pub struct $name { $(pub $field: $type),* }
        )*

        pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
            $(module.add_class::<$name>()?;)*
            Ok(())
        }
    };
}

events! {
    /// The server greeted.
    GreetingReceived { line: Py<PyBytes> }
    /// The TLS handshake is due.
    TlsReady { handle: u64 }
    /// A second connection is asked for.
    ReconnectRequested { handle: u64 }
    /// The login is done.
    LoginFinished { handle: u64 }
    /// A command without a result of its own was answered `+OK`.
    CommandFinished { handle: u64, line: Py<PyBytes> }
    /// A command was refused or a login failed.
    CommandFailed { handle: u64, error: Py<PyAny> }
    /// CAPA was answered.
    CapabilitiesReceived { handle: u64, capabilities: Py<PyAny> }
    /// STAT was answered.
    StatReceived { handle: u64, count: u64, octets: u64 }
    /// LIST was answered.
    ListReceived { handle: u64, entries: Py<ListEntries> }
    /// UIDL was answered.
    UidlReceived { handle: u64, entries: Py<UidlEntries> }
    /// Content that was asked for in chunks.
    ContentReceived { handle: u64, chunk: Py<PyBytes> }
    /// RETR or TOP is complete.
    ContentFinished { handle: u64, octets: u64, content: Py<PyBytes> }
    /// LANG was asked for the languages.
    LanguagesReceived { handle: u64, languages: Py<PyList> }
    /// A line of the dialogue, without secrets.
    LineTraced { direction: &'static str, line: String }
    /// The server broke a rule and was understood all the same.
    DeviationObserved { deviation: &'static str, octets: Py<PyBytes> }
    /// The connection is over.
    ConnectionClosed { error: Option<Py<PyAny>> }
}

/// An event of the core as its Python object, and the buffer that is free now.
pub fn convert(py: Python<'_>, mut event: ClientEvent) -> PyResult<(Py<PyAny>, Vec<u8>)> {
    let spare = match &mut event {
        ClientEvent::ContentFinished { content, .. } => std::mem::take(content),
        _ => Vec::new(),
    };
    converted(py, event, &spare).map(|object| (object, spare))
}

fn converted(py: Python<'_>, event: ClientEvent, content: &[u8]) -> PyResult<Py<PyAny>> {
    let bytes = |octets: &[u8]| PyBytes::new(py, octets).unbind();
    match event {
        ClientEvent::GreetingReceived { reply } => object(
            py,
            GreetingReceived {
                line: bytes(reply.line()),
            },
        ),
        ClientEvent::TlsReady { handle } => object(
            py,
            TlsReady {
                handle: handle.number(),
            },
        ),
        ClientEvent::ReconnectRequested { handle } => object(
            py,
            ReconnectRequested {
                handle: handle.number(),
            },
        ),
        ClientEvent::LoginFinished { handle } => object(
            py,
            LoginFinished {
                handle: handle.number(),
            },
        ),
        ClientEvent::CommandFinished { handle, reply } => object(
            py,
            CommandFinished {
                handle: handle.number(),
                line: bytes(reply.line()),
            },
        ),
        ClientEvent::CommandFailed { handle, error } => object(
            py,
            CommandFailed {
                handle: handle.number(),
                error: exception(py, &error)?.unbind(),
            },
        ),
        ClientEvent::CapabilitiesReceived {
            handle,
            capabilities: all,
        } => object(
            py,
            CapabilitiesReceived {
                handle: handle.number(),
                capabilities: capabilities(py, &all)?.unbind(),
            },
        ),
        ClientEvent::StatReceived { handle, stat } => object(
            py,
            StatReceived {
                handle: handle.number(),
                count: stat.count,
                octets: stat.octets,
            },
        ),
        ClientEvent::ListReceived { handle, entries } => object(
            py,
            ListReceived {
                handle: handle.number(),
                entries: Py::new(py, ListEntries::new(entries))?,
            },
        ),
        ClientEvent::UidlReceived { handle, entries } => object(
            py,
            UidlReceived {
                handle: handle.number(),
                entries: Py::new(py, UidlEntries::new(entries))?,
            },
        ),
        ClientEvent::ContentReceived { handle, chunk } => object(
            py,
            ContentReceived {
                handle: handle.number(),
                chunk: bytes(&chunk),
            },
        ),
        ClientEvent::ContentFinished { handle, octets, .. } => object(
            py,
            ContentFinished {
                handle: handle.number(),
                octets,
                content: bytes(content),
            },
        ),
        ClientEvent::DeviationObserved { deviation, octets } => object(
            py,
            DeviationObserved {
                deviation: deviation.as_str(),
                octets: bytes(&octets),
            },
        ),
        ClientEvent::LanguagesReceived { handle, languages } => {
            let languages = languages.into_iter().map(|one| (one.tag, one.name));
            object(
                py,
                LanguagesReceived {
                    handle: handle.number(),
                    languages: PyList::new(py, languages.collect::<Vec<_>>())?.unbind(),
                },
            )
        }
        ClientEvent::LineTraced { direction, line } => object(
            py,
            LineTraced {
                direction: direction.as_str(),
                line,
            },
        ),
        ClientEvent::ConnectionClosed { error } => {
            let error = match error {
                Some(error) => Some(exception(py, &error)?.unbind()),
                None => None,
            };
            object(py, ConnectionClosed { error })
        }
        // The core may grow events; until this file names them they are not
        // for Python.
        _ => Ok(py.None()),
    }
}

/// A `popmail.Capabilities`: `{tag: [parameter, …]}` with tags in upper case,
/// and what the RFCs give a form.
pub fn capabilities<'py>(py: Python<'py>, all: &Capabilities) -> PyResult<Bound<'py, PyAny>> {
    static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let make = MAKE.get_or_try_init(py, || {
        let module = py.import("popmail.capabilities")?;
        Ok::<_, PyErr>(module.getattr("make")?.unbind())
    })?;
    let parameters = PyDict::new(py);
    for (tag, words) in all.iter() {
        parameters.set_item(tag, words)?;
    }
    let typed = PyDict::new(py);
    for (name, named) in [
        ("auth_resp_code", all.auth_resp_code()),
        ("lang", all.lang()),
        ("pipelining", all.pipelining()),
        ("resp_codes", all.resp_codes()),
        ("stls", all.stls()),
        ("top", all.top()),
        ("uidl", all.uidl()),
        ("user", all.user()),
        ("utf8", all.utf8()),
        ("utf8_user", all.utf8_user()),
    ] {
        typed.set_item(name, named)?;
    }
    typed.set_item("sasl", all.sasl().collect::<Vec<_>>())?;
    typed.set_item("implementation", all.implementation())?;
    let expire = all.expire();
    typed.set_item("expire", expire.map(|one| (one.days, one.per_user)))?;
    let delay = all.login_delay();
    typed.set_item("login_delay", delay.map(|one| (one.seconds, one.per_user)))?;
    make.bind(py).call((parameters,), Some(&typed))
}

fn object<T>(py: Python<'_>, value: T) -> PyResult<Py<PyAny>>
where
    T: pyo3::PyClass + Into<pyo3::PyClassInitializer<T>>,
{
    Ok(Py::new(py, value)?.into_any())
}
