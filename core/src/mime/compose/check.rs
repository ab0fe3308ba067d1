//! What a value may hold.
//!
//! Decides what is refused: never is anything taken out of a value or put right silently. Control
//! characters (line breaks and NUL among them) and the line and paragraph separators of Unicode
//! cannot stand in any value of any field; the rest depends on the field.

use crate::UsageError;

/// The longest piece of a field that is never broken, in octets: with the name of the field it
/// stays below the 998 of RFC 5322 section 2.1.1.
pub(super) const MAX_WORD: usize = 900;

/// The longest name of a field.
const MAX_NAME: usize = 76;

/// Characters of a value that an error shows.
const MAX_SHOWN: usize = 60;

/// What kind of value a field has that has no setter of its own.
pub(super) enum Kind {
    Text,
    Addresses,
    Structured,
}

pub(super) fn refused(what: &str, why: &str) -> UsageError {
    UsageError::argument(format!("{what}: {why}"))
}

/// A value as an error shows it: escaped, cut.
pub(super) fn shown(text: &str) -> String {
    let cut: String = text.chars().take(MAX_SHOWN).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("{cut:?}{more}")
}

/// Refuses what could end a line or act on a terminal.
pub(super) fn line(what: &str, value: &str) -> Result<(), UsageError> {
    let acts = |char: char| char.is_control() || matches!(char, '\u{2028}' | '\u{2029}');
    match value.chars().enumerate().find(|(_, char)| acts(*char)) {
        None => Ok(()),
        Some((at, char)) => Err(refused(
            what,
            &format!(
                "expected no line breaks or control characters, got U+{:04X} as character {}",
                u32::from(char),
                at + 1
            ),
        )),
    }
}

/// The identifier of a message or part without its brackets.
pub(super) fn identifier<'v>(what: &str, value: &'v str) -> Result<&'v str, UsageError> {
    line(what, value)?;
    let bare = value
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'))
        .unwrap_or(value);
    let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>');
    if bare.is_empty() || bare.len() > MAX_WORD || !bare.bytes().all(fits) {
        return Err(refused(
            what,
            &format!(
                "expected an identifier such as id@example.com, got {}",
                shown(value)
            ),
        ));
    }
    Ok(bare)
}

/// An address (RFC 5322 section 3.4.1, RFC 6532): `local@domain`.
///
/// Dots may stand anywhere in a local part: providers have given out such addresses.
pub(super) fn address(what: &str, value: &str) -> Result<(), UsageError> {
    line(what, value)?;
    let refuse = || {
        refused(
            what,
            &format!(
                "expected an address such as ann@example.com, got {}",
                shown(value)
            ),
        )
    };
    let (local, domain) = value.rsplit_once('@').ok_or_else(refuse)?;
    let is_atom = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|char| !char.is_ascii() || char == '.' || is_atext(char))
    };
    let is_local = is_atom(local) || is_quoted(local);
    let fits = value.len() <= MAX_WORD;
    if fits && is_local && (is_domain(domain) || is_literal(domain)) {
        Ok(())
    } else {
        Err(refuse())
    }
}

/// What an atom may hold (RFC 5322 section 3.2.3).
pub(super) fn is_atext(char: char) -> bool {
    char.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(char)
}

fn is_quoted(local: &str) -> bool {
    let Some(inner) = local
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return false;
    };
    let mut escaped = false;
    for char in inner.chars() {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return false,
            _ => {}
        }
    }
    !escaped
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.chars().all(|char| {
                !char.is_ascii() && !char.is_whitespace()
                    || char.is_ascii_alphanumeric()
                    || matches!(char, '-' | '_')
            })
    };
    domain.split('.').all(is_label)
}

fn is_literal(domain: &str) -> bool {
    let inner = domain
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'-');
    inner.is_some_and(|inner| !inner.is_empty() && inner.bytes().all(fits))
}

/// The name of a field that has no setter of its own (RFC 5322 section 2.2).
pub(super) fn field_name(name: &str) -> Result<(), UsageError> {
    const OWN: [(&str, &str); 12] = [
        ("from", "from"),
        ("sender", "sender"),
        ("reply-to", "reply_to"),
        ("to", "to"),
        ("cc", "cc"),
        ("bcc", "bcc"),
        ("subject", "subject"),
        ("date", "date"),
        ("message-id", "message_id"),
        ("in-reply-to", "in_reply_to"),
        ("references", "references"),
        ("mime-version", "the structure"),
    ];
    line("headers", name)?;
    let fits = |byte: u8| byte.is_ascii_graphic() && byte != b':';
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(fits) {
        return Err(refused(
            "headers",
            &format!("expected the name of a field, got {}", shown(name)),
        ));
    }
    let lower = name.to_ascii_lowercase();
    if let Some((_, setter)) = OWN.iter().find(|(own, _)| *own == lower) {
        return Err(refused(
            "headers",
            &format!("the field {name} is set by {setter}"),
        ));
    }
    if lower.starts_with("content-") {
        return Err(refused(
            "headers",
            &format!("the field {name} belongs to a part and is set with it"),
        ));
    }
    Ok(())
}

pub(super) fn kind_of(name: &str) -> Kind {
    const ADDRESSES: [&str; 12] = [
        "resent-from",
        "resent-sender",
        "resent-to",
        "resent-cc",
        "resent-bcc",
        "disposition-notification-to",
        "return-receipt-to",
        "errors-to",
        "mail-followup-to",
        "mail-reply-to",
        "apparently-to",
        "x-original-to",
    ];
    const STRUCTURED: [&str; 12] = [
        "return-path",
        "received",
        "resent-date",
        "resent-message-id",
        "auto-submitted",
        "authentication-results",
        "dkim-signature",
        "autocrypt",
        "importance",
        "priority",
        "precedence",
        "supersedes",
    ];
    let lower = name.to_ascii_lowercase();
    if ADDRESSES.contains(&lower.as_str()) {
        Kind::Addresses
    } else if STRUCTURED.contains(&lower.as_str())
        || ["list-", "arc-"]
            .iter()
            .any(|start| lower.starts_with(start))
    {
        Kind::Structured
    } else {
        Kind::Text
    }
}

/// A value that cannot be encoded: ASCII whose words fit on lines.
pub(super) fn structured(name: &str, value: &str) -> Result<(), UsageError> {
    let ragged = value.starts_with(' ') || value.ends_with(' ');
    if !value.is_ascii() || ragged || value.split(' ').any(|word| word.len() > MAX_WORD) {
        return Err(refused(
            name,
            &format!(
                "expected ASCII in words of at most {MAX_WORD} octets, got {}",
                shown(value)
            ),
        ));
    }
    Ok(())
}
