#!/usr/bin/env python3
"""Writes the sample messages of this folder: run it here, any time, with no arguments.

The messages are composed byte by byte, so that no library tidies them up: what a mail program gets
wrong or does in an old-fashioned way is in them on purpose. The output never changes; line ends are
CRLF throughout. Standard library only.
"""

# ruff: noqa: RUF001 - Chinese and Japanese text has its own punctuation.

from __future__ import annotations

import base64
import quopri
import struct
import sys
import zlib
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def lines(*texts: str) -> bytes:
    """ASCII or UTF-8 lines with CRLF after each."""
    return b"".join(text.encode() + b"\r\n" for text in texts)


def in_base64(content: bytes) -> bytes:
    """Base64 in lines of 76 characters, without the final line end."""
    return base64.encodebytes(content).rstrip(b"\n").replace(b"\n", b"\r\n")


def in_quoted_printable(content: bytes) -> bytes:
    """Quoted-printable; the line ends of `content` are CRLF."""
    return quopri.encodestring(content.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")


def word(text: str, charset: str, encoding: str = "B") -> str:
    """One encoded word (RFC 2047)."""
    content = text.encode(charset)
    if encoding == "B":
        return f"=?{charset}?B?{base64.b64encode(content).decode()}?="
    quoted = "".join(
        chr(byte) if chr(byte).isalnum() and byte < 128 else "_" if byte == 32 else f"={byte:02X}" for byte in content
    )
    return f"=?{charset}?Q?{quoted}?="


def png(width: int, height: int, pixel) -> bytes:
    """A PNG image; `pixel(x, y)` gives (red, green, blue)."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    rows = b"".join(b"\0" + b"".join(bytes(pixel(x, y)) for x in range(width)) for y in range(height))
    # Stored, not compressed: the bytes do not depend on the version of zlib.
    blocks = [rows[at : at + 0xFFFF] for at in range(0, len(rows), 0xFFFF)]
    stream = b"\x78\x01"
    for number, block in enumerate(blocks, 1):
        last = number == len(blocks)
        stream += struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF) + block
    stream += struct.pack(">I", zlib.adler32(rows))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", stream) + chunk(b"IEND", b"")


def lighthouse(x: int, y: int) -> tuple[int, int, int]:
    """A red and white tower before a blue sky, on green grass."""
    if y > 27:
        return (70, 140, 70)
    if 12 <= x <= 19 and y > 6:
        return (200, 40, 40) if (y // 5) % 2 else (250, 250, 250)
    if 13 <= x <= 18 and y > 2:
        return (250, 210, 60)
    return (130 + y * 3, 180 + y, 235)


def pdf(text: str) -> bytes:
    """A one-page PDF that shows one line of text."""
    content = f"BT /F1 18 Tf 40 100 Td ({text}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 420 200] /Contents 4 0 R"
            b" /Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out = b"%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    table += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    return out + table + trailer % (len(objects) + 1, len(out))


def plain_text() -> bytes:
    return lines(
        "From: Ada Park <ada@example.com>",
        "To: Ben Okafor <ben@example.org>",
        "Subject: Lunch on Thursday?",
        "Date: Mon, 02 Mar 2026 09:14:05 +0100",
        "Message-ID: <lunch.20260302@example.com>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        "Hi Ben,",
        "",
        "are you free for lunch on Thursday, at half past twelve?",
        "The place by the harbour has its terrace open again.",
        "",
        "Ada",
    )


def text_and_html() -> bytes:
    text = (
        "Liebe Nachbarn,\r\n\r\ndas Straßenfest beginnt am Samstag um 15 Uhr.\r\n"
        "Bitte bringt Stühle mit!\r\n\r\nGrüße\r\nJörg\r\n"
    )
    html = (
        "<html><body><p>Liebe Nachbarn,</p>\r\n<p>das <b>Straßenfest</b> beginnt am Samstag um"
        " 15&nbsp;Uhr.<br>\r\nBitte bringt Stühle mit!</p>\r\n"
        '<p>Grüße<br>Jörg</p>\r\n<p><a href="https://www.example.org/fest">Programm</a></p>'
        "</body></html>\r\n"
    )
    return (
        lines(
            f"From: {word('Jörg Bäcker', 'utf-8', 'Q')} <joerg@example.org>",
            "To: nachbarn: ada@example.com, Ben Okafor <ben@example.org>;",
            f"Subject: {word('Einladung zum Straßenfest', 'utf-8', 'Q')}",
            "Date: Wed, 15 Apr 2026 18:30:00 +0200",
            "Message-ID: <fest-1@example.org>",
            "MIME-Version: 1.0",
            'Content-Type: multipart/alternative; boundary="=_fest"',
            "",
            "This is a message in MIME format.",
            "--=_fest",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: quoted-printable",
            "",
        )
        + in_quoted_printable(text.encode())
        + lines(
            "--=_fest",
            "Content-Type: text/html; charset=utf-8",
            "Content-Transfer-Encoding: quoted-printable",
            "",
        )
        + in_quoted_printable(html.encode())
        + lines("--=_fest--")
    )


def inline_image() -> bytes:
    image = png(32, 32, lighthouse)
    return (
        lines(
            "From: Mara Lind <mara@example.net>",
            "To: ada@example.com",
            "Subject: The lighthouse",
            "Date: Sat, 09 May 2026 21:02:44 +0300",
            "Message-ID: <lighthouse.1@example.net>",
            "MIME-Version: 1.0",
            'Content-Type: multipart/related; type="text/html"; boundary=rel-9f',
            "",
            "--rel-9f",
            "Content-Type: text/html; charset=utf-8",
            "",
            "<p>We climbed all 214 steps:</p>",
            '<p><img src="cid:lighthouse@example.net" alt="a lighthouse"></p>',
            "--rel-9f",
            'Content-Type: image/png; name="lighthouse.png"',
            "Content-Transfer-Encoding: base64",
            "Content-ID: <lighthouse@example.net>",
            "Content-Disposition: inline",
            "",
        )
        + in_base64(image)
        + lines("", "--rel-9f--")
    )


def complete() -> bytes:
    text = "Hello Ben,\r\n\r\nthe plans are attached. Yours — Zoë\r\n"
    html = (
        "<html><body><p>Hello Ben,</p><p>the plans are attached. Yours — <i>Zoë</i></p>"
        '<img src="cid:logo.1@example.com" alt="Harbour Studio"></body></html>\r\n'
    )
    return (
        lines(
            f"From: {word('Zoë Harbour', 'utf-8')} <zoe@example.com>",
            "Sender: office@example.com",
            "Reply-To: Harbour Studio <studio@example.com>",
            'To: "Okafor, Ben" <ben@example.org>',
            "Cc: ada@example.com (Ada Park), Mara Lind <mara@example.net>",
            f"Subject: {word('Pläne für das Café', 'utf-8')}",
            " and the schedule",
            "Date: Tue, 30 Jun 2026 07:45:10 -0430",
            "Message-ID: <plans.3@example.com>",
            "In-Reply-To: <plans.2@example.org>",
            "References: <plans.1@example.com>",
            " <plans.2@example.org>",
            "MIME-Version: 1.0",
            "Content-Type: multipart/mixed;",
            ' boundary="mixed.1"',
            "",
            "--mixed.1",
            'Content-Type: multipart/related; boundary="related.1"; type="multipart/alternative"',
            "",
            "--related.1",
            "Content-Type: multipart/alternative; boundary=alternative.1",
            "",
            "--alternative.1",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: 8bit",
            "",
        )
        + text.encode()
        + lines(
            "--alternative.1",
            "Content-Type: text/html; charset=utf-8",
            "Content-Transfer-Encoding: base64",
            "",
        )
        + in_base64(html.encode())
        + lines(
            "",
            "--alternative.1--",
            "--related.1",
            "Content-Type: image/png",
            "Content-Transfer-Encoding: base64",
            "Content-ID: <logo.1@example.com>",
            "Content-Disposition: inline; filename=logo.png",
            "",
        )
        + in_base64(png(16, 16, lambda x, y: (x * 16, y * 16, 128)))
        + lines(
            "",
            "--related.1--",
            "--mixed.1",
            "Content-Type: application/pdf",
            "Content-Transfer-Encoding: base64",
            "Content-Disposition: attachment;",
            " filename*0*=UTF-8''Pl%C3%A4ne%20f%C3%BCr%20das;",
            " filename*1*=%20Caf%C3%A9.pdf",
            "",
        )
        + in_base64(pdf("Plans for the cafe"))
        + lines(
            "",
            "--mixed.1",
            'Content-Type: text/csv; charset=utf-8; header=present; name="schedule.csv"',
            "Content-Disposition: attachment; filename=schedule.csv; size=46",
            "",
            "day,what",
            "2026-07-06,walls",
            "2026-07-13,floor",
            "",
            "--mixed.1--",
        )
    )


def chinese_gb18030() -> bytes:
    text = "王芳：\r\n\r\n您好！会议改到星期三下午两点，地点不变。\r\n附件是议程。\r\n\r\n李明\r\n"
    return (
        lines(
            f"From: {word('李明', 'gb18030')} <liming@example.com>",
            f"To: {word('王芳', 'gb2312')} <wangfang@example.org>",
            f"Subject: {word('会议改期', 'gb2312')}",
            f" {word('：星期三下午两点', 'gb2312')}",
            "Date: Fri, 20 Mar 2026 10:00:00 +0800",
            "Message-ID: <meeting.20260320@example.com>",
            "MIME-Version: 1.0",
            "Content-Type: multipart/mixed; boundary=gb",
            "",
            "--gb",
            "Content-Type: text/plain; charset=gb18030",
            "Content-Transfer-Encoding: base64",
            "",
        )
        + in_base64(text.encode("gb18030"))
        + lines(
            "",
            "--gb",
            "Content-Type: text/plain; charset=gbk;",
            f' name="{word("议程.txt", "gb2312")}"',
            "Content-Transfer-Encoding: 8bit",
            f'Content-Disposition: attachment; filename="{word("议程.txt", "gb2312")}"',
            "",
        )
        + "一、开场\r\n二、预算\r\n".encode("gbk")
        + lines("--gb--")
    )


def chinese_big5() -> bytes:
    text = "您好：\r\n\r\n您的訂單已經寄出，預計三天內送達。\r\n謝謝您的惠顧！\r\n"
    return lines(
        f"From: {word('書店', 'big5')} <shop@example.net>",
        "To: reader@example.com",
        f"Subject: {word('訂單通知', 'big5')}",
        "Date: Sun, 11 Jan 2026 16:20:00 +0800",
        "Message-ID: <order-7781@example.net>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=Big5",
        "Content-Transfer-Encoding: 8bit",
        "",
    ) + text.encode("big5")


def japanese() -> bytes:
    subject = ["第十二回定例会議の", "開催日程と議題につ", "いてのお知らせです"]
    text = (
        "佐藤様\r\n\r\n来月の定例会議は四月十日（金）に開催します。\r\n"
        "議題は表示の改善とソフトウェアの更新です。\r\n\r\n田中\r\n"
    )
    return lines(
        f"From: {word('田中花子', 'iso-2022-jp')} <tanaka@example.com>",
        f"To: {word('佐藤一郎', 'iso-2022-jp')} <sato@example.org>",
        f"Subject: {word(subject[0], 'iso-2022-jp')}",
        f" {word(subject[1], 'iso-2022-jp')}",
        f" {word(subject[2], 'iso-2022-jp')}",
        "Date: Tue, 10 Mar 2026 19:05:00 +0900",
        "Message-ID: <kaigi.12@example.com>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=Shift_JIS",
        "Content-Transfer-Encoding: 8bit",
        "",
    ) + text.encode("shift_jis")


def forwarded() -> bytes:
    inner = (
        lines(
            "From: Priya Nair <priya@example.net>",
            "To: mara@example.net",
            "Subject: Keys to the studio",
            "Date: Thu, 04 Jun 2026 12:00:00 +0000",
            "Message-ID: <keys.1@example.net>",
            "MIME-Version: 1.0",
            "Content-Type: multipart/mixed; boundary=inner",
            "",
            "--inner",
            "Content-Type: text/plain; charset=utf-8",
            "",
            "The plan shows where the keys are.",
            "--inner",
            'Content-Type: image/png; name="plan.png"',
            "Content-Transfer-Encoding: base64",
            'Content-Disposition: attachment; filename="plan.png"',
            "",
        )
        + in_base64(png(8, 8, lambda x, y: (255, 255, 255) if (x + y) % 2 else (40, 40, 40)))
        + lines("", "--inner--")
    )
    return (
        lines(
            "From: Mara Lind <mara@example.net>",
            "To: Ada Park <ada@example.com>",
            "Subject: Fwd: Keys to the studio",
            "Date: Fri, 05 Jun 2026 08:31:00 +0300",
            "Message-ID: <fwd-keys.1@example.net>",
            "References: <keys.1@example.net>",
            "MIME-Version: 1.0",
            "Content-Type: multipart/mixed; boundary=outer",
            "",
            "--outer",
            "Content-Type: text/plain; charset=utf-8",
            "",
            "Ada, this came yesterday. Please keep it.",
            "--outer",
            "Content-Type: message/rfc822",
            "Content-Disposition: attachment",
            "",
        )
        + inner
        + lines("--outer--")
    )


def dots() -> bytes:
    return lines(
        "From: dots@example.com",
        "To: ada@example.com",
        "Subject: Lines that start with a dot",
        "Date: Wed, 01 Apr 2026 00:00:01 +0000",
        "Message-ID: <dots.1@example.com>",
        "",
        ".",
        "..",
        ".hidden",
        "a line . with a dot inside",
        "...",
        "",
        ".",
    )


def long_line() -> bytes:
    return (
        lines(
            "From: log@example.net",
            "To: ops@example.net",
            "Subject: One long line",
            "Date: Mon, 19 Jan 2026 03:14:08 +0000",
            "Message-ID: <log.1@example.net>",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=us-ascii",
            "",
        )
        + b"0123456789" * 10_000
        + b"\r\n"
    )


def empty_body() -> bytes:
    return lines(
        "From: Ben Okafor <ben@example.org>",
        "To: Ada Park <ada@example.com>",
        "Subject: Yes, Thursday! (no text)",
        "Date: Mon, 02 Mar 2026 09:20:00 +0100",
        "Message-ID: <yes.1@example.org>",
        "In-Reply-To: <lunch.20260302@example.com>",
        "",
    )


def eight_bit() -> bytes:
    return (
        lines(
            "From: Renée Dubois <renee@example.net>",
            "To: sensor-log@example.com",
            "Subject: Données brutes du capteur",
            "Date: Sat, 14 Feb 2026 14:02:14 +0100",
            "Message-ID: <sensor.1@example.net>",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: 8bit",
            "",
            "Température mesurée : 21 °C",
        )
        + b"raw: \x00\x01\x7f\x80\xfe\xff end\r\n"
    )


def mailing_list() -> bytes:
    signature = base64.b64encode(bytes(range(256))).decode()
    folded = [signature[at : at + 68] for at in range(0, len(signature), 68)]
    trace = [
        line
        for hop in range(1, 7)
        for line in (
            f"Received: from relay{hop}.example.net (relay{hop}.example.net [192.0.2.{hop}])",
            f"\tby relay{hop + 1}.example.net (Postfix) with ESMTPS id 4ZK{hop:04d}",
            f"\tfor <devs@lists.example.org>; Sun, 26 Jul 2026 17:4{9 - hop}:11 +0000 (UTC)",
        )
    ]
    return lines(
        "Return-Path: <devs-bounces+ada=example.com@lists.example.org>",
        "Delivered-To: ada@example.com",
        *trace,
        "ARC-Seal: i=1; a=rsa-sha256; d=lists.example.org; s=2026; t=1785087600; cv=none;",
        "\tb=" + "\r\n\t ".join(folded),
        "ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; d=lists.example.org;",
        "\ts=2026; h=list-id:from:to:subject:date:message-id; bh=" + folded[0] + ";",
        "\tb=" + "\r\n\t ".join(folded),
        "ARC-Authentication-Results: i=1; lists.example.org; dkim=pass header.d=example.net;",
        "\tspf=pass smtp.mailfrom=priya@example.net; dmarc=pass header.from=example.net",
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.net; s=mail;",
        "\th=from:to:subject:date:message-id; bh=" + folded[0] + ";",
        "\tb=" + "\r\n\t ".join(folded),
        "From: Priya Nair via devs <devs@lists.example.org>",
        "Reply-To: Priya Nair <priya@example.net>, devs@lists.example.org",
        "To: devs@lists.example.org",
        "Subject: [devs] Parser meeting notes",
        "Date: Sun, 26 Jul 2026 17:39:58 +0000",
        "Message-ID: <notes.26@example.net>",
        "In-Reply-To: <notes.25@example.net>",
        "References: <notes.23@example.net> <notes.24@example.net>",
        " <notes.25@example.net>",
        "List-Id: Parser developers <devs.lists.example.org>",
        "List-Post: <mailto:devs@lists.example.org>",
        "List-Help: <https://lists.example.org/devs/help>",
        "List-Archive: <https://lists.example.org/devs/>",
        "List-Unsubscribe: <https://lists.example.org/devs/leave>,",
        " <mailto:devs-leave@lists.example.org?subject=unsubscribe>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "Precedence: list",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8; format=flowed",
        "Content-Transfer-Encoding: 8bit",
        "",
        "Hello all,",
        "",
        "notes of today’s meeting: limits are agreed, the fuzzing job runs every",
        "night, and the next meeting is on 2 August.",
        "",
        "Priya",
        "-- ",
        "devs mailing list",
    )


SAMPLES = {
    "01-plain-text.eml": plain_text,
    "02-text-and-html.eml": text_and_html,
    "03-inline-image.eml": inline_image,
    "04-complete.eml": complete,
    "05-chinese-gb18030.eml": chinese_gb18030,
    "06-chinese-big5.eml": chinese_big5,
    "07-japanese.eml": japanese,
    "08-forwarded.eml": forwarded,
    "09-dots.eml": dots,
    "10-long-line.eml": long_line,
    "11-empty-body.eml": empty_body,
    "12-eight-bit.eml": eight_bit,
    "13-mailing-list.eml": mailing_list,
}


def main() -> int:
    """Writes every sample into this folder."""
    for name, compose in SAMPLES.items():
        content = compose()
        bare = content.replace(b"\r\n", b"")
        if b"\n" in bare or b"\r" in bare or not content.endswith(b"\r\n"):
            print(f"{name}: line ends are not CRLF throughout", file=sys.stderr)
            return 1
        (FOLDER / name).write_bytes(content)
    print(f"{len(SAMPLES)} messages written to {FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
