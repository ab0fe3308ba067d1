//! Commands: one grammar that the client writes and the server reads.
//!
//! The rule guarded here: a command is built from checked arguments only, so
//! that no argument can end a line and begin another (CVE-2025-15367 is that
//! bug in poplib). NUL, CR and LF are refused in every argument, the other
//! control characters everywhere but in a password.
//!
//! RFC 1939 sections 3 to 7, 2449 sections 4 and 5, 2595 section 4, 5034.

use super::auth::base64;
use crate::error::UsageError;
use crate::secret::Secret;

/// The first word of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // The RFCs' own words.
pub enum Verb {
    Capa,
    Stls,
    Utf8,
    Lang,
    User,
    Pass,
    Apop,
    Auth,
    Stat,
    List,
    Uidl,
    Retr,
    Top,
    Dele,
    Rset,
    Noop,
    /// RFC 1460; no later one has it.
    Last,
    /// Dovecot's: a proxy tells whom it speaks for.
    Xclient,
    Quit,
}

impl Verb {
    const ALL: [Self; 19] = [
        Self::Capa,
        Self::Stls,
        Self::Utf8,
        Self::Lang,
        Self::User,
        Self::Pass,
        Self::Apop,
        Self::Auth,
        Self::Stat,
        Self::List,
        Self::Uidl,
        Self::Retr,
        Self::Top,
        Self::Dele,
        Self::Rset,
        Self::Noop,
        Self::Last,
        Self::Xclient,
        Self::Quit,
    ];

    /// The keyword as it is sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Capa => "CAPA",
            Self::Stls => "STLS",
            Self::Utf8 => "UTF8",
            Self::Lang => "LANG",
            Self::User => "USER",
            Self::Pass => "PASS",
            Self::Apop => "APOP",
            Self::Auth => "AUTH",
            Self::Stat => "STAT",
            Self::List => "LIST",
            Self::Uidl => "UIDL",
            Self::Retr => "RETR",
            Self::Top => "TOP",
            Self::Dele => "DELE",
            Self::Rset => "RSET",
            Self::Noop => "NOOP",
            Self::Last => "LAST",
            Self::Xclient => "XCLIENT",
            Self::Quit => "QUIT",
        }
    }

    fn find(keyword: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|verb| keyword.eq_ignore_ascii_case(verb.as_str().as_bytes()))
    }
}

/// One command with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // The RFCs' own words.
pub enum Command {
    Capa,
    Stls,
    /// RFC 6856 section 2.
    Utf8,
    /// RFC 6856 section 3: chooses a language, or without one lists them.
    Lang(Option<String>),
    User(String),
    Pass(Secret<Vec<u8>>),
    Apop {
        user: String,
        digest: String,
    },
    /// Without a mechanism it asks for their list, as some clients do.
    Auth {
        mechanism: Option<String>,
        initial_response: Option<Secret<Vec<u8>>>,
    },
    Stat,
    List(Option<u32>),
    Uidl(Option<u32>),
    Retr(u32),
    Top {
        number: u32,
        lines: u64,
    },
    Dele(u32),
    Rset,
    Noop,
    /// RFC 1460: the highest message number that was read.
    Last,
    /// Dovecot's: `ADDR=… PORT=…` of the client that a proxy speaks for.
    Xclient(String),
    Quit,
}

/// Why a server cannot read a line as a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyntaxError {
    /// The first word is no command that we know.
    UnknownCommand,
    /// The arguments are not of the command's form.
    BadArguments(Verb),
}

impl Command {
    /// The first word.
    pub fn verb(&self) -> Verb {
        match self {
            Self::Capa => Verb::Capa,
            Self::Stls => Verb::Stls,
            Self::Utf8 => Verb::Utf8,
            Self::Lang(_) => Verb::Lang,
            Self::User(_) => Verb::User,
            Self::Pass(_) => Verb::Pass,
            Self::Apop { .. } => Verb::Apop,
            Self::Auth { .. } => Verb::Auth,
            Self::Stat => Verb::Stat,
            Self::List(_) => Verb::List,
            Self::Uidl(_) => Verb::Uidl,
            Self::Retr(_) => Verb::Retr,
            Self::Top { .. } => Verb::Top,
            Self::Dele(_) => Verb::Dele,
            Self::Rset => Verb::Rset,
            Self::Noop => Verb::Noop,
            Self::Last => Verb::Last,
            Self::Xclient(_) => Verb::Xclient,
            Self::Quit => Verb::Quit,
        }
    }

