"""The command `popmail`, with real sockets: what it fetches, what it shows, and the one line it says when it cannot."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import pytest
from scripted import CAPABILITIES, MAILBOX, Close, ScriptedServer, Stall

import popmail
from dovecot import free_port
from popmail._delivery import STATE_PREFIX, Delivery
from popmail.cli import PASSWORD_VARIABLE, run
from samples import awkward_messages, large_message, plain_messages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from conftest import Certificates

USER = "me"
PASSWORD = "open sesame"
CLEAR = ["--allow-cleartext", "--auth", "user-pass"]


class Outcome(NamedTuple):
    """What a run of the command gave."""

    status: int
    out: str
    err: str


class Command:
    """Runs the command in this process, with the password in the environment."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Outcome:
        self._capsys.readouterr()
        status = run([str(argument) for argument in arguments])
        return Outcome(status, *self._capsys.readouterr())

    def fails(self, *arguments: object) -> str:
        """Run it, expect an error, and return the one line that it says."""
        outcome = self(*arguments)
        assert outcome.status == 1, outcome
        assert outcome.out == ""
        assert re.fullmatch(r"popmail: [^\n]+\n", outcome.err), outcome.err
        return outcome.err


@pytest.fixture
def popmail_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    return Command(capsys)


@contextmanager
def serving(certificates: Certificates, messages: Sequence[bytes], **options: object) -> Iterator[popmail.Server]:
    """Serve these messages over implicit TLS, to the user and password of this file."""
    accounts = {USER: popmail.Account(PASSWORD, popmail.MemoryMaildrop(list(messages)))}
    with popmail.Server(accounts, tls=certificates.server_context(), **options) as server:  # type: ignore[arg-type]
        yield server


def url(server: popmail.Server | ScriptedServer, scheme: str = "pops") -> str:
    return f"{scheme}://{USER}@{server.host}:{server.port}"


def received(folder: Path) -> list[bytes]:
    """Return the messages of a Maildir or of a folder of .eml files, in order of arrival."""
    files = [*folder.glob("new/*"), *folder.glob("*.eml")]
    return [file.read_bytes() for file in sorted(files, key=lambda file: file.stat().st_mtime_ns)]


def leftovers(folder: Path) -> list[str]:
    """Return the files that are neither messages nor the state."""
    known = {*folder.glob("new/*"), *folder.glob("*.eml"), *folder.glob(f"{STATE_PREFIX}*")}
    return [str(file) for file in folder.rglob("*") if file.is_file() and file not in known]


# fetch


@pytest.mark.parametrize("layout", [[], ["--eml"]], ids=["maildir", "eml"])
@pytest.mark.parametrize("pipelining", [[], ["--no-pipelining"]], ids=["pipelined", "one by one"])
def test_fetch_stores_every_byte_and_keeps(
    popmail_command: Command, certificates: Certificates, tmp_path: Path, layout: list[str], pipelining: list[str]
) -> None:
    messages = [*awkward_messages(), large_message(3_000_000), *plain_messages(50)]
    with serving(certificates, messages) as server:
        arguments = ["fetch", url(server), "--to", tmp_path / "mail", "--cafile", certificates.ca_file]
        outcome = popmail_command(*arguments, *layout, *pipelining)
        assert outcome.status == 0, outcome.err
        assert "fetched 60 messages" in outcome.err
        assert sorted(received(tmp_path / "mail")) == sorted(messages)
        assert leftovers(tmp_path / "mail") == []

        outcome = popmail_command(*arguments, *layout, *pipelining)
        assert outcome.status == 0
        assert "60 messages already here" in outcome.err
        assert "fetched 0 messages" in outcome.err
        assert len(received(tmp_path / "mail")) == 60


def test_fetch_delete_empties_the_server(popmail_command: Command, certificates: Certificates, tmp_path: Path) -> None:
    messages = [*plain_messages(3), large_message(2_000_000)]
    with serving(certificates, messages) as server:
        arguments = ["fetch", url(server), "--to", tmp_path / "mail", "--cafile", certificates.ca_file]
        assert popmail_command(*arguments, "--delete").status == 0
        assert received(tmp_path / "mail") == messages
        assert popmail_command("list", url(server), "--cafile", certificates.ca_file).out == ""


def test_fetch_delete_removes_what_earlier_fetches_received(
    popmail_command: Command, certificates: Certificates, tmp_path: Path
) -> None:
    messages = plain_messages(3)
    with serving(certificates, messages) as server:
        arguments = ["fetch", url(server), "--to", tmp_path / "mail", "--cafile", certificates.ca_file]
        assert popmail_command(*arguments, "--keep").status == 0
        assert popmail_command(*arguments, "--delete").status == 0
        assert received(tmp_path / "mail") == messages
        assert popmail_command("list", url(server), "--cafile", certificates.ca_file).out == ""


