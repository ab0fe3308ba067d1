"""What `popmail check` does: log in, ask a server for a little of everything, and collect what is odd about it.

The rules are the core's: each oddity is a deviation that the engine tells, or a disagreement between answers that
`compare_listings` and `check_offers` find.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

import popmail
from popmail._native import check_offers, compare_listings, deviations

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Sequence

    from popmail.entries import Entries

_RETRIEVED = 3
_LARGEST = 1_000_000
"""As many messages are fetched, the first ones of at most so many octets."""


class Finding(NamedTuple):
    """Something about the server that its operator should know."""

    name: str
    text: str
    """What should have been, or what it is, with the RFC."""
    octets: bytes | None
    """The server's octets, where one answer shows it."""
    breaks_a_rule: bool


@dataclasses.dataclass
class Report:
    """What was found out."""

    greeting: bytes = b""
    tls: list[str] = dataclasses.field(default_factory=list[str])
    """Version, cipher, protocol name and channel bindings; empty without TLS."""
    capabilities: dict[str, list[str] | None] = dataclasses.field(default_factory=dict[str, "list[str] | None"])
    """The lines of CAPA, by the moment: `without TLS`, `under TLS`, `after login`; `None` where it was refused."""
    count: int | None = None
    octets: int | None = None
    findings: list[Finding] = dataclasses.field(default_factory=list[Finding])
    error: popmail.Pop3Error | None = None
    """What ended the check early."""

    @property
    def broken(self) -> int:
        """How many rules are broken."""
        return sum(finding.breaks_a_rule for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return {
            "greeting": self.greeting.decode("utf-8", "replace"),
            "tls": self.tls,
            "capabilities": self.capabilities,
            "count": self.count,
            "octets": self.octets,
            "findings": [
                finding._replace(octets=finding.octets and finding.octets.decode("latin-1"))._asdict()  # type: ignore[arg-type]
                for finding in self.findings
            ],
            "error": None if self.error is None else {"code": self.error.code, "message": str(self.error)},
        }


class Listener:
    """Hears the dialogue, for what CAPA said at each moment."""

    def __init__(self, *, tls: bool) -> None:
        self.capabilities: dict[str, list[str] | None] = {}
        self._moment = "under TLS" if tls else "without TLS"
        self._awaits_status = False
        self._lines: list[str] | None = None

    def __call__(self, direction: str, line: str) -> None:
        if direction == "sent":
            self._awaits_status = line == "CAPA"
            verb = line.partition(" ")[0]
            if verb == "STLS":
                self._moment = "under TLS"
            elif verb in ("PASS", "AUTH", "APOP"):
                self._moment = "after login"
        elif self._awaits_status:
            self._awaits_status = False
            self._lines = [] if line.upper().startswith("+OK") else None
            self.capabilities[self._moment] = self._lines
        elif self._lines is not None and line == ".":
            self._lines = None
        elif self._lines is not None:
            self._lines.append(line)


async def check(box: popmail.AsyncPop3, listener: Listener, *, retrieve: bool) -> Report:
    """Check the server of a mailbox that is not connected yet."""
    report = Report()
    try:
        async with box:
            report.tls = _tls(box)
            await _ask(box, report, retrieve=retrieve)
    except popmail.Pop3Error as error:
        report.error = error
    report.greeting = box.greeting
    report.capabilities = listener.capabilities
    rules = deviations()
    told = [Finding(name, rules[name], octets, True) for name, octets in box.deviations.items()]
    after_login = report.capabilities.get("after login")
    offered = [] if after_login is None else check_offers(report.capabilities.get("without TLS"), after_login)
    report.findings = told + report.findings + [Finding(name, text, None, breaks) for name, text, breaks in offered]
    return report


async def _ask(box: popmail.AsyncPop3, report: Report, *, retrieve: bool) -> None:
    """Ask for everything that changes nothing."""
    stat = await box.stat()
    report.count, report.octets = stat
    sizes = await box.list()
    uids: Entries[popmail.UidlEntry] | None = None
    try:
        uids = await box.uidl()
    except popmail.CommandError as error:
        if error.fatal:
            raise
    for name, text, breaks in compare_listings(*stat, sizes.pairs, None if uids is None else uids.pairs):
        report.findings.append(Finding(name, text, None, breaks))
    await _try(report, box.noop())
    expire = None if box.capabilities is None else box.capabilities.expire
    if expire is not None and expire.days == 0:
        retrieve = False  # what was fetched would be deleted
    for number, octets in [entry for entry in sizes if entry.octets <= _LARGEST][:_RETRIEVED]:
        await _try(report, box.list(number))
        if uids is not None:
            await _try(report, box.uidl(number))
        await _try(report, box.top(number, 1))
        if retrieve and octets:
            await _try(report, box.retr(number))
    await _try(report, box.rset())


async def _try(report: Report, asked: Awaitable[object]) -> None:
    """Note a refusal of what was on offer a moment ago."""
    try:
        await asked
    except popmail.CommandError as error:
        if error.fatal:
            raise
        report.findings.append(Finding("refused", str(error), error.response, False))


def _tls(box: popmail.AsyncPop3) -> list[str]:
    transport = box._transport  # pyright: ignore[reportPrivateUsage]
    tls: ssl.SSLObject | None = getattr(transport, "ssl_object", None)
    if tls is None:
        return []
    cipher = tls.cipher()
    facts: Sequence[str | None] = [
        tls.version(),
        None if cipher is None else cipher[0],
        f"ALPN {tls.selected_alpn_protocol() or 'not answered'}",
    ]
    bindings = [name for name, _ in popmail.transport.channel_bindings(transport)]
    return [fact for fact in facts if fact] + [f"channel binding {name}" for name in bindings]
