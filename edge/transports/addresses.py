"""Addresses as the device list writes them: a host, perhaps a port behind a colon, perhaps a scheme before."""

from __future__ import annotations

from urllib.parse import urlsplit


def host_and_port(address: str, scheme: str, port: int) -> tuple[str, int] | None:
    """Of ``host``, ``host:port``, ``[v6]:port`` or ``scheme://…``; None for another scheme, and for nonsense."""
    text = address.strip()
    if "://" not in text:
        text = f"{scheme}://{text}"
    try:
        parts = urlsplit(text)
        return (parts.hostname, parts.port or port) if parts.scheme == scheme and parts.hostname else None
    except ValueError:
        return None
