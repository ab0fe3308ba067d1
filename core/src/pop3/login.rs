//! The plan from the greeting to the transaction state.
//!
//! greeting, CAPA, then STLS and CAPA again where TLS begins on the way, then
//! the mechanisms that policy allows one after the other, then CAPA, since
//! some servers name their capabilities only after a login.
//!
//! Rules guarded here: a password crosses a channel without TLS only if the
//! caller allowed it; a server that does not begin TLS gets no password; APOP
//! is used only when asked for; after a refusal no weaker kind of mechanism
//! is tried, and none at all when the server blames the name or the password.
//!
//! The plan decides and remembers; it sends nothing. RFC 1939, 2449, 2595
//! section 4, 3206, 5034.

use std::collections::VecDeque;

use super::auth::apop::Stamp;
use super::capability::Capabilities;
use super::command::{Command, Verb, check_text};
use super::event::Handle;
use super::reply::{Reply, Status, Verdict};
use crate::error::{Error, ErrorCode, UsageError};
use crate::secret::Secret;

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Security {
    /// TLS from the first octet, port 995 (RFC 8314).
    #[default]
    Implicit,
    /// TLS begins with STLS, which the server must accept, port 110.
    StartTls,
    /// No TLS.
    None,
}

/// Which mechanism a login uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AuthChoice {
    /// What the server offers and policy allows; never APOP.
    #[default]
    Auto,
    /// USER and PASS (RFC 1939 section 7).
    UserPass,
    /// SASL PLAIN (RFC 4616, 5034).
    Plain,
    /// APOP (RFC 1939 section 7). The password does not cross the channel, so
    /// it may be asked for without TLS.
    Apop,
}

impl AuthChoice {
    /// Every choice with the name that users write.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("auto", Self::Auto),
        ("user-pass", Self::UserPass),
        ("plain", Self::Plain),
        ("apop", Self::Apop),
    ];
}

/// What the plan wants to happen.
#[derive(Debug)]
pub(crate) enum Action {
    /// Send this.
    Send(Command),
    /// Send AUTH PLAIN and this response to its challenge.
    SendPlain(Secret<Vec<u8>>),
    /// The login is done.
    Finish,
    /// The login is over; the connection goes on.
    Fail(Error),
    /// Wait for the next answer.
    Wait,
}

/// What the plan may know of the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub secure: bool,
    pub security: Security,
    pub capabilities: Option<&'a Capabilities>,
    pub stamp: Option<&'a Stamp>,
}

/// A login under way.
#[derive(Debug)]
pub(crate) struct LoginPlan {
    handle: Handle,
    user: String,
    password: Secret<Vec<u8>>,
    choice: AuthChoice,
    methods: VecDeque<Method>,
    method: Option<Method>,
    refusals: Vec<String>,
}

/// One way to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    UserPass,
    Plain,
    Apop,
}

impl LoginPlan {
    /// Plans a login; names and secrets are checked before anything is sent.
    pub(crate) fn new(
        handle: Handle,
        user: &str,
        password: &[u8],
        choice: AuthChoice,
    ) -> Result<Self, UsageError> {
        if user.is_empty() {
            return Err(UsageError::argument("user name must not be empty"));
        }
        check_text("user name", user.as_bytes())?;
        // The longest line that is refused later by its length is refused by
        // then as an error of the login; what could end a line is refused now.
        Command::Pass(Secret::new(password.to_vec())).encode(usize::MAX)?;
        Ok(Self {
            handle,
            user: user.to_owned(),
            password: Secret::new(password.to_vec()),
            choice,
            methods: VecDeque::new(),
            method: None,
            refusals: Vec::new(),
        })
    }

    pub(crate) fn handle(&self) -> Handle {
        self.handle
    }

    /// The greeting has come: what to send first.
    pub(crate) fn begin(&self) -> Action {
        Action::Send(Command::Capa)
    }

    /// TLS has begun.
    pub(crate) fn secured(&self) -> Action {
        Action::Send(Command::Capa)
    }

