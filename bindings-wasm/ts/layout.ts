/**
 * The layout of the flat index, written from `core/src/mime/index.rs`: do not edit.
 *
 * `POPMAIL_WRITE_LAYOUT=1 cargo test --test index_layout` writes it.
 */

/** The version of the layout, the first word of every index. */
export const VERSION = 1;

/** The absent text, part, message or date. */
export const NONE = 4294967295;

/** Words before the first message record. */
export const HEAD = 4;

/** In the head: how many messages, the outermost one included. */
export const HEAD_MESSAGES = 1;

/** In the head: how many parts, over all messages. */
export const HEAD_PARTS = 2;

/** In the head: how many sources. */
export const HEAD_SOURCES = 3;

/** Words of a message record. */
export const MESSAGE = 19;

/** The part that is the message itself. */
export const MESSAGE_ROOT = 0;

/** The number after that of the last part in the message, nested messages included. */
export const MESSAGE_END = 1;

/** Text: the subject. */
export const MESSAGE_SUBJECT = 2;

/** Text: the identifier. */
export const MESSAGE_ID = 4;

/** Low half of the date in seconds since 1970, a signed number. */
export const MESSAGE_DATE_LOW = 6;

/** High half of the date. */
export const MESSAGE_DATE_HIGH = 7;

/** Minutes of the zone from UTC plus `DATE_OFFSET_BIAS`; `NONE` where there is no date. */
export const MESSAGE_DATE_OFFSET = 8;

/** What is added to a zone so that it is never negative. */
export const DATE_OFFSET_BIAS = 32768;

/** List of addresses: From. */
export const MESSAGE_FROM = 9;

/** List of at most one address: Sender. */
export const MESSAGE_SENDER = 10;

/** List of addresses: To. */
export const MESSAGE_TO = 11;

/** List of addresses: Cc. */
export const MESSAGE_CC = 12;

/** List of addresses: Bcc. */
export const MESSAGE_BCC = 13;

/** List of addresses: Reply-To. */
export const MESSAGE_REPLY_TO = 14;

/** List of texts: In-Reply-To. */
export const MESSAGE_IN_REPLY_TO = 15;

/** List of texts: References. */
export const MESSAGE_REFERENCES = 16;

/** List of parts: RFC 8621's `textBody`. */
export const MESSAGE_TEXT_BODY = 17;

/** List of parts: RFC 8621's `htmlBody`. */
export const MESSAGE_HTML_BODY = 18;

/** Words of an address: the texts of name, address and group. */
export const ADDRESS = 6;

/** Words of a part record. */
export const PART = 23;

/** The message that the part belongs to. */
export const PART_MESSAGE = 0;

/** The multipart that the part is in. */
export const PART_PARENT = 1;

/** The message that the part holds. */
export const PART_NESTED = 2;

/** The source that the positions are in. */
export const PART_SOURCE = 3;

/** Where the header fields start. */
export const PART_HEADER = 4;

/** Where the body starts. */
export const PART_BODY = 5;

/** Where the part ends. */
export const PART_END = 6;

/** Bits: `FLAG_…`. */
export const PART_FLAGS = 7;

/** The transfer encoding: `ENCODING_…`. */
export const PART_ENCODING = 8;

/** The charset as a number for the calls that decode text; `CHARSET_UTF_8` is one. */
export const PART_CHARSET = 9;

/** Text: the media type. */
export const PART_CONTENT_TYPE = 10;

/** Text: the charset as written. */
export const PART_CHARSET_LABEL = 12;

/** Text: the disposition. */
export const PART_DISPOSITION = 14;

/** Text: the file name. */
export const PART_FILENAME = 16;

/** Text: the content identifier. */
export const PART_CONTENT_ID = 18;

/** Text: the transfer encoding where it is `ENCODING_NONE` and a field gives it, or `ENCODING_UUENCODE`. */
export const PART_TRANSFER_ENCODING = 20;

/** List of header fields. */
export const PART_HEADERS = 22;

/** The part is a multipart. */
export const FLAG_MULTIPART = 1;

