//! Address lists of header fields: RFC 5322 section 3.4 with its obsolete forms.
//!
//! Decides what is a name and what is an address, on these principles: encoded words are decoded
//! only after the list was taken apart, so decoded text can never become an address; an address is
//! what stands in the field, comments and optional spaces left out, a source route dropped; where
//! one item holds two `@` outside quotes, none of the possible addresses is returned (readers
//! disagree, CVE-2019-16056). Reading is linear in the length of the field and knows no recursion.
//!
//! Long because of its tests: each form that readers disagree on is one.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memmem;

use super::header::{readable, unstructured, without_controls};

/// Tokens of one list item that are looked at; the rest of such an item is ignored.
const MAX_TOKENS: usize = 10_000;

/// Mailboxes and groups of one field that are read; each takes far more memory than it has octets.
const MAX_ITEMS: usize = 5_000;

/// A mailbox: an address and the name that is shown for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address<'m> {
    name: Option<Cow<'m, str>>,
    address: Cow<'m, str>,
}

/// A named group of mailboxes, or a run of mailboxes outside any group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressGroup<'a, 'm> {
    name: Option<&'a str>,
    addresses: &'a [Address<'m>],
}

/// The mailboxes of a field, groups kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressList<'m> {
    addresses: Vec<Address<'m>>,
    groups: Vec<(Cow<'m, str>, Range<usize>)>,
    pub(crate) problems: Problems,
}

/// What was odd about a list; shows as defects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Problems {
    pub(crate) route: bool,
    pub(crate) malformed: bool,
    pub(crate) control: bool,
    /// There are more mailboxes and groups than are read.
    pub(crate) limited: bool,
}

impl<'m> Address<'m> {
    /// The display name, decoded and unquoted; from the comment where there is no other
    /// (`ann@example.com (Ann)`).
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The address as written (`local@domain`), without comments and source route. Empty when the
    /// item has none; may lack an `@` (RFC 8621 section 4.1.2.3).
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The same address, independent of the message's bytes.
    pub fn into_owned(self) -> Address<'static> {
        Address {
            name: self.name.map(|name| Cow::Owned(name.into_owned())),
            address: Cow::Owned(self.address.into_owned()),
        }
    }
}

impl<'a, 'm> AddressGroup<'a, 'm> {
    /// The name of the group; `None` for a run of mailboxes outside any group.
    pub fn name(&self) -> Option<&'a str> {
        self.name
    }

    /// The mailboxes of the group in order; there may be none.
    pub fn addresses(&self) -> &'a [Address<'m>] {
        self.addresses
    }
}

impl<'m> AddressList<'m> {
    /// Reads a field value, of a huge one the beginning.
    pub(crate) fn parse(field: &'m [u8]) -> Self {
        let mut value = readable(field);
        if value.len() < field.len() {
            // Half an item may look like another address.
            let end = memchr::memrchr(b',', value).unwrap_or_default();
            value = value.get(..end).unwrap_or_default();
        }
        let mut reader = Reader {
            value,
            at: 0,
            tokens: Vec::new(),
            list: AddressList::default(),
        };
        reader.run();
        reader.list.problems.limited |= value.len() < field.len();
        reader.list
    }

    /// Every mailbox in order, those of groups included.
    pub fn iter(&self) -> std::slice::Iter<'_, Address<'m>> {
        self.addresses.iter()
    }

