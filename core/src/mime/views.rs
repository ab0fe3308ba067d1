//! The other readings of an ambiguous message.
//!
//! Where programs are known to disagree on what a message says, a filter may check one reading and a
//! person be shown another. A [`View`] is the message with one such disagreement written out the other
//! way: its bytes are changed as little as may be, so that every program reads them as some read the
//! original. Decides, for each [`DefectCode`] of severity `ambiguous` that changes structure, names or
//! content, what that other way is:
//!
//! | code | here | in the view |
//! | --- | --- | --- |
//! | `duplicate-header` | the first field counts | the last one (or the first, where the last is asked for) |
//! | `duplicate-parameter` | the first boundary, charset… counts | the last one |
//! | `conflicting-file-names` | one of the names | each other name, in views of their own |
//! | `malformed-header` | a line without colon is left out | the body starts there |
//! | `missing-blank-line` | the body starts at the first line that is no field | that line is left out |
//! | `bare-cr-line-ends` | a CR ends a line | it does not: all is one field |
//! | `bare-cr` | a CR among the fields ends no line | it does |
//! | `delimiter-inside-line` | a boundary inside a line is one | it is text |
//! | `odd-boundary` in sections | the sections are joined | the field has no boundary |
//! | `unknown-transfer-encoding` | the content is as it came | it is base64 or quoted-printable, as it looks |
//! | `odd-transfer-encoding`, `obsolete-transfer-encoding` | the encoding is undone | the content is as it came |
//! | `encoded-multipart` | the encoding is not undone | it is |
//! | `data-after-padding` | the data goes on | it ends at the padding |
//!
//! One disagreement at a time: a message with three has three views and no view of their combinations.
//! What a transfer-encoded message inside another holds is not looked at here but in its own views.
//! Bounded: a code makes one view, the names three at most, each of 10,000 changes at
//! most. Linear.

use std::ops::Range;

use mail_parser::{Encoding, HeaderName, PartFlags, Source as ParserSource};
use memchr::{memchr, memchr_iter, memmem};

use super::defect::{ONCE, data_after_padding, is_field_line};
use super::header::Header;
use super::json::Json;
use super::options::Duplicates;
use super::transfer::Transfer;
use super::{DefectCode, MessageView, ParseOptions, Part, parameters, parse, parse_with};

/// Views of other file names.
const MAX_NAMES: usize = 3;

/// Changes that one view makes; what is behind them reads as in the message.
const MAX_EDITS: usize = 10_000;

/// Another reading of a message: see the [module](self).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The defect whose other reading this is.
    pub code: DefectCode,
    /// What is put in the place of which bytes of the message, in order; no two overlap.
    pub changes: Vec<(Range<usize>, Vec<u8>)>,
}

impl View {
    /// The bytes of `raw`, the message that the view is of, in the other reading.
    pub fn apply(&self, raw: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(raw.len());
        let mut from = 0;
        for (range, bytes) in &self.changes {
            out.extend_from_slice(raw.get(from..range.start).unwrap_or_default());
            out.extend_from_slice(bytes);
            from = range.end;
        }
        out.extend_from_slice(raw.get(from..).unwrap_or_default());
        out
    }
}

/// See [`MessageView::views`].
pub(crate) fn of(view: MessageView<'_>) -> Vec<View> {
    let options = &view.store.options;
    // A message inside another is looked at by itself, so that positions are those in its own bytes.
    if view.inner.container().is_some() {
        return of_outermost(parse_with(view.raw(), options).view(), options);
    }
    of_outermost(view, options)
}

fn of_outermost(view: MessageView<'_>, options: &ParseOptions) -> Vec<View> {
    let raw = view.raw();
    if view.store.edits().is_some_and(|edits| edits.is_cr_only()) {
        let spaced = raw.iter().map(|byte| match byte {
            b'\r' => b' ',
            other => *other,
        });
        let changes = vec![(0..raw.len(), spaced.collect())];
        return vec![View {
            code: DefectCode::BareCrLineEnds,
            changes,
        }];
    }
    let mut search = Search {
        raw,
        duplicates: options.duplicates,
        found: Vec::new(),
    };
    let inserted = view.store.edits().map(|edits| edits.missing_blank_lines());
    for part in view.all_parts() {
        if part.inner.message().source() == ParserSource::Raw {
            search.block(part, inserted.unwrap_or_default());
            search.fields(part);
            search.names(part);
            search.body(part);
        }
    }
    search.views()
}

