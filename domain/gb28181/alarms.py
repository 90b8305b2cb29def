"""Which events are alarms to an upper platform, and how it names them. Data: a city's own rows go before these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from domain.alerts.conditions import When
from domain.events import Event

_OVER = When(state=("cleared", "test"))
_DEVICE, _VIDEO, _FAULT = 2, 5, 6  # AlarmMethod
_APPEARS = ("start", "instant")


class AlarmRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an event is called above. ``words``: fixed ones, for no word of a device or a person leaves the house here.

    AlarmType counts within a method; none with method 2 is the generic alarm of a device.
    """

    when: When
    priority: Annotated[int, Meta(ge=1, le=4)]  # 1 the highest
    words: Annotated[str, Meta(min_length=1, max_length=60)]
    method: Annotated[int, Meta(ge=1, le=7)] = _DEVICE
    type: Annotated[int, Meta(ge=1, le=99)] | None = None
    event_type: Annotated[int, Meta(ge=1, le=2)] | None = None  # of intrusion: 1 enters, 2 leaves


def _alarm(name: str, priority: int, words: str, method: int = _DEVICE, kind: int | None = None) -> AlarmRow:
    return AlarmRow(When(kind=("alarm",), alarm=(name,)), priority, words, method, kind)


def _seen(labels: tuple[str, ...], priority: int, words: str, kind: int) -> AlarmRow:
    return AlarmRow(When(kind=("detection",), label=labels, phase=_APPEARS), priority, words, _VIDEO, kind)


BUILT_IN: tuple[AlarmRow, ...] = (
    _alarm("sos", 1, "紧急求助"),
    _alarm("duress", 1, "胁迫报警"),
    _alarm("fire", 1, "火警"),
    _alarm("smoke", 1, "烟雾报警"),
    _alarm("gas", 1, "燃气报警"),
    AlarmRow(When(kind=("door",), state=("forced_open",)), 2, "强行开门"),
    AlarmRow(When(kind=("door",), state=("held_open",)), 3, "门长时间未关"),
    _alarm("intrusion", 2, "入侵报警"),
    _alarm("theft", 2, "盗窃报警"),
    _alarm("tamper", 2, "防拆报警", kind=2),
    _alarm("video_loss", 3, "视频丢失", kind=1),
    _alarm("image_fault", 3, "视频异常", _VIDEO, 11),
    _alarm("charger_overheat", 2, "充电设备过热", kind=4),
    _alarm("disk_fault", 3, "存储设备故障", _FAULT, 1),
    _alarm("device_fault", 3, "设备故障", _FAULT),
    _alarm("fire_system_fault", 3, "消防系统故障", _FAULT),
    _alarm("water_leak", 3, "水浸报警"),
    _alarm("tailgating", 3, "尾随通行"),
    _alarm("wrong_way", 3, "逆行", _VIDEO, 7),
    _alarm("barrier_struck", 2, "道闸被撞"),
    AlarmRow(When(kind=("detection",), label=("intrusion",), phase=_APPEARS), 2, "区域入侵", _VIDEO, 6, 1),
    _seen(("line_crossed", "line_crossing", "tripwire"), 3, "越界", 5),
    _seen(("loitering", "person_stay"), 3, "人员徘徊", 8),
    _seen(("crowd",), 3, "人员聚集", 10),
    # Whatever else a device calls an alarm.
    AlarmRow(When(kind=("alarm",)), 4, "设备报警"),
)


def row_of(event: Event, rows: Sequence[AlarmRow] = BUILT_IN) -> AlarmRow | None:
    """The first row that means the event; None: it is no alarm, as an all-clear and a test are none."""
    if _OVER.holds(event):
        return None
    return next((row for row in rows if row.when.holds(event)), None)
