"""Writes the classes of mail of `corpus.py` to a folder, for the benchmarks in other languages."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from corpus import corpus


def write(folder: Path, corpus: dict[str, list[bytes]]) -> None:
    """Write every message as a file, and `classes.json` with the files of each class."""
    folder.mkdir(parents=True, exist_ok=True)
    classes: dict[str, list[str]] = {}
    for at, (name, messages) in enumerate(corpus.items()):
        files = classes[name] = [f"{at}-{number:02}.eml" for number in range(len(messages))]
        for file, raw in zip(files, messages, strict=True):
            (folder / file).write_bytes(raw)
    (folder / "classes.json").write_text(json.dumps(classes, ensure_ascii=False))


if __name__ == "__main__":
    write(Path(sys.argv[1]), corpus())
