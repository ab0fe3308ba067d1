//! Parameters of Content-Type and Content-Disposition whose text the parser cannot make.
//!
//! Decides how RFC 2231 sections, raw 8-bit bytes and encoded words become one value when they are in
//! charsets that the parser does not know, or that a build leaves to its host. Order and meaning are
//! the parser's: a plain parameter comes before one in sections, the first of two counts. Linear,
//! bounded by [`MAX_PARAMETERS`].

use std::borrow::Cow;

use memchr::memmem;

use super::reading::{self, CharsetGuess};
use super::{charset, content_id};

/// Parameters that are looked at in one field, sections of RFC 2231 counted one by one.
const MAX_PARAMETERS: usize = 1_000;

/// One parameter of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameter {
    /// The name in lower case, without what RFC 2231 puts behind it.
    pub(crate) name: String,
    /// The value; encoded words in it are not decoded yet.
    pub(crate) value: String,
    /// The charset, if nothing told it.
    pub(crate) guess: Option<CharsetGuess>,
}

/// The parameters of a field, `None` when the parser reads them rightly.
pub(crate) fn read(field: &[u8]) -> Option<Vec<Parameter>> {
    if !is_beyond_the_parser(field) {
        return None;
    }
    let mut plain = Vec::new();
    let mut sections: Vec<Sections> = Vec::new();
    // Sorted by name: where its sections are.
    let mut places: Vec<(Vec<u8>, usize)> = Vec::new();
    for (name, value) in Items::new(field).take(MAX_PARAMETERS) {
        let name = name.to_ascii_lowercase();
        let Some((base, section)) = split(&name) else {
            plain.push(plain_parameter(&name, &value));
            continue;
        };
        let known = places.binary_search_by(|(known, _)| known.as_slice().cmp(base));
        if let Err(at) = known {
            places.insert(at, (base.to_vec(), sections.len()));
            sections.push(Sections {
                name: String::from_utf8_lossy(base).into_owned(),
                pieces: Vec::new(),
            });
        }
        let (Ok(at) | Err(at)) = known;
        let place = places.get(at).map(|(_, place)| *place);
        if let Some(found) = place.and_then(|place| sections.get_mut(place)) {
            found.pieces.push((section, value));
        }
    }
    plain.extend(sections.into_iter().map(Sections::join));
    Some(plain)
}

/// The names of the parameters in lower case, as written, and where each starts in the field.
#[cfg(feature = "details")]
pub(crate) fn names(field: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let mut items = Items::new(field);
    let mut names = Vec::new();
    while let Some((name, _)) = items.next() {
        if names.len() == MAX_PARAMETERS {
            break;
        }
        names.push((field.len() - items.named, name.to_ascii_lowercase()));
    }
    names
}

/// Whether the field holds bytes or labels that the parser has no text for.
fn is_beyond_the_parser(field: &[u8]) -> bool {
    if field.is_ascii() && memmem::find(field, b"*").is_none() {
        // A charset of the host may be in an encoded word; escape sequences stand by themselves.
        return memchr::memchr(0x1b, field).is_some() || memmem::find(field, b"=?").is_some();
    }
    // The parser joins sections to a plain parameter of the same name.
    let is_in_sections = || memmem::find(field, b"*0=").is_some();
    if std::str::from_utf8(field).is_err()
        || memmem::find(field, b"=?").is_some()
        || is_in_sections()
    {
        return true;
    }
    // A label before an apostrophe that is not the one that every build of the parser has.
    memmem::find_iter(field, b"*=")
        .take(MAX_PARAMETERS)
        .any(|at| {
            let value = field.get(at + 2..).unwrap_or_default().trim_ascii_start();
            let value = value.strip_prefix(b"\"").unwrap_or(value);
            let end = value.iter().take(64).position(|byte| *byte == b'\'');
            let label = end.and_then(|end| value.get(..end)).unwrap_or_default();
            !label.is_empty() && !label.eq_ignore_ascii_case(b"utf-8")
        })
}

struct Sections {
    name: String,
    pieces: Vec<(Section, Vec<u8>)>,
}

#[derive(Clone, Copy)]
struct Section {
    number: u32,
    is_extended: bool,
}

