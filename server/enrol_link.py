"""What a gateway is told to enrol with: the centre's address, its certificate's fingerprint, and a code."""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from domain.enrolment import BadLink, EnrolLink, read_fingerprint
from server.config import BadConfig, Config


def enrol_link(folder: Path, config: Config, code: str, asked_at: str = "") -> EnrolLink:
    """The link for a code; ``asked_at`` is the address the asking person used, where no public one is set.

    Raises BadConfig naming the key that is wrong.
    """
    url = config.public_url or asked_at
    if config.public_url and urlsplit(url).scheme not in ("http", "https"):
        raise BadConfig(f"public_url: {url!r} is no address; https://centre.example.invalid is one")
    return EnrolLink(url.rstrip("/"), code, certificate_sha256(folder, config))


def certificate_sha256(folder: Path, config: Config) -> str:
    """The fingerprint of the certificate that gateways see, which a proxy may show for us; empty where none is set."""
    if config.tls_fingerprint:
        try:
            return read_fingerprint(config.tls_fingerprint)
        except BadLink as error:
            raise BadConfig(f"tls_fingerprint: {error}") from error
    return _of_file(folder / config.tls_cert_file) if config.tls_cert_file else ""


def _of_file(path: Path) -> str:
    """Of the first certificate of a PEM file, which is the server's own; read anew, because it is renewed."""
    try:
        pem = path.read_text(encoding="ascii")
        begin, end = pem.index(_BEGIN), pem.index(_END) + len(_END)
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem[begin:end])).hexdigest()
    except (OSError, ValueError) as error:
        raise BadConfig(f"tls_cert_file: {path}: {error}") from error


_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
