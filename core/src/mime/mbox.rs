//! Where the messages of an mbox file are: a scanner over its bytes, without I/O.
//!
//! Decides what separates two messages. An mbox file has no specification that its writers agree
//! on (RFC 4155 appendix A describes one of them); the four variants differ in how they tell a
//! separator from a line of a message that starts with `From `:
//!
//! * `mboxo` writes `>From ` for it, `mboxrd` puts one more `>` before any `>…>From `;
//! * `mboxcl` does as `mboxo` and gives the length in a Content-Length field, `mboxcl2` gives the
//!   length alone.
//!
//! A separator is a line `From …` at the start of the file or after an empty line that ends with a
//! date in the form of `asctime`, or that has at most one word before a header field: prose
//! (`From the start`) is neither. A Content-Length counts only where a separator or the end of the
//! file follows it, since mail is edited and the field is not. Every byte is looked at a bounded
//! number of times.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memmem};

use crate::error::UsageError;

/// How the writer of an mbox file told separators from lines of messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum MboxFormat {
    /// Not known: a Content-Length that fits is believed and its message taken as it is; all other
    /// messages are unquoted as in `mboxrd`.
    #[default]
    Auto,
    /// `>From ` stands for `From `; what had a `>` before is not told apart.
    Mboxo,
    /// Every `>` before `From ` at the start of a line was put there or moved by one.
    Mboxrd,
    /// As `Mboxo`, with Content-Length.
    Mboxcl,
    /// Content-Length and no quoting.
    Mboxcl2,
}

impl MboxFormat {
    /// Every format by its name.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("auto", Self::Auto),
        ("mboxo", Self::Mboxo),
        ("mboxrd", Self::Mboxrd),
        ("mboxcl", Self::Mboxcl),
        ("mboxcl2", Self::Mboxcl2),
    ];
}

/// One message of an mbox file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MboxEntry {
    /// The separator line without its line end.
    pub envelope: Range<usize>,
    /// The message as it stands in the file, without the empty line before the next separator.
    pub content: Range<usize>,
    /// How the lines of the message are quoted.
    pub quoting: Quoting,
}

/// Which `>` before `From ` at the start of a line are not the message's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quoting {
    /// None.
    None,
    /// The one of `>From `.
    One,
    /// The first of any number.
    Any,
}

impl MboxEntry {
    /// The message: borrowed from the bytes of the file where no line of it is quoted.
    pub fn message<'b>(&self, file: &'b [u8]) -> Cow<'b, [u8]> {
        let content = file.get(self.content.clone()).unwrap_or_default();
        unquoted(content, self.quoting)
    }

    /// What the separator says: who sent the message (RFC 4155: the return path), and when.
    pub fn envelope<'b>(&self, file: &'b [u8]) -> &'b [u8] {
        file.get(self.envelope.clone()).unwrap_or_default()
    }
}

/// The messages of an mbox file, in order. What stands before the first separator is left out.
#[derive(Debug, Clone)]
pub struct MboxScanner<'b> {
    file: &'b [u8],
    format: MboxFormat,
    /// The start of the next separator.
    at: Option<usize>,
}

/// Starts to look for the messages of an mbox file.
pub fn scan_mbox(file: &[u8], format: MboxFormat) -> MboxScanner<'_> {
    MboxScanner {
        file,
        format,
        at: separator(file, 0),
    }
}

/// Goes on from a [`MboxScanner::position`].
pub fn scan_mbox_from(file: &[u8], format: MboxFormat, at: usize) -> MboxScanner<'_> {
    MboxScanner {
        file,
        format,
        at: separator(file, at),
    }
}

impl MboxScanner<'_> {
    /// Where the next message starts, to go on from later with [`scan_mbox_from`]; `None` at the end.
    pub fn position(&self) -> Option<usize> {
        self.at
    }
}

/// Whether the bytes begin as an mbox file does: with a separator, maybe after empty lines.
pub fn is_mbox(file: &[u8]) -> bool {
    let blank = file
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count();
    let rest = file.get(blank..).unwrap_or_default();
    rest.is_empty() || (rest.starts_with(FROM) && is_separator(rest))
}