/// `name*`, `name*0` and `name*0*` as name and section; `None` for a plain name.
fn split(name: &[u8]) -> Option<(&[u8], Section)> {
    let star = name.iter().position(|byte| *byte == b'*')?;
    let (base, rest) = name.split_at_checked(star)?;
    let rest = rest.get(1..)?;
    let (digits, is_extended) = match rest.strip_suffix(b"*") {
        Some(digits) => (digits, true),
        None => (rest, rest.is_empty()),
    };
    let number = match digits {
        b"" => 0,
        digits => std::str::from_utf8(digits).ok()?.parse().ok()?,
    };
    let section = Section {
        number,
        is_extended,
    };
    Some((base, section))
}

fn plain_parameter(name: &[u8], value: &[u8]) -> Parameter {
    let (value, guess) = match reading::raw_header(value) {
        Some((text, guess)) => (text, Some(guess)),
        None => (String::from_utf8_lossy(value).into_owned(), None),
    };
    Parameter {
        name: String::from_utf8_lossy(name).into_owned(),
        value,
        guess,
    }
}

impl Sections {
    fn join(mut self) -> Parameter {
        self.pieces.sort_by_key(|(section, _)| section.number);
        self.pieces.dedup_by_key(|(section, _)| section.number);
        let mut label: Option<Vec<u8>> = None;
        let mut bytes = Vec::new();
        for (section, value) in &self.pieces {
            let mut value = value.as_slice();
            if section.is_extended && label.is_none() {
                let mut quotes = memchr::memchr_iter(b'\'', value);
                if let (Some(first), Some(second)) = (quotes.next(), quotes.next()) {
                    label = value.get(..first).map(<[u8]>::to_vec);
                    value = value.get(second + 1..).unwrap_or_default();
                }
            }
            if section.is_extended {
                bytes.extend_from_slice(&content_id::percent_decoded(value));
            } else {
                bytes.extend_from_slice(value);
            }
        }
        let charset = label.as_deref().and_then(charset::from_label);
        let (value, guess) = match charset {
            Some(charset) => (
                charset::decode(charset, Cow::Borrowed(&bytes)).into_owned(),
                None,
            ),
            None => match reading::raw_header(&bytes) {
                Some((text, guess)) => (text, Some(guess)),
                None => (String::from_utf8_lossy(&bytes).into_owned(), None),
            },
        };
        Parameter {
            name: self.name,
            value,
            guess,
        }
    }
}

/// The parameters as written: names, and values without quotes.
struct Items<'f> {
    rest: &'f [u8],
    /// How much was left of the field where the last name starts.
    #[cfg(feature = "details")]
    named: usize,
}

impl<'f> Items<'f> {
    fn new(field: &'f [u8]) -> Self {
        let mut items = Items {
            rest: field,
            #[cfg(feature = "details")]
            named: 0,
        };
        items.skip_to_semicolon();
        items
    }

    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn advance(&mut self, len: usize) {
        self.rest = self.rest.get(len..).unwrap_or_default();
    }

    /// Skips spaces and comments.
    fn skip_space(&mut self) {
        loop {
            self.rest = self.rest.trim_ascii_start();
            if self.peek() != Some(b'(') {
                return;
            }
            let mut depth = 0_usize;
            let mut escaped = false;
            let end = self.rest.iter().position(|byte| {
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' => escaped = true,
                    b'(' => depth += 1,
                    b')' => depth -= 1,
                    _ => {}
                }
                depth == 0
            });
            match end {
                Some(end) => self.advance(end + 1),
                // It never ends: a bracket like any other.
                None => return,
            }
        }
    }

    fn skip_to_semicolon(&mut self) {
        let mut quoted = false;
        let end = self.rest.iter().position(|byte| {
            quoted ^= *byte == b'"';
            *byte == b';' && !quoted
        });
        self.advance(end.map_or(self.rest.len(), |end| end + 1));
    }

    /// A quoted string without its quotes; the rest of the field where it does not end.
    fn quoted(&mut self) -> Vec<u8> {
        self.advance(1);
        let mut out = Vec::new();
        let mut bytes = self.rest.iter().enumerate();
        while let Some((at, byte)) = bytes.next() {
            match byte {
                b'"' => {
                    self.advance(at + 1);
                    return out;
                }
                // Only what must be escaped is: file names with backslashes are common.
                b'\\' if matches!(self.rest.get(at + 1), Some(b'"' | b'\\')) => {
                    out.extend(bytes.next().map(|(_, byte)| *byte));
                }
                b'\r' | b'\n' => {}
                other => out.push(*other),
            }
        }
        self.rest = &[];
        out
    }
}

