"""The recorded messages in tests/fixtures/devices: what each is, and what it must become."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from domain.events import Event, to_plain
from edge.devices.driver import Answer, Command, Message, Outgoing, Packet, Publish, Request, Site, discover

FOLDER = Path(__file__).parents[2] / "fixtures" / "devices"
SITE = Site()
# Whose index names no topic, but says who speaks.
_PATHS = {"ocpp16": "/ocpp/CP001", "onvif": "onvif/gate1", "camera-onvif": "onvif/north-gate"}
RECEIVED_AT = datetime(2026, 3, 1, 0, 16, tzinfo=UTC)  # shortly after the times in the recorded messages


class Sample:
    """One entry of an index.yaml."""

    def __init__(self, family: str, entry: dict[str, Any]) -> None:
        self.family, self.entry = family, entry
        self.http: str = entry.get("http", "")
        self.topic: str = entry.get("topic", "") or _path_in(self.http)
        self.expect: list[dict[str, Any]] = entry.get("expect", [])
        self.encodes: dict[str, Any] | None = entry.get("encodes")

    def __repr__(self) -> str:
        return f"{self.family}/{self.entry['file']}"

    @property
    def path(self) -> str:
        """The topic or URL path it came on."""
        return self.topic or _PATHS.get(self.family, "")

    @property
    def payload(self) -> bytes:
        file = FOLDER / self.family / self.entry["file"]
        body = file.read_bytes()
        return bytes.fromhex(body.decode()) if file.suffix == ".hex" else body

    def message(self, payload: bytes | None = None, **changes: Any) -> Message:
        body = self.payload if payload is None else payload
        return Message(
            self.family, body, **{"topic": self.path, "retained": self.entry.get("retain", False), **changes}
        )


def _path_in(http: str) -> str:
    """The fixed path of a request; "" where the installer chooses it, or there is none."""
    return next((word.partition("?")[0] for word in http.split() if word.startswith("/")), "")


@cache
def samples(family: str = "") -> tuple[Sample, ...]:
    """All samples, or those of one family; a folder without an index is none."""
    return tuple(_samples(family))


def _samples(family: str) -> Iterator[Sample]:
    for index in sorted(FOLDER.glob("*/index.yaml")):
        if family in ("", index.parent.name):
            for entry in yaml.safe_load(index.read_text(encoding="utf-8"))["samples"]:
                yield Sample(index.parent.name, entry)


def sample(family: str, file: str) -> Sample:
    return next(sample for sample in samples(family) if sample.entry["file"] == file)


def json_of(family: str, file: str) -> Any:
    """A fresh copy of a recorded JSON message, to be changed."""
    return json.loads(sample(family, file).payload)


def command_of(sample: Sample) -> Command:
    """The command whose wire form a sample is: our words from the index, the rest from the envelope itself."""
    assert sample.encodes is not None
    words = dict(sample.encodes)
    name, device = words.pop("command"), words.pop("device", None)
    kind = discover().by_family[sample.family].kind
    body = json.loads(sample.payload) if sample.payload[:1] == b"{" else {}
    if "timestamp" not in body and "message" not in body:
        return Command(name, device or f"{kind}:1", "order-1", RECEIVED_AT, words)
    if "message" in body:
        request = body["message"]["request"]
        args = {**words, "client_id": request["client-id"], "reply_to": request["reply-to"]}
        return Command(name, device or f"uhppoted:{request['device-id']}", request["request-id"], RECEIVED_AT, args)
    issued_at = datetime.fromtimestamp(body["timestamp"], UTC)
    return Command(name, device or f"vzenith:{body['sn']}", body["id"], issued_at, words)


def assert_is_recorded(outgoing: Outgoing, sample: Sample) -> None:
    """What carries out a command is what was recorded: JSON field for field, everything else byte for byte."""
    match outgoing:
        case Publish():
            assert outgoing.topic == sample.topic
            assert json.loads(outgoing.payload) == json.loads(sample.payload)
        case Answer():
            assert json.loads(outgoing.payload) == json.loads(sample.payload)
        case Packet() if sample.payload[:1] in (b"{", b"["):
            assert _is_held(json.loads(sample.payload), json.loads(outgoing.payload))
        case Packet():
            assert outgoing.payload == sample.payload
        case Request(body=b""):
            assert f"{outgoing.method} {outgoing.path}" == sample.payload.decode().strip()
        case Request():
            assert outgoing.body.strip() == sample.payload.strip()
            assert sample.http.startswith(f"{outgoing.method} {outgoing.path}")


def _is_held(recorded: Any, made: Any) -> bool:
    """The same but for the number that a request has; a family that sends several in one packet may say more."""
    if isinstance(recorded, list):
        return recorded[:1] + recorded[2:] == made[:1] + made[2:]
    return recorded in made if isinstance(made, list) else recorded == made


def assert_says(event: Event, expected: dict[str, Any]) -> None:
    """Every key that is written holds; a null is absent or null; an object holds at least what is written."""
    assert_says_plain(to_plain(event), expected)


def says(event: Event, expected: dict[str, Any]) -> bool:
    """Whether an event says what is written."""
    return _missing(expected, to_plain(event)) == {}


def assert_says_plain(actual: dict[str, Any], expected: dict[str, Any]) -> None:
    """The same for an event that is JSON already. Shown on failure: what was expected, and what is there."""
    assert _missing(expected, actual) == {}


def _missing(expected: dict[str, Any], actual: dict[str, Any]) -> dict[str, Any]:
    pairs = {key: (value, actual.get(key)) for key, value in expected.items()}
    return {key: pair for key, pair in pairs.items() if not _holds(*pair)}


def _holds(expected: Any, actual: Any) -> bool:
    if isinstance(expected, dict):
        return isinstance(actual, dict) and not _missing(expected, actual)
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(map(_holds, expected, actual))
    return expected == actual
