//! POP3 (client and server) and MIME, without I/O.
//!
//! The engines in [`pop3`] turn bytes into events and commands into bytes.
//! They never open a socket, read a clock or start a thread: the host
//! supplies the transport, so the same engine runs in a script, in a server
//! and in a page. [`mime`] decodes what arrives. [`maildrop`] holds what a
//! server serves.
//!
//! # The run loop
//!
//! A host writes what [`take_output`](ClientConnection::take_output) gives,
//! reads, hands the bytes to [`receive`](ClientConnection::receive) and
//! handles the events. Here the "network" is a script of what the server
//! says:
//!
//! ```
//! use popmail::{ClientConfig, ClientConnection, ClientEvent, ContentMode};
//!
//! let mut connection = ClientConnection::new(ClientConfig {
//!     security: popmail::Security::None,
//!     allow_cleartext: true,
//!     ..ClientConfig::default()
//! });
//! let login = connection.login("me", "tanstaaf", popmail::AuthChoice::Auto)?;
//!
//! let mut server = [
//!     &b"+OK ready\r\n"[..],
//!     b"+OK\r\nUSER\r\nPIPELINING\r\n.\r\n",
//!     b"+OK\r\n",
//!     b"+OK logged in\r\n",
//!     b"-ERR no CAPA here\r\n",
//!     b"+OK 14 octets\r\nSubject: Hi\r\n\r\n..\r\n.\r\n",
//! ]
//! .into_iter();
//! let mut wire = Vec::new();
//! let mut mail = None;
//! while mail.is_none() {
//!     connection.take_output(&mut wire); // a host writes this to its socket
//!     match server.next() {
//!         Some(bytes) => connection.receive(bytes),
//!         None => connection.receive_eof(),
//!     }
//!     while let Some(event) = connection.next_event() {
//!         match event {
//!             ClientEvent::LoginFinished { handle } => {
//!                 assert_eq!(handle, login);
//!                 connection.retr(1, ContentMode::Buffer)?;
//!             }
//!             ClientEvent::ContentFinished { content, .. } => mail = Some(content),
//!             ClientEvent::ConnectionClosed { error } => panic!("{error:?}"),
//!             _ => {}
//!         }
//!     }
//! }
//! assert_eq!(mail.as_deref(), Some(&b"Subject: Hi\r\n\r\n.\r\n"[..]));
//! # Ok::<(), popmail::UsageError>(())
//! ```

#![forbid(unsafe_code)]

pub mod error;
pub mod maildrop;
pub mod mime;
pub mod pop3;
pub mod secret;

pub use error::{Error, ErrorCode, ErrorFamily, UsageError};
#[cfg(feature = "maildir")]
pub use maildrop::Maildir;
#[cfg(all(feature = "maildir", feature = "mbox"))]
pub use maildrop::Mbox;
pub use maildrop::{Maildrop, MemoryMaildrop};
pub use mime::{Message, Part, parse};
#[cfg(feature = "sync")]
pub use pop3::sync;
pub use pop3::{
    AuthChoice, Capabilities, ChannelBinding, ClientConfig, ClientConnection, ClientEvent,
    ContentMode, Deviation, Direction, Faults, Handle, Language, Limits, LoginRequest,
    MaildropEntry, Prefetch, Reply, SaslMechanism, ScramKeys, Security, ServerConfig,
    ServerConnection, ServerEvent, ServerLimits, Stat, State, Status, Verdict, apop_digest,
};
pub use secret::Secret;
