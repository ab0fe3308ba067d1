//! Reports that machines write: on delivery (RFC 3464), on reading (RFC 8098), on abuse (RFC 5965).
//!
//! Decides which part of a message is the report and what its fields say. Fields that are not named
//! here are kept as they are. The report is as true as the machine that sent it: a bounce is forged
//! easily.

use super::fields::{blocks, words};
use crate::mime::{DateTime, MessageView, Part};

/// A field of a report: name as written, value as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportField {
    /// The name.
    pub name: String,
    /// The value, unfolded.
    pub value: String,
}

/// A report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The number of the part that holds the report.
    pub part: u32,
    /// The number of the part with the message reported on, or with its header fields.
    pub original: Option<u32>,
    /// The identifier of that message, from the part or from the report.
    pub original_message_id: Option<String>,
    /// What is reported.
    pub content: ReportContent,
    /// Every field of the report, those of recipients behind those of the message.
    pub fields: Vec<ReportField>,
}

/// What is reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportContent {
    /// How the delivery went.
    Delivery(DeliveryReport),
    /// What the recipient did with the message.
    Disposition(DispositionReport),
    /// What the recipient thinks of the message.
    Feedback(FeedbackReport),
}

/// A delivery status notification (RFC 3464).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryReport {
    /// The server that reports.
    pub reporting_mta: Option<String>,
    /// The identifier that the sender gave the transaction.
    pub original_envelope_id: Option<String>,
    /// When the message came to that server.
    pub arrival_date: Option<DateTime>,
    /// One entry for each recipient.
    pub recipients: Vec<DeliveryStatus>,
}

/// How the delivery to one recipient went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryStatus {
    /// The address that delivery was tried to.
    pub final_recipient: Option<String>,
    /// The address that the sender wrote.
    pub original_recipient: Option<String>,
    /// In lower case: `failed`, `delayed`, `delivered`, `relayed` or `expanded`.
    pub action: Option<String>,
    /// The status (RFC 3463): `5.1.1`.
    pub status: Option<String>,
    /// The server that answered.
    pub remote_mta: Option<String>,
    /// What it answered.
    pub diagnostic: Option<String>,
    /// When it was tried last.
    pub last_attempt: Option<DateTime>,
    /// Until when it will be tried again.
    pub will_retry_until: Option<DateTime>,
}

/// A disposition notification (RFC 8098).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DispositionReport {
    /// The program that reports.
    pub reporting_ua: Option<String>,
    /// The address that the message was for.
    pub final_recipient: Option<String>,
    /// The address that the sender wrote.
    pub original_recipient: Option<String>,
    /// Who acted, in lower case: `manual-action` or `automatic-action`.
    pub action_mode: Option<String>,
    /// Who had the report sent: `mdn-sent-manually` or `mdn-sent-automatically`.
    pub sending_mode: Option<String>,
    /// In lower case: `displayed`, `deleted`, `dispatched` or `processed`.
    pub disposition: Option<String>,
    /// In lower case: `error`, and what follows the disposition else.
    pub modifiers: Vec<String>,
}

/// A feedback report (RFC 5965).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedbackReport {
    /// In lower case: `abuse`, `fraud`, `virus`, `auth-failure`, `not-spam`, `other`.
    pub feedback_type: Option<String>,
    /// The program that reports.
    pub user_agent: Option<String>,
    /// The envelope's sender.
    pub original_mail_from: Option<String>,
    /// The envelope's recipients.
    pub original_rcpt_to: Vec<String>,
    /// The network address that the message came from.
    pub source_ip: Option<String>,
    /// The domains that the reporter holds responsible.
    pub reported_domains: Vec<String>,
    /// The URIs that it complains of.
    pub reported_uris: Vec<String>,
    /// When the message came.
    pub arrival_date: Option<DateTime>,
}

pub(super) fn of(view: MessageView<'_>) -> Option<Report> {
    let (part, kind) = view.own_parts().find_map(|part| {
        let kind = match &*part.content_type() {
            "message/delivery-status" | "message/global-delivery-status" => 0,
            "message/disposition-notification" | "message/global-disposition-notification" => 1,
            "message/feedback-report" => 2,
            _ => return None,
        };
        Some((part, kind))
    })?;
    let blocks = blocks(&part.content());
    let (first, rest) = match blocks.split_first() {
        Some((first, rest)) => (Fields(first), rest),
        None => (Fields(&[]), &[][..]),
    };
    let content = match kind {
        0 => ReportContent::Delivery(delivery(first, rest)),
        1 => ReportContent::Disposition(disposition(first)),
        _ => ReportContent::Feedback(feedback(first)),
    };
    let original = view
        .own_parts()
        .filter(|other| other.index() > part.index())
        .find(|other| {
            matches!(
                &*other.content_type(),
                "message/rfc822"
                    | "message/global"
                    | "text/rfc822-headers"
                    | "message/global-headers"
                    | "message/rfc822-headers"
            )
        });
    let named = first
        .one("Original-Message-ID")
        .map(|id| id.trim_matches(['<', '>']).to_owned());
    let fields = blocks.iter().flatten().map(|(name, value)| ReportField {
        name: name.clone(),
        value: value.clone(),
    });
    Some(Report {
        part: part.index(),
        original: original.map(|part| part.index()),
        original_message_id: original.and_then(message_id).or(named),
        content,
        fields: fields.collect(),
    })
}

