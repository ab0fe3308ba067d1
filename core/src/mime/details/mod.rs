//! What a message says beyond its text: mailing list, way, thread, reports, calendars, signatures.
//!
//! Decides nothing itself: one file for each matter, and [`Details`] holds what they found. Looked
//! for only when asked. In JSON ([`Details::to_json`]) it crosses to other languages.

mod calendar;
mod fields;
mod flowed;
mod json;
mod mailing_list;
mod protection;
mod report;
mod spans;
mod subject;
mod thread;
mod trace;

pub use calendar::CalendarPart;
pub use mailing_list::MailingList;
pub use protection::{Protection, ProtectionFormat, ProtectionKind};
pub use report::{
    DeliveryReport, DeliveryStatus, DispositionReport, FeedbackReport, Report, ReportContent,
    ReportField,
};
pub(crate) use spans::own_text;
pub use spans::{Span, SpanKind, Unit, spans};
pub(crate) use thread::threads_json;
pub use thread::{ThreadEntry, ThreadItem, threads};
pub use trace::{AuthenticationResult, AuthenticationResults, Received};

use super::header::readable;
use super::reading::{self, CharsetGuess};
use super::{MessageView, Part};

/// What a message says beyond its text; see each field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// The subject without what replies and lists put around it (RFC 5256 section 2.1).
    pub base_subject: String,
    /// Whether the subject shows a reply or a forward (RFC 5256 section 2.1).
    pub is_reply_or_forward: bool,
    /// The mailing list, where a field tells of one.
    pub mailing_list: Option<MailingList>,
    /// The servers that the message came through, the last one first.
    pub received: Vec<Received>,
    /// What servers say of the sender, the last one first. Only fields of a server that you trust
    /// mean anything: others anybody may have written.
    pub authentication_results: Vec<AuthenticationResults>,
    /// The delivery, disposition or feedback report that the message is.
    pub report: Option<Report>,
    /// The parts that hold calendar data.
    pub calendars: Vec<CalendarPart>,
    /// Signed and encrypted parts.
    pub protections: Vec<Protection>,
    /// The charsets that were guessed.
    pub charset_guesses: Vec<Guessed>,
}

/// [`spans`] as JSON: `[{"kind":…,"depth":…,"start":…,"end":…}]`.
pub fn spans_json(text: &str, unit: Unit) -> String {
    json::spans(&spans(text, unit))
}

/// A charset that was guessed, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guessed {
    /// The number of the part.
    pub part: u32,
    /// The name of the header field; `None` for the text of the part.
    pub header: Option<String>,
    /// The charset and the reason.
    pub guess: CharsetGuess,
}

pub(crate) fn of(view: MessageView<'_>) -> Details {
    let subject = view.subject().unwrap_or_default();
    let (base_subject, is_reply_or_forward) = subject::base(&subject);
    let headers = view.headers();
    Details {
        base_subject,
        is_reply_or_forward,
        mailing_list: mailing_list::of(headers),
        received: headers
            .get_all("Received")
            .take(fields::MAX_FIELDS)
            .map(|field| trace::received(field.raw_value()))
            .collect(),
        authentication_results: headers
            .get_all("Authentication-Results")
            .take(fields::MAX_FIELDS)
            .filter_map(|field| trace::authentication_results(field.raw_value()))
            .collect(),
        report: report::of(view),
        calendars: view.own_parts().filter_map(calendar::of).collect(),
        protections: view.own_parts().filter_map(protection::of).collect(),
        charset_guesses: guesses(view),
    }
}

fn guesses(view: MessageView<'_>) -> Vec<Guessed> {
    let mut found = Vec::new();
    for part in view.own_parts() {
        for field in part.headers().iter() {
            if found.len() >= fields::MAX_FIELDS {
                return found;
            }
            if let Some((_, guess)) = reading::raw_header(readable(field.raw_value())) {
                found.push(Guessed {
                    part: part.index(),
                    header: Some(field.name().into_owned()),
                    guess,
                });
            }
        }
        found.extend(part.charset_guess().map(|guess| Guessed {
            part: part.index(),
            header: None,
            guess,
        }));
    }
    found
}

impl<'m> Part<'m> {
    /// The text with the soft line breaks of `format=flowed` undone (RFC 3676), as [`Part::text`]
    /// for any other text part.
    pub fn unwrapped_text(&self) -> Option<std::borrow::Cow<'m, str>> {
        let text = self.text()?;
        if !flowed::is(self) {
            return Some(text);
        }
        Some(std::borrow::Cow::Owned(flowed::unwrap(
            &text,
            flowed::is_del_sp(self),
        )))
    }

    /// The bytes that the signature of a `multipart/signed` signs: its first part with header
    /// fields, exactly as it came but for line ends, which are CRLF (RFC 1847 section 2.1). `None`
    /// for any other part.
    pub fn signed_content(&self) -> Option<Vec<u8>> {
        protection::signed_content(self)
    }
}
