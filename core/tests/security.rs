//! One test, or two, for each event of POP3's security history: the checks S1
//! to S18, by their numbers. The Python and JavaScript packages have tests of
//! the same names where a check shows there.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs
)]

mod server_host;

use std::collections::BTreeMap;
use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use popmail::pop3::{
    ALPN_PROTOCOL, CloseReason, Command, Refusal, Stamp, Stuffer, Unstuffer, accepts_alpn,
};
use popmail::{
    AuthChoice, ClientConfig, ClientConnection, ClientEvent, ContentMode, ErrorCode, Limits,
    LoginRequest, MaildropEntry, Secret, Security, ServerConfig, ServerConnection, ServerEvent,
    ServerLimits,
};
use server_host::{Host, Random};

fn client(config: ClientConfig) -> ClientConnection {
    ClientConnection::new(config)
}

fn security(security: Security) -> ClientConfig {
    ClientConfig {
        security,
        ..ClientConfig::default()
    }
}

/// Everything that the client has to say, as one text.
fn said(connection: &mut ClientConnection) -> String {
    let mut output = Vec::new();
    connection.take_output(&mut output);
    String::from_utf8_lossy(&output).into_owned()
}

fn events(connection: &mut ClientConnection) -> Vec<ClientEvent> {
    std::iter::from_fn(|| connection.next_event()).collect()
}

/// The code that the last event failed with.
fn failure(connection: &mut ClientConnection) -> Option<ErrorCode> {
    match events(connection).pop()? {
        ClientEvent::CommandFailed { error, .. } => Some(error.code()),
        ClientEvent::ConnectionClosed { error } => Some(error?.code()),
        _ => None,
    }
}

/// A session in the transaction state, with pipelining.
fn logged_in(limits: Limits) -> ClientConnection {
    let mut connection = client(ClientConfig {
        limits,
        ..ClientConfig::default()
    });
    connection
        .login("me", "secret", AuthChoice::UserPass)
        .unwrap();
    for answer in [
        "+OK\r\n",
        "+OK\r\nUSER\r\nUIDL\r\nPIPELINING\r\n.\r\n",
        "+OK\r\n",
        "+OK\r\n",
        "+OK\r\nUSER\r\nUIDL\r\nPIPELINING\r\n.\r\n",
    ] {
        said(&mut connection);
        connection.receive(answer.as_bytes());
    }
    assert!(matches!(
        events(&mut connection).pop(),
        Some(ClientEvent::LoginFinished { .. })
    ));
    connection
}

/// What a login says to a server that answers like this, TLS included.
fn login_said(
    config: ClientConfig,
    request: LoginRequest,
    answers: &[&str],
) -> (String, Option<ErrorCode>) {
    let mut connection = client(config);
    if let Err(error) = connection.login_with(request) {
        return (said(&mut connection), Some(error.code()));
    }
    let mut all = said(&mut connection);
    let mut code = None;
    for answer in answers {
        connection.receive(answer.as_bytes());
        for event in events(&mut connection) {
            match event {
                ClientEvent::TlsReady { .. } => connection.tls_established().unwrap(),
                ClientEvent::CommandFailed { error, .. } => code = Some(error.code()),
                _ => {}
            }
        }
        all.push_str(&said(&mut connection));
    }
    (all, code)
}

fn with_password(auth: AuthChoice) -> LoginRequest {
    LoginRequest {
        user: "me".into(),
        password: Some(Secret::new(b"open sesame".to_vec())),
        auth,
        nonce: "abcdefghijklmnop".into(),
        ..LoginRequest::default()
    }
}

fn with_token(auth: AuthChoice) -> LoginRequest {
    LoginRequest {
        user: "me".into(),
        token: Some(Secret::new(b"open sesame".to_vec())),
        auth,
        ..LoginRequest::default()
    }
}

#[test]
fn s01_apop_takes_a_message_id_only_and_never_by_itself() {
    for stamp in [
        "<a.b.c>",
        "<here is the challenge>",
        "<a@b@c>",
        "<@b>",
        "<a@>",
        "<\u{e9}@b>",
        "<a\0@b>",
    ] {
        let greeting = format!("+OK {stamp}\r\n");
        let (said, code) = login_said(
            security(Security::Implicit),
            with_password(AuthChoice::Apop),
            &[&greeting, "-ERR\r\n"],
        );
        assert_eq!(said, "CAPA\r\n", "{stamp}");
        assert_eq!(code, Some(ErrorCode::MechanismUnavailable), "{stamp}");
    }
    let stamp = "+OK <1896.697170952@dbc.mtview.ca.us>\r\n";
    for security_kind in [Security::Implicit, Security::None] {
        for capa in [
            "-ERR\r\n",
            "+OK\r\nUSER\r\n.\r\n",
            "+OK\r\nSASL CRAM-MD5\r\n.\r\n",
        ] {
            let answers = [stamp, capa, "-ERR\r\n", "-ERR\r\n"];
            let (said, _) = login_said(
                security(security_kind),
                with_password(AuthChoice::Auto),
                &answers,
            );
            assert!(!said.contains("APOP") && !said.contains("CRAM"), "{said}");
        }
    }
    // After a refusal it is not tried again: each try is one more oracle.
    let (said, code) = login_said(
        security(Security::Implicit),
        with_password(AuthChoice::Apop),
        &[stamp, "-ERR\r\n", "-ERR no\r\n", "-ERR\r\n"],
    );
    assert_eq!(said.matches("APOP").count(), 1);
    assert_eq!(code, Some(ErrorCode::Authentication));
}

