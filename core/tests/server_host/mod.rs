//! A host in memory for the tests of the server engine.

#![allow(dead_code)] // Each test file uses its own part of it.

use std::collections::BTreeMap;
use std::io::{self, Read};

use popmail::pop3::{CloseReason, Credentials, Refusal, ScramKeys};
use popmail::{Maildrop, MemoryMaildrop, ServerConfig, ServerConnection, ServerEvent};

/// A user of the host.
#[derive(Default)]
pub struct Account {
    pub password: Vec<u8>,
    pub maildrop: MemoryMaildrop,
    /// Octets after which reading a message fails, by number.
    pub fails_after: BTreeMap<u32, usize>,
    pub in_use: bool,
    pub commit_fails: bool,
}

/// The loop of a host, without a network.
pub struct Host {
    pub server: ServerConnection,
    pub accounts: BTreeMap<String, Account>,
    /// Octets that a read of a message gives at most.
    pub chunk: usize,
    /// All that the server said.
    pub wire: Vec<u8>,
    pub wants_tls: bool,
    pub closed: Option<CloseReason>,
    pub failed_logins: Vec<String>,
    /// The count of the last refused command.
    pub refused: u32,
    pub forwarded: Option<String>,
    /// What the trace told.
    pub lines: Vec<String>,
    /// The most that one call of `take_output` gave.
    pub most_output: usize,
}

impl Host {
    pub fn new(config: ServerConfig, accounts: BTreeMap<String, Account>) -> Self {
        let mut host = Self {
            server: ServerConnection::new(config),
            accounts,
            chunk: 4_096,
            wire: Vec::new(),
            wants_tls: false,
            closed: None,
            failed_logins: Vec::new(),
            refused: 0,
            forwarded: None,
            lines: Vec::new(),
            most_output: 0,
        };
        host.run();
        host
    }

    /// With one account `me`, password `secret`.
    pub fn with_messages(config: ServerConfig, messages: &[&[u8]]) -> Self {
        let account = Account {
            password: b"secret".to_vec(),
            maildrop: messages.iter().copied().collect(),
            ..Account::default()
        };
        Self::new(config, BTreeMap::from([("me".to_owned(), account)]))
    }

    /// Like `with_messages`, logged in.
    pub fn logged_in(config: ServerConfig, messages: &[&[u8]]) -> Self {
        let mut host = Self::with_messages(config, messages);
        host.say(b"USER me\r\nPASS secret\r\n");
        assert_eq!(host.server.user(), Some("me"));
        host.wire.clear();
        host
    }

    /// Feeds octets and returns what they brought.
    pub fn say(&mut self, octets: &[u8]) -> String {
        let before = self.wire.len();
        self.server.receive(octets);
        self.run();
        String::from_utf8_lossy(&self.wire[before..]).into()
    }

    /// Until there is neither output nor an event.
    pub fn run(&mut self) {
        loop {
            let taken = self.take();
            match self.server.next_event() {
                Some(event) => self.handle(event),
                None if taken == 0 => return,
                None => {}
            }
        }
    }

    fn take(&mut self) -> usize {
        let mut output = Vec::new();
        self.server.take_output(&mut output);
        self.most_output = self.most_output.max(output.len());
        self.wire.extend_from_slice(&output);
        output.len()
    }

    fn account(&mut self) -> &mut Account {
        let user = self.server.user().expect("a user is logged in").to_owned();
        self.accounts.get_mut(&user).expect("users have accounts")
    }

    fn handle(&mut self, event: ServerEvent) {
        assert_eq!(self.closed, None, "{event:?} after the end");
        match event {
            ServerEvent::Authenticate { credentials } => {
                let account = self.accounts.get(credentials.user());
                // A token is right if it is the password.
                let right = account.is_some_and(|account| match &credentials {
                    Credentials::Token { token, .. } => token.matches(&account.password),
                    other => other.verify(&account.password),
                });
                if right {
                    self.server.accept_login().unwrap();
                } else {
                    self.server.refuse_login(Refusal::BadCredentials).unwrap();
                }
            }
            ServerEvent::KeysWanted {
                user,
                salt,
                iterations,
            } => {
                let account = self.accounts.get(&user);
                let keys =
                    account.map(|one| ScramKeys::from_password(&one.password, &salt, iterations));
                self.server.provide_keys(keys).unwrap();
            }
            ServerEvent::OpenMaildrop { user } => {
                let account = &self.accounts[&user];
                if account.in_use {
                    self.server.refuse_login(Refusal::InUse).unwrap();
                } else {
                    let entries = account.maildrop.entries().to_vec();
                    self.server.maildrop_opened(entries).unwrap();
                }
            }
            ServerEvent::Retrieve { number, .. } => self.retrieve(number),
            ServerEvent::Commit { deleted } => {
                let account = self.account();
                if account.commit_fails {
                    self.server.commit_failed(Refusal::SysTemp).unwrap();
                } else {
                    account.maildrop.commit(&deleted).unwrap();
                    self.server.committed().unwrap();
                }
            }
            ServerEvent::TlsReady => self.wants_tls = true,
            ServerEvent::LoginFailed { user, .. } => self.failed_logins.push(user),
            ServerEvent::CommandRefused { count, .. } => self.refused = count,
            ServerEvent::ClientForwarded { address, .. } => {
                self.forwarded = Some(address.to_string());
            }
            ServerEvent::LineReceived { line } => self.lines.push(line),
            ServerEvent::ConnectionClosed { reason } => self.closed = Some(reason),
            other => panic!("unknown event {other:?}"),
        }
    }

    fn retrieve(&mut self, number: u32) {
        let chunk = self.chunk;
        let account = self.account();
        let message = account.maildrop.open(number).unwrap();
        let fails_after = account.fails_after.get(&number).copied();
        let mut reader = Failing {
            message,
            left: fails_after,
        };
        let mut buffer = vec![0; chunk];
        loop {
            if self.server.state().is_over() {
                return; // a fault that was asked for
            }
            if self.server.content_is_complete() {
                return self.server.finish_content().unwrap();
            }
            if !self.server.wants_content() {
                assert!(self.take() > 0);
                continue;
            }
            match reader.read(&mut buffer) {
                Ok(0) => return self.server.finish_content().unwrap(),
                Ok(count) => self.server.send_content(&buffer[..count]).unwrap(),
                Err(_) => return self.server.fail_content().unwrap(),
            }
        }
    }

    /// Contents of what is left of an account's messages.
    pub fn left(&self, user: &str) -> Vec<Vec<u8>> {
        let maildrop = &self.accounts[user].maildrop;
        maildrop.messages().map(<[u8]>::to_vec).collect()
    }
}

struct Failing {
    message: Box<dyn Read + Send>,
    left: Option<usize>,
}

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(left) = &mut self.left else {
            return self.message.read(buffer);
        };
        if *left == 0 {
            return Err(io::Error::other("the disk is broken"));
        }
        let most = buffer.len().min(*left);
        let count = self.message.read(&mut buffer[..most])?;
        *left -= count;
        Ok(count)
    }
}

/// A seeded source of numbers, the same on every machine.
pub struct Random(pub u64);

impl Random {
    /// Seeded anew in each run, or by `POPMAIL_SEED`; tells the seed.
    pub fn new() -> Self {
        let seed = std::env::var("POPMAIL_SEED")
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or_else(|| {
                let time = std::time::UNIX_EPOCH.elapsed().expect("the clock runs");
                time.as_nanos() as u64
            });
        println!("POPMAIL_SEED={seed}");
        Self(seed)
    }

    /// Below `bound` (SplitMix64).
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}