@pytest.mark.parametrize("way", [["pops"], ["pop"], ["pop", "--allow-cleartext"]], ids=["TLS", "STLS", "in clear"])
def test_fetch_over_each_kind_of_connection(
    popmail_command: Command, certificates: Certificates, tmp_path: Path, way: list[str]
) -> None:
    messages = plain_messages(2)
    scheme, *options = way
    clear = bool(options)
    with serving(certificates, messages, implicit_tls=scheme == "pops", allow_cleartext=clear) as server:
        outcome = popmail_command(
            "fetch", url(server, scheme), "--to", tmp_path, "--cafile", certificates.ca_file, *options
        )
        assert outcome.status == 0, outcome.err
        assert received(tmp_path) == messages


def test_fetch_goes_on_where_it_was_cut(popmail_command: Command, tmp_path: Path) -> None:
    whole = b"+OK\r\nSubject: a\r\n\r\nbody\r\n.\r\n"
    two = {**MAILBOX, "LIST": b"+OK\r\n1 20\r\n2 20\r\n.\r\n", "UIDL": b"+OK\r\n1 one\r\n2 two\r\n.\r\n"}
    arguments = ["--to", tmp_path, "--allow-cleartext", "--auth", "user-pass", "--no-pipelining"]

    class CutAtTheSecond(dict[str, bytes]):
        """Answers the first RETR, and ends in the middle of the answer to the second."""

        retrieved = 0

        def get(self, verb: str, default: bytes = b"") -> bytes:  # type: ignore[override]
            if verb != "RETR":
                return super().get(verb, default)
            self.retrieved += 1
            return whole if self.retrieved == 1 else Close(whole[:15])

    with ScriptedServer(CutAtTheSecond(two)) as server:
        popmail_command_error = popmail_command("fetch", url(server, "pop"), *arguments)
        assert popmail_command_error.status == 1
        assert received(tmp_path) == [b"Subject: a\r\n\r\nbody\r\n"]
        assert leftovers(tmp_path) == []
    # the same account, on the port of the second server
    with ScriptedServer(two) as server:
        for file in tmp_path.glob(f"{STATE_PREFIX}*"):
            name = re.sub(r"%3A\d+", f"%3A{server.port}", file.name)
            file.write_text(re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{server.port}", file.read_text()))
            file.rename(tmp_path / name)
        outcome = popmail_command("fetch", url(server, "pop"), *arguments)
        assert outcome.status == 0, outcome.err
        assert [line for line in server.requests if line.startswith(b"RETR")] == [b"RETR 2\r\n"]
    assert len(received(tmp_path)) == 2


def test_fetch_deletes_nothing_when_it_is_cut(popmail_command: Command, tmp_path: Path) -> None:
    with ScriptedServer({**MAILBOX, "RETR": Close(b"+OK\r\nSubject: a\r\n")}) as server:
        popmail_command.fails(
            "fetch", url(server, "pop"), "--to", tmp_path, "--allow-cleartext", "--auth", "user-pass", "--delete"
        )
        assert not [line for line in server.requests if line[:4] in (b"DELE", b"QUIT")]
    assert received(tmp_path) == []
    assert leftovers(tmp_path) == []


def test_fetch_deletes_only_what_is_on_the_disk(popmail_command: Command, tmp_path: Path) -> None:
    with ScriptedServer(MAILBOX) as server:
        arguments = [
            "fetch",
            url(server, "pop"),
            "--to",
            tmp_path,
            "--allow-cleartext",
            "--auth",
            "user-pass",
            "--delete",
        ]
        assert popmail_command(*arguments).status == 0
        verbs = [line.split()[0] for line in server.requests]
        assert verbs.index(b"RETR") < verbs.index(b"DELE") < verbs.index(b"QUIT")
    assert received(tmp_path) == [b"Subject: a\r\n\r\nbody\r\n"]


def test_fetch_without_uidl_knows_messages_by_their_header(popmail_command: Command, tmp_path: Path) -> None:
    replies = {**MAILBOX, "CAPA": b"-ERR\r\n", "UIDL": b"-ERR unknown\r\n"}
    with ScriptedServer(replies) as server:
        for expected in ("fetched 1 message", "fetched 0 messages"):
            outcome = popmail_command("fetch", url(server, "pop"), "--to", tmp_path, "--eml", *CLEAR)
            assert outcome.status == 0, outcome.err
            assert "no unique id" in outcome.err
            assert expected in outcome.err
    assert len(received(tmp_path)) == 1


def test_fetch_keeps_the_rules(popmail_command: Command, certificates: Certificates, tmp_path: Path) -> None:
    messages = [*plain_messages(3), large_message(2_000_000)]
    with serving(certificates, messages) as server:
        arguments = ["fetch", url(server), "--to", tmp_path / "mail", "--cafile", certificates.ca_file]
        outcome = popmail_command(*arguments, "--newest-first", "--limit", "1", "--max-size", "500k")
        assert "fetched 1 message" in outcome.err
        assert "1 too large" in outcome.err
        assert "2 left for later" in outcome.err
        assert received(tmp_path / "mail") == [messages[2]]

        outcome = popmail_command(*arguments, "--max-size", "500k", "--headers-of-larger", "--delete-after", "30")
        assert "fetched 3 messages" in outcome.err
        assert sorted(map(len, received(tmp_path / "mail"))) == sorted(
            [len(b"Subject: large\r\n\r\n"), *(len(raw) for raw in messages[:3])]
        )
        outcome = popmail_command(*arguments, "--max-size", "500k", "--headers-of-larger", "--delete-after", "0")
        assert "fetched 0 messages, 0 B, 1 too large, 3 deleted on the server" in outcome.err
        assert popmail_command(*arguments).status == 0
        assert messages[3] in received(tmp_path / "mail")


@pytest.mark.parametrize(
    "options",
    [
        ["--delete", "--delete-after", "3"],
        ["--max-size", "big"],
        ["--limit", "-1"],
        ["--config", "x"],
        ["--delete-after", "x"],
    ],
)
def test_fetch_options_that_cannot_be(popmail_command: Command, tmp_path: Path, options: list[str]) -> None:
    assert popmail_command("fetch", "pops://me@127.0.0.1:1", "--to", tmp_path, *options).status == 2


def test_a_second_fetch_of_the_same_account_is_kept_out(popmail_command: Command, tmp_path: Path) -> None:
    with popmail.SyncState(Delivery(tmp_path, "maildir").state_file("me@127.0.0.1:1")):
        error = popmail_command.fails("fetch", "pops://me@127.0.0.1:1", "--to", tmp_path)
    assert "another run" in error


def test_a_damaged_state_is_refused(popmail_command: Command, tmp_path: Path) -> None:
    state = Delivery(tmp_path, "maildir").state_file("me@127.0.0.1:1")
    state.write_text("{")
    assert "damaged" in popmail_command.fails("fetch", "pops://me@127.0.0.1:1", "--to", tmp_path)
    assert state.read_text() == "{"


def test_login_delay_is_respected(popmail_command: Command, tmp_path: Path) -> None:
    replies = {**MAILBOX, "CAPA": CAPABILITIES.replace(b"TOP", b"LOGIN-DELAY 900")}
    with ScriptedServer(replies) as server:
        arguments = ["fetch", url(server, "pop"), "--to", tmp_path, *CLEAR]
        assert popmail_command(*arguments).status == 0
        assert "next login" in popmail_command.fails(*arguments)
        assert len([line for line in server.requests if line.startswith(b"PASS")]) == 1


@pytest.mark.timeout(400)
def test_a_fetch_that_is_killed_anywhere_loses_nothing_and_brings_nothing_twice(
    certificates: Certificates, tmp_path: Path
) -> None:
    seed = int.from_bytes(os.urandom(4), "big")
    print("seed", seed)
    dice = random.Random(seed)
    messages = [*plain_messages(300), large_message(3_000_000)]
    killed = 0

    def count(folder: Path) -> int:
        return len([*folder.glob("new/*"), *folder.glob("*.eml")])

    with serving(certificates, messages) as server:

        def fetch_into(folder: Path) -> subprocess.Popen[str]:
            layout = ["--eml"] if folder.name == "eml" else []
            return start("fetch", url(server), "--to", str(folder), "--cafile", str(certificates.ca_file), *layout)

        for folder in [tmp_path / "maildir", tmp_path / "eml"] * 25:
            process = fetch_into(folder)
            # When some messages more are there, and a few steps later.
            target = count(folder) + dice.randrange(1, 15)
            while process.poll() is None and count(folder) < target:
                time.sleep(0.0005)  # leaves the processor to the one that is watched
            for _ in range(dice.randrange(20_000)):
                pass
            process.kill()
            process.communicate()
            killed += process.returncode == -signal.SIGKILL
        for folder in (tmp_path / "maildir", tmp_path / "eml"):
            process = fetch_into(folder)
            _, err = process.communicate()
            assert process.returncode == 0, err
            assert sorted(received(folder)) == sorted(messages)
    assert killed >= 20, f"only {killed} runs were killed in time"


def test_a_fetch_that_deletes_and_is_killed_between_any_two_lines_loses_nothing(
    certificates: Certificates, tmp_path: Path
) -> None:
    seed = int.from_bytes(os.urandom(4), "big")
    print("seed", seed)
    dice = random.Random(seed)
    messages = plain_messages(6)
    for attempt in range(6):
        folder = tmp_path / str(attempt)
        with serving(certificates, messages) as server:
            arguments = ["fetch", url(server), "--to", str(folder), "--cafile", str(certificates.ca_file), "--delete"]
            process = start(*arguments, "--trace")
            assert process.stderr is not None
            # The last third of the dialogue: DELE, QUIT, and what is saved around them.
            for _ in range(dice.randrange(25, 60)):
                if not process.stderr.readline():
                    break
            process.kill()
            process.communicate()
            process = start(*arguments)
            _, err = process.communicate()
            assert process.returncode == 0, err
            assert sorted(received(folder)) == sorted(messages), f"attempt {attempt}"
            assert "failed" not in err
            with popmail.connect(url(server), password=PASSWORD, ssl_context=certificates.client_context()) as box:
                assert box.stat() == (0, 0)


# fetch --config


def write_config(tmp_path: Path, text: str) -> Path:
    (tmp_path / "secret").write_text(PASSWORD + "\n")
    file = tmp_path / "accounts.toml"
    file.write_text(text)
    return file


def test_accounts_of_a_file_are_fetched_together(
    popmail_command: Command, certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER_PASSWORD", PASSWORD)
    messages = [*plain_messages(5), large_message(2_000_000)]
    with serving(certificates, messages) as one, serving(certificates, messages[:2]) as two:
        file = write_config(
            tmp_path,
            f"""
            concurrency = 3
            [defaults]
            cafile = "{certificates.ca_file}"
            password_file = "secret"
            [[account]]
            url = "{url(one)}"
            folder = "both"
            max_size = 1_000_000
            [[account]]
            url = "{url(two)}"
            folder = "both"
            delete_after = 0
            [[account]]
            url = "pops://me@127.0.0.1:{free_port()}"
            folder = "none"
            """,
        )
        outcome = popmail_command("fetch", "--config", file)
        assert outcome.status == 1
        lines = sorted(outcome.err.splitlines())
        assert len(lines) == 4
        assert [line for line in lines if f"{one.port}: fetched 5 messages" in line and "1 too large" in line]
        assert [line for line in lines if f"{two.port}: fetched 2 messages" in line and "2 deleted" in line]
        assert [line for line in lines if "failed: " in line and "refused" in line]
        assert [line for line in lines if line.startswith("3 accounts: fetched 7 messages") and "1 failed" in line]
        assert sorted(received(tmp_path / "both")) == sorted([*messages[:5], *messages[:2]])

        file = write_config(
            tmp_path,
            f"""
            [[account]]
            url = "{url(one)}"
            folder = "both"
            password_env = "OTHER_PASSWORD"
            cafile = "{certificates.ca_file}"
            """,
        )
        outcome = popmail_command("fetch", "--config", file)
        assert outcome.status == 0
        assert "fetched 1 message" in outcome.err


ACCOUNT = '[[account]]\nurl = "pops://me@127.0.0.1:1"\nfolder = "x"\npassword_file = "secret"\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "[[account]]"),
        ("[", "TOML"),
        ("nonsense = 1", "nonsense"),
        ("account = 1", "[[account]]"),
        ("account = [1]", "account 1"),
        ("concurrency = 0\n" + ACCOUNT, "concurrency"),
        (ACCOUNT + "nonsense = 1", "nonsense"),
        (ACCOUNT + "password_env = 'X'", "password_file or password_env"),
        (ACCOUNT + "limit = true", "limit"),
        (ACCOUNT + "limit = -1", "limit"),
        (ACCOUNT + "larger = 'x'", "larger"),
        (ACCOUNT + "auth = 'x'", "auth"),
        (ACCOUNT + "[[account]]\nurl = 'pops://me@h'\npassword_env = 'X'", "account 2: folder is missing"),
        (ACCOUNT.replace("pops://me@", "pops://"), "names no user"),
        (ACCOUNT.replace("pops://", "http://"), "pops://"),
    ],
)
def test_a_file_of_accounts_that_cannot_be_read_is_named(
    popmail_command: Command, tmp_path: Path, text: str, expected: str
) -> None:
    error = popmail_command.fails("fetch", "--config", write_config(tmp_path, text))
    assert "accounts.toml" in error
    assert expected in error
    assert not (tmp_path / "x").exists()


