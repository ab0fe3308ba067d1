//! The texts of replies.
//!
//! The rule guarded here: a reply is one line of printable ASCII, made of our
//! own words, numbers, and text that was checked. Nothing that the client
//! said is in it.
//!
//! RFC 1939 section 3, 2449 section 8, 3206 section 4.

use crate::pop3::auth::apop::Stamp;

/// Why a host says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// The name or the secret is wrong: `[AUTH]`. Not told which.
    BadCredentials,
    /// Another session has the maildrop: `[IN-USE]`.
    InUse,
    /// The last login was too short ago: `[LOGIN-DELAY]`.
    LoginDelay,
    /// Something failed that may work later: `[SYS/TEMP]`.
    SysTemp,
    /// Something failed that someone has to mend: `[SYS/PERM]`.
    SysPerm,
    /// The message is no longer there: no response code.
    Gone,
    /// The message holds UTF-8 in its header, and the client has not said
    /// UTF8: `[UTF8]` (RFC 6856 section 5).
    Utf8,
}

impl Refusal {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::BadCredentials,
        Self::InUse,
        Self::LoginDelay,
        Self::SysTemp,
        Self::SysPerm,
        Self::Gone,
        Self::Utf8,
    ];

    /// The name that every language uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadCredentials => "bad_credentials",
            Self::InUse => "in_use",
            Self::LoginDelay => "login_delay",
            Self::SysTemp => "sys_temp",
            Self::SysPerm => "sys_perm",
            Self::Gone => "gone",
            Self::Utf8 => "utf8",
        }
    }

    pub(super) fn reply(self) -> &'static str {
        match self {
            Self::BadCredentials => "[AUTH] wrong name or password",
            Self::InUse => "[IN-USE] another session has this maildrop",
            Self::LoginDelay => "[LOGIN-DELAY] too soon after the last login",
            Self::SysTemp => "[SYS/TEMP] failed for now, try again later",
            Self::SysPerm => "[SYS/PERM] failed, ask the administrator",
            Self::Gone => "message is gone",
            Self::Utf8 => "[UTF8] the header of this message needs the command UTF8",
        }
    }

    /// The answer to a QUIT that removed not all of what was marked.
    pub(super) fn commit_reply(self) -> String {
        let code = self.reply().split_inclusive(']').next().unwrap_or_default();
        if code.ends_with(']') {
            format!("{code} {NOT_REMOVED}")
        } else {
            NOT_REMOVED.to_owned()
        }
    }
}

/// The greeting's text. A stamp stands at its end and is the only thing in it
/// that can be taken for one.
pub(super) fn greeting(text: &str, stamp: Option<&Stamp>, xclient: bool) -> String {
    let mut greeting: String = printable(text, GREETING_MAX)
        .chars()
        .map(|letter| {
            if matches!(letter, '<' | '>') {
                '?'
            } else {
                letter
            }
        })
        .collect();
    if greeting.is_empty() {
        greeting.push_str("ready");
    }
    if xclient {
        // Where a proxy looks for it.
        greeting.insert_str(0, "[XCLIENT] ");
    }
    if let Some(stamp) = stamp {
        greeting.push(' ');
        greeting.push_str(stamp.as_str());
    }
    greeting
}

/// Text of the host as printable ASCII, cut.
pub(super) fn printable(text: &str, most: usize) -> String {
    text.trim()
        .chars()
        .take(most)
        .map(|letter| match letter {
            ' '..='~' => letter,
            _ => '?',
        })
        .collect()
}

pub(super) fn messages(count: u64) -> String {
    match count {
        1 => "1 message".to_owned(),
        _ => format!("{count} messages"),
    }
}

pub(super) fn push_line(output: &mut Vec<u8>, status: &str, text: &str) {
    debug_assert!(text.bytes().all(|octet| matches!(octet, b' '..=b'~')));
    output.extend_from_slice(status.as_bytes());
    if !text.is_empty() {
        output.push(b' ');
        output.extend_from_slice(text.as_bytes());
    }
    output.extend_from_slice(b"\r\n");
}

pub(super) const BYE: &str = "bye";
pub(super) const NO_SUCH_MESSAGE: &str = "no such message";
pub(super) const TOO_MANY_BAD_COMMANDS: &str = "too many bad commands";
pub(super) const TOO_MANY_COMMANDS: &str = "too many commands before the login";
pub(super) const NOT_BETWEEN_STLS_AND_TLS: &str = "nothing may follow STLS but the TLS handshake";
pub(super) const PASSWORDS_NEED_TLS: &str = "passwords are taken over TLS only";
const NOT_REMOVED: &str = "some deleted messages are not removed";

/// Characters of a host's text, so that the line fits in 512 octets with any
/// stamp of a sensible length.
const GREETING_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_is_one_printable_line_and_holds_one_stamp() {
        let stamp = Stamp::new(b"<1.2@host>");
        assert_eq!(
            greeting("hi\r\n+OK <a@b> \u{e9}\u{1b}", stamp.as_ref(), false),
            "hi??+OK ?a@b? ?? <1.2@host>"
        );
        assert_eq!(greeting("", None, false), "ready");
        assert_eq!(greeting("hi", None, true), "[XCLIENT] hi");
    }

    #[test]
    fn the_answer_to_a_failed_commit_keeps_the_response_code() {
        assert_eq!(
            Refusal::SysTemp.commit_reply(),
            "[SYS/TEMP] some deleted messages are not removed"
        );
        assert_eq!(Refusal::Gone.commit_reply(), NOT_REMOVED);
    }
}
