//! Scenarios of the server engine that a dialogue cannot tell: time, bounds,
//! wrong moments, odd octets, and the client engine on the other side.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs
)]

mod server_host;

use std::time::Duration;

use popmail::pop3::{CloseReason, Refusal, Stamp, Unstuffer};
use popmail::{
    AuthChoice, ClientConfig, ClientConnection, ClientEvent, ContentMode, MaildropEntry, Security,
    ServerConfig, ServerConnection, ServerEvent, ServerLimits, State,
};
use server_host::{Host, Random};

const SECOND: Duration = Duration::from_secs(1);

fn with_limits(limits: ServerLimits) -> ServerConfig {
    ServerConfig {
        limits,
        ..ServerConfig::default()
    }
}

fn starttls() -> ServerConfig {
    ServerConfig {
        tls: Security::StartTls,
        ..ServerConfig::default()
    }
}

/// Answers bad commands at once.
fn prompt() -> ServerLimits {
    ServerLimits {
        bad_command_delay: Duration::ZERO,
        ..ServerLimits::default()
    }
}

// Time.

#[test]
fn a_failed_login_is_answered_after_its_delay() {
    let mut host = Host::with_messages(ServerConfig::default(), &[]);
    let at = |seconds: u64| Duration::from_secs(1_000 + seconds);
    host.server.handle_timeout(at(0));
    assert_eq!(host.say(b"USER me\r\nPASS wrong\r\nCAPA\r\n"), "+OK\r\n");
    assert_eq!(host.failed_logins, ["me"]);
    assert_eq!(host.server.timeout(), Some(SECOND));
    host.server.handle_timeout(at(5));
    assert_eq!(host.server.timeout(), Some(SECOND));
    host.server.handle_timeout(at(5) + SECOND / 4);
    assert_eq!(host.server.timeout(), Some(SECOND * 3 / 4));
    assert_eq!(host.say(b"NOOP\r\n"), "", "nothing overtakes the answer");
    host.server.handle_timeout(at(6));
    let told = host.say(b"");
    assert!(told.starts_with("-ERR [AUTH]"), "{told}");
    assert!(
        told.contains("\r\n.\r\n-ERR"),
        "what waited follows: {told}"
    );
}

#[test]
fn a_client_that_is_silent_is_logged_out_and_nothing_is_removed() {
    let mut host = Host::logged_in(ServerConfig::default(), &[b"A: b\n\nx\n"]);
    host.say(b"DELE 1\r\n");
    let limit = ServerLimits::default().autologout;
    host.server.handle_timeout(SECOND);
    assert_eq!(host.server.timeout(), Some(limit));
    host.server.handle_timeout(limit);
    assert_eq!(host.server.timeout(), Some(SECOND));
    assert_eq!(host.say(b"NOOP\r\n"), "+OK\r\n");
    host.server.handle_timeout(limit + SECOND);
    assert_eq!(host.closed, None, "a command starts the timer anew");
    host.wire.clear();
    host.server.handle_timeout(limit + limit + SECOND);
    host.run();
    assert_eq!(host.closed, Some(CloseReason::Timeout));
    assert!(host.wire.is_empty(), "no response (RFC 1939 section 3)");
    assert_eq!(host.left("me").len(), 1);
    assert_eq!(host.server.timeout(), None);
}

#[test]
fn half_a_line_does_not_keep_a_connection_alive() {
    let mut host = Host::with_messages(ServerConfig::default(), &[]);
    let limit = ServerLimits::default().login_timeout;
    for second in 0..=limit.as_secs() {
        host.server.handle_timeout(SECOND * second as u32);
        host.say(b"A");
    }
    assert_eq!(host.closed, Some(CloseReason::Timeout));
}

