//! File names that are safe to use in any folder of any system.
//!
//! Decides what is taken out of a name that a stranger chose, and what a part without a name is
//! called. Opening files is the caller's business: this module only makes the name one path
//! component.

use std::borrow::Cow;

/// The longest name in bytes that common file systems take.
const MAX_BYTES: usize = 255;

/// The longest extension in bytes that is kept when a name is cut.
const MAX_EXTENSION: usize = 16;

/// A name for a file made from the `name` that a message gives.
///
/// * `name`: the decoded name, may be empty, may be anything;
/// * `content_type`: `type/subtype` in lower case, used where there is no usable name;
/// * `index`: the number of the part, used there too (`part-3.png`).
///
/// The result is one path component of 1 to 255 bytes: what comes before the last `/` or `\` is
/// gone, so are control, invisible and direction-changing characters, characters that Windows does
/// not take (`<>:"|?*`), and dots and spaces at both ends (a leading dot hides a file). Names of
/// Windows devices get a `_` in front. The extension stays when the name is cut.
pub fn safe(name: &str, content_type: &str, index: u32) -> String {
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut clean = String::with_capacity(base.len());
    for char in base.chars() {
        if char.is_control() || is_invisible(char) {
            continue;
        }
        let taken = matches!(char, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '\u{fffd}');
        clean.push(if taken {
            '_'
        } else if char.is_whitespace() {
            ' '
        } else {
            char
        });
    }
    let clean = clean.trim_matches(['.', ' ']);
    if clean.is_empty() || clean.chars().all(|char| char == '_') {
        return unnamed(content_type, index);
    }
    let name = if is_device(clean) {
        format!("_{clean}")
    } else {
        clean.to_owned()
    };
    with_stem(&name, "").into_owned()
}

/// The name with a number before its extension: `photo (2).png`. At most 255 bytes.
pub fn numbered(name: &str, number: u32) -> String {
    with_stem(name, &format!(" ({number})")).into_owned()
}

/// The name for a part that has none, from its type.
fn unnamed(content_type: &str, index: u32) -> String {
    format!("part-{index}.{}", extension(content_type))
}

/// `name` with `suffix` after its stem, the stem cut so that 255 bytes hold both.
fn with_stem<'n>(name: &'n str, suffix: &str) -> Cow<'n, str> {
    if suffix.is_empty() && name.len() <= MAX_BYTES {
        return Cow::Borrowed(name);
    }
    let dot = name
        .rfind('.')
        .filter(|dot| *dot > 0 && name.len() - dot <= MAX_EXTENSION);
    let (stem, extension) = name.split_at(dot.unwrap_or(name.len()));
    let room = MAX_BYTES.saturating_sub(suffix.len() + extension.len());
    let stem = stem
        .get(..stem.floor_char_boundary(room))
        .unwrap_or_default();
    let stem = stem.trim_end_matches(['.', ' ']);
    Cow::Owned(format!("{stem}{suffix}{extension}"))
}

/// Characters that show nothing, or that change the direction of what follows (`gpj.exe`).
fn is_invisible(char: char) -> bool {
    matches!(
        char,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// Whether Windows would open a device instead of a file.
fn is_device(name: &str) -> bool {
    const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let is = |device: &&str| stem.eq_ignore_ascii_case(device);
    let port = || {
        let (kind, number) = stem.split_at_checked(3)?;
        let numbered = matches!(
            number,
            "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³"
        );
        (kind.eq_ignore_ascii_case("com") || kind.eq_ignore_ascii_case("lpt")).then_some(numbered)
    };
    DEVICES.iter().any(is) || port().unwrap_or(false)
}

/// Media types and their usual extensions, sorted.
const KNOWN: [(&str, &str); 40] = [
    ("application/gzip", "gz"),
    ("application/json", "json"),
    ("application/msword", "doc"),
    ("application/pdf", "pdf"),
    ("application/pgp-signature", "asc"),
    ("application/pkcs7-mime", "p7m"),
    ("application/pkcs7-signature", "p7s"),
    ("application/rtf", "rtf"),
    ("application/vnd.ms-excel", "xls"),
    ("application/vnd.ms-powerpoint", "ppt"),
    (
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "pptx",
    ),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xlsx",
    ),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "docx",
    ),
    ("application/xml", "xml"),
    ("application/zip", "zip"),
    ("audio/mp4", "m4a"),
    ("audio/mpeg", "mp3"),
    ("audio/ogg", "ogg"),
    ("audio/wav", "wav"),
    ("image/bmp", "bmp"),
    ("image/gif", "gif"),
    ("image/heic", "heic"),
    ("image/jpeg", "jpg"),
    ("image/png", "png"),
    ("image/svg+xml", "svg"),
    ("image/tiff", "tiff"),
    ("image/webp", "webp"),
    ("message/delivery-status", "txt"),
    ("message/global", "eml"),
    ("message/rfc822", "eml"),
    ("text/calendar", "ics"),
    ("text/css", "css"),
    ("text/csv", "csv"),
    ("text/html", "html"),
    ("text/markdown", "md"),
    ("text/plain", "txt"),
    ("text/vcard", "vcf"),
    ("text/x-vcard", "vcf"),
    ("text/xml", "xml"),
    ("video/mp4", "mp4"),
];