def test_hundreds_of_accounts_are_fetched_in_one_run(popmail_command: Command, tmp_path: Path) -> None:
    names = [f"user{number}" for number in range(300)]
    accounts = {
        name: popmail.Account(PASSWORD, popmail.MemoryMaildrop(plain_messages(number % 2, seed=number, octets=200)))
        for number, name in enumerate(names)
    }
    with popmail.Server(accounts, allow_cleartext=True) as server:
        tables = [
            f'[[account]]\nurl = "pop://{name}@127.0.0.1:{server.port}"\nfolder = "all"\n'
            for name in [*names, "nobody"]
        ]
        defaults = '[defaults]\nallow_cleartext = true\nauth = "plain"\npassword_file = "secret"\n'
        file = write_config(tmp_path, "concurrency = 32\n" + defaults + "".join(tables))
        outcome = popmail_command("fetch", "--config", file)
    assert outcome.status == 1
    lines = outcome.err.splitlines()
    assert len(lines) == 302
    assert len([line for line in lines if "fetched 1 message," in line]) == 150
    assert [line for line in lines if line.startswith("nobody@") and "failed: login refused" in line]
    assert lines[-1].startswith("301 accounts: fetched 150 messages, ")
    assert lines[-1].endswith(", 1 failed")
    assert len(received(tmp_path / "all")) == 150


