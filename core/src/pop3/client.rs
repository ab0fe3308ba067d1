//! The client engine: commands in, octets out; octets in, events out.
//!
//! It pairs answers with commands, keeps the pipelining window, runs the login
//! plan and ends the connection when the server breaks a rule that cannot be
//! forgiven. It does no I/O and reads no clock.
//!
//! The commands of a caller are in `commands`, their way out in `sending`; what
//! comes in is taken apart in `receiving` and paired in `answering`, which also
//! runs the login plan.
//!
//! RFC 1939, 2449 (pipelining: section 6.6), 2595 section 4, 5034.

mod answering;
mod commands;
mod receiving;
mod sending;

use std::collections::VecDeque;
use std::time::Duration;

use zeroize::Zeroize;

use super::auth::{ChannelBinding, Mechanism, Plain, apop::Stamp, base64, prepare};
use super::capability::Capabilities;
use super::command::{Command, Verb};
use super::entries::{ListEntries, UidlEntries};
use super::event::{ClientEvent, Deviation, Direction, Handle};
use super::limits::Limits;
use super::line::{Line, LineReader};
use super::listing::{self, Listing};
use super::login::{Action, AuthChoice, LoginPlan, LoginRequest, Security, View};
use super::multiline::Unstuffer;
use super::reply::{Reply, Status, Verdict};
use super::state::{self, Channel, State, Trigger};
use crate::error::{Error, ErrorCode, UsageError, escaped};
use crate::secret::Secret;

/// How a client connection behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientConfig {
    /// How the connection is protected.
    pub security: Security,
    /// Allows a password to cross a channel without TLS.
    pub allow_cleartext: bool,
    /// Sends commands before earlier ones are answered, where the server
    /// offers it.
    pub pipelining: bool,
    /// Ends the connection where a [`Deviation`] would be reported.
    pub strict: bool,
    /// Tells every line of the dialogue in [`ClientEvent::LineTraced`].
    pub trace: bool,
    /// Asks the host for a second connection, by
    /// [`ClientEvent::ReconnectRequested`], where a server closes the first
    /// instead of answering CAPA; else that is the end.
    pub reconnect: bool,
    /// The bounds.
    pub limits: Limits,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            security: Security::Implicit,
            allow_cleartext: false,
            pipelining: true,
            strict: false,
            trace: false,
            reconnect: false,
            limits: Limits::default(),
        }
    }
}

/// How the content of RETR and TOP is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContentMode {
    /// In [`ClientEvent::ContentReceived`] as it arrives, without a limit.
    Chunks,
    /// In [`ClientEvent::ContentFinished`], at most
    /// [`Limits::buffered_content`] octets.
    Buffer,
}

/// The client side of one POP3 connection.
///
/// Four families of methods, callable in any order:
///
/// * getters: [`state`](Self::state), [`capabilities`](Self::capabilities),
///   [`pending`](Self::pending);
/// * inputs: [`receive`](Self::receive), [`receive_eof`](Self::receive_eof),
///   [`tls_established`](Self::tls_established),
///   [`set_channel_bindings`](Self::set_channel_bindings),
///   [`handle_timeout`](Self::handle_timeout);
/// * commands, which queue: [`login`](Self::login), [`retr`](Self::retr) and
///   so on; each returns the [`Handle`] that its events carry;
/// * outputs, which may change after every input and command:
///   [`next_event`](Self::next_event), [`take_output`](Self::take_output),
///   [`timeout`](Self::timeout).
///
/// After [`ClientEvent::ConnectionClosed`] inputs are ignored and commands are
/// usage errors.
#[derive(Debug)]
pub struct ClientConnection {
    config: ClientConfig,
    state: State,
    channel: Channel,
    stamp: Option<Stamp>,
    bindings: Vec<ChannelBinding>,
    capabilities: Option<Capabilities>,
    /// What LIST said last, to compare messages with.
    sizes: ListEntries,
    handles: u64,
    queued: VecDeque<Queued>,
    sent: VecDeque<Exchange>,
    sent_octets: usize,
    quitting: bool,
    login: Option<LoginPlan>,
    lines: LineReader,
    reading: Reading,
    /// A buffer of an earlier content, to be filled again.
    spare: Vec<u8>,
    /// The deviations that this exchange has shown already.
    reported: Vec<Deviation>,
    output: Vec<u8>,
    events: VecDeque<ClientEvent>,
    silent_since: Option<Duration>,
    now: Duration,
    /// A `-ERR` that answers nothing: servers say so before they hang up.
    farewell: Option<Reply>,
}

