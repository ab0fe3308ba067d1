//! The server engine, for `popmail.server`.

use std::borrow::Cow;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use popmail::pop3::{Credentials, Expire, LoginDelay, Refusal, Stamp};
use popmail::{
    Faults, MaildropEntry, SaslMechanism, ServerConfig, ServerConnection, ServerEvent,
    ServerLimits, UsageError,
};

use crate::convert::{duration, security};
use crate::error::raised;

/// The server side of one POP3 connection, without I/O.
#[pyclass(module = "popmail._native")]
pub struct ServerEngine {
    connection: ServerConnection,
}

#[pymethods]
impl ServerEngine {
    #[new]
    #[pyo3(signature = (
        *, tls, allow_cleartext, greeting = "", apop_stamp = None, implementation = None,
        mechanisms = None, seed = None, salt_key = None, utf8 = false, lang = false,
        expire = None, login_delay = None, last = false, xclient = false,
        trace = false, faults = None, timeout = None, limits = None
    ))]
    #[allow(clippy::too_many_arguments)] // By keyword.
    fn new(
        tls: &str,
        allow_cleartext: bool,
        greeting: &str,
        apop_stamp: Option<&str>,
        implementation: Option<&str>,
        mechanisms: Option<Vec<String>>,
        seed: Option<Vec<u8>>,
        salt_key: Option<Vec<u8>>,
        utf8: bool,
        lang: bool,
        expire: Option<ExpireArgument>,
        login_delay: Option<u64>,
        last: bool,
        xclient: bool,
        trace: bool,
        faults: Option<&PyFaults>,
        timeout: Option<f64>,
        limits: Option<&PyServerLimits>,
    ) -> PyResult<Self> {
        let apop_stamp = apop_stamp
            .map(|text| {
                Stamp::new(text.as_bytes()).ok_or_else(|| {
                    PyValueError::new_err(format!(
                        "apop_stamp must be <…@…> in printable ASCII, got {text:?}"
                    ))
                })
            })
            .transpose()?;
        let mut config = ServerConfig {
            greeting: greeting.to_owned(),
            apop_stamp,
            tls: security(tls)?,
            allow_cleartext,
            implementation: implementation.map(str::to_owned),
            seed: seed.unwrap_or_default().into(),
            salt_key: salt_key.unwrap_or_default().into(),
            utf8,
            lang,
            expire: expire.map(ExpireArgument::expire).transpose()?,
            login_delay: login_delay.map(|seconds| LoginDelay {
                seconds,
                per_user: false,
            }),
            last,
            xclient,
            trace,
            faults: faults.map(|faults| faults.0.clone()).unwrap_or_default(),
            limits: ServerLimits {
                autologout: duration(timeout)?,
                ..limits.map(|limits| limits.0.clone()).unwrap_or_default()
            },
            ..ServerConfig::default()
        };
        if let Some(names) = mechanisms {
            config.mechanisms = names
                .iter()
                .map(|name| mechanism(name))
                .collect::<Result<_, _>>()?;
        }
        Ok(Self {
            connection: ServerConnection::new(config),
        })
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
            Some(event) => convert(py, event).map(Some),
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

    fn holds_output(&self) -> bool {
        self.connection.holds_output()
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

    /// `penalty` in seconds.
    fn penalize(&mut self, penalty: f64) -> PyResult<()> {
        self.connection.penalize(seconds("penalty", penalty)?);
        Ok(())
    }

    #[pyo3(signature = (keys, /))]
    fn provide_keys(&mut self, py: Python<'_>, keys: Option<&ScramKeys>) -> PyResult<()> {
        let keys = keys.map(|keys| keys.0.clone());
        answered(py, self.connection.provide_keys(keys))
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

/// `"never"` or a number of days.
#[derive(FromPyObject)]
enum ExpireArgument {
    Days(u64),
    Word(String),
}

impl ExpireArgument {
    fn expire(self) -> PyResult<Expire> {
        match self {
            Self::Days(days) => Ok(Expire {
                days: Some(days),
                per_user: false,
            }),
            Self::Word(word) if word == "never" => Ok(Expire {
                days: None,
                per_user: false,
            }),
            Self::Word(word) => Err(PyValueError::new_err(format!(
                "expire must be 'never' or a number of days, got {word:?}"
            ))),
        }
    }
}

fn mechanism(name: &str) -> PyResult<SaslMechanism> {
    let mut all = SaslMechanism::ALL.into_iter();
    all.find(|one| one.as_str().eq_ignore_ascii_case(name))
        .ok_or_else(|| {
            let names = SaslMechanism::ALL.map(|one| one.as_str().to_ascii_lowercase());
            PyValueError::new_err(format!(
                "mechanisms must be some of '{}', got {name:?}",
                names.join("', '")
            ))
        })
}

/// What a server keeps of a password for SCRAM-SHA-256.
#[pyclass(frozen, eq, module = "popmail.server")]
#[derive(PartialEq)]
pub struct ScramKeys(popmail::ScramKeys);

#[pymethods]
impl ScramKeys {
    #[staticmethod]
    #[pyo3(signature = (password, *, salt, iterations = 4096))]
    fn from_password(
        py: Python<'_>,
        password: Cow<'_, [u8]>,
        salt: Cow<'_, [u8]>,
        iterations: u32,
    ) -> Self {
        py.detach(|| {
            Self(popmail::ScramKeys::from_password(
                &password, &salt, iterations,
            ))
        })
    }

    #[staticmethod]
    #[pyo3(signature = (*, salt, iterations, stored_key, server_key))]
    fn stored(
        salt: Cow<'_, [u8]>,
        iterations: u32,
        stored_key: Cow<'_, [u8]>,
        server_key: Cow<'_, [u8]>,
    ) -> Self {
        let keys = popmail::ScramKeys::stored(&salt, iterations, &stored_key, &server_key);
        Self(keys)
    }

    fn __repr__(&self) -> &'static str {
        "ScramKeys(…)"
    }
}

/// A client wants to log in: answer `accept_login` or `refuse_login`.
#[pyclass(frozen, module = "popmail.server")]
pub struct Authenticate(Credentials);

#[pymethods]
impl Authenticate {
    #[getter]
    fn user(&self) -> &str {
        self.0.user()
    }

    #[getter]
    fn password<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        match &self.0 {
            Credentials::Password { password, .. } => Some(PyBytes::new(py, password.expose())),
            _ => None,
        }
    }

    #[getter]
    fn token(&self) -> Option<String> {
        match &self.0 {
            Credentials::Token { token, .. } => {
                Some(String::from_utf8_lossy(token.expose()).into_owned())
            }
            _ => None,
        }
    }

    /// True if the client knows this secret; in constant time.
    fn verify(&self, secret: Cow<'_, [u8]>) -> bool {
        self.0.verify(&secret)
    }

    fn __repr__(&self) -> String {
        format!("Authenticate(user={:?})", self.0.user())
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
    /// SCRAM: answer `provide_keys`.
    KeysWanted { user: String, salt: Vec<u8>, iterations: u32 }
    /// The login is right: answer `maildrop_opened` or `refuse_login`.
    OpenMaildrop { user: String }
    /// A message is wanted: answer with its content.
    Retrieve { number: u32, lines: Option<u64>, utf8: bool }
    /// Messages are to be removed: answer `committed` or `commit_failed`.
    Commit { deleted: Vec<u32> }
    /// The TLS handshake is due: call `tls_established` after it.
    ServerTlsReady {}
    /// A client failed to log in.
    LoginFailed { user: String, count: u32, delay: f64 }
    /// A client said what is no command here.
    CommandRefused { count: u32, delay: f64 }
    /// A trusted proxy named its client.
    ClientForwarded { address: String, port: Option<u16> }
    /// A line of the client, without secrets.
    LineReceived { line: String }
    /// The connection is over.
    ServerConnectionClosed { reason: &'static str }
}

fn convert(py: Python<'_>, event: ServerEvent) -> PyResult<Py<PyAny>> {
    Ok(match event {
        ServerEvent::Authenticate { credentials } => {
            Py::new(py, Authenticate(credentials))?.into_any()
        }
        ServerEvent::KeysWanted {
            user,
            salt,
            iterations,
        } => {
            let wanted = KeysWanted {
                user,
                salt,
                iterations,
            };
            Py::new(py, wanted)?.into_any()
        }
        ServerEvent::OpenMaildrop { user } => Py::new(py, OpenMaildrop { user })?.into_any(),
        ServerEvent::Retrieve {
            number,
            lines,
            utf8,
        } => {
            let retrieve = Retrieve {
                number,
                lines,
                utf8,
            };
            Py::new(py, retrieve)?.into_any()
        }
        ServerEvent::Commit { deleted } => Py::new(py, Commit { deleted })?.into_any(),
        ServerEvent::TlsReady => Py::new(py, ServerTlsReady {})?.into_any(),
        ServerEvent::LoginFailed { user, count, delay } => {
            let delay = delay.as_secs_f64();
            Py::new(py, LoginFailed { user, count, delay })?.into_any()
        }
        ServerEvent::CommandRefused { count, delay } => {
            let delay = delay.as_secs_f64();
            Py::new(py, CommandRefused { count, delay })?.into_any()
        }
        ServerEvent::ClientForwarded { address, port } => {
            let address = address.to_string();
            Py::new(py, ClientForwarded { address, port })?.into_any()
        }
        ServerEvent::LineReceived { line } => Py::new(py, LineReceived { line })?.into_any(),
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
    commands_before_login: u32,
    failed_logins: u32;
    bad_command_delay,
    failed_login_delay,
    login_timeout,
    login_time,
    session_time,
}

macro_rules! faults {
    ($($name:ident: $type:ty),* $(,)?) => {
        /// What a server shall do wrong.
        #[pyclass(frozen, eq, module = "popmail.testing", name = "Faults")]
        #[derive(Clone, PartialEq)]
        pub struct PyFaults(pub Faults);

        #[pymethods]
        impl PyFaults {
            #[new]
            #[pyo3(signature = (persona = None, *, delay = 0.0, $($name = None),*))]
            #[allow(clippy::too_many_arguments)] // One for each fault, by keyword.
            fn new(persona: Option<&str>, delay: f64, $($name: Option<$type>),*) -> PyResult<Self> {
                let mut faults = match persona {
                    None => Faults::default(),
                    Some(name) => Faults::persona(name).ok_or_else(|| {
                        PyValueError::new_err(format!(
                            "persona must be one of '{}', got {name:?}",
                            Faults::PERSONAS.join("', '")
                        ))
                    })?,
                };
                faults.delay = seconds("delay", delay)?;
                $(if let Some($name) = $name { faults.$name = $name.into(); })*
                Ok(Self(faults))
            }

            #[classattr]
            #[allow(non_snake_case)]
            fn PERSONAS() -> Vec<&'static str> {
                Faults::PERSONAS.to_vec()
            }

            fn __repr__(&self) -> String {
                format!("{:?}", self.0)
            }
        }
    };
}

faults! {
    cut_after: u64,
    cut_content_after: u64,
    piece: usize,
    size_error: i64,
    negative_stat: bool,
    unstuffed_dots: bool,
    unstuffed_first_dot: bool,
    lf_line_ends: bool,
    missing: Vec<String>,
    late: Vec<String>,
    ok_for_challenge: bool,
    close_for_err: bool,
    stls_residue: Vec<u8>,
    extra_blanks: usize,
    uidl_without_number: bool,
    blank_line: bool,
    lower_case_status: bool,
    top_octets: u64,
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<ServerEngine>()?;
    module.add_class::<PyServerLimits>()?;
    module.add_class::<PyFaults>()?;
    module.add_class::<ScramKeys>()?;
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

/// More than a century: no end.
const FOREVER: Duration = Duration::from_secs(u32::MAX as u64);
