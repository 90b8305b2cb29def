"""A city's day of stays priced with their explanations on one core, from a thousand to 800,000."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.rows import Row, full, row
from domain.plates import PlateColor
from domain.tariff import LotTariff
from server.tariff_file import load_tariff

_FIXTURES = Path("tests/fixtures/tariffs")
# Collected notices: steps, windows of the day, caps by cycle, workdays and rest days, classes by colour.
_NOTICES = (
    "zhumadian-2020-hearing",
    "yantai-airport",
    "complex-notice-steps",
    "anshan-qianshan-daynight",
    "campus-2022-new",
    "kerb-workday-restday",
)
_MIDNIGHT = datetime(2026, 11, 17, 16, tzinfo=UTC)
_COLORS: tuple[PlateColor, ...] = ("blue",) * 7 + ("green",) * 2 + ("yellow",)
_DAY, _MOST_S = 800_000, 60
_CURVE, _FULL = (1_000, 10_000, 100_000, _DAY), (1_000_000,)
Stay = tuple[LotTariff, PlateColor, datetime, datetime, str]


async def run(scale: float) -> list[Row]:
    """Stays of a seeded day under six notices; each explanation must add up to its fee."""
    lots = [_lot(name) for name in _NOTICES]
    counts = (*_CURVE, *(_FULL if full() else ()))
    return [_measured(lots, int(count * scale), judged=count == _DAY and scale == 1) for count in counts]


def _lot(name: str) -> LotTariff:
    tariff = load_tariff(_FIXTURES / f"{name}.yaml")
    return LotTariff(tariff, next(iter(tariff.plans)))


def _measured(lots: list[LotTariff], count: int, *, judged: bool) -> Row:
    cpu_s, lines, sum_fen = 0.0, 0, 0
    for stays in _chunks(lots, count):
        began = time.process_time()
        quotes = [lot.quote(color, entry, exit_, (), plate) for lot, color, entry, exit_, plate in stays]
        cpu_s += time.process_time() - began
        wrong = sum(quote.fee_fen != sum(line.fen for line in quote.lines) for quote in quotes)
        if wrong:
            raise RuntimeError(f"{wrong} explanations do not add up to their fee")
        lines += sum(len(quote.lines) for quote in quotes)
        sum_fen += sum(quote.fee_fen for quote in quotes)
    beside = {"us_a_stay": round(cpu_s / max(1, count) * 1e6, 1), "lines": lines, "sum_fen": sum_fen}
    return row(f"{count:,} stays priced", round(cpu_s, 2), "s of a core", at_most=_MOST_S if judged else None, **beside)


def _chunks(lots: list[LotTariff], count: int, most: int = 20_000) -> Iterator[list[Stay]]:
    chance = random.Random(2026)
    for start in range(0, count, most):
        yield [_stay(lots, chance, number) for number in range(start, min(count, start + most))]


def _stay(lots: list[LotTariff], chance: random.Random, number: int) -> Stay:
    """Most for an hour or two, some for days."""
    entry = _MIDNIGHT + timedelta(seconds=chance.randrange(86_400))
    length_s = min(30 * 86_400, int(chance.lognormvariate(8.6, 1.2)))
    color = chance.choice(_COLORS)
    return lots[number % len(lots)], color, entry, entry + timedelta(seconds=length_s), f"京A{number % 100_000:05}"
