"""What ``doctor`` asks a 2N device: ``system/info`` and ``system/status`` of its HTTP API."""

from __future__ import annotations

from typing import Any

import msgspec

from edge.devices._fields import decode_json, fields, flag, text_in
from edge.devices._times import epoch
from edge.devices.driver import BadMessage, Site
from edge.devices.question import Question, Told

_decode_any = msgspec.json.Decoder().decode


def _result(body: bytes) -> dict[str, Any]:
    answer = fields(decode_json(_decode_any, body, "not an answer of the 2N HTTP API"))
    if not flag(answer.get("success")):
        error = fields(answer.get("error"))
        raise BadMessage(text_in(error.get("description")) or "no success in its answer")
    return fields(answer.get("result"))


def _device_told(body: bytes, site: Site) -> Told:
    said = _result(body)
    serial = text_in(said.get("serialNumber"))
    if serial is None:
        raise BadMessage("no serialNumber")
    model, firmware = text_in(said.get("variant")) or "", text_in(said.get("swVersion")) or ""
    return Told((serial,), model=model, firmware=firmware)


def _time_told(body: bytes, site: Site) -> Told:
    clock = epoch(_result(body).get("systemTime"))
    if clock is None:
        raise BadMessage("no systemTime")
    return Told(clock=clock)


QUESTIONS = (Question("/api/system/info", _device_told), Question("/api/system/status", _time_told))
