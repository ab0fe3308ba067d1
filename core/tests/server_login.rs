//! What slows down and ends clients that guess, wait or talk without end, and
//! the mechanisms of the client engine against the server's.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs
)]

mod server_host;

use std::time::Duration;

use popmail::pop3::{CloseReason, Credentials, Refusal, Stamp};
use popmail::{
    AuthChoice, ClientConfig, ClientConnection, ClientEvent, Faults, LoginRequest, MaildropEntry,
    SaslMechanism, ScramKeys, Security, ServerConfig, ServerConnection, ServerEvent, ServerLimits,
};
use server_host::Host;

const SECOND: Duration = Duration::from_secs(1);

fn all_mechanisms() -> ServerConfig {
    ServerConfig {
        mechanisms: SaslMechanism::ALL.to_vec(),
        seed: b"0123456789abcdef".to_vec().into(),
        apop_stamp: Stamp::new(b"<1.2@host>"),
        ..ServerConfig::default()
    }
}

fn login_failures(server: &mut ServerConnection) -> Vec<(u32, Duration)> {
    let mut told = Vec::new();
    while let Some(event) = server.next_event() {
        match event {
            ServerEvent::Authenticate { .. } => {
                server.refuse_login(Refusal::BadCredentials).unwrap();
            }
            ServerEvent::LoginFailed { count, delay, .. } => told.push((count, delay)),
            _ => {}
        }
    }
    told
}

// Guessing.

#[test]
fn each_failed_login_is_answered_later_than_the_one_before_and_the_last_ends_it() {
    let mut server = ServerConnection::new(ServerConfig::default());
    let mut now = SECOND;
    for (count, delay) in [(1, 1), (2, 2), (3, 4)] {
        server.handle_timeout(now);
        server.receive(b"USER me\r\nPASS guess\r\n");
        server.handle_timeout(now);
        assert_eq!(login_failures(&mut server), [(count, SECOND * delay)]);
        let mut wire = Vec::new();
        server.take_output(&mut wire);
        server.handle_timeout(now + SECOND * delay - SECOND / 10);
        wire.clear();
        server.take_output(&mut wire);
        assert_eq!(wire, b"");
        now += SECOND * delay;
        server.handle_timeout(now);
        server.take_output(&mut wire);
        assert_eq!(wire, b"-ERR [AUTH] wrong name or password\r\n");
    }
    assert_eq!(
        server.next_event(),
        Some(ServerEvent::ConnectionClosed {
            reason: CloseReason::FailedLogins
        })
    );
}

#[test]
fn a_host_that_remembers_an_address_slows_it_down_from_the_first_try() {
    let mut server = ServerConnection::new(ServerConfig::default());
    server.penalize(SECOND * 10);
    server.receive(b"USER me\r\nPASS guess\r\n");
    assert_eq!(login_failures(&mut server), [(1, SECOND * 11)]);
    server.handle_timeout(SECOND);
    assert_eq!(server.timeout(), Some(SECOND * 11));
}

#[test]
fn the_time_of_the_hosts_check_does_not_show() {
    for check in [0, 200, 900] {
        let mut server = ServerConnection::new(ServerConfig::default());
        server.receive(b"USER me\r\nPASS guess\r\n");
        server.handle_timeout(SECOND);
        let event = server.next_event();
        assert!(matches!(event, Some(ServerEvent::Authenticate { .. })));
        // The host looks the name up, or spends its time with a slow hash.
        let after = SECOND + Duration::from_millis(check);
        server.handle_timeout(after);
        server.refuse_login(Refusal::BadCredentials).unwrap();
        server.take_output(&mut Vec::new());
        server.handle_timeout(after);
        let left = server.timeout().unwrap();
        assert_eq!(after + left, SECOND * 2, "a check of {check} ms");
    }
}

#[test]
fn bad_commands_are_answered_ever_later() {
    let mut host = Host::logged_in(ServerConfig::default(), &[]);
    let mut now = SECOND;
    host.server.handle_timeout(now);
    assert_eq!(host.say(b"BAD\r\n"), "-ERR unknown command\r\n");
    for count in 2..20 {
        assert_eq!(host.say(b"BAD\r\n"), "");
        assert_eq!(host.refused, count);
        host.server.handle_timeout(now);
        let delay = host.server.timeout().unwrap();
        assert_eq!(delay, Duration::from_millis(250) * (count - 1));
        now += delay;
        host.server.handle_timeout(now);
        host.run();
        assert!(host.wire.ends_with(b"-ERR unknown command\r\n"));
    }
    assert_eq!(host.say(b"BAD\r\n"), "-ERR too many bad commands\r\n");
    assert_eq!(host.closed, Some(CloseReason::BadCommands));
}

// Deadlines.

