//! Status lines paired with their commands, SASL exchanges, and the login plan.

use super::*;

impl ClientConnection {
    pub(super) fn receive_status(&mut self, line: &[u8], bare_lf: bool) {
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
        // Challenges may be longer (RFC 5034 section 4).
        let challenge = reply.status() == Status::Continue;
        if !challenge && line.len() + 2 > LINE_OCTETS && !self.deviates(Deviation::LongLine, line) {
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

    pub(super) fn receive_greeting(&mut self, reply: Reply) {
        match reply.status() {
            Status::Ok => {
                self.stamp = Stamp::find(reply.line());
                if self.stamp.is_none()
                    && has_brackets(reply.line())
                    && !self.deviates(Deviation::OddStamp, reply.line())
                {
                    return;
                }
                self.state = state::after(self.state, Trigger::Greeted);
                self.reported.clear();
                self.events
                    .push_back(ClientEvent::GreetingReceived { reply });
                self.begin_login();
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
    pub(super) fn receive_unsolicited(&mut self, reply: Reply) {
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

    pub(super) fn receive_challenge(&mut self, reply: &Reply) {
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
        let bare = reply.line().get(1) != Some(&b' ');
        let challenge = base64::decode(reply.text());
        let (response, odd) = match sasl.first.take() {
            // The challenge that asks for the first message is empty, but
            // some servers write a prompt.
            Some(first) => (Ok(first), !reply.text().is_empty()),
            None => match challenge {
                Some(challenge) => (sasl.mechanism.respond(&challenge), false),
                None => (Err("the challenge is no base64".to_owned()), false),
            },
        };
        match response {
            Ok(response) => {
                let encoded = Secret::new(base64::encode(response.expose()));
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
        if odd && !self.deviates(Deviation::OddChallenge, reply.line()) {
            return;
        }
        // `+OK` in its place is a deviation of its own.
        if bare && reply.status() == Status::Continue {
            self.deviates(Deviation::MissingSpace, reply.line());
        }
    }

    pub(super) fn receive_refusal(&mut self, reply: Reply) {
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

    pub(super) fn receive_acceptance(&mut self, verb: Verb, reply: Reply, bare_lf: bool) {
        let number = self.sent.front().and_then(|exchange| exchange.number);
        match verb {
            Verb::Capa => self.collect(reply, Listing::Capabilities(Capabilities::default())),
            Verb::Lang if self.sent.front().is_some_and(|lang| lang.lists) => {
                self.collect(reply, Listing::Languages(Vec::new()));
            }
            Verb::List if number.is_none() => self.collect(reply, Listing::Sizes(Vec::new())),
            Verb::Uidl if number.is_none() => {
                self.collect(reply, Listing::Uids(UidlEntries::default()));
            }
            Verb::Retr | Verb::Top => {
                self.reading = Reading::Content(Content {
                    unstuffer: Unstuffer::new(bare_lf),
                    reply,
                    octets: 0,
                    head: Vec::new(),
                    buffer: std::mem::take(&mut self.spare),
                });
            }
            _ => self.finish_acceptance(verb, number, reply),
        }
    }

    pub(super) fn collect(&mut self, reply: Reply, listing: Listing) {
        if self.is_unnamed() && !self.deviates(Deviation::UnnamedCapability, reply.line()) {
            return;
        }
        self.reading = Reading::Listing { reply, listing };
    }

    /// The commands whose `+OK` line is the whole answer.
    pub(super) fn finish_acceptance(&mut self, verb: Verb, number: Option<u32>, reply: Reply) {
        let Some(exchange) = self.sent.front() else {
            return self.fail(internal("an answer without a command"));
        };
        let handle = exchange.handle;
        let by_login = exchange.by_login;
        if self.is_unnamed() && !self.deviates(Deviation::UnnamedCapability, reply.line()) {
            return;
        }
        let event = match verb {
            Verb::Stat => listing::stat(reply.text())
                .map(|(stat, deviation)| (ClientEvent::StatReceived { handle, stat }, deviation)),
            Verb::List => listing::size_of(reply.text(), number).map(|(entry, deviation)| {
                let entries = vec![entry].into();
                (ClientEvent::ListReceived { handle, entries }, deviation)
            }),
            Verb::Uidl => listing::uid_of(reply.text(), number).map(|(entries, deviation)| {
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
                self.bindings.clear();
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
    pub(super) fn finish_exchange(&mut self) -> Option<Exchange> {
        self.reading = Reading::Status;
        self.reported.clear();
        let exchange = self.sent.pop_front()?;
        self.sent_octets = self.sent_octets.saturating_sub(exchange.octets);
        Some(exchange)
    }

    // The login plan.

    pub(super) fn login_answered(&mut self, exchange: &Exchange, reply: &Reply) {
        let Some(mut plan) = self.login.take() else {
            return self.fail(internal("a login's answer without a login"));
        };
        let action = plan.answered(exchange.verb, reply, exchange.detail(), self.view());
        let refused = plan.refused_mechanism();
        self.login = Some(plan);
        if let Some(line) = refused
            && !self.deviates(Deviation::RefusedMechanism, &line)
        {
            return;
        }
        self.act(action);
    }

    /// Takes the first step of a login after the greeting, or after TLS.
    pub(super) fn begin_login(&mut self) {
        if let Some(mut plan) = self.login.take() {
            let action = plan.begin(self.view());
            self.login = Some(plan);
            self.act(action);
        }
    }

    fn view(&self) -> View<'_> {
        View {
            secure: self.channel == Channel::Secure,
            security: self.config.security,
            allow_cleartext: self.config.allow_cleartext,
            capabilities: self.capabilities.as_ref(),
            stamp: self.stamp.as_ref(),
            bindings: &self.bindings,
        }
    }

    /// True if the server takes a command, or a mechanism, that its CAPA does
    /// not name.
    pub(super) fn is_unnamed(&self) -> bool {
        let (Some(capabilities), Some(exchange)) = (&self.capabilities, self.sent.front()) else {
            return false;
        };
        match (exchange.verb, &exchange.sasl) {
            (Verb::Auth, Some(sasl)) => !capabilities.has_mechanism(sasl.mechanism.name()),
            (Verb::Uidl | Verb::Top | Verb::Utf8 | Verb::Lang, _) => {
                !capabilities.has(exchange.verb.as_str())
            }
            _ => false,
        }
    }

    pub(super) fn act(&mut self, action: Action) {
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
}

/// Angle brackets around something, as a stamp has them.
fn has_brackets(greeting: &[u8]) -> bool {
    let open = greeting.iter().position(|octet| *octet == b'<');
    let close = greeting.iter().rposition(|octet| *octet == b'>');
    open.zip(close).is_some_and(|(open, close)| open < close)
}

/// Octets of a status line with its CRLF: 512 (RFC 1939 section 3).
const LINE_OCTETS: usize = 512;
