"""Drives ``tests/vectors/pop3/client`` through the Python engine: each dialogue
whole, byte by byte, and split at seeded random places."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from popmail import ClientEngine, Limits, UsageError
from popmail import event as ev
from popmail.error import InsecureError

VECTORS = sorted((Path(__file__).parents[2] / "tests/vectors/pop3/client").glob("*.json"))
Cut = Callable[[bytes], Iterator[bytes]]


def whole(octets: bytes) -> Iterator[bytes]:
    yield octets


def single(octets: bytes) -> Iterator[bytes]:
    for at in range(len(octets)):
        yield octets[at : at + 1]


def at_random(seed: int) -> Cut:
    numbers = random.Random(seed)

    def cut(octets: bytes) -> Iterator[bytes]:
        while octets:
            length = numbers.randint(1, 7)
            yield octets[:length]
            octets = octets[length:]

    return cut


CUTS = {"whole": lambda: whole, "single": lambda: single} | {
    f"seed-{seed}": (lambda seed=seed: at_random(seed)) for seed in range(3)
}


def test_the_vectors_are_there() -> None:
    assert len(VECTORS) >= 50


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_dialogue(path: Path, cut: str) -> None:
    vector = json.loads(path.read_text())
    config = dict(vector["config"])
    limits = {name: config[name] for name in ("status_line", "listing_entries", "buffered_content") if name in config}
    engine = ClientEngine(
        tls=config["tls"],
        allow_cleartext=config.get("allow_cleartext", False),
        pipelining=config.get("pipelining", True),
        strict=config.get("strict", False),
        reconnect=config.get("reconnect", False),
        trace=config.get("trace", False),
        timeout=60.0,
        limits=Limits(**limits),
    )
    events: list[dict[str, Any]] = []
    handles: list[int] = []
    pieces = CUTS[cut]()
    for step in vector["steps"]:
        [(kind, value)] = step.items()
        match kind:
            case "server":
                for piece in pieces(value.encode("latin-1")):
                    engine.receive(piece)
            case "client":
                assert engine.take_output() == value.encode("latin-1")
            case "command":
                try:
                    handles.append(run(engine, *value))
                except (UsageError, InsecureError) as error:
                    events.append({"usage_error": error.code})
            case "tls_established":
                engine.tls_established()
            case "eof":
                engine.receive_eof()
            case "silence":
                engine.handle_timeout(1000.0)
                engine.handle_timeout(1000.0 + value)
            case "state":
                assert engine.state == value
            case "events":
                drain(engine, events, handles)
                assert events == value
                events.clear()
            case _:
                raise AssertionError(f"unknown step {kind}")
    drain(engine, events, handles)
    assert events == []


def run(engine: ClientEngine, name: str, *arguments: Any) -> int:
    chunks = arguments[-1:] == ("chunks",)
    match name:
        case "login":
            user, password, auth, *rest = arguments
            options = dict(rest[0]) if rest else {}
            if "token" in options:
                options["token"] = options["token"].encode()
            if "binding" in options:
                options["channel_binding"] = ("tls-exporter", options.pop("binding").encode())
            return engine.login(user, None if password is None else password.encode(), auth, **options)
        case "auth_plain" | "apop":
            user, secret = arguments
            return getattr(engine, name)(user, secret.encode())
        case "pass":
            return engine.pass_(arguments[0].encode())
        case "retr" | "top":
            return getattr(engine, name)(*[a for a in arguments if a != "chunks"], chunks=chunks)
        case _:
            return getattr(engine, name)(*arguments)


def drain(engine: ClientEngine, events: list[dict[str, Any]], handles: list[int]) -> None:
    while (event := engine.next_event()) is not None:
        described = describe(event, handles)
        if "chunks" in described and events and events[-1].get("chunks") == described["chunks"]:
            events[-1]["content"] += described["content"]
        else:
            events.append(described)


def describe(event: ev.ClientEvent, handles: list[int]) -> dict[str, Any]:
    def at(handle: int) -> int:
        return handles.index(handle) + 1

    match event:
        case ev.GreetingReceived():
            return {"greeting": event.line.decode("latin-1")}
        case ev.TlsReady():
            return {"tls_ready": at(event.handle)}
        case ev.ReconnectRequested():
            return {"reconnect": at(event.handle)}
        case ev.LoginFinished():
            return {"login_finished": at(event.handle)}
        case ev.CommandFinished():
            return {"finished": at(event.handle), "line": event.line.decode("latin-1")}
        case ev.CommandFailed():
            response, detail = event.error.response, event.error.detail
            return {
                "failed": at(event.handle),
                "code": event.error.code,
                "response": None if response is None else response.decode("latin-1"),
            } | ({} if detail is None else {"detail": detail})
        case ev.CapabilitiesReceived():
            return {"capabilities": at(event.handle), "all": event.capabilities}
        case ev.StatReceived():
            return {"stat": at(event.handle), "count": event.count, "octets": event.octets}
        case ev.ListReceived():
            return {"list": at(event.handle), "entries": [list(entry) for entry in event.entries]}
        case ev.UidlReceived():
            return {"uidl": at(event.handle), "entries": [list(entry) for entry in event.entries]}
        case ev.ContentReceived():
            return {"chunks": at(event.handle), "content": event.chunk.decode("latin-1")}
        case ev.ContentFinished():
            return {
                "content_finished": at(event.handle),
                "octets": event.octets,
                "content": event.content.decode("latin-1"),
            }
        case ev.LanguagesReceived():
            return {"languages": at(event.handle), "all": [list(entry) for entry in event.languages]}
        case ev.LineTraced():
            return {event.direction: event.line}
        case ev.DeviationObserved():
            return {"deviation": event.deviation, "octets": event.octets.decode("latin-1")}
        case ev.ConnectionClosed():
            return {"closed": None if event.error is None else event.error.code}