#[test]
fn a_client_that_talks_without_logging_in_is_closed_in_time() {
    let mut host = Host::with_messages(ServerConfig::default(), &[]);
    let limit = ServerLimits::default().login_time;
    for second in 0..limit.as_secs() {
        host.server.handle_timeout(SECOND * second as u32);
        if second % 5 == 0 {
            host.say(b"CAPA\r\n");
        }
        assert_eq!(host.closed, None, "at {second} s");
    }
    host.server.handle_timeout(limit);
    host.run();
    assert_eq!(host.closed, Some(CloseReason::Timeout));
}

#[test]
fn half_an_exchange_and_half_a_handshake_are_silence() {
    for (config, said) in [
        (ServerConfig::default(), &b"AUTH PLAIN\r\n"[..]),
        (
            ServerConfig {
                tls: Security::StartTls,
                ..ServerConfig::default()
            },
            b"STLS\r\n",
        ),
    ] {
        let mut host = Host::with_messages(config, &[]);
        host.say(said);
        host.server.handle_timeout(SECOND);
        let limit = ServerLimits::default().login_timeout;
        assert_eq!(host.server.timeout(), Some(limit));
        host.server.handle_timeout(SECOND + limit);
        host.run();
        assert_eq!(host.closed, Some(CloseReason::Timeout));
    }
}

#[test]
fn a_session_has_an_end_however_much_the_client_says() {
    let limits = ServerLimits {
        session_time: SECOND * 3_600,
        ..ServerLimits::default()
    };
    let config = ServerConfig {
        limits,
        ..ServerConfig::default()
    };
    let mut host = Host::logged_in(config, &[b"a"]);
    host.say(b"DELE 1\r\n");
    for minute in 0..60 {
        host.server.handle_timeout(SECOND * 60 * minute);
        assert_eq!(host.say(b"NOOP\r\n"), "+OK\r\n");
    }
    host.server.handle_timeout(SECOND * 3_600);
    host.run();
    assert_eq!(host.closed, Some(CloseReason::Timeout));
    assert_eq!(host.left("me").len(), 1);
}

// Mechanisms, back to back.

#[test]
fn every_mechanism_of_the_client_logs_in_and_a_wrong_secret_does_not() {
    let token = |secret: &str| LoginRequest {
        user: "me".into(),
        token: Some(secret.as_bytes().to_vec().into()),
        ..LoginRequest::default()
    };
    let password = |secret: &str| LoginRequest {
        user: "me".into(),
        password: Some(secret.as_bytes().to_vec().into()),
        nonce: "fyko+d2lbbFgONRv9qkxdawL".into(),
        ..LoginRequest::default()
    };
    for (choice, mechanism) in [
        (AuthChoice::UserPass, "USER"),
        (AuthChoice::Apop, "APOP"),
        (AuthChoice::Plain, "PLAIN"),
        (AuthChoice::Login, "LOGIN"),
        (AuthChoice::CramMd5, "CRAM-MD5"),
        (AuthChoice::ScramSha256, "SCRAM-SHA-256"),
        (AuthChoice::OAuthBearer, "OAUTHBEARER"),
        (AuthChoice::XOAuth2, "XOAUTH2"),
    ] {
        let takes_token = matches!(choice, AuthChoice::OAuthBearer | AuthChoice::XOAuth2);
        for initial_response in [false, true] {
            for secret in ["secret", "wrong"] {
                let request = if takes_token {
                    token(secret)
                } else {
                    password(secret)
                };
                let request = LoginRequest {
                    auth: choice,
                    initial_response,
                    ..request
                };
                let mut config = all_mechanisms();
                config.limits.failed_login_delay = Duration::ZERO;
                let logged_in = back_to_back(config, request);
                assert_eq!(
                    logged_in,
                    secret == "secret",
                    "{mechanism} {initial_response} {secret}"
                );
            }
        }
    }
}

fn back_to_back(config: ServerConfig, request: LoginRequest) -> bool {
    let mut host = Host::with_messages(config, &[]);
    let mut client = ClientConnection::new(ClientConfig::default());
    client.login_with(request).unwrap();
    client.receive(&std::mem::take(&mut host.wire));
    for _ in 0..20 {
        while let Some(event) = client.next_event() {
            match event {
                ClientEvent::LoginFinished { .. } => return host.server.user() == Some("me"),
                ClientEvent::CommandFailed { .. } => return false,
                ClientEvent::ConnectionClosed { error } => panic!("{error:?}"),
                _ => {}
            }
        }
        let mut wire = Vec::new();
        client.take_output(&mut wire);
        host.say(&wire);
        client.receive(&std::mem::take(&mut host.wire));
    }
    panic!("the login does not end");
}

