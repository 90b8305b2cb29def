"""The machine: room on the disk, the store of the pictures, and whether our server answers as it should."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from domain.findings import Finding, Reporter
from server.config import BadConfig, Config
from server.enrol_link import certificate_sha256
from server.media import MediaAway, probe
from server.objects import open_objects

_DISK = Reporter("machine", "room on the disk")
_FOLDER = Reporter("machine", "data folder")
_MEDIA = Reporter("machine", "pictures")
_SERVES = Reporter("machine", "server")
_TLS = Reporter("machine", "certificate")
_LIMIT_S = 5.0
_LEAST_FREE, _LEAST_PART = 1024**3, 0.1
_SOON = timedelta(days=14)


def room(folder: Path) -> Iterator[Finding]:
    """Bytes and file entries that are left, and who may enter."""
    disk, entries = shutil.disk_usage(folder), os.statvfs(folder)
    said = f"free {disk.free // 1024**2} of {disk.total // 1024**2} MiB"
    if disk.free < _LEAST_FREE // 4:
        yield _DISK.error(said, "make room: gateways keep what cannot be written here")
    elif disk.free < _LEAST_FREE or disk.free < _LEAST_PART * disk.total:
        yield _DISK.warn(said, "make room, or give it a larger disk")
    else:
        yield _DISK.ok(said)
    if entries.f_files and entries.f_favail < entries.f_files * 0.05:
        yield _DISK.warn(f"{entries.f_favail} of {entries.f_files} file entries are free", "pictures take one each")
    if folder.stat().st_mode & 0o077:
        yield _FOLDER.warn(f"others may enter {folder}", f"chmod 700 {folder}")


async def pictures(folder: Path, config: Config) -> Finding:
    """Written, read back, removed."""
    where = config.media or str(folder / "media")
    try:
        await probe(open_objects(folder, config))
    except (MediaAway, BadConfig) as error:
        step = "media_endpoint, media_region, media_keys_file; does the bucket exist?" if config.media else "its owner"
        return _MEDIA.error(f"{where}: {error}", step)
    return _MEDIA.ok(f"{where}: written and read back")


def serves(config: Config) -> Iterator[Finding]:
    """What our own port answers."""
    if not config.port:
        return
    host = "127.0.0.1" if config.host in ("", "0.0.0.0", "::") else config.host  # noqa: S104 - compared, not bound
    url = f"http://{host}:{config.port}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=_LIMIT_S) as answer:
            yield _SERVES.ok(f"{url}: {answer.status}")
    except urllib.error.HTTPError as error:
        yield _SERVES.error(f"{url}: {error.code} {error.read(300).decode(errors='replace')}", "its log says why")
    except OSError as error:
        reason = getattr(error, "reason", error)
        yield _SERVES.warn(f"{url}: {reason}", "systemctl status gatehouse-server; on a machine of workers all is well")


def certificate(folder: Path, config: Config, now: datetime) -> Iterator[Finding]:
    """That gateways are told the fingerprint of the certificate that they will see."""
    address = urlsplit(config.public_url)
    if address.scheme != "https" or not address.hostname:
        return
    try:
        told = certificate_sha256(folder, config)
        shown, ends = _shown(address.hostname, address.port or 443)
    except BadConfig:
        return  # said by the check of the settings
    except (OSError, ValueError) as error:
        yield _TLS.error(f"{config.public_url}: {error}", "is the proxy started, and does the name lead to it?")
        return
    if told and told != shown:
        cause = f"{config.public_url} shows {shown[:16]}…, gateways are told {told[:16]}…: they will not enrol"
        yield _TLS.error(cause, "tls_cert_file must be the proxy's; reload the proxy after a renewal")
    elif ends is not None and ends - now < _SOON:
        yield _TLS.warn(f"{config.public_url}: ends {ends:%Y-%m-%d}", "renew it, and reload the proxy")
    else:
        yield _TLS.ok(f"{config.public_url} shows {shown[:16]}…" + (", as gateways are told" if told else ""))


def _shown(host: str, port: int) -> tuple[str, datetime | None]:
    """The fingerprint of what a port shows, and its end where this machine trusts it."""
    trusting = ssl.create_default_context()
    try:
        with (
            socket.create_connection((host, port), _LIMIT_S) as line,
            trusting.wrap_socket(line, server_hostname=host) as tls,
        ):
            ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str((tls.getpeercert() or {})["notAfter"])), UTC)
            return hashlib.sha256(tls.getpeercert(binary_form=True) or b"").hexdigest(), ends
    except ssl.SSLCertVerificationError:
        pem = ssl.get_server_certificate((host, port), timeout=_LIMIT_S)
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest(), None
