"""By what another cell, or the directory, is known over TLS: one certificate, or an authority that is trusted here."""

from __future__ import annotations

import ssl

import aiohttp


def tls(fingerprint: str) -> ssl.SSLContext | aiohttp.Fingerprint:
    """``fingerprint``: SHA-256 of the one certificate that is let pass, as hex; empty: verified as anybody's."""
    return aiohttp.Fingerprint(bytes.fromhex(fingerprint)) if fingerprint else ssl.create_default_context()
