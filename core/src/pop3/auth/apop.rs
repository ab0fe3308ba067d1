//! APOP: a digest over the greeting's stamp and the secret (RFC 1939
//! section 7).
//!
//! The rule guarded here: the stamp must be a message id as RFC 822 writes
//! it. MD5 collisions need octets outside that form: with them a server in
//! the middle reads the first characters of the password out of a few hundred
//! logins (CVE-2007-1558). The scan of the greeting is linear and bounded
//! (CVE-2018-1060).

use md5::{Digest, Md5};

use crate::secret::constant_time_eq;

/// The stamp of a greeting, `<…@…>` with its brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp(String);

impl Stamp {
    /// Finds the stamp in a greeting; `None` if there is none that can be
    /// trusted.
    pub fn find(greeting: &[u8]) -> Option<Self> {
        let scanned = greeting.get(..SCANNED).unwrap_or(greeting);
        let start = scanned.iter().position(|&octet| octet == b'<')?;
        let after = scanned.get(start..)?;
        let length = after.iter().position(|&octet| octet == b'>')? + 1;
        Self::new(after.get(..length)?)
    }

    /// Checks a stamp with its brackets: printable ASCII without spaces, one
    /// `<`, one `@` with something on both sides, one `>`.
    pub fn new(stamp: &[u8]) -> Option<Self> {
        let inside = stamp.strip_prefix(b"<")?.strip_suffix(b">")?;
        let well_formed = inside
            .iter()
            .all(|&octet| octet.is_ascii_graphic() && !matches!(octet, b'<' | b'>'));
        let at = inside.iter().position(|&octet| octet == b'@')?;
        let once = inside.iter().filter(|&&octet| octet == b'@').count() == 1;
        if !well_formed || !once || at == 0 || at + 1 == inside.len() {
            return None;
        }
        String::from_utf8(stamp.to_vec()).ok().map(Self)
    }

    /// The stamp with its brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 32 lower-case hexadecimal digits for this stamp and a secret.
    pub fn digest(&self, secret: &[u8]) -> String {
        let mut md5 = Md5::new();
        md5.update(self.0.as_bytes());
        md5.update(secret);
        hexadecimal(&md5.finalize())
    }

    /// True if `digest` is the one for `secret`; in constant time.
    pub fn verify(&self, secret: &[u8], digest: &str) -> bool {
        constant_time_eq(
            self.digest(secret).as_bytes(),
            digest.to_ascii_lowercase().as_bytes(),
        )
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hexadecimal(octets: &[u8]) -> String {
    octets
        .iter()
        .flat_map(|octet| [octet >> 4, octet & 15])
        .filter_map(|nibble| char::from_digit(u32::from(nibble), 16))
        .collect()
}

/// The APOP digest for a greeting (the line as the server sent it) and a
/// secret: 32 lower-case hexadecimal digits; `None` if the greeting holds no
/// stamp that can be trusted.
///
/// Source: RFC 1939 section 7.
///
/// ```
/// let greeting = b"+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>";
/// assert_eq!(
///     popmail::apop_digest(greeting, b"tanstaaf").as_deref(),
///     Some("c4c9334bac560ecc979e58001b3e22fb"),
/// );
/// ```
pub fn digest(greeting: &[u8], secret: &[u8]) -> Option<String> {
    Stamp::find(greeting).map(|stamp| stamp.digest(secret))
}

/// Octets of a greeting that are searched: RFC 1939 allows no more.
const SCANNED: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_that_are_no_message_id_are_refused() {
        for greeting in [
            &b"+OK ready"[..],
            b"+OK <a.b.c>",
            b"+OK <here is the challenge>",
            b"+OK <a@b@c>",
            b"+OK <@host>",
            b"+OK <user@>",
            b"+OK <us\xe9r@host>",
            b"+OK <us\0r@host>",
            b"+OK <<a@b>",
            b"+OK <a@b",
            b"+OK >a@b<",
        ] {
            assert_eq!(Stamp::find(greeting), None, "{}", greeting.escape_ascii());
        }
    }

    #[test]
    fn a_stamp_beyond_the_longest_greeting_is_not_looked_for() {
        let mut greeting = vec![b'<'; 1_000_000];
        greeting.extend_from_slice(b"<a@b>");
        assert_eq!(Stamp::find(&greeting), None);
    }

    #[test]
    fn a_digest_is_verified_in_either_case() {
        let stamp = Stamp::new(b"<1896.697170952@dbc.mtview.ca.us>");
        let verifies = |digest| {
            stamp
                .as_ref()
                .is_some_and(|s| s.verify(b"tanstaaf", digest))
        };
        assert!(verifies("c4c9334bac560ecc979e58001b3e22fb"));
        assert!(verifies("C4C9334BAC560ECC979E58001B3E22FB"));
        assert!(!verifies("c4c9334bac560ecc979e58001b3e22fc"));
        assert!(!verifies(""));
    }
}