#[test]
fn a_host_that_works_long_is_not_logged_out_but_a_client_that_reads_nothing_is() {
    let mut server = ServerConnection::new(with_limits(ServerLimits {
        waiting_output: 100,
        ..ServerLimits::default()
    }));
    let hour = SECOND * 3_600;
    server.take_output(&mut Vec::new());
    server.receive(b"AUTH PLAIN AG1lAHNlY3JldA==\r\nRETR 1\r\n");
    assert_eq!(server.timeout(), None);
    server.handle_timeout(hour);
    server.accept_login().unwrap();
    server.handle_timeout(hour * 2);
    server
        .maildrop_opened(vec![MaildropEntry {
            uid: "a".into(),
            octets: 9,
        }])
        .unwrap();
    server.take_output(&mut Vec::new());
    server.handle_timeout(hour * 3);
    assert!(server.wants_content());
    server.handle_timeout(hour * 4);
    assert_eq!(server.state(), State::Transaction);
    server.send_content(&[b'x'; 200]).unwrap();
    assert!(!server.wants_content());
    server.handle_timeout(hour * 5);
    assert!(server.timeout().is_some());
    server.handle_timeout(hour * 6);
    assert_eq!(server.state(), State::Failed);
    assert!(server.send_content(b"x").is_err());
}

// Bounds.

#[test]
fn pipelined_commands_without_end_wait_in_a_bounded_buffer() {
    let mut server = ServerConnection::new(ServerConfig::default());
    server.receive(b"USER me\r\nPASS secret\r\n");
    let mut sent = 0;
    while server.wants_input() {
        server.receive(&b"NOOP\r\n".repeat(100));
        sent += 100;
    }
    assert!(sent * 6 <= ServerLimits::default().waiting_input + 600);
    server.accept_login().unwrap();
    server.maildrop_opened(Vec::new()).unwrap();
    assert!(server.wants_input());
    let mut wire = Vec::new();
    server.take_output(&mut wire);
    assert_eq!(
        wire.iter().filter(|&&octet| octet == b'\n').count(),
        sent + 3
    );
}

#[test]
fn replies_wait_in_a_bounded_buffer() {
    let messages: Vec<Vec<u8>> = (0..2_000).map(|at| format!("{at}\n").into()).collect();
    let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let limits = ServerLimits {
        waiting_output: 1_000,
        ..ServerLimits::default()
    };
    let mut host = Host::logged_in(with_limits(limits), &messages);
    let told = host.say(&b"LIST\r\nUIDL\r\n".repeat(20));
    assert_eq!(told.matches("\r\n.\r\n").count(), 40);
    assert_eq!(told.lines().count(), 40 * 2_002);
    assert!(host.most_output < 1_200, "{}", host.most_output);
}

#[test]
fn a_large_message_passes_in_pieces() {
    let message = b"0123456789abcdef\n".repeat(100_000);
    let limits = ServerLimits {
        waiting_output: 10_000,
        ..ServerLimits::default()
    };
    let mut host = Host::logged_in(with_limits(limits), &[&message]);
    let told = host.say(b"RETR 1\r\n");
    assert_eq!(told.lines().count(), 100_002);
    assert!(host.most_output < 10_000 + 2 * host.chunk);
}

#[test]
fn a_long_line_is_answered_once() {
    let mut host = Host::logged_in(with_limits(prompt()), &[]);
    let mut line = vec![b'A'; 1_000_000];
    line.extend_from_slice(b"\r\nNOOP\r\n");
    assert_eq!(host.say(&line), "-ERR line is too long\r\n+OK\r\n");
    let mut told = String::new();
    for piece in line.chunks(1_000) {
        told.push_str(&host.say(piece));
        assert!(host.server.wants_input());
    }
    assert_eq!(told, "-ERR line is too long\r\n+OK\r\n");
}

#[test]
fn a_sasl_response_may_be_longer_than_a_command() {
    let mut host = Host::with_messages(with_limits(prompt()), &[]);
    host.say(b"AUTH PLAIN\r\n");
    let told = host.say(&[&[b'A'; 40_000][..], b"\r\n"].concat());
    assert!(told.starts_with("-ERR [AUTH]"), "{told}");
    host.say(b"AUTH PLAIN\r\n");
    let told = host.say(&[&[b'A'; 70_000][..], b"\r\nCAPA\r\n"].concat());
    assert!(
        told.starts_with("-ERR line is too long\r\n+OK\r\nTOP\r\n"),
        "{told}"
    );
}

