"""An upper platform that has a broker: facts as ONVIF-style JSON, each accepted by the broker's PUBACK."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from domain.located import located
from domain.onvif_json import told
from server.feeds.mqtt_line import LineClosed, MqttLine
from server.feeds.sender import Accepted, Again, Offer, Refused, Verdict
from server.store.platform_rows import Platform

KIND = "mqtt"
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_MOST_TOPIC_BYTES = 65_535  # of MQTT


class BadSettings(ValueError):
    """Settings that cannot be used: what is wrong, and where."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person enters. The password lies in a file."""

    client_id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,60}$")] = "gatehouse"
    username: Annotated[str, Meta(max_length=100)] = ""
    prefix: Annotated[str, Meta(pattern=r"^[^+#$\x00-\x20]*$", max_length=200)] = "gatehouse"  # levels before ours
    ca_file: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{0,80}$")] = ""  # of the broker's own authority, for mqtts
    answer_s: Annotated[float, Meta(ge=1, le=120)] = 15  # for the broker's PUBACKs


def read_settings(said: Mapping[str, Any]) -> Settings:
    """Raises BadSettings."""
    try:
        return msgspec.convert(dict(said), Settings)
    except msgspec.ValidationError as error:
        raise BadSettings(located("mqtt: ", str(error))) from error


class MqttPlatform:
    """``keep`` holds the connection; what is offered while there is none comes again."""

    def __init__(self, address: str, settings: Settings, password: str, trust: ssl.SSLContext | None) -> None:
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 1883)
        self._settings, self._password, self._trust = settings, password, trust
        self._line: MqttLine | None = None
        self._why = "not connected yet"

    @property
    def is_open(self) -> bool:
        return self._line is not None

    async def keep(self) -> None:
        """Until the connection ends, which raises LineClosed: who holds us begins it anew."""
        one = self._settings
        line = MqttLine(one.client_id, one.username, self._password, self._trust)
        try:
            await line.open(self._host, self._port)
            self._line = line
            raise LineClosed(await asyncio.shield(line.closed))
        except LineClosed as error:
            self._why = str(error)
            raise
        finally:
            self._line = None
            await line.close()

    async def send(self, offers: Sequence[Offer]) -> list[Verdict]:
        """In order; behind the first of a device that was not acknowledged its others come again too."""
        line = self._line
        if line is None:
            return [Again(f"offline: {self._why}")] * len(offers)
        messages = [told(self._settings.prefix, one.fact.complex, one.id, one.event) for one in offers]
        waits = [line.publish(one.topic, one.body) if _fits(one.topic) else None for one in messages]
        pending = [one for one in waits if one is not None]
        if pending:
            await asyncio.wait(pending, timeout=self._settings.answer_s)
        return _in_order(offers, [_verdict(one) for one in waits])


def _fits(topic: str) -> bool:
    return len(topic.encode()) <= _MOST_TOPIC_BYTES


def _verdict(waits: asyncio.Future[None] | None) -> Verdict:
    if waits is None:
        return Refused("its topic is longer than MQTT allows")
    if not waits.done():
        waits.cancel()
        return Again("no PUBACK in time")
    error = waits.exception()
    return Accepted() if error is None else Again(str(error))


def _in_order(offers: Sequence[Offer], verdicts: Sequence[Verdict]) -> list[Verdict]:
    behind: dict[tuple[str, str], Again] = {}
    settled: list[Verdict] = []
    for offer, verdict in zip(offers, verdicts, strict=True):
        device = offer.fact.complex, offer.event.device
        if device in behind:
            verdict = Again(f"behind one that waits: {behind[device].reason}")
        elif isinstance(verdict, Again):
            behind[device] = verdict
        settled.append(verdict)
    return settled


def mqtt_platform(one: Platform, secret: bytes, folder: Path) -> MqttPlatform:
    """Raises BadSettings."""
    settings = read_settings(one.settings)
    try:
        password = secret.decode()
    except UnicodeDecodeError as error:
        raise BadSettings(f"mqtt: the secret is not UTF-8 at byte {error.start}") from error
    trust = _trust(folder, settings.ca_file) if urlsplit(one.address).scheme == "mqtts" else None
    return MqttPlatform(one.address, settings, password, trust)


def _trust(folder: Path, ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(folder / ca_file) if ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise BadSettings(f"mqtt: ca_file {ca_file}: {error}") from error