impl Iterator for MboxScanner<'_> {
    type Item = MboxEntry;

    fn next(&mut self) -> Option<MboxEntry> {
        let start = self.at.take()?;
        let envelope = line_end(self.file, start);
        let content = after_line(self.file, start);
        let told = match self.format {
            MboxFormat::Mboxo | MboxFormat::Mboxrd => None,
            _ => told_end(self.file, content),
        };
        let (end, quoting) = match told {
            Some(end) => {
                self.at = separator(self.file, end);
                let quoting = match self.format {
                    MboxFormat::Mboxcl => Quoting::One,
                    _ => Quoting::None,
                };
                (end, quoting)
            }
            None => {
                self.at = separator(self.file, content);
                let quoting = match self.format {
                    MboxFormat::Auto | MboxFormat::Mboxrd => Quoting::Any,
                    MboxFormat::Mboxo | MboxFormat::Mboxcl => Quoting::One,
                    MboxFormat::Mboxcl2 => Quoting::None,
                };
                let end = self.at.unwrap_or(self.file.len());
                (without_empty_line(self.file, content, end), quoting)
            }
        };
        Some(MboxEntry {
            envelope: start..envelope,
            content: content..end,
            quoting,
        })
    }
}

const FROM: &[u8] = b"From ";

/// The start of the first separator at or after `from`.
///
/// What it looks at is the three bytes before it, and [`LOOKAHEAD`] of it: a
/// reader that has a window of the file alone keeps as much on either side.
pub(crate) fn separator(file: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let rest = file.get(at..)?;
        at += memmem::find(rest, FROM)?;
        let before = file.get(..at).unwrap_or_default();
        let alone = || {
            let mut before = before.iter();
            at <= LEADING && before.all(|byte| matches!(byte, b'\r' | b'\n'))
        };
        let after_empty = || before.ends_with(b"\n\n") || before.ends_with(b"\n\r\n");
        if (after_empty() || alone()) && is_separator(file.get(at..).unwrap_or_default()) {
            return Some(at);
        }
        at += FROM.len();
    }
}

/// Empty lines that may stand before the first separator, in bytes.
const LEADING: usize = 64;

/// The longest separator that is read as one.
const MAX_SEPARATOR: usize = 1_000;

/// Bytes from the start of a separator on that decide whether it is one.
#[cfg(feature = "maildir")]
pub(crate) const LOOKAHEAD: usize = 2 * MAX_SEPARATOR;

/// Whether the line at the start of `rest`, which begins with `From `, ends a message.
fn is_separator(rest: &[u8]) -> bool {
    let end = line_end(rest, 0);
    let line = rest
        .get(FROM.len()..end.min(MAX_SEPARATOR))
        .unwrap_or_default();
    if ends_with_date(line) {
        return true;
    }
    let mut words = line
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    let short = words.next().is_none() || words.next().is_none();
    short && starts_with_field(rest.get(after_line(rest, 0)..).unwrap_or_default())
}