    /// The first mailbox.
    pub fn first(&self) -> Option<&Address<'m>> {
        self.addresses.first()
    }

    /// The number of mailboxes, those of groups included.
    pub fn len(&self) -> usize {
        self.addresses.len()
    }

    /// Whether there is neither a mailbox nor a group.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.groups.is_empty()
    }

    /// Whether some mailboxes are in a group, or a group is there without any.
    pub fn has_groups(&self) -> bool {
        !self.groups.is_empty()
    }

    /// The groups in order, and between them the runs of mailboxes outside any group
    /// (RFC 8621 section 4.1.2.4).
    pub fn groups(&self) -> Vec<AddressGroup<'_, 'm>> {
        let mut out = Vec::new();
        let mut from = 0;
        let run = |range: Range<usize>| self.addresses.get(range).unwrap_or_default();
        for (name, range) in &self.groups {
            if from < range.start {
                out.push(AddressGroup {
                    name: None,
                    addresses: run(from..range.start),
                });
            }
            out.push(AddressGroup {
                name: Some(name),
                addresses: run(range.clone()),
            });
            from = range.end;
        }
        if from < self.addresses.len() {
            out.push(AddressGroup {
                name: None,
                addresses: run(from..self.addresses.len()),
            });
        }
        out
    }

    /// The mailboxes by value, groups dissolved.
    pub fn into_addresses(self) -> Vec<Address<'m>> {
        self.addresses
    }
}

impl<'a, 'm> IntoIterator for &'a AddressList<'m> {
    type Item = &'a Address<'m>;
    type IntoIter = std::slice::Iter<'a, Address<'m>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Atom,
    Quoted,
    Comment,
    Literal,
    Dot,
    At,
    Open,
    Close,
    Colon,
}

#[derive(Debug, Clone, Copy)]
struct Token {
    kind: Kind,
    start: usize,
    end: usize,
    /// Whether white space or a comment comes before.
    spaced: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Comma,
    Semicolon,
    Group,
    End,
}

struct Reader<'m> {
    value: &'m [u8],
    at: usize,
    tokens: Vec<Token>,
    list: AddressList<'m>,
}

impl<'m> Reader<'m> {
    fn run(&mut self) {
        let mut group: Option<(Cow<'m, str>, usize)> = None;
        loop {
            let stop = match self.simple_item() {
                Some(stop) => stop,
                None => self.item(group.is_some()),
            };
            let end = self.list.addresses.len();
            match stop {
                Stop::Comma => {}
                Stop::Group => {
                    let name = phrase(self.value, &self.tokens).unwrap_or_default();
                    group = Some((name, end));
                }
                Stop::Semicolon | Stop::End => {
                    if let Some((name, start)) = group.take() {
                        self.list.groups.push((name, start..end));
                    }
                    if stop == Stop::End {
                        return;
                    }
                }
            }
            if end + self.list.groups.len() >= MAX_ITEMS {
                self.list.problems.limited = self.at < self.value.len();
                if let Some((name, start)) = group {
                    self.list.groups.push((name, start..end));
                }
                return;
            }
        }
    }

    /// The everyday forms, read without tokens: `a@b`, `Name <a@b>`, `"Name" <a@b>`.
    fn simple_item(&mut self) -> Option<Stop> {
        let value = self.value;
        let start = skip_space(value, self.at);
        let (name, open) = match value.get(start)? {
            b'"' => {
                let text = value.get(start + 1..)?;
                let len = text.iter().position(|byte| !is(*byte, QUOTED_PLAIN))?;
                if text.get(len) != Some(&b'"') {
                    return None;
                }
                (
                    start + 1..start + 1 + len,
                    skip_space(value, start + len + 2),
                )
            }
            _ => {
                let text = value.get(start..)?;
                let len = text
                    .iter()
                    .position(|byte| !is(*byte, PHRASE_PLAIN))
                    .unwrap_or(text.len());
                if text.get(len) == Some(&b'@') {
                    let end = addr_spec_end(value, start)?;
                    let address = self.text(start..end)?;
                    return self.simple_end(end, None, address);
                }
                let trimmed = text.get(..len)?.trim_ascii_end().len();
                (start..start + trimmed, start + len)
            }
        };
        if value.get(open) != Some(&b'<') {
            return None;
        }
        let end = addr_spec_end(value, open + 1)?;
        if value.get(end) != Some(&b'>') {
            return None;
        }
        let address = self.text(open + 1..end)?;
        let name = self.text(name)?;
        self.simple_end(
            end + 1,
            Some(name).filter(|name| !name.trim().is_empty()),
            address,
        )
    }

    fn text(&self, range: Range<usize>) -> Option<&'m str> {
        std::str::from_utf8(self.value.get(range)?).ok()
    }

