"""Delivery into a folder: complete messages only, none lost, none twice, whatever happens in between."""

from __future__ import annotations

import mailbox
import threading
from typing import TYPE_CHECKING

import pytest

from popmail._delivery import STATE_PREFIX, Delivery, DeliveryError, Layout

if TYPE_CHECKING:
    from pathlib import Path

RAW = b"Subject: a\r\n\r\n.dot\r\n\xff\r\n"


def files_in(folder: Path) -> list[str]:
    """Return every file below the folder, except the state."""
    return sorted(
        str(file.relative_to(folder))
        for file in folder.rglob("*")
        if file.is_file() and not file.name.startswith(STATE_PREFIX)
    )


def deliver(delivery: Delivery, raw: bytes, uid: str) -> str:
    """Deliver a message and return its receipt."""
    receipts: list[str] = []
    with delivery.message(uid, receipts.append) as file:
        file.write(raw)
    delivery.sync()
    return receipts[-1]


def test_maildir_is_what_the_standard_library_reads(tmp_path: Path) -> None:
    delivery = Delivery(tmp_path / "new" / "folder", "maildir")
    for number in range(3):
        deliver(delivery, RAW, f"uid{number}")
    box = mailbox.Maildir(tmp_path / "new" / "folder", create=False)
    assert [box.get_bytes(key) for key in box.keys()] == [RAW] * 3  # noqa: SIM118
    assert [path.read_bytes() for path in (tmp_path / "new" / "folder" / "new").iterdir()] == [RAW] * 3


def test_eml_names_are_safe_and_never_reused(tmp_path: Path) -> None:
    (tmp_path / "a_b.eml").write_bytes(b"was here before")
    delivery = Delivery(tmp_path, "eml")
    for uid in ("a/b", "a/b", "../../x", "\x1b[2J", "...", "u" * 300):
        deliver(delivery, RAW, uid)
    assert files_in(tmp_path) == sorted(
        ["a_b.eml", "a_b-2.eml", "a_b-3.eml", "_.._x.eml", "__2J.eml", "message.eml", "u" * 100 + ".eml"]
    )
    assert (tmp_path / "a_b.eml").read_bytes() == b"was here before"


@pytest.mark.parametrize("layout", ["maildir", "eml"])
def test_a_message_that_fails_half_way_leaves_nothing(tmp_path: Path, layout: Layout) -> None:
    delivery = Delivery(tmp_path, layout)
    deliver(delivery, RAW, "first")
    with pytest.raises(ConnectionError), delivery.message("second") as file:
        file.write(RAW[:5])
        raise ConnectionError
    assert len(files_in(tmp_path)) == 1


@pytest.mark.parametrize("layout", ["maildir", "eml"])
def test_a_message_is_not_in_the_folder_before_it_is_complete(tmp_path: Path, layout: Layout) -> None:
    with Delivery(tmp_path, layout).message("uid") as file:
        file.write(RAW)
        assert not [name for name in files_in(tmp_path) if name.startswith("new") or name.endswith(".eml")]


@pytest.mark.parametrize("layout", ["maildir", "eml"])
def test_a_receipt_tells_whether_the_message_appeared(tmp_path: Path, layout: Layout) -> None:
    delivery = Delivery(tmp_path, layout)
    (tmp_path / "uid.eml").write_bytes(b"another message of that name")
    receipts: list[str] = []

    def note(receipt: str) -> None:
        receipts.append(receipt)
        assert not Delivery(tmp_path, layout).arrived(receipt)

    with delivery.message("uid", note) as file:
        file.write(RAW)
    assert [Delivery(tmp_path, layout).arrived(receipt) for receipt in receipts] == [True]
    assert not delivery.arrived("1/uid.eml")
    if layout == "maildir":
        (tmp_path / "new" / receipts[0]).rename(tmp_path / "cur" / f"{receipts[0]}:2,S")
        assert Delivery(tmp_path, layout).arrived(receipts[0])


def test_the_state_of_each_account_has_its_own_name(tmp_path: Path) -> None:
    delivery = Delivery(tmp_path, "maildir")
    accounts = ["me@pop.example.com:995", "me@pop.example.com:110", "a/b@host:995", "a%2Fb@host:995", "../x@host:1"]
    files = {delivery.state_file(account) for account in accounts}
    assert len(files) == len(accounts)
    assert {file.parent for file in files} == {tmp_path}
    for file in files:
        file.touch()
    Delivery(tmp_path, "maildir")


def test_a_folder_of_something_else_is_no_maildir(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()
    with pytest.raises(DeliveryError, match="not a Maildir"):
        Delivery(tmp_path, "maildir")
    assert files_in(tmp_path) == ["letter.txt"]


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DeliveryError, match="cannot write"):
        Delivery(tmp_path / name, "maildir")


def test_names_are_unique_over_threads(tmp_path: Path) -> None:
    def work() -> None:
        for _ in range(50):
            with delivery.message("same") as file:
                file.write(RAW)

    delivery = Delivery(tmp_path, "eml")
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(files_in(tmp_path)) == 200


def test_deliveries_may_begin_in_one_folder_at_the_same_time(tmp_path: Path) -> None:
    failed: list[Exception] = []

    def work(folder: Path, barrier: threading.Barrier) -> None:
        barrier.wait()
        try:
            Delivery(folder, "maildir")
        except DeliveryError as error:
            failed.append(error)

    for round_ in range(50):
        barrier = threading.Barrier(8)
        threads = [threading.Thread(target=work, args=(tmp_path / str(round_), barrier)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failed == []
