"""What the command shows: text from mail and from servers made harmless, messages drawn, progress counted.

The rule that is guarded here: no control byte of a message, a server or a file name reaches the terminal.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

if TYPE_CHECKING:
    from popmail import Address, Message
    from popmail.arrow import BatchReader

# C0, DEL and C1 move the cursor or start an escape sequence; the others reorder what is read, or are no characters.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_UNSAFE_IN_TEXT = re.compile("(?![\n\t])" + _UNSAFE.pattern)


class CommandFailedError(Exception):
    """What the user is told in one line, after `popmail: `."""


def printable(text: str) -> str:
    r"""Return the text on one line, each control character as an escape such as `\x1b`."""
    return _UNSAFE.sub(_escape, text)


def printable_lines(text: str) -> str:
    """Return the text with its lines and tabs kept and every other control character as an escape."""
    return _UNSAFE_IN_TEXT.sub(_escape, text.replace("\r\n", "\n"))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def octets(value: bytes) -> str:
    """Return octets as a person reads them, in quotes, escaped where they are not printable ASCII."""
    return repr(value)[1:].replace("\\'", "'") if value else "nothing"


def print_traced(direction: str, line: str) -> None:
    """Print a line of the dialogue to standard error: `>` to the server, `<` from it."""
    print(f"{'>' if direction == 'sent' else '<'} {line}", file=sys.stderr)


def size(octets: int) -> str:
    """Return a number of octets as a person reads it: `812 B`, `3.1 kB`, `30.0 MB`."""
    if octets < 1000:
        return f"{octets} B"
    value = float(octets)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.95 or unit == "GB":
            return f"{value:.1f} {unit}"
    raise AssertionError("unreachable")


def addresses(people: list[Address]) -> str:
    """Return addresses on one line: `Ann <ann@example.com>, bob@example.com`."""
    return ", ".join(printable(f"{one.name} <{one.address}>" if one.name else one.address or "") for one in people)


def stdout() -> Console:
    """Return the console for results."""
    return Console(highlight=False, soft_wrap=True)


def stderr() -> Console:
    """Return the console for progress and notes, so that results can be piped."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def header_lines(message: Message) -> Text:
    """Return the headers that people look at, one on each line."""
    rows = [
        ("From", addresses(message.from_)),
        ("To", addresses(message.to)),
        ("Cc", addresses(message.cc)),
        ("Date", str(message.date) if message.date else ""),
        ("Subject", printable(message.subject or "")),
    ]
    return Text("\n").join(Text.assemble((f"{name:<9}", "bold"), value) for name, value in rows if value)


def file_lines(message: Message) -> Text:
    """Return the attachments, those in old formats too, one on each line: name, type, size."""
    rows = [(part.filename or part.safe_filename, part.content_type, part.size, "") for part in message.attachments]
    rows += [
        (file.name or file.safe_filename, file.content_type, len(file.content), f" (in {file.format})")
        for file in message.embedded_files()
    ]
    lines = [
        Text.assemble(("attachment: ", "bold"), printable(f"{name}, {content_type}, {size(octets)}{where}"))
        for name, content_type, octets, where in rows
    ]
    return Text("\n").join(lines)


def mime_tree(message: Message) -> Text:
    """Return the parts of a message as a tree, with the messages inside messages."""
    tree = Text(printable_lines(message.tree()))
    tree.highlight_regex("[│├└─]+", "dim")
    return tree


class _MessageColumn(ProgressColumn):
    """How many of the messages are there: `12/500 messages`."""

    def render(self, task: Task) -> Text:
        noun = task.fields.get("noun", "messages")
        return Text(f"{task.fields['messages']}/{task.fields['count']} {noun}", style="green")


class FetchProgress:
    """A progress bar of bytes and messages; where there is no terminal, nothing."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("fetching"),
            BarColumn(),
            _MessageColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None
        self.messages = 0
        self.octets = 0

    def __enter__(self) -> FetchProgress:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, count: int, octets: int) -> None:
        """Draw the bar: so much is to be fetched."""
        if count:
            self._task = self._progress.add_task("fetching", total=max(octets, 1), messages=0, count=count)

    def add_octets(self, octets: int) -> None:
        """Count octets that have arrived."""
        self.octets += octets
        if self._task is not None:
            self._progress.update(self._task, advance=octets)

    def add_message(self) -> None:
        """Count a message that is complete."""
        self.messages += 1
        if self._task is not None:
            self._progress.update(self._task, messages=self.messages)


class ReadProgress:
    """A progress bar of messages that are read from a mailbox; where there is no terminal, nothing."""

    def __init__(self, console: Console, reader: BatchReader) -> None:
        self._by_octets = reader.total_messages is None
        self._progress = Progress(
            TextColumn("reading"),
            BarColumn(),
            TextColumn("{task.fields[messages]:,} messages", style="green"),
            *([DownloadColumn(), TransferSpeedColumn()] if self._by_octets else []),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        total = reader.total_octets if self._by_octets else reader.total_messages
        self._task = self._progress.add_task("reading", total=total, messages=0)

    def __enter__(self) -> ReadProgress:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, reader: BatchReader) -> None:
        """Draw how far it is."""
        done = reader.octets if self._by_octets else reader.messages
        self._progress.update(self._task, completed=done, messages=reader.messages)


class AccountsProgress:
    """A table of the accounts that are being fetched, and above it a line for each that is done."""

    def __init__(self, console: Console, accounts: int) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            _MessageColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._total = self._progress.add_task(
            "all accounts", total=None, messages=0, count=accounts, noun="accounts", visible=accounts > 1
        )
        self._done = 0

    def __enter__(self) -> AccountsProgress:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def watcher(self, account: str) -> AccountWatcher:
        """Add a row."""
        task = self._progress.add_task(printable(account), total=None, messages=0, count=0)
        return AccountWatcher(self._progress, task, self._total)

    def finished(self, watcher: AccountWatcher | None, line: str, *, failed: bool) -> None:
        """Replace a row by a line."""
        if watcher is not None:
            self._progress.remove_task(watcher.task)
        self._done += 1
        self._progress.update(self._total, messages=self._done)
        self._console.print(Text(printable(line), style="red" if failed else ""))


class AccountWatcher:
    """A row of the table."""

    def __init__(self, progress: Progress, task: TaskID, total: TaskID) -> None:
        self._progress = progress
        self._total = total
        self._messages = 0
        self.task = task

    def begin(self, count: int, octets: int) -> None:
        """So much is to be fetched."""
        self._progress.update(self.task, total=max(octets, 1), count=count)

    def add_octets(self, octets: int) -> None:
        """Count octets that have arrived."""
        self._progress.update(self.task, advance=octets)
        self._progress.update(self._total, advance=octets)

    def add_message(self) -> None:
        """Count a message that is complete."""
        self._messages += 1
        self._progress.update(self.task, messages=self._messages)
