//! The plan from the greeting to the transaction state.
//!
//! greeting, CAPA, then STLS and CAPA again where TLS begins on the way, then
//! the mechanisms that policy allows one after the other, then CAPA, since
//! some servers name their capabilities only after a login.
//!
//! Rules guarded here: a secret crosses a channel without TLS only if the
//! caller allowed it; a server that does not begin TLS gets none; APOP and
//! CRAM-MD5 are used only when asked for; after a refusal no weaker kind of
//! mechanism is tried, and none at all when the server blames the name or the
//! secret.
//!
//! The plan decides and remembers; it sends nothing. RFC 1939, 2449, 2595
//! section 4, 3206, 5034.

use std::collections::VecDeque;

use super::auth::apop::Stamp;
use super::auth::prepare;
use super::auth::{
    Bearer, Binding, ChannelBinding, CramMd5, External, Hash, Login as SaslLogin, Mechanism, Plain,
    Scram,
};
use super::capability::Capabilities;
use super::command::{Command, Verb, check_text};
use super::event::Handle;
use super::reply::{Reply, Status, Verdict};
use crate::error::{Error, ErrorCode, UsageError, escaped};
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
    /// The strongest that the server offers and policy allows: SCRAM; else,
    /// where the password may be sent, PLAIN, USER and PASS, or LOGIN. With a
    /// token OAUTHBEARER or XOAUTH2. Never APOP, CRAM-MD5 or EXTERNAL.
    #[default]
    Auto,
    /// USER and PASS (RFC 1939 section 7).
    UserPass,
    /// APOP (RFC 1939 section 7). The password does not cross the channel, so
    /// it may be asked for without TLS.
    Apop,
    /// SASL PLAIN (RFC 4616, 5034).
    Plain,
    /// SASL LOGIN, without an RFC.
    Login,
    /// SASL CRAM-MD5 (RFC 2195). May be asked for without TLS, like APOP.
    CramMd5,
    /// SASL SCRAM-SHA-1 (RFC 5802), or -PLUS with a channel binding.
    ScramSha1,
    /// SASL SCRAM-SHA-256 (RFC 7677), or -PLUS with a channel binding.
    ScramSha256,
    /// SASL OAUTHBEARER (RFC 7628).
    OAuthBearer,
    /// XOAUTH2, as Google and Microsoft take it.
    XOAuth2,
    /// SASL EXTERNAL (RFC 4422 appendix A): a TLS client certificate.
    External,
}

impl AuthChoice {
    /// Every choice with the name that users write.
    pub const NAMES: [(&'static str, Self); 11] = [
        ("auto", Self::Auto),
        ("user-pass", Self::UserPass),
        ("apop", Self::Apop),
        ("plain", Self::Plain),
        ("login", Self::Login),
        ("cram-md5", Self::CramMd5),
        ("scram-sha-1", Self::ScramSha1),
        ("scram-sha-256", Self::ScramSha256),
        ("oauthbearer", Self::OAuthBearer),
        ("xoauth2", Self::XOAuth2),
        ("external", Self::External),
    ];

    /// The name that users write.
    pub fn as_str(self) -> &'static str {
        Self::NAMES
            .into_iter()
            .find_map(|(name, choice)| (choice == self).then_some(name))
            .unwrap_or_default()
    }

    /// What it needs: a password, a token or neither.
    fn needs(self) -> Needs {
        match self {
            Self::Auto => Needs::Either,
            Self::External => Needs::Neither,
            Self::OAuthBearer | Self::XOAuth2 => Needs::Token,
            _ => Needs::Password,
        }
    }

    /// True if whoever reads along learns the secret.
    fn shows_the_secret(self) -> bool {
        match self {
            Self::UserPass | Self::Plain | Self::Login | Self::OAuthBearer | Self::XOAuth2 => true,
            Self::Apop | Self::CramMd5 | Self::ScramSha1 | Self::ScramSha256 | Self::External => {
                false
            }
            // What it sends is decided when the server has said what it offers.
            Self::Auto => false,
        }
    }

