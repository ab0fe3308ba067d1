//! Messages as rows of a table: which columns there are, and what each holds of a message.
//!
//! Decides the names, the kinds and the content of columns, once for every table that a language
//! makes: a column is what the getter of the same name gives. A row always has a value of the
//! column's kind; a message that could not be read at all has absent ones and its reason in `error`.
//! Not here: how a table lies in memory.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::{Address, AddressList, Defect, Headers, MessageView, Part};

/// One row: a message, and what the place says that it comes from.
#[derive(Clone, Copy, Default)]
pub struct Row<'m> {
    /// The message; `None` where its bytes could not be had.
    pub message: Option<MessageView<'m>>,
    /// What names the message in the place that it comes from.
    pub uid: Option<&'m str>,
    /// Why its bytes could not be had.
    pub error: Option<&'m str>,
}

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A text, or nothing.
    Text,
    /// A list of texts.
    Texts,
    /// Bytes.
    Octets,
    /// A list of bytes.
    OctetsList,
    /// A whole number.
    Number,
    /// Minutes from UTC, positive in the east.
    Minutes,
    /// An instant, in seconds since 1970-01-01T00:00:00Z.
    Instant,
    /// A mailbox: `name`, `address`.
    Mailbox,
    /// A list of mailboxes: `name`, `address`, `group`.
    Mailboxes,
    /// A list of header fields: `name`, `value`.
    Fields,
    /// A list of parts: `index`, `filename`, `safe_filename`, `content_type`, `disposition`,
    /// `content_id`, `size`.
    Parts,
    /// A list of defects: `code`, `severity`, `part`, `start`, `end`.
    Defects,
}

