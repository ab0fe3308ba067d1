//! What the parser would misread, and the corrected copy that it reads instead.
//!
//! Decides how input is understood on which readers are known to differ:
//!
//! * of two `Content-Type`, `Content-Transfer-Encoding` or `Content-Disposition` fields in one part
//!   the first counts, as in every widespread reader (the parser takes the last);
//! * a transfer encoding in quotes or with a stray semicolon is that encoding;
//! * a multipart whose first delimiter stands in its own header block starts there, and a part
//!   without any blank line starts its body at the first line that is no header field;
//! * text without any header field is all body;
//! * line ends that are bare CR throughout are line ends.
//!
//! Every correction is made in a private copy and shows as a defect. Mail that needs none is never
//! copied. Corrections reach the bytes that came in; messages inside a transfer-encoded
//! `message/rfc822` part are taken as the parser reads them.

use std::ops::Range;

use mail_parser::{Encoding, HeaderName, Message, MessagePart, PartFlags, Source};
use memchr::{memchr, memchr2, memmem};

use super::options::Duplicates;
#[cfg(feature = "pieces")]
use super::options::MimeLimits;

const BLANK_LINE: &[u8] = b"\r\n";

/// Corrections, in offsets of the original bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Edits {
    /// Offsets before which a blank line is put, ascending.
    inserts: Vec<usize>,
    /// Bytes that are replaced by as many others.
    overwrites: Vec<(usize, Vec<u8>)>,
    /// Every CR becomes LF.
    cr_only: bool,
    /// What lies after this offset is not parsed.
    limit: Option<usize>,
    /// Fields beyond a limit, which are not parsed: a record of each takes more than it has octets.
    #[cfg(feature = "pieces")]
    omitted: Option<Range<usize>>,
}

impl Edits {
    pub(crate) fn is_empty(&self) -> bool {
        self.inserts.is_empty()
            && self.overwrites.is_empty()
            && !self.cr_only
            && self.limit.is_none()
            && self.omitted().is_none()
    }

    pub(crate) fn is_cr_only(&self) -> bool {
        self.cr_only
    }

    pub(crate) fn is_limited(&self) -> bool {
        self.limit.is_some()
    }

    /// The offsets before which a blank line was missing, ascending.
    pub(crate) fn missing_blank_lines(&self) -> &[usize] {
        &self.inserts
    }

    pub(crate) fn insert_blank_line(&mut self, before: usize) {
        if let Err(at) = self.inserts.binary_search(&before) {
            self.inserts.insert(at, before);
        }
    }

    pub(crate) fn limit(&mut self, end: usize) {
        self.limit = Some(end);
    }

    #[cfg(feature = "pieces")]
    fn omitted(&self) -> Option<&Range<usize>> {
        self.omitted.as_ref()
    }

    /// A build that has to be small parses every field.
    #[cfg(not(feature = "pieces"))]
    fn omitted(&self) -> Option<&Range<usize>> {
        None
    }

    #[cfg(feature = "pieces")]
    pub(crate) fn omit(&mut self, fields: Range<usize>) {
        self.omitted = Some(fields);
    }

    pub(crate) fn extend(&mut self, more: Edits) {
        self.inserts.extend(more.inserts);
        self.inserts.sort_unstable();
        self.inserts.dedup();
        self.overwrites.extend(more.overwrites);
        self.cr_only |= more.cr_only;
        self.limit = self.limit.or(more.limit);
    }

    /// The corrected copy of `raw`.
    pub(crate) fn apply(&self, raw: &[u8]) -> Vec<u8> {
        let raw = raw.get(..self.limit.unwrap_or(raw.len())).unwrap_or(raw);
        let mut copy = Vec::with_capacity(raw.len() + self.inserts.len() * BLANK_LINE.len());
        let mut from = 0;
        for &at in &self.inserts {
            self.append(raw, from..at, &mut copy);
            copy.extend_from_slice(BLANK_LINE);
            from = at;
        }
        self.append(raw, from..raw.len(), &mut copy);
        for (at, bytes) in &self.overwrites {
            let inserted = self.inserts.partition_point(|before| before <= at);
            let at = self.kept(*at) + inserted * BLANK_LINE.len();
            if let Some(target) = copy.get_mut(at..at + bytes.len()) {
                target.copy_from_slice(bytes);
            }
        }
        copy
    }