#[test]
fn s02_the_scan_of_a_greeting_is_bounded() {
    let brackets = vec![b'<'; 1 << 20];
    assert_eq!(Stamp::find(&brackets), None);
    assert_eq!(Stamp::find(&[&brackets[..], b"a@b>"].concat()), None);
    let mut connection = client(security(Security::Implicit));
    connection.receive(&brackets);
    assert_eq!(failure(&mut connection), Some(ErrorCode::LimitStatusLine));
}

#[test]
fn s03_octets_between_stls_and_tls_are_fatal() {
    let after = ["x", "+OK ha", "+OK ha\r\n", "\r\n", "\u{16}\u{3}\u{1}"];
    for residue in after {
        for in_the_same_read in [true, false] {
            let mut connection = client(security(Security::StartTls));
            connection.login("me", "secret", AuthChoice::Auto).unwrap();
            connection.receive(b"+OK <1.2@x>\r\n");
            connection.receive(b"+OK\r\nSTLS\r\nSASL PLAIN\r\n.\r\n");
            assert_eq!(said(&mut connection), "CAPA\r\nSTLS\r\n");
            if in_the_same_read {
                connection.receive(format!("+OK\r\n{residue}").as_bytes());
            } else {
                connection.receive(b"+OK\r\n");
                connection.receive(residue.as_bytes());
            }
            assert_eq!(failure(&mut connection), Some(ErrorCode::StlsInjection));
            assert!(connection.tls_established().is_err());
            assert_eq!(said(&mut connection), "");
        }
    }
    // What was said before TLS is forgotten, and asked for again.
    let mut connection = client(security(Security::StartTls));
    connection.login("me", "secret", AuthChoice::Auto).unwrap();
    connection.receive(b"+OK <1.2@x>\r\n");
    connection.receive(b"+OK\r\nSTLS\r\nSASL PLAIN\r\n.\r\n");
    connection.receive(b"+OK\r\n");
    assert!(connection.capabilities().is_none() && connection.stamp().is_none());
    connection.tls_established().unwrap();
    assert_eq!(said(&mut connection), "CAPA\r\nSTLS\r\nCAPA\r\n");
}

#[test]
fn s03_a_server_takes_nothing_between_stls_and_tls() {
    for residue in [&b"C"[..], b"CAPA", b"CAPA\r\n", b"\r\n"] {
        for in_the_same_read in [true, false] {
            let config = ServerConfig {
                tls: Security::StartTls,
                ..ServerConfig::default()
            };
            let mut host = Host::with_messages(config, &[]);
            host.say(b"USER half a command");
            host.say(b"\r\n");
            if in_the_same_read {
                host.say(&[b"STLS\r\n", residue].concat());
            } else {
                host.say(b"STLS\r\n");
                host.say(residue);
            }
            assert_eq!(host.closed, Some(CloseReason::StlsInjection));
            assert!(host.server.tls_established().is_err());
        }
    }
}

#[test]
fn s04_stls_cannot_be_stripped() {
    for answers in [
        &[
            "+OK\r\n",
            "+OK\r\nSASL PLAIN\r\nUSER\r\n.\r\n",
            "+OK\r\n",
            "+OK\r\n",
        ][..],
        &["+OK\r\n", "-ERR\r\n", "-ERR unknown command\r\n", "+OK\r\n"],
        &[
            "+OK\r\n",
            "+OK\r\nSTLS\r\n.\r\n",
            "-ERR not now\r\n",
            "+OK\r\n",
        ],
    ] {
        for auth in [
            AuthChoice::Auto,
            AuthChoice::Plain,
            AuthChoice::UserPass,
            AuthChoice::ScramSha256,
        ] {
            let (said, code) =
                login_said(security(Security::StartTls), with_password(auth), answers);
            assert!(!said.contains("USER") && !said.contains("AUTH"), "{said}");
            assert_eq!(code, Some(ErrorCode::InsecureStls));
        }
    }
    assert_eq!(ClientConfig::default().security, Security::Implicit);
}

