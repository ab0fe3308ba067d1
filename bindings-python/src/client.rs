//! The client engine and the planner of iteration, for `popmail.client`.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use popmail::{
    ChannelBinding, ClientConfig, ClientConnection, ClientEvent, ContentMode, Handle, Limits,
    LoginRequest, Secret, UsageError,
};

use crate::convert::{PyLimits, auth_choice, duration, security};
use crate::error::raised;
use crate::event::{capabilities, convert};

/// The client side of one POP3 connection, without I/O.
#[pyclass(module = "popmail._native")]
pub struct ClientEngine {
    connection: ClientConnection,
    /// An event that `content` was not asked for.
    held: Option<ClientEvent>,
}

#[pymethods]
impl ClientEngine {
    #[new]
    #[pyo3(signature = (*, tls, allow_cleartext, pipelining, strict, timeout, limits, trace = false, reconnect = false))]
    #[allow(clippy::too_many_arguments)] // By keyword, as Python users expect.
    fn new(
        tls: &str,
        allow_cleartext: bool,
        pipelining: bool,
        strict: bool,
        timeout: Option<f64>,
        limits: Option<&PyLimits>,
        trace: bool,
        reconnect: bool,
    ) -> PyResult<Self> {
        let connection = ClientConnection::new(ClientConfig {
            security: security(tls)?,
            allow_cleartext,
            pipelining,
            strict,
            trace,
            reconnect,
            limits: Limits {
                response_timeout: duration(timeout)?,
                ..limits.map(|limits| limits.0.clone()).unwrap_or_default()
            },
        });
        Ok(Self {
            connection,
            held: None,
        })
    }

