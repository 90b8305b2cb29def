"""Reading a command's arguments: what is missing or does not fit is said, not guessed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, cast

from edge.devices._fields import text_in, whole
from edge.devices.driver import CannotEncode, Command

_DOORS = ("1", "2", "3", "4")  # of a UHPPOTE controller
_MIN_PROFILE, _MAX_PROFILE = 2, 254


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


def days(command: Command, name: str) -> tuple[date, date]:
    """Two days, the second not before the first, as ISO 8601. Raises CannotEncode."""
    value = command.args.get(name)
    ends = [str(end) for end in cast("list[Any]", value)] if isinstance(value, list | tuple) else []
    try:
        begin, end = (date.fromisoformat(text) for text in ends)
    except ValueError as error:
        raise CannotEncode(f"{command.name} needs {name}, two dates YYYY-MM-DD, not {value!r}") from error
    if end < begin:
        raise CannotEncode(f"{command.name}: {name} ends on {end}, before it begins on {begin}")
    return begin, end


def rights_by_door(command: Command, name: str) -> dict[str, bool | int]:
    """Each door as a UHPPOTE controller wants it: true, false, or the number of a time profile (``profile:55``)."""
    value = command.args.get(name)
    given: dict[str, Any] = {}
    if isinstance(value, Mapping):
        given = {str(door): right for door, right in cast("Mapping[Any, Any]", value).items()}
    if not given or not set(given) <= set(_DOORS):
        raise CannotEncode(f"{command.name} needs {name}, rights by door 1 to 4, not {value!r}")
    return {door: _right(command, door, given.get(door, False)) for door in _DOORS}


def _right(command: Command, door: str, right: object) -> bool | int:
    if isinstance(right, bool):
        return right
    profile = whole(right.removeprefix("profile:")) if isinstance(right, str) else whole(right)
    if profile in (0, 1):
        return profile == 1
    if profile is None or not _MIN_PROFILE <= profile <= _MAX_PROFILE:
        raise CannotEncode(f"{command.name}: door {door} takes true, false or profile:2 to 254, not {right!r}")
    return profile


def _aware(value: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return None
    return time if isinstance(time, datetime) and time.tzinfo is not None else None
