"""Times, money and plates as people read them. Templates use these as filters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.masking import masked_name as masked_name
from domain.masking import masked_subject, masked_text
from domain.plates import mask
from server.store.gateway_views import ClockView
from server.web.languages import N_

DEFAULT_ZONE = "Asia/Shanghai"
Translate = Callable[[str], str]
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400


def zone_of(name: str | None) -> ZoneInfo:
    """The zone of a complex; that of most of our complexes where it has none that we know."""
    try:
        return ZoneInfo(name or DEFAULT_ZONE)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo(DEFAULT_ZONE)


def clock(time: datetime | None, zone: str | None = None) -> str:
    """``02:14``."""
    return "—" if time is None else time.astimezone(zone_of(zone)).strftime("%H:%M")


def moment(time: datetime | None, now: datetime, zone: str | None = None) -> str:
    """``02:14`` today, ``11-22 02:14`` this year, ``2025-11-22 02:14`` before."""
    if time is None:
        return "—"
    local, today = time.astimezone(zone_of(zone)), now.astimezone(zone_of(zone))
    if local.date() == today.date():
        return local.strftime("%H:%M")
    return local.strftime("%m-%d %H:%M" if local.year == today.year else "%Y-%m-%d %H:%M")


def to_second(time: datetime | None, zone: str | None = None) -> str:
    """``2026-11-23 02:14:05``."""
    return "—" if time is None else time.astimezone(zone_of(zone)).strftime("%Y-%m-%d %H:%M:%S")


def to_minute(time: datetime | None, zone: str | None = None) -> str:
    """``2026-11-23 02:14``."""
    return "—" if time is None else time.astimezone(zone_of(zone)).strftime("%Y-%m-%d %H:%M")


def stamp_to_second(at: str, zone: str | None = None) -> str:
    """The same of a time as the tables keep it."""
    return to_second(datetime.fromisoformat(at), zone)


def line_time(text: str) -> str:
    """``11-22 02:14`` of a time in the lines of a charge, which is in the tariff's own zone already."""
    return datetime.fromisoformat(text).strftime("%m-%d %H:%M")


