"""A message as one page of HTML that needs nothing else and does nothing.

What makes it safe is decided twice: `nh3` (ammonia) keeps only harmless elements and attributes of the sender's HTML,
and the page's own Content-Security-Policy lets a browser load and run nothing at all. Images of the message are put
into the page as ``data:`` URLs; whatever lies elsewhere is left out and counted.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import nh3

if TYPE_CHECKING:
    from ._native import Message

__all__ = ["html_page"]

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""What a browser may load: nothing but the images in the page. Framing only a server can forbid, in its header."""

IMAGES = ("data:image/png;", "data:image/jpeg;", "data:image/gif;", "data:image/webp;", "data:image/bmp;")
"""Pictures that a browser decodes without looking for scripts in them."""

TAGS = nh3.ALLOWED_TAGS | {"font", "tfoot", "address", "section", "main", "big", "u", "dir"}
ATTRIBUTES = nh3.ALLOWED_ATTRIBUTES | {
    "*": {"style", "dir", "lang", "title", "align", "valign", "bgcolor", "width", "height"},
    "font": {"color", "face", "size"},
    "table": {"border", "cellpadding", "cellspacing", "summary"},
}
STYLES = {
    *("color", "background-color", "font", "font-family", "font-size", "font-style", "font-weight", "line-height"),
    *("text-align", "text-decoration", "text-indent", "text-transform", "vertical-align", "white-space", "direction"),
    *("letter-spacing", "word-spacing", "list-style-type", "border-collapse", "border-spacing", "width", "height"),
    *("max-width", "min-width", "max-height", "display"),
    *(
        f"{name}{side}"
        for name in ("margin", "padding", "border")
        for side in ("", "-left", "-right", "-top", "-bottom")
    ),
}
"""Nothing that lays an element over others: no position, no z-index, no transform."""

STYLE = """
body{margin:0 auto;max-width:60rem;padding:1rem;font:1rem/1.5 system-ui,sans-serif;color:#1c1c1c;background:#fff}
header,section,main{margin-block:0 1.5rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:0}
dt{color:#595959}dd{margin:0;overflow-wrap:anywhere}
h1{font-size:1.4rem;margin:0 0 .5rem;overflow-wrap:anywhere}h2{font-size:1rem;margin:0 0 .3rem}
main{border-block:1px solid #ccc;padding-block:1rem;overflow:auto}
pre{white-space:pre-wrap;overflow-wrap:anywhere;font:inherit;margin:0}
.tree{font-family:ui-monospace,monospace;white-space:pre;overflow:auto}
ul{margin:0;padding-inline-start:1.2rem}img{max-width:100%;height:auto}
.note{background:#fff4ce;padding:.4rem .8rem}
"""


class _Filter:
    """Decides about the value of each attribute, and counts what a browser would have loaded."""

    def __init__(self) -> None:
        self.remote = 0

    def __call__(self, tag: str, attribute: str, value: str) -> str | None:
        if attribute in ("src", "background", "cite"):
            if attribute == "src" and tag == "img" and value.lower().startswith(IMAGES):
                return value
            self.remote += attribute != "cite"
            return None
        if attribute == "href":
            scheme = value.strip().lower()
            return value if scheme.startswith(("http://", "https://", "mailto:")) else None
        if attribute == "style" and ("url(" in value.lower() or "\\" in value or "/*" in value):
            self.remote += 1
            return None
        return value


def html_page(message: Message) -> str:
    """Return one page of HTML that shows a message as a person wants to read it.

    Headers, the body (the HTML with its inline images, else the text), attachments with types and sizes, the structure
    and the defects. It loads nothing, runs nothing and refers to nothing that it needs.
    """
    found = _Filter()
    html = message.html_with_inline()
    if html is not None:
        body = nh3.clean(
            html,
            tags=TAGS,
            attributes=ATTRIBUTES,
            attribute_filter=found,
            url_schemes={"http", "https", "mailto", "data"},
            filter_style_properties=STYLES,
            link_rel="noopener noreferrer nofollow",
            id_prefix="mail-",
        )
    else:
        body = f"<pre>{_text(message.text or '')}</pre>"
    title = message.subject or "(no subject)"
    notes = f'<p class="note">{found.remote} remote resources are not shown.</p>' if found.remote else ""
    sections = [
        f"<header><h1>{_text(title)}</h1>{_headers(message)}</header>",
        notes,
        f"<main>{body}</main>",
        _files(message),
        f'<section><h2>Structure</h2><div class="tree">{_text(message.tree())}</div></section>',
        _list("Defects", [str(defect) for defect in message.defects]),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(section for section in sections if section)
        + "\n</body>\n</html>\n"
    )


def _headers(message: Message) -> str:
    rows = [
        ("From", ", ".join(map(str, message.from_))),
        ("Sender", str(message.sender) if message.sender and message.sender not in message.from_ else ""),
        ("To", ", ".join(map(str, message.to))),
        ("Cc", ", ".join(map(str, message.cc))),
        ("Reply-To", ", ".join(map(str, message.reply_to))),
        ("Date", message.date.isoformat(" ") if message.date else ""),
    ]
    return "<dl>" + "".join(f"<dt>{name}</dt><dd>{_text(value)}</dd>" for name, value in rows if value) + "</dl>"


def _files(message: Message) -> str:
    from ._terminal import size

    lines = [
        f"{part.filename or part.safe_filename} — {part.content_type}, {size(part.size)}"
        for part in message.attachments
    ]
    lines += [
        f"{file.name or file.safe_filename} — {file.content_type}, {size(len(file.content))} (in {file.format})"
        for file in message.embedded_files()
    ]
    return _list("Attachments", lines)


def _list(title: str, items: list[str]) -> str:
    if not items:
        return ""
    return f"<section><h2>{title}</h2><ul>" + "".join(f"<li>{_text(item)}</li>" for item in items) + "</ul></section>"


def _text(text: str) -> str:
    """Text that shows itself: control and direction characters become visible."""
    from ._terminal import printable_lines

    return escape(printable_lines(text))
