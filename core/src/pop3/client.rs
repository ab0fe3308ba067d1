//! The client engine: commands in, octets out; octets in, events out.
//!
//! It pairs answers with commands, keeps the pipelining window, runs the login
//! plan and ends the connection when the server breaks a rule that cannot be
//! forgiven. It does no I/O and reads no clock.
//!
//! RFC 1939, 2449 (pipelining: section 6.6), 2595 section 4, 5034.

use std::collections::VecDeque;
use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use zeroize::Zeroize;

use super::auth::{Mechanism, Plain, apop::Stamp};
use super::capability::Capabilities;
use super::command::{Command, Verb};
use super::event::{ClientEvent, Deviation, Direction, Handle};
use super::limits::Limits;
use super::line::{Line, LineReader};
use super::listing::{self, Listing};
use super::login::{Action, AuthChoice, LoginPlan, LoginRequest, Security, View};
use super::multiline::Unstuffer;
use super::reply::{Reply, Status};
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
    capabilities: Option<Capabilities>,
    handles: u64,
    queued: VecDeque<Queued>,
    sent: VecDeque<Exchange>,
    sent_octets: usize,
    quitting: bool,
    login: Option<LoginPlan>,
    lines: LineReader,
    reading: Reading,
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
    Listing {
        reply: Reply,
        listing: Listing,
    },
    Content {
        unstuffer: Unstuffer,
        octets: u64,
        announced: Option<u64>,
        buffer: Vec<u8>,
    },
}

