//! A client and a server, back to back: whatever commands are given, and
//! however the octets between them are cut and held back, the two never
//! disagree on the state, and each command has one answer.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs
)]

mod server_host;

use std::collections::BTreeSet;

use popmail::pop3::Stamp;
use popmail::{
    AuthChoice, ClientConfig, ClientConnection, ClientEvent, ContentMode, Handle, Security,
    ServerConfig, State,
};
use server_host::{Host, Random};

const MESSAGES: [&[u8]; 4] = [b"A: b\r\n\r\n.\r\n..\r\n", b".", b"\0\xff\n\r\n", b""];

struct Pair {
    client: ClientConnection,
    host: Host,
    /// Octets on their way.
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    open: BTreeSet<Handle>,
    marked: BTreeSet<u32>,
    closed: bool,
}

impl Pair {
    fn new(security: Security, pipelining: bool) -> Self {
        let config = ServerConfig {
            tls: security,
            allow_cleartext: true,
            apop_stamp: Stamp::new(b"<1896.697170952@dbc.mtview.ca.us>"),
            ..ServerConfig::default()
        };
        Self {
            client: ClientConnection::new(ClientConfig {
                security,
                allow_cleartext: true,
                pipelining,
                strict: true,
                ..ClientConfig::default()
            }),
            host: Host::with_messages(config, &MESSAGES),
            to_server: Vec::new(),
            to_client: Vec::new(),
            open: BTreeSet::new(),
            marked: BTreeSet::new(),
            closed: false,
        }
    }

    fn command(&mut self, dice: &mut Random) {
        let client = &mut self.client;
        let number = 1 + dice.below(5) as u32;
        let mode = [ContentMode::Buffer, ContentMode::Chunks][dice.below(2)];
        let given = match dice.below(13) {
            0 => client.capa(),
            1 => client.stat(),
            2 => client.list(None),
            3 => client.list(Some(number)),
            4 => client.uidl(None),
            5 => client.uidl(Some(number)),
            6 | 7 => client.retr(number, mode),
            8 => client.top(number, dice.below(3) as u64, mode),
            9 => client.dele(number).inspect(|_| {
                self.marked.insert(number);
            }),
            10 => client.rset(),
            11 => client.noop(),
            _ if dice.below(20) == 0 => client.quit(),
            _ => client.noop(),
        };
        if let Ok(handle) = given {
            assert!(self.open.insert(handle));
        }
    }

    /// Moves some octets in one direction, or all of them.
    fn carry(&mut self, dice: &mut Random, all: bool) {
        self.client.take_output(&mut self.to_server);
        self.to_client.append(&mut self.host.wire);
        let amount = |waiting: usize, dice: &mut Random| {
            if all {
                waiting
            } else {
                dice.below(waiting + 1)
            }
        };
        if all || dice.below(2) == 0 {
            let count = amount(self.to_server.len(), dice);
            let octets: Vec<u8> = self.to_server.drain(..count).collect();
            self.host.say(&octets);
        }
        self.to_client.append(&mut self.host.wire);
        if all || dice.below(2) == 0 {
            let count = amount(self.to_client.len(), dice);
            let octets: Vec<u8> = self.to_client.drain(..count).collect();
            self.client.receive(&octets);
            self.look();
        }
    }

    fn look(&mut self) {
        while let Some(event) = self.client.next_event() {
            let ended = match event {
                ClientEvent::TlsReady { .. } => {
                    assert!(std::mem::take(&mut self.host.wants_tls));
                    assert!(self.to_client.is_empty() && self.to_server.is_empty());
                    self.host.server.tls_established().unwrap();
                    self.client.tls_established().unwrap();
                    None
                }
                ClientEvent::LoginFinished { handle }
                | ClientEvent::CommandFinished { handle, .. }
                | ClientEvent::CommandFailed { handle, .. }
                | ClientEvent::CapabilitiesReceived { handle, .. }
                | ClientEvent::StatReceived { handle, .. }
                | ClientEvent::ListReceived { handle, .. }
                | ClientEvent::UidlReceived { handle, .. }
                | ClientEvent::ContentFinished { handle, .. } => Some(handle),
                ClientEvent::ConnectionClosed { error } => {
                    assert_eq!(error, None);
                    self.closed = true;
                    None
                }
                ClientEvent::DeviationObserved { deviation, .. } => panic!("{deviation}"),
                _ => None,
            };
            if let Some(handle) = ended {
                assert!(self.open.remove(&handle), "one answer to each command");
            }
        }
    }

    /// With nothing on its way, both are at the same place.
    fn settle(&mut self, dice: &mut Random) {
        loop {
            self.client.take_output(&mut self.to_server);
            self.to_client.append(&mut self.host.wire);
            if self.to_server.is_empty() && self.to_client.is_empty() {
                break;
            }
            self.carry(dice, true);
        }
        assert!(self.open.is_empty(), "{:?} have no answer", self.open);
        assert_eq!(self.client.pending(), 0);
        assert_eq!(self.client.state(), self.host.server.state());
        let logged_in = self.client.state() == State::Transaction;
        assert_eq!(self.host.server.user().is_some(), logged_in || self.closed);
    }
}

#[test]
fn a_client_and_a_server_never_disagree_on_the_state() {
    let mut dice = Random::new();
    for _ in 0..400 {
        let security = [Security::Implicit, Security::StartTls, Security::None][dice.below(3)];
        let mut pair = Pair::new(security, dice.below(4) > 0);
        let auths = [AuthChoice::Plain, AuthChoice::UserPass, AuthChoice::Auto];
        let login = pair.client.login("me", "secret", auths[dice.below(3)]);
        pair.open.insert(login.unwrap());
        // Octets are cut, but no command is given before the login is done.
        for _ in 0..dice.below(30) {
            pair.carry(&mut dice, false);
        }
        pair.settle(&mut dice);
        assert_eq!(pair.client.state(), State::Transaction);
        for _ in 0..dice.below(60) {
            match dice.below(3) {
                0 => pair.settle(&mut dice),
                1 => pair.carry(&mut dice, false),
                _ => pair.command(&mut dice),
            }
        }
        pair.settle(&mut dice);
        if !pair.closed {
            let quit = pair.client.quit().unwrap();
            pair.open.insert(quit);
            pair.settle(&mut dice);
        }
        assert!(pair.closed && pair.host.closed.is_some());
    }
}
