"""What a lane's board shows and says: short lines a driver reads at a glance, whole fen as yuan."""

from __future__ import annotations

import msgspec

from domain.lanes.decide import Reason, Verdict
from domain.lanes.settings import Lane

_REFUSED: dict[Reason, str] = {
    "unread": "车牌未识别 请按按钮",
    "low_confidence": "请稍候 人工核对",
    "suspect_fake": "请稍候 人工核对",
    "black_list": "禁止通行",
    "unknown_plate": "未登记车辆 请联系管理处",
    "no_entry": "无入场记录 请联系管理处",
    "unpriced": "请稍候 人工核对",
    "wrong_way": "逆行 请退回",
}


class Shown(msgspec.Struct, frozen=True):
    """Lines for the display, and what is spoken."""

    lines: tuple[str, ...]
    voice: str


def shown(lane: Lane, plate: str, verdict: Verdict) -> Shown | None:
    """What the board says of a verdict; None where it stays as it is."""
    name = spaced(plate)
    match verdict.action:
        case "open":
            return _welcome(lane, name, verdict)
        case "pay":
            fee = f"请交费 {yuan(verdict.due_fen or 0)} 元"
            return Shown(_lines(name, fee), f"{name} {fee}".strip())
        case "refuse":
            text = _REFUSED.get(verdict.reason, "请联系管理处")
            return Shown(_lines(name, text), text)
        case "ignore":
            return None


def spaced(plate: str) -> str:
    """``粤B·12345``, as plates are written."""
    return f"{plate[:2]}·{plate[2:]}" if len(plate) >= 7 and not plate[0].isascii() and plate[1].isalpha() else plate


def yuan(fen: int) -> str:
    """``5``, ``5.5`` or ``5.05``: whole fen in yuan, exactly."""
    whole, part = divmod(fen, 100)
    return f"{whole}.{part:02}".rstrip("0") if part else str(whole)


def _welcome(lane: Lane, name: str, verdict: Verdict) -> Shown:
    greeting = "欢迎光临" if lane.direction == "in" else "一路平安"
    if verdict.reason == "pass" and verdict.days_left is not None:
        rest = f"月租车 剩余 {verdict.days_left} 天"
        return Shown(_lines(name, rest), f"{name} {greeting}".strip())
    return Shown(_lines(name, greeting), f"{name} {greeting}".strip())


def _lines(*lines: str) -> tuple[str, ...]:
    return tuple(line for line in lines if line)