#[test]
fn s05_a_login_steps_down_to_nothing_weaker() {
    // Without TLS a secret is never shown, whatever is offered.
    for capa in [
        "-ERR\r\n",
        "+OK\r\nUSER\r\nSASL PLAIN LOGIN CRAM-MD5\r\n.\r\n",
    ] {
        for request in [
            with_password(AuthChoice::Auto),
            with_token(AuthChoice::Auto),
        ] {
            let answers = ["+OK <1.2@x>\r\n", capa, "+ \r\n", "+ \r\n"];
            let (said, code) = login_said(security(Security::None), request, &answers);
            assert_eq!(said, "CAPA\r\n");
            assert_eq!(code, Some(ErrorCode::InsecureCleartext));
        }
    }
    for auth in [AuthChoice::UserPass, AuthChoice::Plain, AuthChoice::Login] {
        let (said, code) = login_said(security(Security::None), with_password(auth), &[]);
        assert_eq!(
            (said.as_str(), code),
            ("", Some(ErrorCode::InsecureCleartext))
        );
    }
    // SCRAM that was refused, or whose server proved nothing, is followed by
    // nothing that shows the password.
    let capa = "+OK\r\nUSER\r\nSASL SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN\r\n.\r\n";
    for answer in [
        "-ERR no\r\n",
        "-ERR [AUTH] no\r\n",
        "-ERR [SYS/TEMP] no\r\n",
    ] {
        let answers = ["+OK\r\n", capa, answer, "+ \r\n", "+OK\r\n"];
        let (said, code) = login_said(
            security(Security::Implicit),
            with_password(AuthChoice::Auto),
            &answers,
        );
        assert_eq!(said, "CAPA\r\nAUTH SCRAM-SHA-256\r\n");
        assert_eq!(code, Some(ErrorCode::Authentication));
    }
    // Among those of one class the next one is tried; the error names them all.
    let mut connection = client(security(Security::Implicit));
    connection.login("me", "secret", AuthChoice::Auto).unwrap();
    for answer in [
        "+OK\r\n",
        "+OK\r\nUSER\r\nSASL PLAIN\r\n.\r\n",
        "-ERR unknown\r\n",
        "+OK\r\n",
        "-ERR wrong\r\n",
    ] {
        connection.receive(answer.as_bytes());
    }
    let Some(ClientEvent::CommandFailed { error, .. }) = events(&mut connection).pop() else {
        panic!("no failure");
    };
    let text = error.to_string();
    assert!(
        text.contains("plain (-ERR unknown), then user-pass (-ERR wrong)"),
        "{text}"
    );
}

#[test]
fn s06_no_argument_can_end_a_line() {
    for octet in ['\0', '\r', '\n'] {
        let odd = format!("a{octet}DELE 1");
        let secret = || Secret::new(odd.clone().into_bytes());
        let mut connection = client(ClientConfig {
            allow_cleartext: true,
            ..security(Security::None)
        });
        connection.receive(b"+OK <1.2@x>\r\n");
        said(&mut connection);
        let refused = [
            connection.user(&odd).is_err(),
            connection.pass(&odd).is_err(),
            connection.apop(&odd, "x").is_err(),
            connection.lang(Some(&odd)).is_err(),
            connection.auth_plain(&odd, "x").is_err() || octet != '\0',
            connection.login(&odd, "x", AuthChoice::Auto).is_err(),
            connection.login("me", &odd, AuthChoice::Auto).is_err(),
            connection
                .login_with(LoginRequest {
                    authzid: odd.clone(),
                    ..with_password(AuthChoice::Plain)
                })
                .is_err(),
            connection
                .login_with(LoginRequest {
                    token: Some(secret()),
                    ..with_token(AuthChoice::XOAuth2)
                })
                .is_err(),
            connection
                .login_with(LoginRequest {
                    nonce: odd.clone(),
                    ..with_password(AuthChoice::ScramSha1)
                })
                .is_err(),
        ];
        assert_eq!(refused, [true; 10], "{octet:?}");
        let out = said(&mut connection);
        // PLAIN wraps what stands in it; the line is whole.
        assert!(out.is_empty() || out == "AUTH PLAIN\r\n", "{out:?}");
        for mechanism in [&odd, "PLAIN X", "plain", ""] {
            let command = Command::Auth {
                mechanism: Some((*mechanism).to_owned()),
                initial_response: None,
            };
            assert!(command.encode(255).is_err(), "{mechanism:?}");
        }
    }
    // The same on the other side: what SASL decodes is an argument too.
    for octet in ["\r", "\n", "\u{1b}"] {
        let mut host = Host::with_messages(ServerConfig::default(), &[]);
        let message = BASE64.encode(format!("\0me{octet}DELE 1\0secret"));
        let told = host.say(format!("AUTH PLAIN {message}\r\n").as_bytes());
        assert!(told.starts_with("-ERR"), "{told}");
        assert_eq!(host.server.user(), None);
    }
}

