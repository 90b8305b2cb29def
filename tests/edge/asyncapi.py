"""``docs/asyncapi.yaml`` as something to hold messages against: which channel a topic is of, and what it may say."""

from __future__ import annotations

import json
import re
from datetime import datetime
from functools import cache
from typing import Any

import jsonschema
import yaml

from tests.documents import ROOT

DOCUMENT = ROOT / "docs/asyncapi.yaml"
SCHEMA = ROOT / "tests/fixtures/asyncapi/3.0.0.json"
_PARAMETER = re.compile(r"\{(\w+)\}")
FORMATS = jsonschema.FormatChecker()


@FORMATS.checks("date-time", ValueError)
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@cache
def document() -> dict[str, Any]:
    return yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))


def resolved(value: Any) -> Any:
    """A part of the document, the reference it is followed."""
    while isinstance(value, dict) and "$ref" in value:
        found: Any = document()
        for key in value["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        value = found
    return value


def faults(said: dict[str, Any]) -> list[str]:
    """What is wrong with an AsyncAPI document, by the schema of AsyncAPI 3.0.0."""
    validator = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    return [error.message for error in validator.iter_errors(said)]


def channels_of(topic: str) -> list[str]:
    """The channels whose address a topic fits."""
    return [name for name, channel in document()["channels"].items() if _pattern(name, channel).fullmatch(topic)]


def _pattern(name: str, channel: dict[str, Any]) -> re.Pattern[str]:
    parts = _PARAMETER.split(channel["address"])
    found = [re.escape(part) if at % 2 == 0 else _level(channel, part) for at, part in enumerate(parts)]
    return re.compile("".join(found))


def _level(channel: dict[str, Any], parameter: str) -> str:
    told = resolved(channel["parameters"][parameter])
    if "enum" in told:
        return f"(?:{'|'.join(map(re.escape, told['enum']))})"
    return ".+" if told.get("x-several-levels") else "[^/]+"


def wrong(topic: str, payload: bytes, action: str = "send", *, retain: bool | None = None) -> str:
    """Why a message is not as it is described; "" where it is."""
    whys = [_wrong_in(name, payload, action, retain) for name in channels_of(topic)]
    if not whys:
        return f"no channel for {topic}"
    return "" if "" in whys else "; ".join(whys)


def _wrong_in(name: str, payload: bytes, action: str, retain: bool | None) -> str:
    operation = next(
        (one for one in document()["operations"].values() if one["channel"]["$ref"] == f"#/channels/{name}"), None
    )
    if operation is None or operation["action"] != action:
        return f"{name}: no operation {action}s there"
    bound = resolved(operation.get("bindings", {})).get("mqtt", {})
    if retain is not None and bound.get("retain", False) != retain:
        return f"{name}: retain is {retain}"
    messages = [resolved(message) for message in document()["channels"][name]["messages"].values()]
    whys = [_wrong_payload(message, payload) for message in messages]
    return "" if "" in whys else f"{name}: {'; '.join(whys)}"


def _wrong_payload(message: dict[str, Any], payload: bytes) -> str:
    kind = message.get("contentType", document()["defaultContentType"])
    try:
        value = json.loads(payload) if kind == "application/json" else payload.decode()
    except ValueError as error:
        return f"{message['title']}: {error}"
    schema = {**resolved(message["payload"]), "components": document()["components"]}
    found = [error.message for error in jsonschema.Draft7Validator(schema, format_checker=FORMATS).iter_errors(value)]
    return f"{message['title']}: {', '.join(found)}" if found else ""


def parameters_in(address: str) -> list[str]:
    return _PARAMETER.findall(address)
