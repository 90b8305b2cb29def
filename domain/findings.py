"""What a check of ``doctor`` says: in which state a thing is, why, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

Level = Literal["ok", "warn", "error"]
_EXIT: dict[Level, int] = {"ok": 0, "warn": 1, "error": 2}


class Finding(msgspec.Struct, frozen=True):
    """``cause`` is what was seen; ``next_step`` what a person does about it, empty where nothing is to be done."""

    group: str
    name: str
    level: Level
    cause: str
    next_step: str = ""


class Reporter(msgspec.Struct, frozen=True):
    """Makes the findings of one check."""

    group: str
    name: str

    def ok(self, cause: str) -> Finding:
        return Finding(self.group, self.name, "ok", cause)

    def warn(self, cause: str, next_step: str) -> Finding:
        return Finding(self.group, self.name, "warn", cause, next_step)

    def error(self, cause: str, next_step: str) -> Finding:
        return Finding(self.group, self.name, "error", cause, next_step)


def exit_code(findings: Iterable[Finding]) -> int:
    """0 all well, 1 something deserves a look, 2 something must be mended."""
    return max((_EXIT[finding.level] for finding in findings), default=0)
