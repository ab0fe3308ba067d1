//! Authentication mechanisms, one per file, both roles side by side.
//!
//! A mechanism turns names, secrets and challenges into octets; whether it
//! may be used on a channel is decided in `login`.

pub mod apop;
pub mod plain;