#[test]
fn a_scram_login_with_stored_keys_needs_no_password() {
    let mut server = ServerConnection::new(all_mechanisms());
    let mut client = ClientConnection::new(ClientConfig::default());
    let request = LoginRequest {
        auth: AuthChoice::ScramSha256,
        user: "me".into(),
        password: Some(b"secret".to_vec().into()),
        nonce: "abcdefghijklmnop".into(),
        ..LoginRequest::default()
    };
    client.login_with(request).unwrap();
    let keys = ScramKeys::from_password(b"secret", b"another salt", 5_000);
    for _ in 0..20 {
        let mut wire = Vec::new();
        server.take_output(&mut wire);
        client.receive(&wire);
        wire.clear();
        client.take_output(&mut wire);
        server.receive(&wire);
        match server.next_event() {
            Some(ServerEvent::KeysWanted { user, .. }) => {
                assert_eq!(user, "me");
                server.provide_keys(Some(keys.clone())).unwrap();
            }
            Some(ServerEvent::OpenMaildrop { user }) => {
                assert_eq!(user, "me");
                return;
            }
            Some(event) => panic!("{event:?}"),
            None => {}
        }
    }
    panic!("the login does not end");
}

#[test]
fn credentials_show_no_secret_and_tokens_are_no_passwords() {
    let credentials = Credentials::Token {
        user: "me".into(),
        token: b"tanstaaf".to_vec().into(),
    };
    assert!(!credentials.verify(b"tanstaaf"));
    assert!(!format!("{credentials:?}").contains("tanstaaf"));
}

// The trace, and UTF8.

#[test]
fn a_trace_tells_the_lines_without_secrets() {
    let config = ServerConfig {
        trace: true,
        ..all_mechanisms()
    };
    let mut host = Host::with_messages(config, &[b"a"]);
    host.say(b"APOP you 00112233445566778899aabbccddeeff\r\n");
    host.server.handle_timeout(SECOND);
    host.server.handle_timeout(SECOND * 2);
    host.run();
    host.say(b"AUTH PLAIN AHlvdQBndWVzcw==\r\n");
    host.server.handle_timeout(SECOND * 3);
    host.server.handle_timeout(SECOND * 9);
    host.run();
    host.say(b"AUTH PLAIN\r\nAG1lAHNlY3JldA==\r\nRETR\t1\x1b[2J\r\nDELE 1\r\n");
    assert_eq!(
        host.lines,
        [
            "APOP you (secret)",
            "AUTH PLAIN (secret)",
            "AUTH PLAIN",
            "(a SASL response)",
            "RETR?1?[2J",
            "DELE 1",
        ]
    );
    let mut host = Host::with_messages(
        ServerConfig {
            trace: true,
            ..ServerConfig::default()
        },
        &[],
    );
    host.say(b"USER me\r\nPASS secret\r\n");
    assert_eq!(host.lines, ["USER me", "PASS (secret)"]);
}

#[test]
fn the_host_learns_whether_a_client_can_read_utf8_and_may_refuse() {
    let config = ServerConfig {
        utf8: true,
        ..ServerConfig::default()
    };
    let mut server = ServerConnection::new(config);
    server.receive(b"USER me\r\nPASS secret\r\nRETR 1\r\n");
    server.next_event();
    server.accept_login().unwrap();
    server.next_event();
    let entry = MaildropEntry {
        uid: "a".into(),
        octets: 1,
    };
    server.maildrop_opened(vec![entry]).unwrap();
    assert_eq!(
        server.next_event(),
        Some(ServerEvent::Retrieve {
            number: 1,
            lines: None,
            utf8: false
        })
    );
    server.take_output(&mut Vec::new());
    server.refuse_content(Refusal::Utf8).unwrap();
    let mut wire = Vec::new();
    server.take_output(&mut wire);
    assert!(wire.starts_with(b"-ERR [UTF8] "));
    server.receive(b"UTF8\r\nRETR 1\r\n");
    assert_eq!(
        server.next_event(),
        Some(ServerEvent::Retrieve {
            number: 1,
            lines: None,
            utf8: true
        })
    );
}

// Faults that take time.

#[test]
fn delayed_pieces_come_one_at_a_time_and_the_last_reply_too() {
    let config = ServerConfig {
        faults: Faults {
            delay: SECOND,
            piece: Some(4),
            ..Faults::default()
        },
        ..ServerConfig::default()
    };
    let mut server = ServerConnection::new(config);
    server.receive(b"QUIT\r\n");
    let mut wire = Vec::new();
    let mut now = SECOND;
    let mut pieces = 0;
    server.handle_timeout(now);
    while server.holds_output() {
        server.take_output(&mut wire);
        assert_eq!(wire.len(), pieces * 4, "nothing before its time");
        assert_eq!(server.timeout(), Some(SECOND));
        now += SECOND;
        server.handle_timeout(now);
        server.take_output(&mut wire);
        server.handle_timeout(now);
        pieces += 1;
    }
    assert_eq!(wire, b"+OK ready\r\n+OK bye\r\n");
    assert_eq!(pieces, 5);
    assert_eq!(server.timeout(), None);
}