    fn simple_end(&mut self, end: usize, name: Option<&'m str>, address: &'m str) -> Option<Stop> {
        let end = skip_space(self.value, end);
        let stop = match self.value.get(end) {
            None => Stop::End,
            Some(b',') => Stop::Comma,
            Some(_) => return None,
        };
        self.at = end + 1;
        self.list.addresses.push(Address {
            name: name.map(|name| Cow::Borrowed(name.trim())),
            address: Cow::Borrowed(address),
        });
        Some(stop)
    }

    /// Reads tokens up to the end of one item and adds what it is.
    fn item(&mut self, in_group: bool) -> Stop {
        let stop = self.tokens(in_group);
        if stop != Stop::Group {
            let read = interpret(self.value, &self.tokens, &mut self.list.problems);
            self.list.addresses.extend(read);
        }
        stop
    }

    fn tokens(&mut self, in_group: bool) -> Stop {
        self.tokens.clear();
        let value = self.value;
        let (mut spaced, mut in_angle, mut in_route, mut has_at) = (false, false, false, false);
        while let Some(&byte) = value.get(self.at) {
            let start = self.at;
            self.at += 1;
            let kind = match byte {
                b' ' | b'\t' | b'\r' | b'\n' => {
                    spaced = true;
                    continue;
                }
                b',' if in_route => continue,
                b',' => return Stop::Comma,
                b';' if !in_angle => return Stop::Semicolon,
                b':' if !in_angle && !has_at && !in_group && !self.tokens.is_empty() => {
                    return Stop::Group;
                }
                b':' => {
                    in_route = false;
                    Kind::Colon
                }
                b'<' => {
                    in_angle = true;
                    Kind::Open
                }
                b'>' => {
                    (in_angle, in_route) = (false, false);
                    Kind::Close
                }
                b'@' => {
                    let first = self
                        .tokens
                        .last()
                        .is_some_and(|last| last.kind == Kind::Open);
                    in_route |= in_angle && first;
                    has_at = true;
                    Kind::At
                }
                b'.' => Kind::Dot,
                b'"' => {
                    self.at = quoted_end(value, start + 1, b'"');
                    Kind::Quoted
                }
                b'[' => {
                    self.at = quoted_end(value, start + 1, b']');
                    Kind::Literal
                }
                b'(' => {
                    self.at = comment_end(value, start + 1);
                    Kind::Comment
                }
                _ if byte.is_ascii_control() => {
                    self.list.problems.control = true;
                    continue;
                }
                _ => {
                    let rest = value.get(start..).unwrap_or_default();
                    self.at = match encodify::rfc2047::EncodedWord::parse(rest) {
                        Some((word, len)) if !word.payload.contains(&b' ') => start + len,
                        _ => {
                            let more = rest.iter().skip(1).take_while(|byte| is(**byte, ATOM));
                            start + 1 + more.count()
                        }
                    };
                    Kind::Atom
                }
            };
            if self.tokens.len() < MAX_TOKENS {
                self.tokens.push(Token {
                    kind,
                    start,
                    end: self.at,
                    spaced,
                });
            } else {
                self.list.problems.malformed = true;
            }
            spaced = kind == Kind::Comment;
        }
        Stop::End
    }
}