/// Whether a line holds a weekday, a month, a day, a time and a year, one after the other: the form
/// of `asctime`, maybe with a zone, seconds left out, or `remote from` behind it.
fn ends_with_date(line: &[u8]) -> bool {
    const DAYS: [&[u8]; 7] = [b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"];
    const MONTHS: [&[u8]; 12] = [
        b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov",
        b"dec",
    ];
    let is_one = |word: &[u8], known: &[&[u8]]| {
        let word = word.strip_suffix(b",").unwrap_or(word);
        known.iter().any(|known| known.eq_ignore_ascii_case(word))
    };
    let number = |word: &[u8], digits: std::ops::RangeInclusive<usize>| {
        digits.contains(&word.len()) && word.iter().all(u8::is_ascii_digit)
    };
    let is_time = |word: &[u8]| {
        let mut parts = word.split(|byte| *byte == b':');
        let count = parts.clone().count();
        (2..=3).contains(&count) && parts.all(|part| number(part, 1..=2))
    };
    let mut words = line
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
        .skip_while(|word| !is_one(word, &DAYS))
        .skip(1);
    let mut next = || words.next().unwrap_or_default();
    // `Mon May  4 09:30:00 2026`, and of some `Mon 4 May 2026 09:30:00`.
    let (first, second) = (next(), next());
    let dated = (is_one(first, &MONTHS) && number(second, 1..=2))
        || (number(first, 1..=2) && is_one(second, &MONTHS));
    if !dated {
        return false;
    }
    let rest: [&[u8]; 4] = [next(), next(), next(), next()];
    rest.iter().any(|word| is_time(word)) && rest.iter().any(|word| number(word, 4..=4))
}

/// Whether a line begins with the name of a header field and a colon, or is quoted by an earlier
/// mbox file (`>From …`).
fn starts_with_field(line: &[u8]) -> bool {
    let line = line
        .get(..line.len().min(MAX_SEPARATOR))
        .unwrap_or_default();
    let name = line
        .iter()
        .take_while(|byte| byte.is_ascii_graphic() && **byte != b':');
    let len = name.count();
    (len > 0 && line.get(len) == Some(&b':')) || line.starts_with(b">From ")
}

/// Where a message ends whose header fields start at `start`, as its Content-Length tells; `None`
/// where there is none or neither a separator nor the end of the file follows.
fn told_end(file: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    let mut length = None;
    loop {
        let end = line_end(file, at);
        let line = file.get(at..end)?;
        let next = after_line(file, at);
        if line.is_empty() {
            at = next;
            break;
        }
        if next >= file.len() {
            return None;
        }
        if length.is_none()
            && let Some((name, value)) = line.split_at_checked(CONTENT_LENGTH.len())
            && name.eq_ignore_ascii_case(CONTENT_LENGTH)
        {
            length = std::str::from_utf8(value.trim_ascii())
                .ok()?
                .parse::<usize>()
                .ok();
        }
        at = next;
    }
    let end = at.checked_add(length?)?;
    let rest = file.get(end..)?;
    let blank = match rest {
        [b'\r', b'\n', ..] => 2,
        [b'\n', ..] => 1,
        _ => 0,
    };
    let after = rest.get(blank..).unwrap_or_default();
    // The empty line is left out where the message ends with a line of its own.
    let own_line = blank > 0
        || file
            .get(..end)
            .is_some_and(|before| before.ends_with(b"\n"));
    let follows = after.is_empty() || (after.starts_with(FROM) && is_separator(after));
    (own_line && follows || rest.is_empty()).then_some(end)
}

const CONTENT_LENGTH: &[u8] = b"content-length:";

/// The end of the line that starts at `at`, without its line end.
fn line_end(file: &[u8], at: usize) -> usize {
    let rest = file.get(at..).unwrap_or_default();
    let end = memchr(b'\n', rest).unwrap_or(rest.len());
    let line = rest.get(..end).unwrap_or_default();
    at + line.strip_suffix(b"\r").unwrap_or(line).len()
}

/// The start of the line after the one at `at`.
fn after_line(file: &[u8], at: usize) -> usize {
    let rest = file.get(at..).unwrap_or_default();
    at + memchr(b'\n', rest).map_or(rest.len(), |end| end + 1)
}

/// `end` without the empty line that the writer put after the message.
fn without_empty_line(file: &[u8], start: usize, end: usize) -> usize {
    let content = file.get(start..end).unwrap_or_default();
    for empty in [&b"\r\n"[..], b"\n"] {
        if let Some(kept) = content.strip_suffix(empty)
            && (kept.is_empty() || kept.ends_with(b"\n"))
        {
            return start + kept.len();
        }
    }
    end
}

/// The lines of a message as they were before they were quoted: see [`MboxEntry::message`].
pub fn unquoted(content: &[u8], quoting: Quoting) -> Cow<'_, [u8]> {
    if quoting == Quoting::None {
        return Cow::Borrowed(content);
    }
    let mut out: Option<Vec<u8>> = None;
    let mut from = 0;
    for at in memmem::find_iter(content, b">From ") {
        // The line must begin with the `>`s.
        let before = content.get(..at).unwrap_or_default();
        let more = match quoting {
            Quoting::Any => before
                .iter()
                .rev()
                .take_while(|byte| **byte == b'>')
                .count(),
            _ => 0,
        };
        let first = at - more;
        let starts = matches!(content.get(..first), Some([] | [.., b'\n']));
        if !starts || first < from {
            continue;
        }
        let out = out.get_or_insert_default();
        out.extend_from_slice(content.get(from..first).unwrap_or_default());
        from = first + 1;
    }
    let Some(mut out) = out else {
        return Cow::Borrowed(content);
    };
    out.extend_from_slice(content.get(from..).unwrap_or_default());
    Cow::Owned(out)
}

