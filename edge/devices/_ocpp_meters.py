"""What a charge point measured: values are texts, units vary, and what is left out has a meaning of its own."""

from __future__ import annotations

from typing import Any

from domain.events import Event
from edge.devices._fields import codes, fields, items, number_in, text_in
from edge.devices._ocpp_tables import DEFAULT_LOCATION, DEFAULT_MEASURAND, MEASURANDS, UNITS

_MAX_VALUES = 200
_DIGITS = 6


def measured(value: dict[str, Any]) -> tuple[dict[str, float], dict[str, Any]]:
    """The metrics of one meterValue, and the codes of what could not be read."""
    metrics: dict[str, float] = {}
    unread: dict[str, Any] = {}
    for sampled in items(value.get("sampledValue"))[:_MAX_VALUES]:
        sample = fields(sampled)
        name, number = _metric(sample)
        if number is None:
            unread |= codes({name: {key: sample.get(key) for key in ("value", "unit", "format")}})
        else:
            metrics[name] = number
    return metrics, unread


def _metric(sample: dict[str, Any]) -> tuple[str, float | None]:
    """The name of a metric and its number in our unit; None where that cannot be told."""
    measurand = text_in(sample.get("measurand")) or DEFAULT_MEASURAND
    if measurand not in MEASURANDS or sample.get("format") == "SignedData":
        return measurand, None
    name, quantity = MEASURANDS[measurand]
    number, unit = number_in(sample.get("value")), text_in(sample.get("unit")) or ""
    scale = UNITS[quantity].get(unit)
    whole_name = name + _where(sample)
    if number is None or scale is None:
        return whole_name, None
    factor, offset = scale
    return whole_name, round(number * factor + offset, _DIGITS)


def _where(sample: dict[str, Any]) -> str:
    """Of which phase and at which place: another metric, not the same one again."""
    phase, location = text_in(sample.get("phase")), text_in(sample.get("location"))
    parts = [phase] if phase else []
    if location not in (None, DEFAULT_LOCATION):
        parts.append(location)
    return "".join(f"_{part.replace('-', '').lower()}" for part in parts)


def without_values(event: Event) -> bool:
    """Whether a measurement says nothing at all."""
    return not event.metrics and not event.raw_codes
