//! The server engine and the maildrops, for `popmail.server`.

use std::borrow::Cow;
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use popmail::pop3::{Credentials, Refusal, Stamp};
use popmail::{
    Maildrop, MaildropEntry, ServerConfig, ServerConnection, ServerEvent, ServerLimits, UsageError,
};

use crate::convert::{duration, security};
use crate::error::raised;

/// The server side of one POP3 connection, without I/O.
#[pyclass(module = "popmail._native")]
pub struct ServerEngine {
    connection: ServerConnection,
    stamp: Option<Stamp>,
}

#[pymethods]
impl ServerEngine {
    #[new]
    #[pyo3(signature = (*, tls, allow_cleartext, greeting = "", apop_stamp = None, implementation = None, timeout = None, limits = None))]
    #[allow(clippy::too_many_arguments)] // By keyword.
    fn new(
        tls: &str,
        allow_cleartext: bool,
        greeting: &str,
        apop_stamp: Option<&str>,
        implementation: Option<&str>,
        timeout: Option<f64>,
        limits: Option<&PyServerLimits>,
    ) -> PyResult<Self> {
        let stamp = apop_stamp
            .map(|text| {
                Stamp::new(text.as_bytes()).ok_or_else(|| {
                    PyValueError::new_err(format!(
                        "apop_stamp must be <…@…> in printable ASCII, got {text:?}"
                    ))
                })
            })
            .transpose()?;
        let connection = ServerConnection::new(ServerConfig {
            greeting: greeting.to_owned(),
            apop_stamp: stamp.clone(),
            tls: security(tls)?,
            allow_cleartext,
            implementation: implementation.map(str::to_owned),
            limits: ServerLimits {
                autologout: duration(timeout)?,
                ..limits.map(|limits| limits.0.clone()).unwrap_or_default()
            },
        });
        Ok(Self { connection, stamp })
    }

    #[getter]
    fn state(&self) -> &'static str {
        self.connection.state().as_str()
    }

    #[getter]
    fn user(&self) -> Option<&str> {
        self.connection.user()
    }

    #[getter]
    fn is_secure(&self) -> bool {
        self.connection.is_secure()
    }

    fn receive(&mut self, octets: Cow<'_, [u8]>) {
        self.connection.receive(&octets);
    }

    fn receive_eof(&mut self) {
        self.connection.receive_eof();
    }

    fn tls_established(&mut self, py: Python<'_>) -> PyResult<()> {
        answered(py, self.connection.tls_established())
    }

    /// `now` in seconds since any fixed moment, as `time.monotonic` gives it.
    fn handle_timeout(&mut self, now: f64) -> PyResult<()> {
        let now = Duration::try_from_secs_f64(now)
            .map_err(|_| PyValueError::new_err(format!("now must be seconds, got {now}")))?;
        self.connection.handle_timeout(now);
        Ok(())
    }

    fn next_event(&mut self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        match self.connection.next_event() {
            Some(event) => convert(py, event, self.stamp.as_ref()).map(Some),
            None => Ok(None),
        }
    }

    fn take_output<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let mut output = Vec::new();
        self.connection.take_output(&mut output);
        PyBytes::new(py, &output)
    }

    /// Seconds to wait for input; `None` is without end.
    fn timeout(&self) -> Option<f64> {
        self.connection
            .timeout()
            .filter(|timeout| *timeout < FOREVER)
            .map(|timeout| timeout.as_secs_f64())
    }

    fn wants_input(&self) -> bool {
        self.connection.wants_input()
    }

    fn wants_content(&self) -> bool {
        self.connection.wants_content()
    }

    fn content_is_complete(&self) -> bool {
        self.connection.content_is_complete()
    }

    fn accept_login(&mut self, py: Python<'_>) -> PyResult<()> {
        answered(py, self.connection.accept_login())
    }

    fn refuse_login(&mut self, py: Python<'_>, reason: &str) -> PyResult<()> {
        answered(py, self.connection.refuse_login(refusal(reason)?))
    }

    fn maildrop_opened(&mut self, py: Python<'_>, entries: Vec<(String, u64)>) -> PyResult<()> {
        let entries = entries
            .into_iter()
            .map(|(uid, octets)| MaildropEntry { uid, octets })
            .collect();
        answered(py, self.connection.maildrop_opened(entries))
    }

    fn send_content(&mut self, py: Python<'_>, octets: Cow<'_, [u8]>) -> PyResult<()> {
        answered(py, self.connection.send_content(&octets))
    }

    fn finish_content(&mut self, py: Python<'_>) -> PyResult<()> {
        answered(py, self.connection.finish_content())
    }

    fn refuse_content(&mut self, py: Python<'_>, reason: &str) -> PyResult<()> {
        answered(py, self.connection.refuse_content(refusal(reason)?))
    }

    fn fail_content(&mut self, py: Python<'_>) -> PyResult<()> {
        answered(py, self.connection.fail_content())
    }

    fn committed(&mut self, py: Python<'_>) -> PyResult<()> {
        answered(py, self.connection.committed())
    }

    fn commit_failed(&mut self, py: Python<'_>, reason: &str) -> PyResult<()> {
        answered(py, self.connection.commit_failed(refusal(reason)?))
    }
}