/// The mailbox that the tokens of one item stand for.
fn interpret<'m>(
    value: &'m [u8],
    tokens: &[Token],
    problems: &mut Problems,
) -> Option<Address<'m>> {
    let words = tokens
        .iter()
        .filter(|token| token.kind != Kind::Comment)
        .count();
    if words == 0 {
        return None;
    }
    let open = tokens.iter().position(|token| token.kind == Kind::Open);
    let (before, spec) = match open {
        Some(open) => {
            let (before, inner) = tokens.split_at(open);
            let lead = inner
                .iter()
                .take_while(|token| token.kind == Kind::Open)
                .count();
            problems.malformed |= lead > 1;
            let inner = inner.get(lead..).unwrap_or_default();
            let close = inner.iter().position(|token| token.kind == Kind::Close);
            problems.malformed |= close.is_none();
            let (inner, after) = inner.split_at(close.unwrap_or(inner.len()));
            problems.malformed |= after
                .iter()
                .skip(1)
                .any(|token| token.kind != Kind::Comment);
            (before, without_route(inner, problems))
        }
        None => (&[][..], tokens),
    };
    let mut name_tokens = before;
    let ats = spec.iter().filter(|token| token.kind == Kind::At).count();
    let address = match ats {
        1 => {
            let at = spec
                .iter()
                .position(|token| token.kind == Kind::At)
                .unwrap_or_default();
            let start = if open.is_some() {
                0
            } else {
                local_start(spec, at)
            };
            let end = domain_end(spec, at);
            let junk = spec.get(end..).unwrap_or_default();
            problems.malformed |= junk.iter().any(|token| token.kind != Kind::Comment);
            if open.is_none() {
                name_tokens = spec.get(..start).unwrap_or_default();
                problems.malformed |= name_tokens.iter().any(|token| token.kind != Kind::Comment);
            }
            let spec = spec.get(start..end).unwrap_or_default();
            // Without a local part or a domain it is no address, but it is what was written.
            problems.malformed |= start == at || at + 1 == end;
            literal(value, spec)
        }
        0 if open.is_some() => literal(value, spec),
        0 => {
            let spaced = spec
                .iter()
                .filter(|token| token.kind != Kind::Comment)
                .skip(1);
            let one_word = !spaced.clone().any(|token| token.spaced)
                && !spec.iter().any(|token| is_encoded(value, token));
            if one_word {
                literal(value, spec)
            } else {
                name_tokens = spec;
                Cow::Borrowed("")
            }
        }
        _ => {
            problems.malformed = true;
            if open.is_none() || phrase(value, before).is_none() {
                name_tokens = spec;
            }
            Cow::Borrowed("")
        }
    };
    let name = phrase(value, name_tokens).or_else(|| comment(value, tokens));
    if name.is_none() && address.is_empty() {
        return None;
    }
    let shown = |token: &Token| token.kind == Kind::Quoted || token.kind == Kind::Comment;
    problems.control |= tokens.iter().filter(|token| shown(token)).any(|token| {
        let text = value.get(token.start..token.end).unwrap_or_default();
        text.iter()
            .any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace())
    });
    Some(Address { name, address })
}

/// The tokens after an obsolete source route `@a,@b:`.
fn without_route<'t>(tokens: &'t [Token], problems: &mut Problems) -> &'t [Token] {
    if tokens.first().is_none_or(|token| token.kind != Kind::At) {
        return tokens;
    }
    problems.route = true;
    match tokens.iter().position(|token| token.kind == Kind::Colon) {
        Some(colon) => tokens.get(colon + 1..).unwrap_or_default(),
        None => tokens,
    }
}

/// Where the local part before `at` starts: words joined by dots.
fn local_start(tokens: &[Token], at: usize) -> usize {
    let mut start = at;
    let mut needs_word = true;
    for (index, token) in tokens.iter().enumerate().take(at).rev() {
        match token.kind {
            Kind::Comment => continue,
            Kind::Atom | Kind::Quoted if needs_word => needs_word = false,
            Kind::Dot => needs_word = true,
            _ => break,
        }
        start = index;
    }
    start
}

/// Where the domain after `at` ends: atoms joined by dots, or one literal.
fn domain_end(tokens: &[Token], at: usize) -> usize {
    let mut end = at + 1;
    let mut needs_word = true;
    for (index, token) in tokens.iter().enumerate().skip(at + 1) {
        match token.kind {
            Kind::Comment => continue,
            Kind::Atom | Kind::Literal if needs_word => needs_word = false,
            Kind::Dot => needs_word = true,
            _ => break,
        }
        end = index + 1;
    }
    end
}