/// A command that waits for its turn.
#[derive(Debug)]
struct Queued {
    exchange: Exchange,
    line: Secret<Vec<u8>>,
}

/// A command from its call to its answer.
#[derive(Debug)]
struct Exchange {
    handle: Handle,
    verb: Verb,
    number: Option<u32>,
    /// LANG without a language, which is answered by a list.
    lists: bool,
    mode: ContentMode,
    octets: usize,
    by_login: bool,
    sasl: Option<Sasl>,
}

/// A SASL exchange under way.
#[derive(Debug)]
struct Sasl {
    mechanism: Box<dyn Mechanism>,
    /// What answers the first challenge, where the client speaks first.
    first: Option<Secret<Vec<u8>>>,
    rounds: usize,
    /// Why the client gave up.
    gave_up: Option<String>,
}

/// What the next octets belong to.
#[derive(Debug)]
enum Reading {
    Status,
    Listing { reply: Reply, listing: Listing },
    Content(Content),
}

/// A message, or its beginning, as it arrives.
#[derive(Debug)]
struct Content {
    unstuffer: Unstuffer,
    /// What it answers `+OK` with.
    reply: Reply,
    octets: u64,
    /// Its first octets, for a deviation.
    head: Vec<u8>,
    buffer: Vec<u8>,
}

impl ClientConnection {
    /// A connection whose transport is open, before the greeting.
    pub fn new(config: ClientConfig) -> Self {
        let channel = channel_at_first(config.security);
        Self {
            config,
            state: State::Greeting,
            channel,
            stamp: None,
            bindings: Vec::new(),
            capabilities: None,
            sizes: ListEntries::default(),
            handles: 0,
            queued: VecDeque::new(),
            sent: VecDeque::new(),
            sent_octets: 0,
            quitting: false,
            login: None,
            lines: LineReader::default(),
            reading: Reading::Status,
            spare: Vec::new(),
            reported: Vec::new(),
            output: Vec::new(),
            events: VecDeque::new(),
            silent_since: None,
            now: Duration::ZERO,
            farewell: None,
        }
    }

    // Getters.

    /// Where the connection stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// What the server said to the last CAPA; `None` before it, after STLS
    /// and where the server has no CAPA.
    pub fn capabilities(&self) -> Option<&Capabilities> {
        self.capabilities.as_ref()
    }

    /// The APOP stamp of the greeting; `None` if there is none or TLS began
    /// after it (RFC 2595 section 4).
    pub fn stamp(&self) -> Option<&Stamp> {
        self.stamp.as_ref()
    }

    /// How many commands are without their last event.
    pub fn pending(&self) -> usize {
        self.queued.len() + self.sent.len()
    }

    /// The bounds in force.
    pub fn limits(&self) -> &Limits {
        &self.config.limits
    }

    // Inputs.

    /// Takes octets from the transport, cut anywhere.
    pub fn receive(&mut self, octets: &[u8]) {
        let mut input = octets;
        self.silent_since = None;
        while !input.is_empty() && !self.state.is_over() {
            if self.channel == Channel::Handshake {
                // The first one: how many came at once says nothing.
                let first = input.get(..1).unwrap_or_default();
                self.fail(Error::new(
                    ErrorCode::StlsInjection,
                    format!(
                        "the server sent octets between its answer to STLS and the TLS handshake, \
                         the first is {}",
                        escaped(first)
                    ),
                ));
            } else if let Reading::Content(_) = self.reading {
                self.receive_content(&mut input);
            } else {
                self.receive_line(&mut input);
            }
            // After each answer, so that what follows does not depend on
            // where the octets are cut.
            self.pump();
        }
    }

