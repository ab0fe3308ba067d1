"""The Python examples of a Markdown file, as programs: for the type checkers here, for a run in `test_readme.py`.

Every fenced block marked `python` is one program, complete in itself. What a reader need not see (a variable that an
example starts from) stands right above the block in a comment that the page does not show:

    <!-- python
    raw = b"Subject: hello\r\n\r\nworld\r\n"
    -->
    ```python
    print(popmail.parse(raw).subject)
    ```

Usage: readme_blocks.py MARKDOWN FOLDER writes each block to FOLDER/block_LINE.py.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NamedTuple

_BLOCK = re.compile(
    r"(?:^<!-- python\n(?P<hidden>.*?)^-->\n\s*)?^```python\n(?P<shown>.*?)^```$", re.MULTILINE | re.DOTALL
)


class Block(NamedTuple):
    """One example: the line of the file on which its code starts, and the code, with what the page hides above it."""

    line: int
    code: str


def python_blocks(markdown: str) -> list[Block]:
    """Return the Python examples of a Markdown text, in order."""
    return [
        Block(markdown.count("\n", 0, match.start("shown")) + 1, (match["hidden"] or "") + match["shown"])
        for match in _BLOCK.finditer(markdown)
    ]


def main(markdown: Path, folder: Path) -> None:
    """Write each example to a file of its own; files of an earlier run are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("block_*.py"):
        old.unlink()
    blocks = python_blocks(markdown.read_text("utf-8"))
    if not blocks:
        sys.exit(f"{markdown}: expected at least one ```python block")
    for block in blocks:
        (folder / f"block_{block.line}.py").write_text(block.code, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