    fn append(&self, raw: &[u8], range: Range<usize>, copy: &mut Vec<u8>) {
        let start = copy.len();
        let omitted = self.omitted().cloned().unwrap_or_default();
        let before = range.start..range.end.min(omitted.start);
        let behind = range.start.max(omitted.end)..range.end;
        for kept in [before, behind] {
            copy.extend_from_slice(raw.get(kept).unwrap_or_default());
        }
        if self.cr_only {
            let added = copy.iter_mut().skip(start);
            added
                .filter(|byte| **byte == b'\r')
                .for_each(|byte| *byte = b'\n');
        }
    }

    /// Where an original offset is when what is omitted is gone.
    fn kept(&self, offset: usize) -> usize {
        match self.omitted() {
            Some(omitted) if offset >= omitted.end => offset - omitted.len(),
            Some(omitted) => offset.min(omitted.start),
            None => offset,
        }
    }

    /// The original offset of an offset of the corrected copy.
    pub(crate) fn original(&self, offset: usize) -> usize {
        // The n-th insertion (from 0) stands at its original offset plus n blank lines.
        let width = BLANK_LINE.len();
        let (mut low, mut high) = (0, self.inserts.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let insert = self.inserts.get(middle).copied().unwrap_or_default();
            let start = self.kept(insert) + middle * width;
            if start < offset {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let mut mapped = offset.saturating_sub(low * width);
        if let Some(omitted) = self.omitted()
            && mapped > omitted.start
        {
            mapped += omitted.len();
        }
        match low.checked_sub(1).and_then(|last| self.inserts.get(last)) {
            Some(&last) => mapped.max(last),
            None => mapped,
        }
    }
}

/// Whether the parser may find no message at all: no blank line and no header field.
pub(crate) fn has_no_message(raw: &[u8]) -> bool {
    let mut rest = raw;
    while let Some(end) = memchr(b'\n', rest) {
        let (line, after) = rest.split_at(end + 1);
        if line.trim_ascii().is_empty() || is_field(line) {
            return false;
        }
        rest = after;
    }
    !is_field(rest)
}

/// The fields that are not worth parsing, since they are beyond a limit: all from there on but the last,
/// which tells that there were some, and where the header block ends.
#[cfg(feature = "pieces")]
pub(crate) fn beyond(raw: &[u8], limits: &MimeLimits) -> Option<Range<usize>> {
    if raw.len() < FEW_FIELDS {
        return None;
    }
    let (mut at, mut count) = (0, 0);
    let (mut first, mut last) = (None, 0);
    while let Some(rest) = raw.get(at..).filter(|rest| !rest.is_empty()) {
        let len = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        match rest {
            [b'\n', ..] | [b'\r', b'\n', ..] => break,
            [b' ' | b'\t', ..] => {}
            _ => {
                count += 1;
                last = at;
                // One more than counts, in case that the first is the line of an mbox file.
                let is_beyond =
                    count > limits.headers.saturating_add(1) || at > limits.header_bytes;
                if is_beyond && first.is_none() {
                    first = Some(at);
                }
            }
        }
        at += len;
    }
    first
        .map(|first| first..last)
        .filter(|fields| !fields.is_empty())
}

/// Messages of fewer octets are parsed as they are.
#[cfg(feature = "pieces")]
const FEW_FIELDS: usize = 64 << 10;

fn is_field(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    let colons = line.iter().take_while(|&&byte| byte == b':').count();
    line.get(colons..)
        .is_some_and(|name| memchr(b':', name).is_some())
}

/// The corrections that `parsed` still needs, given those that were made before it was parsed.
pub(crate) fn needed(parsed: &Message<'_>, made: &Edits, duplicates: Duplicates) -> Edits {
    let raw = parsed.raw();
    let mut edits = Edits::default();
    if !made.cr_only && memchr2(b'\n', b'\r', raw).is_some() && memchr(b'\n', raw).is_none() {
        edits.cr_only = true;
        return edits;
    }
    let mut is_root = true;
    for part in parsed.parts() {
        if part.message().source() == Source::Raw {
            check(part, is_root, raw, made, duplicates, &mut edits);
        }
        is_root = false;
    }
    edits.inserts.sort_unstable();
    edits.inserts.dedup();
    edits
}

fn check(
    part: MessagePart<'_>,
    is_root: bool,
    raw: &[u8],
    made: &Edits,
    duplicates: Duplicates,
    edits: &mut Edits,
) {
    let headers = part.headers();
    if headers.is_empty() {
        let block = part.raw_headers();
        let text = block.iter().any(|byte| !byte.is_ascii_whitespace());
        if text && (is_root || part.flags().contains(PartFlags::NO_BLANK_LINE)) {
            edits
                .inserts
                .push(made.original(part.offset_header() as usize));
        }
        return;
    }
    let mut block_end = u32::MAX;
    let mut types = headers.all(HeaderName::ContentType);
    let first_type = types.next();
    if let Some(boundary) = first_type
        .and_then(|header| header.value().as_content_type())
        .filter(|value| value.ctype() == "multipart")
        .and_then(|value| value.attribute("boundary"))
        && let Some(at) = own_delimiter(part.raw_headers(), boundary.as_bytes())
    {
        block_end = part.offset_header() + at as u32;
        edits.inserts.push(made.original(block_end as usize));
    } else if part.flags().contains(PartFlags::NO_BLANK_LINE)
        && let Some(at) = first_text_line(part.raw_headers())
    {
        block_end = part.offset_header() + at as u32;
        edits.inserts.push(made.original(block_end as usize));
    }
    for name in [
        HeaderName::ContentType,
        HeaderName::ContentTransferEncoding,
        HeaderName::ContentDisposition,
    ] {
        // The parser takes the last.
        for later in headers
            .all(name)
            .skip(1)
            .filter(|_| duplicates == Duplicates::First)
        {
            if later.offset_field() < block_end {
                let at = made.original(later.offset_field() as usize);
                edits.overwrites.push((at, b"X".to_vec()));
            }
        }
    }
    if part.encoding() == Encoding::None && !part.has_known_transfer_encoding() {
        let field = headers.all(HeaderName::ContentTransferEncoding).next();
        if let Some(field) = field.filter(|field| field.offset_field() < block_end)
            && let Some(value) = raw.get(field.offset_start() as usize..field.offset_end() as usize)
            && let Some(bare) = bare_encoding(value)
        {
            edits
                .overwrites
                .push((made.original(field.offset_start() as usize), bare));
        }
    }
}

/// Where the line `--boundary` starts in a header block.
fn own_delimiter(block: &[u8], boundary: &[u8]) -> Option<usize> {
    if boundary.is_empty() {
        return None;
    }
    memmem::find_iter(block, b"\n--")
        .find(|at| {
            block
                .get(at + 3..)
                .is_some_and(|rest| rest.starts_with(boundary))
        })
        .map(|at| at + 1)
}

/// Where the first line that is neither a field nor the continuation of one starts.
fn first_text_line(block: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(rest) = block.get(at..).filter(|rest| !rest.is_empty()) {
        let end = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let line = rest.get(..end).unwrap_or(rest);
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let name = memchr(b':', line);
            if name.is_none_or(|len| len == 0) && !line.trim_ascii().is_empty() {
                return Some(at);
            }
        }
        at += end;
    }
    None
}

/// The value with all but its encoding name blanked out, when that name is one that decodes.
fn bare_encoding(value: &[u8]) -> Option<Vec<u8>> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    let start = value.iter().position(is_name)?;
    let token = value.get(start..)?;
    let len = token
        .iter()
        .position(|byte| !is_name(byte))
        .unwrap_or(token.len());
    let token = token.get(..len)?;
    let lead_is_noise = value
        .get(..start)?
        .iter()
        .all(|byte| byte.is_ascii_whitespace() || b"\"'".contains(byte));
    if !lead_is_noise
        || !(token.eq_ignore_ascii_case(b"base64")
            || token.eq_ignore_ascii_case(b"quoted-printable"))
    {
        return None;
    }
    let mut bare = vec![b' '; value.len()];
    bare.get_mut(start..start + len)?.copy_from_slice(token);
    // The line end stays, or the field would swallow what follows it.
    let tail = value
        .iter()
        .rev()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count();
    let tail = value.len() - tail;
    bare.get_mut(tail..)?.copy_from_slice(value.get(tail..)?);
    Some(bare)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::{Edits, bare_encoding, has_no_message};

