//! Status lines: `+OK`, `-ERR` and the SASL continuation `+`.
//!
//! Decides how a line is read and what its response code means; what a reply
//! does to a connection is decided in `client`.
//!
//! RFC 1939 section 3, 2449 sections 6.4 and 8, 3206 section 4, 5034.

use crate::error::escaped;

/// The first word of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// `+OK`
    Ok,
    /// `-ERR`
    Err,
    /// `+`, a SASL challenge (RFC 5034 section 4)
    Continue,
}

/// What a refusal means for the next try (RFC 2449 section 8, 3206).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// `[IN-USE]`, `[LOGIN-DELAY]`, `[SYS/TEMP]`: the same will work later.
    RetryLater,
    /// `[SYS/PERM]`: someone has to mend the server first; `[UTF8]`: the same
    /// works only after the command UTF8 (RFC 6856 section 5).
    Permanent,
    /// `[AUTH]`: the name or the secret is wrong.
    BadCredentials,
    /// The reply does not say.
    Unknown,
}

impl Verdict {
    /// The name that every language uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RetryLater => "retry_after",
            Self::Permanent => "fatal",
            Self::BadCredentials => "bad_credentials",
            Self::Unknown => "unknown",
        }
    }
}

/// One status line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    status: Status,
    line: Vec<u8>,
    text_at: usize,
    response_code: Option<String>,
}

impl Reply {
    /// Reads a status line without its line end; `None` if it is none.
    ///
    /// Upper or lower case, blanks and their absence after the status word
    /// are forgiven; [`is_well_formed`](Self::is_well_formed) tells.
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        let (status, word) = if starts_with_word(line, b"+OK") {
            (Status::Ok, 3)
        } else if starts_with_word(line, b"-ERR") {
            (Status::Err, 4)
        } else if line.first() == Some(&b'+') {
            (Status::Continue, 1)
        } else {
            return None;
        };
        let rest = line.get(word..)?;
        let blanks = rest.len() - rest.trim_ascii_start().len();
        let text_at = word + blanks;
        let response_code = line.get(text_at..).and_then(response_code);
        Some(Self {
            status,
            line: line.to_vec(),
            text_at,
            response_code,
        })
    }

    /// The first word.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The whole line as it came, without its line end.
    pub fn line(&self) -> &[u8] {
        &self.line
    }

    /// What follows the status word.
    pub fn text(&self) -> &[u8] {
        self.line.get(self.text_at..).unwrap_or_default()
    }

    /// The response code in upper case without its brackets, such as
    /// `IN-USE` or `SYS/TEMP` (RFC 2449 section 8).
    pub fn response_code(&self) -> Option<&str> {
        self.response_code.as_deref()
    }

    /// What the response code means for the next try. A code below one that
    /// is known counts as that one (RFC 2449 section 6.4).
    pub fn verdict(&self) -> Verdict {
        let code = self.response_code().unwrap_or_default();
        match code.split('/').next().unwrap_or_default() {
            "IN-USE" | "LOGIN-DELAY" => Verdict::RetryLater,
            "AUTH" => Verdict::BadCredentials,
            "UTF8" => Verdict::Permanent,
            "SYS" => match code.split('/').nth(1) {
                Some("TEMP") => Verdict::RetryLater,
                Some("PERM") => Verdict::Permanent,
                _ => Verdict::Unknown,
            },
            _ => Verdict::Unknown,
        }
    }

    /// What the words of a refusal without a response code seem to mean: a
    /// guess, for servers older than response codes.
    pub fn guessed_verdict(&self) -> Verdict {
        let text = self.text().to_ascii_lowercase();
        let says = |words: &[&str]| {
            words
                .iter()
                .any(|word| memchr::memmem::find(&text, word.as_bytes()).is_some())
        };
        if self.status != Status::Err || self.response_code.is_some() {
            Verdict::Unknown
        } else if says(&[
            "lock",
            "in use",
            "busy",
            "try again",
            "later",
            "unavailable",
            "wait",
        ]) {
            Verdict::RetryLater
        } else if says(&[
            "password",
            "authentic",
            "credential",
            "login",
            "logon",
            "permission",
        ]) {
            Verdict::BadCredentials
        } else {
            Verdict::Unknown
        }
    }

    /// False for a status word in lower case.
    pub(crate) fn is_well_formed(&self) -> bool {
        self.line.starts_with(match self.status {
            Status::Ok => b"+OK",
            Status::Err => b"-ERR",
            Status::Continue => b"+",
        })
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&escaped(&self.line))
    }
}