/// The tokens as they stand in the field, optional space and comments left out, needless quotes
/// too (RFC 5321 section 4.1.2).
fn literal<'m>(value: &'m [u8], tokens: &[Token]) -> Cow<'m, str> {
    let is_word = |kind: Kind| matches!(kind, Kind::Atom | Kind::Quoted);
    let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else {
        return Cow::Borrowed("");
    };
    let plain = |token: &Token| !matches!(token.kind, Kind::Quoted | Kind::Comment);
    if tokens.iter().all(plain) && tokens.iter().skip(1).all(|token| !token.spaced) {
        let text = String::from_utf8_lossy(value.get(first.start..last.end).unwrap_or_default());
        return without_controls(text);
    }
    let mut out = Vec::new();
    let mut before: Option<Kind> = None;
    for token in tokens.iter().filter(|token| token.kind != Kind::Comment) {
        let text = value.get(token.start..token.end).unwrap_or_default();
        // Two words without a dot are not one word: `<joe smith@x>` must not become joesmith.
        if token.spaced && is_word(token.kind) && before.is_some_and(is_word) {
            out.push(b' ');
        }
        if token.kind == Kind::Quoted {
            let bare = text
                .strip_prefix(b"\"")
                .and_then(|text| text.strip_suffix(b"\""));
            match bare.filter(|bare| is_dot_atom(bare)) {
                Some(bare) => out.extend_from_slice(bare),
                None => out.extend(text.iter().filter(|byte| !matches!(byte, b'\r' | b'\n'))),
            }
        } else {
            out.extend_from_slice(text);
        }
        before = Some(token.kind);
    }
    without_controls(Cow::Owned(String::from_utf8_lossy(&out).into_owned()))
}

fn is_dot_atom(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'.')
        .all(|word| !word.is_empty() && word.iter().all(|byte| is(*byte, ATOM) && byte.is_ascii()))
}

fn is_encoded(value: &[u8], token: &Token) -> bool {
    token.kind == Kind::Atom
        && value
            .get(token.start..token.end)
            .is_some_and(|text| text.starts_with(b"=?"))
}

/// The words of a phrase as one decoded name, `None` when nothing is left of it.
fn phrase<'m>(value: &'m [u8], tokens: &[Token]) -> Option<Cow<'m, str>> {
    let mut words = tokens.iter().filter(|token| token.kind != Kind::Comment);
    let first = words.next()?;
    let mut joined = Vec::new();
    push_word(value, first, &mut joined);
    for token in words {
        if token.spaced {
            joined.push(b' ');
        }
        push_word(value, token, &mut joined);
    }
    named(&joined)
}

/// The last comment of an item, which old mail programs use for the name.
fn comment<'m>(value: &'m [u8], tokens: &[Token]) -> Option<Cow<'m, str>> {
    let token = tokens.iter().rfind(|token| token.kind == Kind::Comment)?;
    let text = value.get(token.start + 1..token.end).unwrap_or_default();
    let mut bare = Vec::with_capacity(text.len());
    unescape(text.strip_suffix(b")").unwrap_or(text), &mut bare);
    named(&bare)
}

fn named<'m>(text: &[u8]) -> Option<Cow<'m, str>> {
    let decoded = unstructured(text);
    let name = decoded.trim();
    (!name.is_empty()).then(|| Cow::Owned(name.to_owned()))
}

fn push_word(value: &[u8], token: &Token, out: &mut Vec<u8>) {
    let text = value.get(token.start..token.end).unwrap_or_default();
    match token.kind {
        Kind::Quoted => {
            let inner = text.get(1..).unwrap_or_default();
            unescape(inner.strip_suffix(b"\"").unwrap_or(inner), out);
        }
        _ => out.extend_from_slice(text),
    }
}

fn unescape(text: &[u8], out: &mut Vec<u8>) {
    if memmem::find(text, b"\\").is_none() {
        out.extend_from_slice(text);
        return;
    }
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        if *byte == b'\\' {
            out.extend(bytes.next());
        } else {
            out.push(*byte);
        }
    }
}