/// The identifier of the message in a part, or of the header fields in one.
fn message_id(part: Part<'_>) -> Option<String> {
    if let Some(message) = part.message() {
        return Some(message.message_id()?.into_owned());
    }
    let content = part.content();
    let message = crate::mime::parse(&content);
    message.message_id().map(std::borrow::Cow::into_owned)
}

#[derive(Clone, Copy)]
struct Fields<'b>(&'b [(String, String)]);

impl<'b> Fields<'b> {
    fn all<'f>(self, name: &'f str) -> impl Iterator<Item = String> + use<'b, 'f> {
        let named = move |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
        self.0.iter().filter(named).map(|(_, value)| value.clone())
    }

    fn one(self, name: &str) -> Option<String> {
        self.all(name).find(|value| !value.is_empty())
    }

    /// The value after its type: `rfc822; a@example.com`.
    fn typed(self, name: &str) -> Option<String> {
        let value = self.one(name)?;
        let bare = value
            .split_once(';')
            .map_or(value.as_str(), |(_, rest)| rest);
        Some(bare.trim().to_owned())
    }

    fn lower(self, name: &str) -> Option<String> {
        Some(
            self.one(name)?
                .split('(')
                .next()
                .unwrap_or_default()
                .trim()
                .to_ascii_lowercase(),
        )
    }

    fn date(self, name: &str) -> Option<DateTime> {
        DateTime::parse(self.one(name)?.as_bytes())
    }
}

fn delivery(first: Fields<'_>, rest: &[Vec<(String, String)>]) -> DeliveryReport {
    // Some servers forget the blank line between the message's fields and the recipient's.
    let in_first = first.one("Final-Recipient").is_some() || first.one("Action").is_some();
    let blocks = in_first.then_some(first).into_iter();
    let blocks = blocks.chain(rest.iter().map(|block| Fields(block)));
    let status = |fields: Fields<'_>| DeliveryStatus {
        final_recipient: fields.typed("Final-Recipient"),
        original_recipient: fields.typed("Original-Recipient"),
        action: fields.lower("Action"),
        status: fields
            .one("Status")
            .and_then(|status| words(&status).into_iter().next()),
        remote_mta: fields.typed("Remote-MTA"),
        diagnostic: fields.typed("Diagnostic-Code"),
        last_attempt: fields.date("Last-Attempt-Date"),
        will_retry_until: fields.date("Will-Retry-Until"),
    };
    DeliveryReport {
        reporting_mta: first.typed("Reporting-MTA"),
        original_envelope_id: first.one("Original-Envelope-Id"),
        arrival_date: first.date("Arrival-Date"),
        recipients: blocks
            .map(status)
            .filter(|found| *found != DeliveryStatus::default())
            .collect(),
    }
}

fn disposition(fields: Fields<'_>) -> DispositionReport {
    let value = fields
        .one("Disposition")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let (modes, what) = match value.split_once(';') {
        Some((modes, what)) => (Some(modes), what),
        None => (None, value.as_str()),
    };
    let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let mut modes = modes.unwrap_or_default().split('/');
    let mut what = what.split('/');
    DispositionReport {
        reporting_ua: fields.one("Reporting-UA"),
        final_recipient: fields.typed("Final-Recipient"),
        original_recipient: fields.typed("Original-Recipient"),
        action_mode: modes.next().and_then(some),
        sending_mode: modes.next().and_then(some),
        disposition: what.next().and_then(some),
        modifiers: what
            .flat_map(|rest| rest.split(','))
            .filter_map(some)
            .collect(),
    }
}