#[test]
fn s07_a_server_says_nothing_that_it_was_told() {
    let mut dice = Random::new();
    for _ in 0..300 {
        let mut line: Vec<u8> = (0..dice.below(60)).map(|_| dice.below(256) as u8).collect();
        line.extend_from_slice(b"\x1b[31mHACK\r\n");
        let mut host = Host::with_messages(ServerConfig::default(), &[]);
        let told = host.say(&line);
        let printable = |octet: u8| matches!(octet, b'\r' | b'\n' | b' '..=b'~');
        assert!(told.bytes().all(printable), "{told:?}");
        assert!(!told.contains("HACK"), "{told:?}");
    }
    let config = ServerConfig {
        greeting: "hi\r\n+OK second\x1b[2J".into(),
        ..ServerConfig::default()
    };
    let host = Host::with_messages(config, &[]);
    assert_eq!(host.wire.iter().filter(|octet| **octet == b'\n').count(), 1);
    assert!(!host.wire.contains(&0x1b));
    // A uid comes from a store that somebody else filled.
    for uid in ["", "a b", "a\r\nb", "\u{e9}", &"u".repeat(71)] {
        let mut server = ServerConnection::new(ServerConfig::default());
        server.receive(b"USER me\r\nPASS secret\r\n");
        while let Some(event) = server.next_event() {
            match event {
                ServerEvent::Authenticate { .. } => server.accept_login().unwrap(),
                ServerEvent::OpenMaildrop { .. } => {
                    let entry = MaildropEntry {
                        uid: uid.into(),
                        octets: 1,
                    };
                    assert!(server.maildrop_opened(vec![entry]).is_err(), "{uid:?}");
                    server.refuse_login(Refusal::SysPerm).unwrap();
                }
                _ => {}
            }
        }
    }
}

#[test]
fn s08_no_message_ends_its_own_transfer() {
    let mut dice = Random::new();
    for _ in 0..20_000 {
        let content: Vec<u8> = (0..dice.below(12))
            .map(|_| b"\r\n..a"[dice.below(5)])
            .collect();
        let mut wire = Vec::new();
        let mut stuffer = Stuffer::new();
        for piece in content.chunks(1 + dice.below(4)) {
            stuffer.feed(piece, &mut wire);
        }
        stuffer.finish(&mut wire);
        let ends = |at: usize| {
            wire[at..].starts_with(b".\r\n") && (at == 0 || wire[..at].ends_with(b"\r\n"))
        };
        let terminators: Vec<usize> = (0..wire.len()).filter(|at| ends(*at)).collect();
        assert_eq!(terminators, [wire.len() - 3], "{}", content.escape_ascii());
        let mut read = Vec::new();
        let fed = Unstuffer::new(false).feed(&wire, &mut read);
        assert!(fed.finished && fed.consumed == wire.len());
        let mut again = Vec::new();
        let mut stuffer = Stuffer::new();
        stuffer.feed(&read, &mut again);
        stuffer.finish(&mut again);
        assert_eq!(again, wire, "{}", content.escape_ascii());
    }
}