    /// One of the plan's commands was answered.
    pub(crate) fn answered(&mut self, verb: Verb, reply: &Reply, view: View<'_>) -> Action {
        let accepted = reply.status() == Status::Ok;
        match verb {
            // The CAPA that ends the plan may be refused like the others.
            Verb::Capa if self.method.is_some() => Action::Finish,
            Verb::Capa => self.after_capabilities(view),
            Verb::Stls if accepted => Action::Wait,
            Verb::Stls => Action::Fail(
                Error::new(
                    ErrorCode::InsecureStls,
                    format!("the server refused STLS, nothing secret was sent: {reply}"),
                )
                .with_reply(reply.clone()),
            ),
            // Not together with USER: a server that sends the two answers apart
            // waits for the acknowledgement of the first, which takes longer
            // than the round trip.
            Verb::User if accepted => Action::Send(Command::Pass(self.password.clone())),
            _ if accepted => Action::Send(Command::Capa),
            _ => self.refused(reply, view),
        }
    }

    fn after_capabilities(&mut self, view: View<'_>) -> Action {
        if view.security == Security::StartTls && !view.secure {
            if view.capabilities.is_some_and(|all| !all.stls()) {
                return Action::Fail(Error::new(
                    ErrorCode::InsecureStls,
                    "the server does not offer STLS, nothing secret was sent",
                ));
            }
            // Without CAPA the answer to STLS tells.
            return Action::Send(Command::Stls);
        }
        self.methods = match self.choice {
            AuthChoice::UserPass => [Method::UserPass].into(),
            AuthChoice::Plain => [Method::Plain].into(),
            AuthChoice::Apop => [Method::Apop].into(),
            AuthChoice::Auto => {
                let plain = view
                    .capabilities
                    .is_some_and(|all| all.has_mechanism("PLAIN"));
                let user = view.capabilities.is_none_or(|all| all.has("USER"));
                let mut methods = VecDeque::new();
                if plain {
                    methods.push_back(Method::Plain);
                }
                // Servers that name neither take USER all the same.
                if user || !plain {
                    methods.push_back(Method::UserPass);
                }
                methods
            }
        };
        self.try_next(view)
    }

    fn try_next(&mut self, view: View<'_>) -> Action {
        let Some(method) = self.methods.pop_front() else {
            return Action::Fail(Error::new(
                ErrorCode::Authentication,
                format!(
                    "the server refused the login of {}: tried {}",
                    self.user,
                    self.refusals.join(", then ")
                ),
            ));
        };
        self.method = Some(method);
        match method {
            Method::UserPass => Action::Send(Command::User(self.user.clone())),
            Method::Plain => {
                match super::auth::plain::message(&self.user, self.password.expose()) {
                    Ok(message) => Action::SendPlain(message),
                    Err(error) => Action::Fail(error.into()),
                }
            }
            Method::Apop => match view.stamp {
                Some(stamp) => Action::Send(Command::Apop {
                    user: self.user.clone(),
                    digest: stamp.digest(self.password.expose()),
                }),
                None => Action::Fail(Error::new(
                    ErrorCode::MechanismUnavailable,
                    if view.security == Security::StartTls {
                        "APOP cannot follow STLS: its stamp came before TLS and counts no more"
                    } else {
                        "APOP needs a stamp <…@…> in the server's greeting, found none"
                    },
                )),
            },
        }
    }

    fn refused(&mut self, reply: &Reply, view: View<'_>) -> Action {
        let name = match self.method {
            Some(Method::UserPass) => "USER and PASS",
            Some(Method::Plain) => "AUTH PLAIN",
            Some(Method::Apop) => "APOP",
            None => "nothing",
        };
        self.refusals.push(format!("{name} ({reply})"));
        // A server that can blame the credentials and does not, or one that
        // says nothing, may have refused the mechanism; any other code says
        // that a second try is in vain.
        let in_vain = reply.verdict() != Verdict::Unknown;
        if in_vain {
            self.methods.clear();
        }
        match self.try_next(view) {
            Action::Fail(error) if error.reply().is_none() => {
                Action::Fail(error.with_reply(reply.clone()))
            }
            action => action,
        }
    }
}