def age(time: datetime, now: datetime, translate: Translate) -> str:
    """``4 分钟前``. The browser keeps it true afterwards (static/ages.js)."""
    seconds = int((now - time).total_seconds())
    if seconds < _MINUTE_S:
        return translate(N_("刚刚"))
    if seconds < _HOUR_S:
        return translate(N_("%(n)s 分钟前")) % {"n": seconds // _MINUTE_S}
    if seconds < _DAY_S:
        return translate(N_("%(n)s 小时前")) % {"n": seconds // _HOUR_S}
    return translate(N_("%(n)s 天前")) % {"n": seconds // _DAY_S}


def duration(span: timedelta, translate: Translate) -> str:
    """``3 小时 12 分``; ``2 天 3 小时`` where it is long."""
    minutes = max(0, int(span.total_seconds())) // _MINUTE_S
    hours, rest = divmod(minutes, 60)
    if hours >= 24:
        return translate(N_("%(days)s 天 %(hours)s 小时")) % {"days": hours // 24, "hours": hours % 24}
    if hours:
        return translate(N_("%(hours)s 小时 %(minutes)s 分")) % {"hours": hours, "minutes": rest}
    return translate(N_("%(minutes)s 分钟")) % {"minutes": minutes}


def seconds_span(seconds: int, translate: Translate) -> str:
    """``3 小时 12 分`` of whole seconds."""
    return duration(timedelta(seconds=seconds), translate)


def clock_words(clock: ClockView | None, translate: Translate) -> str:
    """How a gateway's clock is: how far from ours, and that nobody vouches for it."""
    if clock is None:
        return "—"
    words = [] if clock.confirmed else [translate(N_("未校准"))]
    if clock.off >= timedelta(minutes=2):
        words.append(translate(N_("与中心相差 %(span)s")) % {"span": duration(clock.off, translate)})
    elif clock.offset_ms is not None:
        words.append(translate(N_("与中心相差 %(seconds)s 秒")) % {"seconds": f"{clock.off.total_seconds():.1f}"})
    return translate(N_("，")).join(words) or translate(N_("已校准"))


def yuan(fen: int) -> str:
    """Fen as yuan: ``¥12.50``; what is taken off as ``−¥3.00``."""
    whole, rest = divmod(abs(fen), 100)
    return f"{'−' if fen < 0 else ''}¥{whole:,}.{rest:02d}"


def masked(plate: str) -> str:
    """A plate as a page may show it before a reason is given: ``京A***45``."""
    return mask(plate)


def masked_words(text: str) -> str:
    """A device's or a program's words without the plates and long numbers in them."""
    return masked_text(text)


def size(count: int) -> str:
    """Bytes for people."""
    return f"{count} B" if count < 1_024 else f"{count / 1_024:.1f} kB"


def hex_rows(body: bytes, width: int = 16) -> Iterator[tuple[str, str, str]]:
    """Offset, bytes in hex, and their ASCII, for rows of ``width`` bytes."""
    for start in range(0, len(body), width):
        row = body[start : start + width]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"{start:06x}", row.hex(" "), text


# What domain/tariff calls the lines of a fee, and how a person says it. Amounts in fen become yuan.
_TARIFF_WORDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?P<minutes>\d+) min at (?P<fen>\d+) fen"), N_("每 %(minutes)s 分钟 %(yuan)s")),
    (re.compile(r"flat (?P<fen>\d+) fen"), N_("按次 %(yuan)s")),
    (re.compile(r"no entry: (?P<fen>\d+) fen"), N_("没有入场记录 %(yuan)s")),
    (re.compile(r"free"), N_("免费")),
    (re.compile(r"free time"), N_("免费时长")),
    (re.compile(r"outside the bands"), N_("不收费时段")),
    (re.compile(r"(?P<rate>[\d.]+) fen an hour by the second"), N_("每小时 %(rate)s 分钱，按秒计")),
    (re.compile(r"scaled to (?P<percent>[\d.]+) %"), N_("按 %(percent)s 折算（百分比）")),
    (re.compile(r"cap of the stay: (?P<fen>\d+) fen"), N_("单次封顶 %(yuan)s")),
    (re.compile(r"cap of cycle (?P<number>\d+): (?P<fen>\d+) fen"), N_("第 %(number)s 周期封顶 %(yuan)s")),
    (re.compile(r"full cycle (?P<number>\d+)"), N_("第 %(number)s 整周期")),
    (re.compile(r"cap (?P<fen>\d+) fen"), N_("时段封顶 %(yuan)s")),
    (
        re.compile(r"window cap (?P<fen>\d+) fen, (?P<spent>\d+) charged before"),
        N_("连续时段封顶 %(yuan)s（此前已收 %(spent)s）"),
    ),
)


_TARIFF_MORE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"in (?P<lot>.+), not counted here"), N_("在 %(lot)s 里，外场不计")),
    (re.compile(r"from here on by version (?P<version>[0-9a-f]{12})"), N_("从这里起按规则 %(version)s")),
    (re.compile(r"pass ?(?P<name>.*)"), N_("月卡 %(name)s")),
    (re.compile(r"pass: no more than without it"), N_("有月卡不比没有贵")),
    (re.compile(r"discount (?P<name>.+): (?P<minutes>\d+) min"), N_("优惠 %(name)s：减 %(minutes)s 分钟")),
    (re.compile(r"discount (?P<name>.+): (?P<fen>\d+) fen"), N_("优惠 %(name)s：减 %(yuan)s")),
    (re.compile(r"discount (?P<name>.+): (?P<percent>\d+) %"), N_("优惠 %(name)s：减百分之 %(percent)s")),
    (re.compile(r"discount (?P<name>.+): all"), N_("优惠 %(name)s：全免")),
    (re.compile(r"discount (?P<name>.+): used already"), N_("优惠 %(name)s：已经用过")),
)


def tariff_rule(rule: str, translate: Translate) -> str:
    """A line of a fee in words; as the tariff says it where we have none."""
    lot, found, inner = rule.partition(": ")
    known = any(pattern.fullmatch(rule) for pattern, _ in (*_TARIFF_WORDS, *_TARIFF_MORE))
    if found and not known:  # of a lot within the lot
        return f"{lot}: {_rule_words(inner, translate)}"
    return _rule_words(rule, translate)


def _rule_words(rule: str, translate: Translate) -> str:
    for pattern, text in (*_TARIFF_WORDS, *_TARIFF_MORE):
        found = pattern.fullmatch(rule)
        if found:
            return translate(text) % _amounts(found.groupdict())
    return rule


def _amounts(parts: dict[str, str]) -> dict[str, str]:
    if "fen" in parts:
        parts["yuan"] = yuan(int(parts["fen"]))
    if "spent" in parts:
        parts["spent"] = yuan(int(parts["spent"]))
    return parts


def masked_number(text: str | None) -> str:
    """A card's number or a telephone's: its last three signs, where it is long."""
    return masked_subject("card", text) if text else ""
