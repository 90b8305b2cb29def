"""A ladder as a form: levels with their times in minutes, hours in which time runs, and the seconds of an emergency."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from domain.alerts.words import CATEGORIES, Category
from domain.duty.plan import BUILT_IN, LEVELS, BadPlan, Ladder, Level, Plan, Rung, Waits
from domain.located import located

_MINUTE_S, _DAY_S = 60, 86_400


def category_of(text: str) -> Category:
    """Raises BadPlan."""
    found: Category | None = next((one for one in CATEGORIES if one == text), None)
    if found is None:
        raise BadPlan(f"category: no such category: {text!r}")
    return found


def read(plan: Plan, category: Category, said: Callable[[str], str]) -> Plan:
    """The plan with one ladder as the form says. Raises BadPlan."""
    rungs = [_rung(level, said) for level in LEVELS if said(f"on_{level}")]
    seconds = {"person_s": _number(said, "person_s"), "level_s": _number(said, "level_s")}
    ladder = {
        "rungs": rungs,
        **seconds,
        "expire_s": _number(said, "expire_days") * _DAY_S,
        "at_least": said("at_least"),
    }
    return _with(plan, category, ladder)


def with_default(plan: Plan, category: Category) -> Plan:
    return _with(plan, category, msgspec.to_builtins(BUILT_IN.ladder(category)))


def _with(plan: Plan, category: Category, ladder: Any) -> Plan:
    try:
        return msgspec.structs.replace(plan, **{category: msgspec.convert(ladder, Ladder)})
    except msgspec.ValidationError as error:
        raise BadPlan(located(category, str(error))) from error


def _rung(level: Level, said: Callable[[str], str]) -> dict[str, Any]:
    waits = {name: _number(said, f"{name}_{level}") * _MINUTE_S for name in Waits.__struct_fields__}
    working = said(f"working_{level}").replace("，", " ").replace(",", " ").split()
    return {"level": level, "waits": waits, "working": working}


def _number(said: Callable[[str], str], name: str) -> int:
    text = said(name)
    if not (text.isascii() and text.isdigit() and len(text) < 8):
        raise BadPlan(f"{name}: {text!r} is no whole number")
    return int(text)


def rows(ladder: Ladder) -> list[tuple[Level, bool, Rung]]:
    """Every level, whether the ladder has it, and its times; those of a level that it has not are the usual ones."""
    has = {rung.level: rung for rung in ladder.rungs}
    usual = {rung.level: rung for rung in BUILT_IN.security.rungs}
    return [(level, level in has, has.get(level, usual[level])) for level in LEVELS]
