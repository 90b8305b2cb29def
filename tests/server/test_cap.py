"""Alerts as CAP 1.2: every message is by the schema, whatever its texts are, and tells of nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alerts.words import CATEGORIES, SEVERITIES
from server.feeds.cap import NAMESPACE, TYPE, Told, cap_alert
from tests.server.cap_schema import wrong
from tests.server.engines import Engine
from tests.server.people import city

NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)
BASE = Told(
    identifier="garden.a1",
    sender="gatehouse@centre.example.invalid",
    sent=NOW,
    now=NOW + timedelta(hours=1),
    status="open",
    severity="critical",
    category="fire",
    is_late=False,
    event="烟雾报警",
    description="阳光花园 2号楼",
    onset=NOW,
    area="阳光花园",
)


def message(**changed: Any) -> Any:
    root = ElementTree.fromstring(cap_alert(msgspec.structs.replace(BASE, **changed)))
    assert wrong(root) == []
    return root


def said(root: Any, name: str) -> str | None:
    return root.findtext(f".//{{{NAMESPACE}}}{name}")


@given(
    st.text(max_size=60),
    st.text(min_size=1, max_size=40),
    st.sampled_from(SEVERITIES),
    st.sampled_from((*CATEGORIES, "other")),
    st.sampled_from(("open", "acknowledged", "closed", "false")),
    st.booleans(),
)
def test_every_message_is_by_the_schema(
    text: str, name: str, severity: str, category: str, status: str, is_late: bool
) -> None:
    message(
        event=text, description=text, area=text, identifier=name, severity=severity, category=category, status=status
    )


def test_the_control_the_schema_refuses_what_is_out_of_order_or_has_a_z() -> None:
    for old, new in ((b"-00:00</sent>", b"Z</sent>"), (b"<status>Actual</status>", b""), (b"Fire", b"Flood")):
        assert wrong(ElementTree.fromstring(cap_alert(BASE).replace(old, new, 1))), new


def test_what_became_of_it_refers_to_the_first_message() -> None:
    first, closed, false = message(), message(status="closed"), message(status="false")
    assert [said(one, "msgType") for one in (first, closed, false)] == ["Alert", "Update", "Cancel"]
    assert said(first, "references") is None
    assert said(closed, "references") == f"{said(first, 'sender')},{said(first, 'identifier')},{said(first, 'sent')}"
    assert said(closed, "identifier") != said(first, "identifier")
    assert (said(first, "urgency"), said(closed, "urgency"), said(message(is_late=True), "urgency")) == (
        "Immediate",
        "Past",
        "Past",
    )


def test_markup_and_plates_in_a_devices_words_are_harmless() -> None:
    root = message(description="<b>&x; 京A12345</b>\x00", area="]]><!DOCTYPE a>")
    assert said(root, "description") is not None and "京A12345" not in ElementTree.tostring(root, encoding="unicode")
    assert root.find(f".//{{{NAMESPACE}}}b") is None


async def test_an_alert_of_ones_own_scope(tmp_path: Path, engine: Engine) -> None:
    async with city(tmp_path, engine) as town:
        answer = await (await town.visitor("wang")).get("/alerts/a1/cap")
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, TYPE)
        root = ElementTree.fromstring(answer.content)
        assert wrong(root) == []
        assert said(root, "event") == "门被强行打开"


@pytest.mark.parametrize("name", ["a b", "a,b", "a<b", "a&b", "a\tb"])
def test_a_name_has_nothing_that_cap_forbids(name: str) -> None:
    assert said(message(identifier=name), "identifier") == "a_b"
