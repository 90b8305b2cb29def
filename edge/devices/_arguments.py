"""Reading a command's arguments: what is missing or does not fit is said, not guessed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from edge.devices._fields import text_in, whole
from edge.devices.driver import CannotEncode, Command


def whole_in(command: Command, name: str, low: int, high: int, default: int | None = None) -> int:
    """A whole number between ``low`` and ``high``, both inclusive. Raises CannotEncode."""
    value = command.args.get(name, default)
    number = whole(value)
    if number is None or not low <= number <= high:
        raise CannotEncode(f"{command.name} needs {name} from {low} to {high}, not {value!r}")
    return number


def words(command: Command, name: str, default: str = "") -> str:
    """A text that is not empty. Raises CannotEncode."""
    value = text_in(command.args.get(name, default))
    if value is None:
        raise CannotEncode(f"{command.name} needs {name}, a text")
    return value


def texts(command: Command, name: str) -> list[str]:
    """A list of texts, not empty. Raises CannotEncode."""
    value = command.args.get(name)
    listed = [text_in(item) for item in cast("list[Any]", value)] if isinstance(value, list | tuple) else []
    if not listed or None in listed:
        raise CannotEncode(f"{command.name} needs {name}, a list of texts, not {value!r}")
    return cast("list[str]", listed)


def span(command: Command, name: str) -> tuple[datetime, datetime]:
    """Two aware times, the second not before the first, as datetimes or ISO 8601. Raises CannotEncode."""
    value = command.args.get(name)
    ends = [_aware(end) for end in cast("list[Any]", value)] if isinstance(value, list | tuple) else []
    if len(ends) != 2 or ends[0] is None or ends[1] is None or ends[1] < ends[0]:
        raise CannotEncode(f"{command.name} needs {name}, two times with a zone, the first first, not {value!r}")
    return ends[0], ends[1]


def _aware(value: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return None
    return time if isinstance(time, datetime) and time.tzinfo is not None else None
