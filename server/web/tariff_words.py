"""A tariff plan in words that a driver understands, line by line, and a day of it as a bar."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from domain.tariff import Plan, Tariff
from domain.tariff.calendar import DAY_S, DayKind
from domain.tariff.coverage import all_bands, clock, collides, day
from domain.tariff.plan import (
    Band,
    Bands,
    Charge,
    Flat,
    Free,
    FreeTime,
    Linear,
    Scaled,
    Tail,
    Tiers,
    Unit,
    WindowCap,
)
from server.web.formats import Translate, yuan
from server.web.languages import N_

_HOUR_MIN = 60
_ON = {"any": N_("每天"), "workday": N_("工作日"), "restday": N_("休息日")}
_HUES = 6


class Words(NamedTuple):
    """A line, and how deep it stands."""

    depth: int
    text: str


class Piece(NamedTuple):
    """A stretch of a bar: where it begins and how wide it is, of 1440, what it is, and its words."""

    x: int
    width: int
    look: str  # hue-0 …, hole, free, clash
    words: str


class Bar(NamedTuple):
    """A day of one kind."""

    path: str
    title: str
    pieces: tuple[Piece, ...]


def in_words(tariff: Tariff, translate: Translate) -> dict[str, list[Words]]:
    """Class -> lines."""
    writer = _Writer(translate)
    return {name: list(writer.plan(plan)) for name, plan in tariff.plans.items()}


def bars(plan: Plan, translate: Translate) -> list[Bar]:
    """Every list of bands of a plan as a day from midnight to midnight."""
    found: list[Bar] = []
    for path, bands in all_bands(plan, ""):
        kinds: tuple[DayKind, ...] = ("workday", "restday") if bands.by_day_kind else ("workday",)
        for kind in kinds:
            title = translate(_ON[kind if bands.by_day_kind else "any"])
            found.append(Bar(path.removeprefix("."), title, tuple(_pieces(bands, kind, translate))))
    return found


def _pieces(bands: Bands, kind: DayKind, translate: Translate) -> Iterator[Piece]:
    writer = _Writer(translate)
    for start, end, fitting in day(bands, kind):
        hours = f"{clock(start)}–{clock(end)}"
        width = (end - start) * 1_440 // DAY_S
        if not fitting:
            look, text = ("hole", N_("没有规定")) if bands.outside is None else ("free", N_("不收费"))
            yield Piece(start * 1_440 // DAY_S, width, look, f"{hours} {translate(text)}")
            continue
        charge = "; ".join(line.text for line in writer.charge(bands.bands[fitting[0]].charge, 0))
        is_clash = collides(bands, fitting) and bands.overlap is None
        look = "clash" if is_clash else f"hue-{fitting[0] % _HUES}"
        said = translate(N_("时段重叠")) if is_clash else charge
        yield Piece(start * 1_440 // DAY_S, width, look, f"{hours} {said}")


class _Writer:
    """Says a plan in one language."""

    def __init__(self, translate: Translate) -> None:
        self._translate = translate

    def _say(self, text: str, **blanks: object) -> str:
        return self._translate(text) % blanks

    def plan(self, plan: Plan, depth: int = 0) -> Iterator[Words]:
        """What a driver must know first comes first."""
        if plan.free is not None:
            yield Words(depth, self._free(plan.free))
        yield from self.charge(plan.charge, depth)
        yield from (Words(depth, text) for text in self._around(plan))
        for name, inner in plan.inner.items():
            text = (
                N_("场内场 %(name)s：在里面的时间外场不计")
                if inner.time == "subtracted"
                else N_("场内场 %(name)s：另外收费")
            )
            yield Words(depth, self._say(text, name=name))
            yield from self.plan(inner.plan, depth + 1)

    def _free(self, free: FreeTime) -> str:
        text = N_("停车不超过 %(time)s 免费；超过的，从入场起收费")
        if free.mode == "deduct":
            text = N_("先减去 %(time)s，再开始收费")
        said = [self._say(text, time=self._minutes(free.minutes))]
        if free.repeat == "every_cycle":
            said.append(self._translate(N_("每个周期都有")))
        if free.limit is not None:
            said.append(self._say(N_("每天只有前 %(times)s 次"), times=free.limit.times))
        if not free.inclusive:
            said.append(self._translate(N_("正好到点不算免费")))
        return self._translate(N_("；")).join(said)

    def _around(self, plan: Plan) -> Iterator[str]:
        if plan.cycle is not None:
            span = self._span(plan.cycle.hours)
            yield self._say(N_("%(span)s为一个周期，每个周期重新计算"), span=span)
        caps = plan.cycle_cap_fen
        if isinstance(caps, tuple):
            said = self._translate(N_("、")).join(yuan(cap) for cap in caps)
            yield self._say(N_("各周期最多收 %(caps)s，以后同最后一个"), caps=said)
        elif caps is not None:
            yield self._say(N_("每个周期最多收 %(cap)s"), cap=yuan(caps))
        if plan.full_cycle_fen is not None:
            yield self._say(N_("满一个周期收 %(price)s"), price=yuan(plan.full_cycle_fen))
        if plan.stay_cap_fen is not None:
            yield self._say(N_("一次停车最多收 %(cap)s"), cap=yuan(plan.stay_cap_fen))
        if plan.window_cap is not None:
            yield self._window(plan.window_cap)
        if plan.seconds != "exact":
            yield self._translate(N_("不满一分钟按一分钟") if plan.seconds == "ceil" else N_("不满一分钟不计"))

    def _window(self, cap: WindowCap) -> str:
        span = self._span(cap.hours)
        return self._say(N_("同一辆车%(span)s内几次停车合计最多收 %(cap)s"), span=span, cap=yuan(cap.fen))

    def _span(self, hours: float | None) -> str:
        if hours is None:
            return self._translate(N_("每个自然日"))
        return self._say(N_("从入场起每 %(hours)s 小时"), hours=f"{hours:g}")

    def charge(self, charge: Charge, depth: int) -> Iterator[Words]:
        """A charge and what it holds."""
        lines = list(self._lines(charge, depth))
        if charge.cap_fen is not None:
            first = lines[0]
            cap = self._say(N_("这一段最多收 %(cap)s"), cap=yuan(charge.cap_fen))
            lines[0] = first._replace(text=self._translate(N_("；")).join((first.text, cap)))
        yield from lines

    def _lines(self, charge: Charge, depth: int) -> Iterator[Words]:
        match charge:
            case Free():
                yield Words(depth, self._translate(N_("免费")))
            case Flat():
                yield Words(depth, self._say(N_("每次 %(price)s"), price=yuan(charge.fen)))
            case Unit():
                yield Words(depth, self._unit(charge))
            case Linear():
                price = f"{charge.fen_per_hour / 100:g}"
                yield Words(depth, self._say(N_("每小时 %(price)s 元，按秒计"), price=price))
            case Scaled():
                yield Words(depth, self._say(N_("按下面价格的 %(percent)s%% 收"), percent=f"{charge.percent:g}"))
                yield from self.charge(charge.of, depth + 1)
            case Tiers():
                yield from self._tiers(charge, depth)
            case Bands():
                yield from self._bands(charge, depth)

    def _unit(self, charge: Unit) -> str:
        said = self._say(N_("每 %(time)s %(price)s"), time=self._minutes(charge.unit_min), price=yuan(charge.fen))
        match charge.rounding:
            case "ceil":
                rest = self._say(N_("不满 %(time)s 按 %(time)s 计"), time=self._minutes(charge.unit_min))
            case "floor":
                rest = self._say(N_("不满 %(time)s 不计"), time=self._minutes(charge.unit_min))
            case Tail(tail_min=tail_min):
                rest = self._say(N_("零头不超过 %(time)s 不计"), time=self._minutes(tail_min))
        return self._translate(N_("，")).join((said, rest))

    def _tiers(self, charge: Tiers, depth: int) -> Iterator[Words]:
        is_table = charge.mode == "select"
        yield Words(
            depth, self._translate(N_("按停车时长查表，只收一档：") if is_table else N_("按停车时长分段，各段相加："))
        )
        begun = 0
        for tier in charge.tiers:
            yield Words(depth + 1, self._stretch(begun, tier.until_min))
            yield from self.charge(tier.charge, depth + 2)
            begun = tier.until_min or begun

    def _stretch(self, begun: int, until: int | None) -> str:
        if until is None:
            return (
                self._say(N_("超过 %(time)s"), time=self._minutes(begun)) if begun else self._translate(N_("全部时间"))
            )
        if begun:
            return self._say(N_("%(from_)s 到 %(time)s"), from_=self._minutes(begun), time=self._minutes(until))
        return self._say(N_("不超过 %(time)s"), time=self._minutes(until))

    def _bands(self, charge: Bands, depth: int) -> Iterator[Words]:
        yield Words(depth, self._translate(N_("按时段收费：")))
        for band in charge.bands:
            yield Words(depth + 1, self._band(band))
            yield from self.charge(band.charge, depth + 2)
        if charge.outside == "free":
            yield Words(depth + 1, self._translate(N_("其它时间不收费")))
        if charge.edge == "finish_unit":
            yield Words(depth + 1, self._translate(N_("过了时段，已经开始的计费单位算完再换")))

    def _band(self, band: Band) -> str:
        said = f"{self._translate(_ON[band.on])} {band.start}–{band.end}"
        if band.cap_fen is None:
            return said
        cap = self._say(N_("每段最多收 %(cap)s"), cap=yuan(band.cap_fen))
        return self._translate(N_("，")).join((said, cap))

    def _minutes(self, minutes: int) -> str:
        if minutes and minutes % _HOUR_MIN == 0:
            return self._say(N_("%(n)s 小时"), n=minutes // _HOUR_MIN)
        return self._say(N_("%(n)s 分钟"), n=minutes)
