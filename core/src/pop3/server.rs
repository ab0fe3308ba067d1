//! The server engine: bytes of a client in, requests for the host out.
//!
//! Decides what a client may do and what it is answered. The host decides who
//! may log in, and owns the maildrop; it is asked by one [`ServerEvent`] at a
//! time. The rules guarded here: nothing is removed but by QUIT, no octet of
//! the clear channel survives STLS, no octet of the client comes back in a
//! reply, and what waits in memory is bounded in both directions.
//!
//! The lines come from `input`, `login` and `transaction` answer them,
//! `maildrop` holds the marks, `content` makes RETR and TOP, `sasl` reads
//! logins, `clock` keeps the deadlines, `answer` the texts, `faults` what a
//! test asked to go wrong.
//!
//! Above 600 lines: the interface is in one place, with its words.
//!
//! RFC 1939, 2449, 2595 section 4, 3206, 5034, 6856.

mod answer;
mod clock;
mod config;
mod content;
mod faults;
mod input;
mod login;
mod maildrop;
mod sasl;
mod transaction;

use std::collections::VecDeque;
use std::time::Duration;

use super::auth::ClientFirst;
use super::command::Verb;
use super::event::{CloseReason, MaildropEntry, ServerEvent};
use super::login::Security;
use super::state::{Channel, State, Trigger, after};
use crate::error::{ErrorCode, UsageError};

pub use answer::Refusal;
use clock::Timer;
pub use config::ServerConfig;
use content::Content;
pub use faults::Faults;
use input::Input;
use maildrop::MarkedMaildrop;
use sasl::Exchange;
pub use sasl::SaslMechanism;

/// One client of a server.
///
/// * Getters: [`state`](Self::state), [`user`](Self::user),
///   [`is_secure`](Self::is_secure).
/// * Inputs: [`receive`](Self::receive), [`receive_eof`](Self::receive_eof),
///   [`tls_established`](Self::tls_established),
///   [`handle_timeout`](Self::handle_timeout).
/// * Answers to events: [`accept_login`](Self::accept_login) and the rest of
///   what [`ServerEvent`] names. One at the wrong moment is a [`UsageError`]
///   and changes nothing.
/// * Outputs: [`take_output`](Self::take_output),
///   [`next_event`](Self::next_event), [`timeout`](Self::timeout), and
///   [`wants_input`](Self::wants_input),
///   [`wants_content`](Self::wants_content).
///
/// Any call may be made at any time; outputs may change after each. A host
/// repeats: call `handle_timeout`, take and write output until there is none,
/// handle the events, and where there was neither, wait for input no longer
/// than `timeout` says and hand it to `receive`.
///
/// Commands may be pipelined without end: they wait in a bounded buffer and
/// are worked off in order, one at a time.
///
/// ```
/// use popmail::{MaildropEntry, ServerConfig, ServerConnection, ServerEvent};
///
/// let mut server = ServerConnection::new(ServerConfig::default());
/// server.receive(b"USER me\r\nPASS secret\r\nLIST\r\nQUIT\r\n");
/// while let Some(event) = server.next_event() {
///     match event {
///         ServerEvent::Authenticate { .. } => server.accept_login()?,
///         ServerEvent::OpenMaildrop { .. } => server.maildrop_opened(vec![MaildropEntry {
///             uid: "a1".into(),
///             octets: 120,
///         }])?,
///         ServerEvent::ConnectionClosed { .. } => {}
///         other => unreachable!("{other:?}"),
///     }
/// }
/// let mut wire = Vec::new();
/// server.take_output(&mut wire);
/// assert_eq!(
///     String::from_utf8_lossy(&wire),
///     "+OK ready\r\n+OK\r\n+OK 1 message\r\n+OK 1 message\r\n1 120\r\n.\r\n+OK bye\r\n",
/// );
/// # Ok::<(), popmail::UsageError>(())
/// ```
#[derive(Debug)]
pub struct ServerConnection {
    config: ServerConfig,
    state: State,
    channel: Channel,
    input: Input,
    eof: bool,
    output: Vec<u8>,
    events: VecDeque<ServerEvent>,
    work: Work,
    /// The name that USER gave, until PASS takes it.
    named: Option<String>,
    /// The exchange whose challenge awaits its response.
    exchange: Option<Exchange>,
    /// The mechanism of the last AUTH.
    mechanism: Option<SaslMechanism>,
    /// Counts what is made from the seed.
    next_exchange: u32,
    /// Who is logged in.
    user: Option<String>,
    /// The client said UTF8.
    utf8: bool,
    maildrop: MarkedMaildrop,
    /// The highest message number that was read.
    last: u32,
    /// Octets of the message that is being sent.
    sent_content: u64,
    /// Octets that were handed out.
    handed_out: u64,
    /// A CR at the end of what was handed out without it.
    carry: bool,
    commands: u32,
    bad_commands: u32,
    failed_logins: u32,
    /// What the host adds to the delay of failed logins.
    penalty: Duration,
    now: Duration,
    idle: Timer,
    /// Since the greeting.
    session: Timer,
    /// Since the host was asked about a login.
    login_timer: Timer,
    /// Since the last piece of output, for the fault that delays it.
    piece: Timer,
}

