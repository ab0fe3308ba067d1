"""What `popmail fetch` does: one account into one folder, or the many accounts of a file.

The accounts of a file are fetched at the same time, each by a thread of its own. They are daemons: whoever interrupts
the program need not wait for a server, and the state is safe at every moment.
"""

from __future__ import annotations

import dataclasses
import os
import queue
import threading
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Protocol, cast, get_args

import popmail
from popmail._delivery import Delivery
from popmail._terminal import CommandFailedError
from popmail.client import Auth
from popmail.error import CommandError
from popmail.summary import HEADER_OCTETS, Ahead
from popmail.sync import SyncSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from popmail.sync import SyncWarning

_STREAMED = 1024 * 1024
"""Messages of at least so many octets are streamed to the disk; smaller ones are pipelined, each whole in memory."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """An account, the folder that its messages go to, and the rules."""

    url: str
    folder: Path
    eml: bool = False
    rules: popmail.SyncRules = dataclasses.field(default_factory=popmail.SyncRules)
    password_file: Path | None = None
    password_env: str | None = None
    cafile: Path | None = None
    timeout: float = 60.0
    auth: Auth = "auto"
    no_pipelining: bool = False
    allow_cleartext: bool = False
    trace: bool = False

    @property
    def account(self) -> str:
        """The name of the mailbox: `me@pop.example.com:995`."""
        place = popmail.parse_url(self.url)
        if not place.user:
            raise CommandFailedError(f"the URL names no user: expected pops://USER@{place.host}")
        return f"{place.user}@{place.host}:{place.port}"


class Outcome(NamedTuple):
    """What a fetch brought."""

    messages: int
    octets: int
    present: int
    deleted: int
    too_large: int
    postponed: int
    warnings: list[SyncWarning]


class Watcher(Protocol):
    """Who is told how a fetch goes on."""

    def begin(self, count: int, octets: int) -> None:
        """So much is to be fetched."""
        ...

    def add_octets(self, octets: int) -> None:
        """Octets have arrived."""
        ...

    def add_message(self) -> None:
        """A message is safe."""
        ...


def fetch(job: Job, connect: Callable[[Job], popmail.Pop3], watcher: Watcher) -> Outcome:
    """Fetch what the folder has not received yet, and delete on the server by the rules."""
    account = job.account
    delivery = Delivery(job.folder, "eml" if job.eml else "maildir")
    with popmail.SyncState(delivery.state_file(account), account, arrived=delivery.arrived) as state:
        state.check_login()
        with connect(job) as box:
            return _Run(box, delivery, state, job.rules).run(watcher)


class _Run:
    def __init__(
        self, box: popmail.Pop3, delivery: Delivery, state: popmail.SyncState, rules: popmail.SyncRules
    ) -> None:
        self._box = box
        self._dialogue = box._dialogue  # pyright: ignore[reportPrivateUsage]
        self._steps = box._run  # pyright: ignore[reportPrivateUsage]
        self._delivery = delivery
        self._state = state
        self._session = SyncSession(self._dialogue, state, rules, box.name)

    def run(self, watcher: Watcher) -> Outcome:
        plan = self._steps(self._session.begin())
        watcher.begin(len(plan.fetch), sum(HEADER_OCTETS if only else octets for _, octets, only in plan.fetch))
        messages = octets = 0
        for arrived in self._deliveries(plan.fetch, watcher):
            messages += 1
            octets += arrived
            watcher.add_message()
        self._delivery.sync()
        deleted = self._steps(self._session.finish())
        return Outcome(
            messages, octets, plan.present, deleted, plan.too_large, plan.postponed, list(self._state.warnings)
        )

    def _deliveries(self, wanted: Sequence[tuple[int, int, bool]], watcher: Watcher) -> Iterator[int]:
        """Deliver messages; give the octets of each.

        The small ones come first, pipelined, with one in memory at a time; then the large ones, streamed.
        """
        engine = self._dialogue.engine
        headers_only = {number for number, _, only in wanted if only}
        small = [
            (number, HEADER_OCTETS if only else octets) for number, octets, only in wanted if only or octets < _STREAMED
        ]
        contents = Ahead(
            self._dialogue,
            small,
            lambda number: engine.top(number, 0) if number in headers_only else engine.retr(number),
            "RETR",
        )
        try:
            while (answer := self._steps(contents.next())) is not None:
                number, content = answer
                if isinstance(content, CommandError):
                    self._session.refused(number, content)
                    continue
                self._deliver(number, number in headers_only, content)
                watcher.add_octets(len(content))
                yield len(content)
        finally:
            contents.stop()
        for number, octets, only in wanted:
            if only or octets < _STREAMED:
                continue
            try:
                yield self._stream(number, watcher)
            except CommandError as error:
                if error.fatal:
                    raise
                self._session.refused(number, error)

    def _deliver(self, number: int, headers_only: bool, content: bytes) -> None:
        def note(receipt: str) -> None:
            self._state.note_arriving(number, receipt, headers_only=headers_only)

        with self._delivery.message(self._name(number), note) as file:
            file.write(content)
        self._state.note_delivered(number, headers_only=headers_only, journal=False)

    def _stream(self, number: int, watcher: Watcher) -> int:
        with self._delivery.message(
            self._name(number), lambda receipt: self._state.note_arriving(number, receipt)
        ) as file:
            octets = self._box.retr(number, into=_Counting(file, watcher.add_octets))
        self._state.note_delivered(number, journal=False)
        return octets

    def _name(self, number: int) -> str:
        return self._session.uids.get(number, f"message-{number}")


class _Counting:
    """A file to write to that reports how much was written."""

    def __init__(self, file: BinaryIO, report: Callable[[int], None]) -> None:
        self._file = file
        self._report = report

    def write(self, chunk: bytes) -> int:
        written = self._file.write(chunk)
        self._report(written)
        return written


# Many accounts.


class Jobs(NamedTuple):
    """The accounts of a file."""

    jobs: list[Job]
    concurrency: int


def read_jobs(file: Path) -> Jobs:
    """Read the accounts of a TOML file. Paths in it start at its folder, or at home with `~`."""
    try:
        document = tomllib.loads(file.read_bytes().decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CommandFailedError(f"{file}: expected TOML: {error}") from error
    concurrency = document.pop("concurrency", _CONCURRENCY)
    defaults = document.pop("defaults", {})
    accounts = document.pop("account", [])
    if document:
        raise CommandFailedError(f"{file}: {next(iter(document))!r} is not known: expected {_TOP_KEYS}")
    if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
        raise CommandFailedError(f"{file}: concurrency: expected a number of 1 or more, got {concurrency!r}")
    if not isinstance(accounts, list) or not accounts or not isinstance(defaults, dict):
        raise CommandFailedError(f"{file}: expected {_TOP_KEYS}")
    jobs: list[Job] = []
    for number, account in enumerate(cast("Sequence[object]", accounts), 1):
        place = f"{file}: account {number}"
        if not isinstance(account, dict):
            raise CommandFailedError(f"{place}: expected a table [[account]]")
        jobs.append(_job(place, file.parent, {**cast("dict[str, Any]", defaults), **cast("dict[str, Any]", account)}))
    return Jobs(jobs, concurrency)


def _job(place: str, start: Path, table: dict[str, Any]) -> Job:
    for name, value in table.items():
        kinds = _KEYS.get(name)
        if kinds is None:
            raise CommandFailedError(f"{place}: {name!r} is not known: expected one of {', '.join(_KEYS)}")
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise CommandFailedError(f"{place}: {name}: expected {_NAMES[kinds]}, got {value!r}")
    for name in ("url", "folder"):
        if name not in table:
            raise CommandFailedError(f"{place}: {name} is missing")
    if ("password_file" in table) == ("password_env" in table):
        raise CommandFailedError(f"{place}: expected either password_file or password_env")
    if table.get("auth", "auto") not in get_args(Auth):
        raise CommandFailedError(f"{place}: auth: expected one of {', '.join(get_args(Auth))}, got {table['auth']!r}")
    rules = {name: table.pop(name) for name in _RULES if name in table}
    for name in ("folder", "password_file", "cafile"):
        if name in table:
            table[name] = start / Path(table[name]).expanduser()
    try:
        job = Job(**table, rules=popmail.SyncRules(**rules))
        _ = job.account
    except (popmail.UsageError, CommandFailedError) as error:
        raise CommandFailedError(f"{place}: {error}") from None
    return job


class Report(Protocol):
    """Who is told how the fetches of many accounts go on; called from their threads."""

    def watcher(self, job: Job) -> Watcher:
        """A fetch begins."""
        ...

    def finished(self, job: Job, outcome: Outcome | Exception) -> None:
        """A fetch has ended."""
        ...


def fetch_all(jobs: Jobs, connect: Callable[[Job], popmail.Pop3], report: Report) -> None:
    """Fetch every account; an error of one is reported and does not stop the others."""
    waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
    for job in jobs.jobs:
        waiting.put(job)

    def work() -> None:
        while True:
            try:
                job = waiting.get_nowait()
            except queue.Empty:
                return
            outcome: Outcome | Exception
            try:
                outcome = fetch(job, connect, report.watcher(job))
            except Exception as error:
                outcome = error
            report.finished(job, outcome)

    threads = [
        threading.Thread(target=work, name=f"popmail fetch {number}", daemon=True)
        for number in range(min(jobs.concurrency, len(jobs.jobs)))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def password_of(job: Job) -> str | None:
    """Return the password that the environment has for an account, `None` if it stands elsewhere."""
    if job.password_env is None:
        return None
    password = os.environ.get(job.password_env)
    if password is None:
        raise CommandFailedError(f"no password: the environment variable {job.password_env} is not set")
    return password


_CONCURRENCY = 8
_RULES = ("delete_after", "max_size", "larger", "newest_first", "limit")
_TOP_KEYS = "concurrency, a table [defaults] and a table [[account]] for each account"
_KEYS: dict[str, tuple[type, ...]] = {
    "url": (str,),
    "folder": (str,),
    "eml": (bool,),
    "password_file": (str,),
    "password_env": (str,),
    "cafile": (str,),
    "timeout": (int, float),
    "auth": (str,),
    "no_pipelining": (bool,),
    "allow_cleartext": (bool,),
    "delete_after": (int, float),
    "max_size": (int,),
    "larger": (str,),
    "newest_first": (bool,),
    "limit": (int,),
}
_NAMES: dict[tuple[type, ...], str] = {
    (str,): "a text",
    (bool,): "true or false",
    (int,): "a whole number",
    (int, float): "a number",
}
