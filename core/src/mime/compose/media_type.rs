//! A media type with its parameters, as a caller gives it (RFC 2045 section 5.1).

use super::check;
use super::field::Line;
use crate::UsageError;

#[derive(Debug, Clone)]
pub(super) struct MediaType {
    /// `type/subtype`, as given.
    name: String,
    parameters: Vec<(String, String)>,
}

impl MediaType {
    /// A type that is known to be one.
    pub(super) fn plain(name: &str) -> Self {
        MediaType {
            name: name.to_owned(),
            parameters: Vec::new(),
        }
    }

    /// Reads `type/subtype; name=value; name="value"`.
    pub(super) fn parse(text: &str) -> Result<Self, UsageError> {
        check::line("content_type", text)?;
        Self::read(text).ok_or_else(|| {
            check::refused(
                "content_type",
                &format!(
                    "expected a type such as image/png, got {}",
                    check::shown(text)
                ),
            )
        })
    }

    fn read(text: &str) -> Option<Self> {
        let (name, mut rest) = match text.split_once(';') {
            Some((name, rest)) => (name, rest),
            None => (text, ""),
        };
        let name = name.trim();
        let (kind, subtype) = name.split_once('/')?;
        if !is_token(kind) || !is_token(subtype) || name.len() > 127 {
            return None;
        }
        let mut found = Self::plain(name);
        while !rest.trim().is_empty() {
            let (key, after) = rest.split_once('=')?;
            let key = key.trim();
            let (value, after) = value(after.trim_start())?;
            if !is_token(key) || key.contains('*') || key.len() > 60 || found.has(key) {
                return None;
            }
            found.add(key, &value);
            let after = after.trim_start();
            rest = match after.strip_prefix(';') {
                Some(after) => after,
                None if after.is_empty() => after,
                None => return None,
            };
        }
        Some(found)
    }

    /// Whether the type before the slash is this one.
    pub(super) fn is(&self, kind: &str) -> bool {
        self.name
            .split_once('/')
            .is_some_and(|(own, _)| own.eq_ignore_ascii_case(kind))
    }

    pub(super) fn has(&self, parameter: &str) -> bool {
        self.parameters
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case(parameter))
    }

    pub(super) fn add(&mut self, name: &str, value: &str) {
        self.parameters.push((name.to_owned(), value.to_owned()));
    }

    pub(super) fn write(&self, line: &mut Line<'_>) {
        let mut left = self.parameters.len();
        line.token(&if left == 0 {
            self.name.clone()
        } else {
            format!("{};", self.name)
        });
        for (name, value) in &self.parameters {
            left -= 1;
            line.parameter(name, value, left == 0);
        }
    }
}

/// A token or quoted string at the start of `text`, and what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ' ']).unwrap_or(text.len());
        let (token, rest) = text.split_at(end);
        return is_token(token).then(|| (token.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, quoted.get(at + 1..).unwrap_or_default())),
            '\\' => value.push(chars.next()?.1),
            other => value.push(other),
        }
    }
    None
}

/// RFC 2045 section 5.1.
pub(super) fn is_token(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&byte);
    !text.is_empty() && text.bytes().all(fits)
}
