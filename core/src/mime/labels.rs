//! The labels of charsets: of the Encoding Standard, IANA's registry, the parser and mail programs.
//!
//! Decides only that case and punctuation do not tell labels apart. The parser has these labels too,
//! in tables that are six times as large in a page's download, which has no use for them then. Not
//! here: charsets that the parser lacks, numbers of code pages ([`super::charset`]).

use std::sync::LazyLock;

use mail_parser::Charset;

/// What is left of each label without punctuation, in lower case.
const LABELS: [(Charset, &str); 41] = [
    (Charset::Big5, "big5 big5hkscs cnbig5 csbig5 xxbig5"),
    (
        Charset::EucJp,
        "eucjis2004 eucjpms eucjpwin ujis cseucpkdfmtjapanese eucjp extendedunixcodepackedformatforjapanese xeucjp",
    ),
    (
        Charset::EucKr,
        "cp949 cseuckr csksc56011987 euckr isoir149 korean ksc5601 ksc56011987 ksc56011989 \
         uhc windows949 xwindows949",
    ),
    (Charset::Gb18030, "csgb18030 gb18030"),
    (
        Charset::Gbk,
        "cngb cngbisoir165 euccn chinese cp936 csgb2312 csgbk csiso58gb231280 gb2312 gb231280 gbk isoir58 ms936 \
         windows936 xgbk",
    ),
    (Charset::Ibm850, "850 cp850 cspc850multilingual ibm850"),
    (Charset::Ibm866, "866 cp866 csibm866 ibm866"),
    (Charset::Iso2022Jp, "csiso2022jp2 jis csiso2022jp iso2022jp"),
    (
        Charset::Iso8859_2,
        "csisolatin2 iso88592 iso885921987 isoir101 l2 latin2",
    ),
    (
        Charset::Iso8859_3,
        "csisolatin3 iso88593 iso885931988 isoir109 l3 latin3",
    ),
    (
        Charset::Iso8859_4,
        "csisolatin4 iso88594 iso885941988 isoir110 l4 latin4",
    ),
    (
        Charset::Iso8859_5,
        "csisolatincyrillic cyrillic iso88595 iso885951988 isoir144",
    ),
    (
        Charset::Iso8859_6,
        "arabic asmo708 csiso88596e csiso88596i csisolatinarabic ecma114 iso88596 \
         iso885961987 iso88596e iso88596i isoir127",
    ),
    (
        Charset::Iso8859_7,
        "csisolatingreek ecma118 elot928 greek greek8 iso88597 iso885971987 isoir126 \
         suneugreek",
    ),
    (
        Charset::Iso8859_8,
        "csiso88598e csiso88598i csisolatinhebrew hebrew iso88598 iso885981988 iso88598e \
         iso88598i isoir138 logical visual",
    ),
    (
        Charset::Iso8859_10,
        "csisolatin6 iso885910 iso8859101992 isoir157 l6 latin6",
    ),
    (Charset::Iso8859_13, "csiso885913 iso885913"),
    (
        Charset::Iso8859_14,
        "csiso885914 iso885914 iso8859141998 isoceltic isoir199 l8 latin8",
    ),
    (
        Charset::Iso8859_15,
        "csiso885915 csisolatin9 iso885915 l9 latin9",
    ),
    (
        Charset::Iso8859_16,
        "csiso885916 iso885916 iso8859162001 isoir226 l10 latin10",
    ),
    (Charset::Koi8R, "cskoi8r koi koi8 koi8r"),
    (Charset::Koi8U, "cskoi8u koi8ru koi8u"),
    (
        Charset::Macintosh,
        "macroman csmacintosh mac macintosh xmacroman",
    ),
    (
        Charset::ShiftJis,
        "shiftjis2004 shiftjisx0213 csshiftjis ms932 mskanji shiftjis sjis windows31j xsjis",
    ),
    (Charset::Utf7, "unicode11utf7 xunicode20utf7 csutf7 utf7"),
    (
        Charset::Utf8,
        "uft8 unicodeutf8 ut8 unicode11utf8 unicode20utf8 utf8 xunicode20utf8",
    ),
    (
        Charset::Utf16,
        "csunicode csutf16 iso10646ucs2 ucs2 unicode unicodefeff utf16",
    ),
    (Charset::Utf16Be, "csutf16be unicodefffe utf16be"),
    (Charset::Utf16Le, "csutf16le utf16le"),
    (
        Charset::Windows874,
        "cstis620 cswindows874 dos874 iso885911 tis620 windows874",
    ),
    (
        Charset::Windows1250,
        "cp1250 cswindows1250 windows1250 xcp1250",
    ),
    (
        Charset::Windows1251,
        "cp1251 cswindows1251 windows1251 xcp1251",
    ),
    (
        Charset::Windows1252,
        "ansi utf88591 ansix341968 ascii cp1252 cp819 csisolatin1 cswindows1252 ibm819 iso88591 \
         iso885911987 isoir100 l1 latin1 usascii windows1252 xcp1252",
    ),
    (
        Charset::Windows1253,
        "cp1253 cswindows1253 windows1253 xcp1253",
    ),
    (
        Charset::Windows1254,
        "cp1254 csisolatin5 cswindows1254 iso88599 iso885991989 isoir148 l5 latin5 \
         windows1254 xcp1254",
    ),
    (
        Charset::Windows1255,
        "cp1255 cswindows1255 windows1255 xcp1255",
    ),
    (
        Charset::Windows1256,
        "cp1256 cswindows1256 windows1256 xcp1256",
    ),
    (
        Charset::Windows1257,
        "cp1257 cswindows1257 windows1257 xcp1257",
    ),
    (
        Charset::Windows1258,
        "cp1258 cswindows1258 windows1258 xcp1258",
    ),
    (Charset::XMacCyrillic, "xmaccyrillic xmacukrainian"),
    (Charset::XUserDefined, "xuserdefined"),
];