    fn is_scram(self) -> bool {
        matches!(self, Self::ScramSha1 | Self::ScramSha256)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Password,
    Token,
    Either,
    Neither,
}

/// What a login is made with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoginRequest {
    /// The name.
    pub user: String,
    /// The password, `None` with a token or a client certificate.
    pub password: Option<Secret<Vec<u8>>>,
    /// An OAuth access token.
    pub token: Option<Secret<Vec<u8>>>,
    /// Whom to act for, if not for the one who logs in (RFC 4422 section 2).
    pub authzid: String,
    /// The mechanism.
    pub auth: AuthChoice,
    /// Sends the first SASL message with AUTH where the line holds it (RFC
    /// 5034 section 4), which saves a round trip. Some servers refuse that.
    pub initial_response: bool,
    /// Asks for texts and header fields in UTF-8 where the server offers them
    /// (RFC 6856 section 2); a name or a password beyond ASCII asks by itself.
    pub utf8: bool,
    /// For SCRAM: printable ASCII without a comma, 18 random octets or more in
    /// base64, new for each login. Without it SCRAM is not used.
    pub nonce: String,
    /// For SCRAM: what ties the login to the TLS channel, if the host knows.
    pub channel_binding: Option<ChannelBinding>,
}

/// What the plan wants to happen.
#[derive(Debug)]
pub(crate) enum Action {
    /// Send this.
    Send(Command),
    /// Begin this SASL exchange.
    Exchange(Box<dyn Mechanism>),
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
    pub allow_cleartext: bool,
    pub capabilities: Option<&'a Capabilities>,
    pub stamp: Option<&'a Stamp>,
    pub bindings: &'a [ChannelBinding],
}

/// A login under way.
#[derive(Debug)]
pub(crate) struct LoginPlan {
    handle: Handle,
    request: LoginRequest,
    methods: VecDeque<AuthChoice>,
    method: Option<AuthChoice>,
    refusals: Vec<String>,
    /// The server's first refusal of a mechanism that it offers.
    refused: Option<Vec<u8>>,
    asked_for_utf8: bool,
    /// The server does not survive CAPA.
    without_capa: bool,
    succeeded: bool,
}

impl LoginPlan {
    /// Plans a login; names and secrets are checked before anything is sent.
    pub(crate) fn new(handle: Handle, request: LoginRequest) -> Result<Self, UsageError> {
        let auth = request.auth;
        let (password, token) = (request.password.is_some(), request.token.is_some());
        let given = match auth.needs() {
            Needs::Password => password,
            Needs::Token => token,
            Needs::Either => password != token,
            Needs::Neither => true,
        };
        if !given {
            return Err(UsageError::argument(match auth.needs() {
                Needs::Token => format!("auth {} needs a token", auth.as_str()),
                Needs::Either => "a login needs a password or a token, one of the two".to_owned(),
                _ => format!("auth {} needs a password", auth.as_str()),
            }));
        }
        if request.user.is_empty() && auth != AuthChoice::External {
            return Err(UsageError::argument("user name must not be empty"));
        }
        check_text("user name", request.user.as_bytes())?;
        check_text("identity to act for", request.authzid.as_bytes())?;
        for (what, secret) in [("password", &request.password), ("token", &request.token)] {
            // A line that is too long is an error of the login; what could
            // end a line is refused now.
            if let Some(secret) = secret {
                super::command::check_secret(what, secret.expose())?;
            }
        }
        let printable = |octet: u8| octet.is_ascii_graphic() && octet != b',';
        if !request.nonce.bytes().all(printable) {
            return Err(UsageError::argument(
                "nonce must be printable ASCII without a comma",
            ));
        }
        if (auth.is_scram() || auth == AuthChoice::CramMd5) && !cfg!(feature = "hmac") {
            return Err(UsageError::argument(
                "SCRAM and CRAM-MD5 are not in this build: they are in the one with the feature \
                 hmac, in JavaScript in popmail-wasm/extra",
            ));
        }
        if auth.is_scram() && request.nonce.is_empty() {
            return Err(UsageError::argument("SCRAM needs a random nonce"));
        }
        Ok(Self {
            handle,
            request,
            methods: VecDeque::new(),
            method: None,
            refusals: Vec::new(),
            refused: None,
            asked_for_utf8: false,
            without_capa: false,
            succeeded: false,
        })
    }

    pub(crate) fn handle(&self) -> Handle {
        self.handle
    }

    /// True if the mechanism that was asked for would show the secret to
    /// whoever reads along.
    pub(crate) fn shows_the_secret(&self) -> bool {
        self.request.auth.shows_the_secret()
    }

    /// The greeting has come, or TLS has begun: what to send first.
    pub(crate) fn begin(&mut self, view: View<'_>) -> Action {
        if self.without_capa {
            self.after_capabilities(view)
        } else {
            Action::Send(Command::Capa)
        }
    }

    /// True until a mechanism is chosen by what CAPA says.
    pub(crate) fn relies_on_capa(&self) -> bool {
        self.method.is_none() && !self.without_capa
    }

