//! The way of a message: `Received` (RFC 5321 section 4.4) and what servers found out about the
//! sender, `Authentication-Results` (RFC 8601).
//!
//! Decides what the clauses of these fields are, as servers write them. Nothing here is true because
//! it is written: each server on the way could have written all of it.

use super::fields::{self, Place, places, words};
use crate::mime::DateTime;
use crate::mime::header::unstructured;

/// One `Received` field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// Who sent, as it called itself.
    pub from: Option<String>,
    /// What the server wrote about it in brackets: mostly name and address.
    pub from_comment: Option<String>,
    /// The address of the sender, the first one in that comment or in `from`.
    pub from_ip: Option<String>,
    /// The server that received.
    pub by: Option<String>,
    /// The link.
    pub via: Option<String>,
    /// The protocol: `ESMTPS`.
    pub with: Option<String>,
    /// The server's name for the message.
    pub id: Option<String>,
    /// The recipient without angle brackets.
    pub for_: Option<String>,
    /// When.
    pub date: Option<DateTime>,
}

pub(super) fn received(value: &[u8]) -> Received {
    // The date follows the last semicolon; there may be others in comments.
    let placed = places(value);
    let semicolon = placed
        .iter()
        .rposition(|(byte, place)| *byte == b';' && *place == Place::Text);
    let end = semicolon.unwrap_or(value.len());
    let mut found = Received {
        date: value.get(end + 1..).and_then(DateTime::parse),
        ..Received::default()
    };
    let mut clause: Option<&'static str> = None;
    let mut comments = Vec::new();
    for (text, is_comment) in tokens(placed.get(..end).unwrap_or_default()) {
        if is_comment {
            if clause == Some("from") {
                comments.push(text);
            }
            continue;
        }
        let keyword = ["from", "by", "via", "with", "id", "for"]
            .into_iter()
            .find(|keyword| text.eq_ignore_ascii_case(keyword));
        if keyword.is_some() {
            clause = keyword;
            continue;
        }
        let place = match clause {
            Some("from") => &mut found.from,
            Some("by") => &mut found.by,
            Some("via") => &mut found.via,
            Some("with") => &mut found.with,
            Some("id") => &mut found.id,
            Some("for") => &mut found.for_,
            _ => continue,
        };
        let bare = text.trim_start_matches('<').trim_end_matches('>');
        place.get_or_insert_with(|| bare.to_owned());
    }
    if !comments.is_empty() {
        found.from_comment = Some(comments.join(" "));
    }
    let named = [found.from_comment.as_deref(), found.from.as_deref()];
    found.from_ip = named.into_iter().flatten().find_map(address);
    found
}

/// The words and comments of a value.
fn tokens(placed: &[(u8, Place)]) -> Vec<(String, bool)> {
    let mut tokens: Vec<(Vec<u8>, bool)> = Vec::new();
    let mut open = false;
    for &(byte, place) in placed {
        let is_comment = place == Place::Comment;
        let starts = !open || tokens.last().is_some_and(|(_, last)| *last != is_comment);
        if !is_comment && byte.is_ascii_whitespace() {
            open = false;
            continue;
        }
        if starts {
            tokens.push((Vec::new(), is_comment));
            open = true;
        }
        if let Some((text, _)) = tokens.last_mut() {
            text.push(byte);
        }
    }
    tokens
        .into_iter()
        .take(fields::MAX_FIELDS)
        .map(|(text, is_comment)| {
            let text = unstructured(&text);
            let text = match is_comment {
                true => text.trim_start_matches('(').trim_end_matches(')'),
                false => &text,
            };
            (text.trim().to_owned(), is_comment)
        })
        .collect()
}

/// The first network address of a text, in brackets or bare.
fn address(text: &str) -> Option<String> {
    let is_part = |char: char| char.is_ascii_hexdigit() || matches!(char, '.' | ':');
    let text = text.replace("IPv6:", " ");
    text.split(|char: char| !is_part(char))
        .filter_map(|word| word.trim_matches('.').parse::<std::net::IpAddr>().ok())
        .map(|address| address.to_string())
        .next()
}

/// One `Authentication-Results` field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthenticationResults {
    /// The server that says so.
    pub server: String,
    /// What it found, in order; none where it did not look.
    pub results: Vec<AuthenticationResult>,
}

/// What one method found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthenticationResult {
    /// The method in lower case: `spf`, `dkim`, `dmarc`, `arc`, `auth`, `iprev`.
    pub method: String,
    /// The result in lower case: `pass`, `fail`, `none`…
    pub result: String,
    /// Why, where given.
    pub reason: Option<String>,
    /// What was looked at: (`smtp.mailfrom`, `a@example.com`).
    pub properties: Vec<(String, String)>,
}