#[test]
fn s09_every_read_is_bounded_but_lines_of_messages() {
    let limits = || Limits {
        status_line: 100,
        listing_line: 100,
        listing_entries: 3,
        listing_octets: 40,
        capability_line: 50,
        capability_lines: 3,
        challenge: 100,
        rounds: 2,
        buffered_content: 1_000,
        ..Limits::default()
    };
    let long = "x".repeat(200);
    type Ask = fn(&mut ClientConnection);
    let cases: [(Ask, String, ErrorCode); 9] = [
        (
            |c| drop(c.noop()),
            format!("+OK {long}"),
            ErrorCode::LimitStatusLine,
        ),
        (
            |c| drop(c.list(None)),
            format!("+OK\r\n1 {long}"),
            ErrorCode::LimitListingLine,
        ),
        (
            |c| drop(c.list(None)),
            "+OK\r\n1 1\r\n2 1\r\n3 1\r\n4 1\r\n".into(),
            ErrorCode::LimitListingEntries,
        ),
        (
            |c| drop(c.uidl(None)),
            format!("+OK\r\n1 {u}\r\n2 {u}\r\n", u = "u".repeat(30)),
            ErrorCode::LimitListingEntries,
        ),
        (
            |c| drop(c.capa()),
            format!("+OK\r\n{long}"),
            ErrorCode::LimitCapabilities,
        ),
        (
            |c| drop(c.capa()),
            "+OK\r\nA\r\nB\r\nC\r\nD\r\n".into(),
            ErrorCode::LimitCapabilities,
        ),
        (
            |c| drop(c.lang(None)),
            "+OK\r\na\r\nb\r\nc\r\nd\r\n".into(),
            ErrorCode::LimitCapabilities,
        ),
        (
            |c| drop(c.retr(1, ContentMode::Buffer)),
            format!("+OK\r\n{}", long.repeat(6)),
            ErrorCode::LimitContent,
        ),
        (
            |c| drop(c.quit()),
            format!("-ERR {long}"),
            ErrorCode::LimitStatusLine,
        ),
    ];
    for (ask, answer, code) in cases {
        let mut connection = logged_in(limits());
        ask(&mut connection);
        connection.receive(answer.as_bytes());
        assert_eq!(failure(&mut connection), Some(code), "{answer}");
    }
    for (answer, code) in [
        (format!("+ {long}"), ErrorCode::LimitChallenge),
        ("+ \r\n+ \r\n+ \r\n".into(), ErrorCode::LimitRounds),
    ] {
        let mut connection = client(ClientConfig {
            limits: limits(),
            ..ClientConfig::default()
        });
        connection.login("me", "x", AuthChoice::Login).unwrap();
        connection.receive(b"+OK\r\n");
        connection.receive(b"-ERR\r\n");
        connection.receive(answer.as_bytes());
        assert_eq!(failure(&mut connection), Some(code), "{answer}");
    }
    // A message has lines of any length, and in chunks any size.
    let mut connection = logged_in(limits());
    connection.retr(1, ContentMode::Chunks).unwrap();
    connection.receive(b"+OK 4294967296 octets\r\n");
    for _ in 0..1_000 {
        connection.receive(long.as_bytes());
        let chunk = events(&mut connection);
        assert!(
            matches!(&chunk[..], [ClientEvent::ContentReceived { chunk, .. }] if chunk.len() == 200)
        );
    }
}

#[test]
fn s10_numbers_of_a_server_are_numbers_and_nothing_else() {
    let mut connection = logged_in(Limits::default());
    connection.stat().unwrap();
    connection.receive(b"+OK 4294967295 99999999999999999999999999\r\n");
    let told = events(&mut connection);
    assert!(
        matches!(told[0], ClientEvent::DeviationObserved { .. }),
        "{told:?}"
    );
    assert!(matches!(told[1], ClientEvent::StatReceived { stat, .. }
        if stat.count == u64::from(u32::MAX) && stat.octets == u64::MAX));
    // Gaps, any order, the same number twice, sizes that wrapped.
    connection.list(None).unwrap();
    connection.receive(b"+OK\r\n4294967295 1\r\n7 -5\r\n7 18446744073709551616\r\n2 3\r\n.\r\n");
    let Some(ClientEvent::ListReceived { entries, .. }) = events(&mut connection).pop() else {
        panic!("no listing");
    };
    let all: Vec<_> = entries.iter().map(|one| (one.number, one.octets)).collect();
    assert_eq!(all, [(u32::MAX, 1), (7, 0), (7, u64::MAX), (2, 3)]);
    // A message may have any size, whatever was said of it.
    for number in [7, 2, 9, u32::MAX] {
        connection.retr(number, ContentMode::Buffer).unwrap();
        connection.receive(b"+OK 18446744073709551615 octets\r\nabc\r\n.\r\n");
        assert!(matches!(
            events(&mut connection).pop(),
            Some(ClientEvent::ContentFinished { octets: 5, .. })
        ));
    }
    for line in ["0 1", "4294967296 1", "-1 1", "x 1"] {
        let mut connection = logged_in(Limits::default());
        connection.list(None).unwrap();
        connection.receive(format!("+OK\r\n{line}\r\n").as_bytes());
        assert_eq!(
            failure(&mut connection),
            Some(ErrorCode::MalformedReply),
            "{line}"
        );
    }
}