    /// CAPA is not to be sent any more.
    pub(crate) fn go_without_capa(&mut self) {
        self.without_capa = true;
    }

    /// Once, when a login has succeeded: the server's refusal of the same name
    /// and secret with a mechanism that it offers.
    pub(crate) fn refused_mechanism(&mut self) -> Option<Vec<u8>> {
        self.refused.take_if(|_| self.succeeded)
    }

    /// One of the plan's commands was answered.
    /// `detail` is what a SASL exchange knows of its failure.
    pub(crate) fn answered(
        &mut self,
        verb: Verb,
        reply: &Reply,
        detail: Option<&str>,
        view: View<'_>,
    ) -> Action {
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
            Verb::Utf8 => self.choose_methods(view),
            // Not together with USER: a server that sends the two answers apart
            // waits for the acknowledgement of the first, which takes longer
            // than the round trip.
            Verb::User if accepted => match &self.request.password {
                Some(password) => Action::Send(Command::Pass(password.clone())),
                None => Action::Fail(Error::new(ErrorCode::Internal, "USER without a password")),
            },
            _ if accepted => {
                self.succeeded = true;
                if self.without_capa {
                    Action::Finish
                } else {
                    Action::Send(Command::Capa)
                }
            }
            _ => self.refused(reply, detail, view),
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
        let secret = self.request.password.as_ref().map(Secret::expose);
        let ascii = self.request.user.is_ascii() && secret.is_none_or(|octets| octets.is_ascii());
        let wanted = self.request.utf8 || !ascii;
        if wanted && !self.asked_for_utf8 && view.capabilities.is_some_and(|all| all.has("UTF8")) {
            // Names and passwords beyond ASCII (RFC 6856 section 2).
            self.asked_for_utf8 = true;
            return Action::Send(Command::Utf8);
        }
        self.choose_methods(view)
    }

    fn choose_methods(&mut self, view: View<'_>) -> Action {
        if self.request.auth != AuthChoice::Auto {
            self.methods = [self.request.auth].into();
            return self.try_next(view);
        }
        let offered = |name: &str| view.capabilities.is_some_and(|all| all.has_mechanism(name));
        let may_show = view.secure || view.allow_cleartext;
        let mut methods = VecDeque::new();
        if self.request.token.is_some() {
            // XOAUTH2 works where it is not named.
            if may_show {
                methods.push_back(if offered("OAUTHBEARER") {
                    AuthChoice::OAuthBearer
                } else {
                    AuthChoice::XOAuth2
                });
            }
        } else if let Some(scram) = self.strongest_scram(view) {
            methods.push_back(scram);
        } else if may_show {
            if offered("PLAIN") {
                methods.push_back(AuthChoice::Plain);
            }
            if view.capabilities.is_none_or(|all| all.has("USER")) {
                methods.push_back(AuthChoice::UserPass);
            }
            if offered("LOGIN") {
                methods.push_back(AuthChoice::Login);
            }
            if methods.is_empty() {
                // Servers that name none of these take USER all the same.
                methods.push_back(AuthChoice::UserPass);
            }
        }
        if methods.is_empty() {
            return Action::Fail(Error::new(
                ErrorCode::InsecureCleartext,
                if cfg!(feature = "hmac") {
                    "the secret would cross the network without TLS, and the server offers no \
                     SCRAM: use TLS or STLS, or allow it with allow_cleartext"
                } else {
                    "the secret would cross the network without TLS, and this build has no SCRAM: \
                     use TLS or STLS, popmail-wasm/extra, or allow it with allow_cleartext"
                },
            ));
        }
        self.methods = methods;
        self.try_next(view)
    }

    /// One that is tied to the channel before one that is not.
    fn strongest_scram(&self, view: View<'_>) -> Option<AuthChoice> {
        let capabilities = view.capabilities.filter(|_| cfg!(feature = "hmac"))?;
        let bound = self.request.channel_binding.is_some() || !view.bindings.is_empty();
        [
            (bound, "SCRAM-SHA-256-PLUS", AuthChoice::ScramSha256),
            (bound, "SCRAM-SHA-1-PLUS", AuthChoice::ScramSha1),
            (true, "SCRAM-SHA-256", AuthChoice::ScramSha256),
            (true, "SCRAM-SHA-1", AuthChoice::ScramSha1),
        ]
        .into_iter()
        .find_map(|(possible, name, choice)| {
            (possible && capabilities.has_mechanism(name)).then_some(choice)
        })
        .filter(|_| !self.request.nonce.is_empty())
    }

