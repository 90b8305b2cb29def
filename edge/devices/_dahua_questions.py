"""What ``doctor`` asks a Dahua device: ``getSystemInfo`` and ``getCurrentTime`` of its CGI, lines of ``key=value``."""

from __future__ import annotations

import re
from datetime import datetime

from edge.devices._dahua_body import decoded
from edge.devices.driver import BadMessage, Site
from edge.devices.question import Question, Told

_CLOCK = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2}) (\d{1,2}):(\d{1,2}):(\d{1,2})")  # without leading zeros


def _pairs(body: bytes) -> dict[str, str]:
    lines = (line.partition("=") for line in decoded(body).splitlines())
    return {key.strip(): value.strip() for key, equals, value in lines if equals}


def _device_told(body: bytes, site: Site) -> Told:
    said = _pairs(body)
    serial = said.get("serialNumber") or said.get("sn") or ""
    if not serial:
        raise BadMessage("no serialNumber")
    return Told((serial,), model=said.get("deviceType", ""))


def _time_told(body: bytes, site: Site) -> Told:
    """A wall clock, without its zone."""
    found = _CLOCK.match(_pairs(body).get("result", ""))
    if found is None:
        raise BadMessage("no time in result")
    year, month, day, hour, minute, second = (int(digits) for digits in found.groups())
    try:
        return Told(clock=datetime(year, month, day, hour, minute, second, tzinfo=site.zone))
    except ValueError as error:
        raise BadMessage(f"no time: {error}") from error


QUESTIONS = (
    Question("/cgi-bin/magicBox.cgi?action=getSystemInfo", _device_told),
    Question("/cgi-bin/global.cgi?action=getCurrentTime", _time_told),
)
