"""What an alert's page says of its event: facts in words, and what happened when. Numbers of cards stay masked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from domain.events import Event
from domain.masking import masked_text
from server.store.alert_views import ActionView, AlertView
from server.store.delivery_rows import Delivery
from server.store.engine import unstamp
from server.web import alert_titles, titles
from server.web.device_titles import centre_word
from server.web.languages import N_

# Devices write numbers of cards and plates into their free text.
_TEXT_NAMES_PEOPLE = frozenset({"access", "plate"})


class Fact(NamedTuple):
    """A label, and a value: ``is_word`` where the value is one of our words and wants translating."""

    label: str
    value: str
    is_word: bool = False


class Step(NamedTuple):
    """Something that happened at a time; ``actor`` did it, with ``note`` as their words. Of somebody who was told it is
    ``actor`` whom, ``channel`` by what, and ``why`` the word for what went wrong."""

    at: datetime
    title: str
    actor: str | None = None
    note: str | None = None
    channel: str | None = None
    why: str | None = None
    photo: str | None = None  # its hash; empty where there was one that was let go of


def facts_of(event: Event, view: AlertView) -> list[Fact]:
    """Everything a person may see of the event, in the order in which they ask."""
    return [fact for fact in _facts(event, view) if fact.value not in ("", "—")]


def _facts(event: Event, view: AlertView) -> Iterator[Fact]:
    yield Fact(N_("小区"), view.complex_name or view.complex)
    yield Fact(N_("位置"), view.place or "")
    yield from _device(view)
    yield Fact(N_("点位"), view.point or "")
    yield Fact(N_("车道"), event.lane or "")
    yield Fact(N_("事件"), titles.word("kind", event.kind), True)
    yield Fact(N_("状态"), titles.state_word(event.state), True)
    yield Fact(N_("结果"), titles.word("result", event.result), True)
    yield Fact(N_("方式"), titles.word("method", event.method), True)
    yield Fact(N_("方向"), titles.word("direction", event.direction), True)
    yield Fact(N_("对象（已遮盖）"), view.subject or "")
    yield from _details(event)
    yield Fact(N_("时间质量"), titles.word("time_quality", event.time_quality), True)
    yield Fact(N_("设备原来的时间"), event.device_time or "")


def _device(view: AlertView) -> Iterator[Fact]:
    """By its name; its own number beside it, for who looks for it in the list or in the settings."""
    word = centre_word(view.device)
    title = word or view.device_name or view.device
    yield Fact(N_("设备"), title, word is not None)
    yield Fact(N_("设备编号"), view.device if title != view.device else "")


def _details(event: Event) -> Iterator[Fact]:
    yield Fact(N_("原因"), masked_text(event.reason or ""))
    yield Fact(N_("报警类型"), alert_titles.alarm_word(event.alarm), True)
    yield Fact(N_("识别到"), titles.word("label", event.label), True)
    yield Fact(N_("区域"), "、".join(event.zones))
    yield Fact(N_("把握"), "" if event.confidence is None else f"{event.confidence:.0%}")
    yield Fact(N_("触发"), masked_text(event.trigger or ""))
    yield Fact(N_("代码"), event.code or "")
    for name, value in sorted(event.metrics.items()):
        yield Fact(titles.word("metric", name), f"{value:g}")
    yield Fact(N_("说明"), "" if event.kind in _TEXT_NAMES_PEOPLE else masked_text(event.text or ""))


def whole_of(event: Event) -> list[str]:
    """What is masked on the page, whole: the subject's number and name, and a text that names people."""
    subject, text = event.subject, event.text or ""
    named = [subject.id or "", subject.name or ""] if subject else []
    hidden = text if event.kind in _TEXT_NAMES_PEOPLE or masked_text(text) != text else ""
    return [one for one in (*named, hidden) if one]


def timeline_of(
    view: AlertView, actions: Sequence[ActionView], picture_at: datetime | None, told: Sequence[Step] = ()
) -> list[Step]:
    """What happened when, in order of time; ``told``: who was told."""
    steps = [
        Step(view.occurred_at, N_("发生")),
        Step(view.recorded_at, N_("网关记录")),
        Step(view.received_at, N_("到达中心")),
    ]
    if picture_at is not None:
        steps.append(Step(picture_at, N_("图片到达")))
    steps += [_done(one) for one in actions]
    return sorted((*steps, *told), key=lambda step: step.at)


def _done(one: ActionView) -> Step:
    photo = None if one.photo is None else one.photo if one.photo_here else ""
    return Step(one.at, titles.word("action", one.action), one.actor, one.note, photo=photo)


def told_of(deliveries: Sequence[Delivery], title_of: Callable[[str], str]) -> list[Step]:
    """Who was told by which channel, and how that stands; ``title_of`` names a channel of the settings."""
    return [_told(one, title_of) for one in deliveries]


def _told(one: Delivery, title_of: Callable[[str], str]) -> Step:
    whom = one.person or titles.word("level", one.desk)
    by = title_of(one.channel) if one.channel else None
    why = titles.word("not_sent", one.error) if one.error and one.state in ("failed", "held", "asked") else None
    return Step(unstamp(one.at), titles.word("delivery", one.state), whom, channel=by, why=why)
