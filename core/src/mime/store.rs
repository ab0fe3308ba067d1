//! The bytes of a message and what the parser made of them.
//!
//! Decides which bytes a part or a header field stands for. Mostly these are the bytes that came
//! in. When [`super::repair`] had to give the parser a corrected copy, offsets of the copy are
//! mapped back, so that everything handed out is a slice of the original. Not here: what to correct.

use std::borrow::Cow;
#[cfg(feature = "pieces")]
use std::ops::Range;
use std::sync::LazyLock;

use mail_parser::{HeaderForm, HeaderName, MessageParser, MessageRef, Source as ParserSource};

use super::options::{MimeLimits, ParseOptions};
use super::repair::{self, Edits};

/// Corrections may uncover further ones (a multipart that opens shows its children); hostile
/// input could ask for one pass for each level.
const MAX_PASSES: usize = 4;

/// The parser's offsets are 32 bits wide: what comes after is kept, but not parsed.
pub(crate) const MAX_PARSED: usize = u32::MAX as usize - 16;

/// Every field but those that shape the structure is read when asked for, by this crate.
static PARSER: LazyLock<MessageParser> = LazyLock::new(parser);

fn parser() -> MessageParser {
    const LAZY: [HeaderName<'static>; 35] = [
        HeaderName::Subject,
        HeaderName::Comments,
        HeaderName::ContentDescription,
        HeaderName::ContentLocation,
        HeaderName::From,
        HeaderName::To,
        HeaderName::Cc,
        HeaderName::Bcc,
        HeaderName::ReplyTo,
        HeaderName::Sender,
        HeaderName::ResentTo,
        HeaderName::ResentFrom,
        HeaderName::ResentBcc,
        HeaderName::ResentCc,
        HeaderName::ResentSender,
        HeaderName::ListArchive,
        HeaderName::ListHelp,
        HeaderName::ListId,
        HeaderName::ListOwner,
        HeaderName::ListPost,
        HeaderName::ListSubscribe,
        HeaderName::ListUnsubscribe,
        HeaderName::Date,
        HeaderName::ResentDate,
        HeaderName::MessageId,
        HeaderName::References,
        HeaderName::InReplyTo,
        HeaderName::ReturnPath,
        HeaderName::ContentId,
        HeaderName::ResentMessageId,
        HeaderName::Keywords,
        HeaderName::ContentLanguage,
        HeaderName::Received,
        HeaderName::MimeVersion,
        HeaderName::DkimSignature,
    ];
    LAZY.into_iter().fold(
        MessageParser::new().unknown_headers(HeaderForm::Ignore),
        |parser, name| parser.header(name, HeaderForm::Ignore),
    )
}

/// The parser with other limits than the usual ones.
fn limited(limits: &MimeLimits) -> MessageParser {
    parser()
        .max_depth(limits.depth)
        .max_parts(limits.parts)
        .max_encoded_nesting(limits.nested_encodings)
}

/// A parsed message with its bytes.
#[derive(Clone)]
pub(crate) struct Store<'x> {
    pub(crate) parsed: mail_parser::Message<'x>,
    original: Option<Box<Original<'x>>>,
    pub(crate) options: ParseOptions,
}

/// What came in, when the parser read something else.
#[derive(Clone)]
struct Original<'x> {
    raw: Cow<'x, [u8]>,
    edits: Edits,
}

/// The buffer that the offsets of one message refer to.
#[derive(Clone, Copy)]
pub(crate) struct Source<'m> {
    bytes: &'m [u8],
    edits: Option<&'m Edits>,
}

impl<'x> Store<'x> {
    pub(crate) fn borrowed(raw: &'x [u8]) -> Self {
        Self::with(raw, &PARSER, ParseOptions::default())
    }

    pub(crate) fn borrowed_with(raw: &'x [u8], options: &ParseOptions) -> Self {
        let store = Self::with(raw, &limited(&options.limits), *options);
        if store.decoded_bytes() <= options.limits.decoded_bytes {
            return store;
        }
        let mut limits = options.limits;
        limits.nested_encodings = 0;
        Self::with(raw, &limited(&limits), *options)
    }

    fn with(raw: &'x [u8], parser: &MessageParser, options: ParseOptions) -> Self {
        #[cfg(feature = "pieces")]
        if let Some(fields) = repair::beyond(raw, &options.limits) {
            return Self::shortened(Cow::Borrowed(raw), fields, parser, options);
        }
        match parser.parse(raw) {
            Some(parsed) => {
                let edits = repair::needed(&parsed, &Edits::default(), options.duplicates);
                if edits.is_empty() {
                    return Store {
                        parsed,
                        original: None,
                        options,
                    };
                }
                drop(parsed);
                Self::repaired(Cow::Borrowed(raw), edits, parser, options)
            }
            None => Self::unparsed(Cow::Borrowed(raw), parser, options),
        }
    }