    #[test]
    fn offsets_of_the_copy_lead_back_to_the_original() {
        let mut edits = Edits::default();
        edits.insert_blank_line(4);
        edits.insert_blank_line(8);
        let raw = b"0123456789";
        let copy = edits.apply(raw);
        assert_eq!(copy, b"0123\r\n4567\r\n89");
        for (at, byte) in copy.iter().enumerate() {
            if byte.is_ascii_digit() {
                assert_eq!(raw[edits.original(at)], *byte);
            }
        }
        assert_eq!(edits.original(copy.len()), raw.len());
        assert_eq!(
            (edits.original(4), edits.original(5), edits.original(6)),
            (4, 4, 4)
        );
    }

    #[cfg(feature = "pieces")]
    #[test]
    fn offsets_behind_what_is_omitted_lead_back_to_the_original() {
        let mut edits = Edits::default();
        edits.omit(3..6);
        edits.insert_blank_line(2);
        edits.insert_blank_line(8);
        let raw = b"0123456789";
        let copy = edits.apply(raw);
        assert_eq!(copy, b"01\r\n267\r\n89");
        for (at, byte) in copy.iter().enumerate() {
            // The first octet behind is where the omitted ones were.
            if byte.is_ascii_digit() && *byte != b'6' {
                assert_eq!(raw[edits.original(at)], *byte);
            }
        }
        assert_eq!(edits.original(copy.len()), raw.len());
    }

