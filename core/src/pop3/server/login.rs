//! The authorization state: STLS, and the ways to say who one is.
//!
//! The rules guarded here: a password on a channel without TLS is refused
//! before it is asked for, and USER never tells whether a name exists.
//!
//! RFC 1939 sections 4 and 7, 2595 section 4, 3206 section 4, 5034.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::clock::Timer;
use super::{Refusal, ServerConnection, Work, answer};
use crate::pop3::auth::plain;
use crate::pop3::event::{CloseReason, Credentials, ServerEvent};
use crate::pop3::login::Security;
use crate::pop3::state::{Channel, State};
use crate::secret::Secret;

impl ServerConnection {
    /// True if passwords may cross this channel.
    pub(super) fn takes_passwords(&self) -> bool {
        self.channel == Channel::Secure || self.config.allow_cleartext
    }

    /// True if STLS would be accepted now.
    pub(super) fn offers_stls(&self) -> bool {
        self.state == State::Authorization
            && self.channel == Channel::Clear
            && self.config.tls == Security::StartTls
    }

    pub(super) fn handle_stls(&mut self) {
        if !self.offers_stls() {
            self.bad_command("TLS cannot begin here");
            return;
        }
        if !self.input.is_empty() {
            self.refuse_stls_residue();
            return;
        }
        self.named = None;
        self.ok("begin TLS");
        self.channel = Channel::Handshake;
        self.events.push_back(ServerEvent::TlsReady);
    }

    pub(super) fn refuse_stls_residue(&mut self) {
        self.err(answer::NOT_BETWEEN_STLS_AND_TLS);
        self.close(CloseReason::StlsInjection);
    }

    pub(super) fn handle_user(&mut self, user: String) {
        if !self.takes_passwords() {
            self.bad_command(answer::PASSWORDS_NEED_TLS);
            return;
        }
        self.named = Some(user);
        self.ok("");
    }

    pub(super) fn handle_pass(&mut self, password: Secret<Vec<u8>>) {
        if !self.takes_passwords() {
            self.bad_command(answer::PASSWORDS_NEED_TLS);
            return;
        }
        match self.named.take() {
            Some(user) => self.ask_host(Credentials::Password { user, password }),
            None => self.bad_command("USER comes first"),
        }
    }

    pub(super) fn handle_apop(&mut self, user: String, digest: String) {
        if self.config.apop_stamp.is_none() {
            self.bad_command("APOP is not offered");
            return;
        }
        self.ask_host(Credentials::Apop { user, digest });
    }

    pub(super) fn handle_auth(
        &mut self,
        mechanism: Option<&str>,
        initial_response: Option<Secret<Vec<u8>>>,
    ) {
        match mechanism {
            None => {
                self.ok("");
                if self.takes_passwords() {
                    self.output.extend_from_slice(b"PLAIN\r\n");
                }
                self.output.extend_from_slice(b".\r\n");
            }
            Some("PLAIN") if !self.takes_passwords() => {
                self.bad_command(answer::PASSWORDS_NEED_TLS);
            }
            Some("PLAIN") => match initial_response {
                Some(response) => self.handle_plain(response.expose()),
                None => {
                    self.awaits_sasl_response = true;
                    // The space belongs to an empty challenge (RFC 5034 section 4).
                    self.output.extend_from_slice(b"+ \r\n");
                }
            },
            Some(_) => self.bad_command("this mechanism is not offered"),
        }
    }

    /// The line after the challenge.
    pub(super) fn handle_sasl_response(&mut self, line: &[u8]) {
        if line == b"*" {
            self.err("authentication was cancelled");
            return;
        }
        match BASE64.decode(line.trim_ascii()).map(Secret::new) {
            Ok(message) => self.handle_plain(message.expose()),
            Err(_) => self.bad_command("the response is no base64"),
        }
    }

    fn handle_plain(&mut self, message: &[u8]) {
        match plain::parse(message) {
            Some((identity, user, password)) if identity.is_empty() || identity == user => {
                self.ask_host(Credentials::Password { user, password });
            }
            // Acting for another user is not offered.
            Some(_) => self.bad_command(Refusal::BadCredentials.reply()),
            None => self.bad_command("[AUTH] malformed PLAIN message"),
        }
    }

    fn ask_host(&mut self, credentials: Credentials) {
        self.named = None;
        self.work = Work::Authenticate {
            user: credentials.user().to_owned(),
        };
        self.events
            .push_back(ServerEvent::Authenticate { credentials });
    }

    pub(super) fn hold_back_failed_login(&mut self, user: String) {
        self.failed_logins = self.failed_logins.saturating_add(1);
        self.events.push_back(ServerEvent::LoginFailed { user });
        if self.config.limits.failed_login_delay.is_zero() {
            self.answer_failed_login();
        } else {
            self.work = Work::HeldBack(Timer::default());
        }
    }

    pub(super) fn answer_failed_login(&mut self) {
        self.work = Work::None;
        self.idle.restart();
        self.err(Refusal::BadCredentials.reply());
        if self.failed_logins >= self.config.limits.failed_logins {
            self.close(CloseReason::FailedLogins);
        }
    }
}
