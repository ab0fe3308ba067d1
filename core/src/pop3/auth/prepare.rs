//! SASLprep: names and passwords beyond ASCII in the one form that both ends
//! hash (RFC 4013).
//!
//! For mechanisms that send a digest: SCRAM (RFC 5802 section 2.2) and APOP
//! (RFC 6856 section 2.2). Where the secret itself is sent, the server
//! prepares it. What SASLprep forbids goes as it is, since the server may have
//! stored it so; and so does everything in a build without its tables.

use std::borrow::Cow;

use crate::secret::Secret;

/// A name in its prepared form.
pub(crate) fn name(name: &str) -> Cow<'_, str> {
    #[cfg(feature = "saslprep")]
    if let Ok(prepared) = stringprep::saslprep(name) {
        return prepared;
    }
    Cow::Borrowed(name)
}

/// A password in its prepared form; octets that are no UTF-8 stay.
pub(crate) fn password(password: Secret<Vec<u8>>) -> Secret<Vec<u8>> {
    #[cfg(feature = "saslprep")]
    if let Ok(text) = str::from_utf8(password.expose())
        && let Ok(prepared) = stringprep::saslprep(text)
    {
        return Secret::new(prepared.into_owned().into_bytes());
    }
    password
}

#[cfg(all(test, feature = "saslprep"))]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_4013_are_met() {
        for (given, prepared) in [
            ("I\u{ad}X", "IX"),
            ("user", "user"),
            ("USER", "USER"),
            ("\u{aa}", "a"),
            ("\u{2168}", "IX"),
        ] {
            assert_eq!(name(given), prepared);
            let secret = password(Secret::new(given.as_bytes().to_vec()));
            assert_eq!(secret.expose(), prepared.as_bytes());
        }
    }

    #[test]
    fn what_is_forbidden_stays() {
        assert_eq!(name("\u{627}1"), "\u{627}1");
        let octets = Secret::new(b"\xff\xfe".to_vec());
        assert_eq!(password(octets).expose(), b"\xff\xfe");
    }
}