    #[test]
    fn quoted_transfer_encoding_is_bared_at_the_same_length() {
        assert_eq!(
            bare_encoding(b" \"base64\"\r\n"),
            Some(b"  base64 \r\n".to_vec())
        );
        assert_eq!(
            bare_encoding(b" base64;\r\n"),
            Some(b" base64 \r\n".to_vec())
        );
        assert_eq!(bare_encoding(b" x-uuencode\r\n"), None);
        assert_eq!(bare_encoding(b" 8bit base64\r\n"), None);
    }

    #[test]
    fn only_input_without_field_and_blank_line_is_no_message() {
        assert!(has_no_message(b""));
        assert!(has_no_message(b"just text\r\nmore"));
        assert!(!has_no_message(b"a: b"));
        assert!(!has_no_message(b"text\n\nmore"));
    }

    #[test]
    fn whatever_the_parser_refuses_is_known_beforehand() {
        let alphabet = b"a: \n\r\t";
        let mut input = Vec::new();
        for code in 0..6usize.pow(7) {
            input.clear();
            let mut rest = code;
            for _ in 0..7 {
                input.push(alphabet[rest % 6]);
                rest /= 6;
            }
            let parses = mail_parser::MessageParser::new().parse(&input).is_some();
            assert!(parses || has_no_message(&input), "{input:?}");
        }
    }
}