    /// The line as it is sent, at most `limit` octets with its CRLF.
    ///
    /// # Errors
    ///
    /// [`UsageError`] if an argument is empty where one is needed, holds an
    /// octet that cannot be sent, or makes the line too long.
    pub fn encode(&self, limit: usize) -> Result<Vec<u8>, UsageError> {
        // Room for the longest line that is allowed, so that a password is
        // never left behind in a buffer that was outgrown.
        let mut line = Vec::with_capacity(limit.min(512));
        line.extend_from_slice(self.verb().as_str().as_bytes());
        match self {
            Self::User(user) => push_argument(&mut line, "user name", user.as_bytes())?,
            Self::Pass(password) => push_password(&mut line, password.expose())?,
            Self::Apop { user, digest } => {
                push_argument(&mut line, "user name", user.as_bytes())?;
                push_argument(&mut line, "APOP digest", digest.as_bytes())?;
            }
            Self::Auth {
                mechanism,
                initial_response,
            } => {
                if let Some(mechanism) = mechanism {
                    check_mechanism(mechanism)?;
                    push_argument(&mut line, "mechanism", mechanism.as_bytes())?;
                }
                if let Some(response) = initial_response {
                    line.push(b' ');
                    push_initial_response(&mut line, response.expose());
                }
            }
            Self::Xclient(fields) => push_argument(&mut line, "fields", fields.as_bytes())?,
            Self::Lang(language) => {
                if let Some(language) = language {
                    push_argument(&mut line, "language", language.as_bytes())?;
                }
            }
            Self::List(number) | Self::Uidl(number) => {
                if let Some(number) = number {
                    push_message_number(&mut line, *number)?;
                }
            }
            Self::Retr(number) | Self::Dele(number) => push_message_number(&mut line, *number)?,
            Self::Top { number, lines } => {
                push_message_number(&mut line, *number)?;
                line.extend_from_slice(format!(" {lines}").as_bytes());
            }
            Self::Capa
            | Self::Stls
            | Self::Utf8
            | Self::Stat
            | Self::Rset
            | Self::Noop
            | Self::Last
            | Self::Quit => {}
        }
        line.extend_from_slice(b"\r\n");
        if line.len() > limit {
            return Err(UsageError::argument(format!(
                "{} with its argument has {} octets, at most {limit} can be sent (RFC 2449 section 4)",
                self.verb().as_str(),
                line.len(),
            )));
        }
        Ok(line)
    }

    /// Reads a line, without its line end, as a server does.
    ///
    /// # Errors
    ///
    /// [`SyntaxError`] if it is no command.
    pub fn parse(line: &[u8]) -> Result<Self, SyntaxError> {
        let (keyword, rest) = split_word(line);
        let verb = Verb::find(keyword).ok_or(SyntaxError::UnknownCommand)?;
        let bad = SyntaxError::BadArguments(verb);
        // PASS takes the line as it stands: spaces may belong to the password
        // (RFC 1939 section 7). Elsewhere blanks at the end are forgiven.
        let arguments = rest.trim_ascii();
        let alone = |command| {
            if arguments.is_empty() {
                Ok(command)
            } else {
                Err(bad)
            }
        };
        match verb {
            Verb::Capa => alone(Self::Capa),
            Verb::Stls => alone(Self::Stls),
            Verb::Utf8 => alone(Self::Utf8),
            Verb::Lang if arguments.is_empty() => Ok(Self::Lang(None)),
            Verb::Lang => text(arguments)
                .map(|language| Self::Lang(Some(language)))
                .ok_or(bad),
            Verb::Stat => alone(Self::Stat),
            Verb::Rset => alone(Self::Rset),
            Verb::Noop => alone(Self::Noop),
            Verb::Last => alone(Self::Last),
            Verb::Xclient => text(arguments).map(Self::Xclient).ok_or(bad),
            Verb::Quit => alone(Self::Quit),
            Verb::User => text(arguments).map(Self::User).ok_or(bad),
            Verb::Pass => {
                if rest.is_empty() || rest.iter().any(|octet| ENDS_A_LINE.contains(octet)) {
                    return Err(bad);
                }
                Ok(Self::Pass(Secret::new(rest.to_vec())))
            }
            Verb::Apop => {
                // The digest is the last word; the name may hold spaces.
                let split = arguments
                    .iter()
                    .rposition(|&octet| octet == b' ')
                    .ok_or(bad)?;
                let (user, digest) = arguments.split_at_checked(split).ok_or(bad)?;
                Ok(Self::Apop {
                    user: text(user.trim_ascii()).ok_or(bad)?,
                    digest: text(digest.trim_ascii()).ok_or(bad)?,
                })
            }
            Verb::Auth => parse_auth(arguments).ok_or(bad),
            Verb::List => optional_number(arguments).map(Self::List).ok_or(bad),
            Verb::Uidl => optional_number(arguments).map(Self::Uidl).ok_or(bad),
            Verb::Retr => number(arguments).map(Self::Retr).ok_or(bad),
            Verb::Dele => number(arguments).map(Self::Dele).ok_or(bad),
            Verb::Top => {
                let (first, second) = split_word(arguments);
                Ok(Self::Top {
                    number: number(first).ok_or(bad)?,
                    lines: decimal(second.trim_ascii_start()).ok_or(bad)?,
                })
            }
        }
    }
}

