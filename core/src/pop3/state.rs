//! Every state and transition of both roles; nothing else changes a state.
//!
//! A client and a server run through the same states (RFC 1939 section 3),
//! so one table serves both. Beside them stands the channel: whether the
//! octets are protected by TLS (RFC 2595 section 4).

use super::command::Verb;

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// The server has not greeted.
    Greeting,
    /// Greeted, not logged in.
    Authorization,
    /// Logged in.
    Transaction,
    /// QUIT after a login: the server removes what is marked.
    Update,
    /// Ended in order.
    Closed,
    /// Ended by an error.
    Failed,
}

impl State {
    /// The name that every language uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::Authorization => "authorization",
            Self::Transaction => "transaction",
            Self::Update => "update",
            Self::Closed => "closed",
            Self::Failed => "failed",
        }
    }

    /// True if nothing more can happen.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Closed | Self::Failed)
    }
}

/// What can change a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trigger {
    Greeted,
    LoggedIn,
    /// A second connection takes the place of the first.
    Reconnected,
    Quit,
    Ended,
    Failed,
}

const TRANSITIONS: &[(State, Trigger, State)] = &[
    (State::Greeting, Trigger::Greeted, State::Authorization),
    (State::Greeting, Trigger::Ended, State::Closed),
    (State::Greeting, Trigger::Failed, State::Failed),
    (State::Authorization, Trigger::LoggedIn, State::Transaction),
    (State::Authorization, Trigger::Reconnected, State::Greeting),
    // QUIT before the login commits nothing (RFC 1939 section 4).
    (State::Authorization, Trigger::Quit, State::Closed),
    (State::Authorization, Trigger::Ended, State::Closed),
    (State::Authorization, Trigger::Failed, State::Failed),
    (State::Transaction, Trigger::Quit, State::Update),
    (State::Transaction, Trigger::Ended, State::Closed),
    (State::Transaction, Trigger::Failed, State::Failed),
    (State::Update, Trigger::Ended, State::Closed),
    (State::Update, Trigger::Failed, State::Failed),
];

/// The state after a trigger; the same where the table has no row.
pub(crate) fn after(state: State, trigger: Trigger) -> State {
    TRANSITIONS
        .iter()
        .find(|(from, on, _)| *from == state && *on == trigger)
        .map_or(state, |(_, _, to)| *to)
}

/// The states in which a command may be given (RFC 1939, 2449 section 5, 2595
/// section 4, 5034 section 4, 6856 sections 2 and 3; LAST by RFC 1460).
pub(crate) fn allows(state: State, verb: Verb) -> bool {
    match verb {
        Verb::Stls
        | Verb::Utf8
        | Verb::User
        | Verb::Pass
        | Verb::Apop
        | Verb::Auth
        | Verb::Xclient => state == State::Authorization,
        Verb::Stat
        | Verb::List
        | Verb::Uidl
        | Verb::Retr
        | Verb::Top
        | Verb::Dele
        | Verb::Rset
        | Verb::Last
        | Verb::Noop => state == State::Transaction,
        Verb::Capa | Verb::Lang | Verb::Quit => {
            matches!(state, State::Authorization | State::Transaction)
        }
    }
}

/// Whether the octets are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    Clear,
    /// Between the reply to STLS and the end of the handshake: no octet of
    /// POP3 may pass.
    Handshake,
    Secure,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_connection_stays_ended() {
        for state in [State::Closed, State::Failed] {
            for trigger in [
                Trigger::Greeted,
                Trigger::LoggedIn,
                Trigger::Reconnected,
                Trigger::Quit,
                Trigger::Ended,
                Trigger::Failed,
            ] {
                assert_eq!(after(state, trigger), state);
            }
        }
    }

    #[test]
    fn quit_enters_update_only_after_a_login() {
        assert_eq!(after(State::Authorization, Trigger::Quit), State::Closed);
        assert_eq!(after(State::Transaction, Trigger::Quit), State::Update);
    }

    #[test]
    fn login_commands_end_with_the_authorization_state() {
        assert!(allows(State::Authorization, Verb::Stls));
        assert!(!allows(State::Transaction, Verb::Stls));
        assert!(!allows(State::Greeting, Verb::Capa));
        assert!(!allows(State::Update, Verb::Quit));
    }
}