/// Where messages are, for a language that is far from this one: the offset to go on from, -1 where
/// there is nothing more, then for each message five numbers: start and end of its envelope line,
/// start and end of its content, and its quoting for [`unquoted_by_number`].
///
/// `from` is 0 or the first number of the call before; at most `most` messages are looked for.
///
/// # Errors
///
/// `POP3_ERR_USAGE_ARGUMENT` when no format has this name, or the file is no mbox file.
pub fn scan_numbers(
    file: &[u8],
    format: &str,
    from: usize,
    most: usize,
) -> Result<Vec<f64>, UsageError> {
    let known = MboxFormat::NAMES
        .into_iter()
        .find(|(name, _)| *name == format);
    let (_, format) = known.ok_or_else(|| {
        let names = MboxFormat::NAMES.map(|(name, _)| name).join("', '");
        UsageError::argument(format!("format must be one of '{names}', got '{format}'"))
    })?;
    if from == 0 && !is_mbox(file) {
        return Err(UsageError::argument(
            "expected an mbox file, which begins with a line 'From '",
        ));
    }
    let mut scanner = scan_mbox_from(file, format, from);
    let mut messages = Vec::new();
    for entry in scanner.by_ref().take(most) {
        for range in [entry.envelope, entry.content] {
            messages.extend([range.start as f64, range.end as f64]);
        }
        messages.push(match entry.quoting {
            Quoting::None => 0.0,
            Quoting::One => 1.0,
            Quoting::Any => 2.0,
        });
    }
    let next = scanner.position().map_or(-1.0, |next| next as f64);
    messages.insert(0, next);
    Ok(messages)
}

/// [`unquoted`] by a number of [`scan_numbers`].
pub fn unquoted_by_number(content: &[u8], quoting: u32) -> Cow<'_, [u8]> {
    unquoted(
        content,
        match quoting {
            0 => Quoting::None,
            1 => Quoting::One,
            _ => Quoting::Any,
        },
    )
}

