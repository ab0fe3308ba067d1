//! Character references of HTML: what `&eacute;`, `&#233;` and `&#xe9;` stand for.
//!
//! Decides nothing: the names are those of the HTML standard that stand for one character and end in
//! a semicolon; a build without the feature `entities` has those of HTML 4 and of ASCII alone. The
//! parser has them too, as a table that is five times as large in a page's download.

use std::sync::LazyLock;

/// In each line the code of a character in hexadecimal, then its names, then those of the characters
/// that follow it. A comma is between the names of one character, a space before the next one.
const NAMES: &str = include_str!("entities.txt");

/// The names that mail hardly ever uses: mostly of mathematics.
#[cfg(feature = "entities")]
const MORE_NAMES: &str = include_str!("more_entities.txt");
#[cfg(not(feature = "entities"))]
const MORE_NAMES: &str = "";

/// Names with their characters, sorted by name.
static TABLE: LazyLock<Vec<(&str, char)>> = LazyLock::new(|| {
    let mut table = Vec::with_capacity((NAMES.len() + MORE_NAMES.len()) / 8);
    for line in NAMES.lines().chain(MORE_NAMES.lines()) {
        let mut words = line.split(' ');
        let start = words.next().map(|code| u32::from_str_radix(code, 16));
        let Some(Ok(start)) = start else {
            continue;
        };
        for (code, names) in (start..).zip(words) {
            let char = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
            table.extend(names.split(',').map(|name| (name, char)));
        }
    }
    table.sort_unstable_by_key(|(name, _)| *name);
    table
});

/// The character that a reference, from `&` to `;`, stands for.
pub(crate) fn decode(reference: &str) -> Option<char> {
    let name = reference.strip_prefix('&')?.strip_suffix(';')?;
    let Some(number) = name.strip_prefix('#') else {
        let found = TABLE.binary_search_by_key(&name, |(known, _)| known);
        return TABLE.get(found.ok()?).map(|(_, char)| *char);
    };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
        None => number.parse::<u32>().ok()?,
    };
    Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::{TABLE, decode};

    #[test]
    fn every_name_means_what_the_parser_says() {
        let count = if cfg!(feature = "entities") {
            2_125
        } else {
            297
        };
        assert_eq!(TABLE.len(), count);
        for (name, char) in TABLE.iter() {
            let reference = format!("&{name};");
            let mut expected = String::new();
            mail_parser::add_html_token(&mut expected, reference.as_bytes(), false);
            assert_eq!(expected, char.to_string(), "{name}");
            assert_eq!(decode(&reference), Some(*char));
        }
    }

    #[test]
    fn numbers_mean_what_the_parser_says() {
        for reference in [
            "&#233;",
            "&#xe9;",
            "&#XE9;",
            "&#xd800;",
            "&#0;",
            "&#x110000;",
            "&#;",
            "&#x;",
            "&;",
            "&nothing;",
            "&amp",
            "&#99999999999;",
            "&#-1;",
            "&#+1;",
            "&#x+1;",
        ] {
            let mut expected = String::new();
            mail_parser::add_html_token(&mut expected, reference.as_bytes(), false);
            let found = decode(reference).map_or_else(|| reference.to_owned(), String::from);
            assert_eq!(found, expected, "{reference}");
        }
    }
}
