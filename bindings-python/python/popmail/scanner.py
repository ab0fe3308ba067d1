"""What `popmail.Scanner` tells of a message that is still arriving."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

__all__ = ["PartEnded", "PartStarted", "ScanEvent"]


class PartStarted(NamedTuple):
    """The header fields of a part have ended."""

    part: int
    """The number of the part, in document order; 0 is the message itself."""
    depth: int
    """How many multiparts and messages it is in."""
    content_type: str
    """The media type in lower case."""
    header: bytes
    """The header fields as they came, blank line included: ``popmail.parse`` reads them."""
    body: int
    """Where the body starts, in octets from the start of the message."""


class PartEnded(NamedTuple):
    """A part has ended."""

    part: int
    """The number of the part."""
    body: tuple[int, int]
    """Its body: first octet, and after the last; without the line end before the delimiter."""


ScanEvent: TypeAlias = PartStarted | PartEnded
"""One thing that a scanner has seen."""