#[test]
fn s11_odd_input_ends_in_an_answer_or_an_error() {
    let capa =
        "+OK\r\nIMPLEMENTATION\r\nSASL\r\nEXPIRE\r\nLOGIN-DELAY\r\n=\r\n \r\nUTF8\r\n..\r\n.\r\n";
    let mut connection = logged_in(Limits::default());
    connection.capa().unwrap();
    connection.receive(capa.as_bytes());
    let all = connection.capabilities().unwrap();
    assert_eq!(
        (all.implementation(), all.expire(), all.login_delay()),
        (Some(""), None, None)
    );
    // Lines that made servers of others crash, or hang.
    for line in [
        &b":"[..],
        b"",
        b" ",
        b"::",
        b"AUTH",
        b"AUTH PLAIN =",
        b"AUTH PLAIN %%%",
        b"AUTH PLAIN\r\n*",
        b"TOP",
        b"TOP 1",
        b"RETR 99999999999999999999",
        b"\0\0",
        b"\xff\xfe",
        b"LIST -1",
        b"UIDL 0",
        b"CAPA x",
    ] {
        for logged_in in [false, true] {
            let mut host = if logged_in {
                Host::logged_in(ServerConfig::default(), &[b"a"])
            } else {
                Host::with_messages(ServerConfig::default(), &[b"a"])
            };
            let told = host.say(&[line, b"\r\nQUIT\r\n"].concat());
            assert!(
                told.ends_with("bye\r\n") || told.contains("-ERR") || told.starts_with("+"),
                "{told}"
            );
        }
    }
    let mut dice = Random::new();
    for _ in 0..2_000 {
        let mut connection = logged_in(Limits::default());
        connection.retr(1, ContentMode::Chunks).unwrap();
        connection.uidl(None).unwrap();
        connection.list(Some(1)).unwrap();
        let octets: Vec<u8> = (0..dice.below(80))
            .map(|_| b"+-OKER \r\n.1a\xff\0"[dice.below(14)])
            .collect();
        connection.receive(&octets);
        connection.receive_eof();
        assert!(matches!(
            events(&mut connection).pop(),
            Some(ClientEvent::ConnectionClosed { error: Some(_) })
        ));
    }
}

#[test]
fn s12_the_end_of_a_stream_completes_nothing() {
    for cut in [
        "",
        "Subject: a",
        "Subject: a\r\n\r\nbody\r\n",
        "a\r\n.",
        "a\r\n.\r",
        ".",
    ] {
        for mode in [ContentMode::Buffer, ContentMode::Chunks] {
            let mut connection = logged_in(Limits::default());
            connection.retr(1, mode).unwrap();
            connection.receive(format!("+OK\r\n{cut}").as_bytes());
            connection.receive_eof();
            let told = events(&mut connection);
            assert!(
                !told
                    .iter()
                    .any(|event| matches!(event, ClientEvent::ContentFinished { .. }))
            );
            assert!(
                matches!(&told[..], [.., ClientEvent::ConnectionClosed { error: Some(error) }]
                if error.code() == ErrorCode::ConnectionLost),
                "{cut:?}"
            );
        }
    }
    for answer in ["+OK", "+OK\r\n1 1\r\n", "+OK\r\n1 1\r\n."] {
        let mut connection = logged_in(Limits::default());
        connection.list(None).unwrap();
        connection.receive(answer.as_bytes());
        connection.receive_eof();
        assert_eq!(failure(&mut connection), Some(ErrorCode::ConnectionLost));
    }
}

#[test]
fn s12_a_server_whose_store_fails_sends_no_terminator() {
    let message = b".first\nsecond\n".repeat(100);
    for octets in [1, 5, 700, 1_399] {
        let mut host = Host::logged_in(ServerConfig::default(), &[&message]);
        host.accounts
            .get_mut("me")
            .unwrap()
            .fails_after
            .insert(1, octets);
        host.say(b"RETR 1\r\n");
        assert_eq!(host.closed, Some(CloseReason::MaildropFailed));
        let content = host.wire.splitn(2, |octet| *octet == b'\n').nth(1).unwrap();
        assert!(
            !Unstuffer::new(false)
                .feed(content, &mut Vec::new())
                .finished
        );
    }
}

/// What a server says to a login, and when.
fn answer_to(login: &str) -> (String, Duration, String) {
    let mut host = Host::with_messages(ServerConfig::default(), &[]);
    host.server.handle_timeout(Duration::ZERO);
    let (first, second) = login.split_once('\n').unwrap();
    let named = host.say(format!("{first}\n").as_bytes());
    host.say(second.as_bytes());
    host.server.handle_timeout(Duration::ZERO);
    let delay = host.server.timeout().unwrap();
    host.server.handle_timeout(delay);
    (named, delay, host.say(b""))
}

#[test]
fn s13_a_server_does_not_tell_who_exists() {
    let wrong_password = answer_to("USER me\r\nPASS wrong\r\n");
    let no_such_user = answer_to("USER nobody\r\nPASS wrong\r\n");
    assert_eq!(wrong_password, no_such_user);
    assert!(wrong_password.0.starts_with("+OK"));
    assert!(wrong_password.2.starts_with("-ERR [AUTH]"));
    let stamp = Stamp::new(b"<1896.697170952@dbc.mtview.ca.us>").unwrap();
    assert!(!stamp.verify(b"secret", ""));
    assert!(!stamp.verify(b"secret", &stamp.digest(b"Secret")));
    assert!(Secret::new(b"secret".to_vec()).matches(b"secret"));
    assert!(!Secret::new(b"secret".to_vec()).matches(b"secre"));
}

