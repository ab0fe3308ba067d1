//! Which command does what, and the transaction state.
//!
//! The rule guarded here: deletion marks take effect at QUIT and nowhere
//! else.
//!
//! RFC 1939 sections 5 to 7, 2449 sections 5 and 6.

use super::content::Content;
use super::input::Line;
use super::{ServerConnection, Work, answer};
use crate::pop3::command::{Command, SyntaxError, Verb};
use crate::pop3::event::{CloseReason, ServerEvent};
use crate::pop3::state::{State, Trigger, after, allows};

impl ServerConnection {
    pub(super) fn handle_line(&mut self, line: Line) {
        let is_response = std::mem::take(&mut self.awaits_sasl_response);
        match line {
            Line::TooLong => self.bad_command("line is too long"),
            Line::Complete(line) if is_response => self.handle_sasl_response(line.expose()),
            Line::Complete(line) => match Command::parse(line.expose()) {
                // RFC 6856 is not offered, in no state.
                Ok(Command::Utf8 | Command::Lang(_)) => self.bad_command(UNKNOWN_COMMAND),
                Ok(command) if allows(self.state, command.verb()) => self.handle_command(command),
                Ok(_) if self.state == State::Authorization => self.bad_command("log in first"),
                Ok(_) => self.bad_command("not after the login"),
                Err(SyntaxError::UnknownCommand) => self.bad_command(UNKNOWN_COMMAND),
                Err(SyntaxError::BadArguments(verb)) => {
                    self.bad_command(&format!("bad arguments for {}", verb.as_str()));
                }
            },
        }
    }

    fn handle_command(&mut self, command: Command) {
        match command {
            Command::Capa => self.handle_capa(),
            Command::Stls => self.handle_stls(),
            Command::User(user) => self.handle_user(user),
            Command::Pass(password) => self.handle_pass(password),
            Command::Apop { user, digest } => self.handle_apop(user, digest),
            Command::Auth {
                mechanism,
                initial_response,
            } => self.handle_auth(mechanism.as_deref(), initial_response),
            Command::Stat => {
                let stat = self.maildrop.stat();
                self.ok(&format!("{} {}", stat.count, stat.octets));
            }
            Command::List(None) => self.begin_listing(Verb::List),
            Command::Uidl(None) => self.begin_listing(Verb::Uidl),
            Command::List(Some(number)) => match self.maildrop.get(number) {
                Some(entry) => self.ok(&format!("{number} {}", entry.octets)),
                None => self.err(answer::NO_SUCH_MESSAGE),
            },
            Command::Uidl(Some(number)) => match self.maildrop.get(number) {
                Some(entry) => self.ok(&format!("{number} {}", entry.uid)),
                None => self.err(answer::NO_SUCH_MESSAGE),
            },
            Command::Retr(number) => self.retrieve(number, None),
            Command::Top { number, lines } => self.retrieve(number, Some(lines)),
            Command::Dele(number) => {
                if self.maildrop.delete(number) {
                    self.ok("marked as deleted");
                } else {
                    self.err(answer::NO_SUCH_MESSAGE);
                }
            }
            Command::Rset => {
                self.maildrop.reset();
                self.ok(&answer::messages(self.maildrop.stat().count));
            }
            Command::Noop => self.ok(""),
            Command::Utf8 | Command::Lang(_) => self.bad_command(UNKNOWN_COMMAND),
            Command::Quit => self.handle_quit(),
        }
    }

    /// USER and SASL are told in both states (RFC 2449 section 5), STLS only
    /// where it can be used (RFC 2595 section 4), the implementation only to
    /// those who logged in.
    fn handle_capa(&mut self) {
        self.ok("");
        let password = self.takes_passwords();
        let implementation = self
            .config
            .implementation
            .as_deref()
            .filter(|_| self.state == State::Transaction)
            .map(|text| format!("IMPLEMENTATION {}", answer::printable(text, 400)));
        let lines = [
            Some("TOP"),
            Some("UIDL"),
            Some("RESP-CODES"),
            Some("AUTH-RESP-CODE"),
            Some("PIPELINING"),
            password.then_some("USER"),
            password.then_some("SASL PLAIN"),
            self.offers_stls().then_some("STLS"),
            implementation.as_deref(),
        ];
        for line in lines.into_iter().flatten() {
            self.output.extend_from_slice(line.as_bytes());
            self.output.extend_from_slice(b"\r\n");
        }
        self.output.extend_from_slice(b".\r\n");
    }

    fn begin_listing(&mut self, verb: Verb) {
        self.ok(&answer::messages(self.maildrop.stat().count));
        self.work = Work::Listing { verb, next: 1 };
    }

    /// Adds lines of LIST or UIDL while there is room for them.
    pub(super) fn continue_listing(&mut self, verb: Verb, mut next: u32) {
        while self.output.len() < self.config.limits.waiting_output {
            let Some((number, entry)) = self.maildrop.next_from(next) else {
                self.output.extend_from_slice(b".\r\n");
                self.work = Work::None;
                return;
            };
            let line = if verb == Verb::List {
                format!("{number} {}\r\n", entry.octets)
            } else {
                format!("{number} {}\r\n", entry.uid)
            };
            self.output.extend_from_slice(line.as_bytes());
            next = number.saturating_add(1);
        }
        self.work = Work::Listing { verb, next };
    }

    fn retrieve(&mut self, number: u32, lines: Option<u64>) {
        let Some(entry) = self.maildrop.get(number) else {
            self.err(answer::NO_SUCH_MESSAGE);
            return;
        };
        self.work = Work::Retrieve(match lines {
            None => Content::whole(entry.octets),
            Some(lines) => Content::top(lines),
        });
        self.events
            .push_back(ServerEvent::Retrieve { number, lines });
    }

    fn handle_quit(&mut self) {
        let deleted = self.maildrop.deleted();
        self.state = after(self.state, Trigger::Quit);
        if deleted.is_empty() {
            self.ok(answer::BYE);
            self.close(CloseReason::Quit);
        } else {
            self.work = Work::Commit;
            self.events.push_back(ServerEvent::Commit { deleted });
        }
    }

    /// Answers what is no command here; the last one that is forgiven ends
    /// the connection.
    pub(super) fn bad_command(&mut self, text: &str) {
        self.bad_commands = self.bad_commands.saturating_add(1);
        let most = if self.state == State::Authorization {
            self.config.limits.bad_commands_before_login
        } else {
            self.config.limits.bad_commands
        };
        if self.bad_commands >= most {
            self.err(answer::TOO_MANY_BAD_COMMANDS);
            self.close(CloseReason::BadCommands);
        } else {
            self.err(text);
        }
    }
}

const UNKNOWN_COMMAND: &str = "unknown command";
