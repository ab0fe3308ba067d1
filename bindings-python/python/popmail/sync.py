"""Fetching only what is new, and deleting by rules: :class:`SyncState`, :class:`SyncRules`, :class:`NewMessage`.

What to fetch and what to delete is decided in the core. This file keeps the
state on the disk and gives the planner what the server says.

The rule that it guards: the state on the disk never says that a message was
delivered before it was, and every message is noted the moment that it is. The
state is a snapshot, replaced as a whole, and a journal beside it, to which
each delivered message adds a line; a lock on the journal keeps a second run
out.
"""

import dataclasses
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple, Self

from ._dialogue import Dialogue, RemoteMessage, Steps
from ._native import SyncPlan, SyncPlanner, fingerprint, without_uid
from .error import CommandError, UsageError
from .summary import HEADER_OCTETS, Ahead, listing

__all__ = ["NewMessage", "SyncRules", "SyncState", "SyncWarning"]


class SyncWarning(NamedTuple):
    """Something about a server or its mailbox that the user should know.

    Attributes:
        name: ``"duplicate_uids"``, ``"login_too_early"``, ``"no_uid"``,
            ``"not_deleted"``, ``"refused"``, ``"server_deletes_after"``,
            ``"server_deletes_fetched"``, ``"uids_changed"`` or
            ``"uids_reused"``.
        text: What it is, and what was done about it.
    """

    name: str
    text: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class SyncRules:
    """What is fetched and what is deleted on the server.

    Attributes:
        delete_after: Days from the delivery of a message to its deletion on
            the server; 0 deletes it once it is fetched, ``None`` leaves it.
        max_size: Octets of the largest message that is fetched whole.
        larger: What becomes of larger ones: ``"skip"``, or ``"headers"`` to
            get their header, once. They are never deleted.
        newest_first: Fetches in the opposite of the server's order.
        limit: How many messages one run fetches at most.
    """

    delete_after: float | None = None
    max_size: int | None = None
    larger: Literal["skip", "headers"] = "skip"
    newest_first: bool = False
    limit: int | None = None

    def __post_init__(self) -> None:
        for name in ("delete_after", "max_size", "limit"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= _MOST:
                raise _usage(f"{name} must be 0 or more, or None, got {value!r}")
        if self.larger not in ("skip", "headers"):
            raise _usage(f"larger must be 'skip' or 'headers', got {self.larger!r}")

    @property
    def delete_after_seconds(self) -> int | None:
        """The days in seconds."""
        return None if self.delete_after is None else int(self.delete_after * 86400)


class SyncState:
    """What is known of the messages of one mailbox, in a file.

    A file is for one mailbox, and for one run at a time: it is locked from
    here to :meth:`close`. Use it in a ``with`` block around that of the
    mailbox, so that it is closed last::

        with popmail.SyncState("state.json") as state:
            state.check_login()
            with popmail.Pop3("pop.example.com", user="me", password="…") as box:
                for mail in box.fetch_new(state):
                    ...

    Args:
        path: The file; it is made if there is none. Beside it stands a
            journal, named the same with ``.journal`` added.
        mailbox: A name of the mailbox. Without one the state takes
            ``user@host:port`` from the first mailbox that it is used with.
        arrived: For programs that note a place before a message appears in
            it (:meth:`note_arriving`): says whether it did.

    Raises:
        UsageError: The file is damaged, of another version or of another
            mailbox, or another run is using it.
        OSError: It cannot be read or written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        mailbox: str | None = None,
        *,
        arrived: Callable[[str], bool] | None = None,
    ) -> None:
        self.path = Path(path)
        self.warnings: list[SyncWarning] = []
        """What the last run found, for the user to know."""
        self.plan: SyncPlan | None = None
        """What the last run was to do; its counts are ``present``, ``too_large`` and ``postponed``."""
        self._journal = _open_locked(self.path)
        try:
            self._planner = self._load(arrived)
            if mailbox is not None:
                self.belongs_to(mailbox)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._planner)

    def __repr__(self) -> str:
        return f"<SyncState {str(self.path)!r} mailbox={self.mailbox!r} messages={len(self)}>"

    @property
    def mailbox(self) -> str:
        """The name of the mailbox; empty before its first use."""
        return self._planner.mailbox

    @property
    def next_login(self) -> datetime | None:
        """The earliest time of the next login, if the server asked for a delay (RFC 2449 section 6.5)."""
        seconds = self._planner.next_login
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC).astimezone()

    def check_login(self) -> None:
        """Looks whether the server may be logged in to already.

        Raises:
            UsageError: It asked for a delay between logins that is not over;
                the message names the time.
        """
        time_of_login = self.next_login
        if time_of_login is not None and time_of_login > datetime.now(UTC):
            raise _usage(
                f"the server asks for a delay between logins: the next login to {self.mailbox} "
                f"is from {time_of_login:%Y-%m-%d %H:%M:%S %z} on"
            )

    def save(self) -> None:
        """Writes the state, so that it is there after a crash: as a whole, synced, then in one step in its place."""
        descriptor = self._descriptor()
        text = self._planner.snapshot()
        temporary = self.path.with_name(f".{self.path.name.lstrip('.')}.part")
        try:
            with open(os.open(temporary, _NEW_FILE, 0o600), "w", encoding="utf-8", newline="") as file:  # noqa: PTH123
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(self.path.parent)
        # What the journal says is in the snapshot, and it names the snapshot that it belongs to: either order is safe.
        os.ftruncate(descriptor, 0)

    def close(self) -> None:
        """Lets go of the file. What was delivered is noted already; more than once does no harm."""
        if self._journal is not None:
            os.close(self._journal)
            self._journal = None

    # For programs that deliver by themselves.

    def note_arriving(self, number: int, receipt: str, *, headers_only: bool = False) -> None:
        """Notes where a message is about to appear in one step, such as a name that it is about to get.

        After a crash ``arrived`` is asked whether it did. So none comes twice.
        Call :meth:`note_delivered` once it is there.
        """
        line = self._planner.journal_line(number, now=_now(), headers_only=headers_only, receipt=receipt)
        self._append(line)

    def note_delivered(self, number: int, *, headers_only: bool = False, journal: bool = True) -> None:
        """Notes that a message is where it shall be."""
        now = _now()
        self._planner.delivered(number, now=now, headers_only=headers_only)
        if journal:
            self._append(self._planner.journal_line(number, now=now, headers_only=headers_only))

    def note_deleted(self, number: int) -> None:
        """Notes that the server marked a message."""
        self._planner.dele_accepted(number, now=_now())

    def note_quit(self) -> None:
        """Notes that the server ended the session with ``+OK``, and saves, if the state is still open."""
        if self._journal is not None:
            self._planner.quit_accepted(now=_now())
            self.save()

    def deletions(self, rules: SyncRules) -> list[int]:
        """The numbers of the messages that are to be deleted now."""
        return self._planner.deletions(delete_after=rules.delete_after_seconds, now=_now())

    def belongs_to(self, mailbox: str) -> None:
        """Gives a new state the name of its mailbox, or compares it.

        Raises:
            UsageError: It is the state of another mailbox.
        """
        if not self._planner.mailbox and not len(self._planner):
            self._planner = SyncPlanner(mailbox)
        elif self._planner.mailbox != mailbox:
            raise _usage(f"{self.path} is the state of {self._planner.mailbox!r}, not of {mailbox!r}")

    def begin(
        self,
        sizes: list[tuple[int, int]],
        uids: list[tuple[int, str]],
        fingerprints: list[tuple[int, str]],
        capabilities: dict[str, list[str]] | None,
        rules: SyncRules,
    ) -> SyncPlan:
        """Takes the listing of a session, saves what is new in it, and says what to fetch."""
        parameters = {tag: " ".join(words) for tag, words in (capabilities or {}).items()}
        plan = self._planner.plan(
            sizes,
            uids,
            now=_now(),
            fingerprints=fingerprints,
            expire=parameters.get("EXPIRE"),
            login_delay=parameters.get("LOGIN-DELAY"),
            delete_after=rules.delete_after_seconds,
            largest=rules.max_size,
            headers_of_larger=rules.larger == "headers",
            newest_first=rules.newest_first,
            most_messages=rules.limit,
        )
        self.plan = plan
        self.warnings = [SyncWarning(*warning) for warning in plan.warnings]
        self.save()
        return plan

    def _load(self, arrived: Callable[[str], bool] | None) -> SyncPlanner:
        try:
            text = self.path.read_bytes().decode("utf-8", "replace")
        except FileNotFoundError:
            return SyncPlanner("")
        with open(self._descriptor(), "rb", closefd=False) as file:
            journal = file.read().decode("utf-8", "replace")
        try:
            return SyncPlanner.restore(text, journal, arrived or (lambda _: False))
        except UsageError as error:
            raise _usage(f"{self.path}: {error} (remove it to fetch everything again)") from None

    def _append(self, line: str) -> None:
        octets = line.encode()
        if os.write(self._descriptor(), octets) != len(octets):
            raise OSError(f"{self.path}.journal could not be written: is the disk full?")

    def _descriptor(self) -> int:
        if self._journal is None:
            raise _usage(f"the state in {self.path} is closed")
        return self._journal


class NewMessage(RemoteMessage):
    """A message that :meth:`Pop3.fetch_new` brings.

    Attributes:
        headers_only: True if ``raw`` is the header of a message that is larger
            than the rules allow.
    """

    def __init__(
        self,
        dialogue: Dialogue,
        state: SyncState,
        number: int,
        uid: str | None,
        octets: int | None,
        raw: bytes,
        headers_only: bool,
    ) -> None:
        super().__init__(dialogue, number, uid, octets, raw)
        self.headers_only = headers_only
        self._state = state
        self._is_done = False

    def done(self) -> None:
        """Notes that the message is safe: it does not come again.

        The loop does this by itself when it asks for the next message. Call it
        before ``break``, or as soon as the message is safe.
        """
        if not self._is_done:
            self._state.note_delivered(self.number, headers_only=self.headers_only)
            self._is_done = True

    def delete(self) -> None:
        """Marks the message, whatever the rules say; it goes when the session ends with QUIT."""
        self.done()
        super().delete()
        self._state.note_deleted(self.number)

    @property
    def is_done(self) -> bool:
        """True if it was noted."""
        return self._is_done


class SyncSession:
    """One session with a state: :meth:`begin`, then the messages, then :meth:`finish`."""

    def __init__(self, dialogue: Dialogue, state: SyncState, rules: SyncRules, mailbox: str) -> None:
        dialogue.check_open()
        state.belongs_to(mailbox)
        self._dialogue = dialogue
        self._state = state
        self._rules = rules
        self.octets: dict[int, int] = {}
        self.uids: dict[int, str] = {}

    @property
    def deletes_fetched(self) -> bool:
        """True if the server deletes what was fetched, at QUIT (``EXPIRE 0``)."""
        capabilities = self._dialogue.engine.capabilities
        return capabilities is not None and capabilities.expire is not None and capabilities.expire.days == 0

    def begin(self) -> Steps[SyncPlan]:
        """Lists the mailbox and plans."""
        dialogue = self._dialogue
        sizes, uids = yield from listing(dialogue)
        self.octets, self.uids = dict(reversed(sizes)), dict(reversed(uids))
        fingerprints = yield from self._fingerprints(without_uid(sizes, uids))
        return self._state.begin(sizes, uids, fingerprints, dialogue.engine.capabilities, self._rules)

    def finish(self) -> Steps[int]:
        """Saves, and marks what is to be deleted; gives how many were marked."""
        dialogue, state = self._dialogue, self._state
        state.save()
        numbers = state.deletions(self._rules)
        handles = [(number, dialogue.engine.dele(number)) for number in numbers]
        marked = 0
        for number, handle in handles:
            try:
                yield from dialogue.finish("DELE", handle)
            except CommandError as error:
                if error.fatal:
                    raise
                self.refused(number, error)
            else:
                state.note_deleted(number)
                marked += 1
        if marked:
            state.save()
            dialogue.after_quit.append(state.note_quit)
        return marked

    def refused(self, number: int, error: CommandError) -> None:
        """Notes that the server refused a command for a message; the others go on."""
        self._state.warnings.append(SyncWarning("refused", f"message {number}: {error}"))

    def _fingerprints(self, numbers: list[int]) -> Steps[list[tuple[int, str]]]:
        """What messages without a uid are known by: from TOP, or from RETR where there is no TOP."""
        dialogue = self._dialogue
        found: list[tuple[int, str]] = []
        tops = Ahead(
            dialogue,
            [(number, HEADER_OCTETS) for number in numbers],
            lambda number: dialogue.engine.top(number, 0),
            "TOP",
        )
        missing: list[tuple[int, int]] = []
        while (answer := (yield from tops.next())) is not None:
            number, content = answer
            if isinstance(content, CommandError):
                missing.append((number, self.octets.get(number, 0)))
            else:
                found.append((number, fingerprint(content, self.octets.get(number, 0))))
        whole = Ahead(dialogue, missing, dialogue.engine.retr, "RETR")
        while (answer := (yield from whole.next())) is not None:
            number, content = answer
            if not isinstance(content, CommandError):
                found.append((number, fingerprint(content, self.octets.get(number, 0))))
        return found


class FetchNew:
    """New messages in order. Call :meth:`begin`, :meth:`next` until it gives ``None``, and :meth:`stop`."""

    def __init__(self, dialogue: Dialogue, state: SyncState, rules: SyncRules | None, mailbox: str) -> None:
        self._dialogue = dialogue
        self._state = state
        self._session = SyncSession(dialogue, state, rules or SyncRules(), mailbox)
        self._headers_only: dict[int, bool] = {}
        self._contents: Ahead | None = None
        self._last: NewMessage | None = None

    def begin(self) -> Steps[None]:
        """Lists the mailbox and plans. Comes before the first message."""
        plan = yield from self._session.begin()
        self._headers_only = {number: headers_only for number, _, headers_only in plan.fetch}
        self._contents = Ahead(
            self._dialogue,
            [(number, HEADER_OCTETS if headers_only else octets) for number, octets, headers_only in plan.fetch],
            self._ask,
            "RETR",
        )

    def next(self) -> Steps[NewMessage | None]:
        """Notes the last message as delivered and gives the next; after the last one deletes by the rules."""
        assert self._contents is not None
        if self._last is not None:
            self._last.done()
            self._last = None
        while (answer := (yield from self._contents.next())) is not None:
            number, content = answer
            if isinstance(content, CommandError):
                self._session.refused(number, content)
                continue
            session = self._session
            self._last = NewMessage(
                self._dialogue,
                self._state,
                number,
                session.uids.get(number),
                session.octets.get(number),
                content,
                self._headers_only[number],
            )
            return self._last
        self._contents = None
        yield from self._session.finish()
        return None

    def stop(self) -> None:
        """The reader wants no more.

        A server with ``EXPIRE 0`` deletes what it sent, at QUIT: then the
        connection is dropped if anything of that was not noted.
        """
        contents, self._contents = self._contents, None
        if contents is None:
            return
        unnoted = contents.is_waiting or (self._last is not None and not self._last.is_done)
        contents.stop()
        if unnoted and self._session.deletes_fetched:
            self._dialogue.close()

    def _ask(self, number: int) -> int:
        engine = self._dialogue.engine
        return engine.top(number, 0) if self._headers_only[number] else engine.retr(number)


def sync_folder(folder: Path) -> None:
    """Brings the names in a folder to the disk, where the system can do this."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open_locked(path: Path) -> int | None:
    """Opens the journal of a state, and locks it: the state itself is replaced and cannot hold a lock."""
    journal = path.with_name(path.name + ".journal")
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(journal, flags, 0o600)
    try:
        _lock(descriptor)
    except OSError:
        os.close(descriptor)
        raise UsageError(f"another run is using {path}: wait until it has ended", code="POP3_ERR_USAGE_STATE") from None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        # Far behind what is written: a locked octet cannot be read.
        os.lseek(descriptor, 0x7FFF_0000, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _usage(message: str) -> UsageError:
    return UsageError(message, code="POP3_ERR_USAGE_ARGUMENT")


def _now() -> int:
    return max(int(time.time()), 0)


_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_MOST = 2**53