def test_a_password_that_is_not_there_fails_its_account_alone(
    popmail_command: Command, certificates: Certificates, tmp_path: Path
) -> None:
    with serving(certificates, plain_messages(1)) as server:
        good = f'[[account]]\nurl = "{url(server)}"\nfolder = "good"\npassword_file = "secret"\n'
        bad = '[[account]]\nurl = "pops://me@127.0.0.1:1"\nfolder = "bad"\npassword_env = "NOT_SET"\n'
        file = write_config(tmp_path, f'[defaults]\ncafile = "{certificates.ca_file}"\n{bad}{good}')
        outcome = popmail_command("fetch", "--config", file)
    assert outcome.status == 1
    assert "NOT_SET" in outcome.err
    assert len(received(tmp_path / "good")) == 1


def test_fetch_streams_in_bounded_memory(certificates: Certificates, tmp_path: Path) -> None:
    """The peak memory of fetching 96 MiB is that of fetching 1 kB and a few MiB."""
    program = (
        "import re, sys\nfrom popmail.cli import run\nstatus = run(sys.argv[1:])\n"
        "print(re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read())[1])\nsys.exit(status)"
    )
    peaks: list[int] = []
    for octets in (1000, 96 * 1024 * 1024):
        message = large_message(octets) if octets > 1000 else plain_messages(1, octets=octets)[0]
        folder = tmp_path / str(octets)
        with serving(certificates, [message]) as server:
            arguments = ["fetch", url(server), "--to", folder, "--cafile", certificates.ca_file]
            done = subprocess.run(
                [sys.executable, "-c", program, *map(str, arguments)],
                env={**os.environ, PASSWORD_VARIABLE: PASSWORD},
                capture_output=True,
                check=True,
                timeout=100,
            )
        assert received(folder) == [message]
        peaks.append(int(done.stdout))
    assert peaks[1] - peaks[0] < 24 * 1024, f"{peaks} KiB"


