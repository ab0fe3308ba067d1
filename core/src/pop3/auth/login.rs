//! SASL LOGIN: the name, then the password, each on request. Without an RFC;
//! servers ask in words that differ, so that only the order counts.

use super::Mechanism;
use crate::secret::Secret;

#[derive(Debug)]
pub(crate) struct Login {
    user: Option<Secret<Vec<u8>>>,
    password: Option<Secret<Vec<u8>>>,
}

impl Login {
    pub(crate) fn new(user: &str, password: Secret<Vec<u8>>) -> Self {
        Self {
            user: Some(Secret::new(user.as_bytes().to_vec())),
            password: Some(password),
        }
    }
}

impl Mechanism for Login {
    fn name(&self) -> &'static str {
        "LOGIN"
    }

    fn speaks_first(&self) -> bool {
        false
    }

    fn respond(&mut self, _challenge: &[u8]) -> Result<Secret<Vec<u8>>, String> {
        self.user
            .take()
            .or_else(|| self.password.take())
            .ok_or_else(|| "LOGIN has two challenges, got a third".into())
    }

    fn has_more(&self) -> bool {
        self.password.is_some()
    }
}
