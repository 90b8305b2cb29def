"""deploy/patroni says what the simulated cluster, in which machines are killed, does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from simulators.patroni_settings import DYNAMIC, REPLICATION, REWIND, SCOPE, SUPERUSER

FOLDER = Path(__file__).parents[1] / "deploy" / "patroni"


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    return yaml.safe_load((FOLDER / "patroni.yml").read_text(encoding="utf-8"))


def variables(file: str) -> dict[str, str]:
    lines = (FOLDER / file).read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))  # type: ignore[misc]


def test_what_all_nodes_share_is_what_was_tested(told: dict[str, Any]) -> None:
    assert told["bootstrap"]["dcs"] == DYNAMIC
    assert told["scope"] == SCOPE


def test_the_times_are_such_as_patroni_takes_unchanged(told: dict[str, Any]) -> None:
    shared = told["bootstrap"]["dcs"]
    assert shared["ttl"] >= 20
    assert shared["loop_wait"] + 2 * shared["retry_timeout"] <= shared["ttl"]


def test_the_store_is_etcd_and_nothing_is_called_back(told: dict[str, Any]) -> None:
    assert "etcd3" in told and "raft" not in told
    assert "callbacks" not in told["postgresql"]


def test_nobody_comes_in_without_tls_and_a_password(told: dict[str, Any]) -> None:
    for line in told["postgresql"]["pg_hba"]:
        kind, *_, method = line.split()
        assert kind in ("local", "hostssl") and method == "scram-sha-256", line
    assert told["restapi"]["verify_client"] == "required" and told["etcd3"]["protocol"] == "https"
    assert told["postgresql"]["parameters"]["ssl"] == "on"


def test_no_password_is_in_the_files() -> None:
    assert not re.search(r"password:", (FOLDER / "patroni.yml").read_text(encoding="utf-8"))
    asked = {name: value for name, value in variables("node.env").items() if name.endswith("_PASSWORD")}
    assert len(asked) == 4 and set(asked.values()) == {""}


def test_roles_are_named_as_in_the_cluster() -> None:
    names = variables("node.env")
    assert names["PATRONI_SUPERUSER_USERNAME"] == SUPERUSER
    assert names["PATRONI_REPLICATION_USERNAME"] == REPLICATION
    assert names["PATRONI_REWIND_USERNAME"] == REWIND


def test_etcd_speaks_tls_alone() -> None:
    said = variables("etcd")
    addresses = [value for name, value in said.items() if name.endswith("_URLS")]
    assert len(addresses) == 4 and all(value.startswith("https://") for value in addresses)
    assert said["ETCD_CLIENT_CERT_AUTH"] == said["ETCD_PEER_CLIENT_CERT_AUTH"] == "true"
