"""Why a file is refused, whole: which file, which line, what is wrong with it, and what to do."""

from __future__ import annotations

AGAIN = "download it anew and give it as it came"


class BadBill(Exception):
    """A file that cannot be used. Nothing of it is."""

    def __init__(self, name: str, reason: str, *, line: int | None = None, remedy: str = AGAIN) -> None:
        self.name, self.reason, self.line, self.remedy = name, reason, line, remedy
        where = name if line is None else f"{name}: line {line}"
        super().__init__(f"{where}: {reason}; {remedy}")
