//! The mailing list of a message: RFC 2369, RFC 2919 and the one-click unsubscription of RFC 8058.
//!
//! Decides which of the URLs a program may call by itself: only an `https` one that the sender
//! declared for that. Nothing is ever fetched here.

use memchr::memchr;

use super::fields;
use crate::mime::Headers;

/// What the `List-` fields of a message say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MailingList {
    /// The identifier of the list without angle brackets (RFC 2919).
    pub id: Option<String>,
    /// The name of the list, from before the identifier.
    pub name: Option<String>,
    /// Where to write to the list; several URLs in the order of preference.
    pub post: Vec<String>,
    /// The list takes no messages: `List-Post: NO`.
    pub is_closed: bool,
    /// Where to leave the list.
    pub unsubscribe: Vec<String>,
    /// The `https` URL that a POST of `List-Unsubscribe=One-Click` unsubscribes with at once (RFC
    /// 8058). The mail's DKIM signature must cover both fields: check that before.
    pub one_click: Option<String>,
    /// Where to join the list.
    pub subscribe: Vec<String>,
    /// Where to find help.
    pub help: Vec<String>,
    /// Where to reach who runs the list.
    pub owner: Vec<String>,
    /// Where old messages are.
    pub archive: Vec<String>,
}

pub(super) fn of(headers: Headers<'_>) -> Option<MailingList> {
    let value = |name: &str| headers.get(name).map(|field| field.raw_value());
    let urls = |name: &str| value(name).map(urls).unwrap_or_default();
    let mut list = MailingList {
        post: urls("List-Post"),
        unsubscribe: urls("List-Unsubscribe"),
        subscribe: urls("List-Subscribe"),
        help: urls("List-Help"),
        owner: urls("List-Owner"),
        archive: urls("List-Archive"),
        ..MailingList::default()
    };
    if let Some(id) = value("List-Id") {
        (list.name, list.id) = id_and_name(id);
    }
    if let Some(post) = value("List-Post") {
        let words = fields::pieces(post, b',');
        list.is_closed = list.post.is_empty()
            && words
                .first()
                .is_some_and(|word| word.eq_ignore_ascii_case("no"));
    }
    let declared = value("List-Unsubscribe-Post").is_some_and(|value| {
        fields::plain(value).eq_ignore_ascii_case("List-Unsubscribe=One-Click")
    });
    if declared {
        let is_https = |url: &&String| {
            url.get(..8)
                .is_some_and(|s| s.eq_ignore_ascii_case("https://"))
        };
        list.one_click = list.unsubscribe.iter().find(is_https).cloned();
    }
    (list != MailingList::default()).then_some(list)
}

/// The URLs in angle brackets, comments left out, folds removed.
fn urls(value: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = value;
    while let Some(open) = memchr(b'<', rest).filter(|_| found.len() < fields::MAX_FIELDS) {
        let after = rest.get(open + 1..).unwrap_or_default();
        let Some(close) = memchr(b'>', after) else {
            break;
        };
        let url: Vec<u8> = after
            .get(..close)
            .unwrap_or_default()
            .iter()
            .copied()
            .filter(|byte| byte.is_ascii_graphic() || *byte >= 0x80)
            .collect();
        if !url.is_empty() {
            found.push(String::from_utf8_lossy(&url).into_owned());
        }
        rest = after.get(close + 1..).unwrap_or_default();
    }
    found
}

fn id_and_name(value: &[u8]) -> (Option<String>, Option<String>) {
    let some = |text: String| (!text.is_empty()).then_some(text);
    let Some(open) = memchr::memrchr(b'<', value) else {
        // Against the RFC, but common: the identifier alone.
        return (None, some(fields::plain(value)));
    };
    let (name, id) = value.split_at(open);
    let id = id.get(1..).unwrap_or_default();
    let id = id
        .get(..memchr(b'>', id).unwrap_or(id.len()))
        .unwrap_or_default();
    let name = fields::plain(name);
    let name = name.trim_matches('"').trim();
    (some(name.to_owned()), some(fields::plain(id)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use crate::mime::parse;

    #[test]
    fn the_fields_of_a_list_are_read() {
        let raw = b"List-Id: \"Rust users\" <users.rust.example>\r\n\
            List-Post: <mailto:users@rust.example> (Members only)\r\n\
            List-Unsubscribe: <mailto:leave@rust.example?subject=x>,\r\n <https://rust.example/\r\n leave?u=1>\r\n\
            List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\
            List-Archive: <https://rust.example/archive/>\r\n\r\n";
        let list = parse(raw).details().mailing_list.unwrap();
        assert_eq!(list.id.as_deref(), Some("users.rust.example"));
        assert_eq!(list.name.as_deref(), Some("Rust users"));
        assert_eq!(list.post, ["mailto:users@rust.example"]);
        assert_eq!(
            list.one_click.as_deref(),
            Some("https://rust.example/leave?u=1")
        );
        assert_eq!(list.unsubscribe.len(), 2);
        assert!(!list.is_closed);
    }

    #[test]
    fn one_click_needs_https_and_its_field() {
        for raw in [
            &b"List-Unsubscribe: <http://x.example/>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\n"[..],
            b"List-Unsubscribe: <https://x.example/>\r\n\r\n",
        ] {
            assert_eq!(parse(raw).details().mailing_list.unwrap().one_click, None);
        }
    }

    #[test]
    fn lists_that_take_no_messages_say_no() {
        let list = parse(b"List-Post: NO (announcements)\r\n\r\n")
            .details()
            .mailing_list;
        assert!(list.unwrap().is_closed);
        assert_eq!(parse(b"Subject: x\r\n\r\n").details().mailing_list, None);
    }
}
