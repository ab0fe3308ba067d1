//! Dates of mail: RFC 5322 section 3.3 with the obsolete forms of section 4.3, the zone kept.
//!
//! Decides that an impossible date is no date. Day names, commas, comments and the order of the
//! pieces do not matter (old systems write `May  4 09:30:00 2026`); the pieces themselves do.

use std::borrow::Cow;
use std::fmt;

use memchr::memchr;

/// Words of a date that are looked at: weekday, day, month, year, time, zone and some to spare.
const MAX_WORDS: usize = 16;

/// A date and time with the zone that the sender wrote.
///
/// Equality is that of the fields; compare [`DateTime::timestamp`] for instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DateTime {
    /// Year, 1 to 9999.
    pub year: u16,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month, 1 to 31, one that the month has.
    pub day: u8,
    /// Hour, 0 to 23.
    pub hour: u8,
    /// Minute, 0 to 59.
    pub minute: u8,
    /// Second, 0 to 59; a leap second (60) counts as 59.
    pub second: u8,
    /// Offset of the zone from UTC in minutes, positive in the east.
    pub offset_minutes: i16,
}

impl DateTime {
    /// The date in a field value, `None` when there is none or it cannot be.
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        // The page's download is small rather than this fast.
        #[cfg(not(target_family = "wasm"))]
        if let Some(pieces) = usual(value) {
            return pieces.date();
        }
        Self::of_any_form(value)
    }

    fn of_any_form(value: &[u8]) -> Option<Self> {
        let text = without_comments(value)?;
        let mut found = Pieces::default();
        let is_gap = |char: char| char.is_ascii_whitespace() || char == ',';
        for (count, word) in text
            .split(is_gap)
            .filter(|word| !word.is_empty())
            .enumerate()
        {
            if count == MAX_WORDS {
                return None;
            }
            found.word(word)?;
        }
        found.date()
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub fn timestamp(&self) -> i64 {
        let (year, month) = (i64::from(self.year), i64::from(self.month));
        // Years that start in March put the leap day last (the algorithm of H. Hinnant).
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let year_of_era = year - era * 400;
        let day_of_year =
            (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + i64::from(self.day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - 719_468;
        days * 86_400
            + i64::from(self.hour) * 3_600
            + i64::from(self.minute) * 60
            + i64::from(self.second)
            - i64::from(self.offset_minutes) * 60
    }
}

/// RFC 3339: `2026-05-04T09:30:00+02:00`, or `Z` for UTC.
impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            self.year, self.month, self.day, self.hour, self.minute, self.second
        )?;
        if self.offset_minutes == 0 {
            return f.write_str("Z");
        }
        let offset = self.offset_minutes.unsigned_abs();
        let sign = if self.offset_minutes < 0 { '-' } else { '+' };
        write!(f, "{sign}{:02}:{:02}", offset / 60, offset % 60)
    }
}

fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The value without its comments, `None` when it is not ASCII text.
fn without_comments(value: &[u8]) -> Option<Cow<'_, str>> {
    if memchr(b'(', value).is_none() {
        return std::str::from_utf8(value)
            .ok()
            .filter(|text| text.is_ascii())
            .map(Cow::Borrowed);
    }
    let mut out = String::with_capacity(value.len().min(64));
    let mut depth = 0_usize;
    for byte in value {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            _ if byte.is_ascii() => out.push(char::from(*byte)),
            _ => return None,
        }
    }
    Some(Cow::Owned(out))
}

