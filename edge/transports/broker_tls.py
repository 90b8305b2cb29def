"""How the agent shows itself to the broker, and TLS towards it: what it accepts, and what a refusal means."""

from __future__ import annotations

import ssl
from pathlib import Path

import paho.mqtt.client as paho

from edge.config import Broker

# Of OpenSSL's x509_vfy.h; the ssl module gives numbers alone.
_EXPIRED, _NOT_YET, _HOST, _ADDRESS = 10, 9, 62, 64
_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING", "RECORD_LAYER_FAILURE"})


def context_for(ca_file: str) -> ssl.SSLContext:
    """At least TLS 1.2, and a certificate of these authorities alone for the broker's host. Raises OSError."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode, context.check_hostname = ssl.CERT_REQUIRED, True
    return context


def secure(client: paho.Client, broker: Broker) -> None:
    """Let a client name itself and verify the broker, as the settings say. Raises OSError."""
    if broker.username:
        client.username_pw_set(broker.username, Path(broker.password_file).read_text().strip())
    if broker.ca_file:
        client.tls_set_context(context_for(broker.ca_file))  # pyright: ignore[reportUnknownMemberType]


def explained(error: ssl.SSLError, broker: Broker) -> str:
    """What a failed handshake means, and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {_unverified(error, broker)}"
    if error.reason in _NOT_TLS:
        return f"port {broker.port} does not answer in TLS ({error.reason}): check broker.port, or leave ca_file out"
    return f"no TLS connection ({error.reason or error}): check broker.port and the broker's log"


def _unverified(error: ssl.SSLCertVerificationError, broker: Broker) -> str:
    match error.verify_code:
        case code if code in (_HOST, _ADDRESS):
            return f"it is not for {broker.host}: gatehouse-edge broker-config --host {broker.host}, restart the broker"
        case code if code == _EXPIRED:
            return "it has ended, or this box's clock is fast: make a new one, or set the clock"
        case code if code == _NOT_YET:
            return "it begins in the future: this box's clock is slow"
        case _:
            return f"{error.verify_message}: broker.ca_file ({broker.ca_file}) must be the authority that signed it"
