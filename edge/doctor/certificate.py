"""A TLS connection as a doctor tries it: whether it stands, and how long its certificate will last."""

from __future__ import annotations

import hashlib
import socket
import ssl
from datetime import UTC, datetime, timedelta

import msgspec

from edge.doctor.finding import Finding, Reporter

TIMEOUT_S = 5.0
_WARN = timedelta(days=21)


class Certificate(msgspec.Struct, frozen=True):
    """What the other side showed, after it was verified."""

    ends_at: datetime
    fingerprint: str  # SHA-256 of the certificate, in hex


def shown_by(host: str, port: int, context: ssl.SSLContext) -> Certificate:
    """Shake hands as a client would. Raises ssl.SSLError, OSError."""
    with (
        socket.create_connection((host, port), timeout=TIMEOUT_S) as raw,
        context.wrap_socket(raw, server_hostname=host) as tls,
    ):
        told = tls.getpeercert() or {}
        body = tls.getpeercert(binary_form=True) or b""
    ends_s = ssl.cert_time_to_seconds(str(told["notAfter"]))
    return Certificate(datetime.fromtimestamp(ends_s, UTC), hashlib.sha256(body).hexdigest())


def judged(says: Reporter, shown: Certificate, now: datetime) -> Finding:
    """How long it will last."""
    left = shown.ends_at - now
    cause = f"certificate until {shown.ends_at:%Y-%m-%d}, SHA-256 {shown.fingerprint[:16]}…"
    if left < timedelta():
        return says.error(cause, "renew the certificate now")
    return says.warn(cause, "renew the certificate") if left < _WARN else says.ok(cause)