impl ClientConnection {
    /// A connection whose transport is open, before the greeting.
    pub fn new(config: ClientConfig) -> Self {
        let channel = match config.security {
            Security::Implicit => Channel::Secure,
            Security::StartTls | Security::None => Channel::Clear,
        };
        Self {
            config,
            state: State::Greeting,
            channel,
            stamp: None,
            capabilities: None,
            handles: 0,
            queued: VecDeque::new(),
            sent: VecDeque::new(),
            sent_octets: 0,
            quitting: false,
            login: None,
            lines: LineReader::default(),
            reading: Reading::Status,
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
                self.fail(Error::new(
                    ErrorCode::StlsInjection,
                    format!(
                        "the server sent octets between its answer to STLS and the TLS handshake: {}",
                        escaped(input)
                    ),
                ));
            } else if let Reading::Content { .. } = self.reading {
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
        let message = match (&self.reading, self.sent.front()) {
            (Reading::Content { octets, .. }, Some(exchange)) => format!(
                "the connection ended inside a message, {octets} octets into the answer to {}",
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
        self.fail(Error::new(ErrorCode::ConnectionLost, message));
    }

    /// The TLS handshake that [`ClientEvent::TlsReady`] asked for is done.
    ///
    /// # Errors
    ///
    /// [`UsageError`] if no handshake was asked for.
    pub fn tls_established(&mut self) -> Result<(), UsageError> {
        if self.channel != Channel::Handshake {
            return Err(UsageError::new(
                ErrorCode::UsageState,
                "no TLS handshake was asked for",
            ));
        }
        self.channel = Channel::Secure;
        self.silent_since = None;
        if let Some(plan) = &self.login {
            let action = plan.secured();
            self.act(action);
        }
        self.pump();
        Ok(())
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
        if now.saturating_sub(since) >= self.config.limits.response_timeout {
            let awaited = match self.sent.front() {
                Some(exchange) => exchange.verb.as_str(),
                None if self.channel == Channel::Handshake => "STLS",
                None => "the connection with its greeting",
            };
            self.fail(Error::new(
                ErrorCode::Timeout,
                format!(
                    "the server did not answer {awaited} within {} s",
                    self.config.limits.response_timeout.as_secs_f64()
                ),
            ));
        }
    }

    // Commands.

    /// Logs in: the whole plan from the greeting to the transaction state.
    ///
    /// Ends with [`ClientEvent::LoginFinished`] or `CommandFailed`. On the way
    /// comes [`ClientEvent::TlsReady`] where TLS begins with STLS.
    ///
    /// # Errors
    ///
    /// [`UsageError`] if the connection is not before its login, if an
    /// argument cannot be sent, or, with the code `InsecureCleartext`, if the
    /// password would cross a channel without TLS.
    pub fn login(
        &mut self,
        user: &str,
        password: impl AsRef<[u8]>,
        choice: AuthChoice,
    ) -> Result<Handle, UsageError> {
        self.login_with(LoginRequest {
            user: user.to_owned(),
            password: Some(Secret::new(password.as_ref().to_vec())),
            auth: choice,
            ..LoginRequest::default()
        })
    }

    /// Logs in, with everything that a login can have.
    ///
    /// # Errors
    ///
    /// As for [`login`](Self::login).
    pub fn login_with(&mut self, request: LoginRequest) -> Result<Handle, UsageError> {
        if self.state != State::Greeting {
            self.check_allowed(Verb::User)?;
        }
        if self.login.is_some() {
            return Err(UsageError::new(
                ErrorCode::UsageState,
                "a login is under way already",
            ));
        }
        let handle = self.new_handle();
        let plan = LoginPlan::new(handle, request)?;
        if self.config.security == Security::None && plan.shows_the_secret() {
            self.check_cleartext()?;
        }
        let action = plan.begin();
        self.login = Some(plan);
        if self.state != State::Greeting {
            self.act(action);
            self.pump();
        }
        Ok(handle)
    }

    /// CAPA: asks for the capabilities (RFC 2449 section 5).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the authorization and transaction states.
    pub fn capa(&mut self) -> Result<Handle, UsageError> {
        self.command(Command::Capa)
    }

    /// STLS: begins TLS (RFC 2595 section 4). [`ClientEvent::TlsReady`] follows.
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the authorization state or with TLS in force.
    pub fn stls(&mut self) -> Result<Handle, UsageError> {
        if self.channel != Channel::Clear {
            return Err(UsageError::new(
                ErrorCode::UsageState,
                "TLS is in force already",
            ));
        }
        self.command(Command::Stls)
    }

    /// UTF8: asks for texts and header fields in UTF-8 (RFC 6856 section 2). A
    /// login sends it by itself where a name or a password needs it.
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the authorization state.
    pub fn utf8(&mut self) -> Result<Handle, UsageError> {
        self.command(Command::Utf8)
    }

    /// LANG: chooses the language of the server's texts, `*` for its own
    /// choice, or asks for the list of them (RFC 6856 section 3).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the authorization and transaction states or for
    /// a language that cannot be sent.
    pub fn lang(&mut self, language: Option<&str>) -> Result<Handle, UsageError> {
        self.command(Command::Lang(language.map(str::to_owned)))
    }

    /// USER: names the mailbox (RFC 1939 section 7).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the authorization state or for a name that
    /// cannot be sent.
    pub fn user(&mut self, user: &str) -> Result<Handle, UsageError> {
        self.command(Command::User(user.to_owned()))
    }

    /// PASS: gives the password for USER (RFC 1939 section 7).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the authorization state, for a password that
    /// cannot be sent, or for a channel without TLS.
    pub fn pass(&mut self, password: impl AsRef<[u8]>) -> Result<Handle, UsageError> {
        self.check_allowed(Verb::Pass)?;
        self.check_cleartext()?;
        self.command(Command::Pass(Secret::new(password.as_ref().to_vec())))
    }

    /// APOP: logs in with a digest (RFC 1939 section 7).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the authorization state, for a name that cannot
    /// be sent, or without a stamp in the greeting.
    pub fn apop(&mut self, user: &str, secret: impl AsRef<[u8]>) -> Result<Handle, UsageError> {
        self.check_allowed(Verb::Apop)?;
        let Some(stamp) = &self.stamp else {
            return Err(UsageError::new(
                ErrorCode::MechanismUnavailable,
                "APOP needs a stamp <…@…> in the server's greeting, found none",
            ));
        };
        self.command(Command::Apop {
            user: user.to_owned(),
            digest: stamp.digest(secret.as_ref()),
        })
    }

    /// AUTH PLAIN in two steps (RFC 4616, 5034).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the authorization state, for a NUL in an
    /// argument, or for a channel without TLS.
    pub fn auth_plain(
        &mut self,
        user: &str,
        password: impl AsRef<[u8]>,
    ) -> Result<Handle, UsageError> {
        self.check_allowed(Verb::Auth)?;
        self.check_cleartext()?;
        let mechanism = Plain::new("", user, password.as_ref())?;
        let handle = self.new_handle();
        self.enqueue_exchange(Box::new(mechanism), handle, false, false)?;
        self.pump();
        Ok(handle)
    }

    /// STAT: count and size of the maildrop (RFC 1939 section 5).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the transaction state.
    pub fn stat(&mut self) -> Result<Handle, UsageError> {
        self.command(Command::Stat)
    }

    /// LIST: sizes of all messages or of one (RFC 1939 section 5).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the transaction state or for the number 0.
    pub fn list(&mut self, number: Option<u32>) -> Result<Handle, UsageError> {
        self.command(Command::List(number))
    }

    /// UIDL: unique ids of all messages or of one (RFC 1939 section 7).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the transaction state or for the number 0.
    pub fn uidl(&mut self, number: Option<u32>) -> Result<Handle, UsageError> {
        self.command(Command::Uidl(number))
    }

    /// RETR: fetches a message (RFC 1939 section 5).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the transaction state or for the number 0.
    pub fn retr(&mut self, number: u32, mode: ContentMode) -> Result<Handle, UsageError> {
        self.command_with_mode(Command::Retr(number), mode)
    }

    /// TOP: fetches the header and some lines of the body (RFC 1939 section
    /// 7).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the transaction state or for the number 0.
    pub fn top(
        &mut self,
        number: u32,
        lines: u64,
        mode: ContentMode,
    ) -> Result<Handle, UsageError> {
        self.command_with_mode(Command::Top { number, lines }, mode)
    }

    /// DELE: marks a message; it goes at QUIT (RFC 1939 section 5).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the transaction state or for the number 0.
    pub fn dele(&mut self, number: u32) -> Result<Handle, UsageError> {
        self.command(Command::Dele(number))
    }

    /// RSET: takes all marks back (RFC 1939 section 5).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the transaction state.
    pub fn rset(&mut self) -> Result<Handle, UsageError> {
        self.command(Command::Rset)
    }

    /// NOOP: asks for an answer (RFC 1939 section 5).
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the transaction state.
    pub fn noop(&mut self) -> Result<Handle, UsageError> {
        self.command(Command::Noop)
    }

    /// QUIT: has the marked messages deleted and ends the connection (RFC
    /// 1939 sections 4 and 6). No command can follow it.
    ///
    /// # Errors
    ///
    /// [`UsageError`] outside the authorization and transaction states.
    pub fn quit(&mut self) -> Result<Handle, UsageError> {
        let handle = self.command(Command::Quit)?;
        self.quitting = true;
        if self.state == State::Transaction {
            self.state = state::after(self.state, Trigger::Quit);
        }
        Ok(handle)
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
        let limit = self.config.limits.response_timeout;
        self.awaits_answer().then(|| match self.silent_since {
            Some(since) => limit.saturating_sub(self.now.saturating_sub(since)),
            None => limit,
        })
    }

    // Sending.

    fn command(&mut self, command: Command) -> Result<Handle, UsageError> {
        self.command_with_mode(command, ContentMode::Buffer)
    }

    fn command_with_mode(
        &mut self,
        command: Command,
        mode: ContentMode,
    ) -> Result<Handle, UsageError> {
        self.check_allowed(command.verb())?;
        let handle = self.new_handle();
        self.enqueue(command, handle, false)?;
        if let Some(queued) = self.queued.back_mut() {
            queued.exchange.mode = mode;
        }
        self.pump();
        Ok(handle)
    }

    fn enqueue(
        &mut self,
        command: Command,
        handle: Handle,
        by_login: bool,
    ) -> Result<(), UsageError> {
        let line = command.encode(self.config.limits.command_line)?;
        self.queued.push_back(Queued {
            exchange: Exchange {
                handle,
                verb: command.verb(),
                number: match command {
                    Command::List(number) | Command::Uidl(number) => number,
                    _ => None,
                },
                lists: matches!(command, Command::Lang(None)),
                mode: ContentMode::Buffer,
                octets: line.len(),
                by_login,
                sasl: None,
            },
            line: Secret::new(line),
        });
        Ok(())
    }

    fn enqueue_exchange(
        &mut self,
        mut mechanism: Box<dyn Mechanism>,
        handle: Handle,
        by_login: bool,
        initial_response: bool,
    ) -> Result<(), UsageError> {
        let name = mechanism.name().to_owned();
        let auth = |initial_response| Command::Auth {
            mechanism: Some(name.clone()),
            initial_response,
        };
        let mut first = None;
        if mechanism.speaks_first() {
            let response = mechanism.respond(b"");
            first = Some(response.map_err(|why| UsageError::new(ErrorCode::Internal, why))?);
        }
        // A line that would be too long goes in two steps (RFC 5034 section 4).
        let long = auth(first.clone());
        let fits = long.encode(self.config.limits.command_line).is_ok();
        if initial_response && fits && first.is_some() {
            first = None;
            self.enqueue(long, handle, by_login)?;
        } else {
            self.enqueue(auth(None), handle, by_login)?;
        }
        if let Some(queued) = self.queued.back_mut() {
            queued.exchange.sasl = Some(Sasl {
                mechanism,
                first,
                rounds: 0,
                gave_up: None,
            });
        }
        Ok(())
    }

    fn check_allowed(&self, verb: Verb) -> Result<(), UsageError> {
        if self.state.is_over() || self.quitting {
            return Err(UsageError::new(
                ErrorCode::UsageClosed,
                format!("the connection is over, {} cannot be sent", verb.as_str()),
            ));
        }
        if !state::allows(self.state, verb) {
            return Err(UsageError::new(
                ErrorCode::UsageState,
                format!(
                    "{} cannot be sent in the {} state",
                    verb.as_str(),
                    self.state.as_str()
                ),
            ));
        }
        Ok(())
    }

    fn check_cleartext(&self) -> Result<(), UsageError> {
        if self.channel == Channel::Secure || self.config.allow_cleartext {
            return Ok(());
        }
        Err(UsageError::new(
            ErrorCode::InsecureCleartext,
            "the password would cross the network without TLS: use TLS or STLS, \
             or allow it with allow_cleartext",
        ))
    }

    fn new_handle(&mut self) -> Handle {
        self.handles += 1;
        Handle(self.handles)
    }

    /// Moves commands from the queue to the output as the window allows.
    fn pump(&mut self) {
        if self.queued.is_empty()
            || self.state == State::Greeting
            || self.state.is_over()
            || self.channel == Channel::Handshake
        {
            return;
        }
        let (window_commands, window_octets) = (
            self.config.limits.window_commands,
            self.config.limits.window_octets,
        );
        let pipelining = self.config.pipelining
            && self
                .capabilities
                .as_ref()
                .is_some_and(Capabilities::pipelining);
        // Refilled when half of it is answered, so that commands leave in
        // few large packets.
        if pipelining && self.sent.len() > window_commands / 2 {
            return;
        }
        while let Some(next) = self.queued.front() {
            let fits = self.sent.is_empty()
                || pipelining
                    && self.sent.len() < window_commands
                    && self.sent_octets + next.exchange.octets <= window_octets
                    && !self.sent.back().is_some_and(|sent| is_barrier(sent.verb))
                    && !is_barrier(next.exchange.verb);
            if !fits {
                return;
            }
            if self.sent.is_empty() {
                self.silent_since = None;
            }
            if let Some(Queued { exchange, line }) = self.queued.pop_front() {
                if self.config.trace {
                    let line = without_secrets(exchange.verb, line.expose());
                    self.trace(Direction::Sent, line);
                }
                self.output.extend_from_slice(line.expose());
                self.sent_octets += exchange.octets;
                self.sent.push_back(exchange);
            }
        }
    }

    // Receiving.

    fn receive_content(&mut self, input: &mut &[u8]) {
        let (
            Some(exchange),
            Reading::Content {
                unstuffer,
                octets,
                announced,
                buffer,
            },
        ) = (self.sent.front(), &mut self.reading)
        else {
            return self.fail(internal("content without a command"));
        };
        let (handle, mode) = (exchange.handle, exchange.mode);
        let before = buffer.len();
        let fed = unstuffer.feed(input, buffer);
        *input = input.get(fed.consumed..).unwrap_or_default();
        *octets += (buffer.len() - before) as u64;
        let odd_size = announced.filter(|announced| *announced != *octets);
        let deviations = [
            (unstuffer.lines_end_with_lf(), Deviation::BareLf),
            (
                unstuffer.began_with_unstuffed_dot(),
                Deviation::UnstuffedDot,
            ),
            (fed.finished && odd_size.is_some(), Deviation::OddSize),
        ];
        let octets = *octets;
        let content = match mode {
            ContentMode::Chunks => {
                let chunk = std::mem::take(buffer);
                if !chunk.is_empty() {
                    self.events
                        .push_back(ClientEvent::ContentReceived { handle, chunk });
                }
                Vec::new()
            }
            ContentMode::Buffer if octets > self.config.limits.buffered_content => {
                let limit = self.config.limits.buffered_content;
                return self.fail(Error::new(
                    ErrorCode::LimitContent,
                    format!(
                        "a message has more than {limit} octets, the limit for one that is \
                         taken as a buffer: take it in chunks or raise buffered_content"
                    ),
                ));
            }
            ContentMode::Buffer if fed.finished => std::mem::take(buffer),
            ContentMode::Buffer => Vec::new(),
        };
        for (_, deviation) in deviations.into_iter().filter(|(seen, _)| *seen) {
            let octets = format!("a message of {octets} octets").into_bytes();
            if !self.deviates(deviation, &octets) {
                return;
            }
        }
        if fed.finished {
            if self.config.trace {
                self.trace(Direction::Received, format!("[{octets} octets]"));
            }
            self.finish_exchange();
            self.events.push_back(ClientEvent::ContentFinished {
                handle,
                octets,
                content,
            });
        }
    }

    fn receive_line(&mut self, input: &mut &[u8]) {
        let limits = &self.config.limits;
        let (limit, code, what) = match (&self.reading, self.sent.front()) {
            (
                Reading::Listing {
                    listing: Listing::Capabilities(_),
                    ..
                },
                _,
            ) => (
                limits.capability_line,
                ErrorCode::LimitCapabilities,
                "a line of CAPA",
            ),
            (Reading::Listing { .. }, _) => (
                limits.listing_line,
                ErrorCode::LimitListingLine,
                "a line of a listing",
            ),
            (_, Some(exchange)) if exchange.verb == Verb::Auth => (
                limits.challenge,
                ErrorCode::LimitChallenge,
                "a SASL challenge",
            ),
            _ => (
                limits.status_line,
                ErrorCode::LimitStatusLine,
                "a status line",
            ),
        };
        match self.lines.read(input, limit) {
            Line::Incomplete => {}
            Line::TooLong => self.fail(Error::new(
                code,
                format!("{what} from the server has more than {limit} octets"),
            )),
            Line::Complete { line, bare_lf } => {
                if bare_lf && !self.deviates(Deviation::BareLf, &line) {
                    return;
                }
                if self.config.trace {
                    self.trace_received(&line);
                }
                if let Reading::Listing { .. } = self.reading {
                    self.receive_listing_line(&line);
                } else {
                    self.receive_status(&line, bare_lf);
                }
            }
        }
    }

    fn receive_listing_line(&mut self, line: &[u8]) {
        let Reading::Listing { listing, .. } = &mut self.reading else {
            return self.fail(internal("a listing line outside a listing"));
        };
        if line != b"." {
            let line = line.strip_prefix(b".").unwrap_or(line);
            match listing.push(line, &self.config.limits) {
                Ok(Some(deviation)) => {
                    self.deviates(deviation, line);
                }
                Ok(None) => {}
                Err(error) => self.fail(error),
            }
            return;
        }
        let Reading::Listing { reply, listing } =
            std::mem::replace(&mut self.reading, Reading::Status)
        else {
            return;
        };
        let Some(exchange) = self.finish_exchange() else {
            return self.fail(internal("a listing without a command"));
        };
        let handle = exchange.handle;
        self.events.push_back(match listing {
            Listing::Capabilities(capabilities) => {
                self.capabilities = Some(capabilities.clone());
                if exchange.by_login {
                    return self.login_answered(&exchange, &reply);
                }
                ClientEvent::CapabilitiesReceived {
                    handle,
                    capabilities,
                }
            }
            Listing::Languages(languages) => ClientEvent::LanguagesReceived { handle, languages },
            Listing::Sizes(entries) => ClientEvent::ListReceived { handle, entries },
            Listing::Uids { entries, .. } => ClientEvent::UidlReceived { handle, entries },
        });
    }

    fn receive_status(&mut self, line: &[u8], bare_lf: bool) {
        if line.is_empty() {
            self.deviates(Deviation::BlankLine, b"\r\n");
            return;
        }
        let Some(reply) = Reply::parse(line) else {
            return self.fail(Error::new(
                ErrorCode::MalformedReply,
                format!(
                    "expected +OK or -ERR from the server, got: {}",
                    escaped(line)
                ),
            ));
        };
        if !reply.is_well_formed() && !self.deviates(Deviation::LowerCaseStatus, line) {
            return;
        }
        if self.state == State::Greeting {
            return self.receive_greeting(reply);
        }
        let Some(exchange) = self.sent.front() else {
            return self.receive_unsolicited(reply);
        };
        match (reply.status(), exchange.verb) {
            (Status::Continue, Verb::Auth) => self.receive_challenge(&reply),
            (Status::Ok, Verb::Auth) if exchange.has_more_to_say() => {
                if self.deviates(Deviation::OkForChallenge, line) {
                    self.receive_challenge(&reply);
                }
            }
            (Status::Continue, verb) => self.fail(
                Error::new(
                    ErrorCode::MalformedReply,
                    format!("expected +OK or -ERR to {}, got: {reply}", verb.as_str()),
                )
                .with_reply(reply),
            ),
            (Status::Err, _) => self.receive_refusal(reply),
            (Status::Ok, verb) => self.receive_acceptance(verb, reply, bare_lf),
        }
    }

    fn receive_greeting(&mut self, reply: Reply) {
        match reply.status() {
            Status::Ok => {
                self.stamp = Stamp::find(reply.line());
                self.state = state::after(self.state, Trigger::Greeted);
                self.reported.clear();
                self.events
                    .push_back(ClientEvent::GreetingReceived { reply });
                if let Some(plan) = &self.login {
                    let action = plan.begin();
                    self.act(action);
                }
            }
            Status::Err => self.fail(
                Error::new(
                    ErrorCode::GreetingRefused,
                    format!("the server refused the connection: {reply}"),
                )
                .with_reply(reply),
            ),
            Status::Continue => self.fail(Error::new(
                ErrorCode::MalformedReply,
                format!("expected +OK as a greeting, got: {reply}"),
            )),
        }
    }

    /// A server that hangs up may say so first; anything else is a fault.
    fn receive_unsolicited(&mut self, reply: Reply) {
        if reply.status() == Status::Err && self.farewell.is_none() {
            self.farewell = Some(reply);
        } else {
            self.fail(
                Error::new(
                    ErrorCode::UnsolicitedReply,
                    format!("the server answered though nothing was asked: {reply}"),
                )
                .with_reply(reply),
            );
        }
    }

    fn receive_challenge(&mut self, reply: &Reply) {
        let limit = self.config.limits.rounds;
        let Some(sasl) = self.sent.front_mut().and_then(|front| front.sasl.as_mut()) else {
            return self.fail(internal("a challenge without a mechanism"));
        };
        sasl.rounds += 1;
        if sasl.rounds > limit {
            return self.fail(Error::new(
                ErrorCode::LimitRounds,
                format!("the server sent more than {limit} SASL challenges"),
            ));
        }
        let challenge = BASE64.decode(reply.text());
        let (response, odd) = match sasl.first.take() {
            // The challenge that asks for the first message is empty, but
            // some servers write a prompt.
            Some(first) => (Ok(first), !reply.text().is_empty()),
            None => match challenge {
                Ok(challenge) => (sasl.mechanism.respond(&challenge), false),
                Err(_) => (Err("the challenge is no base64".to_owned()), false),
            },
        };
        match response {
            Ok(response) => {
                let encoded = Secret::new(BASE64.encode(response.expose()));
                self.output.extend_from_slice(encoded.expose().as_bytes());
            }
            // `*` gives up, and the server's refusal ends the exchange (RFC
            // 5034 section 4).
            Err(why) => {
                sasl.gave_up = Some(why);
                self.output.push(b'*');
            }
        }
        self.output.extend_from_slice(b"\r\n");
        if self.config.trace {
            self.trace(Direction::Sent, "[secret]".to_owned());
        }
        if odd {
            self.deviates(Deviation::OddChallenge, reply.line());
        }
    }

    fn receive_refusal(&mut self, reply: Reply) {
        let Some(exchange) = self.finish_exchange() else {
            return self.fail(internal("a refusal without a command"));
        };
        if exchange.by_login {
            return self.login_answered(&exchange, &reply);
        }
        let detail = exchange.detail().map(str::to_owned);
        let code = match exchange.verb {
            Verb::User | Verb::Pass | Verb::Apop | Verb::Auth => ErrorCode::Authentication,
            _ => ErrorCode::Command,
        };
        self.events.push_back(ClientEvent::CommandFailed {
            handle: exchange.handle,
            error: Error::new(
                code,
                format!("the server refused {}: {reply}", exchange.verb.as_str()),
            )
            .with_reply(reply)
            .with_detail(detail),
        });
        if exchange.verb == Verb::Quit {
            self.end(Trigger::Ended, None);
        }
    }

    fn receive_acceptance(&mut self, verb: Verb, reply: Reply, bare_lf: bool) {
        let number = self.sent.front().and_then(|exchange| exchange.number);
        match verb {
            Verb::Capa => self.collect(reply, Listing::Capabilities(Capabilities::default())),
            Verb::Lang if self.sent.front().is_some_and(|lang| lang.lists) => {
                self.collect(reply, Listing::Languages(Vec::new()));
            }
            Verb::List if number.is_none() => self.collect(reply, Listing::Sizes(Vec::new())),
            Verb::Uidl if number.is_none() => {
                let (entries, octets) = (Vec::new(), 0);
                self.collect(reply, Listing::Uids { entries, octets });
            }
            Verb::Retr | Verb::Top => {
                let announced = match verb {
                    Verb::Retr => listing::announced_octets(reply.text()),
                    _ => None,
                };
                self.reading = Reading::Content {
                    unstuffer: Unstuffer::new(bare_lf),
                    octets: 0,
                    announced,
                    buffer: Vec::new(),
                };
            }
            _ => self.finish_acceptance(verb, number, reply),
        }
    }

    fn collect(&mut self, reply: Reply, listing: Listing) {
        self.reading = Reading::Listing { reply, listing };
    }

    /// The commands whose `+OK` line is the whole answer.
    fn finish_acceptance(&mut self, verb: Verb, number: Option<u32>, reply: Reply) {
        let Some(exchange) = self.sent.front() else {
            return self.fail(internal("an answer without a command"));
        };
        let handle = exchange.handle;
        let by_login = exchange.by_login;
        let event = match verb {
            Verb::Stat => listing::stat(reply.text())
                .map(|(stat, deviation)| (ClientEvent::StatReceived { handle, stat }, deviation)),
            Verb::List => listing::size_of(reply.text(), number).map(|(entry, deviation)| {
                let entries = vec![entry];
                (ClientEvent::ListReceived { handle, entries }, deviation)
            }),
            Verb::Uidl => listing::uid_of(reply.text(), number).map(|(entry, deviation)| {
                let entries = vec![entry];
                (ClientEvent::UidlReceived { handle, entries }, deviation)
            }),
            _ => Some((
                ClientEvent::CommandFinished {
                    handle,
                    reply: reply.clone(),
                },
                None,
            )),
        };
        let Some((event, deviation)) = event else {
            return self.fail(
                Error::new(
                    ErrorCode::MalformedReply,
                    format!("the answer to {} cannot be read: {reply}", verb.as_str()),
                )
                .with_reply(reply),
            );
        };
        if let Some(deviation) = deviation
            && !self.deviates(deviation, reply.line())
        {
            return;
        }
        let Some(exchange) = self.finish_exchange() else {
            return;
        };
        match verb {
            Verb::Stls => {
                self.channel = Channel::Handshake;
                // Nothing that came before TLS counts after it (RFC 2595
                // section 4).
                self.capabilities = None;
                self.stamp = None;
                let handle = match &self.login {
                    Some(plan) if by_login => plan.handle(),
                    _ => handle,
                };
                self.events.push_back(ClientEvent::TlsReady { handle });
            }
            Verb::Pass | Verb::Apop | Verb::Auth => {
                if let Some(Err(why)) = exchange.sasl.as_ref().map(|sasl| sasl.mechanism.accepted())
                {
                    return self.fail(Error::new(ErrorCode::MalformedReply, why));
                }
                self.state = state::after(self.state, Trigger::LoggedIn);
                if by_login {
                    self.login_answered(&exchange, &reply);
                } else {
                    self.events.push_back(event);
                }
            }
            Verb::Quit => {
                self.events.push_back(event);
                self.end(Trigger::Ended, None);
            }
            _ if by_login => self.login_answered(&exchange, &reply),
            _ => self.events.push_back(event),
        }
    }

    /// Takes the command whose answer is complete out of the window.
    fn finish_exchange(&mut self) -> Option<Exchange> {
        self.reading = Reading::Status;
        self.reported.clear();
        let exchange = self.sent.pop_front()?;
        self.sent_octets = self.sent_octets.saturating_sub(exchange.octets);
        Some(exchange)
    }

    // The login plan.

    fn login_answered(&mut self, exchange: &Exchange, reply: &Reply) {
        let Some(mut plan) = self.login.take() else {
            return self.fail(internal("a login's answer without a login"));
        };
        let view = View {
            secure: self.channel == Channel::Secure,
            security: self.config.security,
            allow_cleartext: self.config.allow_cleartext,
            capabilities: self.capabilities.as_ref(),
            stamp: self.stamp.as_ref(),
        };
        let action = plan.answered(exchange.verb, reply, exchange.detail(), view);
        self.login = Some(plan);
        self.act(action);
    }

    fn act(&mut self, action: Action) {
        let Some(plan) = &self.login else {
            return;
        };
        let (handle, initial_response) = (plan.handle(), plan.initial_response());
        let queued = match action {
            Action::Wait => Ok(()),
            Action::Send(command) => self.enqueue(command, handle, true),
            Action::Exchange(mechanism) => {
                self.enqueue_exchange(mechanism, handle, true, initial_response)
            }
            Action::Finish => {
                self.login = None;
                self.events.push_back(ClientEvent::LoginFinished { handle });
                Ok(())
            }
            Action::Fail(error) => {
                self.login = None;
                self.events
                    .push_back(ClientEvent::CommandFailed { handle, error });
                Ok(())
            }
        };
        if let Err(error) = queued {
            self.login = None;
            self.events.push_back(ClientEvent::CommandFailed {
                handle,
                error: error.into(),
            });
        }
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
                octets: octets.iter().copied().take(80).collect(),
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

    fn awaits_answer(&self) -> bool {
        !self.state.is_over()
            && (self.state == State::Greeting
                || !self.sent.is_empty()
                || self.channel == Channel::Handshake)
    }
}

/// Commands that nothing may be pipelined with: their answer decides who
/// speaks next, and how.
fn is_barrier(verb: Verb) -> bool {
    matches!(verb, Verb::Stls | Verb::Auth)
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

/// A command for a trace: names stay, secrets and what is made of them go.
fn without_secrets(verb: Verb, line: &[u8]) -> String {
    match verb {
        Verb::Pass | Verb::Apop => format!("{} [secret]", verb.as_str()),
        Verb::Auth => match line
            .trim_ascii_end()
            .splitn(3, |octet| *octet == b' ')
            .nth(1)
        {
            Some(name) if line.iter().filter(|octet| **octet == b' ').count() > 1 => {
                format!("AUTH {} [secret]", name.escape_ascii())
            }
            _ => line.trim_ascii_end().escape_ascii().to_string(),
        },
        _ => line.trim_ascii_end().escape_ascii().to_string(),
    }
}

fn internal(what: &str) -> Error {
    Error::new(ErrorCode::Internal, what)
}
