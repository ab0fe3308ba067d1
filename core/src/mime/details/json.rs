//! [`Details`] as JSON: keys in camelCase, in a fixed order, `null` for what is absent.
//!
//! Decides the shape that other languages get; `schema/details.schema.json` describes it.

use super::report::ReportContent;
use super::{
    AuthenticationResults, CalendarPart, Details, Guessed, MailingList, Protection, Received,
    Report, Span,
};
use crate::mime::DateTime;
use crate::mime::json::Json;

impl Details {
    /// The details as JSON.
    pub fn to_json(&self) -> String {
        let mut json = Json::default();
        json.first("baseSubject");
        json.string(&self.base_subject);
        json.key("isReplyOrForward");
        json.flag(self.is_reply_or_forward);
        json.key("mailingList");
        match &self.mailing_list {
            Some(list) => mailing_list(&mut json, list),
            None => json.null(),
        }
        json.key("received");
        json.list(self.received.iter(), received);
        json.key("authenticationResults");
        json.list(self.authentication_results.iter(), authentication_results);
        json.key("report");
        match &self.report {
            Some(found) => report(&mut json, found),
            None => json.null(),
        }
        json.key("calendars");
        json.list(self.calendars.iter(), calendar);
        json.key("protections");
        json.list(self.protections.iter(), protection);
        json.key("charsetGuesses");
        json.list(self.charset_guesses.iter(), guess);
        json.close();
        json.out
    }
}

/// Spans: `[{"kind":…,"depth":…,"start":…,"end":…}]`.
pub(crate) fn spans(spans: &[Span]) -> String {
    let mut json = Json::default();
    json.list(spans.iter(), |json, span| {
        json.first("kind");
        json.string(span.kind.as_str());
        json.key("depth");
        json.number(span.depth.into());
        json.key("start");
        json.number(span.range.start as u64);
        json.key("end");
        json.number(span.range.end as u64);
        json.close();
    });
    json.out
}

fn date(json: &mut Json, date: Option<DateTime>) {
    json.optional(date.map(|date| date.to_string()).as_deref());
}

fn texts(json: &mut Json, texts: &[String]) {
    json.list(texts.iter(), |json, text| json.string(text));
}

fn number(json: &mut Json, number: Option<u32>) {
    match number {
        Some(number) => json.number(number.into()),
        None => json.null(),
    }
}

fn mailing_list(json: &mut Json, list: &MailingList) {
    json.first("id");
    json.optional(list.id.as_deref());
    json.key("name");
    json.optional(list.name.as_deref());
    json.key("post");
    texts(json, &list.post);
    json.key("isClosed");
    json.flag(list.is_closed);
    json.key("unsubscribe");
    texts(json, &list.unsubscribe);
    json.key("oneClick");
    json.optional(list.one_click.as_deref());
    for (key, urls) in [
        ("subscribe", &list.subscribe),
        ("help", &list.help),
        ("owner", &list.owner),
        ("archive", &list.archive),
    ] {
        json.key(key);
        texts(json, urls);
    }
    json.close();
}

fn received(json: &mut Json, found: &Received) {
    json.first("from");
    json.optional(found.from.as_deref());
    for (key, value) in [
        ("fromComment", &found.from_comment),
        ("fromIp", &found.from_ip),
        ("by", &found.by),
        ("via", &found.via),
        ("with", &found.with),
        ("id", &found.id),
        ("for", &found.for_),
    ] {
        json.key(key);
        json.optional(value.as_deref());
    }
    json.key("date");
    date(json, found.date);
    json.close();
}

fn authentication_results(json: &mut Json, found: &AuthenticationResults) {
    json.first("server");
    json.string(&found.server);
    json.key("results");
    json.list(found.results.iter(), |json, result| {
        json.first("method");
        json.string(&result.method);
        json.key("result");
        json.string(&result.result);
        json.key("reason");
        json.optional(result.reason.as_deref());
        json.key("properties");
        json.list(result.properties.iter(), |json, (name, value)| {
            json.first("name");
            json.string(name);
            json.key("value");
            json.string(value);
            json.close();
        });
        json.close();
    });
    json.close();
}

