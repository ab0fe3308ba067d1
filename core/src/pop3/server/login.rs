//! The authorization state: STLS, and the ways to say who one is.
//!
//! The rules guarded here: a password on a channel without TLS is refused
//! before it is asked for, USER never tells whether a name exists, and a
//! refused login is answered at the same moment whatever was wrong with it.
//!
//! RFC 1939 sections 4 and 7, 2595 section 4, 3206 section 4, 5034, 6856.

use std::net::IpAddr;
use std::time::Duration;

use super::clock::Timer;
use super::sasl::{Exchange, SaslMechanism, Step};
use super::{HeldAnswer, Refusal, ServerConnection, Work, answer};
use crate::error::UsageError;
use crate::pop3::auth::{ScramKeys, ServerScram, base64, seeded};
use crate::pop3::event::{CloseReason, Credentials, ServerEvent};
use crate::pop3::login::Security;
use crate::pop3::state::{Channel, State};
use crate::secret::Secret;

impl ServerConnection {
    /// True if passwords may cross this channel.
    pub(super) fn takes_passwords(&self) -> bool {
        self.channel == Channel::Secure || self.config.allow_cleartext
    }

    /// The mechanisms that a client may use now.
    pub(super) fn offered(&self) -> impl Iterator<Item = SaslMechanism> {
        let seeded = self.config.seed.expose().len() >= SEED_LEAST;
        let passwords = self.takes_passwords();
        self.config
            .mechanisms
            .iter()
            .copied()
            .filter(move |one| (passwords || !one.shows_secret()) && (seeded || !one.needs_seed()))
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
        self.utf8 = false;
        self.ok("begin TLS");
        self.output
            .extend_from_slice(&self.config.faults.stls_residue);
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
            Some(user) => self.ask_host(Credentials::Password { user, password }, None),
            None => self.bad_command("USER comes first"),
        }
    }

    pub(super) fn handle_apop(&mut self, user: String, digest: String) {
        match self.config.apop_stamp.clone() {
            None => self.bad_command("APOP is not offered"),
            Some(stamp) => {
                let credentials = Credentials::Apop {
                    user,
                    digest,
                    stamp,
                };
                self.ask_host(credentials, None);
            }
        }
    }

    pub(super) fn handle_auth(
        &mut self,
        mechanism: Option<&str>,
        initial_response: Option<Secret<Vec<u8>>>,
    ) {
        let Some(name) = mechanism else {
            self.ok("");
            let names: Vec<SaslMechanism> = self.offered().collect();
            for name in names {
                self.output.extend_from_slice(name.as_str().as_bytes());
                self.output.extend_from_slice(b"\r\n");
            }
            self.output.extend_from_slice(b".\r\n");
            return;
        };
        let Some(mechanism) = self.offered().find(|one| one.as_str() == name) else {
            let known = self.config.mechanisms.iter();
            let needs_tls = known
                .clone()
                .any(|one| one.as_str() == name && one.shows_secret());
            self.bad_command(if needs_tls {
                answer::PASSWORDS_NEED_TLS
            } else {
                "this mechanism is not offered"
            });
            return;
        };
        self.mechanism = Some(mechanism);
        let exchange = Exchange::begin(mechanism, || {
            let random = seeded(self.config.seed.expose(), b"CRAM-MD5", self.next_exchange);
            format!("<{random}@popmail>")
        });
        self.next_exchange = self.next_exchange.wrapping_add(1);
        match initial_response {
            Some(response) if exchange.takes_initial_response() => {
                self.take_step(exchange.respond(response.expose()));
            }
            Some(_) => self.bad_command("this mechanism takes no initial response"),
            None => {
                let challenge = exchange.first_challenge().to_owned();
                self.challenge(&challenge, exchange);
            }
        }
    }

    fn challenge(&mut self, challenge: &str, exchange: Exchange) {
        let status = if self.config.faults.ok_for_challenge {
            "+OK "
        } else {
            // The space belongs to an empty challenge (RFC 5034 section 4).
            "+ "
        };
        let line = format!("{status}{}\r\n", base64::encode(challenge));
        self.output.extend_from_slice(line.as_bytes());
        self.exchange = Some(exchange);
    }

    /// The line after a challenge.
    pub(super) fn handle_sasl_response(&mut self, exchange: Exchange, line: &[u8]) {
        if line == b"*" {
            self.err("authentication was cancelled");
            return;
        }
        match base64::decode(line.trim_ascii()).map(Secret::new) {
            Some(message) => self.take_step(exchange.respond(message.expose())),
            None => self.bad_command("the response is no base64"),
        }
    }

    fn take_step(&mut self, step: Step) {
        match step {
            Step::Challenge(challenge, exchange) => self.challenge(&challenge, exchange),
            Step::Verify(credentials) => self.ask_host(credentials, self.mechanism),
            Step::WantKeys(first) => {
                let salt = self.salt(&first.user);
                self.events.push_back(ServerEvent::KeysWanted {
                    user: first.user.clone(),
                    salt,
                    iterations: SCRAM_ITERATIONS,
                });
                self.login_timer = Timer::default();
                self.work = Work::Keys(first);
            }
            Step::Accept { user } => {
                self.events
                    .push_back(ServerEvent::OpenMaildrop { user: user.clone() });
                self.work = Work::OpenMaildrop { user };
            }
            Step::Refuse { user } => {
                self.login_timer = Timer::default();
                self.hold_back_failed_login(user, HeldAnswer::FailedLogin);
            }
            Step::RefuseToken => self.answer_failed_login(),
            Step::Malformed => self.bad_command(&format!(
                "[AUTH] malformed {} message",
                self.mechanism.map_or("SASL", SaslMechanism::as_str)
            )),
        }
    }

    /// Answers [`ServerEvent::KeysWanted`]: the keys of that user, or `None`
    /// if there is no such one, which the client learns after its proof.
    ///
    /// # Errors
    ///
    /// [`UsageError`] if no keys are asked for.
    pub fn provide_keys(&mut self, keys: Option<ScramKeys>) -> Result<(), UsageError> {
        let first = match std::mem::replace(&mut self.work, Work::None) {
            Work::Keys(first) => first,
            other => {
                self.work = other;
                return Err(self.wrong_moment("provide_keys", "KeysWanted"));
            }
        };
        let seed = self.config.seed.expose();
        let keys = keys.unwrap_or_else(|| {
            let random = seeded(seed, b"nobody", self.next_exchange);
            ScramKeys::of_nobody(&self.salt(&first.user), SCRAM_ITERATIONS, random.as_bytes())
        });
        let nonce = seeded(seed, b"SCRAM", self.next_exchange);
        self.next_exchange = self.next_exchange.wrapping_add(1);
        let scram = ServerScram::new(first, keys, &nonce);
        let challenge = scram.server_first().to_owned();
        self.idle.restart();
        self.challenge(&challenge, Exchange::ScramFinal(scram));
        self.advance();
        Ok(())
    }

    /// The salt of a name, the same in every session of this server.
    fn salt(&self, user: &str) -> Vec<u8> {
        let key = match self.config.salt_key.expose().as_slice() {
            [] => self.config.seed.expose(),
            key => key,
        };
        let mut salt = crate::pop3::auth::hmac(key, user.as_bytes());
        salt.truncate(16);
        salt
    }

    fn ask_host(&mut self, credentials: Credentials, mechanism: Option<SaslMechanism>) {
        self.named = None;
        self.login_timer = Timer::default();
        self.work = Work::Authenticate {
            user: credentials.user().to_owned(),
            mechanism,
        };
        self.events
            .push_back(ServerEvent::Authenticate { credentials });
    }

    /// The host said no, or the proof was wrong. The answer is due so long
    /// after the question that the time of the check does not show.
    pub(super) fn hold_back_failed_login(&mut self, user: String, answer: HeldAnswer) {
        self.failed_logins = self.failed_logins.saturating_add(1);
        let count = self.failed_logins;
        let doubled = 1_u32 << count.saturating_sub(1).min(16);
        let delay = self
            .config
            .limits
            .failed_login_delay
            .saturating_mul(doubled)
            .saturating_add(self.penalty);
        self.events
            .push_back(ServerEvent::LoginFailed { user, count, delay });
        self.hold_back(self.login_timer, delay, answer);
    }

    pub(super) fn hold_back(&mut self, timer: Timer, delay: Duration, answer: HeldAnswer) {
        if delay.is_zero() {
            self.answer_held(answer);
        } else {
            self.work = Work::HeldBack {
                timer,
                delay,
                answer,
            };
        }
    }

    /// The time has come.
    pub(super) fn answer_held(&mut self, answer: HeldAnswer) {
        self.work = Work::None;
        self.idle.restart();
        match answer {
            HeldAnswer::FailedLogin => self.answer_failed_login(),
            HeldAnswer::FailedToken(mechanism) => {
                self.challenge(mechanism.oauth_error(), Exchange::TokenRefused);
            }
            HeldAnswer::BadCommand(text) => self.err(&text),
        }
    }

    fn answer_failed_login(&mut self) {
        self.err(Refusal::BadCredentials.reply());
        if self.failed_logins >= self.config.limits.failed_logins {
            self.close(CloseReason::FailedLogins);
        }
    }

    /// UTF8 after the login too: a client that insists gives up otherwise,
    /// and nothing that we send depends on the moment.
    pub(super) fn handle_utf8(&mut self) {
        self.utf8 = true;
        self.ok("UTF8 is on");
    }

    /// Our texts are English (RFC 6856 section 3).
    pub(super) fn handle_lang(&mut self, language: Option<&str>) {
        let Some(range) = language else {
            self.ok("languages follow");
            self.output.extend_from_slice(b"en English\r\n.\r\n");
            return;
        };
        let primary = range.split('-').next().unwrap_or_default();
        if range == "*"
            || primary.eq_ignore_ascii_case("en")
            || range.eq_ignore_ascii_case("i-default")
        {
            self.ok("en English it is");
        } else {
            self.err("this language is not offered");
        }
    }

    /// A proxy in front of us names the client; only one that the host trusts
    /// is offered XCLIENT.
    pub(super) fn handle_xclient(&mut self, fields: &str) {
        let field = |name: &str| {
            fields.split(' ').find_map(|field| {
                let (key, value) = field.split_once('=')?;
                key.eq_ignore_ascii_case(name).then_some(value)
            })
        };
        let address: Option<IpAddr> = field("ADDR").and_then(|value| value.parse().ok());
        let port = field("PORT").map(str::parse);
        match (address, port) {
            (Some(address), None) => self.forwarded(address, None),
            (Some(address), Some(Ok(port))) => self.forwarded(address, Some(port)),
            _ => self.bad_command("XCLIENT takes ADDR=address and PORT=number"),
        }
    }

    fn forwarded(&mut self, address: IpAddr, port: Option<u16>) {
        self.events
            .push_back(ServerEvent::ClientForwarded { address, port });
        self.ok("updated");
    }
}

/// Octets of a seed below which nothing is made from it.
const SEED_LEAST: usize = 16;

/// RFC 7677 section 4 asks for at least so many.
const SCRAM_ITERATIONS: u32 = 4_096;