/// The views of a message in JSON, for a language that makes the bytes itself:
/// `[{"code":…,"changes":[[start,end,text]]}]`, each character of a text an octet.
pub(crate) fn json(views: &[View]) -> String {
    let mut json = Json::default();
    json.list(views.iter(), |json, view| {
        json.first("code");
        json.string(view.code.as_str());
        json.key("changes");
        json.list(view.changes.iter(), |json, (range, bytes)| {
            json.out.push('[');
            json.number(range.start as u64);
            json.out.push(',');
            json.number(range.end as u64);
            json.out.push(',');
            json.string(&bytes.iter().copied().map(char::from).collect::<String>());
            json.out.push(']');
        });
        json.close();
    });
    json.out
}

type Change = (Range<usize>, Vec<u8>);

/// What makes parameters one file name: the field, the place (0 for sections), the parameter.
type Naming = (usize, usize, Vec<u8>);

struct Search<'m> {
    raw: &'m [u8],
    duplicates: Duplicates,
    /// By code, and by number where a code has several.
    found: Vec<((DefectCode, usize), Vec<Change>)>,
}

impl Search<'_> {
    fn add(&mut self, code: DefectCode, number: usize, range: Range<usize>, bytes: Vec<u8>) {
        let key = (code, number);
        let at = match self.found.iter().position(|(known, _)| *known == key) {
            Some(at) => at,
            None => {
                self.found.push((key, Vec::new()));
                self.found.len() - 1
            }
        };
        if let Some((_, changes)) = self.found.get_mut(at)
            && changes.len() < MAX_EDITS
        {
            changes.push((range, bytes));
        }
    }

    /// The views in the order of the codes.
    fn views(mut self) -> Vec<View> {
        self.found.sort_by_key(|(key, _)| *key);
        let views = self.found.into_iter().map(|((code, _), mut changes)| {
            changes.sort_by_key(|(range, _)| (range.start, range.end));
            // What a change takes away another cannot change.
            let mut end = 0;
            changes.retain(|(range, _)| {
                let is_free = range.start >= end;
                end = end.max(range.end);
                is_free
            });
            View { code, changes }
        });
        views.collect()
    }

    /// What separates fields from one another and from the body.
    fn block(&mut self, part: Part<'_>, inserted: &[usize]) {
        let source = part.source();
        let start = source.offset(part.inner.offset_header());
        let end = source.offset(part.inner.offset_body());
        let Some(block) = self.raw.get(start..end) else {
            return;
        };
        let is_bare = |at: &usize| !matches!(block.get(at + 1), None | Some(b'\n' | b'\r'));
        if memchr_iter(b'\r', block).any(|at| is_bare(&at)) {
            let mut broken = block.to_vec();
            for at in memchr_iter(b'\r', block).filter(is_bare) {
                if let Some(byte) = broken.get_mut(at) {
                    *byte = b'\n';
                }
            }
            self.add(DefectCode::BareCr, 0, start..end, broken);
        }
        // Text without any field is all body, for everybody.
        let is_root = part.inner.message().root_part().id() == part.index();
        let is_text = is_root && part.headers().is_empty();
        if !is_text && inserted.binary_search(&end).is_ok() {
            self.missing_blank_line(end, source.offset(part.inner.offset_end()));
            return;
        }
        // The line of an mbox file is none of the message's, and a part without fields has no other view.
        let mut rest = block;
        if part.headers().is_empty() {
            return;
        }
        if part.headers().envelope_line().is_some() {
            rest = rest.split_at(line_len(rest)).1;
        }
        while !rest.is_empty() {
            let (line, after) = rest.split_at(line_len(rest));
            if !line.trim_ascii().is_empty() && !is_field_line(line) {
                let at = end - rest.len();
                self.add(DefectCode::MalformedHeader, 0, at..at, b"\r\n".to_vec());
                return;
            }
            rest = after;
        }
    }

    /// Lines that are no fields become some, up to the next blank line.
    fn missing_blank_line(&mut self, start: usize, end: usize) {
        let body = self.raw.get(start..end).unwrap_or_default();
        let mut rest = body;
        let mut header = Vec::new();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(line_len(rest));
            if line.trim_ascii().is_empty() {
                break;
            }
            if !is_field_line(line) {
                header.extend_from_slice(b"X-Line: ");
            }
            header.extend_from_slice(line);
            rest = after;
        }
        let range = start..start + (body.len() - rest.len());
        self.add(DefectCode::MissingBlankLine, 0, range, header);
    }

    /// Fields of which one counts.
    fn fields(&mut self, part: Part<'_>) {
        let headers = part.headers();
        for name in ONCE {
            let fields: Vec<Header<'_>> = headers.get_all(name).collect();
            let other = match self.duplicates {
                Duplicates::First => fields.len().saturating_sub(1),
                Duplicates::Last => 0,
            };
            for (_, field) in fields.iter().enumerate().filter(|(at, _)| *at != other) {
                let at = field.range().start;
                self.add(DefectCode::DuplicateHeader, 0, at..at + 1, b"X".to_vec());
            }
        }
        if let Some(field) = headers.first(HeaderName::ContentTransferEncoding) {
            self.transfer_encoding(part, &field);
        }
        if let Some(field) = headers.first(HeaderName::ContentType) {
            let start = field.value_start();
            let names = parameters::names(field.raw_value());
            for (index, (at, name)) in names.iter().enumerate() {
                if memchr(b'*', name).is_some() {
                    if name.starts_with(b"boundary*") {
                        let range = start + at..start + at + 1;
                        self.add(DefectCode::OddBoundary, 0, range, b"x".to_vec());
                    }
                    continue;
                }
                let counts = [&b"boundary"[..], b"charset", b"type", b"start"];
                let is_again = |(_, later): &(usize, Vec<u8>)| later == name;
                let later = names.get(index + 1..).unwrap_or_default();
                if counts.contains(&name.as_slice()) && later.iter().any(is_again) {
                    let range = start + at..start + at + 1;
                    self.add(DefectCode::DuplicateParameter, 0, range, b"x".to_vec());
                }
            }
        }
    }

    fn transfer_encoding(&mut self, part: Part<'_>, field: &Header<'_>) {
        let value = field.value_start()..field.value_start() + field.raw_value().len();
        let body = part.raw_body();
        let written = field.raw_value().split(|byte| *byte == b'(').next();
        let written = written.unwrap_or_default().trim_ascii();
        let is = |name: &str| written.eq_ignore_ascii_case(name.as_bytes());
        let is_odd = !["7bit", "8bit", "binary", "base64", "quoted-printable"]
            .into_iter()
            .any(is);
        let as_it_came = || b" 8bit".to_vec();
        match part.transfer() {
            Transfer::Mime(Encoding::None) if is_odd => {
                let looks = match body {
                    _ if looks_like_base64(body) => Some(&b" base64"[..]),
                    _ if looks_quoted(body) => Some(&b" quoted-printable"[..]),
                    _ => None,
                };
                if let Some(looks) = looks {
                    let code = DefectCode::UnknownTransferEncoding;
                    self.add(code, 0, value, looks.to_vec());
                }
            }
            Transfer::Mime(Encoding::None) => {}
            Transfer::Mime(encoding) if part.is_multipart() => {
                let code = DefectCode::EncodedMultipart;
                let start = part.source().offset(part.inner.offset_body());
                self.add(code, 0, value, as_it_came());
                let decoded = encoding.decode(body).into_owned();
                self.add(code, 0, start..start + body.len(), decoded);
            }
            Transfer::Mime(_) if is_odd => {
                self.add(DefectCode::OddTransferEncoding, 0, value, as_it_came());
            }
            Transfer::Mime(_) => {}
            #[cfg(feature = "legacy")]
            Transfer::Uuencode => {
                let code = DefectCode::ObsoleteTransferEncoding;
                self.add(code, 0, value, as_it_came());
            }
        }
    }

    /// File names: each that is not the part's becomes it when the others are gone.
    fn names(&mut self, part: Part<'_>) {
        let fields = [HeaderName::ContentDisposition, HeaderName::ContentType];
        let fields = fields.map(|name| part.headers().first(name));
        let mut places: Vec<(usize, Naming)> = Vec::new();
        for (number, field) in fields.iter().enumerate() {
            let Some(field) = field else { continue };
            for (at, name) in parameters::names(field.raw_value()) {
                let (base, is_in_sections) = match memchr(b'*', &name) {
                    Some(star) => (name.get(..star).unwrap_or_default(), true),
                    None => (name.as_slice(), false),
                };
                if matches!(base, b"filename" | b"name") {
                    let base = base.to_vec();
                    // The sections are one name; plain parameters are one each.
                    let group = if is_in_sections { 0 } else { at + 1 };
                    places.push((field.value_start() + at, (number, group, base)));
                }
            }
        }
        let mut groups: Vec<&Naming> = Vec::new();
        for (_, group) in &places {
            if groups.len() > 4 * MAX_NAMES {
                break;
            }
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        if groups.len() < 2 {
            return;
        }
        let start = part.source().offset(part.inner.offset_header());
        let end = part.source().offset(part.inner.offset_body());
        let block = self.raw.get(start..end).unwrap_or_default();
        let mut known = vec![part.filename().map(|name| name.into_owned())];
        let mut number = 0;
        for kept in groups.iter().copied() {
            let masked = places.iter().filter(|(_, group)| group != kept);
            let masked: Vec<usize> = masked.map(|(at, _)| *at).collect();
            let mut alone = block.to_vec();
            for at in &masked {
                if let Some(byte) = alone.get_mut(at.saturating_sub(start)) {
                    *byte = b'x';
                }
            }
            let name = parse(&alone)
                .root()
                .filename()
                .map(|name| name.into_owned());
            if name.is_none() || known.contains(&name) {
                continue;
            }
            known.push(name);
            for at in masked {
                let code = DefectCode::ConflictingFileNames;
                self.add(code, number, at..at + 1, b"x".to_vec());
            }
            number += 1;
            if number == MAX_NAMES {
                break;
            }
        }
    }

    fn body(&mut self, part: Part<'_>) {
        let start = part.source().offset(part.inner.offset_body());
        let body = part.raw_body();
        if part.inner.flags().contains(PartFlags::FALLBACK_DELIMITER) {
            let boundary = part.parameter("boundary").unwrap_or_default();
            let delimiter = [b"--", boundary.as_bytes()].concat();
            for at in memmem::find_iter(body, &delimiter) {
                let is_inside = at > 0 && body.get(at - 1) != Some(&b'\n');
                if is_inside {
                    let range = start + at..start + at + 1;
                    self.add(DefectCode::DelimiterInsideLine, 0, range, b"_".to_vec());
                }
            }
        }
        if part.inner.encoding() == Encoding::Base64
            && !part.is_multipart()
            && !part.inner.is_message()
            && let Some(at) = data_after_padding(body)
        {
            let range = start + at..start + body.len();
            self.add(DefectCode::DataAfterPadding, 0, range, Vec::new());
        }
    }
}