# passwords


def test_password_comes_from_a_file(
    popmail_command: Command, certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "not this one")
    (tmp_path / "secret").write_text(PASSWORD + "\n")
    with serving(certificates, plain_messages(1)) as server:
        arguments = ["list", url(server), "--cafile", certificates.ca_file, "--password-file"]
        assert popmail_command(*arguments, tmp_path / "secret").status == 0
        assert "missing" in popmail_command.fails(*arguments, tmp_path / "missing")


def test_no_password_and_no_terminal_is_an_error(popmail_command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PASSWORD_VARIABLE)
    error = popmail_command.fails("list", "pops://me@127.0.0.1:1")
    assert "--password-file" in error
    assert PASSWORD_VARIABLE in error


def test_password_in_the_url_is_refused(popmail_command: Command) -> None:
    error = popmail_command.fails("list", "pops://me:hunter2@127.0.0.1:1")
    assert "password" in error
    assert "hunter2" not in error


# errors


def test_wrong_password(popmail_command: Command, certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "hunter2")
    with serving(certificates, []) as server:
        error = popmail_command.fails("list", url(server), "--cafile", certificates.ca_file)
    assert "check user and password" in error
    assert "hunter2" not in error


def test_wrong_port(popmail_command: Command) -> None:
    error = popmail_command.fails("list", f"pops://me@127.0.0.1:{free_port()}")
    assert "refused" in error
    assert "995" in error


def test_unknown_host(popmail_command: Command) -> None:
    assert "pop.invalid" in popmail_command.fails("list", "pops://me@pop.invalid")


@pytest.mark.parametrize(
    "bad",
    ["", "pop.example.com", "http://me@pop.example.com", "pops://", "pops://me@", "pops://me@host:port", "pops://host"],
)
def test_bad_url(popmail_command: Command, bad: str) -> None:
    assert "pops://" in popmail_command.fails("list", bad)


def test_tls_expected_by_nobody(popmail_command: Command) -> None:
    with ScriptedServer(MAILBOX) as server:
        assert "TLS" in popmail_command.fails("list", url(server, "pops"))