/// Refuses octets that cannot stand in any argument, and control characters.
pub(crate) fn check_text(what: &str, octets: &[u8]) -> Result<(), UsageError> {
    match octets.iter().position(u8::is_ascii_control) {
        None => Ok(()),
        Some(at) => Err(UsageError::argument(format!(
            "{what} must hold no control character, found one at octet {at}"
        ))),
    }
}

/// Refuses a secret that is empty or cannot stand in a command.
pub(crate) fn check_secret(what: &str, octets: &[u8]) -> Result<(), UsageError> {
    if octets.is_empty() {
        return Err(UsageError::argument(format!("{what} must not be empty")));
    }
    // The place is not told: it would say something of the secret.
    if octets.iter().any(|octet| ENDS_A_LINE.contains(octet)) {
        return Err(UsageError::argument(format!(
            "{what} must hold no NUL, CR or LF"
        )));
    }
    Ok(())
}

/// A decimal number as servers and clients write it; larger ones saturate.
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0_u64, |value, digit| {
        value
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    }))
}

/// The first word and what follows the one space or tab after it.
pub(crate) fn split_word(line: &[u8]) -> (&[u8], &[u8]) {
    match line.iter().position(|octet| matches!(octet, b' ' | b'\t')) {
        Some(at) => (
            line.get(..at).unwrap_or_default(),
            line.get(at + 1..).unwrap_or_default(),
        ),
        None => (line, &[]),
    }
}

fn push_argument(line: &mut Vec<u8>, what: &str, argument: &[u8]) -> Result<(), UsageError> {
    if argument.is_empty() {
        return Err(UsageError::argument(format!("{what} must not be empty")));
    }
    check_text(what, argument)?;
    line.push(b' ');
    line.extend_from_slice(argument);
    Ok(())
}

fn push_password(line: &mut Vec<u8>, password: &[u8]) -> Result<(), UsageError> {
    if password.is_empty() {
        return Err(UsageError::argument("password must not be empty"));
    }
    // The place is not told: it would say something of the password.
    if password.iter().any(|octet| ENDS_A_LINE.contains(octet)) {
        return Err(UsageError::argument("password must hold no NUL, CR or LF"));
    }
    line.push(b' ');
    line.extend_from_slice(password);
    Ok(())
}

/// An empty response is written `=` (RFC 5034 section 4).
fn push_initial_response(line: &mut Vec<u8>, response: &[u8]) {
    if response.is_empty() {
        line.push(b'=');
    } else {
        let encoded = Secret::new(base64::encode(response));
        line.extend_from_slice(encoded.expose().as_bytes());
    }
}

fn push_message_number(line: &mut Vec<u8>, number: u32) -> Result<(), UsageError> {
    if number == 0 {
        return Err(UsageError::argument(
            "message number must be 1 or more, got 0",
        ));
    }
    line.extend_from_slice(format!(" {number}").as_bytes());
    Ok(())
}

