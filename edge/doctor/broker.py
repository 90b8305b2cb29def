"""The broker, asked as the agent asks it, under a name of its own: the agent's session stays as it is."""

from __future__ import annotations

import secrets
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from domain.findings import Finding, Reporter
from edge.config import Broker
from edge.doctor import certificate
from edge.sync.trust import Trust

_LINE = Reporter("connections", "broker's line")
_TLS = Reporter("connections", "broker's certificate")
_LOGIN = Reporter("connections", "broker's login")
_VERSION_TOPIC = "$SYS/broker/version"
_VERSION_WAIT_S = 1.0
_LOOP_S = 0.1
_TIMEOUT_S = 5.0


class Answer(msgspec.Struct):
    """What the broker said: its word on the login, on each subscription, and its version where it tells it."""

    login: str = ""  # empty: no answer
    let_in: bool = False
    refused: list[str] | None = None
    version: str = ""


def check(broker: Broker, now: datetime) -> tuple[list[Finding], str]:
    """Findings, and the version the broker tells, or nothing."""
    try:
        socket.create_connection((broker.host, broker.port), timeout=_TIMEOUT_S).close()
    except OSError as error:
        cause = f"{broker.host}:{broker.port}: {error}"
        return [_LINE.error(cause, "start the broker, or mend broker.host and broker.port")], ""
    found = [_LINE.ok(f"{broker.host}:{broker.port} answers"), *_tls(broker, now)]
    if any(finding.level == "error" for finding in found):
        return found, ""
    try:
        answer = _ask(broker)
    except OSError as error:
        return [*found, _LOGIN.error(f"no login: {error}", "look at the broker's own log")], ""
    return [*found, *judged(answer, broker)], answer.version


def _tls(broker: Broker, now: datetime) -> Iterator[Finding]:
    if not broker.ca_file:
        return
    step = "the certificate must be of broker.ca_file and bear the name in broker.host: gatehouse-edge broker-config"
    try:
        trust = Trust(ca=Path(broker.ca_file).read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        yield _TLS.error(f"{broker.ca_file}: {error}", step)
        return
    yield certificate.held(_TLS, f"mqtts://{_bracketed(broker.host)}:{broker.port}", trust, now, step)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _ask(broker: Broker) -> Answer:
    """Log in, subscribe, wait a moment for the version. Raises OSError."""
    answer = Answer()
    client = _client(broker, answer)
    client.connect(broker.host, broker.port, keepalive=30)
    try:
        _loop(client, lambda: bool(answer.login), _TIMEOUT_S)
        if answer.let_in:
            client.subscribe([(topic, 1) for topic in broker.subscriptions])
            _loop(client, lambda: answer.refused is not None, _TIMEOUT_S)
            client.unsubscribe(list(broker.subscriptions))
            client.subscribe(_VERSION_TOPIC)
            _loop(client, lambda: bool(answer.version), _VERSION_WAIT_S)
    finally:
        client.disconnect()
    return answer


def _loop(client: paho.Client, done: Callable[[], bool], limit_s: float) -> None:
    ends_s = time.monotonic() + limit_s
    while not done() and time.monotonic() < ends_s and client.loop(_LOOP_S) == paho.MQTT_ERR_SUCCESS:
        pass


def _client(broker: Broker, answer: Answer) -> paho.Client:
    name = f"{broker.client_id}-doctor-{secrets.token_hex(3)}"
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=True, protocol=paho.MQTTv311)
    if broker.username:
        client.username_pw_set(broker.username, Path(broker.password_file).read_text(encoding="utf-8").strip())
    if broker.ca_file:
        client.tls_set_context(ssl.create_default_context(cafile=broker.ca_file))  # pyright: ignore[reportUnknownMemberType]

    def on_connect(_client: Any, _userdata: Any, _flags: Any, code: Any, _properties: Any) -> None:
        answer.login, answer.let_in = str(code), code == 0

    def on_subscribe(_client: Any, _userdata: Any, _mid: int, codes: list[Any], _properties: Any) -> None:
        if answer.refused is None:
            pairs = zip(broker.subscriptions, codes, strict=False)
            answer.refused = [topic for topic, code in pairs if code.is_failure]

    def on_message(_client: Any, _userdata: Any, message: paho.MQTTMessage) -> None:
        if message.topic == _VERSION_TOPIC:
            answer.version = message.payload.decode(errors="replace")[:100]

    client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
    return client


def judged(answer: Answer, broker: Broker) -> Iterator[Finding]:
    """What the answer means."""
    who = broker.username or "a client without a name"
    if not answer.let_in:
        cause = f"{who} is not let in: {answer.login or 'no answer'}"
        yield _LOGIN.error(cause, "mend broker.username and broker.password_file, or the broker's password file")
        return
    if answer.refused is None:
        yield _LOGIN.error("no answer to the subscription", "look at the broker's own log")
    elif answer.refused:
        yield _LOGIN.error(f"no subscription to {', '.join(answer.refused)}", f"let {who} read it in the broker's ACL")
    else:
        yield _LOGIN.ok(f"{who} is let in and may read {', '.join(broker.subscriptions)}")
    if not broker.username:
        yield _LOGIN.warn("the broker asks nobody for a name", "a password per device: gatehouse-edge broker-config")
