"""What ``doctor`` asks an ONVIF camera at its address: GetSystemDateAndTime, which by ONVIF Core wants no password."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, ParseError

from edge.devices._fields import whole
from edge.devices.driver import BadMessage, Site
from edge.devices.question import Question, Told

_ENVELOPE = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>'
    b'<GetSystemDateAndTime xmlns="http://www.onvif.org/ver10/device/wsdl"/>'
    b"</s:Body></s:Envelope>"
)
_MEDIA_TYPE = "application/soap+xml; charset=utf-8"
_PARTS = ("Year", "Month", "Day", "Hour", "Minute", "Second")


def _time_told(body: bytes, site: Site) -> Told:
    """In UTC where the camera says it, else its wall clock in the site's zone."""
    from defusedxml.common import DefusedXmlException  # only doctor needs it
    from defusedxml.ElementTree import fromstring

    try:
        answer = fromstring(body)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise BadMessage(f"no XML: {error}") from error
    zone = (_text(answer, "TZ") or "").strip()
    for name, read_in in (("UTCDateTime", UTC), ("LocalDateTime", site.zone)):
        clock = _clock(next(_named(answer, name), None))
        if clock is not None:
            return Told(clock=clock.replace(tzinfo=read_in), zone=zone)
    raise BadMessage("neither UTCDateTime nor LocalDateTime")


def _clock(said: Element | None) -> datetime | None:
    if said is None:
        return None
    year, month, day, hour, minute, second = (whole(_text(said, name)) or 0 for name in _PARTS)
    try:
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - the caller gives the zone
    except (ValueError, OverflowError):
        return None


def _named(within: Element, name: str) -> Iterator[Element]:
    return (part for part in within.iter() if part.tag.rpartition("}")[2] == name)


def _text(within: Element, name: str) -> str | None:
    part = next(_named(within, name), None)
    return None if part is None else part.text


QUESTIONS = (Question("/onvif/device_service", _time_told, "POST", _ENVELOPE, _MEDIA_TYPE),)
