"""A camera's entry as a form: rows of what is drawn, and of rules, both ways. What a rule asks its own file says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Literal, cast

import msgspec
from msgspec import inspect

from domain.scenes.looking import MotionSettings, ObjectSettings, TrackSettings
from domain.scenes.rules.rule import kinds
from domain.scenes.wishes import MOST_DRAWN, MOST_RULES
from server.store.camera_rows import Entry

What = Literal["zone", "line", "mask", "still"]
WHATS: tuple[What, ...] = ("zone", "line", "mask", "still")  # still: looked away from for motion, and shown
NAMED = ("zone", "line")
MOST_SHAPES = 3 * MOST_DRAWN
_WHOLE = 1_000  # places in a form are thousandths of the picture
_LEFT_OUT = {"motion": ("masks", "resists"), "objects": ("model",), "tracks": ()}
_TUNED: Mapping[str, type[msgspec.Struct]] = {
    "motion": MotionSettings,
    "objects": ObjectSettings,
    "tracks": TrackSettings,
}


class WrongRow(Exception):
    """A row of the form that says nothing that could be; which, and the word of the reason."""

    def __init__(self, what: str, index: int, reason: str) -> None:
        super().__init__(f"{what} {index + 1}: {reason}")
        self.what, self.index, self.reason = what, index, reason


class Question(msgspec.Struct, frozen=True):
    """What a rule, or a part that looks, asks: how it is answered, and what counts where nobody does."""

    name: str
    shape: Literal["zone", "line", "hours", "words", "text", "number", "yes_no", "choice"]
    is_needed: bool = False
    usual: str = ""
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    is_whole: bool = False


class Shape(msgspec.Struct, frozen=True):
    """Something drawn; ``points`` as people read them: ``100,500 500,450``, thousandths from the left and the top."""

    what: str
    name: str
    points: str


class RuleRow(msgspec.Struct, frozen=True):
    """A rule as the form has it."""

    kind: str
    said: Mapping[str, str] = {}

    @property
    def questions(self) -> Sequence[Question]:
        return questions().get(self.kind, ())


class Draft(msgspec.Struct, frozen=True):
    """A camera's entry on its way through a form."""

    shapes: tuple[Shape, ...] = ()
    rules: tuple[RuleRow, ...] = ()
    tuned: Mapping[str, str] = {}  # motion.threshold -> 30

    def names(self, what: str) -> list[str]:
        return [shape.name for shape in self.shapes if shape.what == what and shape.name]


@cache
def questions() -> Mapping[str, tuple[Question, ...]]:
    """What each rule there is asks: a new file of a rule is enough."""
    return {name: tuple(_asked(kind.settings, ("kind",))) for name, kind in sorted(kinds().items())}


@cache
def tuning() -> tuple[Question, ...]:
    """What may be tuned of how a scene is looked at, as ``part.name``."""
    return tuple(
        msgspec.structs.replace(one, name=f"{part}.{one.name}")
        for part, settings in _TUNED.items()
        for one in _asked(settings, _LEFT_OUT[part])
    )


def _asked(settings: type[msgspec.Struct], left_out: Sequence[str]) -> Iterable[Question]:
    info = inspect.type_info(settings)
    assert isinstance(info, inspect.StructType)
    ordered = sorted(info.fields, key=lambda one: one.name in ("hours", "name"))  # what is its own first
    return [_question(field) for field in ordered if field.name not in left_out]


def _question(field: inspect.Field) -> Question:
    kind = field.type
    if isinstance(kind, inspect.UnionType):
        kind = next(one for one in kind.types if not isinstance(one, inspect.NoneType))
    if isinstance(kind, inspect.Metadata):
        kind = kind.type
    asked = Question(field.name, "text", field.required, _text(None if field.required else field.default))
    changed = msgspec.structs.replace
    match kind:
        case inspect.BoolType():
            return changed(asked, shape="yes_no")
        case inspect.IntType() | inspect.FloatType():
            least = kind.ge if kind.ge is not None else kind.gt
            most = kind.le if kind.le is not None else kind.lt
            return changed(asked, shape="number", least=least, most=most, is_whole=isinstance(kind, inspect.IntType))
        case inspect.LiteralType():
            return changed(asked, shape="choice", choices=tuple(str(one) for one in kind.values))
        case _ if field.name in ("zone", "line", "hours"):
            return changed(asked, shape=field.name)
        case inspect.FrozenSetType() | inspect.SetType() | inspect.VarTupleType() | inspect.ListType():
            return changed(asked, shape="words")
        case _:
            return asked


def _text(value: object) -> str:
    """A value as it stands in a form."""
    match value:
        case bool():
            return "1" if value else "0"
        case float():
            return f"{value:g}"
        case str() | int():
            return str(value)
        case list() | tuple() | set() | frozenset():
            return " ".join(sorted(str(one) for one in cast("Iterable[object]", value)))
        case _:
            return ""


