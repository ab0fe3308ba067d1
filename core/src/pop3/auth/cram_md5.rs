//! SASL CRAM-MD5: a keyed digest of the challenge (RFC 2195).

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;

use super::Mechanism;
use crate::secret::{Secret, constant_time_eq};

#[derive(Debug)]
pub(crate) struct CramMd5 {
    user: String,
    password: Option<Secret<Vec<u8>>>,
}

impl CramMd5 {
    pub(crate) fn new(user: &str, password: Secret<Vec<u8>>) -> Self {
        Self {
            user: user.to_owned(),
            password: Some(password),
        }
    }
}

impl Mechanism for CramMd5 {
    fn name(&self) -> &'static str {
        "CRAM-MD5"
    }

    fn speaks_first(&self) -> bool {
        false
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Secret<Vec<u8>>, String> {
        if challenge.is_empty() {
            return Err("CRAM-MD5 needs a challenge, got an empty one".into());
        }
        let Some(password) = self.password.take() else {
            return Err("CRAM-MD5 has one challenge, got a second".into());
        };
        let digest = digest(challenge, password.expose())
            .ok_or_else(|| "the password cannot be a key".to_owned())?;
        Ok(Secret::new(format!("{} {digest}", self.user).into_bytes()))
    }

    fn has_more(&self) -> bool {
        self.password.is_some()
    }
}

/// The server's reading of the response: `(name, digest)`. The digest is the
/// last word, so that a name may hold spaces.
pub(crate) fn parse(response: &[u8]) -> Option<(String, String)> {
    let (user, digest) = str::from_utf8(response).ok()?.rsplit_once(' ')?;
    let well_formed = digest.len() == 32 && digest.bytes().all(|octet| octet.is_ascii_hexdigit());
    let printable = !user.is_empty() && !user.bytes().any(|octet| octet.is_ascii_control());
    (well_formed && printable).then(|| (user.to_owned(), digest.to_owned()))
}

/// True if `given` is the digest of the challenge for this password; in
/// constant time.
pub(crate) fn verify(challenge: &str, password: &[u8], given: &str) -> bool {
    digest(challenge.as_bytes(), password).is_some_and(|digest| {
        constant_time_eq(digest.as_bytes(), given.to_ascii_lowercase().as_bytes())
    })
}

/// 32 lower-case hexadecimal digits.
fn digest(challenge: &[u8], password: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Md5>::new_from_slice(password).ok()?;
    mac.update(challenge);
    Some(super::apop::hexadecimal(&mac.finalize().into_bytes()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_is_met() {
        let secret = Secret::new(b"tanstaaftanstaaf".to_vec());
        let mut mechanism = CramMd5::new("tim", secret);
        assert!(mechanism.respond(b"").is_err());
        let response = mechanism
            .respond(b"<1896.697170952@postoffice.reston.mci.net>")
            .unwrap();
        assert_eq!(response.expose(), b"tim b913a602c7eda7a495b4e6e7334d3890");
        assert!(mechanism.respond(b"again").is_err());
    }

    #[test]
    fn the_server_verifies_the_example_of_the_rfc() {
        let (user, digest) = parse(b"tim b913a602c7eda7a495b4e6e7334d3890").unwrap();
        assert_eq!(user, "tim");
        let challenge = "<1896.697170952@postoffice.reston.mci.net>";
        assert!(verify(challenge, b"tanstaaftanstaaf", &digest));
        assert!(verify(
            challenge,
            b"tanstaaftanstaaf",
            &digest.to_uppercase()
        ));
        assert!(!verify(challenge, b"tanstaaf", &digest));
        for odd in [
            &b""[..],
            b"tim",
            b"tim 00",
            b" b913a602c7eda7a495b4e6e7334d3890",
        ] {
            assert_eq!(parse(odd), None);
        }
    }
}
