//! Which command does what, and the transaction state.
//!
//! The rule guarded here: deletion marks take effect at QUIT and nowhere
//! else.
//!
//! RFC 1939 sections 5 to 7, 2449 sections 5 and 6, 1460 (LAST).

use std::time::Duration;

use super::clock::Timer;
use super::content::Content;
use super::input::Line;
use super::{HeldAnswer, ServerConnection, Work, answer};
use crate::pop3::command::{Command, SyntaxError, Verb};
use crate::pop3::event::{CloseReason, ServerEvent};
use crate::pop3::state::{State, Trigger, after, allows};

impl ServerConnection {
    pub(super) fn handle_line(&mut self, line: Line) {
        let exchange = self.exchange.take();
        if self.config.trace {
            self.trace(&line, exchange.is_some());
        }
        if self.config.faults.blank_line && self.commands == 0 {
            self.output.extend_from_slice(b"\r\n");
        }
        self.commands = self.commands.saturating_add(1);
        if self.state == State::Authorization
            && self.commands > self.config.limits.commands_before_login
        {
            self.err(answer::TOO_MANY_COMMANDS);
            self.close(CloseReason::BadCommands);
            return;
        }
        match (line, exchange) {
            (Line::TooLong, _) => self.bad_command("line is too long"),
            (Line::Complete(line), Some(exchange)) => {
                self.handle_sasl_response(exchange, line.expose());
            }
            (Line::Complete(line), None) => match Command::parse(line.expose()) {
                Ok(command) if !self.offers(command.verb()) => self.bad_command(UNKNOWN_COMMAND),
                // Nobody is punished for asking: clients try it (RFC 1725 dropped it).
                Ok(Command::Last) if !self.config.last => self.err("LAST is not offered"),
                Ok(Command::Utf8) if self.state == State::Transaction => self.handle_utf8(),
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

    /// False for a command that this server does not have.
    fn offers(&self, verb: Verb) -> bool {
        let has = match verb {
            Verb::Utf8 => self.config.utf8,
            Verb::Lang => self.config.lang,
            Verb::Xclient => self.config.xclient,
            _ => true,
        };
        has && !self.config.faults.is_missing(verb.as_str())
    }

    /// Tells the line without what nobody may see: passwords, digests, SASL.
    fn trace(&mut self, line: &Line, is_response: bool) {
        let line = match line {
            Line::TooLong => "(a line that is too long)".to_owned(),
            Line::Complete(_) if is_response => "(a SASL response)".to_owned(),
            Line::Complete(line) => {
                let text = answer::printable(&String::from_utf8_lossy(line.expose()), 255);
                let mut words = text.split(' ');
                let verb = words.next().unwrap_or_default();
                let mut shown = verb.to_owned();
                let kept = match verb.to_ascii_uppercase().as_str() {
                    "PASS" => 0,
                    "APOP" | "AUTH" => 1,
                    _ => usize::MAX,
                };
                for word in words.by_ref().take(kept) {
                    shown.push(' ');
                    shown.push_str(word);
                }
                if words.next().is_some() {
                    shown.push_str(" (secret)");
                }
                shown
            }
        };
        self.events.push_back(ServerEvent::LineReceived { line });
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
                let sign = if self.config.faults.negative_stat {
                    "-"
                } else {
                    ""
                };
                self.ok(&format!("{} {sign}{}", stat.count, stat.octets));
            }
            Command::List(None) => self.begin_listing(Verb::List),
            Command::Uidl(None) => self.begin_listing(Verb::Uidl),
            Command::List(Some(number)) => match self.maildrop.get(number) {
                Some(entry) => self.ok(&format!("{number} {}", entry.octets)),
                None => self.err(answer::NO_SUCH_MESSAGE),
            },
            Command::Uidl(Some(number)) => match self.maildrop.get(number) {
                Some(entry) if self.config.faults.uidl_without_number => {
                    self.ok(&entry.uid.clone());
                }
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
                self.last = 0;
                self.ok(&answer::messages(self.maildrop.stat().count));
            }
            Command::Noop => self.ok(""),
            Command::Last => self.ok(&self.last.to_string()),
            Command::Utf8 => self.handle_utf8(),
            Command::Lang(language) => self.handle_lang(language.as_deref()),
            Command::Xclient(fields) => self.handle_xclient(&fields),
            Command::Quit => self.handle_quit(),
        }
    }

    /// USER and SASL are told in both states (RFC 2449 section 5), STLS only
    /// where it can be used (RFC 2595 section 4), the implementation only to
    /// those who logged in.
    fn handle_capa(&mut self) {
        self.ok("");
        let logged_in = self.state == State::Transaction;
        let config = &self.config;
        let mechanisms: Vec<&str> = self.offered().map(|one| one.as_str()).collect();
        let sasl = (!mechanisms.is_empty()).then(|| format!("SASL {}", mechanisms.join(" ")));
        let implementation = config
            .implementation
            .as_deref()
            .filter(|_| logged_in)
            .map(|text| format!("IMPLEMENTATION {}", answer::printable(text, 400)));
        // After the login the values are this user's own.
        let user = |per_user: bool| if per_user && !logged_in { " USER" } else { "" };
        let expire = config.expire.map(|expire| match expire.days {
            None => format!("EXPIRE NEVER{}", user(expire.per_user)),
            Some(days) => format!("EXPIRE {days}{}", user(expire.per_user)),
        });
        let login_delay = config
            .login_delay
            .map(|delay| format!("LOGIN-DELAY {}{}", delay.seconds, user(delay.per_user)));
        let lines = [
            Some("TOP"),
            Some("UIDL"),
            Some("RESP-CODES"),
            Some("AUTH-RESP-CODE"),
            Some("PIPELINING"),
            self.takes_passwords().then_some("USER"),
            sasl.as_deref(),
            self.offers_stls().then_some("STLS"),
            config.utf8.then_some("UTF8"),
            config.lang.then_some("LANG"),
            expire.as_deref(),
            login_delay.as_deref(),
            implementation.as_deref(),
        ];
        let told = lines.into_iter().flatten();
        let told = told.filter(|line| config.faults.is_told(line, logged_in));
        let mut text: String = told.flat_map(|line| [line, "\r\n"]).collect();
        text.push_str(".\r\n");
        self.output.extend_from_slice(text.as_bytes());
    }

    fn begin_listing(&mut self, verb: Verb) {
        self.ok(&answer::messages(self.maildrop.stat().count));
        self.work = Work::Listing { verb, next: 1 };
    }

    /// Adds lines of LIST or UIDL while there is room for them.
    pub(super) fn continue_listing(&mut self, verb: Verb, mut next: u32) {
        let blanks = " ".repeat(self.config.faults.extra_blanks);
        while self.output.len() < self.config.limits.waiting_output {
            let Some((number, entry)) = self.maildrop.next_from(next) else {
                self.output.extend_from_slice(b".\r\n");
                self.work = Work::None;
                return;
            };
            let line = if verb == Verb::List {
                format!("{number} {blanks}{}\r\n", entry.octets)
            } else {
                format!("{number} {blanks}{}\r\n", entry.uid)
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
        let content = match lines {
            None => Content::whole(entry.octets),
            Some(lines) => Content::top(lines),
        };
        self.work = Work::Retrieve(content.faulty(&self.config.faults));
        self.last = self.last.max(number);
        self.sent_content = 0;
        let utf8 = self.utf8;
        self.events.push_back(ServerEvent::Retrieve {
            number,
            lines,
            utf8,
        });
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

    /// Answers what is no command here, later each time; the last one that is
    /// forgiven ends the connection.
    pub(super) fn bad_command(&mut self, text: &str) {
        self.bad_commands = self.bad_commands.saturating_add(1);
        let count = self.bad_commands;
        let limits = &self.config.limits;
        let most = if self.state == State::Authorization {
            limits.bad_commands_before_login
        } else {
            limits.bad_commands
        };
        let is_last = count >= most;
        let delay = match count {
            _ if is_last => Duration::ZERO,
            count => limits.bad_command_delay.saturating_mul(count - 1),
        };
        self.events
            .push_back(ServerEvent::CommandRefused { count, delay });
        if is_last {
            self.err(answer::TOO_MANY_BAD_COMMANDS);
            self.close(CloseReason::BadCommands);
        } else {
            let answer = HeldAnswer::BadCommand(text.to_owned());
            self.hold_back(Timer::default(), delay, answer);
        }
    }
}

const UNKNOWN_COMMAND: &str = "unknown command";