/// Where a quoted string or domain literal ends, its closing byte included.
fn quoted_end(value: &[u8], from: usize, close: u8) -> usize {
    let mut at = from;
    while let Some(&byte) = value.get(at) {
        match byte {
            b'\\' => at += 2,
            _ if byte == close => return at + 1,
            _ => at += 1,
        }
    }
    value.len()
}

/// Where a comment ends; comments nest.
fn comment_end(value: &[u8], from: usize) -> usize {
    let (mut at, mut depth) = (from, 1_usize);
    while let Some(&byte) = value.get(at) {
        at += 1;
        match byte {
            b'\\' => at += 1,
            b'(' => depth += 1,
            b')' => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    value.len()
}

fn skip_space(value: &[u8], from: usize) -> usize {
    let rest = value.get(from..).unwrap_or_default();
    from + rest
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
        .count()
}

/// Where an address of atoms and dots with one `@` ends.
fn addr_spec_end(value: &[u8], from: usize) -> Option<usize> {
    let rest = value.get(from..)?;
    let local = rest
        .iter()
        .take_while(|byte| is(**byte, ADDRESS_PLAIN))
        .count();
    if local == 0 || rest.get(local) != Some(&b'@') {
        return None;
    }
    let domain = rest
        .get(local + 1..)?
        .iter()
        .take_while(|byte| is(**byte, ADDRESS_PLAIN))
        .count();
    (domain > 0).then_some(from + local + 1 + domain)
}

const ATOM: u8 = 1;
const PHRASE_PLAIN: u8 = 2;
const QUOTED_PLAIN: u8 = 4;
const ADDRESS_PLAIN: u8 = 8;

fn is(byte: u8, class: u8) -> bool {
    CLASSES
        .get(usize::from(byte))
        .is_some_and(|found| found & class != 0)
}

#[allow(
    clippy::indexing_slicing,
    reason = "computed by the compiler, where it cannot fail"
)]
static CLASSES: [u8; 256] = {
    let mut table = [0_u8; 256];
    let mut index = 0;
    while index < 256 {
        let byte = index as u8;
        let special = matches!(
            byte,
            b'(' | b')'
                | b'<'
                | b'>'
                | b'['
                | b']'
                | b':'
                | b';'
                | b'@'
                | b'\\'
                | b','
                | b'.'
                | b'"'
        );
        let visible = byte > b' ' && byte != 0x7f;
        let mut class = 0;
        if visible && !special {
            class |= ATOM;
        }
        // A `=` may start an encoded word, 0xc2 a control character: those take the long way.
        let plain = byte != b'=' && byte != 0xc2;
        if (visible && (!special || byte == b'.') || byte == b' ') && plain {
            class |= PHRASE_PLAIN;
        }
        if (visible || byte == b' ') && byte != b'"' && byte != b'\\' && plain {
            class |= QUOTED_PLAIN;
        }
        if visible && (!special || byte == b'.') && byte.is_ascii() {
            class |= ADDRESS_PLAIN;
        }
        table[index] = class;
        index += 1;
    }
    table
};

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::{AddressList, MAX_ITEMS};

    /// `name <address>` of every mailbox.
    fn read(value: &str) -> Vec<String> {
        let list = AddressList::parse(value.as_bytes());
        list.iter()
            .map(|mailbox| match mailbox.name() {
                Some(name) => format!("{name} <{}>", mailbox.address()),
                None => format!("<{}>", mailbox.address()),
            })
            .collect()
    }

    #[test]
    fn names_and_addresses_of_everyday_lists() {
        assert_eq!(
            read(" Ann <ann@example.com>, \"Dr. Bob, M.D.\" <bob@example.com>,\r\n cy@example.org"),
            [
                "Ann <ann@example.com>",
                "Dr. Bob, M.D. <bob@example.com>",
                "<cy@example.org>"
            ]
        );
        assert_eq!(
            read("Zoë J. Müller <z@example.com>"),
            ["Zoë J. Müller <z@example.com>"]
        );
        assert_eq!(
            read("\"a \\\"b\\\" c\" <d@example.com>"),
            ["a \"b\" c <d@example.com>"]
        );
        assert_eq!(
            read("joe@example.com (Joe (the) Bloggs)"),
            ["Joe (the) Bloggs <joe@example.com>"]
        );
    }

    #[test]
    fn addresses_are_what_is_written() {
        assert_eq!(
            read("\"a@evil.com x\"@good.com"),
            ["<\"a@evil.com x\"@good.com>"]
        );
        assert_eq!(
            read("Joe <@route.com,@b.com:joe@c.com>"),
            ["Joe <joe@c.com>"]
        );
        assert_eq!(read("jdoe@test . example"), ["<jdoe@test.example>"]);
        assert_eq!(read("\"joe\"@example.com"), ["<joe@example.com>"]);
        assert_eq!(
            read("user@good-corp.com(x)evil.com"),
            ["x <user@good-corp.com>"]
        );
        assert_eq!(read("<joe smith@example.com>"), ["<joe smith@example.com>"]);
        assert_eq!(read("a@b@c.com"), ["a@b@c.com <>"]);
        assert_eq!(read("a@good.com <b@evil.com>"), ["a@good.com <b@evil.com>"]);
        assert_eq!(read("x@[IPv6:2001:db8::1]"), ["<x@[IPv6:2001:db8::1]>"]);
        assert_eq!(read("root"), ["<root>"]);
    }

    #[test]
    fn decoded_words_never_become_addresses() {
        let word = "=?utf-8?B?IndhcnRhYiIgPHdhckB0YWIuY29tPg==?=";
        assert_eq!(read(word), ["\"wartab\" <war@tab.com> <>"]);
        assert_eq!(
            read("=?utf-8?Q?=22a=40b=2Ecom=22?= <c@example.com>"),
            ["\"a@b.com\" <c@example.com>"]
        );
        assert_eq!(
            read("=?utf-8?Q?Doe,_J=C3=B6rg?= <j@example.com>"),
            ["Doe, Jörg <j@example.com>"]
        );
    }

    #[test]
    fn control_characters_are_left_out_of_names() {
        let list = AddressList::parse(b"\"potus@whitehouse.gov\0\" <x@example.com>");
        assert_eq!(list.first().unwrap().name(), Some("potus@whitehouse.gov"));
        assert!(list.problems.control);
    }

    #[test]
    fn groups_keep_their_members_and_names() {
        let list = AddressList::parse(b"a@x.org, team: b@x.org, C <c@x.org>;, none:;, d@x.org");
        let groups: Vec<_> = list
            .groups()
            .iter()
            .map(|group| (group.name().map(str::to_owned), group.addresses().len()))
            .collect();
        let name = |text: &str| Some(text.to_owned());
        assert_eq!(
            groups,
            [(None, 1), (name("team"), 2), (name("none"), 0), (None, 1)]
        );
        assert_eq!(list.len(), 4);
    }

    #[test]
    fn hostile_lists_are_read_to_their_end() {
        for piece in [
            "(", "\"\\\"", "<", "a@b.c,", "g:", ";", "=?a?q?", "a.", "[", ",", "\0", "@",
        ] {
            AddressList::parse(piece.repeat(60_000).as_bytes());
        }
        for piece in ["a@b.c,", "g:;", "g:a@b.c;"] {
            assert!(read(&piece.repeat(60_000)).len() <= MAX_ITEMS);
        }
    }

    #[test]
    fn a_field_has_so_many_mailboxes() {
        for (count, limited) in [(MAX_ITEMS, false), (MAX_ITEMS + 1, true)] {
            let list = vec!["a@b.c"; count].join(",");
            let list = AddressList::parse(list.as_bytes());
            assert_eq!((list.len(), list.problems.limited), (MAX_ITEMS, limited));
        }
        let group = format!("g: {}, b@c.d;", vec!["a@b.c"; MAX_ITEMS].join(","));
        let list = AddressList::parse(group.as_bytes());
        assert_eq!((list.len(), list.groups().len()), (MAX_ITEMS, 1));
    }
}
