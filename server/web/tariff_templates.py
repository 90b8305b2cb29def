"""Tariffs to begin with: whoever writes the first one changes numbers in a plan that works."""

from __future__ import annotations

from typing import NamedTuple

from server.web.languages import N_


class Start(NamedTuple):
    """A plan to begin with."""

    title: str
    words: str
    body: str


STARTS = {
    "hourly": Start(
        N_("按小时"),
        "30 分钟内免费；超过的从入场起，每小时 3 元，不满 1 小时按 1 小时计。",
        """plans:
  small:
    free: {minutes: 30}
    charge: {kind: unit, unit_min: 60, fen: 300}
""",
    ),
    "day_night": Start(
        N_("白天和夜间"),
        "30 分钟内免费。白天 7:00–21:00 每小时 4 元；夜间 21:00–7:00 每 2 小时 3 元，最多 10 元。",
        """plans:
  small:
    free: {minutes: 30}
    cycle: {hours: 24}
    charge:
      kind: bands
      bands:
        - {from: "07:00", to: "21:00", charge: {kind: unit, unit_min: 60, fen: 400}}
        - {from: "21:00", to: "07:00", charge: {kind: unit, unit_min: 120, fen: 300}, cap_fen: 1000}
""",
    ),
    "per_entry": Start(
        N_("按次"),
        "15 分钟内免费；超过的每次 5 元，满 24 小时再计一次。",
        """plans:
  small:
    free: {minutes: 15}
    cycle: {hours: 24}
    charge: {kind: flat, fen: 500}
""",
    ),
    "capped": Start(
        N_("按小时，每天封顶"),
        "30 分钟内免费；超过的从入场起，每 30 分钟 2 元；每 24 小时最多 20 元。黄牌车加倍。",
        """plans:
  small:
    free: {minutes: 30}
    cycle: {hours: 24}
    cycle_cap_fen: 2000
    charge: {kind: unit, unit_min: 30, fen: 200}
  large:
    free: {minutes: 30}
    cycle: {hours: 24}
    cycle_cap_fen: 4000
    charge: {kind: scaled, percent: 200, of: {kind: unit, unit_min: 30, fen: 200}}
exempt_classes: [police, armed_police, military, emergency]
""",
    ),
}