/// Labels with their charsets, sorted by label.
static TABLE: LazyLock<Vec<(&str, Charset)>> = LazyLock::new(|| {
    let each = |(charset, labels): &(Charset, &'static str)| {
        let charset = *charset;
        labels.split(' ').map(move |label| (label, charset))
    };
    let mut table: Vec<_> = LABELS.iter().flat_map(each).collect();
    table.sort_unstable_by_key(|(label, _)| *label);
    table
});

/// The longest of the labels.
const LONGEST: usize = 40;

/// The charset of a label, `None` when it is not one of these.
pub(crate) fn find(label: &[u8]) -> Option<Charset> {
    // Nearly every label is one of these two.
    if label.eq_ignore_ascii_case(b"utf-8") {
        return Some(Charset::Utf8);
    }
    if label.eq_ignore_ascii_case(b"us-ascii") {
        return Some(Charset::Windows1252);
    }
    let mut bare = [0; LONGEST];
    let mut length = 0;
    for byte in label.iter().filter(|byte| byte.is_ascii_alphanumeric()) {
        *bare.get_mut(length)? = byte.to_ascii_lowercase();
        length += 1;
    }
    let bare = bare.get(..length)?;
    let at = TABLE.binary_search_by_key(&bare, |(label, _)| label.as_bytes());
    TABLE.get(at.ok()?).map(|(_, charset)| *charset)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use mail_parser::Charset;

    use super::{LONGEST, TABLE, find};

    #[test]
    fn every_label_means_what_the_parser_says() {
        for (bare, charset) in TABLE.iter() {
            assert!(bare.len() <= LONGEST, "{bare}");
            assert_eq!(find(bare.as_bytes()), Some(*charset), "{bare}");
            // Of the two that decode the same the parser takes the other one for `gb2312`.
            let known = Charset::from_label(bare.as_bytes()).filter(|_| bare != &"gb2312");
            assert_eq!(known.unwrap_or(*charset), *charset, "{bare}");
        }
    }

    #[test]
    fn punctuation_and_case_do_not_matter() {
        for label in [
            "ISO-8859-1",
            "iso_8859-1",
            "latin1",
            "Shift_JIS",
            "x-sjis",
            "KS_C_5601-1987",
            "windows-1251",
            "CP1252",
            "utf-16le",
            "TIS-620",
            "iso-8859-8-i",
            "EUC-JP",
            "big5-hkscs",
        ] {
            assert_eq!(
                find(label.as_bytes()),
                Charset::from_label(label.as_bytes()),
                "{label}"
            );
            assert!(find(label.as_bytes()).is_some(), "{label}");
        }
        for label in [
            "",
            "-",
            "x-nonsense",
            "iso-2022-kr",
            "utf-8-and-then-some-more-that-is-too-long-for-a-label",
        ] {
            assert_eq!(find(label.as_bytes()), None, "{label}");
        }
    }

    #[test]
    fn labels_of_the_encoding_standard_are_known() {
        // The charset of a text in the standard decides for the label: the same table in two words.
        for encoding in [
            "UTF-8",
            "IBM866",
            "ISO-8859-2",
            "ISO-8859-3",
            "ISO-8859-4",
            "ISO-8859-5",
            "ISO-8859-6",
            "ISO-8859-7",
            "ISO-8859-8",
            "ISO-8859-8-I",
            "ISO-8859-10",
            "ISO-8859-13",
            "ISO-8859-14",
            "ISO-8859-15",
            "ISO-8859-16",
            "KOI8-R",
            "KOI8-U",
            "macintosh",
            "windows-874",
            "windows-1250",
            "windows-1251",
            "windows-1252",
            "windows-1253",
            "windows-1254",
            "windows-1255",
            "windows-1256",
            "windows-1257",
            "windows-1258",
            "x-mac-cyrillic",
            "GBK",
            "gb18030",
            "Big5",
            "EUC-JP",
            "ISO-2022-JP",
            "Shift_JIS",
            "EUC-KR",
            "UTF-16BE",
            "UTF-16LE",
            "x-user-defined",
        ] {
            assert!(find(encoding.as_bytes()).is_some(), "{encoding}");
        }
    }
}
