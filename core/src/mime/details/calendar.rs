//! Calendar parts (RFC 5546, RFC 6047): what an invitation asks for.
//!
//! Decides only what a mail program needs to offer "accept": method, kind and name of the first
//! component. Not a reader of iCalendar: whoever needs more reads the content with a library.

use crate::mime::Part;

/// How much of the content is looked at.
const READ: usize = 64 << 10;

/// A part with calendar data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CalendarPart {
    /// The number of the part.
    pub part: u32,
    /// What the sender wants, in upper case: `REQUEST`, `REPLY`, `CANCEL`, `PUBLISH`… From the
    /// Content-Type field, else from the content.
    pub method: Option<String>,
    /// The kind of the first component, in upper case: `VEVENT`, `VTODO`…
    pub component: Option<String>,
    /// The identifier of the first component.
    pub uid: Option<String>,
    /// The title of the first component.
    pub summary: Option<String>,
}

pub(super) fn of(part: Part<'_>) -> Option<CalendarPart> {
    if !matches!(&*part.content_type(), "text/calendar" | "application/ics") {
        return None;
    }
    let content = part.content();
    let text = match part.text() {
        Some(text) => text,
        None => String::from_utf8_lossy(&content),
    };
    let text = text
        .get(..text.floor_char_boundary(READ))
        .unwrap_or_default();
    let mut found = CalendarPart {
        part: part.index(),
        method: part.parameter("method").map(str::to_ascii_uppercase),
        ..CalendarPart::default()
    };
    for line in unfolded(text) {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let name = name
            .split(';')
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        let value = value.trim();
        let in_component = found.component.is_some();
        match name.as_str() {
            "METHOD" => {
                found
                    .method
                    .get_or_insert_with(|| value.to_ascii_uppercase());
            }
            "BEGIN" if !in_component => {
                let kind = value.to_ascii_uppercase();
                if !matches!(
                    kind.as_str(),
                    "VCALENDAR" | "VTIMEZONE" | "STANDARD" | "DAYLIGHT"
                ) {
                    found.component = Some(kind);
                }
            }
            "UID" if in_component => {
                found.uid.get_or_insert_with(|| value.to_owned());
            }
            "SUMMARY" if in_component => {
                found.summary.get_or_insert_with(|| unescaped(value));
            }
            "END" if found.component.as_deref() == Some(&value.to_ascii_uppercase()) => break,
            _ => {}
        }
    }
    Some(found)
}

/// The lines with their continuations (RFC 5545 section 3.1).
fn unfolded(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some(last)) => last.push_str(rest),
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

/// A text value (RFC 5545 section 3.3.11).
fn unescaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => match chars.next() {
                Some('n' | 'N') => out.push('\n'),
                other => out.extend(other),
            },
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use crate::mime::parse;

    #[test]
    fn invitations_say_what_they_want() {
        let raw = b"Content-Type: text/calendar; method=request\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:PUBLISH\r\n\
            BEGIN:VTIMEZONE\r\nTZID:x\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:1@x\r\nSUMMARY;LANGUAGE=en:Lunch\\, at\r\n  nine\r\n\
            END:VEVENT\r\nBEGIN:VEVENT\r\nUID:2@x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        let calendars = parse(raw).details().calendars;
        assert_eq!(calendars[0].method.as_deref(), Some("REQUEST"));
        assert_eq!(calendars[0].component.as_deref(), Some("VEVENT"));
        assert_eq!(calendars[0].uid.as_deref(), Some("1@x"));
        assert_eq!(calendars[0].summary.as_deref(), Some("Lunch, at nine"));
        let raw = b"Content-Type: application/ics\r\n\r\nMETHOD:cancel\r\n";
        assert_eq!(
            parse(raw).details().calendars[0].method.as_deref(),
            Some("CANCEL")
        );
    }
}