/// The length of the first line with its end.
fn line_len(text: &[u8]) -> usize {
    memchr(b'\n', text).map_or(text.len(), |end| end + 1)
}

/// Whether a body is base64: nothing else, and enough of it.
fn looks_like_base64(body: &[u8]) -> bool {
    let is_base64 = |byte: &u8| {
        byte.is_ascii_alphanumeric() || b"+/=".contains(byte) || byte.is_ascii_whitespace()
    };
    let signs = body.iter().filter(|byte| !byte.is_ascii_whitespace());
    body.iter().all(is_base64) && signs.count().is_multiple_of(4) && !body.trim_ascii().is_empty()
}

/// Whether a body has octets of quoted-printable.
fn looks_quoted(body: &[u8]) -> bool {
    let is_hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    memchr_iter(b'=', body).any(|at| is_hex(body.get(at + 1)) && is_hex(body.get(at + 2)))
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::{DefectCode, ONCE};
    use crate::mime::parse;

    #[test]
    fn every_field_that_may_occur_once_has_its_other_reading() {
        for name in ONCE {
            let raw = format!("{name}: <a@example.com>\r\n{name}: <b@example.com>\r\n\r\ntext\r\n");
            let message = parse(raw.as_bytes());
            let defects = message.defects();
            assert!(
                defects
                    .iter()
                    .any(|defect| defect.code == DefectCode::DuplicateHeader),
                "{name}"
            );
            let views = message.views();
            let view = views
                .iter()
                .find(|view| view.code == DefectCode::DuplicateHeader);
            let other = view.unwrap().apply(raw.as_bytes());
            assert_eq!(other, format!("X{}", &raw[1..]).as_bytes());
        }
    }
}
