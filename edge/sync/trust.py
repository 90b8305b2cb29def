"""By what the centre is known over TLS: this box's authorities, one private authority, or one certificate."""

from __future__ import annotations

import ssl

import aiohttp
import msgspec


class Trust(msgspec.Struct, frozen=True):
    """``fingerprint``: SHA-256 of the one certificate that is let pass, as hex; ``ca``: the authorities' certificates
    as PEM. Neither: what this box trusts anyway. A fingerprint goes before an authority."""

    fingerprint: str = ""
    ca: str = ""

    def tls(self) -> ssl.SSLContext | aiohttp.Fingerprint:
        """What aiohttp checks a server with. Raises ssl.SSLError where ``ca`` holds no certificate."""
        if self.fingerprint:
            return aiohttp.Fingerprint(bytes.fromhex(self.fingerprint))
        return verifying(self.ca)


def verifying(ca: str = "") -> ssl.SSLContext:
    """At least TLS 1.2, for the host's name, by these authorities (PEM) or else this box's own."""
    context = ssl.create_default_context(cadata=ca or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
