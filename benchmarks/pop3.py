"""Fetch a mailbox from Dovecot and keep every byte: a whole session each time, from connect to QUIT.

On loopback, from Python and from Node, beside `poplib`, `node-pop3` and a raw socket that sends every command at once
and only counts; and over a link of 10 ms each way, which is where commands that wait for each other cost.
"""

from __future__ import annotations

import hashlib
import poplib
import socket
import time
from contextlib import ExitStack
from math import isnan, nan
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeAlias

from measure import Bar, Elsewhere, Goal, Report, ms, table, timed, times, turns
from slow_link import SlowLink

import popmail
from dovecot import Dovecot
from samples import large_message, plain_messages

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from dovecot import Mailbox

Place: TypeAlias = "tuple[str, int, Mailbox, ssl.SSLContext | None]"

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


NODE = Path(__file__).parent / "js" / "pop3.mjs"
BOTH = "2,000 of 3 kB and 20 of 1 MB"
ROUNDS = {"popmail": 15, "raw": 15, "popmail, Node": 9}
"""Those that take little time, and whose ratio is looked at."""


class NodeClient:
    """Sessions of one client for Node with one mailbox; each must bring the messages."""

    def __init__(self, peer: str, place: Place, messages: list[bytes], certificate: Path) -> None:
        host, port, mailbox, context = place
        more = [] if context is None else [str(certificate)]
        command = ["node", str(NODE), host, str(port), mailbox.user, mailbox.password, *more]
        self._peer = peer
        self._program = Elsewhere(command)
        self._expected = hashlib.sha256(b"".join(messages)).hexdigest()
        self._stuck = False

    def __enter__(self) -> Self:
        self._program.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._program.__exit__()

    def seconds(self) -> float:
        """Return the seconds of one session; not a number if it waited for what had come already."""
        answer = "stuck" if self._stuck else self._program.ask(self._peer)
        if answer == "stuck":
            self._stuck = True
            return nan
        took, digest = answer.split()
        if digest != self._expected:
            raise SystemExit(f"{self._peer} for Node did not get the bytes that the server has")
        return float(took)


def report() -> Report:
    """Measure and return the tables."""
    poplib._MAXLINE = 10_000_000  # type: ignore[attr-defined]
    with Dovecot() as dovecot:
        near, far = loopback(dovecot), slow_link(dovecot)
    return Report(f"{near.tables}\n\n{far.tables}", [*near.goals, *far.goals], [*near.bars, *far.bars])


def loopback(dovecot: Dovecot) -> Report:
    """Measure without a delay, medians of several rounds."""
    rows: list[list[str]] = []
    goals: list[Goal] = []
    bars: list[Bar] = []
    small, large = plain_messages(2000), [large_message(1_000_000, seed=seed) for seed in range(20)]
    loads = {"2,000 messages of 3 kB": small, "20 messages of 1 MB": large, BOTH: small + large}
    for name, messages in loads.items():
        mailbox = dovecot.mailbox(messages)
        for way, context in {"no TLS": None, "TLS": dovecot.client_context()}.items():
            took = loopback_turns(dovecot, mailbox, messages, context)
            against = {"poplib": took["poplib"] / took["popmail"]}
            node = took["node-pop3"] / took["popmail, Node"]
            raw = took["popmail"] / took["raw"]
            rows.append(
                [f"{name}, {way}", *map(shown, took.values()), times(against["poplib"]), ratio(node), f"{raw:.2f} x"]
            )
            if name == BOTH:
                what = f"POP3, {name}, {way}, against a raw socket that counts"
                goals.append(Goal(what, "at most 1.15 times its time", f"{raw:.2f} x", raw <= 1.15))
            else:
                bars.append(
                    Bar("POP3, loopback", f"{name}, {way}", against if isnan(node) else {**against, "node-pop3": node})
                )
    head = [
        "fetch from Dovecot on loopback",
        *["popmail, Python", "poplib", "popmail, Node", "node-pop3", "raw socket, counting"],
        *["poplib / Python", "node-pop3 / Node", "Python / raw"],
    ]
    return Report(table(head, rows), goals, bars)


def loopback_turns(
    dovecot: Dovecot, mailbox: Mailbox, messages: list[bytes], context: ssl.SSLContext | None
) -> dict[str, float]:
    """Return the seconds of a session of each client, after each has shown that it gets the messages."""
    port = dovecot.port if context is None else dovecot.tls_port
    place = (dovecot.host, port, mailbox, context)
    for fetch in (fetch_popmail, fetch_poplib):
        if fetch(*place) != messages:
            raise SystemExit(f"{fetch.__name__} did not get the bytes that the server has")
    with (
        NodeClient("popmail", place, messages, dovecot.ca_file) as node,
        NodeClient("node-pop3", place, messages, dovecot.ca_file) as node_pop3,
    ):
        peers: dict[str, Callable[[], float]] = {
            "popmail": timed(lambda: fetch_popmail(*place)),
            "poplib": timed(lambda: fetch_poplib(*place)),
            "popmail, Node": node.seconds,
            "node-pop3": node_pop3.seconds,
            "raw": timed(lambda: fetch_raw(*place, len(messages))),
        }
        return turns(peers, ROUNDS)


def slow_link(dovecot: Dovecot) -> Report:
    """Measure with a delay: popmail in several rounds, the peers once, since they take most of a minute."""
    messages = plain_messages(2000)
    mailbox = dovecot.mailbox(messages)
    with ExitStack() as stack:
        link = stack.enter_context(SlowLink(dovecot.host, dovecot.port, ONE_WAY))
        place: Place = (link.host, link.port, mailbox, None)
        node = stack.enter_context(NodeClient("popmail", place, messages, dovecot.ca_file))
        node_pop3 = stack.enter_context(NodeClient("node-pop3", place, messages, dovecot.ca_file))
        fetched: dict[str, list[bytes]] = {}

        def fetch() -> None:
            fetched["popmail"] = fetch_popmail(*place)

        took = turns({"popmail": timed(fetch), "popmail, Node": node.seconds})
        before = link.turns
        fetch_popmail(*place)
        waits = link.turns - before
        started = time.perf_counter()
        fetched["poplib"] = fetch_poplib(*place)
        took["poplib"] = time.perf_counter() - started
        took["node-pop3"] = node_pop3.seconds()
    if any(one != messages for one in fetched.values()):
        raise SystemExit("over the slow link: not the bytes that the server has")
    python, javascript = took["poplib"] / took["popmail"], took["node-pop3"] / took["popmail, Node"]
    row = [
        "2,000 messages of 3 kB, no TLS",
        f"{ms(took['popmail'])} ({waits} turns)",
        ms(took["poplib"]),
        ms(took["popmail, Node"]),
        shown(took["node-pop3"]),
        times(python),
        ratio(javascript),
    ]
    head = [
        "the same at 20 ms round trip",
        *["popmail, Python", "poplib, once", "popmail, Node", "node-pop3, once"],
        *["poplib / Python", "node-pop3 / Node"],
    ]
    goal = Goal("POP3 at 20 ms round trip, against poplib", "at least 200 times faster", times(python), python >= 200)
    others = {"poplib": python} | ({} if isnan(javascript) else {"node-pop3": javascript})
    bar = Bar("POP3, 20 ms round trip", "2,000 messages of 3 kB", others)
    return Report(table(head, [row]), [goal], [bar])


def shown(value: float) -> str:
    """Return a time, or that there is none."""
    return "gets stuck" if isnan(value) else ms(value)


def ratio(value: float) -> str:
    """Return a ratio, if there is one."""
    return "" if isnan(value) else times(value)
