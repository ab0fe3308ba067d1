"""Fetch a mailbox from Dovecot and keep every byte: a whole session each time, from connect to QUIT.

On loopback, beside `poplib` and a raw socket that sends every command at once and only counts; and over a link of 10 ms
each way, which is where commands that wait for each other cost.
"""

from __future__ import annotations

import poplib
import socket
import time
from statistics import median
from typing import TYPE_CHECKING

from measure import ROUNDS, ms, seconds, table, times
from slow_link import SlowLink

import popmail
from dovecot import Dovecot
from samples import large_message, plain_messages

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from dovecot import Mailbox

ONE_WAY = 0.01
"""Seconds that the slow link holds octets back in each direction."""


def fetch_popmail(host: str, port: int, mailbox: Mailbox, context: ssl.SSLContext | None) -> list[bytes]:
    with popmail.Pop3(
        host,
        port,
        user=mailbox.user,
        password=mailbox.password,
        auth="plain",  # what costs the server as much as USER and PASS, which the others send
        initial_response=True,
        tls="none" if context is None else "implicit",
        ssl_context=context,
        allow_cleartext=context is None,
    ) as box:
        return [mail.raw for mail in box]


def fetch_poplib(host: str, port: int, mailbox: Mailbox, context: ssl.SSLContext | None) -> list[bytes]:
    if context is None:
        client: poplib.POP3 = poplib.POP3(host, port)
    else:
        client = poplib.POP3_SSL(host, port, context=context)
    client.user(mailbox.user)
    client.pass_(mailbox.password)
    count, _ = client.stat()
    messages = [b"\r\n".join(client.retr(number)[1]) + b"\r\n" for number in range(1, count + 1)]
    client.quit()
    return messages


def fetch_raw(host: str, port: int, mailbox: Mailbox, context: ssl.SSLContext | None, count: int) -> int:
    """Send every command at once and count the bytes that come: no client can be faster."""
    connection = socket.create_connection((host, port))
    if context is not None:
        connection = context.wrap_socket(connection, server_hostname=host)
    with connection:
        connection.recv(1000)
        connection.sendall(f"USER {mailbox.user}\r\n".encode())
        connection.recv(1000)
        connection.sendall(f"PASS {mailbox.password}\r\n".encode())
        connection.recv(1000)
        connection.sendall(b"".join(b"RETR %d\r\n" % number for number in range(1, count + 1)) + b"QUIT\r\n")
        octets = 0
        buffer = bytearray(256 * 1024)
        while received := connection.recv_into(buffer):
            octets += received
        return octets


def report() -> str:
    """Measure and return the tables."""
    poplib._MAXLINE = 10_000_000  # type: ignore[attr-defined]
    with Dovecot() as dovecot:
        return f"{loopback(dovecot)}\n\n{slow_link(dovecot)}"


def loopback(dovecot: Dovecot) -> str:
    """Measure without a delay, medians of several rounds."""
    rows: list[list[str]] = []
    small, large = plain_messages(2000), [large_message(1_000_000, seed=seed) for seed in range(20)]
    loads = {
        "2,000 messages of 3 kB": small,
        "20 messages of 1 MB": large,
        "2,000 of 3 kB and 20 of 1 MB": small + large,
    }
    for name, messages in loads.items():
        mailbox = dovecot.mailbox(messages)
        count = len(messages)
        for way, context in {"no TLS": None, "TLS": dovecot.client_context()}.items():
            place = (dovecot.host, dovecot.port if context is None else dovecot.tls_port, mailbox, context)
            peers: dict[str, Callable[[], object]] = {
                "popmail": lambda p=place: fetch_popmail(*p),
                "poplib": lambda p=place: fetch_poplib(*p),
                "raw": lambda p=place, n=count: fetch_raw(*p, n),
            }
            for peer in ("popmail", "poplib"):
                if peers[peer]() != messages:
                    raise SystemExit(f"{name}, {way}: {peer} did not get the bytes that the server has")
            took = seconds(peers)
            rows.append(
                [
                    f"{name}, {way}",
                    *(ms(took[peer]) for peer in peers),
                    times(took["poplib"] / took["popmail"]),
                    times(took["popmail"] / took["raw"]),
                ]
            )
    head = [
        "fetch from Dovecot on loopback",
        "popmail",
        "poplib",
        "raw socket, counting",
        "poplib / popmail",
        "popmail / raw",
    ]
    return table(head, rows)


def slow_link(dovecot: Dovecot) -> str:
    """Measure with a delay: popmail in several rounds, `poplib` once, since it takes most of a minute."""
    messages = plain_messages(2000)
    mailbox = dovecot.mailbox(messages)
    with SlowLink(dovecot.host, dovecot.port, ONE_WAY) as link:
        place = (link.host, link.port, mailbox, None)
        took: list[float] = []
        for _ in range(ROUNDS + 1):
            started = time.perf_counter()
            got = fetch_popmail(*place)
            took.append(time.perf_counter() - started)
        before = link.turns
        fetch_popmail(*place)
        turns = link.turns - before
        started = time.perf_counter()
        theirs = fetch_poplib(*place)
        slow = time.perf_counter() - started
    if not got == theirs == messages:
        raise SystemExit("over the slow link: not the bytes that the server has")
    fast = median(took[1:])
    rows = [["2,000 messages of 3 kB, no TLS", f"{ms(fast)} ({turns} turns)", ms(slow), times(slow / fast)]]
    return table(["the same at 20 ms round trip", "popmail", "poplib, once", "poplib / popmail"], rows)
