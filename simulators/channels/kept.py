"""What the simulated far ends took, in the order in which they took it."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime

import msgspec

_MOST = 10_000


class Message(msgspec.Struct, frozen=True):
    """``by``: wecom, dingtalk, feishu, push, mail or phone; ``to`` whom it named, as the far end has it."""

    by: str
    text: str
    to: str = ""
    key: str = ""
    at: datetime = datetime.min.replace(tzinfo=UTC)


class Kept:
    """``refused``: why requests were not taken, in their order."""

    def __init__(self) -> None:
        self.messages: deque[Message] = deque(maxlen=_MOST)
        self.refused: deque[str] = deque(maxlen=_MOST)

    def take(self, by: str, text: str, to: str = "", key: str = "") -> None:
        self.messages.append(Message(by, text, to, key, datetime.now(UTC)))

    def of(self, by: str) -> list[Message]:
        return [one for one in self.messages if one.by == by]
