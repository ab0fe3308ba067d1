"""What a client takes in memory, measured from outside: in a process of its own, above what it takes when idle."""

from __future__ import annotations

import pytest

from footprint import GIB_OF_MAIL, MIB, gib_of_mail, long_listings, measured, serving


def test_a_message_of_1_gib_streams_within_16_mib() -> None:
    assert GIB_OF_MAIL > 1 << 30
    with serving(gib_of_mail()) as port:
        above, result = measured(port, "sink = Sink(); result = [box.retr(1, into=sink), sink.octets]")
    assert result == [GIB_OF_MAIL, GIB_OF_MAIL]
    assert above <= 16 * MIB


@pytest.mark.parametrize("length", [20, 70], ids="{} octets each".format)
def test_list_and_uidl_of_a_million_messages_take_100_mib(length: int) -> None:
    count = 1_000_000
    work = (
        "sizes = box.list(); uids = box.uidl();"
        "result = [len(sizes), len(uids), sizes[-1], uids[999_999], sum(entry.octets for entry in sizes)]"
    )
    with serving(long_listings(count, length)) as port:
        above, result = measured(port, work)
    last = [count, count * 7]
    assert result == [count, count, last, [count, f"{count:0{length}d}"], 7 * count * (count + 1) // 2]
    assert above <= 100 * MIB