#[test]
fn s14_a_server_bounds_what_a_client_can_try() {
    let limits = ServerLimits::default();
    // Guesses: each waits, and the last one ends the connection.
    let mut host = Host::with_messages(ServerConfig::default(), &[]);
    let mut now = Duration::ZERO;
    for guess in 1..=limits.failed_logins {
        host.server.handle_timeout(now);
        host.say(b"USER me\r\nPASS wrong\r\n");
        assert_eq!(host.failed_logins.len(), guess as usize);
        host.server.handle_timeout(now);
        let delay = host.server.timeout().unwrap();
        assert!(delay >= limits.failed_login_delay);
        now += delay;
        host.server.handle_timeout(now);
        host.run();
    }
    assert_eq!(host.closed, Some(CloseReason::FailedLogins));
    // Bad commands.
    let mut host = Host::with_messages(ServerConfig::default(), &[]);
    let mut now = Duration::ZERO;
    for _ in 0..limits.bad_commands_before_login {
        host.server.handle_timeout(now);
        host.say(b"BAD\r\n");
        host.server.handle_timeout(now);
        // The answer may be held back.
        now += Duration::from_secs(10);
        host.server.handle_timeout(now);
        host.run();
    }
    assert_eq!(host.closed, Some(CloseReason::BadCommands));
    // Silence, before the login, in a SASL exchange, in half a line, after it.
    for (prelude, limit) in [
        (&b""[..], limits.login_timeout),
        (b"AUTH PLAIN\r\n", limits.login_timeout),
        (b"USE", limits.login_timeout),
        (b"USER me\r\nPASS secret\r\n", limits.autologout),
    ] {
        let mut host = Host::with_messages(ServerConfig::default(), &[]);
        host.server.handle_timeout(Duration::ZERO);
        host.say(prelude);
        host.server.handle_timeout(Duration::ZERO);
        host.server.handle_timeout(limit - Duration::from_millis(1));
        host.run();
        assert_eq!(host.closed, None);
        host.server.handle_timeout(limit);
        host.run();
        assert_eq!(
            host.closed,
            Some(CloseReason::Timeout),
            "{}",
            prelude.escape_ascii()
        );
    }
}

#[test]
fn s15_no_trace_event_or_error_holds_a_secret() {
    let token = "open sesame";
    let scram = "r=abcdefghijklmnopXYZ,s=QSXCR+Q6sek8bf92,i=4096";
    let challenge = |text: &str| format!("+ {}\r\n", BASE64.encode(text));
    let cases: [(LoginRequest, Vec<String>); 8] = [
        (
            with_password(AuthChoice::UserPass),
            vec!["+OK\r\n".into(), "-ERR no\r\n".into()],
        ),
        (
            with_password(AuthChoice::Plain),
            vec!["+ \r\n".into(), "-ERR no\r\n".into()],
        ),
        (
            with_password(AuthChoice::Login),
            vec!["+ \r\n".into(), "+ \r\n".into(), "-ERR no\r\n".into()],
        ),
        (with_password(AuthChoice::Apop), vec!["-ERR no\r\n".into()]),
        (
            with_password(AuthChoice::CramMd5),
            vec![challenge("<1@x>"), "-ERR no\r\n".into()],
        ),
        (
            with_password(AuthChoice::ScramSha1),
            vec!["+ \r\n".into(), challenge(scram), "-ERR no\r\n".into()],
        ),
        (
            with_token(AuthChoice::XOAuth2),
            vec![
                "+ \r\n".into(),
                challenge("{\"tenant\":\"t-4711\"}"),
                "-ERR no\r\n".into(),
            ],
        ),
        (
            with_token(AuthChoice::OAuthBearer),
            vec![
                "+ \r\n".into(),
                challenge("{\"tenant\":\"t-4711\"}"),
                "-ERR no\r\n".into(),
            ],
        ),
    ];
    for (request, answers) in cases {
        for initial_response in [false, true] {
            let mut connection = client(ClientConfig {
                trace: true,
                ..ClientConfig::default()
            });
            let auth = request.auth;
            let request = LoginRequest {
                initial_response,
                ..request.clone()
            };
            assert!(!format!("{request:?}").contains(token));
            connection.login_with(request).unwrap();
            let (mut traced, mut sent) = (String::new(), String::new());
            let prelude = ["+OK <1.2@x>\r\n", "-ERR\r\n"].map(str::to_owned);
            for octet in prelude
                .iter()
                .chain(&answers)
                .flat_map(|answer| answer.bytes())
            {
                connection.receive(&[octet]);
                assert!(!format!("{connection:?}").contains(token), "{auth:?}");
                for event in events(&mut connection) {
                    match event {
                        ClientEvent::LineTraced { line, .. } => traced += &format!("{line}\n"),
                        other => {
                            let shown = format!("{other:?}");
                            assert!(!shown.contains(token), "{shown}");
                        }
                    }
                }
                sent += &said(&mut connection);
            }
            // Every word of what was sent, but names and the commands, is gone.
            for line in sent
                .lines()
                .filter(|line| line.len() > 20 || line.starts_with("PASS"))
            {
                let last = line.rsplit(' ').next().unwrap();
                assert!(!traced.contains(last), "{auth:?}: {traced}");
            }
            assert!(!traced.contains(token) && !traced.contains(&BASE64.encode("{\"tenant")[..10]));
            assert!(traced.contains("[secret]"), "{auth:?}: {traced}");
        }
    }
}

