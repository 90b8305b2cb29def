"""Mosquitto's files as text: settings, access list, passwords. Pure; what is written where is ``broker_folder``'s."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping

import msgspec

from edge.broker.users import BrokerUser

SETTINGS, ACCESS, PASSWORDS = "mosquitto.conf", "access.acl", "passwords"  # pragma: allowlist secret
CA_FILE, CERTIFICATE, KEY, STORE = "ca.crt", "server.crt", "server.key", "store"
SALT_BYTES = 12
# Mosquitto's own number. Passwords here are 99 random bits: stretching them would only slow down reconnecting.
_ITERATIONS = 101
_HEAD = "# Written by gatehouse-edge broker-config; run it again instead of editing.\n"
_OVER_MESSAGE_BYTES = 65_536 + 16  # the longest topic, and the packet's own header


class BadSetting(Exception):
    """A setting that cannot stand in Mosquitto's files. Says which."""


class BrokerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What differs from box to box; the rest of the settings is the same everywhere."""

    folder: str
    addresses: tuple[str, ...]  # to listen on, with TLS
    port: int
    user: str  # the account Mosquitto runs as when root starts it
    message_bytes: int  # the largest message the agent takes
    unacknowledged_messages: int = 1_000  # the agent acknowledges after a group commit: a small window would starve it
    queued_messages: int = 100_000  # for a session that is away
    queued_bytes: int = 64 * 1024 * 1024
    memory_bytes: int = 256 * 1024 * 1024
    connections: int = 256  # on each address


def settings_text(settings: BrokerSettings) -> str:
    """mosquitto.conf. Raises BadSetting."""
    folder = settings.folder
    lines = [
        ("user", settings.user),
        ("per_listener_settings", "false"),
        ("allow_anonymous", "false"),
        ("password_file", f"{folder}/{PASSWORDS}"),
        ("acl_file", f"{folder}/{ACCESS}"),
        *_bounds(settings),
        *_persistence(folder),
        ("log_dest", "stderr"),
        ("set_tcp_nodelay", "true"),
    ]
    lines += [line for address in settings.addresses for line in _listener(settings, address)]
    return _HEAD + "".join(f"{key} {_one_line(key, value)}\n" for key, value in lines)


def _bounds(settings: BrokerSettings) -> list[tuple[str, str]]:
    """A message over the limit is dropped; a packet that could hold no such message ends its connection."""
    return [
        ("message_size_limit", str(settings.message_bytes)),
        ("max_packet_size", str(settings.message_bytes + _OVER_MESSAGE_BYTES)),
        ("max_inflight_messages", str(settings.unacknowledged_messages)),
        ("max_queued_messages", str(settings.queued_messages)),
        ("max_queued_bytes", str(settings.queued_bytes)),
        ("memory_limit", str(settings.memory_bytes)),
    ]


def _persistence(folder: str) -> list[tuple[str, str]]:
    """What waits for an agent that is away is on the disk at each change: Mosquitto's half hour kept nothing of it.

    Each change writes the whole store anew, which ``queued_bytes`` bounds; docs/broker.md tells the price.
    """
    return [
        ("persistence", "true"),
        ("persistence_location", f"{folder}/{STORE}/"),
        ("autosave_on_changes", "true"),
        ("autosave_interval", "1"),
        ("persistent_client_expiration", "30d"),
    ]


def _listener(settings: BrokerSettings, address: str) -> list[tuple[str, str]]:
    return [
        ("listener", f"{settings.port} {address}"),
        ("max_connections", str(settings.connections)),
        ("cafile", f"{settings.folder}/{CA_FILE}"),
        ("certfile", f"{settings.folder}/{CERTIFICATE}"),
        ("keyfile", f"{settings.folder}/{KEY}"),
        ("tls_version", "tlsv1.2"),
    ]


def listeners_in(text: str) -> tuple[int, tuple[str, ...]] | None:
    """The port and the addresses of settings written before; None where there are none."""
    found = [line.split() for line in text.splitlines() if line.startswith("listener ")]
    return (int(found[0][1]), tuple(words[2] for words in found)) if found else None


def access_text(users: Iterable[BrokerUser]) -> str:
    """The access list: what is not written here is denied. Raises BadSetting."""
    return _HEAD + "\n".join(_access(user) for user in users)


def _access(user: BrokerUser) -> str:
    lines = [f"user {_one_line('user', user.name)}"]
    lines += [f"topic write {_one_line('topic', topic)}" for topic in user.writes]
    lines += [f"topic read {_one_line('topic', topic)}" for topic in user.reads]
    return "".join(f"{line}\n" for line in lines)


def passwords_text(passwords: Mapping[str, str], salt: Callable[[int], bytes]) -> str:
    """The password file, from plain passwords by user; ``salt`` gives so many random bytes. Raises BadSetting."""
    lines = [f"{_one_line('user', name)}:{hashed(passwords[name], salt(SALT_BYTES))}\n" for name in sorted(passwords)]
    if any(line.count(":") != 1 for line in lines):
        raise BadSetting("a user's name has a colon, which ends it in Mosquitto's password file")
    return "".join(lines)


def hashed(password: str, salt: bytes) -> str:
    """A password as ``mosquitto_passwd`` keeps it: $7$, PBKDF2 with SHA-512."""
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    return f"$7${_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def _one_line(key: str, value: str) -> str:
    """The value, where it stays one value on its line. Raises BadSetting."""
    if not value or not value.isprintable() or value != value.strip():
        raise BadSetting(f"{key}: {value!r} is empty, or has control characters or space at an end")
    return value
