//! The base subject: what messages of one thread have in common.
//!
//! Decides as RFC 5256 section 2.1 does, step by step, so that a thread is the same one that an IMAP
//! server finds. Prefixes of other languages (`AW:`, `SV:`) are part of the subject there.

/// The base subject, and whether something of a reply or forward was taken off.
pub(super) fn base(subject: &str) -> (String, bool) {
    // Step 1: every run of white space is one space.
    let flat: String = subject.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut text = flat.as_str();
    let mut marked = false;
    loop {
        // Step 2.
        loop {
            text = text.trim_end();
            match strip_end(text, "(fwd)") {
                Some(rest) => (text, marked) = (rest, true),
                None => break,
            }
        }
        // Steps 3 to 5. A run of blobs is passed once: whether a leader follows it does not change
        // when its first blob goes.
        loop {
            let trimmed = text.trim_start();
            if let Some(rest) = leader(trimmed) {
                (text, marked) = (rest, true);
                continue;
            }
            text = trimmed;
            while let Some(rest) = blob(text).filter(|rest| !rest.is_empty()) {
                text = rest;
            }
            break;
        }
        // Step 6.
        match strip_start(text, "[fwd:").and_then(|rest| rest.strip_suffix(']')) {
            Some(inner) => (text, marked) = (inner, true),
            None => return (text.trim().to_owned(), marked),
        }
    }
}

/// What follows `*subj-blob ("re" / "fw" / "fwd") *WSP [subj-blob] ":"`.
fn leader(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(after) = blob(rest) {
        rest = after;
    }
    let rest = ["re", "fwd", "fw"]
        .into_iter()
        .find_map(|word| strip_start(rest, word))?
        .trim_start();
    let rest = blob(rest).unwrap_or(rest);
    rest.strip_prefix(':')
}

/// What follows `"[" *BLOBCHAR "]" *WSP`.
fn blob(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(['[', ']'])?;
    Some(inner.get(end..)?.strip_prefix(']')?.trim_start())
}

fn strip_start<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn strip_end<'t>(text: &'t str, suffix: &str) -> Option<&'t str> {
    let (rest, end) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    end.eq_ignore_ascii_case(suffix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::base;

    #[test]
    fn replies_and_forwards_have_the_subject_of_their_thread() {
        for (subject, expected, marked) in [
            ("Lunch", "Lunch", false),
            ("Re: Lunch", "Lunch", true),
            (
                "RE:FW: fwd:  Lunch\t at  nine (fwd) (FWD)",
                "Lunch at nine",
                true,
            ),
            ("[list] Lunch", "Lunch", false),
            ("[list] Re: [list] Lunch", "Lunch", true),
            ("Re[2]: Lunch", "Lunch", true),
            ("Re [x] : Lunch", "Lunch", true),
            ("[Fwd: Re: Lunch]", "Lunch", true),
            ("[only a blob]", "[only a blob]", false),
            ("Reading list", "Reading list", false),
            ("Re:", "", true),
            ("", "", false),
            ("AW: Essen", "AW: Essen", false),
        ] {
            assert_eq!(base(subject), (expected.to_owned(), marked), "{subject:?}");
        }
    }

    #[test]
    fn hostile_subjects_are_read_to_their_end() {
        for piece in ["Re: ", "[", "[a]", "[Fwd:", "(fwd)", "re[x]:", "]", " "] {
            let _ = base(&piece.repeat(60_000));
        }
    }
}