#[test]
fn s16_an_oauth_error_is_no_success() {
    let error = BASE64.encode("{\"status\":\"invalid_token\",\"scope\":\"mail\"}");
    for (auth, farewell) in [
        (AuthChoice::XOAuth2, "\r\n"),
        (AuthChoice::OAuthBearer, "AQ==\r\n"),
    ] {
        for (last, code) in [
            ("-ERR no\r\n", ErrorCode::Authentication),
            ("+OK\r\n", ErrorCode::MalformedReply),
        ] {
            let mut connection = client(ClientConfig::default());
            connection.login_with(with_token(auth)).unwrap();
            for answer in ["+OK\r\n", "-ERR\r\n", "+ \r\n"] {
                connection.receive(answer.as_bytes());
            }
            said(&mut connection);
            connection.receive(format!("+ {error}\r\n").as_bytes());
            assert_eq!(said(&mut connection), farewell);
            connection.receive(last.as_bytes());
            let told = events(&mut connection);
            assert!(
                !told
                    .iter()
                    .any(|event| matches!(event, ClientEvent::LoginFinished { .. }))
            );
            match told.last() {
                Some(ClientEvent::CommandFailed { error, .. }) => {
                    assert_eq!(error.code(), code);
                    assert!(error.detail().unwrap().contains("invalid_token"));
                }
                Some(ClientEvent::ConnectionClosed { error: Some(error) }) => {
                    assert_eq!(error.code(), code);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn s17_tls_for_another_protocol_is_refused() {
    assert_eq!(ALPN_PROTOCOL, "pop3");
    assert!(accepts_alpn(None), "servers without ALPN are many");
    assert!(accepts_alpn(Some(b"pop3")));
    for other in [&b"http/1.1"[..], b"h2", b"imap", b"POP3", b""] {
        assert!(!accepts_alpn(Some(other)), "{}", other.escape_ascii());
    }
}

#[test]
fn s18_an_answer_that_nobody_waits_for_answers_nothing_else() {
    // The host wants no more of a message: the next answer is still the next.
    let mut connection = logged_in(Limits::default());
    let retr = connection.retr(1, ContentMode::Chunks).unwrap();
    connection.receive(b"+OK\r\nfirst\r\n");
    events(&mut connection);
    let stat = connection.stat().unwrap();
    connection.receive(b"+OK 9 99\r\nno reply\r\n.\r\n+OK 2 320\r\n");
    let told = events(&mut connection);
    let finished = |event: &ClientEvent| matches!(event, ClientEvent::ContentFinished { handle, .. } if *handle == retr);
    assert!(told.iter().any(finished));
    assert!(
        matches!(told.last(), Some(ClientEvent::StatReceived { handle, stat: seen })
        if *handle == stat && seen.count == 2)
    );
    // A connection that ended inside an answer takes no command any more.
    let mut connection = logged_in(Limits::default());
    connection.retr(1, ContentMode::Buffer).unwrap();
    connection.receive(b"+OK\r\nhalf");
    connection.receive_eof();
    events(&mut connection);
    connection.receive(b"a message\r\n.\r\n+OK 2 320\r\n");
    assert_eq!(events(&mut connection), []);
    assert_eq!(
        connection.stat().unwrap_err().code(),
        ErrorCode::UsageClosed
    );
    // The same where the time ran out.
    let mut connection = logged_in(Limits::default());
    connection.noop().unwrap();
    connection.handle_timeout(Duration::ZERO);
    connection.handle_timeout(Duration::from_secs(60));
    assert_eq!(failure(&mut connection), Some(ErrorCode::Timeout));
    assert!(connection.noop().is_err());
}

#[test]
fn every_check_has_its_test() {
    let source = include_str!("security.rs");
    let mut tests: BTreeMap<u32, usize> = BTreeMap::new();
    for line in source.lines() {
        let number = line
            .strip_prefix("fn s")
            .and_then(|rest| rest.get(..2)?.parse().ok());
        if let Some(number) = number {
            *tests.entry(number).or_default() += 1;
        }
    }
    assert_eq!(
        tests.keys().copied().collect::<Vec<_>>(),
        (1..=18).collect::<Vec<_>>()
    );
}
