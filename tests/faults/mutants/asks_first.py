"""The broken agent, on purpose: it opens a door only after a word with the centre."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from edge.commands import app as cli
from edge.control import control
from edge.control.doors import DoorControl
from edge.status import self_report
from edge.sync import session

_waiting: list[Callable[[], None]] = []


class Asking(DoorControl):
    """Keeps each answer until the centre has been heard of again."""

    def _answer(self, *asked: Any) -> None:
        _waiting.append(partial(super()._answer, *asked))


class Obedient(session.Session):
    """Opens what waited when the centre has answered."""

    def _note_online(self) -> None:
        super()._note_online()
        while _waiting:
            _waiting.pop(0)()


def main() -> None:
    self_report.Session, control.DoorControl = Obedient, Asking  # type: ignore[misc]
    cli.main()


if __name__ == "__main__":
    main()
