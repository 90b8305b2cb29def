"""What pages show of a tariff: its words, its days as bars, and example stays beside what they cost before."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal, NamedTuple

from domain.tariff import LotTariff, Tariff
from domain.tariff.examples import Example, Priced, example_stays, priced
from server.tariff_check import Problem
from server.web.formats import Translate
from server.web.languages import N_
from server.web.tariff_words import Bar, Words, bars, in_words

EXAMPLE_NAMES = {
    "minutes_15": N_("15 分钟"),
    "hour_1": N_("1 小时"),
    "hours_3": N_("3 小时"),
    "overnight": N_("过夜 12 小时"),
    "hours_25": N_("25 小时"),
    "weekend": N_("周末 6 小时"),
    "holiday": N_("节假日 6 小时"),
    "own": N_("自己填的"),
}
_PROBLEMS = {
    "not_yaml": N_("这不是 YAML：缩进、冒号或括号没有写对。"),
    "bad_key": N_("这里没有写对。"),
    "hole": N_("%(on)s %(from)s–%(to)s 没有时段管。补上一段；真的不收费，就写 outside: free。"),
    "overlap": N_("%(on)s %(from)s–%(to)s 有几个时段重叠。把它们分开；真的以前面的为准，就写 overlap: first。"),
    "no_price": N_("停车超过 %(minutes)s 分钟没有价格。最后一档不要写 until_min，或写上 cycle。"),
    "falls": N_("这是一张档位表：请看一看，停得久会不会反而便宜。"),
    "dated": N_("一个版本里不能再写 versions。"),
}
_ON = {"any": N_("每天"), "workday": N_("工作日"), "restday": N_("休息日")}


class ClassView(NamedTuple):
    """A class of cars: its plan in words, its days, and its example stays."""

    name: str
    version: str
    words: list[Words]
    bars: list[Bar]
    examples: list[Priced]


class ProblemView(NamedTuple):
    """A fault, in the reader's language."""

    text: str
    detail: str  # as the program says it, where that says more
    path: str
    line: int | None
    is_wrong: bool


class DiffLine(NamedTuple):
    """A line of two versions side by side."""

    mark: Literal["+", "-", " "]
    text: str


def classes(
    tariff: Tariff, before: Tariff | None, on: date, own: Sequence[Example], translate: Translate
) -> list[ClassView]:
    """Every class of a tariff, beside the same class of the version in force."""
    said = in_words(tariff, translate)
    found: list[ClassView] = []
    for name, plan in tariff.plans.items():
        old = before.plans.get(name) if before is not None else None
        stays = priced(plan, [*example_stays(plan, on), *own], old)
        found.append(ClassView(name, plan.version, said[name], bars(plan, translate), stays))
    return found


def problems(found: Sequence[Problem], translate: Translate) -> list[ProblemView]:
    """Each in words, with what the program says where a word alone does not say enough."""
    return [_problem(one, translate) for one in found]


def _problem(one: Problem, translate: Translate) -> ProblemView:
    blanks = {name: translate(_ON[text]) if name == "on" else text for name, text in one.about.items()}
    says_more = one.what in ("not_yaml", "bad_key")
    text = translate(_PROBLEMS.get(one.what, one.text))
    return ProblemView(
        text % blanks if blanks else text, one.text if says_more else "", one.path, one.line, one.is_wrong
    )


def difference(old: Tariff | None, new: Tariff, translate: Translate) -> list[DiffLine]:
    """What changes, in words: lines that go, and lines that come. Empty where nothing does."""
    before, after = (_all_words(tariff, translate) if tariff else [] for tariff in (old, new))
    lines = [DiffLine(_mark(line), line[2:]) for line in difflib.ndiff(before, after) if line[0] in "+- "]
    return lines if any(line.mark != " " for line in lines) else []


def _mark(line: str) -> Literal["+", "-", " "]:
    return "+" if line[0] == "+" else "-" if line[0] == "-" else " "


def _all_words(tariff: Tariff, translate: Translate) -> list[str]:
    lines: list[str] = []
    for name, words in in_words(tariff, translate).items():
        lines += [f"{name}:", *("\u3000" * (line.depth + 1) + line.text for line in words)]
    return [*lines, *(f"{name}: —" for name in tariff.exempt_classes)]


def in_force(lot: LotTariff | None, at: datetime) -> LotTariff | None:
    """What counts at a moment."""
    return None if lot is None else lot.at(at)
