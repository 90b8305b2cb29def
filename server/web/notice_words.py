"""What a notice says: how bad, what, where, when, and why it comes to them; of plates and persons nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from domain.alerts.words import SEVERITIES, Severity
from domain.duty.plan import EMERGENCY
from server.channels.channel import Notice, harmless
from server.store.alert_views import AlertView
from server.store.delivery_rows import Delivery
from server.store.item_step_rows import item_of
from server.store.item_views import ItemView
from server.web import alert_titles, formats, titles
from server.web.languages import N_, Language, as_language, translate

Subject = AlertView | ItemView

_MOST_LISTED = 5
_WHYS: Mapping[str, str] = {
    "opened": N_("请处理。"),
    "next_person": N_("上一位没有回应，请您处理。"),
    "climbed": N_("下一级没有回应，已上报到这里，请处理。"),
    "undone": N_("接手已撤销，请处理。"),
    "handed_over": N_("已移交给您，请接手。"),
    "shift_change": N_("交接班：现在由您负责。"),
    "worse": N_("情况变严重了，请重新处理。"),
    "unanswered": N_("各级都没有回应，请马上处理。"),
    "called": N_("吹哨：请到场协助，并报到。"),
    "not_reported": N_("被吹哨的单位没有按时报到，请联系。"),
    "item_new": N_("有新的事项等派单，请处理。"),
    "item_sent": N_("派给了您这一级，请接单。"),
    "item_unit": N_("派给了你们单位，请接单。"),
    "item_review": N_("有事项办完了，等您审核。"),
    "item_back": N_("审核没有通过，退回给您，请看说明。"),
}


class Words:
    """In one language, with links to where people call the centre; "" where that is not known."""

    def __init__(self, lang: str, public_url: str) -> None:
        self._lang: Language = as_language(lang)
        self._url = public_url.rstrip("/")

    def _(self, text: str) -> str:
        return translate(self._lang, text)

    def one(self, delivery: Delivery, view: Subject | None, why: str, now: datetime, *, is_last: bool) -> Notice:
        """A step. ``is_last``: more of these will be held for a summary."""
        words = [self._where(view, delivery, now), self._(_WHYS.get(why, _WHYS["opened"]))]
        if is_last:
            words.append(self._(N_("这一小时的提醒已到上限，后面的会合并成一条。")))
        what = self._title(view)
        return self._notice(delivery, f"【{self._severity(delivery.severity)}】{what}", words, delivery.incident)

    def summary(self, delivery: Delivery, held: Sequence[Delivery], views: Mapping[str, Subject]) -> Notice:
        """What was held, worst first."""
        by_severity = sorted(held, key=lambda one: (SEVERITIES.index(one.severity), one.at))
        listed = dict.fromkeys(self._title(views.get(one.incident)) for one in by_severity)
        words = ["、".join(list(listed)[:_MOST_LISTED]) + ("…" if len(listed) > _MOST_LISTED else "")]
        has_items = any(item_of(one.incident) is not None for one in held)
        said = N_("汇总：%(n)s 件事待处理") if has_items else N_("汇总：%(n)s 条报警待处理")
        title = self._(said) % {"n": len(held)}
        return self._notice(delivery, f"【{self._severity(delivery.severity)}】{title}", words, "")

    def test(self, to: str, key: str, by: str) -> Notice:
        """What somebody sends to themselves; in a group others read it too."""
        title = self._(N_("Gatehouse 测试通知"))
        words = self._(N_("收到这条，说明这个渠道可以用。由 %(by)s 发出。")) % {"by": harmless(by)}
        return Notice(key=key, title=title, words=words, url=self._link("me/channels"), severity="low", to=to)

    def _notice(self, delivery: Delivery, title: str, words: Sequence[str], incident: str) -> Notice:
        return Notice(
            key=delivery.key,
            title=harmless(title),
            words="\n".join(harmless(line) for line in words if line),
            url=self._link(_path(incident)),
            severity=delivery.severity,
            is_urgent=delivery.severity == EMERGENCY,
        )

    def _where(self, view: Subject | None, delivery: Delivery, now: datetime) -> str:
        if view is None:
            return delivery.complex
        name = view.complex_name or view.complex
        if isinstance(view, ItemView):
            asked_at = formats.moment(view.item.asked.at, now, view.timezone)
            return " · ".join(part for part in (name, view.place, asked_at) if part)
        at = formats.moment(view.occurred_at, now, view.timezone)
        return " · ".join((name, alert_titles.alert_where(view, self._), at))

    def _title(self, view: Subject | None) -> str:
        if isinstance(view, ItemView):
            category = self._(titles.word("item_category", view.item.category))
            return self._(N_("事项：%(category)s")) % {"category": category}
        return self._(alert_titles.rule_title(view.rule)) if view else self._(N_("报警"))

    def _severity(self, severity: Severity) -> str:
        return self._(titles.word("severity", severity))

    def _link(self, path: str) -> str:
        return f"{self._url}/{path}" if self._url else ""


def _path(incident: str) -> str:
    """Where whoever was told comes to; "" of a summary, the list."""
    item = item_of(incident)
    if item is not None:
        return f"items/{item}"
    return f"alerts/{incident}" if incident else ""