def draft_of(entry: Entry | None) -> Draft:
    """The form of an entry, which was checked when it was written."""
    said = entry or {}
    masks = [Shape("mask", "", _points(one)) for one in said.get("masks", ())]
    still = [Shape("still", "", _points(one)) for one in said.get("motion", {}).get("masks", ())]
    zones = [Shape("zone", name, _points(one)) for name, one in said.get("zones", {}).items()]
    lines = [Shape("line", name, _points(one)) for name, one in said.get("lines", {}).items()]
    rules = [RuleRow(str(rule.get("kind")), _rule_texts(rule)) for rule in said.get("rules", ())]
    tuned = {
        one.name: _text(said.get(one.name.partition(".")[0], {}).get(one.name.partition(".")[2])) for one in tuning()
    }
    return Draft((*zones, *lines, *masks, *still), tuple(rules), tuned)


def _rule_texts(rule: Mapping[str, Any]) -> dict[str, str]:
    return {name: _text(value) for name, value in rule.items() if name != "kind"}


def _points(points: Iterable[Sequence[float]]) -> str:
    return " ".join(f"{round(x * _WHOLE, 1):g},{round(y * _WHOLE, 1):g}" for x, y in points)


def draft_in(field: Callable[[str, int], str]) -> Draft:
    """What a form says. ``field`` gives a field's text by its name and bound."""
    shapes = [_shape_in(field, index) for index in range(MOST_SHAPES)]
    rules = [_rule_in(field, index) for index in range(MOST_RULES)]
    tuned = {one.name: field(f"tune-{one.name}", 40) for one in tuning()}
    return Draft(tuple(one for one in shapes if one), tuple(one for one in rules if one), tuned)


def _shape_in(field: Callable[[str, int], str], index: int) -> Shape | None:
    what = field(f"shape-{index}-what", 16)
    name, points = field(f"shape-{index}-name", 64), field(f"shape-{index}-points", 1_200)
    return Shape(what, name, points) if what in WHATS and (name or points) else None


def _rule_in(field: Callable[[str, int], str], index: int) -> RuleRow | None:
    kind = field(f"rule-{index}-kind", 64)
    if kind not in questions():
        return None
    return RuleRow(kind, {one.name: field(f"rule-{index}-{one.name}", 400) for one in questions()[kind]})


def entry_of(draft: Draft) -> Entry:
    """The document of a draft, for ``domain.scenes.wishes`` to judge. Raises WrongRow for what is no number."""
    entry: Entry = {"masks": _of(draft, "mask"), "zones": _named(draft, "zone"), "lines": _named(draft, "line")}
    entry["rules"] = [_rule(index, row) for index, row in enumerate(draft.rules)]
    for index, one in enumerate(tuning()):
        part, _, name = one.name.partition(".")
        if text := draft.tuned.get(one.name, ""):
            entry.setdefault(part, {})[name] = _value(one, text, ("tune", index))
    if still := _of(draft, "still"):
        entry.setdefault("motion", {})["masks"] = still
    return {name: said for name, said in entry.items() if said}


def _of(draft: Draft, what: str) -> list[list[list[float]]]:
    return [_places(index, one.points) for index, one in enumerate(draft.shapes) if one.what == what]


def _named(draft: Draft, what: str) -> dict[str, list[list[float]]]:
    found: dict[str, list[list[float]]] = {}
    for index, one in enumerate(draft.shapes):
        if one.what != what:
            continue
        if not one.name or one.name in found:
            raise WrongRow("shape", index, "name_twice" if one.name else "no_name")
        found[one.name] = _places(index, one.points)
    return found


def _places(index: int, text: str) -> list[list[float]]:
    try:
        places = [[float(part) / _WHOLE for part in pair.split(",")] for pair in text.split()]
    except ValueError:
        raise WrongRow("shape", index, "bad_points") from None
    if any(len(pair) != 2 or not all(0 <= part <= 1 for part in pair) for pair in places):
        raise WrongRow("shape", index, "bad_points")
    return places


def _rule(index: int, row: RuleRow) -> dict[str, Any]:
    asked = {one.name: one for one in row.questions}
    said = {name: _value(asked[name], text, ("rule", index)) for name, text in row.said.items() if text}
    return {"kind": row.kind, **said}


def _value(asked: Question, text: str, where: tuple[str, int]) -> Any:
    match asked.shape:
        case "number":
            try:
                return int(text) if asked.is_whole else float(text)
            except ValueError:
                raise WrongRow(*where, "bad_number") from None
        case "yes_no":
            return text == "1"
        case "hours" | "words":
            return text.split()
        case _:
            return text