/// What has to end before the next command is looked at.
#[derive(Debug)]
enum Work {
    /// Nothing: the next command may come.
    None,
    /// Lines of LIST or UIDL from this message number on.
    Listing {
        verb: Verb,
        next: u32,
    },
    Authenticate {
        user: String,
        mechanism: Option<SaslMechanism>,
    },
    /// The keys of a user, for SCRAM.
    Keys(ClientFirst),
    OpenMaildrop {
        user: String,
    },
    Retrieve(Content),
    Commit,
    /// An answer that waits for its time.
    HeldBack {
        timer: Timer,
        delay: Duration,
        answer: HeldAnswer,
    },
}

/// What is answered late.
#[derive(Debug)]
enum HeldAnswer {
    FailedLogin,
    FailedToken(SaslMechanism),
    BadCommand(String),
}

impl ServerConnection {
    /// Begins with the greeting, which is the first output.
    pub fn new(config: ServerConfig) -> Self {
        let channel = match config.tls {
            Security::Implicit => Channel::Secure,
            _ => Channel::Clear,
        };
        let greeting =
            answer::greeting(&config.greeting, config.apop_stamp.as_ref(), config.xclient);
        let mut server = Self {
            config,
            state: after(State::Greeting, Trigger::Greeted),
            channel,
            input: Input::default(),
            eof: false,
            output: Vec::new(),
            events: VecDeque::new(),
            work: Work::None,
            named: None,
            exchange: None,
            mechanism: None,
            next_exchange: 0,
            user: None,
            utf8: false,
            maildrop: MarkedMaildrop::default(),
            last: 0,
            sent_content: 0,
            handed_out: 0,
            carry: false,
            commands: 0,
            bad_commands: 0,
            failed_logins: 0,
            penalty: Duration::ZERO,
            now: Duration::ZERO,
            idle: Timer::default(),
            session: Timer::default(),
            login_timer: Timer::default(),
            piece: Timer::default(),
        };
        server.ok(&greeting);
        server
    }

    /// Where the connection stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// The name that is logged in, `None` before the login.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// True if TLS protects the channel.
    pub fn is_secure(&self) -> bool {
        self.channel == Channel::Secure
    }

    /// Takes octets from the client.
    ///
    /// Between the answer to STLS and [`tls_established`](Self::tls_established)
    /// any octet closes the connection: it was sent in the clear, perhaps not
    /// by the client, and must not count as sent under TLS.
    pub fn receive(&mut self, octets: &[u8]) {
        if octets.is_empty() || self.state.is_over() {
            return;
        }
        if self.channel == Channel::Handshake {
            self.refuse_stls_residue();
            return;
        }
        self.input.push(octets);
        self.advance();
    }

    /// Takes note that the client sends no more. Commands that came whole are
    /// still worked off, then the connection closes; what was marked as
    /// deleted stays unless QUIT came.
    pub fn receive_eof(&mut self) {
        self.eof = true;
        if self.channel == Channel::Handshake && !self.state.is_over() {
            self.close(CloseReason::ConnectionLost);
        }
        self.advance();
    }