/// A client wants to log in: answer `accept_login` or `refuse_login`.
#[pyclass(frozen, module = "popmail.server")]
pub struct Authenticate {
    credentials: Credentials,
    stamp: Option<Stamp>,
}

#[pymethods]
impl Authenticate {
    #[getter]
    fn user(&self) -> &str {
        self.credentials.user()
    }

    /// True if the client knows this secret; in constant time.
    fn verify(&self, secret: Cow<'_, [u8]>) -> bool {
        match &self.credentials {
            Credentials::Password { password, .. } => password.matches(&secret),
            Credentials::Apop { digest, .. } => self
                .stamp
                .as_ref()
                .is_some_and(|stamp| stamp.verify(&secret, digest)),
        }
    }

    fn __repr__(&self) -> String {
        format!("Authenticate(user={:?})", self.credentials.user())
    }
}

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[pyclass(frozen, get_all, module = "popmail.server")]
            pub struct $name { $(pub $field: $type),* }
        )*

        fn register_events(module: &Bound<'_, PyModule>) -> PyResult<()> {
            $(module.add_class::<$name>()?;)*
            Ok(())
        }
    };
}

events! {
    /// The login is right: answer `maildrop_opened` or `refuse_login`.
    OpenMaildrop { user: String }
    /// A message is wanted: answer with its content.
    Retrieve { number: u32, lines: Option<u64> }
    /// Messages are to be removed: answer `committed` or `commit_failed`.
    Commit { deleted: Vec<u32> }
    /// The TLS handshake is due: call `tls_established` after it.
    ServerTlsReady {}
    /// A client failed to log in.
    LoginFailed { user: String }
    /// The connection is over.
    ServerConnectionClosed { reason: &'static str }
}

fn convert(py: Python<'_>, event: ServerEvent, stamp: Option<&Stamp>) -> PyResult<Py<PyAny>> {
    let stamp = stamp.cloned();
    Ok(match event {
        ServerEvent::Authenticate { credentials } => {
            Py::new(py, Authenticate { credentials, stamp })?.into_any()
        }
        ServerEvent::OpenMaildrop { user } => Py::new(py, OpenMaildrop { user })?.into_any(),
        ServerEvent::Retrieve { number, lines } => {
            Py::new(py, Retrieve { number, lines })?.into_any()
        }
        ServerEvent::Commit { deleted } => Py::new(py, Commit { deleted })?.into_any(),
        ServerEvent::TlsReady => Py::new(py, ServerTlsReady {})?.into_any(),
        ServerEvent::LoginFailed { user } => Py::new(py, LoginFailed { user })?.into_any(),
        ServerEvent::ConnectionClosed { reason } => {
            let reason = reason.as_str();
            Py::new(py, ServerConnectionClosed { reason })?.into_any()
        }
        // The core may grow requests; this file has to name each.
        other => {
            let text = format!("unknown event {other:?}");
            return Err(PyValueError::new_err(text));
        }
    })
}

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

/// A folder with `new` and `cur`.
#[pyclass(frozen, module = "popmail")]
pub struct Maildir {
    path: PathBuf,
    maildrop: Mutex<popmail::Maildir>,
}

#[pymethods]
impl Maildir {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let maildrop = py.detach(|| popmail::Maildir::open(&path))?;
        Ok(Self {
            path,
            maildrop: Mutex::new(maildrop),
        })
    }

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

    fn __repr__(&self) -> String {
        format!("Maildir({:?})", self.path)
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

macro_rules! limits {
    ($($name:ident: $type:ty),*; $($seconds:ident),* $(,)?) => {
        /// Bounds of a server connection; what is not given has its default.
        #[pyclass(frozen, eq, module = "popmail.server", name = "ServerLimits")]
        #[derive(Clone, PartialEq)]
        pub struct PyServerLimits(pub popmail::ServerLimits);

        #[pymethods]
        impl PyServerLimits {
            #[new]
            #[pyo3(signature = (*, $($name = None,)* $($seconds = None),*))]
            #[allow(clippy::too_many_arguments)] // One for each bound, by keyword.
            fn new($($name: Option<$type>,)* $($seconds: Option<f64>),*) -> PyResult<Self> {
                let mut limits = popmail::ServerLimits::default();
                $(if let Some($name) = $name { limits.$name = $name; })*
                $(if let Some(value) = $seconds {
                    limits.$seconds = seconds(stringify!($seconds), value)?;
                })*
                Ok(Self(limits))
            }

            $(#[getter] fn $name(&self) -> $type { self.0.$name })*
            $(#[getter] fn $seconds(&self) -> f64 {
                if self.0.$seconds < FOREVER { self.0.$seconds.as_secs_f64() } else { f64::INFINITY }
            })*

            fn __repr__(&self) -> String {
                let fields = [
                    $(format!("{}={}", stringify!($name), self.$name()),)*
                    $(format!("{}={}", stringify!($seconds), self.$seconds()),)*
                ];
                format!("ServerLimits({})", fields.join(", "))
            }
        }
    };
}

limits! {
    command_line: usize,
    sasl_response: usize,
    waiting_input: usize,
    waiting_output: usize,
    bad_commands_before_login: u32,
    bad_commands: u32,
    failed_logins: u32;
    failed_login_delay,
    login_timeout,
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<ServerEngine>()?;
    module.add_class::<PyServerLimits>()?;
    module.add_class::<MemoryMaildrop>()?;
    module.add_class::<Maildir>()?;
    module.add_class::<ContentReader>()?;
    module.add_class::<Authenticate>()?;
    register_events(module)
}

fn answered(py: Python<'_>, result: Result<(), UsageError>) -> PyResult<()> {
    result.map_err(|error| raised(py, error))
}

fn refusal(name: &str) -> PyResult<Refusal> {
    let known = Refusal::ALL.iter().copied();
    known
        .clone()
        .find(|refusal| refusal.as_str() == name)
        .ok_or_else(|| {
            let names: Vec<&str> = known.map(Refusal::as_str).collect();
            PyValueError::new_err(format!(
                "reason must be one of '{}', got {name:?}",
                names.join("', '")
            ))
        })
}

/// Seconds as Python counts them; infinity is without end.
fn seconds(name: &str, value: f64) -> PyResult<Duration> {
    if value.is_nan() || value < 0.0 {
        return Err(PyValueError::new_err(format!(
            "{name} must be a number of seconds, 0 or more, got {value}"
        )));
    }
    Ok(Duration::try_from_secs_f64(value).unwrap_or(Duration::MAX))
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

/// More than a century: no end.
const FOREVER: Duration = Duration::from_secs(u32::MAX as u64);
