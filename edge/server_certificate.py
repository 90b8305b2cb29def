"""A look at the certificate that a server shows, before anything is sent to it."""

from __future__ import annotations

import hashlib
import socket
import ssl
from datetime import datetime
from urllib.parse import urlsplit

import msgspec
from cryptography import x509

from edge.sync.trust import verifying

_TIMEOUT_S = 10.0
_TLS_PORT = 443


class Unreachable(Exception):
    """No certificate could be seen; says where and why."""


class Shown(msgspec.Struct, frozen=True):
    """A server's certificate. ``distrust`` is why nobody vouches for it, empty where an authority does."""

    sha256: str
    subject: str
    issuer: str
    begins_at: datetime
    ends_at: datetime
    distrust: str


def look(url: str, ca: str = "") -> Shown:
    """The certificate behind an https URL, held against these authorities (PEM) or this box's own. Raises Unreachable.

    Only handshakes: nothing is sent to the server.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _TLS_PORT
    try:
        try:
            return _described(_certificate(host, port, verifying(ca)), "")
        except ssl.SSLCertVerificationError as error:
            return _described(_certificate(host, port, _seeing()), error.verify_message)
    except (OSError, ValueError) as error:
        raise Unreachable(f"{url}: {error}") from error


def _seeing() -> ssl.SSLContext:
    """Takes any certificate, to be shown to a person; it is never used to send anything."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _certificate(host: str, port: int, context: ssl.SSLContext) -> bytes:
    with (
        socket.create_connection((host, port), timeout=_TIMEOUT_S) as plain,
        context.wrap_socket(plain, server_hostname=host) as tls,
    ):
        return tls.getpeercert(binary_form=True) or b""


def _described(der: bytes, distrust: str) -> Shown:
    certificate = x509.load_der_x509_certificate(der)
    return Shown(
        hashlib.sha256(der).hexdigest(),
        certificate.subject.rfc4514_string(),
        certificate.issuer.rfc4514_string(),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        distrust,
    )
