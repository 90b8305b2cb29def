"""What a device answered to a command over HTTP, as the result of that command."""

from __future__ import annotations

from typing import Any

from domain.events import Event
from edge.devices._fields import text_in, whole
from edge.devices.driver import ANSWER_STATUS, ANSWER_TO, NO_ANSWER, Message

_OK = range(200, 300)
_SAID = 200


def is_answer(message: Message) -> bool:
    """Whether a message is the answer to a command of ours."""
    return ANSWER_STATUS in message.headers


def command_result(message: Message, device: str, *, ok: bool, text: str | None = None, **rest: Any) -> Event:
    """``ok`` as the body says; the vendor's yes says that it was taken or a relay fired, never that a door moved."""
    status = message.headers[ANSWER_STATUS]
    done = None if status == NO_ANSWER else ok and whole(status) in _OK
    said = text or message.payload[:_SAID].decode("utf-8", "replace").strip() or None
    return Event(
        kind="command_result",
        device=device,
        time_quality="gateway",
        request_id=text_in(message.headers.get(ANSWER_TO)),
        ok=done,
        code=status,
        text=None if done else said,
        label=message.topic.partition("?")[0] or None,
        **rest,
    )
