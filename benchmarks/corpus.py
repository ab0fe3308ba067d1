"""The classes of mail that are measured, made from a fixed seed: the same bytes in every run and for every peer."""

from __future__ import annotations

import base64
import quopri
import random
import re
from functools import partial

COUNT = 20
"""Messages of each class, each different."""

FEW = 2
"""Messages of the class of the largest."""

_WORDS = re.findall(
    r"\w+",
    "the mail box server message letter fetch answer quarter report meeting invoice please review attached schedule "
    "tomorrow team project update customer delivery release notes thanks regards question order number account",
)

_LEGACY = [
    ("iso-8859-1", "Größe, façade, señor, Ærø"),
    ("windows-1251", "Привет, это письмо о встрече"),  # noqa: RUF001
    ("koi8-r", "Отчёт за квартал готов"),
    ("shift_jis", "会議の資料を送ります"),
    ("iso-2022-jp", "お世話になっております"),
    ("gb2312", "您好，会议资料已发送"),  # noqa: RUF001
    ("big5", "會議資料已寄出"),
    ("euc-kr", "회의 자료를 보냅니다"),
]


def corpus(count: int = COUNT, few: int = FEW) -> dict[str, list[bytes]]:
    """Return the messages of each class, `few` of the largest."""
    dice = random.Random(1939)
    classes = {
        "small text, 3 kB": (_small, count),
        "newsletter, 60 kB of HTML": (_newsletter, count),
        "1 MB attachment": (partial(_attachment, 1_000_000), count),
        "20 MB attachment": (partial(_attachment, 20_000_000), few),
        "list mail, long trace": (_list_mail, count),
        "legacy charsets": (_legacy, count),
    }
    return {name: [make(dice, number) for number in range(many)] for name, (make, many) in classes.items()}


def small_messages(count: int) -> list[bytes]:
    """Return so many messages of the class of the smallest, each different."""
    dice = random.Random(1939)
    return [_small(dice, number) for number in range(count)]


def _text(dice: random.Random, octets: int) -> str:
    lines: list[str] = []
    left = octets
    while left > 0:
        line = " ".join(dice.choices(_WORDS, k=10))
        lines.append(line)
        left -= len(line) + 2
    return "\r\n".join(lines) + "\r\n"


def _head(number: int, subject: str, *more: str) -> str:
    lines = [
        f"From: Sender {number} <sender{number}@example.com>",
        "To: Me <me@example.com>, Other <other@example.org>",
        f"Subject: {subject}",
        "Date: Mon, 23 Nov 2026 10:00:00 +0100",
        f"Message-ID: <{number}.{subject[:4].strip()}@example.com>",
        "MIME-Version: 1.0",
        *more,
    ]
    return "\r\n".join(lines) + "\r\n"


def _small(dice: random.Random, number: int) -> bytes:
    head = _head(
        number, f"Report {number}", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 7bit"
    )
    return (head + "\r\n" + _text(dice, 2600)).encode()


def _newsletter(dice: random.Random, number: int) -> bytes:
    html = "<html><body>" + "".join(
        f'<p style="margin:0">{line} – größer</p>\n'  # noqa: RUF001
        for line in _text(dice, 33_000).split("\r\n")
    )
    head = _head(
        number,
        "=?utf-8?q?Neuigkeiten_f=C3=BCr_Sie?=",
        'Content-Type: multipart/alternative; boundary="=_alt"',
        "List-Unsubscribe: <https://example.com/u>",
    )
    plain = quopri.encodestring(_text(dice, 4000).replace("\r\n", "\n").encode()).replace(b"\n", b"\r\n")
    rich = quopri.encodestring(html.encode()).replace(b"\n", b"\r\n")
    part = b"Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return b"".join(
        [
            head.encode(),
            b"\r\n--=_alt\r\n",
            part % b"plain",
            plain,
            b"\r\n--=_alt\r\n",
            part % b"html",
            rich,
            b"\r\n--=_alt--\r\n",
        ]
    )


def _attachment(octets: int, dice: random.Random, number: int) -> bytes:
    blob = base64.encodebytes(dice.randbytes(octets)).replace(b"\n", b"\r\n")
    head = _head(number, "Scan attached", 'Content-Type: multipart/mixed; boundary="=_mix"')
    return b"".join(
        [
            head.encode(),
            b"\r\n--=_mix\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n",
            _text(dice, 500).encode(),
            b'\r\n--=_mix\r\nContent-Type: application/pdf; name="scan.pdf"\r\nContent-Transfer-Encoding: base64\r\n',
            b'Content-Disposition: attachment; filename="scan.pdf"\r\n\r\n',
            blob,
            b"\r\n--=_mix--\r\n",
        ]
    )


def _list_mail(dice: random.Random, number: int) -> bytes:
    trace = [
        f"Received: from relay{hop}.example.net (relay{hop}.example.net [192.0.2.{hop}])\r\n"
        f"\tby mx{hop}.example.org (Postfix) with ESMTPS id {dice.randrange(16**10):010X}\r\n"
        f"\tfor <list@example.org>; Mon, 23 Nov 2026 09:{hop:02}:00 +0000 (UTC)"
        for hop in range(1, 13)
    ]
    seals = [
        f"{name}: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=s1;\r\n"
        "\th=from:to:subject:date:list-id;\r\n\tb="
        + "\r\n\t ".join(base64.b64encode(dice.randbytes(48)).decode() for _ in range(4))
        for name in ("DKIM-Signature", "ARC-Seal", "ARC-Message-Signature")
    ]
    references = "References: " + "\r\n\t".join(f"<{dice.randrange(10**12)}@example.org>" for _ in range(20))
    head = _head(
        number,
        "Re: [list] =?utf-8?q?Vorschlag_f=C3=BCr?= the next release",
        *trace,
        *seals,
        references,
        "List-Id: The list <list.example.org>",
        "Content-Type: text/plain; charset=utf-8; format=flowed",
    )
    return (head + "\r\n" + "> " + _text(dice, 3000).replace("\r\n", "\r\n> ") + "\r\n").encode()


def _legacy(dice: random.Random, number: int) -> bytes:
    charset, words = _LEGACY[number % len(_LEGACY)]
    subject = f"=?{charset}?b?{base64.b64encode(words.encode(charset)).decode()}?="
    head = _head(
        number,
        subject,
        f"Content-Type: text/plain; charset={charset}",
        "Content-Transfer-Encoding: base64",
    )
    body = "".join(f"{words} {' '.join(dice.choices(_WORDS, k=6))}\r\n" for _ in range(60))
    return head.encode() + b"\r\n" + base64.encodebytes(body.encode(charset)).replace(b"\n", b"\r\n")
