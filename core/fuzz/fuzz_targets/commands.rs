//! Commands and answers in any order: whatever a host calls and a server says,
//! the client does not panic, each command ends at most once, what it sends
//! are whole lines within the window, and nothing comes after the end.
#![no_main]

use std::collections::BTreeSet;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use popmail::{
    AuthChoice, ChannelBinding, ClientConfig, ClientConnection, ClientEvent, ContentMode, Handle,
    Limits, LoginRequest, Secret, Security, UsageError,
};

fuzz_target!(|input: &[u8]| {
    let Some((&[flags], mut script)) = input.split_first_chunk() else {
        return;
    };
    let mut game = Game::new(flags);
    while let Some(()) = game.step(&mut script) {}
    game.connection.receive_eof();
    game.look();
    assert!(game.connection.state().is_over() || game.reconnects);
});

struct Game {
    connection: ClientConnection,
    open: BTreeSet<Handle>,
    closed: bool,
    handshake: bool,
    reconnects: bool,
    now: Duration,
}

impl Game {
    fn new(flags: u8) -> Self {
        let connection = ClientConnection::new(ClientConfig {
            security: match flags & 3 {
                0 => Security::Implicit,
                1 => Security::StartTls,
                _ => Security::None,
            },
            allow_cleartext: flags & 4 != 0,
            pipelining: flags & 8 != 0,
            strict: flags & 16 != 0,
            trace: flags & 32 != 0,
            reconnect: flags & 64 != 0,
            limits: Limits {
                window_commands: 5,
                window_octets: 60,
                buffered_content: 1000,
                ..Limits::default()
            },
        });
        Self {
            connection,
            open: BTreeSet::new(),
            closed: false,
            handshake: false,
            reconnects: false,
            now: Duration::ZERO,
        }
    }

    /// One operation: its octet, and what follows it.
    fn step(&mut self, script: &mut &[u8]) -> Option<()> {
        let operation = octet(script)?;
        match operation {
            // What a server says, as it stands.
            0..=63 => {
                let length = usize::from(operation).min(script.len());
                let (said, rest) = script.split_at(length);
                *script = rest;
                self.connection.receive(said);
            }
            // What servers say.
            64..=127 => {
                let said = SAID[usize::from(operation) % SAID.len()];
                self.connection.receive(said);
            }
            128 => self.connection.receive_eof(),
            129 => assert_eq!(self.connection.tls_established().is_ok(), self.handshake),
            130 => {
                self.now += Duration::from_secs(u64::from(octet(script)?));
                self.connection.handle_timeout(self.now);
            }
            131 => self.connection.set_channel_bindings(vec![ChannelBinding {
                name: "tls-exporter".into(),
                data: vec![1, 2, 3],
            }]),
            _ => {
                let number = u32::from(octet(script)?);
                if let Ok(handle) = self.command(operation, number) {
                    assert!(!self.closed, "a command after the end");
                    assert!(self.open.insert(handle), "a handle twice");
                }
            }
        }
        self.handshake &= operation != 129;
        self.look();
        Some(())
    }

    fn command(&mut self, operation: u8, number: u32) -> Result<Handle, UsageError> {
        let connection = &mut self.connection;
        let some = (number != 0).then_some(number);
        let mode = if number & 1 == 0 {
            ContentMode::Buffer
        } else {
            ContentMode::Chunks
        };
        match operation % 20 {
            0 | 1 => {
                let auth = AuthChoice::NAMES[number as usize % AuthChoice::NAMES.len()].1;
                let token = matches!(auth, AuthChoice::OAuthBearer | AuthChoice::XOAuth2)
                    || number & 128 != 0;
                let secret = || Secret::new(b"secret".to_vec());
                connection.login_with(LoginRequest {
                    user: if number & 64 == 0 { "me" } else { "j\u{f6}rg" }.into(),
                    password: (!token).then(secret),
                    token: token.then(secret),
                    auth,
                    initial_response: number & 32 != 0,
                    nonce: "abc".into(),
                    ..LoginRequest::default()
                })
            }
            2 => connection.capa(),
            3 => connection.stls(),
            4 => connection.utf8(),
            5 => connection.lang((number & 1 == 0).then_some("de")),
            6 => connection.user("me"),
            7 => connection.pass("secret"),
            8 => connection.apop("me", "secret"),
            9 => connection.auth_plain("me", "secret"),
            10 => connection.stat(),
            11 => connection.list(some),
            12 => connection.uidl(some),
            13 | 14 => connection.retr(number, mode),
            15 => connection.top(number, 3, mode),
            16 => connection.dele(number),
            17 => connection.rset(),
            18 => connection.noop(),
            _ => connection.quit(),
        }
    }

