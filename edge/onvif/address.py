"""Where a camera speaks ONVIF, as the device list writes it: ``onvif://host``, with its port where that is not 80."""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec

_PORTS = {"onvif": 80, "onvifs": 443}


class BadAddress(Exception):
    """An address that cannot be used; says why, and holds no password."""


class Where(msgspec.Struct, frozen=True):
    """One camera. ``stream`` is what stands behind #: ``main``, ``sub``, the token of a profile; "" for the usual."""

    host: str
    port: int
    is_tls: bool = False
    stream: str = ""

    @property
    def shown(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'onvifs' if self.is_tls else 'onvif'}://{host}:{self.port}"


def is_onvif(written: str) -> bool:
    """Whether an address of the device list is one of these at all."""
    return written.strip().lower().startswith(("onvif://", "onvifs://"))


def where_in(written: str) -> Where:
    """Raises BadAddress."""
    try:
        parts = urlsplit(written.strip())
        port = parts.port
    except ValueError as error:
        raise BadAddress(f"it is no address: {error}") from None
    if parts.scheme not in _PORTS:
        raise BadAddress("it does not begin with onvif:// or onvifs://")
    if "@" in parts.netloc:
        raise BadAddress("a password stands in it: take it out, and enter it by gatehouse-edge device-secret")
    if not parts.hostname:
        raise BadAddress("it names no host")
    if parts.path.strip("/") or parts.query:
        raise BadAddress("a path stands in it: ONVIF is at /onvif/device_service everywhere; leave it out")
    return Where(parts.hostname, port or _PORTS[parts.scheme], parts.scheme == "onvifs", parts.fragment)
