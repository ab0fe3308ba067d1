//! Values that must not be seen: they redact themselves and are wiped.
//!
//! The rule guarded here: no event, error or trace that a user may print
//! holds a password. Reading one takes a call to [`Secret::expose`], which is
//! easy to find.

use std::fmt;

use zeroize::Zeroize;

/// A value that prints as `[secret]` and is overwritten when dropped.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes a value into custody.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself; every caller is a place where a secret may leak.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl Secret<Vec<u8>> {
    /// Compares in a time that depends on the lengths alone.
    ///
    /// So that a server does not tell by its timing
    /// how much of a password was right.
    pub fn matches(&self, other: &[u8]) -> bool {
        constant_time_eq(&self.0, other)
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

/// Equality without an early exit.
pub(crate) fn constant_time_eq(left: &[u8], right: &[u8]) -> bool {
    let differing = left
        .iter()
        .zip(right)
        .fold(0, |seen, (a, b)| seen | (a ^ b));
    std::hint::black_box(differing) == 0 && left.len() == right.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_without_its_value() {
        let secret = Secret::new(b"tanstaaf".to_vec());
        assert_eq!(format!("{secret:?}"), "[secret]");
    }

    #[test]
    fn matching_compares_every_byte_and_the_length() {
        let secret = Secret::new(b"tanstaaf".to_vec());
        assert!(secret.matches(b"tanstaaf"));
        assert!(!secret.matches(b"tanstaa"));
        assert!(!secret.matches(b"tanstaaF"));
        assert!(!secret.matches(b"tanstaafl"));
    }
}