/// The pieces of ` Mon, 23 Nov 2026 10:00:00 +0100`, which nearly every date is written as; `None` for any
/// other form, also where it is no possible date.
#[cfg(not(target_family = "wasm"))]
fn usual(value: &[u8]) -> Option<Pieces> {
    const DAYS: [&[u8; 3]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
    const MONTHS: [&[u8; 3]; 12] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    let two = |tens: u8, ones: u8| {
        let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
        (tens < 10 && ones < 10).then(|| tens * 10 + ones)
    };
    let (day_name, rest) = value.trim_ascii().split_first_chunk::<3>()?;
    let rest = rest.strip_prefix(b", ")?;
    if !DAYS.contains(&day_name) {
        return None;
    }
    let (day, rest) = match rest {
        [ones, b' ', rest @ ..] => (two(b'0', *ones)?, rest),
        [tens, ones, b' ', rest @ ..] => (two(*tens, *ones)?, rest),
        _ => return None,
    };
    let (month, rest) = rest.split_first_chunk::<3>()?;
    let month = MONTHS.iter().position(|name| *name == month)?;
    #[rustfmt::skip]
    let [b' ', y0, y1, y2, y3, b' ', h0, h1, b':', m0, m1, b':', s0, s1, b' ', sign, zh0, zh1, zm0, zm1] =
        *rest.first_chunk::<20>().filter(|_| rest.len() == 20)?
    else {
        return None;
    };
    let (zone_hours, zone_minutes) = (two(zh0, zh1)?, two(zm0, zm1)?);
    if zone_hours > 23 || zone_minutes > 59 {
        return None;
    }
    let zone = i16::from(zone_hours) * 60 + i16::from(zone_minutes);
    Some(Pieces {
        year: Some(u16::from(two(y0, y1)?) * 100 + u16::from(two(y2, y3)?)),
        month: Some(u8::try_from(month).ok()? + 1),
        day: Some(day),
        time: Some((two(h0, h1)?, two(m0, m1)?, two(s0, s1)?)),
        zone: Some(match sign {
            b'+' => zone,
            b'-' => -zone,
            _ => return None,
        }),
    })
}

#[derive(Default)]
struct Pieces {
    year: Option<u16>,
    month: Option<u8>,
    day: Option<u8>,
    time: Option<(u8, u8, u8)>,
    zone: Option<i16>,
}

impl Pieces {
    /// The date of these pieces, `None` when one is missing or it cannot be.
    fn date(&self) -> Option<DateTime> {
        let (hour, minute, second) = self.time?;
        let (year, month, day) = (self.year?, self.month?, self.day?);
        let valid = (1..=9999).contains(&year)
            && (1..=days_in_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second <= 60;
        valid.then_some(DateTime {
            year,
            month,
            day,
            hour,
            minute,
            second: second.min(59),
            offset_minutes: self.zone.unwrap_or_default(),
        })
    }

    /// Takes one word; `None` when it cannot stand in a date.
    fn word(&mut self, word: &str) -> Option<()> {
        if let Some(digits) = word.strip_prefix(['+', '-']) {
            let minutes = zone_minutes(digits)?;
            self.zone = Some(if word.starts_with('-') {
                -minutes
            } else {
                minutes
            });
        } else if word.contains(':') {
            self.time = Some(time(word)?);
        } else if word.bytes().all(|byte| byte.is_ascii_digit()) {
            self.number(word)?;
        } else if word.contains('-') {
            // 4-May-2026
            for piece in word.split('-').filter(|piece| !piece.is_empty()) {
                if piece.bytes().all(|byte| byte.is_ascii_digit()) {
                    self.number(piece)?;
                } else {
                    self.name(piece)?;
                }
            }
        } else {
            self.name(word)?;
        }
        Some(())
    }

    fn number(&mut self, digits: &str) -> Option<()> {
        let number: u16 = digits.parse().ok()?;
        if self.day.is_none() && digits.len() <= 2 {
            self.day = Some(u8::try_from(number).ok()?);
        } else {
            // Section 4.3: two digits are 2000 to 2049 or 1950 to 1999, three are from 1900.
            self.year = Some(match digits.len() {
                1 | 2 if number < 50 => number + 2000,
                1..=3 => number + 1900,
                _ => number,
            });
        }
        Some(())
    }

    fn name(&mut self, name: &str) -> Option<()> {
        const MONTHS: [&str; 12] = [
            "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
        ];
        const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
        const ZONES: [(&str, i16); 8] = [
            ("edt", -4),
            ("est", -5),
            ("cdt", -5),
            ("cst", -6),
            ("mdt", -6),
            ("mst", -7),
            ("pdt", -7),
            ("pst", -8),
        ];
        let name = name.trim_end_matches('.');
        let start = name.get(..3).unwrap_or(name);
        let starts = |known: &str| known.eq_ignore_ascii_case(start);
        if let Some(month) = MONTHS.iter().position(|month| starts(month)) {
            self.month = Some(u8::try_from(month).ok()? + 1);
        } else if !DAYS.iter().any(|day| starts(day)) && self.zone.is_none() {
            if !name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
                return None;
            }
            // Section 4.3: names that are not known tell nothing about the zone.
            let known = ZONES
                .iter()
                .find(|(zone, _)| zone.eq_ignore_ascii_case(name));
            self.zone = Some(known.map_or(0, |(_, hours)| hours * 60));
        }
        Some(())
    }
}

fn time(word: &str) -> Option<(u8, u8, u8)> {
    let mut fields = word.split(':').map(|field| {
        let digits = field.len() <= 2 && field.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| field.parse::<u8>().ok()).flatten()
    });
    let (hour, minute) = (fields.next()??, fields.next()??);
    let second = match fields.next() {
        Some(second) => second?,
        None => 0,
    };
    fields.next().is_none().then_some((hour, minute, second))
}