    /// How many bytes of transfer-encoded messages the parser has decoded.
    fn decoded_bytes(&self) -> usize {
        let messages = self.parsed.messages();
        messages
            .filter(|message| {
                message.container().is_some_and(|part| {
                matches!(message.source(), ParserSource::Decoded(source) if source == part.id())
            })
            })
            .map(|message| message.source_bytes().len())
            .sum()
    }

    pub(crate) fn owned(raw: Vec<u8>) -> Store<'static> {
        let options = ParseOptions::default();
        // The parser keeps the bytes it is given, even when it finds no message in them.
        if raw.len() > MAX_PARSED || repair::has_no_message(&raw) {
            return Store::unparsed(Cow::Owned(raw), &PARSER, options);
        }
        #[cfg(feature = "pieces")]
        if let Some(fields) = repair::beyond(&raw, &options.limits) {
            return Store::shortened(Cow::Owned(raw), fields, &PARSER, options);
        }
        let parsed = PARSER.parse_owned(raw).unwrap_or_default();
        let edits = repair::needed(&parsed, &Edits::default(), options.duplicates);
        if edits.is_empty() {
            return Store {
                parsed,
                original: None,
                options,
            };
        }
        let raw = parsed.raw().to_vec();
        Store::repaired(Cow::Owned(raw), edits, &PARSER, options)
    }

    fn unparsed(raw: Cow<'x, [u8]>, parser: &MessageParser, options: ParseOptions) -> Self {
        let mut edits = Edits::default();
        if raw.len() > MAX_PARSED {
            edits.limit(MAX_PARSED);
        } else {
            edits.insert_blank_line(0);
        }
        Self::repaired(raw, edits, parser, options)
    }

    /// Without fields that are beyond a limit.
    #[cfg(feature = "pieces")]
    fn shortened(
        raw: Cow<'x, [u8]>,
        fields: Range<usize>,
        parser: &MessageParser,
        options: ParseOptions,
    ) -> Self {
        let mut edits = Edits::default();
        edits.omit(fields);
        if raw.len() > MAX_PARSED {
            edits.limit(MAX_PARSED);
        }
        Self::repaired(raw, edits, parser, options)
    }

    fn repaired(
        raw: Cow<'x, [u8]>,
        mut edits: Edits,
        parser: &MessageParser,
        options: ParseOptions,
    ) -> Self {
        let mut parsed = parser.parse_owned(edits.apply(&raw)).unwrap_or_default();
        for _ in 1..MAX_PASSES {
            let more = repair::needed(&parsed, &edits, options.duplicates);
            if more.is_empty() {
                break;
            }
            edits.extend(more);
            // Two copies of a large message need not be there at once.
            drop(std::mem::take(&mut parsed));
            parsed = parser.parse_owned(edits.apply(&raw)).unwrap_or_default();
        }
        Store {
            parsed,
            original: Some(Box::new(Original { raw, edits })),
            options,
        }
    }

    /// The bytes as they came in.
    pub(crate) fn raw(&self) -> &[u8] {
        match &self.original {
            Some(original) => &original.raw,
            None => self.parsed.raw(),
        }
    }

    /// What was corrected for the parser, if anything.
    pub(crate) fn edits(&self) -> Option<&Edits> {
        self.original.as_ref().map(|original| &original.edits)
    }

    /// The bytes behind the offsets of this message.
    pub(crate) fn source<'m>(&'m self, message: MessageRef<'m>) -> Source<'m> {
        match &self.original {
            Some(original) if message.source() == ParserSource::Raw => {
                if original.edits.is_cr_only() {
                    Source {
                        bytes: self.parsed.raw(),
                        edits: None,
                    }
                } else {
                    Source {
                        bytes: &original.raw,
                        edits: Some(&original.edits),
                    }
                }
            }
            _ => Source {
                bytes: message.source_bytes(),
                edits: None,
            },
        }
    }
}

impl<'m> Source<'m> {
    /// The original offset of an offset of the parser.
    pub(crate) fn offset(self, offset: u32) -> usize {
        match self.edits {
            Some(edits) => edits.original(offset as usize),
            None => offset as usize,
        }
    }

    /// The original bytes between two offsets of the parser.
    #[inline]
    pub(crate) fn slice(self, start: u32, end: u32) -> &'m [u8] {
        self.bytes
            .get(self.offset(start)..self.offset(end))
            .unwrap_or_default()
    }
}