    /// Takes all events and all output.
    fn look(&mut self) {
        while let Some(event) = self.connection.next_event() {
            assert!(!self.closed, "{event:?} after the end");
            let ended = match event {
                ClientEvent::LoginFinished { handle }
                | ClientEvent::CommandFinished { handle, .. }
                | ClientEvent::CommandFailed { handle, .. }
                | ClientEvent::CapabilitiesReceived { handle, .. }
                | ClientEvent::StatReceived { handle, .. }
                | ClientEvent::ListReceived { handle, .. }
                | ClientEvent::UidlReceived { handle, .. }
                | ClientEvent::LanguagesReceived { handle, .. }
                | ClientEvent::ContentFinished { handle, .. } => Some(handle),
                ClientEvent::ContentReceived { handle, ref chunk } => {
                    assert!(self.open.contains(&handle) && !chunk.is_empty());
                    None
                }
                ClientEvent::TlsReady { handle } => {
                    // Octets behind the answer to STLS have ended it already.
                    self.handshake = !self.connection.state().is_over();
                    // STLS as a command of its own ends with this.
                    self.connection.pending();
                    self.stls(handle);
                    None
                }
                ClientEvent::ReconnectRequested { handle } => {
                    assert!(self.open.contains(&handle));
                    assert!(!std::mem::replace(&mut self.reconnects, true), "twice");
                    self.handshake = false;
                    None
                }
                ClientEvent::ConnectionClosed { .. } => {
                    self.closed = true;
                    self.handshake = false;
                    None
                }
                _ => None,
            };
            if let Some(handle) = ended {
                assert!(self.open.remove(&handle), "{handle:?} ended twice");
            }
        }
        assert_eq!(self.closed, self.connection.state().is_over());
        let mut output = Vec::new();
        self.connection.take_output(&mut output);
        assert!(output.is_empty() || output.ends_with(b"\r\n"));
        let inside = output
            .split(|octet| *octet == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        for line in inside {
            assert!(!line.iter().any(|octet| matches!(octet, 0 | b'\r')));
        }
        if let Some(timeout) = self.connection.timeout() {
            assert!(timeout <= Duration::from_secs(300));
        }
    }

    /// A login goes on after TLS; the command STLS is over with it.
    fn stls(&mut self, handle: Handle) {
        assert!(self.open.contains(&handle));
    }
}

fn octet(script: &mut &[u8]) -> Option<u8> {
    let (first, rest) = script.split_first()?;
    *script = rest;
    Some(*first)
}

const SAID: [&[u8]; 24] = [
    b"+OK\r\n",
    b"-ERR\r\n",
    b"+ \r\n",
    b"+OK ready <1896.697170952@dbc.mtview.ca.us>\r\n",
    b"+OK\r\nSTLS\r\nUSER\r\nUIDL\r\nTOP\r\nPIPELINING\r\nSASL PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256 XOAUTH2\r\n.\r\n",
    b"+OK\r\nSASL SCRAM-SHA-1-PLUS OAUTHBEARER EXTERNAL\r\nUTF8 USER\r\nLANG\r\n.\r\n",
    b"+OK 2 320\r\n",
    b"+OK\r\n1 120\r\n2 200\r\n.\r\n",
    b"+OK\r\n1 a\r\n2 b\r\n.\r\n",
    b"+OK 120 octets\r\nSubject: a\r\n\r\n..\r\n.\r\n",
    b".\r\n",
    b"-ERR [AUTH] no\r\n",
    b"-ERR [IN-USE] busy\r\n",
    b"+ eyJzdGF0dXMiOiI0MDEifQ==\r\n",
    b"+ PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2U+\r\n",
    b"+ cj1hYmNkZWYscz1RU1hDUitRNnNlazhiZjkyLGk9NDA5Ng==\r\n",
    b"\r\n",
    b"+ok\n",
    b"+OK 1 a\r\n",
    b"+OK 1 120\r\n",
    b"Subject: a\n\nb\n.\n",
    b"\r\n.\r\n",
    b"+OK\r\nen English\r\n.\r\n",
    b"+",
];
