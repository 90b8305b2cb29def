"""Each built-in rule fires on something that a driver, the gateway or the centre really says; but for those that
docs/alerts.md names as waiting for a device."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from domain.access import Reason
from domain.alerts.built_in import BUILT_IN, KNOWN
from domain.events import Event
from domain.lanes.decide import Alarm as LaneAlarm
from domain.places import Place, hours
from edge.devices import _dahua_codes, _hikvision_codes, _ocpp_tables, _uhppote_reasons, _vzenith_tables, _zigbee_state
from edge.devices.driver import discover
from server import reported, silent_gateways
from tests.edge.devices.samples import SITE, samples

AT = datetime(2026, 3, 1, tzinfo=UTC)
ALWAYS = Place(quiet=(hours("00:00", "24:00"),))
DOCS = Path(__file__).parents[3] / "docs" / "alerts.md"
FROM_THE_GATEWAY = {"clock_skew", "door_lock_out", "duress", "lock_down", "barrier_not_opened", "barrier_held_open"}

FROM_THE_CENTRE = {"conservation_gap", "care_check", silent_gateways.ALARM}


def _recorded() -> Iterator[Event]:
    registry = discover()
    for sample in samples():
        if sample.family in registry.by_family and sample.expect:
            for event in registry.decode(sample.message(), SITE).events:
                event.recorded_at, event.retained = AT, False  # as intake would have it, told as it happened
                yield event


def _named() -> Iterator[Event]:
    """What stands in the drivers' tables, and what the gateway and the centre say themselves."""
    for meaning in (*_hikvision_codes.ACCESS.values(), *_uhppote_reasons.REASONS.values()):
        said = {name: getattr(meaning, name) for name in ("reason", "result", "method", "state", "alarm")}
        yield Event(kind=meaning.kind, device="x:1", time=AT, **said)
    for reason in (*_dahua_codes.REASONS.values(), *get_args(Reason)):
        yield Event(kind="access", device="x:1", time=AT, result="denied", reason=reason)
    lanes = {label for label, _ in _vzenith_tables.LANE_EVENTS.values()}
    cameras = {*_hikvision_codes.DETECTIONS.values(), *_dahua_codes.DETECTIONS.values()}
    for label in {*cameras, *lanes, *reported.LABELS.values()}:
        yield Event(kind="detection", device="x:1", time=AT, label=label, ext={"zone": "restricted"})
    tables = (_hikvision_codes.LASTING_ALARMS, _dahua_codes.ALARMS, _ocpp_tables.ALARMS, _zigbee_state.ALARMS)
    of_drivers = {alarm for table in tables for alarm in table.values()}
    for alarm in {*of_drivers, *FROM_THE_GATEWAY, *get_args(LaneAlarm), *FROM_THE_CENTRE}:
        yield Event(kind="alarm", device="x:1", time=AT, alarm=alarm, state="active")
    yield Event(kind="availability", device="x:1", time=AT, state="offline")


def test_each_rule_fires_on_what_somebody_says_or_is_named_as_waiting() -> None:
    found = {fired.rule for event in (*_recorded(), *_named()) if (fired := BUILT_IN.fired(event, ALWAYS))}
    waiting = set(re.findall(r"`(\w+)`", DOCS.read_text().partition("## Waiting for a device")[2].partition("##")[0]))
    ids = {rule.id for rule in KNOWN.rules} - {"alarm_{alarm}"}
    assert ids - found == waiting & ids
    assert "alarm_vibration" in found  # and what has no rule of its own has the last