@pytest.mark.parametrize("greeting", [Close(b""), Close(b"+OK rea"), Close(b"-ERR go away\r\n")])
def test_server_that_closes_in_the_greeting(popmail_command: Command, greeting: bytes) -> None:
    with ScriptedServer({}, greeting=greeting) as server:
        error = popmail_command.fails("list", url(server, "pop"))
    assert "greeted" in error or "go away" in error


def test_server_that_closes_in_the_middle_of_a_message(popmail_command: Command, tmp_path: Path) -> None:
    with ScriptedServer({**MAILBOX, "RETR": Close(b"+OK\r\nSubject: a\r\n\r\nbo")}) as server:
        error = popmail_command.fails(
            "fetch", url(server, "pop"), "--to", tmp_path, "--allow-cleartext", "--auth", "user-pass"
        )
    assert "ended inside a message" in error
    assert received(tmp_path) == []


@pytest.mark.parametrize("after", [Close(b"+OK\r\n"), Close(b"+O")], ids=["after the reply", "in the reply"])
def test_server_that_closes_after_stls(popmail_command: Command, after: bytes) -> None:
    replies = {"CAPA": CAPABILITIES.replace(b"USER", b"STLS"), "STLS": after}
    with ScriptedServer(replies) as server:
        popmail_command.fails("list", url(server, "pop"))
        assert not [line for line in server.requests if line[:4] in (b"USER", b"PASS", b"AUTH")]


def test_server_without_stls(popmail_command: Command) -> None:
    with ScriptedServer(MAILBOX) as server:
        assert "--allow-cleartext" in popmail_command.fails("list", url(server, "pop"))
        assert not [line for line in server.requests if line[:4] in (b"USER", b"PASS", b"AUTH")]


def test_silent_server(popmail_command: Command) -> None:
    with ScriptedServer({}, greeting=Stall(b"")) as server:
        error = popmail_command.fails("list", url(server, "pop"), "--timeout", "0.3")
    assert "0.3" in error or "time" in error


@pytest.mark.parametrize("scheme", ["pops", "pop"])
def test_certificate_of_another_host(popmail_command: Command, certificates: Certificates, scheme: str) -> None:
    accounts = {USER: popmail.Account(PASSWORD, popmail.MemoryMaildrop([]))}
    context = certificates.server_context("other.example.com")
    with popmail.Server(accounts, tls=context, implicit_tls=scheme == "pops") as server:
        error = popmail_command.fails("list", url(server, scheme), "--cafile", certificates.ca_file)
    assert "certificate" in error


def test_certificate_of_an_unknown_authority(popmail_command: Command, certificates: Certificates) -> None:
    with serving(certificates, []) as server:
        assert "--cafile" in popmail_command.fails("list", url(server))


@pytest.mark.parametrize("folder", ["/proc/popmail", "{tmp}/file", "{tmp}/file/below"])
def test_folder_that_cannot_be_written(popmail_command: Command, tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").touch()
    folder = folder.format(tmp=tmp_path)
    assert folder in popmail_command.fails("fetch", "pops://me@127.0.0.1:1", "--to", folder)


def test_cafile_that_is_none(popmail_command: Command, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    assert "PEM" in popmail_command.fails("list", "pops://me@127.0.0.1:1", "--cafile", tmp_path / "ca.pem")
    assert "gone.pem" in popmail_command.fails("list", "pops://me@127.0.0.1:1", "--cafile", tmp_path / "gone.pem")


def test_error_text_of_the_server_is_made_harmless(popmail_command: Command) -> None:
    replies = {**MAILBOX, "PASS": b"-ERR \x1b[2Jgone \x9b31m\r\n"}
    with ScriptedServer(replies) as server:
        error = popmail_command.fails("list", url(server, "pop"), "--allow-cleartext", "--auth", "user-pass")
    assert "\x1b" not in error
    assert "\x9b" not in error


@pytest.mark.parametrize(
    "arguments", [["fetch"], ["fetch", "pops://me@host"], ["nonsense"], ["list", "--nonsense"], []]
)
def test_wrong_usage_is_status_2(popmail_command: Command, arguments: list[str]) -> None:
    outcome = popmail_command(*arguments)
    assert outcome.status == 2
    assert "Usage" in outcome.err + outcome.out


@pytest.mark.parametrize("arguments", [["--help"], ["fetch", "--help"], ["serve", "-h"], ["--version"]])
def test_help_and_version(popmail_command: Command, arguments: list[str]) -> None:
    outcome = popmail_command(*arguments)
    assert outcome.status == 0
    assert "popmail" in outcome.out


def test_interrupt_in_the_middle_of_a_message_is_status_130(tmp_path: Path) -> None:
    with ScriptedServer({**MAILBOX, "RETR": Stall(b"+OK\r\nSubject: a\r\n\r\nbo")}) as server:
        arguments = [
            "fetch",
            url(server, "pop"),
            "--to",
            str(tmp_path),
            "--allow-cleartext",
            "--auth",
            "user-pass",
            "--delete",
        ]
        process = start(*arguments)
        stalled = server.stalled.wait(30)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert stalled, err
        assert not [line for line in server.requests if line[:4] in (b"DELE", b"QUIT")]
    assert process.returncode == 130
    assert (out, err.splitlines()[-1:]) == ("", ["popmail: interrupted"])
    assert "Traceback" not in err
    assert received(tmp_path) == []
    assert leftovers(tmp_path) == []


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start the command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "popmail", *arguments],
        env={**os.environ, PASSWORD_VARIABLE: PASSWORD},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# list, show, parse

NASTY = (
    b"From: \x1b[31mMallory\x1b[0m <m@example.com>\r\n"
    b"To: me@example.com\r\nSubject: =?utf-8?q?bell=07_=1b[2J_=c2=9b31m_=e2=80=ae?=\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nfirst line\r\n\x1b]0;title\x07 second\tline\r\n"
    b"--b\r\nContent-Type: text/html\r\n"
    b"Content-Disposition: attachment; filename*=utf-8''a%1b%5b2Jb.html\r\n\r\n<p>x\r\n"
    b"--b--\r\n"
)


def assert_harmless(text: str) -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text), ascii(text)