/// The usual extension of a media type, `bin` when none is known.
fn extension(content_type: &str) -> &'static str {
    let found = KNOWN.binary_search_by(|(known, _)| (*known).cmp(content_type));
    found
        .ok()
        .and_then(|at| KNOWN.get(at))
        .map_or("bin", |(_, extension)| extension)
}

/// The media type that the extension of a file name stands for, if it is a usual one.
#[cfg(any(feature = "compose", feature = "legacy"))]
pub(crate) fn media_type(name: &str) -> Option<&'static str> {
    /// Where one extension has several types, or one type several extensions.
    const PREFERRED: [(&str, &str); 9] = [
        ("eml", "message/rfc822"),
        ("htm", "text/html"),
        ("jpeg", "image/jpeg"),
        ("log", "text/plain"),
        ("mpga", "audio/mpeg"),
        ("tif", "image/tiff"),
        ("txt", "text/plain"),
        ("vcf", "text/vcard"),
        ("xml", "application/xml"),
    ];
    let (_, extension) = name.rsplit_once('.')?;
    let is = |known: &str| known.eq_ignore_ascii_case(extension);
    let preferred = PREFERRED.iter().find(|(known, _)| is(known));
    preferred
        .map(|(_, content_type)| *content_type)
        .or_else(|| {
            let known = KNOWN.iter().find(|(_, known)| is(known));
            known.map(|(content_type, _)| *content_type)
        })
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::{numbered, safe};

    #[test]
    fn ordinary_names_stay() {
        for name in [
            "report.pdf",
            "Größenübersicht 2026.xlsx",
            "写真.png",
            "a.tar.gz",
        ] {
            assert_eq!(safe(name, "application/pdf", 1), name);
        }
    }

    #[test]
    fn names_never_leave_their_folder() {
        for (name, expected) in [
            ("../../etc/passwd", "passwd"),
            ("..\\..\\boot.ini", "boot.ini"),
            ("/etc/shadow", "shadow"),
            ("C:\\x.exe", "x.exe"),
            ("c:evil.exe", "c_evil.exe"),
            (".bashrc", "bashrc"),
            ("a\0b\r\n.txt", "ab.txt"),
            ("invoice\u{202e}gpj.exe", "invoicegpj.exe"),
            ("nul.txt", "_nul.txt"),
            ("COM1", "_COM1"),
            ("aux .h", "_aux .h"),
            ("report.pdf. . ", "report.pdf"),
        ] {
            assert_eq!(safe(name, "image/png", 3), expected, "{name:?}");
        }
    }

    #[test]
    fn parts_without_a_usable_name_are_called_by_type() {
        for name in ["", "..", "/", "a/", "\u{202e}", "...", "??"] {
            assert_eq!(safe(name, "image/png", 3), "part-3.png", "{name:?}");
        }
        assert_eq!(safe("", "application/x-unheard-of", 0), "part-0.bin");
    }

    #[test]
    fn long_names_are_cut_and_keep_their_extension() {
        let long = safe(&format!("{}.pdf", "é".repeat(300)), "application/pdf", 1);
        assert!(long.len() <= 255 && long.ends_with("é.pdf"), "{long}");
        let many = safe(&"x.".repeat(400), "application/pdf", 1);
        assert!(many.len() <= 255);
    }

    #[test]
    fn numbers_go_before_the_extension() {
        assert_eq!(numbered("photo.png", 2), "photo (2).png");
        assert_eq!(numbered("README", 3), "README (3)");
        assert_eq!(numbered(&format!("{}.png", "x".repeat(251)), 12).len(), 255);
    }
}
