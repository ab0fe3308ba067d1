"""Fetch a mailbox from Dovecot on loopback and keep every byte: a whole session each time, from connect to QUIT."""

from __future__ import annotations

import poplib
import socket
from typing import TYPE_CHECKING

from measure import ms, seconds, table, times

import popmail
from dovecot import Dovecot
from samples import large_message, plain_messages

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from dovecot import Mailbox


def fetch_popmail(dovecot: Dovecot, mailbox: Mailbox, context: ssl.SSLContext | None) -> list[bytes]:
    with popmail.Pop3(
        dovecot.host,
        dovecot.port if context is None else dovecot.tls_port,
        user=mailbox.user,
        password=mailbox.password,
        tls="none" if context is None else "implicit",
        ssl_context=context,
        allow_cleartext=context is None,
    ) as box:
        return [mail.raw for mail in box]


def fetch_poplib(dovecot: Dovecot, mailbox: Mailbox, context: ssl.SSLContext | None) -> list[bytes]:
    if context is None:
        client: poplib.POP3 = poplib.POP3(dovecot.host, dovecot.port)
    else:
        client = poplib.POP3_SSL(dovecot.host, dovecot.tls_port, context=context)
    client.user(mailbox.user)
    client.pass_(mailbox.password)
    count, _ = client.stat()
    messages = [b"\r\n".join(client.retr(number)[1]) + b"\r\n" for number in range(1, count + 1)]
    client.quit()
    return messages


def fetch_raw(dovecot: Dovecot, mailbox: Mailbox, context: ssl.SSLContext | None, count: int) -> int:
    """Send every command at once and count the bytes that come: no client can be faster."""
    port = dovecot.port if context is None else dovecot.tls_port
    connection = socket.create_connection((dovecot.host, port))
    if context is not None:
        connection = context.wrap_socket(connection, server_hostname=dovecot.host)
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
    """Measure and return the table."""
    poplib._MAXLINE = 10_000_000  # type: ignore[attr-defined]
    rows: list[list[str]] = []
    with Dovecot() as dovecot:
        loads = {
            "2,000 messages of 3 kB": plain_messages(2000),
            "20 messages of 1 MB": [large_message(1_000_000, seed=seed) for seed in range(20)],
        }
        for name, messages in loads.items():
            mailbox = dovecot.mailbox(messages)
            count = len(messages)
            for way, context in {"no TLS": None, "TLS": dovecot.client_context()}.items():
                peers: dict[str, Callable[[], object]] = {
                    "popmail": lambda m=mailbox, c=context: fetch_popmail(dovecot, m, c),
                    "poplib": lambda m=mailbox, c=context: fetch_poplib(dovecot, m, c),
                    "raw": lambda m=mailbox, c=context, n=count: fetch_raw(dovecot, m, c, n),
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