/** The part is text. */
export const FLAG_TEXT = 2;

/** The part is HTML; it is text too. */
export const FLAG_HTML = 4;

/** The part is an attachment. */
export const FLAG_ATTACHMENT = 8;

/** The part is a resource that the body shows. */
export const FLAG_INLINE = 16;

/** The content is as it came. */
export const ENCODING_NONE = 0;

/** The content is base64. */
export const ENCODING_BASE64 = 1;

/** The content is quoted-printable. */
export const ENCODING_QUOTED_PRINTABLE = 2;

/** The content is in uuencode, only where a build has the old formats. */
export const ENCODING_UUENCODE = 3;

/** The charset UTF-8, also where none or an unknown one is given. */
export const CHARSET_UTF_8 = 0;

/** The bits of a charset that tell which it is. */
export const CHARSET_MASK = 255;

/** Bit of a charset: there is no label, or one that says nothing; text may be in another one. */
export const CHARSET_LOOSE = 256;

/** Bit of a charset: the text is HTML, which may name its charset itself. */
export const CHARSET_HTML = 512;

/** Words of a header field: where its name, its value and its final line end start. */
export const FIELD = 3;

/** Words of a source record. */
export const SOURCE = 2;

/** How the source is made: `SOURCE_…`. */
export const SOURCE_KIND = 0;

/** The part whose decoded content the source is. */
export const SOURCE_PART = 1;

/** The source is the bytes that came in. */
export const SOURCE_RAW = 0;

/** The source is the bytes that came in with every CR as LF. */
export const SOURCE_LINE_ENDS = 1;

/** The source is the decoded content of a `message/rfc822` part. */
export const SOURCE_DECODED = 2;

/** For `view`: the text. */
export const VIEW_TEXT = 0;

/** For `view`: the HTML. */
export const VIEW_HTML = 1;

/** For `view`: the preview. */
export const VIEW_PREVIEW = 2;

/** The first of the views that a build without the feature `details` lacks; they follow. */
export const VIEW_EXTRA = 3;

/** For `view`: the HTML with inline resources as `data:` URLs. */
export const VIEW_HTML_WITH_INLINE = 3;

/** For `view`: the Email object in JSON. */
export const VIEW_JSON = 4;

/** For `view`: the structure drawn with lines. */
export const VIEW_TREE = 5;

/** For `view`: the defects in JSON. */
export const VIEW_DEFECTS = 6;

/** For `view`: where the HTML refers to parts by `cid:`, in JSON: start, end, part. */
export const VIEW_CIDS = 7;

/** For `view`, from here on only where a build has them: the details in JSON. */
export const VIEW_DETAILS = 64;

/** For `view`: the text with the soft line breaks of `format=flowed` undone. */
export const VIEW_UNWRAPPED_TEXT = 65;

/** For `view`: the spans of that text, in JSON. */
export const VIEW_SPANS = 66;

/** For `view`: what the author wrote of it. */
export const VIEW_OWN_TEXT = 67;

/** For `view`, of the part with this number: its text with soft line breaks undone. */
export const VIEW_PART_UNWRAPPED_TEXT = 68;

/** For `view`: the other readings of the message, in JSON. */
export const VIEW_VIEWS = 69;

/** For `view`: the body as Markdown. */
export const VIEW_MARKDOWN = 70;

/** For `field`: the value as text. */
export const FIELD_TEXT = 0;

/** For `field`: the value as groups of addresses, in JSON. */
export const FIELD_ADDRESSES = 1;

/** For `field`: the value as a date, in RFC 3339 form; empty where it is none. */
export const FIELD_DATE = 2;

/** For `field`: the value as message identifiers, in JSON. */
export const FIELD_IDENTIFIERS = 3;

/** The first of the meanings that a build without the feature `details` lacks; they follow. */
export const FIELD_EXTRA = 64;

/** For `field`, from here on only where a build has them: the spans of a text, in JSON. */
export const FIELD_SPANS = 64;

/** For `field`: threads in JSON, of items separated by U+001E, their members by U+001F: see the core. */
export const FIELD_THREADS = 65;