#[test]
fn a_waiting_bound_below_the_line_limit_still_lets_a_line_in() {
    let mut host = Host::logged_in(
        with_limits(ServerLimits {
            waiting_input: 2,
            ..ServerLimits::default()
        }),
        &[],
    );
    for octet in b"NOO" {
        assert!(host.server.wants_input());
        host.say(&[*octet]);
    }
    assert_eq!(host.say(b"P\r\n"), "+OK\r\n");
}

// TLS.

#[test]
fn octets_after_stls_close_the_connection_whenever_they_come() {
    // In the same read, of any kind.
    for residue in [&b"C"[..], b"\n", b"CAPA", b"CAPA\r\n", b"\x16\x03\x01"] {
        let mut host = Host::with_messages(starttls(), &[]);
        let told = host.say(&[b"STLS\r\n", residue].concat());
        assert_eq!(
            told,
            "-ERR nothing may follow STLS but the TLS handshake\r\n"
        );
        assert!(!host.wants_tls);
        assert_eq!(host.closed, Some(CloseReason::StlsInjection));
    }
    // In a later read, before the handshake.
    let mut host = Host::with_messages(starttls(), &[]);
    host.say(b"STLS\r\n");
    assert!(host.wants_tls && !host.server.wants_input());
    host.say(b"C");
    assert_eq!(host.closed, Some(CloseReason::StlsInjection));
    assert!(host.server.tls_established().is_err());
    // Before the host looked for events: it never hears of TLS.
    let mut server = ServerConnection::new(starttls());
    server.receive(b"STLS\r\n");
    server.receive(b"C");
    assert_eq!(
        server.next_event(),
        Some(ServerEvent::ConnectionClosed {
            reason: CloseReason::StlsInjection
        })
    );
    assert_eq!(server.next_event(), None);
}

#[test]
fn what_was_said_before_tls_does_not_count_after_it() {
    let config = ServerConfig {
        allow_cleartext: true,
        limits: prompt(),
        ..starttls()
    };
    let mut host = Host::with_messages(config, &[]);
    assert_eq!(host.say(b"USER me\r\nSTLS\r\n"), "+OK\r\n+OK begin TLS\r\n");
    host.server.tls_established().unwrap();
    assert!(host.server.is_secure());
    assert_eq!(host.say(b"PASS secret\r\n"), "-ERR USER comes first\r\n");
    assert!(host.say(b"STLS\r\n").starts_with("-ERR"));
}

#[test]
fn a_connection_that_ends_in_the_handshake_is_over() {
    let mut host = Host::with_messages(starttls(), &[]);
    host.say(b"STLS\r\n");
    host.server.receive_eof();
    host.run();
    assert_eq!(host.closed, Some(CloseReason::ConnectionLost));
}

// Ends.

#[test]
fn marks_count_at_quit_only() {
    for end in ["eof", "bad commands", "content"] {
        let mut host = Host::logged_in(with_limits(prompt()), &[b"a", b"b"]);
        host.accounts
            .get_mut("me")
            .unwrap()
            .fails_after
            .insert(2, 1);
        host.say(b"DELE 1\r\n");
        match end {
            "eof" => host.server.receive_eof(),
            "bad commands" => drop(host.say(&b"\r\n".repeat(20))),
            _ => drop(host.say(b"RETR 2\r\n")),
        }
        host.run();
        assert!(
            host.closed
                .is_some_and(|reason| reason != CloseReason::Quit)
        );
        assert_eq!(host.server.state(), State::Failed);
        assert_eq!(host.left("me").len(), 2, "{end}");
    }
}