    #[getter]
    fn state(&self) -> &'static str {
        self.connection.state().as_str()
    }

    #[getter]
    fn capabilities<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.connection
            .capabilities()
            .map(|all| capabilities(py, all))
            .transpose()
    }

    #[getter]
    fn pending(&self) -> usize {
        self.connection.pending()
    }

    #[getter]
    fn stamp(&self) -> Option<&str> {
        self.connection.stamp().map(|stamp| stamp.as_str())
    }

    fn receive(&mut self, octets: Cow<'_, [u8]>) {
        self.connection.receive(&octets);
    }

    fn receive_eof(&mut self) {
        self.connection.receive_eof();
    }

    fn tls_established(&mut self, py: Python<'_>) -> PyResult<()> {
        self.connection
            .tls_established()
            .map_err(|error| raised(py, error))
    }

    /// `(name, data)` of each type of channel binding that the host can give.
    fn set_channel_bindings(&mut self, bindings: Vec<(String, Vec<u8>)>) {
        let bindings = bindings.into_iter();
        self.connection.set_channel_bindings(
            bindings
                .map(|(name, data)| ChannelBinding { name, data })
                .collect(),
        );
    }

    /// `now` in seconds since any fixed moment, as `time.monotonic` gives it.
    fn handle_timeout(&mut self, now: f64) -> PyResult<()> {
        let now = Duration::try_from_secs_f64(now)
            .map_err(|_| PyValueError::new_err(format!("now must be seconds, got {now}")))?;
        self.connection.handle_timeout(now);
        Ok(())
    }

    fn next_event(&mut self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let Some(event) = self.next() else {
            return Ok(None);
        };
        let (object, spare) = convert(py, event)?;
        self.connection.reuse(spare);
        Ok(Some(object))
    }

    /// `(number, content)` of the oldest messages asked for, as far as they are here.
    ///
    /// What else comes is for `next_event`.
    fn arrived<'py>(
        &mut self,
        py: Python<'py>,
        prefetch: &mut Prefetch,
    ) -> Vec<(u32, Bound<'py, PyBytes>)> {
        let mut messages = Vec::new();
        while let Some((asked, number)) = prefetch.asked.front() {
            match self.next() {
                Some(ClientEvent::ContentFinished {
                    handle, content, ..
                }) if handle.number() == *asked => {
                    messages.push((*number, PyBytes::new(py, &content)));
                    self.connection.reuse(content);
                    prefetch.take();
                }
                event => {
                    self.held = event;
                    break;
                }
            }
        }
        messages
    }

    fn take_output<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let mut output = Vec::new();
        self.connection.take_output(&mut output);
        let octets = PyBytes::new(py, &output);
        // The copy that Python holds is its own; this one is wiped.
        drop(Secret::new(output));
        octets
    }

    /// Seconds to wait for input; `None` is without end.
    fn timeout(&self) -> Option<f64> {
        self.connection
            .timeout()
            .filter(|timeout| *timeout < FOREVER)
            .map(|timeout| timeout.as_secs_f64())
    }

    #[pyo3(signature = (user, password, auth, *, token = None, authzid = "", initial_response = false, nonce = "", channel_binding = None, utf8 = false))]
    #[allow(clippy::too_many_arguments)] // By keyword, as Python users expect.
    fn login(
        &mut self,
        py: Python<'_>,
        user: &str,
        password: Option<Cow<'_, [u8]>>,
        auth: &str,
        token: Option<Cow<'_, [u8]>>,
        authzid: &str,
        initial_response: bool,
        nonce: &str,
        channel_binding: Option<(String, Vec<u8>)>,
        utf8: bool,
    ) -> PyResult<u64> {
        let secret = |octets: Cow<'_, [u8]>| Secret::new(octets.into_owned());
        let request = LoginRequest {
            user: user.to_owned(),
            password: password.map(secret),
            token: token.map(secret),
            authzid: authzid.to_owned(),
            auth: auth_choice(auth)?,
            initial_response,
            nonce: nonce.to_owned(),
            channel_binding: channel_binding.map(|(name, data)| ChannelBinding { name, data }),
            utf8,
        };
        handle(py, self.connection.login_with(request))
    }

    fn utf8(&mut self, py: Python<'_>) -> PyResult<u64> {
        handle(py, self.connection.utf8())
    }

    #[pyo3(signature = (language = None))]
    fn lang(&mut self, py: Python<'_>, language: Option<&str>) -> PyResult<u64> {
        handle(py, self.connection.lang(language))
    }

    fn capa(&mut self, py: Python<'_>) -> PyResult<u64> {
        handle(py, self.connection.capa())
    }

    fn stls(&mut self, py: Python<'_>) -> PyResult<u64> {
        handle(py, self.connection.stls())
    }

    fn user(&mut self, py: Python<'_>, user: &str) -> PyResult<u64> {
        handle(py, self.connection.user(user))
    }

    fn pass_(&mut self, py: Python<'_>, password: Cow<'_, [u8]>) -> PyResult<u64> {
        handle(py, self.connection.pass(password))
    }

    fn apop(&mut self, py: Python<'_>, user: &str, secret: Cow<'_, [u8]>) -> PyResult<u64> {
        handle(py, self.connection.apop(user, secret))
    }

    fn auth_plain(&mut self, py: Python<'_>, user: &str, password: Cow<'_, [u8]>) -> PyResult<u64> {
        handle(py, self.connection.auth_plain(user, password))
    }

    fn stat(&mut self, py: Python<'_>) -> PyResult<u64> {
        handle(py, self.connection.stat())
    }

    #[pyo3(signature = (number = None))]
    fn list(&mut self, py: Python<'_>, number: Option<u32>) -> PyResult<u64> {
        handle(py, self.connection.list(number))
    }

    #[pyo3(signature = (number = None))]
    fn uidl(&mut self, py: Python<'_>, number: Option<u32>) -> PyResult<u64> {
        handle(py, self.connection.uidl(number))
    }

    /// `chunks` hands the content out as it arrives.
    #[pyo3(signature = (number, *, chunks = false))]
    fn retr(&mut self, py: Python<'_>, number: u32, chunks: bool) -> PyResult<u64> {
        handle(py, self.connection.retr(number, mode(chunks)))
    }

    #[pyo3(signature = (number, lines, *, chunks = false))]
    fn top(&mut self, py: Python<'_>, number: u32, lines: u64, chunks: bool) -> PyResult<u64> {
        handle(py, self.connection.top(number, lines, mode(chunks)))
    }

    fn dele(&mut self, py: Python<'_>, number: u32) -> PyResult<u64> {
        handle(py, self.connection.dele(number))
    }

    fn rset(&mut self, py: Python<'_>) -> PyResult<u64> {
        handle(py, self.connection.rset())
    }

    fn noop(&mut self, py: Python<'_>) -> PyResult<u64> {
        handle(py, self.connection.noop())
    }

    fn quit(&mut self, py: Python<'_>) -> PyResult<u64> {
        handle(py, self.connection.quit())
    }

    /// Sends RETR for what may be asked for now.
    fn ask_ahead(&mut self, py: Python<'_>, prefetch: &mut Prefetch) -> PyResult<()> {
        while let Some(number) = prefetch.plan.ask() {
            let handle = self.retr(py, number, false)?;
            prefetch.asked.push_back((handle, number));
        }
        Ok(())
    }

    /// The plan of an iteration over `(number, octets)` in this order.
    fn prefetch(&self, messages: Vec<(u32, u64)>) -> Prefetch {
        let limits = self.connection.limits();
        let (octets, commands) = (limits.prefetch_octets, limits.window_commands);
        Prefetch {
            plan: popmail::Prefetch::new(messages, octets, commands),
            asked: VecDeque::new(),
        }
    }
}

