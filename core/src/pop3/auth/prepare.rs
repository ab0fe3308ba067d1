//! SASLprep: names and passwords beyond ASCII in the one form that both ends
//! hash (RFC 4013).
//!
//! For mechanisms that send a digest: SCRAM (RFC 5802 section 2.2) and APOP
//! (RFC 6856 section 2.2). Where the secret itself is sent, the server
//! prepares it. What SASLprep forbids goes as it is, since the server may have
//! stored it so.
//!
//! The feature `saslprep` has the tables. A build without them may leave the
//! normal form, which is nearly all of these, to its host
//! (`set_host_normal_form`); with neither everything goes as it is.

use std::borrow::Cow;

use crate::secret::Secret;

#[cfg(feature = "host-saslprep")]
#[cfg_attr(feature = "saslprep", allow(dead_code))] // A build that has both takes its own.
mod host;
#[cfg(feature = "host-saslprep")]
pub use host::set_host_normal_form;

/// A name in its prepared form.
pub(crate) fn name(name: &str) -> Cow<'_, str> {
    saslprep(name).map_or(Cow::Borrowed(name), Cow::Owned)
}

/// A password in its prepared form; octets that are no UTF-8 stay.
pub(crate) fn password(password: Secret<Vec<u8>>) -> Secret<Vec<u8>> {
    let text = str::from_utf8(password.expose());
    match text.ok().and_then(saslprep) {
        Some(prepared) => Secret::new(prepared.into_bytes()),
        None => password,
    }
}

/// `None` for what is forbidden or already in its form.
fn saslprep(text: &str) -> Option<String> {
    if text.is_ascii() {
        return None; // its own form; control characters stay as they are
    }
    #[cfg(feature = "saslprep")]
    return stringprep::saslprep(text).ok().map(Cow::into_owned);
    #[cfg(all(feature = "host-saslprep", not(feature = "saslprep")))]
    return host::saslprep(text);
    #[cfg(not(any(feature = "host-saslprep", feature = "saslprep")))]
    return None;
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
