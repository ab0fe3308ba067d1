"""The published JSON Schemas describe what is written, and every defect has a row and a vector."""

from __future__ import annotations

import base64
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

import popmail

ROOT = Path(__file__).resolve().parents[2]
VECTORS = sorted((ROOT / "tests/vectors/mime").glob("*.json"))


def schema(name: str) -> Draft202012Validator:
    """The schema as the package has it."""
    text = files("popmail").joinpath(f"schema/{name}.schema.json").read_text(encoding="utf-8")
    Draft202012Validator.check_schema(json.loads(text))
    return Draft202012Validator(json.loads(text))


EMAIL = schema("email")
DETAILS = schema("details")


def message(vector: dict[str, Any]) -> popmail.Message:
    given = vector["input"]
    raw = (ROOT / given["file"]).read_bytes() if "file" in given else base64.b64decode(given["base64"])
    return popmail.parse(raw)


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_vectors_are_valid(path: Path) -> None:
    vector = json.loads(path.read_text(encoding="utf-8"))
    EMAIL.validate(vector["expect"]["email"])
    parsed = message(vector)
    EMAIL.validate(parsed.to_dict())
    DETAILS.validate(json.loads(parsed.details_json()))
    if "details" in vector["expect"]:
        DETAILS.validate(vector["expect"]["details"])


def test_what_is_not_described_is_refused() -> None:
    email = popmail.parse(b"Subject: x\r\n\r\ny").to_dict()
    for change in ({"more": 1}, {"size": "1"}, {"from": [{"name": None}]}, {"sentAt": "today"}):
        with pytest.raises(ValidationError):
            EMAIL.validate(email | change)
    details = json.loads(popmail.parse(b"").details_json())
    with pytest.raises(ValidationError):
        DETAILS.validate(details | {"calendars": [{}]})


def test_every_defect_has_a_vector() -> None:
    registry = json.loads((ROOT / "tests/registry/defects.json").read_text(encoding="utf-8"))
    severities = {row["code"]: row["severity"] for row in registry}
    found: dict[str, str] = {}
    for path in VECTORS:
        parsed = message(json.loads(path.read_text(encoding="utf-8")))
        found |= {defect.code: defect.severity for defect in parsed.defects}
    assert found == severities