impl ClientEngine {
    fn next(&mut self) -> Option<ClientEvent> {
        self.held.take().or_else(|| self.connection.next_event())
    }
}

/// How far iteration asks ahead of its reader.
#[pyclass(module = "popmail._native")]
pub struct Prefetch {
    plan: popmail::Prefetch,
    /// Handle and number of what `ask_ahead` asked for.
    asked: VecDeque<(u64, u32)>,
}

#[pymethods]
impl Prefetch {
    fn ask(&mut self) -> Option<u32> {
        self.plan.ask()
    }

    fn handed_out(&mut self) {
        self.plan.handed_out();
    }

    /// The handle of the oldest message asked for.
    #[getter]
    fn oldest(&self) -> Option<u64> {
        self.asked.front().map(|(handle, _)| *handle)
    }

    /// Hands out the oldest message asked for: its `(handle, number)`.
    fn take(&mut self) -> Option<(u64, u32)> {
        let asked = self.asked.pop_front()?;
        self.plan.handed_out();
        Some(asked)
    }
}

/// The APOP digest for a greeting and a secret; `None` without a stamp that
/// can be trusted.
#[pyfunction]
fn apop_digest(greeting: Cow<'_, [u8]>, secret: Cow<'_, [u8]>) -> Option<String> {
    popmail::apop_digest(&greeting, &secret)
}

/// The data of `tls-server-end-point` for a certificate in DER; `None` if it
/// cannot be read.
#[pyfunction]
fn server_end_point(certificate: Cow<'_, [u8]>) -> Option<Vec<u8>> {
    ChannelBinding::server_end_point(&certificate).map(|binding| binding.data)
}

/// May a TLS connection be used for which the server chose this protocol?
#[pyfunction]
#[pyo3(signature = (selected))]
fn accepts_alpn(selected: Option<&str>) -> bool {
    popmail::pop3::accepts_alpn(selected.map(str::as_bytes))
}

/// `{name: rule}` of every deviation.
#[pyfunction]
fn deviations<'py>(py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
    let all = PyDict::new(py);
    for deviation in popmail::Deviation::ALL {
        all.set_item(deviation.as_str(), deviation.rule())?;
    }
    Ok(all)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(deviations, module)?)?;
    module.add("ALPN_PROTOCOL", popmail::pop3::ALPN_PROTOCOL)?;
    module.add_function(wrap_pyfunction!(accepts_alpn, module)?)?;
    module.add_function(wrap_pyfunction!(server_end_point, module)?)?;
    module.add_class::<ClientEngine>()?;
    module.add_class::<Prefetch>()?;
    module.add_function(wrap_pyfunction!(apop_digest, module)?)
}

fn handle(py: Python<'_>, result: Result<Handle, UsageError>) -> PyResult<u64> {
    result
        .map(Handle::number)
        .map_err(|error| raised(py, error))
}

fn mode(chunks: bool) -> ContentMode {
    if chunks {
        ContentMode::Chunks
    } else {
        ContentMode::Buffer
    }
}

/// More than any socket takes as a timeout: as good as none.
const FOREVER: Duration = Duration::from_secs(u32::MAX as u64);
