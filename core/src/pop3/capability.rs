//! What a server can do, as CAPA tells it.
//!
//! Tags are compared without case, unknown ones are kept.
//!
//! RFC 2449 sections 5 and 6, 2595 section 4, 3206 section 3, 5034, 6856.

/// The answer to CAPA: one line a capability, in the server's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    lines: Vec<String>,
}

impl Capabilities {
    /// Takes the lines of an answer; octets that are no UTF-8 are replaced.
    pub(crate) fn push(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line.trim_ascii()).into_owned();
        if !line.is_empty() {
            self.lines.push(line);
        }
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
}
