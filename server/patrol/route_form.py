"""The form of a route: its fields as a browser sends them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from domain.rounds.plan import WEEK, BadRoute, Route, check

_SPLIT = str.maketrans(dict.fromkeys(",，;；、\r\n\t", " "))
_FIELDS = {"tolerance_min": "tolerance", "within_min": "within"}
MOST_TIMES_SIGNS, MOST_POINTS_SIGNS = 400, 7_000


def read(get: Callable[[str, int], str], names: Mapping[str, str]) -> Route:
    """The route a form says. ``get`` gives a field by name, with a bound of signs; ``names``: checkpoints by name,
    which the form writes one to a line in their order. Raises BadRoute."""
    lines = [one for line in get("points", MOST_POINTS_SIGNS).splitlines() if (one := tidy(line))]
    if any(one not in names for one in lines):
        raise BadRoute("points: write names of checkpoints that are there, one to a line")
    said = {
        "name": tidy(get("name", 200)),
        "points": [names[one] for one in lines],
        "times": get("times", MOST_TIMES_SIGNS).translate(_SPLIT).replace("：", ":").split(),
        "days": [day for day in WEEK if get(day, 8)],
        "tolerance_min": _number(get("tolerance", 4), "tolerance"),
        "within_min": _number(get("within", 4), "within"),
        "is_ordered": bool(get("ordered", 8)),
    }
    try:
        return check(msgspec.convert(said, Route), tuple(names.values()))
    except msgspec.ValidationError as error:
        raise BadRoute(f"{_field(str(error))}: {error}") from error


def tidy(text: str) -> str:
    """A name in one line, without signs that no screen shows."""
    return " ".join("".join(sign for sign in text if sign.isprintable() or sign.isspace()).split())


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise BadRoute(f"{name}: write a whole number")
    return int(text)


def _field(message: str) -> str:
    """Of which field msgspec complains: ``… - at `$.points```."""
    name = message.rpartition("$.")[2].partition("[")[0].strip("`")
    return _FIELDS.get(name, name)
