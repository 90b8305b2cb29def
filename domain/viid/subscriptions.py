"""What an upper library asks for (SubscribeObject), judged and matched; and the notification that brings it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from domain.viid.asked import BadAsked, begins_with, is_an_end, number_of, time_of
from domain.viid.codes import DETAILS
from domain.viid.envelopes import NOTIFICATION, Fields, listed, notified
from domain.viid.times import stamp

_MOST_URI_SIGNS, _MOST_TITLE_SIGNS, _MOST_REASON_SIGNS = 256, 256, 256
_DEFAULT_INTERVAL_S, _MOST_INTERVAL_S = 30, 3_600
_NO_PICTURES = "-1"
MOST_IN_ONE = 20  # objects of a notification: InfoIDs has room for 1024 signs
_DISTRICT_DIGITS = (2, 4, 6, 8)  # of an administrative division, or of a centre: what codes begin with

State = Literal["active", "cancelled", "expired"]
_STATUS: Mapping[State, int] = {"active": 0, "cancelled": 1, "expired": 2}


class Subscription(msgspec.Struct, frozen=True):
    """``names``: of which objects; ``sources``: codes of devices, gates, libraries, or what they begin with."""

    id: str
    title: str
    names: tuple[str, ...]
    sources: tuple[str, ...]
    begins_at: datetime
    ends_at: datetime
    receive_at: str
    interval_s: int = _DEFAULT_INTERVAL_S
    with_pictures: bool = True
    is_cancel: bool = False
    reason: str = ""

    def covers(self, name: str, codes: Collection[str], library: str, at: datetime) -> bool:
        """Whether it asks for an object of this name, of these codes (its device, its gate), at this moment."""
        if name not in self.names or not self.begins_at <= at < self.ends_at:
            return False
        return any(_names(source, codes, library) for source in self.sources)


def read_subscription(said: Fields) -> Subscription:
    """Raises BadAsked."""
    begins_at, ends_at = time_of(said, "BeginTime"), time_of(said, "EndTime")
    if ends_at <= begins_at:
        raise BadAsked(f"EndTime {said['EndTime']} is not after BeginTime {said['BeginTime']}")
    return Subscription(
        id=subscription_id(said.get("SubscribeID")),
        title=_text(said, "Title", _MOST_TITLE_SIGNS),
        names=_details(_text(said, "SubscribeDetail", 256)),
        sources=_words(_text(said, "ResourceURI", _MOST_URI_SIGNS)),
        begins_at=begins_at,
        ends_at=ends_at,
        receive_at=_text(said, "ReceiveAddr", 256),
        interval_s=_interval(said.get("ReportInterval")),
        with_pictures=str(said.get("ResultImageDeclare", "")).strip() != _NO_PICTURES,
        is_cancel=is_an_end(said),
        reason=str(said.get("Reason") or said.get("CancelReason") or "")[:_MOST_REASON_SIGNS],
    )


def subscription_id(value: object) -> str:
    """A SubscribeID, as it is. Raises BadAsked."""
    return number_of(value, "SubscribeID", "Subscribe")


def as_told(subscription: Subscription, state: State) -> Fields:
    """A SubscribeObject, for who asks what it subscribed to."""
    codes = [code for code, name in DETAILS.items() if name in subscription.names]
    return {
        "SubscribeID": subscription.id,
        "Title": subscription.title,
        "SubscribeDetail": ",".join(codes),
        "ResourceURI": ",".join(subscription.sources),
        "BeginTime": stamp(subscription.begins_at),
        "EndTime": stamp(subscription.ends_at),
        "ReceiveAddr": subscription.receive_at,
        "ReportInterval": subscription.interval_s,
        "OperateType": 0,
        "SubscribeStatus": _STATUS[state],
    }


def notification(
    number: str,
    subscription: Subscription,
    name: str,
    objects: Sequence[tuple[str, Fields]],
    *,
    is_change: bool = False,
) -> Fields:
    """A SubscribeNotificationObject with objects of one name, each with its number; its own number tells its time."""
    return {
        "NotificationID": number,
        "SubscribeID": subscription.id,
        "Title": subscription.title,
        "TriggerTime": number[14:28],
        "InfoIDs": ",".join(identity for identity, _ in objects),
        "ExecuteOperation": 2 if is_change else 1,
        **notified(name, [_shown(said, subscription) for _, said in objects]),
    }


def notifications(several: Sequence[Fields]) -> Fields:
    """The message that carries them."""
    return listed(NOTIFICATION, several)


def _shown(said: Fields, subscription: Subscription) -> Fields:
    """Without pictures, for who does not want any."""
    if subscription.with_pictures:
        return said
    return {key: value for key, value in said.items() if key not in ("SubImageList", "Data")}


def _names(source: str, codes: Collection[str], library: str) -> bool:
    if source == library or source in codes:
        return True
    return len(source) in _DISTRICT_DIGITS and any(begins_with(code, [source]) for code in codes)


def _details(text: str) -> tuple[str, ...]:
    codes = _words(text)
    strange = [code for code in codes if code not in DETAILS]
    if strange:
        raise BadAsked(f"SubscribeDetail {', '.join(strange)}: there are {', '.join(DETAILS)} here")
    return tuple(dict.fromkeys(DETAILS[code] for code in codes))


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for part in text.split(",") if (word := part.strip()))


def _text(said: Mapping[str, Any], name: str, most_signs: int) -> str:
    value = str(said.get(name) or "").strip()
    if not value or len(value) > most_signs:
        raise BadAsked(f"{name}: {'is missing' if not value else f'has more than {most_signs} signs'}")
    return value


def _interval(value: object) -> int:
    """Seconds between reports; not more than one in an hour, nor a negative one."""
    try:
        seconds = int(str(value).strip() or _DEFAULT_INTERVAL_S) if value is not None else _DEFAULT_INTERVAL_S
    except ValueError as error:
        raise BadAsked(f"ReportInterval {str(value)[:40]!r} is no number of seconds") from error
    return min(max(seconds, 0), _MOST_INTERVAL_S)