pub(super) fn authentication_results(value: &[u8]) -> Option<AuthenticationResults> {
    let mut pieces = fields::pieces(value, b';').into_iter();
    let server = words(&pieces.next()?).into_iter().next()?;
    let results = pieces.filter_map(|piece| result(&piece)).collect();
    Some(AuthenticationResults { server, results })
}

fn result(piece: &str) -> Option<AuthenticationResult> {
    // `a = b` and `a=b` are the same.
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut waiting: Option<String> = None;
    for word in words(piece).into_iter().take(fields::MAX_FIELDS) {
        match (waiting.take(), word.split_once('=')) {
            (Some(name), None) if name.ends_with('=') => {
                pairs.push((name.trim_end_matches('=').to_owned(), word));
            }
            (Some(name), Some(("", value))) if !value.is_empty() => {
                pairs.push((name, value.to_owned()));
            }
            (Some(name), Some(("", ""))) => waiting = Some(format!("{name}=")),
            (_, Some((name, ""))) => waiting = Some(format!("{name}=")),
            (_, Some((name, value))) => pairs.push((name.to_owned(), value.to_owned())),
            (_, None) => waiting = Some(word),
        }
    }
    let mut pairs = pairs.into_iter();
    let (method, value) = pairs.next()?;
    let method = method.split('/').next().unwrap_or_default();
    let mut found = AuthenticationResult {
        method: method.trim().to_ascii_lowercase(),
        result: value.to_ascii_lowercase(),
        ..AuthenticationResult::default()
    };
    for (name, value) in pairs {
        if name.eq_ignore_ascii_case("reason") {
            found.reason.get_or_insert(value);
        } else {
            found.properties.push((name.to_ascii_lowercase(), value));
        }
    }
    Some(found)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::{authentication_results, received};

    #[test]
    fn received_fields_of_common_servers_are_read() {
        let found = received(
            b" from mail.example.com (mail.example.com [192.0.2.7])\r\n\tby mx.example.org (Postfix; x) \
              with ESMTPS id 4AbC\r\n\tfor <ann@example.org>; Mon, 4 May 2026 09:30:00 +0200 (CEST)",
        );
        assert_eq!(found.from.as_deref(), Some("mail.example.com"));
        assert_eq!(
            found.from_comment.as_deref(),
            Some("mail.example.com [192.0.2.7]")
        );
        assert_eq!(found.from_ip.as_deref(), Some("192.0.2.7"));
        assert_eq!(found.by.as_deref(), Some("mx.example.org"));
        assert_eq!(found.with.as_deref(), Some("ESMTPS"));
        assert_eq!(found.id.as_deref(), Some("4AbC"));
        assert_eq!(found.for_.as_deref(), Some("ann@example.org"));
        assert_eq!(found.date.unwrap().to_string(), "2026-05-04T09:30:00+02:00");
        let found =
            received(b"from [IPv6:2001:db8::1] by x with HTTP; Mon, 4 May 2026 09:30:00 GMT");
        assert_eq!(found.from_ip.as_deref(), Some("2001:db8::1"));
        let found = received(b" (qmail 7 invoked by uid 89); 4 May 2026 09:30:00 -0000");
        assert!(found.from.is_none() && found.date.is_some());
    }

    #[test]
    fn authentication_results_are_read() {
        let found = authentication_results(
            b" mx.example.org 1;\r\n spf=pass (sender; ok) smtp.mailfrom=a@example.com;\r\n \
              dkim/1 = fail reason=\"body changed; a \\\"b\\\"\" header.d=example.com header.i=@example.com; none",
        )
        .unwrap();
        assert_eq!(found.server, "mx.example.org");
        assert_eq!(found.results.len(), 2);
        assert_eq!(found.results[0].method, "spf");
        assert_eq!(
            found.results[0].properties,
            [("smtp.mailfrom".into(), "a@example.com".into())]
        );
        assert_eq!(found.results[1].method, "dkim");
        assert_eq!(found.results[1].result, "fail");
        assert_eq!(
            found.results[1].reason.as_deref(),
            Some("body changed; a \"b\"")
        );
        assert_eq!(
            authentication_results(b" mx.example.org; none")
                .unwrap()
                .results,
            []
        );
        assert!(authentication_results(b" ").is_none());
    }

    #[test]
    fn hostile_fields_are_read_to_their_end() {
        for piece in [
            "(",
            ")",
            "\"",
            "from ",
            "; ",
            "a=",
            "= ",
            "\\",
            "<",
            "(a) ",
            "spf=pass; ",
        ] {
            let raw = piece.repeat(60_000);
            let _ = (
                received(raw.as_bytes()),
                authentication_results(raw.as_bytes()),
            );
        }
    }
}