#[test]
fn commands_that_came_before_the_end_are_worked_off() {
    let mut server = ServerConnection::new(ServerConfig::default());
    server.receive(b"USER me\r\nPASS secret\r\nDELE 1\r\nQUIT\r\n");
    server.receive_eof();
    assert!(!server.wants_input());
    server.accept_login().unwrap();
    let entry = MaildropEntry {
        uid: "a".into(),
        octets: 1,
    };
    server.maildrop_opened(vec![entry]).unwrap();
    assert_eq!(server.state(), State::Update);
    server.receive_eof();
    server.committed().unwrap();
    assert_eq!(server.state(), State::Closed);
}

#[test]
fn a_maildrop_that_fails_ends_the_stream_without_the_terminator() {
    let message = b".first\nsecond\n".repeat(1_000);
    for fails_after in [1, 5, 6, 7, 4_096, 13_999, 14_000] {
        let mut host = Host::logged_in(ServerConfig::default(), &[&message]);
        let account = host.accounts.get_mut("me").unwrap();
        account.fails_after.insert(1, fails_after);
        host.say(b"RETR 1\r\n");
        assert_eq!(host.closed, Some(CloseReason::MaildropFailed));
        let content = host.wire.splitn(2, |&octet| octet == b'\n').nth(1).unwrap();
        let fed = Unstuffer::new(false).feed(content, &mut Vec::new());
        assert!(!fed.finished, "after {fails_after} octets");
    }
}

// Wrong moments.

#[test]
fn an_answer_at_the_wrong_moment_is_a_usage_error_and_changes_nothing() {
    type Answer = fn(&mut ServerConnection) -> Result<(), popmail::UsageError>;
    let answers: [(&str, Answer); 12] = [
        ("provide_keys", |s| s.provide_keys(None)),
        ("tls_established", |s| s.tls_established()),
        ("accept_login", |s| s.accept_login()),
        ("refuse_login", |s| s.refuse_login(Refusal::SysTemp)),
        ("maildrop_opened", |s| s.maildrop_opened(Vec::new())),
        ("send_content", |s| s.send_content(b"x")),
        ("finish_content", |s| s.finish_content()),
        ("refuse_content", |s| s.refuse_content(Refusal::Gone)),
        ("fail_content", |s| s.fail_content()),
        ("committed", |s| s.committed()),
        ("commit_failed", |s| s.commit_failed(Refusal::SysTemp)),
        ("send nothing", |s| s.send_content(b"")),
    ];
    let opened = |input: &[u8]| {
        let mut server = ServerConnection::new(ServerConfig::default());
        server.receive(b"USER me\r\nPASS secret\r\n");
        server.accept_login().unwrap();
        let entry = MaildropEntry {
            uid: "a".into(),
            octets: 1,
        };
        server.maildrop_opened(vec![entry]).unwrap();
        server.receive(input);
        server
    };
    let right = |moment: &str| -> &[&str] {
        match moment {
            "authenticate" => &["accept_login", "refuse_login"],
            "open" => &["refuse_login", "maildrop_opened"],
            "retrieve" => &[
                "send_content",
                "finish_content",
                "refuse_content",
                "fail_content",
                "send nothing",
            ],
            "sending" => &[
                "send_content",
                "finish_content",
                "fail_content",
                "send nothing",
            ],
            "commit" => &["committed", "commit_failed"],
            "handshake" => &["tls_established"],
            _ => &[],
        }
    };
    for moment in [
        "start",
        "authenticate",
        "open",
        "transaction",
        "retrieve",
        "sending",
        "commit",
        "closed",
        "handshake",
    ] {
        let make = || {
            let mut server = match moment {
                "handshake" => ServerConnection::new(starttls()),
                "start" | "authenticate" | "open" => ServerConnection::new(ServerConfig::default()),
                "retrieve" | "sending" => opened(b"RETR 1\r\n"),
                "commit" => opened(b"DELE 1\r\nQUIT\r\n"),
                "closed" => opened(b"QUIT\r\n"),
                _ => opened(b""),
            };
            match moment {
                "handshake" => server.receive(b"STLS\r\n"),
                "authenticate" | "open" => server.receive(b"USER me\r\nPASS secret\r\n"),
                "sending" => server.send_content(b"y").unwrap(),
                _ => {}
            }
            if moment == "open" {
                server.accept_login().unwrap();
            }
            server
        };
        for (name, answer) in answers {
            let mut server = make();
            let before = format!("{server:?}");
            let result = answer(&mut server);
            if right(moment).contains(&name) {
                assert!(result.is_ok(), "{name} at {moment}: {result:?}");
            } else {
                let code = result.unwrap_err().code().as_str();
                assert!(code.starts_with("POP3_ERR_USAGE_"), "{name} at {moment}");
                assert_eq!(format!("{server:?}"), before, "{name} at {moment}");
            }
        }
    }
}