impl Iterator for Items<'_> {
    type Item = (Vec<u8>, Vec<u8>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.skip_space();
            if self.rest.is_empty() {
                return None;
            }
            #[cfg(feature = "details")]
            {
                self.named = self.rest.len();
            }
            let end = self
                .rest
                .iter()
                .position(|byte| matches!(byte, b'=' | b';'))
                .unwrap_or(self.rest.len());
            let name = self.rest.get(..end)?.trim_ascii().to_vec();
            self.advance(end);
            if self.peek() != Some(b'=') {
                self.advance(1);
                continue;
            }
            self.advance(1);
            self.rest = self.rest.trim_ascii_start();
            let value = if self.peek() == Some(b'"') {
                let value = self.quoted();
                self.skip_to_semicolon();
                value
            } else {
                let end = self.rest.iter().position(|byte| *byte == b';');
                let value = self.rest.get(..end.unwrap_or(self.rest.len()))?;
                self.advance(end.map_or(self.rest.len(), |end| end + 1));
                let value = value.trim_ascii_end().iter();
                value
                    .copied()
                    .filter(|byte| !matches!(byte, b'\r' | b'\n'))
                    .collect()
            };
            return Some((name, value));
        }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::read;

    fn values(field: &[u8]) -> Vec<(String, String)> {
        let read = read(field).unwrap();
        read.into_iter()
            .map(|parameter| (parameter.name, parameter.value))
            .collect()
    }

    #[test]
    fn charsets_that_the_parser_lacks_are_decoded() {
        for (field, expected) in [
            (
                &b" attachment; filename*=cp932''%93%fa%96%7b.txt"[..],
                "日本.txt",
            ),
            (
                b" a; filename*0*=Shift_JIS'ja'%93%fa%96;\r\n filename*1*=%7b.txt",
                "日本.txt",
            ),
            (
                b" a; filename*1=.txt; filename*0*=\"euc-kr''%C7%D1\"",
                "한.txt",
            ),
            (b" a; filename*=ibm437''caf%82", "café"),
        ] {
            assert_eq!(
                values(field),
                [("filename".to_owned(), expected.to_owned())]
            );
        }
    }

    #[test]
    fn sections_are_not_joined_to_a_plain_parameter() {
        let field = b"x; filename=\"safe.txt\"; filename*0=\"ev\"; filename*1=\"il.exe\"";
        let expected = [("filename", "safe.txt"), ("filename", "evil.exe")];
        assert_eq!(
            values(field),
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn plain_parameters_come_first_and_stay_whole() {
        let field = b" a (b;c); x*=koi8-r''%C1; FileName=\"a;b\\\\c\\\"\" ; y=1 ; ;z";
        let expected = [("filename", "a;b\\c\""), ("y", "1"), ("x", "а")];
        let found = values(field);
        let found: Vec<_> = found
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        assert_eq!(found, expected);
    }

    #[cfg(feature = "detect")]
    #[test]
    fn raw_names_are_guessed() {
        let field = b" attachment; filename=\"\xce\xf2\xf7\xb8\xf2 \xe7\xe0 \xec\xe0\xe9.doc\"";
        let read = read(field).unwrap();
        assert_eq!(read[0].value, "Отчёт за май.doc");
        assert_eq!(read[0].guess.as_ref().unwrap().charset, "windows-1251");
    }

    #[test]
    fn what_the_parser_reads_is_left_to_it() {
        for field in [
            &b" text/plain; charset=utf-8"[..],
            b" attachment; filename*=utf-8''a%20b",
            "a; filename=\"Größe\"".as_bytes(),
        ] {
            assert_eq!(read(field), None);
        }
    }

    #[test]
    fn hostile_fields_are_read_to_their_end() {
        for piece in [
            "a*=b;",
            "\"",
            "(",
            ")(",
            ";",
            "=",
            "a*0*=sjis''%;",
            "=?",
            "\\",
            "a=\"\\\";",
        ] {
            let field = [b" x; \xff; ".to_vec(), piece.repeat(60_000).into_bytes()].concat();
            assert!(read(&field).unwrap().len() <= super::MAX_PARAMETERS);
        }
    }
}
