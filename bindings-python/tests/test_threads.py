"""Threads that share messages, readers and the parser, at switches as frequent as Python makes them."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow
import pytest

import popmail
from samples import awkward_messages, plain_messages
from tables import row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    T = TypeVar("T")

THREADS = 8
SAMPLES = [path.read_bytes() for path in sorted((Path(__file__).resolve().parents[2] / "examples/mail").glob("*.eml"))]


@pytest.fixture(autouse=True)
def _switching_always() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def at_once(work: Callable[[], T]) -> list[T]:
    """Do the same on several threads that start together; return what each made."""
    start = threading.Barrier(THREADS)

    def run() -> T:
        start.wait()
        return work()

    with ThreadPoolExecutor(THREADS) as pool:
        return [future.result() for future in [pool.submit(run) for _ in range(THREADS)]]


@pytest.mark.parametrize("number", range(len(SAMPLES)))
def test_a_message_is_the_same_for_every_thread(number: int) -> None:
    raw = SAMPLES[number]
    expected = row(popmail.parse(raw))
    for _ in range(5):
        message = popmail.parse(raw)
        assert at_once(lambda message=message: row(message)) == [expected] * THREADS


def test_what_is_made_once_is_made_once() -> None:
    for _ in range(50):
        message = popmail.parse(SAMPLES[3])

        def read(message: popmail.Message = message) -> list[Any]:
            kept = [message.text, message.html, message.raw, message.details]
            return kept + [part.content for part in message.parts]

        first, *others = at_once(read)
        for other in others:
            assert all(mine is theirs for mine, theirs in zip(first, other, strict=True))


def test_messages_are_dropped_on_any_thread() -> None:
    def work() -> int:
        messages = popmail.parse_many(SAMPLES * 20, threads=2)
        return sum(len(part.content) for message in messages for part in message.attachments)

    assert len(set(at_once(work))) == 1


@pytest.mark.parametrize("threads", [None, 1, 2, 7])
def test_many_are_parsed_in_their_order(threads: int | None) -> None:
    items = [*SAMPLES, *awkward_messages(), *plain_messages(400)]
    parsed = popmail.parse_many(iter(items), threads=threads)
    assert [message.raw for message in parsed] == items
    assert [message.to_json() for message in parsed] == [popmail.parse(raw).to_json() for raw in items]
    assert at_once(lambda: popmail.parse_many(items, threads)) == [parsed] * THREADS
    assert parsed[0].raw is items[0]


def test_many_take_what_one_takes() -> None:
    raw = SAMPLES[0]
    assert popmail.parse_many([]) == []
    assert popmail.parse_many([raw, bytearray(raw), memoryview(raw)]) == [popmail.parse(raw)] * 3
    with pytest.raises(TypeError, match=r"parse_many\(\) takes bytes, .*, not str"):
        popmail.parse_many([raw, "a text"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="threads must be at least 1, got 0"):
        popmail.parse_many([raw], threads=0)
    with pytest.raises(TypeError):
        popmail.parse_many(1)  # type: ignore[arg-type]


def test_threads_share_the_batches_of_a_reader() -> None:
    messages = plain_messages(500)
    for threads in (1, 3):
        reader = popmail.arrow.read(messages, ["size"], batch_size=7, threads=threads)
        counts = at_once(lambda reader=reader: [len(batch) for batch in reader])
        assert sum(map(sum, counts)) == reader.messages == 500
        assert reader.octets == sum(map(len, messages))


def test_threads_that_make_tables_do_not_meet() -> None:
    messages = [*SAMPLES, *plain_messages(300)]
    expected = pyarrow.record_batch(popmail.arrow.parse(messages, threads=1))
    assert all(at_once(lambda: pyarrow.record_batch(popmail.arrow.parse(messages, threads=3)).equals(expected)))


def test_a_batch_is_handed_to_many_threads() -> None:
    batch = popmail.arrow.parse(SAMPLES)
    expected = pyarrow.record_batch(batch)
    assert all(at_once(lambda: pyarrow.record_batch(batch).equals(expected)))


def test_an_engine_that_two_threads_use_at_once_stays_whole() -> None:
    """One connection is for one thread at a time; another that comes in between is refused, or waits for its turn."""
    octets = b"+OK ready\r\n" + b"+OK\r\nUSER\r\n.\r\n"
    for _ in range(30):
        engine = popmail.ClientEngine(
            tls="none", allow_cleartext=True, pipelining=True, strict=False, timeout=60, limits=popmail.Limits()
        )

        def feed(engine: popmail.ClientEngine = engine) -> int:
            refused = 0
            for octet in octets:
                try:
                    engine.receive(bytes([octet]))
                    while engine.next_event() is not None:
                        pass
                    engine.take_output()
                except (RuntimeError, popmail.Pop3Error):
                    refused += 1
            return refused

        assert len(at_once(feed)) == THREADS
        assert engine.state


def test_the_module_asks_for_no_lock() -> None:
    enabled = getattr(sys, "_is_gil_enabled", None)
    if enabled is None or sys.abiflags.find("t") < 0:
        # A build with the lock: what the module declares is in its source, which this build was made of.
        source = Path(__file__).resolve().parents[1] / "src" / "lib.rs"
        assert "#[pymodule(gil_used = false)]" in source.read_text("utf-8")
    else:
        assert not enabled()