fn feedback(fields: Fields<'_>) -> FeedbackReport {
    let bare = |value: String| value.trim_matches(['<', '>']).to_owned();
    FeedbackReport {
        feedback_type: fields.lower("Feedback-Type"),
        user_agent: fields.one("User-Agent"),
        original_mail_from: fields.one("Original-Mail-From").map(bare),
        original_rcpt_to: fields.all("Original-Rcpt-To").map(bare).collect(),
        source_ip: fields.one("Source-IP"),
        reported_domains: fields.all("Reported-Domain").collect(),
        reported_uris: fields.all("Reported-URI").collect(),
        arrival_date: fields
            .date("Arrival-Date")
            .or_else(|| fields.date("Received-Date")),
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::{Report, ReportContent};
    use crate::mime::parse;

    fn read(kind: &str, body: &str) -> Report {
        let raw = format!(
            "Content-Type: multipart/report; report-type={kind}; boundary=b\r\n\r\n--b\r\n\r\nSorry.\r\n\
             --b\r\nContent-Type: message/{kind}\r\n\r\n{body}\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n\
             Message-ID: <1@x.example>\r\n\r\n--b--\r\n"
        );
        parse(raw.as_bytes()).details().report.unwrap()
    }

    #[test]
    fn bounces_tell_of_each_recipient() {
        let report = read(
            "delivery-status",
            "Reporting-MTA: dns; mx.example.org\r\nArrival-Date: Mon, 4 May 2026 09:30:00 +0200\r\n\r\n\
             Final-Recipient: rfc822; ann@example.org\r\nOriginal-Recipient: rfc822;a@example.org\r\n\
             Action: Failed\r\nStatus: 5.1.1 (no such user)\r\nRemote-MTA: dns; mx2.example.org\r\n\
             Diagnostic-Code: smtp; 550 5.1.1\r\n  no such user\r\n\r\nFinal-Recipient: rfc822; ben@example.org\r\n\
             Action: delayed\r\nStatus: 4.4.1\r\nWill-Retry-Until: Tue, 5 May 2026 09:30:00 +0200\r\n",
        );
        assert_eq!((report.part, report.original), (2, Some(3)));
        assert_eq!(report.original_message_id.as_deref(), Some("1@x.example"));
        let ReportContent::Delivery(delivery) = report.content else {
            panic!("not a delivery report");
        };
        assert_eq!(delivery.reporting_mta.as_deref(), Some("mx.example.org"));
        assert!(delivery.arrival_date.is_some());
        let ann = &delivery.recipients[0];
        assert_eq!(ann.final_recipient.as_deref(), Some("ann@example.org"));
        assert_eq!(ann.action.as_deref(), Some("failed"));
        assert_eq!(ann.status.as_deref(), Some("5.1.1"));
        assert_eq!(ann.diagnostic.as_deref(), Some("550 5.1.1 no such user"));
        assert!(delivery.recipients[1].will_retry_until.is_some());
        assert_eq!(report.fields.len(), 12);
    }

    #[test]
    fn receipts_tell_what_was_done() {
        let report = read(
            "disposition-notification",
            "Reporting-UA: x.example; Mail\r\nFinal-Recipient: rfc822;ann@example.org\r\n\
             Original-Message-ID: <2@x.example>\r\nDisposition: manual-action/MDN-sent-manually; displayed/error, x\r\n",
        );
        let ReportContent::Disposition(found) = report.content else {
            panic!("not a disposition report");
        };
        assert_eq!(found.action_mode.as_deref(), Some("manual-action"));
        assert_eq!(found.sending_mode.as_deref(), Some("mdn-sent-manually"));
        assert_eq!(found.disposition.as_deref(), Some("displayed"));
        assert_eq!(found.modifiers, ["error", "x"]);
    }

    #[test]
    fn complaints_tell_of_whom() {
        let report = read(
            "feedback-report",
            "Feedback-Type: Abuse\r\nUser-Agent: x/1\r\nVersion: 1\r\nOriginal-Mail-From: <spam@bad.example>\r\n\
             Original-Rcpt-To: <ann@example.org>\r\nSource-IP: 192.0.2.1\r\nReported-Domain: bad.example\r\n\
             Reported-URI: http://bad.example/\r\n",
        );
        let ReportContent::Feedback(found) = report.content else {
            panic!("not a feedback report");
        };
        assert_eq!(found.feedback_type.as_deref(), Some("abuse"));
        assert_eq!(
            found.original_mail_from.as_deref(),
            Some("spam@bad.example")
        );
        assert_eq!(found.original_rcpt_to, ["ann@example.org"]);
        assert_eq!(found.reported_domains, ["bad.example"]);
    }

    #[test]
    fn empty_and_hostile_reports_are_read_to_their_end() {
        assert!(read("delivery-status", "").fields.is_empty());
        for line in [
            "a: b\r\n",
            "\r\n",
            " x\r\n",
            "a: b\r\n\r\n",
            ":\r\n",
            "x\r\n",
        ] {
            let report = read("delivery-status", &line.repeat(60_000));
            assert!(report.fields.len() <= 1_000);
        }
    }
}