    /// The transport has ended: no more octets will come.
    pub fn receive_eof(&mut self) {
        if self.state.is_over() {
            return;
        }
        if let Some(reply) = self.farewell.take() {
            return self.fail(
                Error::new(
                    ErrorCode::ConnectionLost,
                    format!("the server closed the connection and said: {reply}"),
                )
                .with_reply(reply),
            );
        }
        if self.closes_on_capa() {
            if !self.deviates(Deviation::ClosedOnCapa, b"") {
                return;
            }
            if self.config.reconnect {
                return self.request_reconnect();
            }
        }
        let on_login = self.sent.front().is_some_and(|front| is_login(front.verb));
        if on_login && !self.deviates(Deviation::ClosedOnLogin, b"") {
            return;
        }
        let message = match (&self.reading, self.sent.front()) {
            (Reading::Content(content), Some(exchange)) => format!(
                "the connection ended inside a message, {} octets into the answer to {}",
                content.octets,
                exchange.verb.as_str()
            ),
            (_, Some(exchange)) if on_login => format!(
                "the connection ended before {} was answered, as some servers refuse a login",
                exchange.verb.as_str()
            ),
            (_, Some(exchange)) if exchange.verb == Verb::Quit => "the connection ended before \
                 QUIT was answered, whether marked messages are deleted is unknown"
                .to_owned(),
            (_, Some(exchange)) => format!(
                "the connection ended before {} was answered",
                exchange.verb.as_str()
            ),
            _ if self.channel == Channel::Handshake => {
                "the connection ended between STLS and the TLS handshake".to_owned()
            }
            _ if self.state == State::Greeting => {
                "the connection ended before the server greeted".to_owned()
            }
            _ => "the server closed the connection".to_owned(),
        };
        let error = Error::new(ErrorCode::ConnectionLost, message);
        self.fail(if on_login {
            error.with_guess(Verdict::BadCredentials)
        } else {
            error
        });
    }

    /// True if the connection ends where the first CAPA of a login is due.
    fn closes_on_capa(&self) -> bool {
        self.state == State::Authorization
            && self.login.as_ref().is_some_and(LoginPlan::relies_on_capa)
            && self
                .sent
                .front()
                .is_some_and(|front| front.by_login && front.verb == Verb::Capa)
    }

    /// Becomes a connection before its greeting, with the login that is under
    /// way.
    fn request_reconnect(&mut self) {
        let Some(plan) = &mut self.login else {
            return self.fail(internal("a login's end without a login"));
        };
        plan.go_without_capa();
        let handle = plan.handle();
        self.state = state::after(self.state, Trigger::Reconnected);
        self.channel = channel_at_first(self.config.security);
        self.sent.clear();
        self.sent_octets = 0;
        self.stamp = None;
        self.bindings.clear();
        self.capabilities = None;
        self.lines.clear();
        self.reading = Reading::Status;
        self.reported.clear();
        self.silent_since = None;
        self.output.zeroize();
        self.events
            .push_back(ClientEvent::ReconnectRequested { handle });
    }

    /// The TLS handshake that [`ClientEvent::TlsReady`] asked for is done.
    ///
    /// # Errors
    ///
    /// [`UsageError`] if no handshake was asked for.
    pub fn tls_established(&mut self) -> Result<(), UsageError> {
        if self.state.is_over() || self.channel != Channel::Handshake {
            return Err(UsageError::new(
                ErrorCode::UsageState,
                "no TLS handshake was asked for",
            ));
        }
        self.channel = Channel::Secure;
        self.silent_since = None;
        self.begin_login();
        self.pump();
        Ok(())
    }

    /// Tells what both ends of the TLS channel know, for SCRAM: one for each
    /// type that the host can give, of which the engine takes the strongest.
    /// Call it after the handshake, before the next `receive` or
    /// `tls_established`.
    pub fn set_channel_bindings(&mut self, bindings: Vec<ChannelBinding>) {
        self.bindings = bindings;
    }

