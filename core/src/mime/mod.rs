//! MIME: any bytes in, one [`Message`] out.
//!
//! [`parse`] never fails. What it makes of damaged or ambiguous input is told by
//! [`Message::defects`], which looks only when asked. Header fields, addresses, dates, bodies and
//! file names are decoded when they are read, and bodies are never copied before that.
//!
//! ```
//! let raw = b"From: Ann <ann@example.com>\r\nSubject: =?utf-8?Q?Caf=C3=A9?=\r\n\r\nAt nine?\r\n";
//! let message = popmail::mime::parse(raw);
//! assert_eq!(message.subject().as_deref(), Some("Café"));
//! assert_eq!(message.from().first().map(|ann| ann.address()), Some("ann@example.com"));
//! assert_eq!(message.text().as_deref(), Some("At nine?\r\n"));
//! ```
//!
//! The rules are those of RFC 5322 (header fields), RFC 2045 to 2047 and RFC 2231 (MIME) and
//! RFC 8621 section 4.1.4 (which parts are the body). Where mail in the wild disagrees with them,
//! the first of two duplicates wins, nothing is dropped without a defect, and no address is
//! returned that does not stand in the header as written.

mod address;
mod body;
mod charset;
mod code_pages;
#[cfg(feature = "columns")]
pub mod columns;
#[cfg(feature = "compose")]
pub mod compose;
mod content_id;
mod date;
mod defect;
#[cfg(feature = "details")]
pub mod details;
#[cfg(feature = "detect")]
mod detect;
mod entities;
pub mod file_name;
mod header;
#[cfg(feature = "host-charsets")]
mod host_charsets;
#[cfg(feature = "details")]
mod html_markdown;
mod html_text;
pub mod index;
mod json;
mod labels;
#[cfg(feature = "legacy")]
pub mod legacy;
#[cfg(feature = "mbox")]
pub mod mbox;
mod message;
mod options;
mod own_charsets;
mod parameters;
mod part;
mod reading;
mod repair;
#[cfg(feature = "details")]
pub mod scanner;
mod store;
mod transfer;
mod tree;
#[cfg(feature = "details")]
pub mod views;

pub use address::{Address, AddressGroup, AddressList};
pub use date::DateTime;
pub use defect::{Defect, DefectCode, Severity};
#[cfg(feature = "detect")]
pub use detect::charset as detect_charset;
pub use header::{Header, Headers};
#[cfg(feature = "host-charsets")]
pub use host_charsets::{HostCharsets, set_host_charsets};
pub use message::{Message, MessageView, parse, parse_with};
pub use options::{Duplicates, MimeLimits, ParseOptions};
pub use part::Part;
pub use reading::{CharsetGuess, Evidence};