#[test]
fn a_uid_that_breaks_the_rules_leaves_the_request_open() {
    let mut server = ServerConnection::new(ServerConfig::default());
    server.receive(b"USER me\r\nPASS secret\r\n");
    server.accept_login().unwrap();
    let entry = |uid: &str| MaildropEntry {
        uid: uid.into(),
        octets: 1,
    };
    let error = server
        .maildrop_opened(vec![entry("a"), entry("b\r\n+OK")])
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the uid of message 2 must be 1 to 70 octets from 0x21 to 0x7e, got \"b\\r\\n+OK\""
    );
    assert!(
        server
            .maildrop_opened(vec![entry("a"), entry("a")])
            .is_err()
    );
    server.refuse_login(Refusal::SysPerm).unwrap();
    assert_eq!(server.state(), State::Authorization);
}

// Odd octets.

#[test]
fn what_is_served_is_read_back_octet_for_octet() {
    let mut random = Random::new();
    let alphabet = b"\r\n\r\n\r\n...ab\0\xff";
    for _ in 0..2_000 {
        let length = random.below(40);
        let message: Vec<u8> = (0..length)
            .map(|_| alphabet[random.below(alphabet.len())])
            .collect();
        let mut host = Host::logged_in(ServerConfig::default(), &[&message]);
        host.chunk = 1 + random.below(9);
        host.say(b"RETR 1\r\n");
        let told = host.wire.clone();
        let at = told.iter().position(|&octet| octet == b'\n').unwrap() + 1;
        let mut read = Vec::new();
        let fed = Unstuffer::new(false).feed(&told[at..], &mut read);
        assert!(fed.finished && fed.consumed == told.len() - at);
        assert_eq!(read, crlf(&message), "{}", message.escape_ascii());
        let status = format!("+OK {} octets\r\n", read.len());
        assert!(
            told.starts_with(status.as_bytes()),
            "{}",
            message.escape_ascii()
        );
    }
}

fn crlf(message: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    for &octet in message {
        if octet == b'\n' && wire.last() != Some(&b'\r') {
            wire.push(b'\r');
        }
        wire.push(octet);
    }
    match wire.as_slice() {
        [] | [.., b'\n'] => {}
        [.., b'\r'] => wire.push(b'\n'),
        _ => wire.extend_from_slice(b"\r\n"),
    }
    wire
}