fn report(json: &mut Json, found: &Report) {
    json.first("kind");
    json.string(match &found.content {
        ReportContent::Delivery(_) => "delivery-status",
        ReportContent::Disposition(_) => "disposition-notification",
        ReportContent::Feedback(_) => "feedback-report",
    });
    json.key("part");
    json.number(found.part.into());
    json.key("original");
    number(json, found.original);
    json.key("originalMessageId");
    json.optional(found.original_message_id.as_deref());
    json.key("delivery");
    match &found.content {
        ReportContent::Delivery(delivery) => {
            json.first("reportingMta");
            json.optional(delivery.reporting_mta.as_deref());
            json.key("originalEnvelopeId");
            json.optional(delivery.original_envelope_id.as_deref());
            json.key("arrivalDate");
            date(json, delivery.arrival_date);
            json.key("recipients");
            json.list(delivery.recipients.iter(), |json, status| {
                json.first("finalRecipient");
                json.optional(status.final_recipient.as_deref());
                for (key, value) in [
                    ("originalRecipient", &status.original_recipient),
                    ("action", &status.action),
                    ("status", &status.status),
                    ("remoteMta", &status.remote_mta),
                    ("diagnostic", &status.diagnostic),
                ] {
                    json.key(key);
                    json.optional(value.as_deref());
                }
                json.key("lastAttempt");
                date(json, status.last_attempt);
                json.key("willRetryUntil");
                date(json, status.will_retry_until);
                json.close();
            });
            json.close();
        }
        _ => json.null(),
    }
    json.key("disposition");
    match &found.content {
        ReportContent::Disposition(disposition) => {
            json.first("reportingUa");
            json.optional(disposition.reporting_ua.as_deref());
            for (key, value) in [
                ("finalRecipient", &disposition.final_recipient),
                ("originalRecipient", &disposition.original_recipient),
                ("actionMode", &disposition.action_mode),
                ("sendingMode", &disposition.sending_mode),
                ("disposition", &disposition.disposition),
            ] {
                json.key(key);
                json.optional(value.as_deref());
            }
            json.key("modifiers");
            texts(json, &disposition.modifiers);
            json.close();
        }
        _ => json.null(),
    }
    json.key("feedback");
    match &found.content {
        ReportContent::Feedback(feedback) => {
            json.first("feedbackType");
            json.optional(feedback.feedback_type.as_deref());
            json.key("userAgent");
            json.optional(feedback.user_agent.as_deref());
            json.key("originalMailFrom");
            json.optional(feedback.original_mail_from.as_deref());
            json.key("originalRcptTo");
            texts(json, &feedback.original_rcpt_to);
            json.key("sourceIp");
            json.optional(feedback.source_ip.as_deref());
            json.key("reportedDomains");
            texts(json, &feedback.reported_domains);
            json.key("reportedUris");
            texts(json, &feedback.reported_uris);
            json.key("arrivalDate");
            date(json, feedback.arrival_date);
            json.close();
        }
        _ => json.null(),
    }
    json.key("fields");
    json.list(found.fields.iter(), |json, field| {
        json.first("name");
        json.string(&field.name);
        json.key("value");
        json.string(&field.value);
        json.close();
    });
    json.close();
}

fn calendar(json: &mut Json, found: &CalendarPart) {
    json.first("part");
    json.number(found.part.into());
    for (key, value) in [
        ("method", &found.method),
        ("component", &found.component),
        ("uid", &found.uid),
        ("summary", &found.summary),
    ] {
        json.key(key);
        json.optional(value.as_deref());
    }
    json.close();
}

fn protection(json: &mut Json, found: &Protection) {
    json.first("part");
    json.number(found.part.into());
    json.key("format");
    json.string(found.format.as_str());
    json.key("kind");
    json.string(found.kind.as_str());
    json.key("protocol");
    json.string(&found.protocol);
    json.key("content");
    number(json, found.content);
    json.key("signature");
    number(json, found.signature);
    json.key("digest");
    json.optional(found.digest.as_deref());
    json.key("isInline");
    json.flag(found.is_inline);
    json.close();
}

fn guess(json: &mut Json, found: &Guessed) {
    json.first("part");
    json.number(found.part.into());
    json.key("header");
    json.optional(found.header.as_deref());
    json.key("charset");
    json.string(&found.guess.charset);
    json.key("evidence");
    json.string(found.guess.evidence.as_str());
    json.key("confident");
    json.flag(found.guess.confident);
    json.close();
}