/// A status word ends at the end of the line or at something that cannot
/// belong to it.
fn starts_with_word(line: &[u8], word: &[u8]) -> bool {
    line.get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word))
        && line
            .get(word.len())
            .is_none_or(|next| !next.is_ascii_alphanumeric())
}

/// `[CODE]` at the start of the text.
fn response_code(text: &[u8]) -> Option<String> {
    let inside = text.strip_prefix(b"[")?;
    let end = inside.iter().position(|&octet| octet == b']')?;
    let code = inside.get(..end)?;
    let well_formed = !code.is_empty() && code.iter().all(u8::is_ascii_graphic);
    well_formed.then(|| {
        code.iter()
            .map(|octet| char::from(octet.to_ascii_uppercase()))
            .collect()
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_status_line_are_told_apart() {
        let reply = Reply::parse(b"-ERR [in-use] maildrop is locked").unwrap();
        assert_eq!(reply.status(), Status::Err);
        assert_eq!(reply.response_code(), Some("IN-USE"));
        assert_eq!(reply.verdict(), Verdict::RetryLater);
        assert_eq!(reply.text(), b"[in-use] maildrop is locked");
        assert_eq!(reply.line(), b"-ERR [in-use] maildrop is locked");
    }

    #[test]
    fn an_unknown_code_below_a_known_one_counts_as_that_one() {
        let verdict = |line| Reply::parse(line).unwrap().verdict();
        assert_eq!(verdict(b"-ERR [SYS/TEMP/DISK] full"), Verdict::RetryLater);
        assert_eq!(verdict(b"-ERR [SYS/PERM] gone"), Verdict::Permanent);
        assert_eq!(verdict(b"-ERR [AUTH] no"), Verdict::BadCredentials);
        assert_eq!(verdict(b"-ERR [utf8] no"), Verdict::Permanent);
        assert_eq!(verdict(b"-ERR [X-OTHER] no"), Verdict::Unknown);
        assert_eq!(verdict(b"-ERR [AUTH no"), Verdict::Unknown);
    }

    #[test]
    fn words_are_guessed_at_only_without_a_code() {
        let guess = |line| Reply::parse(line).unwrap().guessed_verdict();
        assert_eq!(guess(b"-ERR Mailbox is locked"), Verdict::RetryLater);
        assert_eq!(guess(b"-ERR Wrong PASSWORD"), Verdict::BadCredentials);
        assert_eq!(guess(b"-ERR [AUTH] mailbox is locked"), Verdict::Unknown);
        assert_eq!(guess(b"-ERR no"), Verdict::Unknown);
        assert_eq!(guess(b"+OK locked"), Verdict::Unknown);
    }

    #[test]
    fn a_plus_is_a_continuation_with_and_without_its_space() {
        assert_eq!(Reply::parse(b"+").unwrap().status(), Status::Continue);
        assert_eq!(Reply::parse(b"+ ").unwrap().text(), b"");
        assert_eq!(Reply::parse(b"+ PDE4").unwrap().text(), b"PDE4");
        assert_eq!(Reply::parse(b"+OKAY").unwrap().status(), Status::Continue);
    }

    #[test]
    fn lines_that_are_no_status_are_none() {
        for line in [
            &b""[..],
            b"OK",
            b"-ERROR",
            b" +OK",
            b"HTTP/1.1 400 Bad Request",
        ] {
            assert_eq!(Reply::parse(line), None, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn lower_case_is_read_and_told() {
        assert!(Reply::parse(b"+OK").unwrap().is_well_formed());
        assert!(!Reply::parse(b"+ok").unwrap().is_well_formed());
    }
}
