"""The doctor on the box itself: folder, log, disk, clock, agent, systemd, Mosquitto, backlog, devices."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.events import Event
from domain.findings import Finding, Reporter, exit_code
from edge.config import Capacity
from edge.doctor import agent, backlog, clock, devices, folder, software, storage
from edge.doctor.verdict import Verdict
from edge.status.box_status import described
from edge.status.status import read_file
from edge.store.disk import Disk
from tests.edge.box import NOBODY, NOW, Box, parked

MOUNTS = """\
22 1 8:1 / / rw - ext4 /dev/sda1 rw
30 22 0:25 / /mnt/share rw - nfs4 host:/x rw
31 22 0:26 / /run/my\\040box rw shared:1 - tmpfs tmpfs rw
"""


def levels(findings: Iterable[Finding]) -> list[str]:
    return [finding.level for finding in findings]


def bad(findings: Iterable[Finding]) -> list[str]:
    return [finding.cause for finding in findings if finding.level != "ok"]


def test_the_worst_finding_decides_the_exit() -> None:
    says = Reporter("box", "x")
    assert [exit_code(found) for found in ([], [says.ok("")], [says.warn("", ""), says.ok("")])] == [0, 0, 1]
    assert exit_code([says.warn("", ""), says.error("", "")]) == 2


# --- folder and log ---


async def test_a_sound_log_in_a_folder_of_its_own_is_well(tmp_path: Path) -> None:
    box = Box(tmp_path)
    await box.fill([Event(kind="input", device="t:1")])
    assert bad(folder.check(box.folder, MOUNTS, box.folder.stat().st_uid)) == []


async def test_a_folder_others_may_look_into_or_of_somebody_else(tmp_path: Path) -> None:
    box = Box(tmp_path)
    await box.fill()
    box.folder.chmod(0o755)
    (cause,) = bad(folder.check(box.folder, MOUNTS, box.folder.stat().st_uid))
    assert "others may look in" in cause
    box.folder.chmod(0o700)
    (cause,) = bad(folder.check(box.folder, MOUNTS, box.folder.stat().st_uid + 1))
    assert "belongs to user" in cause


async def test_a_damaged_log_is_an_error_that_says_what_happens_to_it(tmp_path: Path) -> None:
    box = Box(tmp_path)
    await box.fill([Event(kind="input", device="t:1", text="x" * 500) for _ in range(200)])
    with sqlite3.connect(box.folder / "log.db") as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    body = bytearray((box.folder / "log.db").read_bytes())
    body[8192 : len(body) - 4096] = b"\xff" * (len(body) - 12288)
    (box.folder / "log.db").write_bytes(body)
    found = folder.check(box.folder, MOUNTS, box.folder.stat().st_uid)
    assert "error" in levels(found)
    assert "sets" in next(finding for finding in found if finding.level == "error").next_step


async def test_a_log_of_a_newer_program(tmp_path: Path) -> None:
    box = Box(tmp_path)
    await box.fill()
    with sqlite3.connect(box.folder / "log.db") as db:
        db.execute("PRAGMA user_version = 99")
    assert bad(folder.check(box.folder, MOUNTS, box.folder.stat().st_uid)) == [
        "the log is of version 99, this program knows 1"
    ]


def test_a_check_that_takes_long_gives_way_and_says_how_far_it_came(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "x.db", isolation_level=None) as db:
        numbers = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 200000) SELECT * FROM n"
        db.execute(f"CREATE TABLE t AS {numbers}")
        times = iter([0.0, *[1_000.0] * 1_000])
        found = folder._whole(db, lambda: next(times))
        assert (found.level, "would take longer" in found.cause) == ("ok", True)
        assert db.execute("SELECT count(*) FROM t").fetchone() == (200_000,), "the connection serves on"


def test_on_which_file_system_a_path_lies() -> None:
    assert folder.mounted(Path("/var/lib"), MOUNTS) == "ext4"
    assert folder.mounted(Path("/mnt/share/x"), MOUNTS) == "nfs4"
    assert folder.mounted(Path("/run/my box/x"), MOUNTS) == "tmpfs"
    assert folder.mounted(Path("/mnt/shared"), MOUNTS) == "ext4"
    assert folder.mounted(Path("/x"), "") == "unknown"


def test_a_network_share_is_an_error_and_memory_a_warning(tmp_path: Path) -> None:
    def on(kind: str) -> str:
        return folder._file_system(tmp_path, f"1 0 0:1 / / rw - {kind} x rw").level

    assert [on(kind) for kind in ("ext4", "xfs", "tmpfs", "nfs4", "cifs")] == ["ok", "ok", "warn", "error", "error"]


# --- disk ---


@pytest.mark.parametrize(
    ("free_bytes", "free_inodes", "level"),
    [(5_000_000_000, 900, "ok"), (200_000_000, 900, "warn"), (50_000_000, 900, "error"), (5_000_000_000, 10, "warn")],
)
def test_room(free_bytes: int, free_inodes: int, level: str) -> None:
    found = storage.room(Disk(free_bytes, 8_000_000_000, free_inodes, 1_000, 0), Capacity())
    assert max(levels(found), key=["ok", "warn", "error"].index) == level


def test_a_log_near_its_bound_and_a_store_that_is_not_well(tmp_path: Path) -> None:
    near = Disk(5_000_000_000, 8_000_000_000, 900, 1_000, Capacity().log_bytes)
    assert levels(storage.room(near, Capacity())) == ["ok", "warn"]
    assert levels(storage.store({"state": "ok", "reserve": True}, tmp_path)) == []
    assert levels(storage.store({"state": "full", "detail": "x", "reserve": False}, tmp_path)) == ["error", "warn"]
    (tmp_path / "corrupt-20260301T000000000000Z").mkdir()
    assert "corrupt-20260301" in bad(storage.store({}, tmp_path))[0]


@pytest.mark.parametrize(("said", "level"), [("0x01 0x02", "ok"), ("0x08 0x01", "warn"), ("0x01 0x0b", "error")])
def test_the_life_an_emmc_has_left(said: str, level: str, tmp_path: Path) -> None:
    card = tmp_path / "class/mmc_host/mmc0/mmc0:0001"
    card.mkdir(parents=True)
    (card / "life_time").write_text(said + "\n")
    assert levels(storage.life(tmp_path)) == [level]


def test_a_box_without_an_emmc_says_nothing_of_it(tmp_path: Path) -> None:
    assert list(storage.life(tmp_path)) == []


# --- clock ---


def test_a_clock_is_judged_by_the_kernel_the_centre_and_the_log() -> None:
    def judged(*, synced: bool = True, off_s: float | None = 0.0, ahead_s: float = 0.0) -> int:
        offset = None if off_s is None else timedelta(seconds=off_s)
        newest = NOW + timedelta(seconds=ahead_s)
        return exit_code(clock.check(NOW, synced=synced, offset=offset, newest_record=newest))

    assert judged() == 0
    assert judged(synced=False) == 0, "the centre vouches"
    assert judged(synced=False, off_s=None) == 1
    assert judged(off_s=3.0) == 1
    assert judged(off_s=-90.0) == 2
    assert judged(ahead_s=3_600) == 1


# --- the agent and who starts it ---


def test_an_agent_that_runs_is_well_and_any_other_is_told_apart(tmp_path: Path) -> None:
    box = Box(tmp_path)

    def level(**said: object) -> str:
        box.agent_says(**said)  # type: ignore[arg-type]
        return agent.runs(read_file(box.folder), datetime.now(UTC)).level

    assert level() == "ok"
    assert level(pid=NOBODY) == "error"
    assert level(time=datetime.now(UTC) - timedelta(minutes=5)) == "error"
    assert level(version="0.0.1") == "warn"
    assert agent.runs({}, NOW).level == "error"


def test_an_identity_that_others_may_read_is_no_secret_any_more(tmp_path: Path) -> None:
    box = Box(tmp_path)
    assert agent.known(box.folder)[1].level == "warn"
    box.enrol()
    assert agent.known(box.folder)[1].level == "ok"
    (box.folder / "identity.json").chmod(0o640)
    assert agent.known(box.folder)[1].level == "error"
    (box.folder / "identity.json").write_bytes(b"torn")
    assert agent.known(box.folder)[0] is None


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ({"LoadState": "loaded", "ActiveState": "active", "WatchdogUSec": "30s", "NRestarts": "0"}, "ok"),
        ({"LoadState": "loaded", "ActiveState": "active", "WatchdogUSec": "0"}, "warn"),
        ({"LoadState": "loaded", "ActiveState": "failed", "WatchdogUSec": "30s"}, "error"),
        ({"LoadState": "not-found", "ActiveState": "inactive"}, "warn"),
    ],
)
def test_the_unit(said: dict[str, str], level: str) -> None:
    assert levels(agent.unit_said(said)) == [level]


def test_where_there_is_no_systemd_nothing_is_said_of_it(tmp_path: Path) -> None:
    assert list(agent.unit(tmp_path / "none")) == []


# --- Mosquitto ---


@pytest.mark.parametrize(
    ("debian", "told", "expected"),
    [
        ("2.0.11-1.2+deb12u2", "", ["ok"]),
        ("2.0.21-1", "", ["ok"]),
        ("2.0.11-1.2+deb12u1", "", ["warn"]),
        ("2.0.11-1.2", "", ["warn"]),
        (None, "mosquitto version 2.0.18", ["warn"]),
        (None, "mosquitto version 2.1.0", ["ok"]),
        (None, "another broker 1.0", ["ok"]),
        (None, "", []),
    ],
)
def test_a_mosquitto_with_known_faults(debian: str | None, told: str, expected: list[str]) -> None:
    def compare(one: str, other: str) -> bool:
        return one >= other  # enough for these, and needs no dpkg

    assert levels(software.check(debian, told, compare)) == expected


# --- backlog and devices ---


async def test_a_backlog_is_judged_by_its_age_not_by_its_size(tmp_path: Path) -> None:
    box = Box(tmp_path)
    await box.fill([Event(kind="input", device="t:1")], [parked("driver_failed")])
    found = described(box.folder)

    def level(age: timedelta) -> str:
        return next(iter(backlog.check(found, NOW + age))).level

    assert [level(timedelta(minutes=1)), level(timedelta(hours=1)), level(timedelta(days=8))] == ["ok", "warn", "error"]
    assert "driver_failed 1" in bad(backlog.check(found, NOW))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"at": NOW.isoformat(), "state": None}, []),
        ({"at": (NOW - timedelta(days=3)).isoformat(), "state": "online"}, ["it was last heard 3.0 d ago"]),
        ({"at": NOW.isoformat(), "state": "offline"}, ["it is offline, last heard 0 s ago"]),
        ({}, ["it is listed and was never heard"]),
    ],
)
def test_who_was_never_heard_fell_silent_or_is_offline(entry: dict[str, Any], said: list[str]) -> None:
    verdict = Verdict("t:1", "docs/devices/t.md")
    devices.heard(verdict, entry, NOW)
    assert bad(verdict.findings) == said
    assert all("docs/devices/t.md" in finding.next_step for finding in verdict.findings if finding.level != "ok")


async def test_a_device_that_waits_to_be_listed_is_named(tmp_path: Path) -> None:
    box = Box(tmp_path)
    detail = "t:2 is not in the device list; add it, then: gatehouse-edge parked --retry"
    await box.fill(parked=[parked("unknown_device", detail)] * 3)
    (found,) = devices.waiting(box.folder, ["t:1"])
    assert "messages of t:2 are parked" in found.cause
    assert "add them to edge.toml" in found.next_step
    (found,) = devices.waiting(box.folder, ["t:2"])
    assert found.next_step == "gatehouse-edge parked --retry"
