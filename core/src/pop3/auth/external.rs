//! SASL EXTERNAL: the channel has proved who the client is, as a TLS client
//! certificate does (RFC 4422 appendix A).

use super::Mechanism;
use crate::secret::Secret;

#[derive(Debug)]
pub(crate) struct External {
    /// Whom to act for; empty for the one whom the channel proves.
    authzid: Option<String>,
}

impl External {
    pub(crate) fn new(authzid: &str) -> Self {
        Self {
            authzid: Some(authzid.to_owned()),
        }
    }
}

impl Mechanism for External {
    fn name(&self) -> &'static str {
        "EXTERNAL"
    }

    fn respond(&mut self, _challenge: &[u8]) -> Result<Secret<Vec<u8>>, String> {
        self.authzid
            .take()
            .map(|identity| Secret::new(identity.into_bytes()))
            .ok_or_else(|| "EXTERNAL has one challenge, got a second".into())
    }

    fn has_more(&self) -> bool {
        self.authzid.is_some()
    }
}
