//! The server engine: bytes of a client in, requests for the host out.
//!
//! Decides what a client may do and what it is answered. The host decides who
//! may log in, and owns the maildrop; it is asked by one [`ServerEvent`] at a
//! time. The rules guarded here: nothing is removed but by QUIT, no octet of
//! the clear channel survives STLS, no octet of the client comes back in a
//! reply, and what waits in memory is bounded in both directions.
//!
//! The lines come from `input`, `login` and `transaction` answer them,
//! `maildrop` holds the marks, `content` makes RETR and TOP, `clock` the
//! deadlines, `answer` the texts.
//!
//! RFC 1939, 2449, 2595 section 4, 3206, 5034.

mod answer;
mod clock;
mod content;
mod input;
mod login;
mod maildrop;
mod transaction;

use std::collections::VecDeque;
use std::time::Duration;

use super::auth::apop::Stamp;
use super::command::Verb;
use super::event::{CloseReason, MaildropEntry, ServerEvent};
use super::limits::ServerLimits;
use super::login::Security;
use super::state::{Channel, State, Trigger, after};
use crate::error::{ErrorCode, UsageError};

pub use answer::Refusal;
use clock::Timer;
use content::Content;
use input::Input;
use maildrop::MarkedMaildrop;

/// What a server connection is and may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerConfig {
    /// The text of the greeting: printable ASCII, other octets become `?`.
    /// Empty stands for `ready`.
    pub greeting: String,
    /// Offers APOP with this stamp. The host makes a new one for each
    /// connection (RFC 1939 section 7).
    pub apop_stamp: Option<Stamp>,
    /// [`Implicit`](Security::Implicit) if the channel is already secure,
    /// [`StartTls`](Security::StartTls) to offer STLS.
    pub tls: Security,
    /// Takes passwords on a channel without TLS too. APOP, which sends none,
    /// needs no such permission.
    pub allow_cleartext: bool,
    /// What the client is told after the login as IMPLEMENTATION, if
    /// anything.
    pub implementation: Option<String>,
    /// The bounds.
    pub limits: ServerLimits,
}

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
    /// True between the challenge of AUTH PLAIN and the response.
    awaits_sasl_response: bool,
    /// Who is logged in.
    user: Option<String>,
    maildrop: MarkedMaildrop,
    bad_commands: u32,
    failed_logins: u32,
    now: Duration,
    idle: Timer,
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
    },
    OpenMaildrop {
        user: String,
    },
    Retrieve(Content),
    Commit,
    /// A refused login whose answer waits for its time.
    HeldBack(Timer),
}

impl ServerConnection {
    /// Begins with the greeting, which is the first output.
    pub fn new(config: ServerConfig) -> Self {
        let channel = match config.tls {
            Security::Implicit => Channel::Secure,
            _ => Channel::Clear,
        };
        let greeting = answer::greeting(&config.greeting, config.apop_stamp.as_ref());
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
            awaits_sasl_response: false,
            user: None,
            maildrop: MarkedMaildrop::default(),
            bad_commands: 0,
            failed_logins: 0,
            now: Duration::ZERO,
            idle: Timer::default(),
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
        if self.state.is_over() {
            return;
        }
        if let Work::HeldBack(timer) = &mut self.work {
            timer.tick(self.now);
            if timer
                .left(self.config.limits.failed_login_delay, self.now)
                .is_zero()
            {
                self.answer_failed_login();
                self.advance();
            }
        } else if self.client_is_due() {
            self.idle.tick(self.now);
            if self.idle.left(self.idle_limit(), self.now).is_zero() {
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
        if self.state.is_over() {
            None
        } else if let Work::HeldBack(timer) = &self.work {
            Some(timer.left(self.config.limits.failed_login_delay, self.now))
        } else if self.client_is_due() {
            Some(self.idle.left(self.idle_limit(), self.now))
        } else {
            None
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
        if into.is_empty() {
            std::mem::swap(into, &mut self.output);
        } else {
            into.append(&mut self.output);
        }
        self.idle.restart();
        self.advance();
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
        let Work::Authenticate { user } = &self.work else {
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
    /// `failed_login_delay`, and [`ServerEvent::LoginFailed`] comes.
    ///
    /// # Errors
    ///
    /// [`UsageError`] if nobody is logging in.
    pub fn refuse_login(&mut self, refusal: Refusal) -> Result<(), UsageError> {
        let (Work::Authenticate { user } | Work::OpenMaildrop { user }) = &self.work else {
            return Err(self.wrong_moment("refuse_login", "Authenticate or OpenMaildrop"));
        };
        let user = user.clone();
        self.idle.restart();
        if refusal == Refusal::BadCredentials {
            self.hold_back_failed_login(user);
        } else {
            self.work = Work::None;
            self.err(refusal.reply());
        }
        self.advance();
        Ok(())
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
        content.feed(octets, &mut self.output);
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
        if self.awaits_sasl_response {
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

    fn idle_limit(&self) -> Duration {
        if self.state == State::Transaction {
            self.config.limits.autologout
        } else {
            self.config.limits.login_timeout
        }
    }

    fn ok(&mut self, text: &str) {
        answer::push_line(&mut self.output, "+OK", text);
    }

    fn err(&mut self, text: &str) {
        answer::push_line(&mut self.output, "-ERR", text);
    }

    /// Ends the connection, without another reply.
    fn close(&mut self, reason: CloseReason) {
        let trigger = match reason {
            CloseReason::Quit => Trigger::Ended,
            _ => Trigger::Failed,
        };
        self.state = after(self.state, trigger);
        self.work = Work::None;
        self.input.clear();
        self.maildrop = MarkedMaildrop::default();
        // What was asked is not asked any more.
        self.events
            .retain(|event| matches!(event, ServerEvent::LoginFailed { .. }));
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