/// The minutes of `hhmm` or `hh:mm`, `None` when no zone is that far off.
fn zone_minutes(digits: &str) -> Option<i16> {
    let digits = match digits.contains(':') {
        true => Cow::Owned(digits.replace(':', "")),
        false => Cow::Borrowed(digits),
    };
    if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i16 = digits.parse().ok()?;
    let (hours, minutes) = (number / 100, number % 100);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::DateTime;

    fn shown(value: &str) -> Option<String> {
        DateTime::parse(value.as_bytes()).map(|date| date.to_string())
    }

    #[test]
    fn dates_keep_their_zone() {
        let cases = [
            (
                " Mon, 4 May 2026 09:30:00 +0200",
                "2026-05-04T09:30:00+02:00",
            ),
            (" 4 May 2026 09:30 GMT", "2026-05-04T09:30:00Z"),
            (" Mon, 4 May 26 09:30:00 EST", "2026-05-04T09:30:00-05:00"),
            (" 4-May-2026 09:30:00 -0000", "2026-05-04T09:30:00Z"),
            ("Mon May  4 09:30:00 2026", "2026-05-04T09:30:00Z"),
            (
                " Mon(day), 4\r\n May 2026 09:30:00 +05:30",
                "2026-05-04T09:30:00+05:30",
            ),
            (
                " Thu, 29 Feb 2024 23:59:60 -0330 (NST)",
                "2024-02-29T23:59:59-03:30",
            ),
        ];
        for (written, expected) in cases {
            assert_eq!(shown(written).as_deref(), Some(expected), "{written}");
        }
    }

    #[test]
    fn impossible_dates_are_no_dates() {
        for written in [
            "Fri, 30 Feb 2024 25:61:00 +9900",
            "Fri, 30 Feb 2024 10:00:00 +0000",
            "Fri, 1 Mar 2024 10:00:00 +9900",
            "Fri, 1 Mar 2024 24:00:00 +0000",
            "yesterday",
            "2026",
            "Mon, 4 May 2026",
            "Fri, 0 Mar 2024 10:00:00 +0000",
            "",
        ] {
            assert_eq!(shown(written), None, "{written}");
        }
    }

    #[cfg(not(target_family = "wasm"))]
    #[test]
    fn the_usual_form_is_read_as_every_form_is() {
        let mut usual = 0;
        let usual_form = " Mon, 23 Nov 2026 10:00:00 +0100";
        let (days, ends) = (
            ["Sun, 3", "Wed, 30", "sun, 31", "Sun, 0", "xxx, 3", "3"],
            ["", "\r\n", " (CET)"],
        );
        let months = [
            "Jan 2026",
            "Feb 2024",
            "Dec 0000",
            "Xyz 2026",
            "jun 99",
            "Nov 12026",
        ];
        let times = [
            "10:00:00", "23:59:60", "24:00:00", "10:60:00", "1:00:00", "10:00", "ab:00:00",
        ];
        let zones = ["+0100", "-0330", "+2360", "-2400", "GMT", "0100", "+01:00"];
        let mut values = vec![usual_form.to_owned()];
        for (at, byte) in usual_form.bytes().enumerate() {
            for other in [b' ', b'0', b'9', b':', b'a', 0x80, byte] {
                let mut value = usual_form.as_bytes().to_vec();
                value[at] = other;
                values.push(String::from_utf8_lossy(&value).into_owned());
                value.remove(at);
                values.push(String::from_utf8_lossy(&value).into_owned());
            }
        }
        for day in days {
            for month in months {
                for time in times {
                    for zone in zones {
                        values.extend(ends.map(|end| format!(" {day} {month} {time} {zone}{end}")));
                    }
                }
            }
        }
        for value in values {
            if let Some(pieces) = super::usual(value.as_bytes()) {
                let expected = DateTime::of_any_form(value.as_bytes());
                assert_eq!(pieces.date(), expected, "{value}");
                usual += 1;
            }
        }
        assert!(usual > 100, "{usual}");
    }

    #[test]
    fn timestamps_count_from_1970() {
        let seconds = |value: &str| DateTime::parse(value.as_bytes()).map(|date| date.timestamp());
        assert_eq!(seconds("Thu, 1 Jan 1970 00:00:00 +0000"), Some(0));
        assert_eq!(
            seconds("Sat, 20 Nov 2021 14:22:01 -0800"),
            Some(1_637_446_921)
        );
        assert_eq!(seconds("Wed, 31 Dec 1969 23:59:59 +0000"), Some(-1));
    }
}
