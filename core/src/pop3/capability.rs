//! What a server can do, as CAPA tells it.
//!
//! Tags are compared without case, unknown ones are kept.
//!
//! RFC 2449 sections 5 and 6, 2595 section 4, 3206 section 3, 5034, 6856.

use super::command::decimal;

/// The answer to CAPA: one line a capability, in the server's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    lines: Vec<String>,
}

impl Capabilities {
    /// Takes a line of an answer; octets that are no UTF-8 are replaced. True
    /// if it is odd: empty, with blanks at its ends, in lower case, or with
    /// `=` after its tag.
    pub(crate) fn push(&mut self, line: &[u8]) -> bool {
        let trimmed = String::from_utf8_lossy(line.trim_ascii()).into_owned();
        if trimmed.is_empty() {
            return true;
        }
        let (tag, _) = split(&trimmed);
        let odd = line.trim_ascii().len() != line.len()
            || tag.bytes().any(|octet| octet.is_ascii_lowercase())
            || trimmed.as_bytes().get(tag.len()) == Some(&b'=');
        self.lines.push(trimmed);
        odd
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// True if the server named none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Every capability as `(tag in upper case, parameters)`.
    pub fn iter(&self) -> impl Iterator<Item = (String, Vec<&str>)> {
        self.lines.iter().map(|line| {
            let (tag, parameters) = split(line);
            (
                tag.to_ascii_uppercase(),
                parameters.split_ascii_whitespace().collect(),
            )
        })
    }

    /// True if the server names this tag, in any case.
    pub fn has(&self, tag: &str) -> bool {
        self.parameters(tag).is_some()
    }

    /// What follows a tag; empty if nothing does, `None` without the tag.
    pub fn parameters(&self, tag: &str) -> Option<&str> {
        self.lines
            .iter()
            .map(|line| split(line))
            .find(|(name, _)| name.eq_ignore_ascii_case(tag))
            .map(|(_, parameters)| parameters)
    }

    /// True if commands may be sent before the answers to earlier ones
    /// (RFC 2449 section 6.6).
    pub fn pipelining(&self) -> bool {
        self.has("PIPELINING")
    }

    /// True if TLS can begin on this connection (RFC 2595 section 4).
    pub fn stls(&self) -> bool {
        self.has("STLS")
    }

    /// True if `[AUTH]` marks every refusal that is due to the name or the
    /// secret (RFC 3206 section 3).
    pub fn auth_resp_code(&self) -> bool {
        self.has("AUTH-RESP-CODE")
    }

    /// True if replies may begin with a code in brackets (RFC 2449 section 6.4).
    pub fn resp_codes(&self) -> bool {
        self.has("RESP-CODES")
    }

    /// True if USER and PASS are taken (RFC 2449 section 6.2).
    pub fn user(&self) -> bool {
        self.has("USER")
    }

    /// True if the headers of a message can be fetched by themselves (RFC 2449
    /// section 6.1).
    pub fn top(&self) -> bool {
        self.has("TOP")
    }

    /// True if messages have unique ids (RFC 2449 section 6.8).
    pub fn uidl(&self) -> bool {
        self.has("UIDL")
    }

    /// True if texts and header fields may be in UTF-8 (RFC 6856 section 2).
    pub fn utf8(&self) -> bool {
        self.has("UTF8")
    }

    /// True if names and passwords may be in UTF-8 (RFC 6856 section 2.2).
    pub fn utf8_user(&self) -> bool {
        names_user(self.parameters("UTF8"))
    }

    /// True if the language of texts can be chosen (RFC 6856 section 3).
    pub fn lang(&self) -> bool {
        self.has("LANG")
    }

    /// What the server calls itself (RFC 2449 section 6.9).
    pub fn implementation(&self) -> Option<&str> {
        self.parameters("IMPLEMENTATION")
    }

    /// For how long messages stay, if the server says so in a form that can
    /// be read.
    pub fn expire(&self) -> Option<Expire> {
        let mut words = self.parameters("EXPIRE")?.split_ascii_whitespace();
        let days = words.next()?;
        let days = if days.eq_ignore_ascii_case("NEVER") {
            None
        } else {
            Some(decimal(days.as_bytes())?)
        };
        Some(Expire {
            days,
            per_user: names_user(words.next()),
        })
    }

    /// The least time between two logins, if the server says so in a form
    /// that can be read.
    pub fn login_delay(&self) -> Option<LoginDelay> {
        let mut words = self.parameters("LOGIN-DELAY")?.split_ascii_whitespace();
        Some(LoginDelay {
            seconds: decimal(words.next()?.as_bytes())?,
            per_user: names_user(words.next()),
        })
    }

    /// The SASL mechanisms (RFC 5034 section 3).
    pub fn sasl(&self) -> impl Iterator<Item = &str> {
        self.parameters("SASL")
            .unwrap_or_default()
            .split_ascii_whitespace()
    }

    /// True if the server names this SASL mechanism, in any case.
    pub fn has_mechanism(&self, name: &str) -> bool {
        self.sasl()
            .any(|offered| offered.eq_ignore_ascii_case(name))
    }
}

impl<S: AsRef<[u8]>> FromIterator<S> for Capabilities {
    /// From the lines of an answer.
    fn from_iter<I: IntoIterator<Item = S>>(lines: I) -> Self {
        let mut all = Self::default();
        for line in lines {
            all.push(line.as_ref());
        }
        all
    }
}

/// For how long a server keeps messages (RFC 2449 section 6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expire {
    /// Days; 0 says that what was fetched may be deleted at QUIT. `None`
    /// stands for `NEVER`.
    pub days: Option<u64>,
    /// True if it may differ from user to user: the answer to CAPA after the
    /// login counts.
    pub per_user: bool,
}

