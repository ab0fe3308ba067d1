//! From the queue to the output: what may be sent, and when.
//!
//! The rule guarded here: no more octets of commands are without an answer
//! than any transport holds (RFC 2449 section 6.6), and nothing is sent
//! together with a command whose answer decides who speaks next.

use super::*;

impl ClientConnection {
    pub(super) fn command(&mut self, command: Command) -> Result<Handle, UsageError> {
        self.command_with_mode(command, ContentMode::Buffer)
    }

    pub(super) fn command_with_mode(
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

    pub(super) fn enqueue(
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
                    Command::Retr(number) => Some(number),
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

    pub(super) fn enqueue_exchange(
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

    pub(super) fn check_allowed(&self, verb: Verb) -> Result<(), UsageError> {
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

    pub(super) fn check_cleartext(&self) -> Result<(), UsageError> {
        if self.channel == Channel::Secure || self.config.allow_cleartext {
            return Ok(());
        }
        Err(UsageError::new(
            ErrorCode::InsecureCleartext,
            "the password would cross the network without TLS: use TLS or STLS, \
             or allow it with allow_cleartext",
        ))
    }

    pub(super) fn new_handle(&mut self) -> Handle {
        self.handles += 1;
        Handle(self.handles)
    }

    /// Moves commands from the queue to the output as the window allows.
    pub(super) fn pump(&mut self) {
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
        // Refilled when a quarter of it is answered: commands leave in few
        // large packets, and enough stay under way for a slow link.
        if pipelining && self.sent.len() > window_commands - window_commands / 4 {
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
}

/// Commands that nothing may be pipelined with: their answer decides who
/// speaks next, and how.
fn is_barrier(verb: Verb) -> bool {
    matches!(verb, Verb::Stls | Verb::Auth)
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
