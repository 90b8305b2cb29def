"""The repository's own documents as tests read them: fenced blocks, links, and the commands they name."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")
DOCUMENTS = (*READMES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")))
PROGRAMS = ("gatehouse-edge", "gatehouse-server", "gatehouse-sim", "make")

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def blocks(document: Path, language: str) -> list[str]:
    """The fenced blocks of one language."""
    found = _FENCE.findall(document.read_text(encoding="utf-8"))
    return [body for name, body in found if name == language]


def commands(document: Path) -> Iterator[list[str]]:
    """Every command of ours that a document names, in a shell block or in a code span, as its words."""
    spans = _SPAN.findall(_FENCE.sub("", document.read_text(encoding="utf-8")))
    lines = [line for block in blocks(document, "sh") for line in block.splitlines()]
    for text in (*lines, *spans):
        if text.split(" ", 1)[0] in PROGRAMS and " " in text:
            yield shlex.split(text, comments=True)


def links(document: Path) -> list[str]:
    """The targets of links that lead to the repository's own files."""
    found = _LINK.findall(_FENCE.sub("", document.read_text(encoding="utf-8")))
    return [target for target in found if "://" not in target]


def anchors(document: Path) -> set[str]:
    """The anchors that headings give."""
    headings = _HEADING.findall(_FENCE.sub("", document.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