/// The least time between two logins (RFC 2449 section 6.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginDelay {
    /// The delay.
    pub seconds: u64,
    /// True if it may differ from user to user: the answer to CAPA after the
    /// login counts.
    pub per_user: bool,
}

fn names_user(words: Option<&str>) -> bool {
    words.is_some_and(|word| word.eq_ignore_ascii_case("USER"))
}

/// Some servers write `SASL=PLAIN` for `SASL PLAIN`.
fn split(line: &str) -> (&str, &str) {
    match line.find([' ', '\t', '=']) {
        Some(at) => {
            let (tag, rest) = line.split_at(at);
            (tag, rest.get(1..).unwrap_or_default().trim())
        }
        None => (line, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capabilities(lines: &[&str]) -> Capabilities {
        let mut all = Capabilities::default();
        for line in lines {
            all.push(line.as_bytes());
        }
        all
    }

    #[test]
    fn tags_are_found_in_any_case_and_unknown_ones_are_kept() {
        let all = capabilities(&["Pipelining ", "sasl plain LOGIN", "X-ODD  a b"]);
        assert!(all.pipelining());
        assert!(all.has_mechanism("PLAIN"));
        assert!(!all.has_mechanism("PLA"));
        assert_eq!(all.parameters("x-odd"), Some("a b"));
        assert_eq!(all.len(), 3);
    }

    #[test]
    fn an_equals_sign_separates_like_a_space() {
        assert!(capabilities(&["SASL=PLAIN"]).has_mechanism("plain"));
        assert_eq!(
            capabilities(&["EXPIRE=60"]).parameters("EXPIRE"),
            Some("60")
        );
    }

    #[test]
    fn a_tag_without_parameters_has_empty_ones() {
        let all = capabilities(&["IMPLEMENTATION", ""]);
        assert_eq!(all.parameters("IMPLEMENTATION"), Some(""));
        assert_eq!(all.len(), 1);
    }

    #[test]
    fn what_rfc_2449_gives_a_form_is_typed() {
        let all = capabilities(&[
            "EXPIRE 60 USER",
            "LOGIN-DELAY 900",
            "UTF8 USER",
            "IMPLEMENTATION Shlemazle-Plotz-v302",
        ]);
        assert_eq!(
            all.expire(),
            Some(Expire {
                days: Some(60),
                per_user: true
            })
        );
        assert_eq!(
            all.login_delay(),
            Some(LoginDelay {
                seconds: 900,
                per_user: false
            })
        );
        assert!(all.utf8() && all.utf8_user() && !all.top());
        assert_eq!(all.implementation(), Some("Shlemazle-Plotz-v302"));
        let never = capabilities(&["expire never"]).expire();
        assert_eq!(never.map(|expire| expire.days), Some(None));
        for odd in ["EXPIRE", "EXPIRE soon", "EXPIRE -1"] {
            assert_eq!(capabilities(&[odd]).expire(), None, "{odd}");
        }
    }

    #[test]
    fn odd_lines_are_told() {
        let odd = |line: &str| Capabilities::default().push(line.as_bytes());
        assert!(!odd("SASL PLAIN login"));
        for line in ["uidl", "TOP ", " TOP", "SASL=PLAIN", ""] {
            assert!(odd(line), "{line:?}");
        }
    }
}
