//! SASL CRAM-MD5: a keyed digest of the challenge (RFC 2195).

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;

use super::Mechanism;
use crate::secret::Secret;

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
        let mut mac = Hmac::<Md5>::new_from_slice(password.expose())
            .map_err(|_| "the password cannot be a key".to_owned())?;
        mac.update(challenge);
        let mut response = format!("{} ", self.user).into_bytes();
        response.extend(super::apop::hexadecimal(&mac.finalize().into_bytes()).bytes());
        Ok(Secret::new(response))
    }

    fn has_more(&self) -> bool {
        self.password.is_some()
    }
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
}
