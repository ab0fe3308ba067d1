//! Faults on request: a server that misbehaves in the ways in which servers
//! do, for the tests of mail code.
//!
//! Without any of them nothing here changes an octet. A fault changes what is
//! said, never what is kept: a maildrop is as safe as without.

use std::time::Duration;

/// What a server shall do wrong; nothing by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Ends the connection after so many octets, counted from the greeting
    /// and without what TLS adds.
    pub cut_after: Option<u64>,
    /// Ends the connection after so many octets of the content of a message.
    pub cut_content_after: Option<u64>,
    /// Holds back each piece of output for so long.
    pub delay: Duration,
    /// Sends at most so many octets at once.
    pub piece: Option<usize>,
    /// Is added to every size of a message that is told.
    pub size_error: i64,
    /// Tells sizes in STAT as negative numbers.
    pub negative_stat: bool,
    /// Leaves dots as they are.
    pub unstuffed_dots: bool,
    /// Leaves a dot as it is if it is the first octet of a message.
    pub unstuffed_first_dot: bool,
    /// Ends lines with LF alone.
    pub lf_line_ends: bool,
    /// Words that CAPA does not tell, in upper case; commands of that name
    /// are unknown, `CAPA` among them.
    pub missing: Vec<String>,
    /// Words that CAPA tells after the login only.
    pub late: Vec<String>,
    /// `+OK` where a SASL challenge is due.
    pub ok_for_challenge: bool,
    /// Closes the connection where `-ERR` is due.
    pub close_for_err: bool,
    /// Octets in the clear after the answer to STLS.
    pub stls_residue: Vec<u8>,
    /// Blanks between the fields of LIST and UIDL beyond the one.
    pub extra_blanks: usize,
    /// Leaves out the number in the answer to UIDL about one message.
    pub uidl_without_number: bool,
    /// An empty line before the answer to the first command.
    pub blank_line: bool,
    /// `+ok` and `-err`.
    pub lower_case_status: bool,
    /// TOP gives so many octets at most.
    pub top_octets: Option<u64>,
}

impl Faults {
    /// The names of [`persona`](Self::persona).
    pub const PERSONAS: [&'static str; 8] = [
        "ancient",
        "dovecot",
        "gmail",
        "maillennium",
        "o2",
        "office365",
        "twisted",
        "unix",
    ];

    /// The habits of a known server, as people reported them; `None` for a
    /// name that is not in [`PERSONAS`](Self::PERSONAS).
    ///
    /// `ancient`: RFC 1939 and nothing more, CAPA is unknown. `dovecot`: the
    /// first dot of a message is not stuffed. `gmail`: UIDL, TOP and
    /// PIPELINING are told after the login only. `maillennium`: many blanks
    /// in listings, TOP ends after 64 KiB. `o2`: `+OK` for a challenge.
    /// `office365`: a blank line where a reply is due. `twisted`: UIDL about
    /// one message without its number. `unix`: LF ends lines.
    pub fn persona(name: &str) -> Option<Self> {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let none = Self::default();
        Some(match name {
            "ancient" => Self {
                missing: words(&["CAPA", "AUTH", "STLS", "UTF8", "LANG"]),
                ..none
            },
            "dovecot" => Self {
                unstuffed_first_dot: true,
                ..none
            },
            "gmail" => Self {
                late: words(&["UIDL", "TOP", "PIPELINING"]),
                ..none
            },
            "maillennium" => Self {
                extra_blanks: 3,
                top_octets: Some(65_536),
                ..none
            },
            "o2" => Self {
                ok_for_challenge: true,
                ..none
            },
            "office365" => Self {
                blank_line: true,
                ..none
            },
            "twisted" => Self {
                uidl_without_number: true,
                ..none
            },
            "unix" => Self {
                lf_line_ends: true,
                ..none
            },
            _ => return None,
        })
    }

    pub(super) fn is_missing(&self, word: &str) -> bool {
        self.missing.iter().any(|missing| missing == word)
    }

    pub(super) fn is_told(&self, line: &str, logged_in: bool) -> bool {
        let word = line.split(' ').next().unwrap_or_default();
        !self.is_missing(word) && (logged_in || !self.late.iter().any(|late| late == word))
    }

    /// A size as it is told.
    pub(super) fn size(&self, octets: u64) -> u64 {
        octets.saturating_add_signed(self.size_error)
    }

    pub(super) fn changes_output(&self) -> bool {
        self.cut_after.is_some()
            || self.piece.is_some()
            || !self.delay.is_zero()
            || self.lf_line_ends
    }
}

/// Takes the CR of each CRLF out; `carry` is a CR that ended the last piece.
pub(super) fn without_cr(octets: &[u8], carry: &mut bool) -> Vec<u8> {
    let mut kept = Vec::with_capacity(octets.len() + 1);
    for &octet in octets {
        if std::mem::take(carry) && octet != b'\n' {
            kept.push(b'\r');
        }
        if octet == b'\r' {
            *carry = true;
        } else {
            kept.push(octet);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_persona_has_its_faults_and_others_have_none() {
        for name in Faults::PERSONAS {
            assert_ne!(Faults::persona(name), Some(Faults::default()), "{name}");
            assert!(Faults::persona(name).is_some(), "{name}");
        }
        assert_eq!(Faults::persona("nobody"), None);
    }

    #[test]
    fn only_the_cr_of_a_crlf_goes_wherever_it_is_cut() {
        let wire = b"a\r\nb\rc\r\r\n";
        for cut in 0..wire.len() {
            let (left, right) = wire.split_at(cut);
            let mut carry = false;
            let mut kept = without_cr(left, &mut carry);
            kept.extend(without_cr(right, &mut carry));
            assert_eq!(kept, b"a\nb\rc\r\n", "cut at {cut}");
            assert!(!carry);
        }
    }
}