#[test]
fn random_octets_bring_one_printable_reply_each_and_no_panic() {
    let words: [&[u8]; 26] = [
        b"USER ",
        b"PASS ",
        b"me",
        b"secret",
        b"APOP ",
        b"AUTH ",
        b"PLAIN",
        b"*",
        b"=",
        b"STAT",
        b"LIST ",
        b"UIDL ",
        b"TOP ",
        b"DELE ",
        b"RSET",
        b"NOOP",
        b"CAPA",
        b"STLS",
        b"1",
        b"0",
        b"99999999999",
        b"AG1lAHNlY3JldA==",
        b":",
        b"\x1b[2J",
        b"\xff",
        b"\r",
    ];
    let mut random = Random::new();
    for _ in 0..3_000 {
        let config = ServerConfig {
            tls: [Security::Implicit, Security::StartTls, Security::None][random.below(3)],
            allow_cleartext: random.below(2) == 0,
            apop_stamp: Stamp::new(b"<1.2@host>"),
            limits: ServerLimits {
                failed_login_delay: Duration::ZERO,
                bad_command_delay: Duration::ZERO,
                bad_commands_before_login: 50,
                bad_commands: 50,
                ..ServerLimits::default()
            },
            ..ServerConfig::default()
        };
        let mut host = Host::with_messages(config, &[b"A: b\n\nc\n"]);
        if random.below(2) == 0 {
            host.say(b"USER me\r\nPASS secret\r\n");
        }
        for _ in 0..30 {
            let mut piece = Vec::new();
            for _ in 0..random.below(4) {
                piece.extend_from_slice(words[random.below(words.len())]);
            }
            if random.below(3) > 0 {
                piece.extend_from_slice(b"\r\n");
            }
            host.say(&piece);
            if std::mem::take(&mut host.wants_tls) && host.closed.is_none() {
                host.server.tls_established().unwrap();
            }
        }
        for line in host.wire.split_inclusive(|&octet| octet == b'\n') {
            let text = line.strip_suffix(b"\r\n").expect("lines end with CRLF");
            assert!(
                text.iter().all(|octet| (b' '..=b'~').contains(octet)),
                "{}",
                line.escape_ascii()
            );
        }
    }
}

// Back to back.

#[test]
fn the_client_engine_and_the_server_engine_understand_each_other() {
    for (security, auth) in [
        (Security::Implicit, AuthChoice::Auto),
        (Security::Implicit, AuthChoice::Plain),
        (Security::StartTls, AuthChoice::UserPass),
        (Security::StartTls, AuthChoice::Auto),
        (Security::None, AuthChoice::Apop),
    ] {
        let messages: [&[u8]; 3] = [b".", b"A: b\r\n\r\n.\r\n..\r\nlast", b"\0\xff\n\r\n"];
        let config = ServerConfig {
            tls: security,
            apop_stamp: Stamp::new(b"<1896.697170952@dbc.mtview.ca.us>"),
            ..ServerConfig::default()
        };
        let mut host = Host::with_messages(config, &messages);
        let mut client = ClientConnection::new(ClientConfig {
            security,
            ..ClientConfig::default()
        });
        client.login("me", "secret", auth).unwrap();
        client.receive(&std::mem::take(&mut host.wire));
        let (mut content, mut listed, mut closed) = (Vec::new(), Default::default(), false);
        while !closed {
            while let Some(event) = client.next_event() {
                match event {
                    ClientEvent::TlsReady { .. } => {
                        assert!(std::mem::take(&mut host.wants_tls));
                        host.server.tls_established().unwrap();
                        client.tls_established().unwrap();
                    }
                    ClientEvent::LoginFinished { .. } => {
                        client.uidl(None).unwrap();
                        for number in 1..=3 {
                            client.retr(number, ContentMode::Buffer).unwrap();
                        }
                        client.dele(2).unwrap();
                        client.quit().unwrap();
                    }
                    ClientEvent::UidlReceived { entries, .. } => listed = entries,
                    ClientEvent::ContentFinished { content: got, .. } => content.push(got),
                    ClientEvent::ConnectionClosed { error } => {
                        assert_eq!(error, None);
                        closed = true;
                    }
                    ClientEvent::CommandFailed { error, .. } => panic!("{error}"),
                    _ => {}
                }
            }
            let mut wire = Vec::new();
            client.take_output(&mut wire);
            host.say(&wire);
            client.receive(&std::mem::take(&mut host.wire));
            if host.closed.is_some() {
                client.receive_eof();
            }
        }
        let expected: Vec<Vec<u8>> = messages.iter().map(|message| crlf(message)).collect();
        assert_eq!(content, expected);
        assert_eq!(listed.len(), 3);
        assert_eq!(host.closed, Some(CloseReason::Quit));
        assert_eq!(host.left("me"), [messages[0], messages[2]]);
    }
}