def test_list_shows_number_size_uid_date_sender_subject(popmail_command: Command, certificates: Certificates) -> None:
    messages = [*plain_messages(2), NASTY]
    with serving(certificates, messages) as server:
        outcome = popmail_command("list", url(server), "--cafile", certificates.ca_file)
        short = popmail_command("list", url(server), "--cafile", certificates.ca_file, "--no-headers")
    assert outcome.status == 0, outcome.err
    rows = [line.split("\t") for line in outcome.out.splitlines()]
    assert [row[:2] for row in rows] == [[str(number), str(len(raw))] for number, raw in enumerate(messages, 1)]
    assert rows[0][3:] == ["2026-11-23 10:00", "sender1@example.com", "message 1"]
    assert "[2J" in rows[2][5]
    assert_harmless(outcome.out)
    assert [line.split("\t") for line in short.out.splitlines()] == [row[:3] for row in rows]


def test_list_of_a_server_without_top(popmail_command: Command) -> None:
    with ScriptedServer({**MAILBOX, "TOP": b"-ERR\r\n"}) as server:
        outcome = popmail_command("list", url(server, "pop"), "--allow-cleartext", "--auth", "user-pass")
    assert outcome == Outcome(0, "1\t20\tuid1\t-\t-\t-\n", "")


def test_show_draws_the_message(popmail_command: Command, tmp_path: Path) -> None:
    file = tmp_path / "nasty.eml"
    file.write_bytes(NASTY)
    for options in ([], ["--headers"]):
        outcome = popmail_command("show", file, *options)
        assert outcome.status == 0, outcome.err
        assert_harmless(outcome.out)
        for expected in ("Mallory", "multipart/mixed", "text/plain", "text/html", "first line\n", "second\tline"):
            assert expected in outcome.out


def test_show_writes_one_page_of_html(popmail_command: Command, tmp_path: Path) -> None:
    file, page = tmp_path / "nasty.eml", tmp_path / "page.html"
    file.write_bytes(NASTY)
    outcome = popmail_command("show", file, "--html")
    assert outcome.status == 0, outcome.err
    assert outcome.out.startswith("<!doctype html>")
    assert "Mallory" in outcome.out
    assert popmail_command("show", file, "--html", "--output", page).status == 0
    assert page.read_text("utf-8") == outcome.out
    assert popmail_command("show", file, "-o", page).status == 2


def test_show_lists_attachments(popmail_command: Command, tmp_path: Path) -> None:
    file = tmp_path / "files.eml"
    attachment = popmail.Attachment(b"%PDF", "Pläne für das Café.pdf")
    uuencoded = "begin 644 a.png\n#86)C\n`\nend\n"
    file.write_bytes(popmail.compose(from_="a@example.com", text=uuencoded, attachments=[attachment]))
    outcome = popmail_command("show", file)
    assert outcome.status == 0, outcome.err
    assert "attachment: Pläne für das Café.pdf, application/pdf, 4 B\n" in outcome.out
    assert "attachment: a.png, image/png, 3 B (in uuencode)\n" in outcome.out


@pytest.mark.parametrize("raw", [b"", b"\r\n", b"no header", b"Subject: only\r\n", bytes(range(256))])
def test_show_and_parse_take_any_bytes(popmail_command: Command, tmp_path: Path, raw: bytes) -> None:
    file = tmp_path / "odd.eml"
    file.write_bytes(raw)
    for arguments in (["show", file], ["show", "--headers", file], ["parse", file]):
        outcome = popmail_command(*arguments)
        assert outcome.status == 0, outcome.err
        assert_harmless(outcome.out)