    /// Tells the time, as the time since any moment that the host keeps to.
    /// Call it before each wait and when a wait has ended without input.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.now = now;
        if !self.awaits_answer() {
            self.silent_since = None;
            return;
        }
        let since = *self.silent_since.get_or_insert(now);
        let patience = self.patience();
        if now.saturating_sub(since) >= patience {
            let awaited = match self.sent.front() {
                Some(exchange) => exchange.verb.as_str(),
                None if self.channel == Channel::Handshake => "STLS",
                None => "the connection with its greeting",
            };
            self.fail(Error::new(
                ErrorCode::Timeout,
                format!(
                    "the server did not answer {awaited} within {} s",
                    seconds(patience)
                ),
            ));
        }
    }

    /// Gives the buffer of a [`ClientEvent::ContentFinished`] back, when the
    /// host has copied what was in it: the next content is collected in it,
    /// which spares the system the making of new memory.
    pub fn reuse(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() > self.spare.capacity() && buffer.capacity() <= SPARE_OCTETS {
            buffer.clear();
            self.spare = buffer;
        }
    }

    // Outputs.

    /// The oldest event that has not been taken.
    pub fn next_event(&mut self) -> Option<ClientEvent> {
        self.events.pop_front()
    }

    /// Appends the octets that are to be written to the transport now.
    pub fn take_output(&mut self, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.output);
        // Passwords pass through here.
        self.output.zeroize();
    }

    /// How long to wait for input before `handle_timeout` is due; `None` if
    /// no answer is awaited.
    pub fn timeout(&self) -> Option<Duration> {
        let limit = self.patience();
        self.awaits_answer().then(|| match self.silent_since {
            Some(since) => limit.saturating_sub(self.now.saturating_sub(since)),
            None => limit,
        })
    }

    // Endings.

    /// Reports a deviation once for each exchange; false if strict mode made
    /// an end of the connection.
    fn deviates(&mut self, deviation: Deviation, octets: &[u8]) -> bool {
        if self.config.strict {
            self.fail(Error::new(
                ErrorCode::MalformedReply,
                format!("the server broke a rule ({deviation}): {}", escaped(octets)),
            ));
            return false;
        }
        if !self.reported.contains(&deviation) {
            self.reported.push(deviation);
            self.events.push_back(ClientEvent::DeviationObserved {
                deviation,
                octets: octets.iter().copied().take(DEVIATION_OCTETS).collect(),
            });
        }
        true
    }

    fn trace(&mut self, direction: Direction, line: String) {
        self.events
            .push_back(ClientEvent::LineTraced { direction, line });
    }

    /// A challenge may hold what only the two ends should know.
    fn trace_received(&mut self, line: &[u8]) {
        let challenge = self
            .sent
            .front()
            .is_some_and(|front| front.verb == Verb::Auth)
            && line.first() == Some(&b'+')
            && line.get(1).is_none_or(|octet| *octet == b' ');
        self.trace(
            Direction::Received,
            if challenge && line.len() > 2 {
                "+ [secret]".to_owned()
            } else {
                line.escape_ascii().to_string()
            },
        );
    }

    fn fail(&mut self, error: Error) {
        self.end(Trigger::Failed, Some(error));
    }

    fn end(&mut self, trigger: Trigger, error: Option<Error>) {
        if self.state.is_over() {
            return;
        }
        self.state = state::after(self.state, trigger);
        self.queued.clear();
        self.sent.clear();
        self.sent_octets = 0;
        self.login = None;
        self.lines.clear();
        self.reading = Reading::Status;
        self.output.zeroize();
        self.events
            .push_back(ClientEvent::ConnectionClosed { error });
    }

    /// How long the server may be silent now.
    fn patience(&self) -> Duration {
        let limits = &self.config.limits;
        match self.sent.front() {
            Some(front) if is_login(front.verb) => limits
                .response_timeout
                .saturating_mul(limits.login_patience),
            _ => limits.response_timeout,
        }
    }

    fn awaits_answer(&self) -> bool {
        !self.state.is_over()
            && (self.state == State::Greeting
                || !self.sent.is_empty()
                || self.channel == Channel::Handshake)
    }
}

impl Exchange {
    /// True in a SASL exchange that has not come to its end.
    fn has_more_to_say(&self) -> bool {
        self.sasl
            .as_ref()
            .is_some_and(|sasl| sasl.first.is_some() || sasl.mechanism.has_more())
    }

    /// What a SASL exchange knows of its failure.
    fn detail(&self) -> Option<&str> {
        let sasl = self.sasl.as_ref()?;
        sasl.gave_up.as_deref().or(sasl.mechanism.detail())
    }
}

/// Octets of a buffer that is kept to be filled again, at most: 4 MiB.
const SPARE_OCTETS: usize = 4 << 20;

/// Octets of the server that a deviation shows.
const DEVIATION_OCTETS: usize = 80;

fn channel_at_first(security: Security) -> Channel {
    match security {
        Security::Implicit => Channel::Secure,
        Security::StartTls | Security::None => Channel::Clear,
    }
}

/// A time in seconds, as few digits as it has of a millisecond.
fn seconds(time: Duration) -> String {
    match (time.as_secs(), time.subsec_millis()) {
        (whole, 0) => whole.to_string(),
        (whole, rest) => format!("{whole}.{rest:03}")
            .trim_end_matches('0')
            .to_owned(),
    }
}

/// Commands whose answer is that to a login.
fn is_login(verb: Verb) -> bool {
    matches!(verb, Verb::Pass | Verb::Apop | Verb::Auth)
}

fn internal(what: &str) -> Error {
    Error::new(ErrorCode::Internal, what)
}