/// Adds a message to the end of an mbox file in the form `mboxrd`: `separator` is `From `, the
/// return path and the date in the form of `asctime`, without a line end.
///
/// Lines that start with any number of `>` and `From ` get one more `>`; the message gets a line
/// end where its last line has none, and the empty line after it.
pub fn append_mboxrd(file: &mut Vec<u8>, separator: &[u8], message: &[u8]) {
    file.extend(
        separator
            .iter()
            .filter(|byte| !matches!(byte, b'\r' | b'\n')),
    );
    file.push(b'\n');
    let mut from = 0;
    for at in memmem::find_iter(message, FROM) {
        let before = message.get(..at).unwrap_or_default();
        let quotes = before
            .iter()
            .rev()
            .take_while(|byte| **byte == b'>')
            .count();
        let first = at - quotes;
        if matches!(message.get(..first), Some([] | [.., b'\n'])) {
            file.extend_from_slice(message.get(from..first).unwrap_or_default());
            file.push(b'>');
            from = first;
        }
    }
    file.extend_from_slice(message.get(from..).unwrap_or_default());
    if !message.ends_with(b"\n") {
        file.push(b'\n');
    }
    file.push(b'\n');
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn read(file: &[u8], format: MboxFormat) -> Vec<String> {
        scan_mbox(file, format)
            .map(|entry| String::from_utf8(entry.message(file).into_owned()).unwrap())
            .collect()
    }

    #[test]
    fn messages_lose_their_separator_and_the_empty_line() {
        let file = b"From ann@example.com Mon May  4 09:30:00 2026\nSubject: a\n\nx\n\n\
                     From bob@example.com Tue May  5 09:30:00 2026\nSubject: b\n\ny\n\n";
        assert_eq!(
            read(file, MboxFormat::Auto),
            ["Subject: a\n\nx\n", "Subject: b\n\ny\n"]
        );
        let entry = scan_mbox(file, MboxFormat::Auto).next().unwrap();
        assert_eq!(
            entry.envelope(file),
            b"From ann@example.com Mon May  4 09:30:00 2026"
        );
        let crlf = file.iter().flat_map(|byte| match byte {
            b'\n' => &b"\r\n"[..],
            other => std::slice::from_ref(other),
        });
        let crlf: Vec<u8> = crlf.copied().collect();
        assert_eq!(
            read(&crlf, MboxFormat::Auto),
            ["Subject: a\r\n\r\nx\r\n", "Subject: b\r\n\r\ny\r\n"]
        );
    }

    #[test]
    fn prose_that_begins_with_from_separates_nothing() {
        let file = b"From ann@example.com Mon May  4 09:30:00 2026\nSubject: a\n\n\
                     From the start of May\nit was clear:\n\nFrom Monday: all day\n\n\
                     From here\non\n\n";
        assert_eq!(read(file, MboxFormat::Auto).len(), 1);
        let inside = b"From a Mon May  4 09:30:00 2026\nSubject: a\n\nline\n\
                       From b Mon May  4 09:30:00 2026\nno empty line before it\n";
        assert_eq!(read(inside, MboxFormat::Auto).len(), 1);
    }

    #[test]
    fn separators_of_many_writers_are_known() {
        for line in [
            "From - Mon May  4 09:30:00 2026",
            "From MAILER-DAEMON Mon May  4 09:30 2026",
            "From a@b Mon May  4 09:30:00 +0200 2026",
            "From a@b Mon May  4 09:30:00 2026 +0200",
            "From a@b Mon May  4 09:30:00 CEST 2026",
            "From \"john doe\"@b Mon, 4 May 2026 09:30:00 +0200",
            "From a!b Mon May  4 09:30:00 2026 remote from c",
            "From a@b",
            "From ",
        ] {
            let file = format!("{line}\nSubject: a\n\nx\n\n{line}\nSubject: b\n\ny\n");
            assert_eq!(read(file.as_bytes(), MboxFormat::Auto).len(), 2, "{line}");
            assert!(is_mbox(file.as_bytes()), "{line}");
        }
        assert!(!is_mbox(b"Subject: a\n\nx\n"));
    }

    #[test]
    fn quoted_lines_come_back_as_the_variant_says() {
        let file = b"From a Mon May  4 09:30:00 2026\nS: a\n\n>From x\n>>From y\nz >From\n";
        assert_eq!(
            read(file, MboxFormat::Mboxrd),
            ["S: a\n\nFrom x\n>From y\nz >From\n"]
        );
        assert_eq!(
            read(file, MboxFormat::Auto),
            ["S: a\n\nFrom x\n>From y\nz >From\n"]
        );
        assert_eq!(
            read(file, MboxFormat::Mboxo),
            ["S: a\n\nFrom x\n>>From y\nz >From\n"]
        );
        assert_eq!(
            read(file, MboxFormat::Mboxcl2),
            ["S: a\n\n>From x\n>>From y\nz >From\n"]
        );
    }

    #[test]
    fn a_length_that_fits_is_believed() {
        let body = "\nFrom c Mon May  4 09:30:00 2026\nSubject: no message\n\n>From\n";
        let file = format!(
            "From a Mon May  4 09:30:00 2026\nContent-Length: {}\n\n{body}\n\
             From b Tue May  5 09:30:00 2026\nSubject: b\n\ny\n",
            body.len()
        );
        let found = read(file.as_bytes(), MboxFormat::Auto);
        assert_eq!(found.len(), 2);
        assert!(found[0].ends_with(body));
        assert_eq!(read(file.as_bytes(), MboxFormat::Mboxrd).len(), 3);
    }

    #[test]
    fn a_length_that_does_not_fit_is_ignored() {
        for length in ["1", "9999", "-1", "x", "18446744073709551615"] {
            let file = format!(
                "From a Mon May  4 09:30:00 2026\nContent-Length: {length}\n\nxyz\n\n\
                 From b Tue May  5 09:30:00 2026\nSubject: b\n\ny\n"
            );
            let found = read(file.as_bytes(), MboxFormat::Auto);
            assert_eq!(found.len(), 2, "{length}");
            assert!(found[0].ends_with("\n\nxyz\n"), "{length}");
        }
    }

    #[test]
    fn what_is_appended_comes_back() {
        let messages = [
            "Subject: a\n\nFrom x\n>From y\n\n>>From z\n",
            "Subject: b\n\n\n\nFrom a Mon May  4 09:30:00 2026\n\n",
            "",
            "From me\n",
        ];
        let mut file = Vec::new();
        for message in messages {
            append_mboxrd(
                &mut file,
                b"From a@b Mon May  4 09:30:00 2026",
                message.as_bytes(),
            );
        }
        let expected: Vec<_> = messages
            .iter()
            .map(|message| if message.is_empty() { "\n" } else { message })
            .collect();
        assert_eq!(read(&file, MboxFormat::Mboxrd), expected);
        assert_eq!(read(&file, MboxFormat::Auto), expected);
    }

    #[test]
    fn hostile_files_are_read_in_linear_time() {
        for piece in [
            "From ",
            "\n\nFrom ",
            "\n>>>>From ",
            ">",
            "\n\nFrom a Mon May  4 09:30:00 2026",
            "From a Mon May  4 09:30:00 2026\nContent-Length: 7\n\n",
            "\n",
        ] {
            let file = piece.repeat(2_000_000 / piece.len());
            let total: usize = scan_mbox(file.as_bytes(), MboxFormat::Auto)
                .map(|entry| entry.message(file.as_bytes()).len())
                .sum();
            assert!(total <= file.len(), "{piece:?}");
        }
    }
}
