//! Every bound of the engines, with its unit, default and precedent.
//!
//! The rule guarded here: nothing that a peer sends grows memory without a
//! bound that stands in this file. The length of a *message line* is never
//! limited: real mail has lines of any length.

use std::time::Duration;

/// The bounds of a client connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Octets of a command with its CRLF: 255 (RFC 2449 section 4).
    pub command_line: usize,
    /// Octets of a status line: 8,192. RFC 2449 section 4 says 512; mpop takes
    /// 8,192, curl 65,536.
    pub status_line: usize,
    /// Octets of a line of LIST or UIDL: 8,192, as for a status line.
    pub listing_line: usize,
    /// Lines of LIST or UIDL: 1,000,000, as mpop.
    pub listing_entries: usize,
    /// Octets of all uids of one UIDL: 128 MiB, enough for as many uids of
    /// full length as there may be lines.
    pub listing_octets: usize,
    /// Octets of a line of CAPA: 512 (RFC 2449 section 3).
    pub capability_line: usize,
    /// Lines of CAPA: 1,000. mpop takes 50.
    pub capability_lines: usize,
    /// Octets of a SASL challenge, in base64: 65,536, for OAuth and GSSAPI.
    pub challenge: usize,
    /// Challenges in one SASL exchange: 32.
    pub rounds: usize,
    /// Octets of a message that is handed out as one buffer: 256 MiB. A
    /// message that is handed out in chunks has no limit.
    pub buffered_content: u64,
    /// Commands without an answer while pipelining: 2,048.
    pub window_commands: usize,
    /// Octets of commands without an answer while pipelining: 32,768, less
    /// than the buffers of any transport in use hold (65,536 at least), so that
    /// a host that writes before it reads cannot dead-lock (RFC 2449 section
    /// 6.6).
    pub window_octets: usize,
    /// Octets of messages that iteration asks for ahead of its reader: 4 MiB.
    pub prefetch_octets: u64,
    /// How long the server may be silent while an answer is due: 60 s.
    pub response_timeout: Duration,
    /// How many times as long the answer to PASS, APOP and AUTH may take: 5.
    /// Servers read a whole maildrop before they give it; Dovecot's own client
    /// waits 5 minutes.
    pub login_patience: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            command_line: 255,
            status_line: 8_192,
            listing_line: 8_192,
            listing_entries: 1_000_000,
            listing_octets: 128 << 20,
            capability_line: 512,
            capability_lines: 1_000,
            challenge: 65_536,
            rounds: 32,
            buffered_content: 256 << 20,
            window_commands: 2_048,
            window_octets: 32_768,
            prefetch_octets: 4 << 20,
            response_timeout: Duration::from_secs(60),
            login_patience: 5,
        }
    }
}

/// The bounds of a server connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerLimits {
    /// Octets of a command line with its line end: 2,048, as Dovecot. RFC 2449
    /// section 4 asks for 255 and what the capabilities need.
    pub command_line: usize,
    /// Octets of a SASL response in base64, and of an AUTH line that brings
    /// one: 65,536.
    pub sasl_response: usize,
    /// Octets of commands that wait for their turn: 65,536; above it the
    /// host is asked to stop reading.
    pub waiting_input: usize,
    /// Octets of replies that wait to be sent before no more content is asked
    /// of the maildrop: 65,536, so that a thousand clients that do not read
    /// take 64 MiB.
    pub waiting_output: usize,
    /// Bad commands before the login after which the connection closes: 3, as
    /// Dovecot.
    pub bad_commands_before_login: u32,
    /// Bad commands after the login after which the connection closes: 20, as
    /// Dovecot.
    pub bad_commands: u32,
    /// Commands of any kind before the login after which the connection
    /// closes: 100.
    pub commands_before_login: u32,
    /// Failed logins after which the connection closes: 3.
    pub failed_logins: u32,
    /// How long the answer to a bad command is held back: not for the first,
    /// 250 ms for the second, and 250 ms more for each further one.
    pub bad_command_delay: Duration,
    /// How long the answer to a failed login is held back, counted from the
    /// moment when the host was asked: 1 s, as mpopd, and twice as long for
    /// each further one.
    pub failed_login_delay: Duration,
    /// How long a client that has not logged in may be silent: 60 s. Half a
    /// line, half a SASL exchange and half a TLS handshake are silence too.
    pub login_timeout: Duration,
    /// How long a client may take from the greeting to its login, whatever it
    /// says: 3 minutes.
    pub login_time: Duration,
    /// How long a session may last, whatever the client says: 24 hours.
    pub session_time: Duration,
    /// How long a client that has logged in may be silent: 10 minutes, the
    /// least that RFC 1939 section 3 allows.
    pub autologout: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            command_line: 2_048,
            sasl_response: 65_536,
            waiting_input: 65_536,
            waiting_output: 65_536,
            bad_commands_before_login: 3,
            bad_commands: 20,
            commands_before_login: 100,
            failed_logins: 3,
            bad_command_delay: Duration::from_millis(250),
            failed_login_delay: Duration::from_secs(1),
            login_timeout: Duration::from_secs(60),
            login_time: Duration::from_secs(180),
            session_time: Duration::from_secs(86_400),
            autologout: Duration::from_secs(600),
        }
    }
}
