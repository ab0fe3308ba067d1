"""The fixture that pytest finds where popmail is installed (entry point `pytest11`)."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .testing import Server


@pytest.fixture
def pop3_server() -> Iterator[Callable[..., Server]]:
    """Start POP3 servers for a test: call it as `popmail.testing.Server`; they end with the test."""
    # Not above: every run of pytest loads this file, few use the fixture.
    from .testing import Server

    with contextlib.ExitStack() as running:

        def start(*arguments: Any, **options: Any) -> Server:
            return running.enter_context(Server(*arguments, **options))

        yield start
