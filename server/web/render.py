"""Templates to pages, and live rows to messages: one Jinja environment a language, autoescape always on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store import alert_views, live_rows
from server.store.gateway_views import ClockView
from server.store.live_rows import LiveRow
from server.web import alert_titles, device_titles, file_names, formats, titles
from server.web.languages import Language, as_language, translate
from server.web.reasons import REASONS

TEMPLATES = Path(__file__).parent / "templates"


@cache
def environment(language: Language) -> Environment:
    """The templates in a language. Undefined names are errors, not blanks."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )

    def gettext(text: str) -> str:
        return translate(language, text)

    def ngettext(one: str, many: str, count: int) -> str:
        return gettext(one if count == 1 else many)

    made.install_gettext_callables(gettext, ngettext, newstyle=True)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    made.filters.update(_filters(gettext))
    shared: dict[str, Any] = {"static": file_names.url, "alert_icon": alert_titles.alert_icon, "language": language}
    shared["reveal_reasons"], shared["centre_word"] = REASONS, device_titles.centre_word
    cast("dict[str, Any]", made.globals).update(shared)
    return made


def translator(language: Language) -> formats.Translate:
    """What turns our Chinese into a language, for what is no page."""
    return lambda text: translate(language, text)


class _Filters:
    """The filters that speak a language."""

    def __init__(self, gettext: formats.Translate) -> None:
        self._gettext = gettext

    def translated(self, text: str) -> str:
        """For texts that are not written in the template: unlike ``_()`` it does not take them for safe HTML."""
        return self._gettext(text)

    def age(self, time: datetime, now: datetime) -> str:
        return formats.age(time, now, self._gettext)

    def duration(self, span: timedelta) -> str:
        return formats.duration(span, self._gettext)

    def seconds_span(self, seconds: int) -> str:
        return formats.seconds_span(seconds, self._gettext)

    def clock_words(self, clock: ClockView | None) -> str:
        return formats.clock_words(clock, self._gettext)

    def tariff_rule(self, rule: str) -> str:
        return formats.tariff_rule(rule, self._gettext)

    def word(self, name: str | None, vocabulary: str) -> str:
        return self._gettext(titles.word(vocabulary, name))

    def device_title(self, device: str, name: str | None = None) -> str:
        return device_titles.device_title(device, name, self._gettext)

    def alert_where(self, view: alert_views.AlertView) -> str:
        return alert_titles.alert_where(view, self._gettext)

    def rule_title(self, name: str) -> str:
        return self._gettext(alert_titles.rule_title(name))

    def rule_meaning(self, name: str) -> str:
        return self._gettext(alert_titles.rule_meaning(name))


_SHORT = (formats.clock, formats.moment, formats.line_time)
_TIMES = (*_SHORT, formats.to_minute, formats.to_second, formats.stamp_to_second)
_MASKED = (formats.masked, formats.masked_words, formats.masked_name, formats.masked_number)
_PLAIN = (*_TIMES, *_MASKED, formats.yuan, formats.size)


def _filters(gettext: formats.Translate) -> dict[str, Any]:
    of = _Filters(gettext)
    times = (of.age, of.duration, of.seconds_span, of.clock_words)
    named = (of.word, of.rule_title, of.rule_meaning, of.device_title, of.alert_where)
    spoken = (of.translated, *times, of.tariff_rule, *named)
    return {filter_.__name__: filter_ for filter_ in (*spoken, *_PLAIN)}


def render(language: Language, template: str, **context: Any) -> str:
    """A page in a language. Templates that show ages want ``now``."""
    return environment(language).get_template(template).render(**context)


async def render_live(
    connection: AsyncConnection, rows: Sequence[LiveRow], language: str, now: datetime
) -> list[bytes]:
    """The present card of each row's alert, or which plan to ask for anew; empty for rows that no screen shows.

    One query for all.
    """
    wanted = {row.ref for row in rows if row.kind == "alert"}
    views = await alert_views.by_ids(connection, wanted) if wanted else {}
    spoken = as_language(language)
    return [row.ref.encode() if row.kind == live_rows.PLAN else _card(views.get(row.ref), spoken, now) for row in rows]


def _card(view: alert_views.AlertView | None, language: Language, now: datetime) -> bytes:
    if view is None:  # another kind of row, or an alert that a rebuild took away
        return b""
    return render(language, "alert_card.html", alert=view, now=now).encode()
