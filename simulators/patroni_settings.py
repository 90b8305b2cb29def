"""What a node of a cluster under Patroni is told; what all share is the same as in deploy/patroni/patroni.yml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators.postgres import program

HOST = "127.0.0.1"
SCOPE = "gatehouse"
SUPERUSER, REPLICATION, REWIND, REST = "postgres", "replicator", "rewinder", "patroni"

# Kept in Patroni's store and followed by every node. The leader says every ``loop_wait`` seconds that it leads; when it
# has said nothing for ``ttl``, another one does. Patroni makes 20 of a smaller ttl, and wants
# loop_wait + 2 * retry_timeout to fit in it.
DYNAMIC: Mapping[str, Any] = {
    "ttl": 20,
    "loop_wait": 2,
    "retry_timeout": 5,
    "synchronous_mode": True,
    "synchronous_mode_strict": True,
    "synchronous_node_count": 1,
    "maximum_lag_on_failover": 1_048_576,
    "check_timeline": True,
    "primary_start_timeout": 10,
    "primary_stop_timeout": 10,
    "postgresql": {
        "use_pg_rewind": True,
        "use_slots": True,
        "parameters": {
            "wal_level": "replica",
            "hot_standby": "on",
            "max_connections": 200,
            "max_wal_senders": 10,
            "max_replication_slots": 10,
            "wal_log_hints": "on",
            "wal_keep_size": "512MB",
            "max_slot_wal_keep_size": "20GB",
            "wal_retrieve_retry_interval": "200ms",
            "wal_sender_timeout": "10s",
            "wal_receiver_timeout": "10s",
            "synchronous_commit": "on",
        },
    },
}
# Of this simulation alone: three of them share a machine with tests.
_SMALL: Mapping[str, Any] = {"shared_buffers": "64MB", "max_wal_size": "1GB", "log_min_messages": "warning"}
_HBA = (
    "local all all scram-sha-256",
    f"host all all {HOST}/32 scram-sha-256",
    f"host replication {REPLICATION} {HOST}/32 scram-sha-256",
)


@dataclass(frozen=True)
class Place:
    """Where one node is: its folder, and its ports on loopback."""

    name: str
    folder: Path
    postgres_port: int
    rest_port: int
    raft_port: int

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def settings_file(self) -> Path:
        return self.folder / "patroni.json"

    @property
    def raft_address(self) -> str:
        return f"{HOST}:{self.raft_port}"


def settings(place: Place, others: Sequence[Place], passwords: Mapping[str, str]) -> dict[str, Any]:
    """The file that Patroni is started with. ``passwords`` by role: it belongs into a file that only we may read."""
    rest = f"{HOST}:{place.rest_port}"
    return {
        "scope": SCOPE,
        "name": place.name,
        "restapi": {
            "listen": rest,
            "connect_address": rest,
            "authentication": {"username": REST, "password": passwords[REST]},
        },
        "raft": {
            "data_dir": str(place.folder / "raft"),
            "self_addr": place.raft_address,
            "partner_addrs": [other.raft_address for other in others],
            "password": passwords["raft"],
        },
        "bootstrap": {"dcs": DYNAMIC, "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "data-checksums"]},
        "postgresql": _postgresql(place, passwords),
    }


def _postgresql(place: Place, passwords: Mapping[str, str]) -> dict[str, Any]:
    address = f"{HOST}:{place.postgres_port}"
    roles = {"superuser": SUPERUSER, "replication": REPLICATION, "rewind": REWIND}
    return {
        "listen": address,
        "connect_address": address,
        "data_dir": str(place.data),
        "bin_dir": str(program("postgres").parent),
        "pgpass": str(place.folder / "pgpass"),
        "authentication": {
            role: {"username": username, "password": passwords[username]} for role, username in roles.items()
        },
        "basebackup": [{"checkpoint": "fast"}],
        "parameters": {"unix_socket_directories": str(place.folder), **_SMALL},
        "pg_hba": list(_HBA),
    }