def test_json_is_canonical_in_a_pipe_and_harmless_on_a_terminal(
    popmail_command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "odd.eml"
    file.write_bytes("Content-Type: text/plain; charset=utf-8\r\n\r\n\x7f \x9b31m \u202e\r\n".encode())
    canonical = popmail.parse(file.read_bytes()).to_json()
    assert popmail_command("parse", "--json", file).out == canonical + "\n"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    shown = popmail_command("parse", "--json", file).out
    assert_harmless(shown)
    assert json.loads(shown) == json.loads(canonical)


def test_parse_gives_one_line_for_each_file(popmail_command: Command, tmp_path: Path) -> None:
    files = [tmp_path / "one.eml", tmp_path / "two.eml"]
    for file in files:
        file.write_bytes(NASTY)
    outcome = popmail_command("parse", *files)
    assert outcome.status == 0
    assert_harmless(outcome.out)
    assert [line.split("\t")[0] for line in outcome.out.splitlines()] == [str(file) for file in files]
    assert "1 attachment" in outcome.out
    outcome = popmail_command("parse", "--json", *files)
    assert [json.loads(line) for line in outcome.out.splitlines()] == [json.loads(popmail.parse(NASTY).to_json())] * 2


def test_a_file_that_is_missing_is_named(popmail_command: Command, tmp_path: Path) -> None:
    for name in ("show", "parse"):
        assert "gone.eml" in popmail_command.fails(name, tmp_path / "gone.eml")


def test_standard_input_is_read() -> None:
    process = subprocess.run(
        [sys.executable, "-m", "popmail", "show", "-"], input=NASTY, capture_output=True, check=True
    )
    assert b"first line" in process.stdout


# serve, demo


@pytest.mark.parametrize("kind", ["maildir", "eml"])
@pytest.mark.parametrize("way", ["pops", "pop"])
def test_serve_gives_a_folder_to_a_client(certificates: Certificates, tmp_path: Path, kind: str, way: str) -> None:
    messages = plain_messages(3)
    for name in ("tmp", "new", "cur"):
        if kind == "maildir":
            (tmp_path / name).mkdir()
    for number, raw in enumerate(messages, 1):
        name = f"new/{number}.M{number}P1.host" if kind == "maildir" else f"{number}.eml"
        (tmp_path / name).write_bytes(raw)
    options = ["--cert", str(certificates.cert_file), "--key", str(certificates.key_file)]
    if way == "pop":
        options.append("--starttls")
    process = start("serve", str(tmp_path), "--user", "ann", *options)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"(pops?)://ann@127\.0\.0\.1:(\d+)", line)
        assert found, line
        assert found[1] == way
        with popmail.connect(found[0], password=PASSWORD, ssl_context=certificates.client_context()) as box:
            assert [mail.raw for mail in box] == messages
            box.dele(1)
        with popmail.connect(found[0], password=PASSWORD, ssl_context=certificates.client_context()) as box:
            assert box.stat().count == 2
    finally:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.strip() == "popmail: interrupted"
    assert len(list(tmp_path.glob("**/*.host*") if kind == "maildir" else tmp_path.glob("*.eml"))) == (
        2 if kind == "maildir" else 3
    )


def test_serve_without_tls_must_be_asked_for(popmail_command: Command, tmp_path: Path) -> None:
    outcome = popmail_command("serve", tmp_path)
    assert outcome.status == 2
    assert "--allow-cleartext" in outcome.err


def test_serve_says_what_it_cannot_serve(popmail_command: Command, certificates: Certificates, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert ".eml" in popmail_command.fails("serve", tmp_path, "--allow-cleartext")
    assert ".eml" in popmail_command.fails("serve", tmp_path / "gone", "--allow-cleartext")
    (tmp_path / "a.eml").write_bytes(b"Subject: a\r\n\r\n")
    assert "PEM" in popmail_command.fails("serve", tmp_path, "--cert", tmp_path / "file")
    assert "gone" in popmail_command.fails("serve", tmp_path, "--cert", tmp_path / "gone")
    with serving(certificates, []) as server:
        error = popmail_command.fails("serve", tmp_path, "--allow-cleartext", "--port", server.port)
    assert "in use" in error.lower()


def test_demo_fetches_decodes_saves_and_deletes(popmail_command: Command, tmp_path: Path) -> None:
    outcome = popmail_command("demo", "--to", tmp_path / "saved")
    assert outcome.status == 0, outcome.err
    assert outcome.err == ""
    assert "is gone" in outcome.out
    assert list((tmp_path / "saved").iterdir())
    assert_harmless(outcome.out)


def test_demo_of_a_folder_without_mail(popmail_command: Command, tmp_path: Path) -> None:
    assert ".eml" in popmail_command("demo", "--mail", tmp_path).err
