//! The parts of a message as a tree, and how a part is written.
//!
//! Decides the fields of a part and their order, and that a multipart has the widest transfer
//! encoding of what is in it (RFC 2045 section 6.4).

use std::borrow::Cow;

use super::Checked;
use super::body::{self, Encoding};
use super::boundary::Boundaries;
use super::field::Line;
use super::media_type::MediaType;
use crate::mime::content_id;

/// A part of the message.
pub(super) enum Node<'d> {
    Leaf {
        media_type: Cow<'d, MediaType>,
        disposition: Option<&'static str>,
        filename: Option<&'d str>,
        content_id: Option<&'d str>,
        encoding: Encoding,
        content: &'d [u8],
    },
    Multi {
        kind: &'static str,
        children: Vec<Node<'d>>,
    },
}

impl<'d> Node<'d> {
    pub(super) fn text(subtype: &str, text: &'d str, eight: bool) -> Self {
        let mut media_type = MediaType::plain(&format!("text/{subtype}"));
        media_type.add("charset", "utf-8");
        Node::Leaf {
            media_type: Cow::Owned(media_type),
            disposition: None,
            filename: None,
            content_id: None,
            encoding: body::for_text(text.as_bytes(), eight),
            content: text.as_bytes(),
        }
    }

    pub(super) fn resource(part: &'d Checked) -> Self {
        Self::part(part, "inline")
    }

    pub(super) fn file(part: &'d Checked) -> Self {
        Self::part(part, if part.inline { "inline" } else { "attachment" })
    }

    fn part(part: &'d Checked, disposition: &'static str) -> Self {
        let encoding = if part.media_type.is("message") {
            body::as_it_is(&part.content)
        } else {
            Encoding::Base64
        };
        Node::Leaf {
            media_type: Cow::Borrowed(&part.media_type),
            disposition: Some(disposition),
            filename: part.filename.as_deref(),
            content_id: part.content_id.as_deref(),
            encoding,
            content: &part.content,
        }
    }

    /// The widest encoding in it: that of a multipart (RFC 2045 section 6.4).
    pub(super) fn encoding(&self) -> Encoding {
        match self {
            Node::Leaf { encoding, .. } => encoding.on_the_wire(),
            Node::Multi { children, .. } => children
                .iter()
                .map(Node::encoding)
                .max()
                .unwrap_or(Encoding::SevenBit),
        }
    }

    /// The contents in which a boundary could occur.
    pub(super) fn plain_contents(&self, found: &mut Vec<&'d [u8]>) {
        match self {
            Node::Leaf {
                encoding, content, ..
            } if encoding.is_identity() => found.push(content),
            Node::Leaf { .. } => {}
            Node::Multi { children, .. } => {
                for child in children {
                    child.plain_contents(found);
                }
            }
        }
    }

    /// About how many octets it will take.
    pub(super) fn size(&self) -> usize {
        match self {
            Node::Leaf {
                encoding, content, ..
            } => encoding.size(content) + 512,
            Node::Multi { children, .. } => children.iter().map(Node::size).sum(),
        }
    }

    /// Writes the part's fields, the blank line and the body. Calls itself for children: the tree is
    /// of this module's making and three levels deep.
    pub(super) fn write(&self, boundaries: &Boundaries, utf8: bool, out: &mut Vec<u8>) {
        match self {
            Node::Leaf {
                media_type,
                disposition,
                filename,
                content_id,
                encoding,
                content,
            } => {
                let mut line = Line::new(out, "Content-Type", utf8);
                media_type.write(&mut line);
                line.end();
                if let Some(disposition) = disposition {
                    let mut line = Line::new(out, "Content-Disposition", utf8);
                    match filename {
                        Some(name) => {
                            line.token(&format!("{disposition};"));
                            line.parameter("filename", name, true);
                        }
                        None => {
                            line.token(disposition);
                        }
                    }
                    line.end();
                }
                if let Some(id) = content_id {
                    Line::new(out, "Content-ID", utf8)
                        .token(&format!("<{id}>"))
                        .end();
                }
                encoding.write_field(out);
                out.extend_from_slice(b"\r\n");
                encoding.write(content, out);
            }
            Node::Multi { kind, children } => {
                let boundary = boundaries.of(kind);
                let mut line = Line::new(out, "Content-Type", utf8);
                line.token(&format!("multipart/{kind};"));
                if *kind == "related" {
                    // RFC 2387 section 3.1: the type of the root.
                    line.token("type=\"text/html\";");
                }
                line.token(&format!("boundary=\"{boundary}\""));
                line.end();
                if self.encoding() != Encoding::SevenBit {
                    self.encoding().write_field(out);
                }
                for child in children {
                    out.extend_from_slice(b"\r\n--");
                    out.extend_from_slice(boundary.as_bytes());
                    out.extend_from_slice(b"\r\n");
                    child.write(boundaries, utf8, out);
                }
                out.extend_from_slice(b"\r\n--");
                out.extend_from_slice(boundary.as_bytes());
                out.extend_from_slice(b"--\r\n");
            }
        }
    }
}

/// The longest identifier in a URL: percent escapes are three octets for one.
const MAX_CID: usize = 3 * super::check::MAX_WORD;

/// The identifiers that an HTML text refers to by `cid:`, sorted.
pub(super) fn cids(html: &str) -> Vec<Cow<'_, str>> {
    let is_end =
        |byte: u8| matches!(byte, b'"' | b'\'' | b')' | b'>' | b'<') || byte.is_ascii_whitespace();
    let mut found: Vec<_> = html
        .match_indices("cid:")
        .filter_map(|(at, found)| {
            let rest = html.get(at + found.len()..)?;
            // Longer than any identifier it refers to nothing; so each is looked at for a bounded time.
            let near = rest.bytes().take(MAX_CID);
            let end = near.clone().position(is_end);
            rest.get(..end.or((near.len() < MAX_CID).then_some(rest.len()))?)
        })
        .flat_map(|url| [Cow::Borrowed(url), content_id::from_url(url)])
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}