    fn try_next(&mut self, view: View<'_>) -> Action {
        let Some(method) = self.methods.pop_front() else {
            return Action::Fail(Error::new(
                ErrorCode::Authentication,
                format!(
                    "the server refused the login of {}: tried {}",
                    self.request.user,
                    self.refusals.join(", then ")
                ),
            ));
        };
        self.method = Some(method);
        match self.mechanism(method, view) {
            Ok(action) => action,
            Err(error) => Action::Fail(error),
        }
    }

    fn mechanism(&self, method: AuthChoice, view: View<'_>) -> Result<Action, Error> {
        let request = &self.request;
        let password = request.password.clone().unwrap_or_default();
        let token = request.token.clone().unwrap_or_default();
        let user = &request.user;
        let mechanism: Box<dyn Mechanism> = match method {
            AuthChoice::Auto | AuthChoice::UserPass => {
                return Ok(Action::Send(Command::User(user.clone())));
            }
            AuthChoice::Apop => {
                let stamp = view.stamp.ok_or_else(|| no_stamp(view.security))?;
                return Ok(Action::Send(Command::Apop {
                    user: prepare::name(user).into_owned(),
                    digest: stamp.digest(prepare::password(password).expose()),
                }));
            }
            AuthChoice::Plain => Box::new(Plain::new(&request.authzid, user, password.expose())?),
            AuthChoice::Login => Box::new(SaslLogin::new(user, password)),
            AuthChoice::CramMd5 | AuthChoice::ScramSha1 | AuthChoice::ScramSha256
                if !cfg!(feature = "hmac") =>
            {
                return Err(Error::new(ErrorCode::Internal, "not in this build"));
            }
            AuthChoice::CramMd5 => Box::new(CramMd5::new(user, password)),
            AuthChoice::ScramSha1 | AuthChoice::ScramSha256 => {
                let (hash, plus) = match method {
                    AuthChoice::ScramSha1 => (Hash::Sha1, "SCRAM-SHA-1-PLUS"),
                    _ => (Hash::Sha256, "SCRAM-SHA-256-PLUS"),
                };
                Box::new(Scram::new(
                    hash,
                    user,
                    password,
                    &request.authzid,
                    &request.nonce,
                    self.binding(plus, view),
                ))
            }
            AuthChoice::OAuthBearer => Box::new(Bearer::oauthbearer(user, token)),
            AuthChoice::XOAuth2 => Box::new(Bearer::xoauth2(user, token)),
            AuthChoice::External => Box::new(External::new(&request.authzid)),
        };
        Ok(Action::Exchange(mechanism))
    }

    /// What ties SCRAM to the channel, if the server offers to check it.
    fn binding(&self, plus: &str, view: View<'_>) -> Binding {
        let given = &self.request.channel_binding;
        let Some(strongest) = given.as_ref().or(ChannelBinding::strongest(view.bindings)) else {
            return Binding::None;
        };
        match view.capabilities {
            Some(all) if all.has_mechanism(plus) => Binding::Used(strongest.clone()),
            // A server that does offer it sees that someone took it away.
            Some(_) => Binding::NotOffered,
            None => Binding::None,
        }
    }

    /// Sends the first SASL message with AUTH?
    pub(crate) fn initial_response(&self) -> bool {
        self.request.initial_response
    }

    fn refused(&mut self, reply: &Reply, detail: Option<&str>, view: View<'_>) -> Action {
        let name = self.method.unwrap_or_default().as_str();
        self.refused.get_or_insert_with(|| reply.line().to_vec());
        self.refusals.push(match detail {
            Some(detail) => format!("{name} ({reply}: {})", escaped(detail.as_bytes())),
            None => format!("{name} ({reply})"),
        });
        // A server that says nothing may have refused the mechanism; any
        // code says that a second try is in vain.
        if reply.verdict() != Verdict::Unknown {
            self.methods.clear();
        }
        match self.try_next(view) {
            Action::Fail(error) if error.reply().is_none() => Action::Fail(
                error
                    .with_reply(reply.clone())
                    .with_detail(detail.map(str::to_owned)),
            ),
            action => action,
        }
    }
}

fn no_stamp(security: Security) -> Error {
    Error::new(
        ErrorCode::MechanismUnavailable,
        if security == Security::StartTls {
            "APOP cannot follow STLS: its stamp came before TLS and counts no more"
        } else {
            "APOP needs a stamp <…@…> in the server's greeting, found none"
        },
    )
}