/// RFC 4422 section 3.1: 1 to 20 of `A-Z 0-9 - _`.
fn check_mechanism(name: &str) -> Result<(), UsageError> {
    let well_formed = (1..=20).contains(&name.len())
        && name
            .bytes()
            .all(|octet| matches!(octet, b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_'));
    if well_formed {
        Ok(())
    } else {
        Err(UsageError::argument(format!(
            "mechanism must be 1 to 20 of A-Z, 0-9, - and _, got {name:?}"
        )))
    }
}

fn parse_auth(arguments: &[u8]) -> Option<Command> {
    if arguments.is_empty() {
        return Some(Command::Auth {
            mechanism: None,
            initial_response: None,
        });
    }
    let (name, response) = split_word(arguments);
    let mechanism = text(name)?.to_ascii_uppercase();
    check_mechanism(&mechanism).ok()?;
    let initial_response = match response.trim_ascii() {
        b"" => None,
        b"=" => Some(Secret::new(Vec::new())),
        encoded => Some(Secret::new(base64::decode(encoded)?)),
    };
    Some(Command::Auth {
        mechanism: Some(mechanism),
        initial_response,
    })
}

/// A printable argument in UTF-8.
fn text(argument: &[u8]) -> Option<String> {
    if argument.is_empty() || argument.iter().any(u8::is_ascii_control) {
        return None;
    }
    String::from_utf8(argument.to_vec()).ok()
}

/// A message number; 0 passes, so that the answer can be "no such message".
fn number(argument: &[u8]) -> Option<u32> {
    decimal(argument).map(|value| u32::try_from(value).unwrap_or(u32::MAX))
}

fn optional_number(argument: &[u8]) -> Option<Option<u32>> {
    if argument.is_empty() {
        Some(None)
    } else {
        number(argument).map(Some)
    }
}

/// Octets that no argument may hold, not even a password.
const ENDS_A_LINE: [u8; 3] = [0, b'\r', b'\n'];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn sent(command: &Command) -> String {
        String::from_utf8(command.encode(255).unwrap()).unwrap()
    }

    #[test]
    fn what_the_client_writes_the_server_reads() {
        let commands = [
            Command::Capa,
            Command::Stls,
            Command::Utf8,
            Command::Lang(None),
            Command::Lang(Some("de-AT".into())),
            Command::User("me@example.com".into()),
            Command::User("José Ruiz".into()),
            Command::Pass(Secret::new(b" two  spaces \t".to_vec())),
            Command::Apop {
                user: "mrose".into(),
                digest: "c4c9334bac560ecc979e58001b3e22fb".into(),
            },
            Command::Auth {
                mechanism: Some("PLAIN".into()),
                initial_response: Some(Secret::new(b"\0me\0secret".to_vec())),
            },
            Command::Auth {
                mechanism: Some("EXTERNAL".into()),
                initial_response: Some(Secret::new(Vec::new())),
            },
            Command::Auth {
                mechanism: None,
                initial_response: None,
            },
            Command::Stat,
            Command::List(None),
            Command::List(Some(7)),
            Command::Uidl(None),
            Command::Uidl(Some(u32::MAX)),
            Command::Retr(1),
            Command::Top {
                number: 1,
                lines: 0,
            },
            Command::Dele(3),
            Command::Rset,
            Command::Noop,
            Command::Last,
            Command::Xclient("ADDR=192.0.2.1 PORT=40000".into()),
            Command::Quit,
        ];
        for command in commands {
            let line = sent(&command);
            let read = Command::parse(line.trim_end_matches("\r\n").as_bytes());
            assert_eq!(read, Ok(command));
        }
    }

    #[test]
    fn keywords_are_read_in_any_case_and_with_blanks_at_the_end() {
        assert_eq!(Command::parse(b"rEtR 12  "), Ok(Command::Retr(12)));
        assert_eq!(Command::parse(b"quit "), Ok(Command::Quit));
    }

    #[test]
    fn an_argument_that_would_end_the_line_is_refused() {
        for octet in ['\0', '\r', '\n'] {
            for command in [
                Command::User(format!("me{octet}DELE 1")),
                Command::Pass(Secret::new(format!("pw{octet}DELE 1").into_bytes())),
                Command::Apop {
                    user: format!("me{octet}x"),
                    digest: "00".into(),
                },
                Command::Auth {
                    mechanism: Some(format!("PLAIN{octet}")),
                    initial_response: None,
                },
            ] {
                let error = command.encode(255).unwrap_err();
                assert_eq!(error.code().as_str(), "POP3_ERR_USAGE_ARGUMENT");
            }
        }
    }

    #[test]
    fn a_line_longer_than_the_limit_is_refused() {
        let fits = Command::User("u".repeat(248));
        assert_eq!(fits.encode(255).unwrap().len(), 255);
        assert!(Command::User("u".repeat(249)).encode(255).is_err());
    }

    #[test]
    fn message_number_zero_is_refused_before_it_is_sent() {
        assert!(Command::Retr(0).encode(255).is_err());
        assert_eq!(Command::parse(b"RETR 0"), Ok(Command::Retr(0)));
    }

    #[test]
    fn numbers_beyond_range_saturate() {
        assert_eq!(decimal(b"99999999999999999999999"), Some(u64::MAX));
        assert_eq!(
            Command::parse(b"RETR 4294967296"),
            Ok(Command::Retr(u32::MAX))
        );
        assert_eq!(decimal(b"-1"), None);
        assert_eq!(decimal(b""), None);
    }

    #[test]
    fn odd_lines_are_errors_and_nothing_else() {
        assert_eq!(Command::parse(b""), Err(SyntaxError::UnknownCommand));
        assert_eq!(Command::parse(b":"), Err(SyntaxError::UnknownCommand));
        assert_eq!(
            Command::parse(b"RETR"),
            Err(SyntaxError::BadArguments(Verb::Retr))
        );
        assert_eq!(
            Command::parse(b"AUTH PLAIN !!!"),
            Err(SyntaxError::BadArguments(Verb::Auth))
        );
        assert_eq!(
            Command::parse(b"USER \xff"),
            Err(SyntaxError::BadArguments(Verb::User))
        );
    }

    #[test]
    fn debug_output_hides_the_password() {
        let command = Command::Pass(Secret::new(b"tanstaaf".to_vec()));
        assert!(!format!("{command:?}").contains("tanstaaf"));
    }
}
