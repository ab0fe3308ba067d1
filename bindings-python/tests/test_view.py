"""The page of `popmail show --html`: it shows the message, loads nothing and runs nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import popmail
from popmail._view import html_page

SAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples/mail").glob("*.eml"))
ACTIVE = {
    "script",
    "iframe",
    "object",
    "embed",
    "form",
    "input",
    "link",
    "base",
    "svg",
    "math",
    "video",
    "audio",
    "frame",
}


class Elements(HTMLParser):
    """What a browser would see."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


def assert_harmless(page: str) -> None:
    for tag, attributes in Elements(page).found:
        assert tag not in ACTIVE
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            if name in ("src", "background", "poster", "srcset", "action", "data"):
                assert tag == "img"
                assert value.startswith("data:image/"), (tag, name, value)
            if name == "href":
                assert value.startswith(("http://", "https://", "mailto:")), value
            assert not re.search(r"url\s*\(|expression|javascript:|vbscript:", value, re.IGNORECASE), (tag, name, value)
            if name == "style":
                assert "position" not in value


def page_of(html: str) -> str:
    return html_page(popmail.parse(popmail.compose(from_="a@example.com", subject="<b>Hi</b>", html=html)))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_sample_becomes_a_harmless_page(path: Path) -> None:
    message = popmail.parse(path.read_bytes())
    page = html_page(message)
    assert_harmless(page)
    metas = [attributes for tag, attributes in Elements(page).found if tag == "meta"]
    (policy,) = [meta["content"] for meta in metas if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; img-src data:")
    assert "script-src" not in policy
    for part in message.attachments:
        assert (part.filename or part.safe_filename) in page
    assert len(re.findall("<main>", page)) == 1


def test_inline_images_are_in_the_page() -> None:
    message = popmail.parse((SAMPLES[0].parent / "03-inline-image.eml").read_bytes())
    assert 'src="data:image/png;base64,' in html_page(message)


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        '<img src="https://tracker.example.com/pixel.gif">',
        '<a href="javascript:alert(1)">x</a>',
        '<a href=" java\nscript:alert(1)">x</a>',
        '<a href="data:text/html,<script>alert(1)</script>">x</a>',
        '<img src="data:text/html;base64,PHNjcmlwdD4=">',
        '<img src="data:image/svg+xml,<svg onload=alert(1)>">',
        "<svg><script>alert(1)</script></svg>",
        '<div style="background:url(https://tracker.example.com/x)">x</div>',
        '<div style="background:u\\72l(https://tracker.example.com/x)">x</div>',
        '<div style="position:fixed;top:0;left:0;width:100%;height:100%">x</div>',
        '<style>@import "https://tracker.example.com/x.css";</style>',
        '<link rel=stylesheet href="https://tracker.example.com/x.css">',
        '<meta http-equiv=refresh content="0;url=https://evil.example.com">',
        '<base href="https://evil.example.com/">',
        '<form action="https://evil.example.com"><input name=password></form>',
        '<iframe src="https://evil.example.com"></iframe>',
        '<video poster="https://tracker.example.com/x.png"></video>',
        '<table background="https://tracker.example.com/x.png"><tr><td background="https://x.example/y">x</table>',
        '<img srcset="https://tracker.example.com/x.png 2x">',
        "</main></body><script>alert(1)</script>",
        "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
        "<!--[if IE]><script>alert(1)</script><![endif]-->",
    ],
)
def test_nothing_of_the_sender_runs_or_is_loaded(attack: str) -> None:
    page = page_of(f"<p>before</p>{attack}<p>after</p>")
    assert_harmless(page)
    assert page.count("<script") == 0
    assert "<p>before</p>" in page
    assert sum(tag == "meta" and "http-equiv" in attributes for tag, attributes in Elements(page).found) == 1


def test_what_is_not_shown_is_told() -> None:
    page = page_of('<img src="https://a.example/1"><img src="http://a.example/2"><p style="color:red">x</p>')
    assert "2 remote resources are not shown" in page
    assert 'style="color:red"' in page


def test_text_and_headers_show_themselves() -> None:
    raw = popmail.compose(
        from_=("<i>Eve</i>", "eve@example.com"), subject="<b>\u202eHi</b>", text="<script>x</script>\n"
    )
    page = html_page(popmail.parse(raw))
    assert_harmless(page)
    assert "&lt;i&gt;Eve&lt;/i&gt;" in page
    assert "\u202e" not in page
    assert "<pre>&lt;script&gt;x&lt;/script&gt;" in page


def test_old_formats_are_listed() -> None:
    raw = b"Subject: x\r\n\r\nbegin 644 a.pdf\r\n#86)C\r\n`\r\nend\r\n"
    assert "a.pdf — application/pdf, 3 B (in uuencode)" in html_page(popmail.parse(raw))
