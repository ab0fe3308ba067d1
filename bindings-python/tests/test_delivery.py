"""Delivery into a folder: complete messages only, none lost, none twice, whatever happens in between."""

from __future__ import annotations

import json
import mailbox
import os
import threading
from typing import TYPE_CHECKING

import pytest

from popmail import _delivery as delivery_module
from popmail._delivery import STATE_FILE, Delivery, DeliveryError, Layout

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT = "me@pop.example.com:995"
RAW = b"Subject: a\r\n\r\n.dot\r\n\xff\r\n"


def files_in(folder: Path) -> list[str]:
    """Return every file below the folder, except the state."""
    return sorted(
        str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file() and file.name != STATE_FILE
    )


def deliver(delivery: Delivery, raw: bytes, uid: str) -> None:
    with delivery.message(uid) as file:
        file.write(raw)
    delivery.record(ACCOUNT, uid)


def test_maildir_is_what_the_standard_library_reads(tmp_path: Path) -> None:
    with Delivery(tmp_path / "new" / "folder", "maildir") as delivery:
        for number in range(3):
            deliver(delivery, RAW, f"uid{number}")
    box = mailbox.Maildir(tmp_path / "new" / "folder", create=False)
    assert [box.get_bytes(key) for key in box.keys()] == [RAW] * 3  # noqa: SIM118
    assert [path.read_bytes() for path in (tmp_path / "new" / "folder" / "new").iterdir()] == [RAW] * 3


def test_eml_names_are_safe_and_never_reused(tmp_path: Path) -> None:
    (tmp_path / "a_b.eml").write_bytes(b"was here before")
    with Delivery(tmp_path, "eml") as delivery:
        for uid in ("a/b", "a/b", "../../x", "\x1b[2J", "...", "u" * 300):
            deliver(delivery, RAW, uid)
    assert files_in(tmp_path) == sorted(
        ["a_b.eml", "a_b-2.eml", "a_b-3.eml", "_.._x.eml", "__2J.eml", "message.eml", "u" * 100 + ".eml"]
    )
    assert (tmp_path / "a_b.eml").read_bytes() == b"was here before"


@pytest.mark.parametrize("layout", ["maildir", "eml"])
def test_a_message_that_fails_half_way_leaves_nothing(tmp_path: Path, layout: Layout) -> None:
    with pytest.raises(ConnectionError), Delivery(tmp_path, layout) as delivery:
        deliver(delivery, RAW, "first")
        with delivery.message("second") as file:
            file.write(RAW[:5])
            raise ConnectionError
    assert len(files_in(tmp_path)) == 1
    with Delivery(tmp_path, layout) as delivery:
        assert delivery.delivered(ACCOUNT) == {"first": 1}


@pytest.mark.parametrize("layout", ["maildir", "eml"])
def test_a_message_is_not_in_the_folder_before_it_is_complete(tmp_path: Path, layout: Layout) -> None:
    with Delivery(tmp_path, layout) as delivery, delivery.message("uid") as file:
        file.write(RAW)
        assert not [name for name in files_in(tmp_path) if name.startswith("new") or name.endswith(".eml")]


def test_state_survives_and_counts_equal_uids(tmp_path: Path) -> None:
    with Delivery(tmp_path, "maildir") as delivery:
        deliver(delivery, RAW, "twin")
        deliver(delivery, RAW, "twin")
        deliver(delivery, RAW, "gone")
        delivery.record("someone@else:110", "twin")
    with Delivery(tmp_path, "maildir") as delivery:
        assert delivery.delivered(ACCOUNT) == {"twin": 2, "gone": 1}
        delivery.forget_missing(ACCOUNT, ["twin", "unknown"])
    with Delivery(tmp_path, "maildir") as delivery:
        assert delivery.delivered(ACCOUNT) == {"twin": 1}
        assert delivery.delivered("someone@else:110") == {"twin": 1}
        assert delivery.delivered("nobody@nowhere:1") == {}


def test_state_is_saved_while_messages_arrive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_module, "_SAVE_INTERVAL", 0.0)
    with Delivery(tmp_path, "maildir") as delivery:
        deliver(delivery, RAW, "uid")
        assert json.loads((tmp_path / STATE_FILE).read_text()) == {"version": 1, "accounts": {ACCOUNT: ["uid"]}}


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 1}', '{"version": 1, "accounts": [1]}', '{"accounts": {}}'])
def test_damaged_state_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / STATE_FILE).write_text(text)
    with pytest.raises(DeliveryError, match="damaged"), Delivery(tmp_path, "eml"):
        pass
    assert (tmp_path / STATE_FILE).read_text() == text


def test_state_of_a_later_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / STATE_FILE).write_text('{"version": 2, "accounts": {}}')
    with pytest.raises(DeliveryError, match="expected 1"), Delivery(tmp_path, "eml"):
        pass


def test_a_folder_of_something_else_is_no_maildir(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()
    with pytest.raises(DeliveryError, match="not a Maildir"), Delivery(tmp_path, "maildir"):
        pass
    assert files_in(tmp_path) == ["letter.txt"]


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DeliveryError, match="cannot write"), Delivery(tmp_path / name, "maildir"):
        pass


@pytest.mark.skipif(os.name != "posix", reason="locks are POSIX's")
def test_two_deliveries_into_one_folder_exclude_each_other(tmp_path: Path) -> None:
    with Delivery(tmp_path, "eml"), pytest.raises(DeliveryError, match="another fetch"), Delivery(tmp_path, "eml"):
        pass
    with Delivery(tmp_path, "eml"):
        pass


def test_names_are_unique_over_threads(tmp_path: Path) -> None:
    def work() -> None:
        for _ in range(50):
            with delivery.message("same") as file:
                file.write(RAW)

    with Delivery(tmp_path, "eml") as delivery:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(files_in(tmp_path)) == 200
