//! How a message is parsed: which of two fields counts, and how much of it is looked at.
//!
//! Decides the defaults. What is beyond a limit is kept in the raw bytes, not looked at, and told by
//! the defect `limit-reached`: parsing never fails.

/// Which of several fields with one name is the one that getters read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Duplicates {
    /// The first, as every widespread reader of mail has it.
    #[default]
    First,
    /// The last.
    Last,
}

/// How much of a message is looked at. Each limit only ever makes less of a message visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MimeLimits {
    /// Bytes of the header fields of one part. Default 2 MiB, as postal-mime has for a message.
    pub header_bytes: usize,
    /// Header fields of one part. Default 10,000; mime4j has 1,000.
    pub headers: usize,
    /// Parts of the whole message. Default 10,000; nodemailer's mailparser has 1,000.
    pub parts: usize,
    /// Levels of multiparts and messages in one another. Default 64; postal-mime has 256.
    pub depth: usize,
    /// Levels of transfer-encoded messages in one another that are decoded. Default 3.
    pub nested_encodings: usize,
    /// Bytes of transfer-encoded messages that are decoded, all together. Default 256 MiB.
    pub decoded_bytes: usize,
}

impl Default for MimeLimits {
    fn default() -> Self {
        MimeLimits {
            header_bytes: 2 << 20,
            headers: 10_000,
            parts: 10_000,
            depth: 64,
            nested_encodings: 3,
            decoded_bytes: 256 << 20,
        }
    }
}

/// How a message is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ParseOptions {
    /// Which of several fields with one name counts.
    pub duplicates: Duplicates,
    /// How much is looked at.
    pub limits: MimeLimits,
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::{Duplicates, MimeLimits, ParseOptions};
    use crate::mime::{DefectCode, Message, parse, parse_with};

    fn limited(change: impl FnOnce(&mut MimeLimits)) -> ParseOptions {
        let mut options = ParseOptions::default();
        change(&mut options.limits);
        options
    }

    fn is_told(message: &Message<'_>) -> bool {
        let defects = message.defects();
        defects
            .iter()
            .any(|defect| defect.code == DefectCode::LimitReached)
    }

    #[test]
    fn the_last_of_two_fields_counts_when_asked_for() {
        let raw = b"From: a@x.org\r\nSubject: one\r\nContent-Type: text/plain\r\nFrom: b@x.org\r\nSubject: two\r\n\
            Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ninner\r\n--b--\r\n";
        let options = ParseOptions {
            duplicates: Duplicates::Last,
            ..ParseOptions::default()
        };
        let last = parse_with(raw, &options);
        assert_eq!(last.subject().as_deref(), Some("two"));
        assert_eq!(last.from().first().unwrap().address(), "b@x.org");
        assert_eq!(last.headers().get("subject").unwrap().value(), "two");
        assert_eq!(last.parts().len(), 2);
        let first = parse(raw);
        assert_eq!(first.subject().as_deref(), Some("one"));
        assert_eq!(first.parts().len(), 1);
        let codes = |message: &Message<'_>| -> Vec<_> {
            message.defects().iter().map(|defect| defect.code).collect()
        };
        assert_eq!(codes(&first), codes(&last));
    }

    #[test]
    fn fields_beyond_a_limit_are_told_and_left_out() {
        let raw = b"A: 1\r\nB: 2\r\nC: 3\r\nSubject: x\r\n\r\nbody\r\n";
        for options in [
            limited(|limits| limits.headers = 2),
            limited(|limits| limits.header_bytes = 12),
        ] {
            let message = parse_with(raw, &options);
            let names: Vec<_> = message
                .headers()
                .iter()
                .map(|field| field.name().into_owned())
                .collect();
            assert_eq!(names, ["A", "B"]);
            assert_eq!((message.subject(), message.headers().len()), (None, 2));
            assert_eq!(message.text().as_deref(), Some("body\r\n"));
            assert!(is_told(&message));
            assert_eq!(message.raw(), raw);
        }
        assert!(!is_told(&parse(raw)));
    }

    #[test]
    fn parts_and_depth_beyond_a_limit_are_told() {
        let raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n1\r\n--b\r\n\r\n2\r\n--b\r\n\r\n3\r\n--b--\r\n";
        let message = parse_with(raw, &limited(|limits| limits.parts = 2));
        assert!(message.parts().len() <= 2 && is_told(&message));
        let deep = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\n1\r\n--c--\r\n--b--\r\n";
        let message = parse_with(deep, &limited(|limits| limits.depth = 1));
        assert!(
            message.parts().len() <= 2 && is_told(&message),
            "{}",
            message.tree()
        );
    }

    #[test]
    fn encoded_messages_beyond_a_limit_are_left_closed() {
        let inner = "U3ViamVjdDogaW5uZXINCg0KdGV4dA0K";
        let raw = format!(
            "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{inner}\r\n"
        );
        assert!(parse(raw.as_bytes()).root().message().is_some());
        for options in [
            limited(|limits| limits.decoded_bytes = 10),
            limited(|limits| limits.nested_encodings = 0),
        ] {
            let message = parse_with(raw.as_bytes(), &options);
            assert!(message.root().message().is_none());
            assert!(is_told(&message));
        }
    }
}