/// The value of one column in one row; the variants are those of [`Kind`].
pub enum Value<'m> {
    /// See [`Kind::Text`].
    Text(Option<Cow<'m, str>>),
    /// See [`Kind::Texts`].
    Texts(Option<Vec<Cow<'m, str>>>),
    /// See [`Kind::Octets`].
    Octets(Option<&'m [u8]>),
    /// See [`Kind::OctetsList`].
    OctetsList(Option<Vec<Cow<'m, [u8]>>>),
    /// See [`Kind::Number`].
    Number(Option<u64>),
    /// See [`Kind::Minutes`].
    Minutes(Option<i16>),
    /// See [`Kind::Instant`].
    Instant(Option<i64>),
    /// See [`Kind::Mailbox`].
    Mailbox(Option<Address<'m>>),
    /// See [`Kind::Mailboxes`].
    Mailboxes(Option<AddressList<'m>>),
    /// See [`Kind::Fields`].
    Fields(Option<Headers<'m>>),
    /// See [`Kind::Parts`].
    Parts(Option<Vec<Part<'m>>>),
    /// See [`Kind::Defects`].
    Defects(Option<Vec<Defect>>),
}

macro_rules! columns {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $usual:literal, $kind:ident($row:ident => $read:expr);)*) => {
        /// What a table of messages can hold.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Column {
            $($(#[$doc])* $name,)*
        }

        impl Column {
            /// Every column, in the order in which a table has them that asks for none by name.
            pub const ALL: &'static [Column] = &[$(Column::$name),*];

            /// The name of the column.
            pub fn as_str(self) -> &'static str {
                match self { $(Column::$name => $text),* }
            }

            /// Whether a table has the column that asks for none by name. The others repeat what
            /// these hold, or are large.
            pub fn is_usual(self) -> bool {
                match self { $(Column::$name => $usual),* }
            }

            /// What its values are.
            pub fn kind(self) -> Kind {
                match self { $(Column::$name => Kind::$kind),* }
            }

            /// Its value in a row.
            pub fn read<'m>(self, row: &Row<'m>) -> Value<'m> {
                match self { $(Column::$name => {
                    let $row = row;
                    Value::$kind($read)
                })* }
            }
        }
    };
}

columns! {
    /// What names the message in the place that it comes from.
    Uid = "uid", true, Text(row => row.uid.map(Cow::Borrowed));
    /// The size of the message in octets.
    Size = "size", true, Number(row => row.message.map(|view| view.raw().len() as u64));
    /// The subject.
    Subject = "subject", true, Text(row => row.message.and_then(|view| view.subject()));
    /// The authors.
    From = "from", true, Mailboxes(row => row.message.map(|view| view.from()));
    /// Who sent the message on behalf of the authors.
    Sender = "sender", true, Mailbox(row => row.message.and_then(|view| view.sender()));
    /// The primary recipients.
    To = "to", true, Mailboxes(row => row.message.map(|view| view.to()));
    /// The recipients of copies.
    Cc = "cc", true, Mailboxes(row => row.message.map(|view| view.cc()));
    /// The recipients of blind copies.
    Bcc = "bcc", true, Mailboxes(row => row.message.map(|view| view.bcc()));
    /// Where answers should go.
    ReplyTo = "reply_to", true, Mailboxes(row => row.message.map(|view| view.reply_to()));
    /// When the message was written.
    Date = "date", true, Instant(row => {
        row.message.and_then(|view| view.date()).map(|date| date.timestamp())
    });
    /// The zone of the writer of the date.
    DateOffset = "date_offset", true, Minutes(row => {
        row.message.and_then(|view| view.date()).map(|date| date.offset_minutes)
    });
    /// The identifier of the message.
    MessageId = "message_id", true, Text(row => row.message.and_then(|view| view.message_id()));
    /// The identifiers of the messages that this one answers.
    InReplyTo = "in_reply_to", true, Texts(row => row.message.map(|view| view.in_reply_to()));
    /// The identifiers of the thread.
    References = "references", true, Texts(row => row.message.map(|view| view.references()));
    /// Every header field.
    Headers = "headers", true, Fields(row => row.message.map(|view| view.headers()));
    /// The body as text.
    Text = "text", true, Text(row => row.message.and_then(|view| view.text()));
    /// The body as HTML.
    Html = "html", true, Text(row => row.message.and_then(|view| view.html()));
    /// The attachments, without their content.
    Attachments = "attachments", true, Parts(row => row.message.map(|view| view.attachments()));
    /// The resources that the body shows, without their content.
    Inline = "inline", true, Parts(row => row.message.map(|view| view.inline_parts()));
    /// What is wrong with the message.
    Defects = "defects", true, Defects(row => row.message.map(|view| view.defects()));
    /// Why the message could not be read from its place.
    Error = "error", true, Text(row => row.error.map(Cow::Borrowed));
    /// The beginning of the text on one line.
    Preview = "preview", false, Text(row => {
        row.message.map(|view| Cow::Owned(view.preview()))
    });
    /// The content of each attachment, in the order of `attachments`.
    AttachmentContents = "attachment_contents", false, OctetsList(row => row.message.map(|view| {
        view.attachments().into_iter().map(|part| part.content()).collect()
    }));
    /// The SHA-256 of the content of each attachment, in lower-case hexadecimal digits.
    AttachmentSha256 = "attachment_sha256", false, Texts(row => row.message.map(|view| {
        let parts = view.attachments().into_iter();
        parts.map(|part| Cow::Owned(sha256(&part.content()))).collect()
    }));
    /// The message as an Email object of RFC 8621, in JSON.
    Json = "json", false, Text(row => row.message.map(|view| Cow::Owned(view.to_json())));
    /// The message as it came.
    Raw = "raw", false, Octets(row => row.message.map(|view| view.raw()));
}

impl Column {
    /// The column with this name.
    pub fn named(name: &str) -> Option<Column> {
        Self::ALL
            .iter()
            .copied()
            .find(|column| column.as_str() == name)
    }

    /// The columns of a table that asks for none by name, in order.
    pub fn usual() -> impl Iterator<Item = Column> {
        Self::ALL.iter().copied().filter(|column| column.is_usual())
    }
}

fn sha256(octets: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| {
        DIGITS
            .get(usize::from(value))
            .map_or('0', |digit| char::from(*digit))
    };
    let digest = Sha256::digest(octets);
    digest
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::{Column, Kind, Row, Value};
    use crate::mime::parse;

    fn kind(value: &Value<'_>) -> Kind {
        match value {
            Value::Text(_) => Kind::Text,
            Value::Texts(_) => Kind::Texts,
            Value::Octets(_) => Kind::Octets,
            Value::OctetsList(_) => Kind::OctetsList,
            Value::Number(_) => Kind::Number,
            Value::Minutes(_) => Kind::Minutes,
            Value::Instant(_) => Kind::Instant,
            Value::Mailbox(_) => Kind::Mailbox,
            Value::Mailboxes(_) => Kind::Mailboxes,
            Value::Fields(_) => Kind::Fields,
            Value::Parts(_) => Kind::Parts,
            Value::Defects(_) => Kind::Defects,
        }
    }

    #[test]
    fn a_value_is_of_the_kind_of_its_column_whatever_comes_in() {
        for raw in [&b""[..], b"\xff\x00", b"Subject: a\r\nTo: b@x.org\r\n\r\nc"] {
            let message = parse(raw);
            for row in [
                Row {
                    message: Some(message.view()),
                    ..Row::default()
                },
                Row::default(),
            ] {
                for column in Column::ALL {
                    assert_eq!(kind(&column.read(&row)), column.kind(), "{column:?}");
                }
            }
        }
    }

    #[test]
    fn names_are_unique_and_found() {
        for column in Column::ALL {
            assert_eq!(Column::named(column.as_str()), Some(*column));
        }
        assert_eq!(Column::named("Subject"), None);
        assert!(Column::usual().count() < Column::ALL.len());
    }

    #[test]
    fn digests_are_those_of_the_content() {
        let message = parse(
            b"Content-Type: application/pdf\r\nContent-Disposition: attachment\r\n\
              Content-Transfer-Encoding: base64\r\n\r\nYWJj\r\n",
        );
        let row = Row {
            message: Some(message.view()),
            ..Row::default()
        };
        let Value::Texts(Some(found)) = Column::AttachmentSha256.read(&row) else {
            panic!("a list of texts");
        };
        // The example of FIPS 180-2, appendix B.1.
        assert_eq!(
            found,
            ["ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"]
        );
    }
}