    /// Takes note that the handshake that [`ServerEvent::TlsReady`] asked for
    /// is done. Nothing that the client said before counts any more.
    ///
    /// # Errors
    ///
    /// [`UsageError`] if none was asked for.
    pub fn tls_established(&mut self) -> Result<(), UsageError> {
        if self.state.is_over() || self.channel != Channel::Handshake {
            return Err(self.wrong_moment("tls_established", "TlsReady"));
        }
        self.channel = Channel::Secure;
        self.idle.restart();
        Ok(())
    }

    /// Takes note of the time: the time since any moment that the host keeps.
    /// To be called in each round of the host's loop, before it looks for
    /// output and events.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.now = self.now.max(now);
        self.piece.tick(self.now);
        if self.state.is_over() {
            return;
        }
        self.session.tick(self.now);
        if matches!(
            self.work,
            Work::Authenticate { .. } | Work::Keys(_) | Work::OpenMaildrop { .. }
        ) {
            self.login_timer.tick(self.now);
        }
        if let Work::HeldBack { timer, delay, .. } = &mut self.work {
            timer.tick(self.now);
            if timer.left(*delay, self.now).is_zero() {
                if let Work::HeldBack { answer, .. } = std::mem::replace(&mut self.work, Work::None)
                {
                    self.answer_held(answer);
                }
                self.advance();
            }
        } else if self.client_is_due() {
            self.idle.tick(self.now);
            let session = self.session.left(self.session_limit(), self.now);
            if session.is_zero() || self.idle.left(self.idle_limit(), self.now).is_zero() {
                // Without a reply (RFC 1939 section 3, autologout).
                self.close(CloseReason::Timeout);
            }
        } else {
            self.idle.restart();
        }
    }

    /// How long to wait at most until the next `handle_timeout`, counted from
    /// the last one; `None` while only the host is due.
    pub fn timeout(&self) -> Option<Duration> {
        let piece = (!self.output.is_empty() && !self.config.faults.delay.is_zero())
            .then(|| self.piece.left(self.config.faults.delay, self.now));
        let due = if self.state.is_over() {
            None
        } else if let Work::HeldBack { timer, delay, .. } = &self.work {
            Some(timer.left(*delay, self.now))
        } else if self.client_is_due() {
            let idle = self.idle.left(self.idle_limit(), self.now);
            Some(idle.min(self.session.left(self.session_limit(), self.now)))
        } else {
            None
        };
        match (piece, due) {
            (Some(piece), Some(due)) => Some(piece.min(due)),
            (piece, due) => piece.or(due),
        }
    }

    /// The next request or news, if there is one.
    pub fn next_event(&mut self) -> Option<ServerEvent> {
        self.events.pop_front()
    }

    /// Appends what is to be sent. To be called again until nothing comes:
    /// room that is made may be filled by the next commands that wait.
    pub fn take_output(&mut self, into: &mut Vec<u8>) {
        if self.output.is_empty() {
            return;
        }
        if self.config.faults.changes_output() {
            self.take_faulty_output(into);
        } else if into.is_empty() {
            std::mem::swap(into, &mut self.output);
        } else {
            into.append(&mut self.output);
        }
        self.idle.restart();
        self.advance();
    }

    /// True if output waits whose time has not come: a fault that delays it.
    /// A host that closes the connection waits `timeout` and takes it first.
    pub fn holds_output(&self) -> bool {
        !self.output.is_empty()
    }

    fn take_faulty_output(&mut self, into: &mut Vec<u8>) {
        let faults = &self.config.faults;
        if !faults.delay.is_zero() {
            if !self.piece.left(faults.delay, self.now).is_zero() {
                return;
            }
            self.piece.restart();
        }
        let most = faults.piece.unwrap_or(usize::MAX).max(1);
        let rest = self.output.split_off(most.min(self.output.len()));
        let mut piece = std::mem::replace(&mut self.output, rest);
        if faults.lf_line_ends {
            piece = faults::without_cr(&piece, &mut self.carry);
        }
        let left = faults
            .cut_after
            .map(|most| most.saturating_sub(self.handed_out));
        self.handed_out = self.handed_out.saturating_add(piece.len() as u64);
        if let Some(left) = left.and_then(|left| usize::try_from(left).ok())
            && piece.len() >= left
        {
            piece.truncate(left);
            self.output.clear();
            if !self.state.is_over() {
                self.close(CloseReason::Fault);
            }
        }
        into.append(&mut piece);
    }

    /// False while enough waits in the input buffer, and while no octet may
    /// come: the host then stops reading. What is received all the same is
    /// kept.
    pub fn wants_input(&self) -> bool {
        let room = self.config.limits.waiting_input.max(self.line_limit());
        !self.eof
            && !self.state.is_over()
            && self.channel != Channel::Handshake
            && self.input.len() < room
    }

    /// True if a message is being sent and there is room for more of it.
    pub fn wants_content(&self) -> bool {
        match &self.work {
            Work::Retrieve(content) => {
                !content.is_complete() && self.output.len() < self.config.limits.waiting_output
            }
            _ => false,
        }
    }

    /// True if a message is being sent and TOP wants no more of it: call
    /// [`finish_content`](Self::finish_content).
    pub fn content_is_complete(&self) -> bool {
        matches!(&self.work, Work::Retrieve(content) if content.is_complete())
    }

    /// Answers [`ServerEvent::Authenticate`]: the secret is right.
    /// [`ServerEvent::OpenMaildrop`] follows.
    ///
    /// # Errors
    ///
    /// [`UsageError`] if nobody is logging in.
    pub fn accept_login(&mut self) -> Result<(), UsageError> {
        let Work::Authenticate { user, .. } = &self.work else {
            return Err(self.wrong_moment("accept_login", "Authenticate"));
        };
        let user = user.clone();
        self.events
            .push_back(ServerEvent::OpenMaildrop { user: user.clone() });
        self.work = Work::OpenMaildrop { user };
        Ok(())
    }

    /// Answers [`ServerEvent::Authenticate`] or
    /// [`ServerEvent::OpenMaildrop`]: no. For
    /// [`BadCredentials`](Refusal::BadCredentials) the client learns it after
    /// `failed_login_delay`, counted from the question, so that the time of
    /// the host's check does not show; and [`ServerEvent::LoginFailed`] comes.
    ///
    /// # Errors
    ///
    /// [`UsageError`] if nobody is logging in.
    pub fn refuse_login(&mut self, refusal: Refusal) -> Result<(), UsageError> {
        let (user, mechanism) = match &self.work {
            Work::Authenticate { user, mechanism } => (user.clone(), *mechanism),
            Work::OpenMaildrop { user } => (user.clone(), None),
            _ => return Err(self.wrong_moment("refuse_login", "Authenticate or OpenMaildrop")),
        };
        self.idle.restart();
        if refusal == Refusal::BadCredentials {
            let answer = match mechanism {
                Some(token @ (SaslMechanism::XOAuth2 | SaslMechanism::OAuthBearer)) => {
                    HeldAnswer::FailedToken(token)
                }
                _ => HeldAnswer::FailedLogin,
            };
            self.hold_back_failed_login(user, answer);
        } else {
            self.work = Work::None;
            self.err(refusal.reply());
        }
        self.advance();
        Ok(())
    }

    /// Adds so much to the delay of each failed login that is told from now
    /// on: for a host that counts them by address over many connections.
    pub fn penalize(&mut self, penalty: Duration) {
        self.penalty = penalty;
    }

    /// Answers [`ServerEvent::OpenMaildrop`]: these are the messages, the
    /// first has number 1.
    ///
    /// # Errors
    ///
    /// [`UsageError`] if no maildrop is asked for, or if a uid is not 1 to 70
    /// octets of printable ASCII without space, or occurs twice: clients take
    /// the second for one that they have already, and never fetch it. The
    /// request stays open.
    pub fn maildrop_opened(&mut self, entries: Vec<MaildropEntry>) -> Result<(), UsageError> {
        let Work::OpenMaildrop { user } = &self.work else {
            return Err(self.wrong_moment("maildrop_opened", "OpenMaildrop"));
        };
        let mut entries = entries;
        for entry in &mut entries {
            entry.octets = self.config.faults.size(entry.octets);
        }
        let maildrop = MarkedMaildrop::new(entries)?;
        let (user, count) = (user.clone(), maildrop.stat().count);
        self.maildrop = maildrop;
        self.user = Some(user);
        self.bad_commands = 0;
        self.work = Work::None;
        self.idle.restart();
        self.state = after(self.state, Trigger::LoggedIn);
        self.ok(&answer::messages(count));
        self.advance();
        Ok(())
    }

    /// Answers [`ServerEvent::Retrieve`]: the next octets of the message, as
    /// they are stored, cut anywhere. May be called while
    /// [`wants_content`](Self::wants_content) is false; the output then grows
    /// beyond its bound.
    ///
    /// # Errors
    ///
    /// [`UsageError`] if no message is asked for.
    pub fn send_content(&mut self, octets: &[u8]) -> Result<(), UsageError> {
        let Work::Retrieve(content) = &mut self.work else {
            return Err(self.wrong_moment("send_content", "Retrieve"));
        };
        let left = self
            .config
            .faults
            .cut_content_after
            .map(|most| most.saturating_sub(self.sent_content));
        self.sent_content = self.sent_content.saturating_add(octets.len() as u64);
        match left.and_then(|left| octets.get(..usize::try_from(left).ok()?)) {
            None => content.feed(octets, &mut self.output),
            Some(kept) => {
                content.feed(kept, &mut self.output);
                self.close(CloseReason::Fault);
            }
        }
        Ok(())
    }

    /// Answers [`ServerEvent::Retrieve`]: the message is complete.
    ///
    /// # Errors
    ///
    /// [`UsageError`] if no message is asked for.
    pub fn finish_content(&mut self) -> Result<(), UsageError> {
        match std::mem::replace(&mut self.work, Work::None) {
            Work::Retrieve(content) => content.finish(&mut self.output),
            other => {
                self.work = other;
                return Err(self.wrong_moment("finish_content", "Retrieve"));
            }
        }
        self.advance();
        Ok(())
    }

    /// Answers [`ServerEvent::Retrieve`]: the message cannot be sent.
    ///
    /// # Errors
    ///
    /// [`UsageError`] if no message is asked for, or if some of it was given.
    pub fn refuse_content(&mut self, refusal: Refusal) -> Result<(), UsageError> {
        match &self.work {
            Work::Retrieve(content) if !content.has_begun() => {}
            _ => return Err(self.wrong_moment("refuse_content", "Retrieve without content")),
        }
        self.work = Work::None;
        self.err(refusal.reply());
        self.advance();
        Ok(())
    }

    /// Answers [`ServerEvent::Retrieve`]: the maildrop failed. Before the
    /// first octet the client is told so; after it the connection closes
    /// without the terminator, so that no client takes a part for the whole.
    ///
    /// # Errors
    ///
    /// [`UsageError`] if no message is asked for.
    pub fn fail_content(&mut self) -> Result<(), UsageError> {
        match &self.work {
            Work::Retrieve(content) if content.has_begun() => {
                self.close(CloseReason::MaildropFailed);
                Ok(())
            }
            Work::Retrieve(_) => self.refuse_content(Refusal::SysTemp),
            _ => Err(self.wrong_moment("fail_content", "Retrieve")),
        }
    }

    /// Answers [`ServerEvent::Commit`]: the messages are gone.
    ///
    /// # Errors
    ///
    /// [`UsageError`] if nothing is to be committed.
    pub fn committed(&mut self) -> Result<(), UsageError> {
        if !matches!(self.work, Work::Commit) {
            return Err(self.wrong_moment("committed", "Commit"));
        }
        self.ok(answer::BYE);
        self.close(CloseReason::Quit);
        Ok(())
    }

    /// Answers [`ServerEvent::Commit`]: some messages are still there.
    ///
    /// # Errors
    ///
    /// [`UsageError`] if nothing is to be committed.
    pub fn commit_failed(&mut self, refusal: Refusal) -> Result<(), UsageError> {
        if !matches!(self.work, Work::Commit) {
            return Err(self.wrong_moment("commit_failed", "Commit"));
        }
        self.err(&refusal.commit_reply());
        self.close(CloseReason::MaildropFailed);
        Ok(())
    }

    /// Works off what waits, until something blocks or enough output waits.
    fn advance(&mut self) {
        while !self.state.is_over()
            && self.channel != Channel::Handshake
            && self.output.len() < self.config.limits.waiting_output
        {
            match &self.work {
                Work::None => match self.input.next_line(self.line_limit()) {
                    Some(line) => {
                        self.idle.restart();
                        self.handle_line(line);
                    }
                    None => {
                        if self.eof {
                            self.close(CloseReason::ConnectionLost);
                        }
                        return;
                    }
                },
                Work::Listing { verb, next } => self.continue_listing(*verb, *next),
                _ => return,
            }
        }
    }

    /// Octets that the next line may have.
    fn line_limit(&self) -> usize {
        if self.exchange.is_some()
            || self.state == State::Authorization && self.input.begins_with(b"AUTH")
        {
            self.config.limits.sasl_response
        } else {
            self.config.limits.command_line
        }
    }

    /// True if the next move is the client's: to speak, or to read.
    fn client_is_due(&self) -> bool {
        match &self.work {
            Work::None | Work::Listing { .. } => true,
            Work::Retrieve(_) => !self.output.is_empty() && !self.wants_content(),
            _ => false,
        }
    }

    /// From the greeting on; the login has its own.
    fn session_limit(&self) -> Duration {
        let limits = &self.config.limits;
        if self.state == State::Authorization {
            limits.login_time.min(limits.session_time)
        } else {
            limits.session_time
        }
    }

    fn idle_limit(&self) -> Duration {
        if self.state == State::Transaction {
            self.config.limits.autologout
        } else {
            self.config.limits.login_timeout
        }
    }

    fn ok(&mut self, text: &str) {
        let status = if self.config.faults.lower_case_status {
            "+ok"
        } else {
            "+OK"
        };
        answer::push_line(&mut self.output, status, text);
    }

    fn err(&mut self, text: &str) {
        if self.config.faults.close_for_err {
            return self.close(CloseReason::Fault);
        }
        let status = if self.config.faults.lower_case_status {
            "-err"
        } else {
            "-ERR"
        };
        answer::push_line(&mut self.output, status, text);
    }

    /// Ends the connection, without another reply.
    fn close(&mut self, reason: CloseReason) {
        // A fault may have closed it a moment ago.
        let is_closed = |event: &ServerEvent| matches!(event, ServerEvent::ConnectionClosed { .. });
        if self.events.iter().any(is_closed) {
            return;
        }
        let trigger = match reason {
            CloseReason::Quit => Trigger::Ended,
            _ => Trigger::Failed,
        };
        self.state = after(self.state, trigger);
        self.work = Work::None;
        self.input.clear();
        self.maildrop = MarkedMaildrop::default();
        self.exchange = None;
        // What was asked is not asked any more.
        self.events.retain(|event| {
            matches!(
                event,
                ServerEvent::LoginFailed { .. }
                    | ServerEvent::CommandRefused { .. }
                    | ServerEvent::ClientForwarded { .. }
                    | ServerEvent::LineReceived { .. }
            )
        });
        self.events
            .push_back(ServerEvent::ConnectionClosed { reason });
    }

    fn wrong_moment(&self, call: &str, due: &str) -> UsageError {
        if self.state.is_over() {
            UsageError::new(
                ErrorCode::UsageClosed,
                format!("{call}: the connection is over"),
            )
        } else {
            UsageError::new(
                ErrorCode::UsageState,
                format!("{call} answers {due}, which is not open now"),
            )
        }
    }
}
