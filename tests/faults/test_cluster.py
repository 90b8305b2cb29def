"""The cluster as a person starts it: its words, its passwords, and what is left of it when it is killed itself."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from eventlog.postgres_leader import NoLeader, connect
from simulators.descendants import descendants
from simulators.processes import Child
from tests.faults.story import FULL, Story
from tests.rig import until

pytestmark = pytest.mark.faults

# How it ends: both where there is time, else one of them by the seed.
ENDS = ["told", "killed"] if FULL else [Story("cluster").chance("end").choice(["told", "killed"])]
START_LIMIT_S, END_LIMIT_S = 120.0, 40.0


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Child]:
    """``gatehouse-sim cluster --json``; its folder is in TMPDIR."""
    words = [sys.executable, "-c", "from simulators.cli import main; main()", "cluster", "--json"]
    child = Child("cluster", words, tmp_path, env={**os.environ, "TMPDIR": str(tmp_path)})
    child.start()
    yield child
    child.stop(END_LIMIT_S)


def lines(child: Child) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in child.out_file.read_text().splitlines()]


async def started(child: Child) -> str:
    await until(lambda: not child.running or lines(child), START_LIMIT_S)
    assert child.running, child.tail()
    roles = lines(child)[-1]["nodes"]
    assert sorted(roles) == ["n1", "n2", "n3"] and {"leader", "synchronous"} <= set(roles.values())
    return lines(child)[0]["url"]


def passwords(folder: Path) -> set[str]:
    """Those of Patroni's settings."""
    told = msgspec.json.decode(next(folder.glob("gh-ha-*/n1/patroni.json")).read_bytes())
    roles = told["postgresql"]["authentication"].values()
    found = {role["password"] for role in roles} | {told["raft"]["password"]}
    return found | {line.rpartition(":")[2].strip() for line in next(folder.glob("gh-ha-*/gatehouse.pass")).open()}


def who_else_may_read(folder: Path, secret: str) -> list[str]:
    """Files with the password in them that are not ours alone, logs among them."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    found: list[str] = []
    for path in files:
        try:
            holds, mode = secret.encode() in path.read_bytes(), path.stat().st_mode
        except FileNotFoundError:  # PostgreSQL's own come and go
            continue
        if holds and (mode & 0o077 or path.suffix in (".log", ".out")):
            found.append(str(path))
    return found


@pytest.mark.parametrize("end", ENDS)
async def test_a_client_gets_in_by_its_password_alone_and_nothing_is_left(
    command: Child, story: Story, tmp_path: Path, end: str
) -> None:
    url = await started(command)
    await writable(url)
    await refuses_another_password(url, tmp_path)
    below = descendants(command.pid)
    must_be_secret(url, below, tmp_path)
    if end == "told":
        assert command.stop(END_LIMIT_S) and command.exit_status == 0, command.tail()
        assert left(below) == [] and list(tmp_path.glob("gh-ha-*")) == []
    else:
        command.send(signal.SIGKILL)
        await until(lambda: not left(below), END_LIMIT_S)
    story.tell(end=end, processes=len(below), left=len(left(below)))


def must_be_secret(url: str, pids: list[int], folder: Path) -> None:
    running = b"".join(map(_command_line, pids))
    assert b"patroni" in running and b"bin/postgres" in running
    for secret in passwords(folder):
        assert secret.encode() not in running and secret not in url
        assert who_else_may_read(folder, secret) == []


def _command_line(pid: int) -> bytes:
    """Nothing of one that has ended meanwhile: PostgreSQL's own come and go."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


async def writable(url: str) -> None:
    connection = await connect(url, timeout=10)
    try:
        await connection.execute("CREATE TABLE written(number int)")
    finally:
        await connection.close()


async def refuses_another_password(url: str, folder: Path) -> None:
    other = folder / "other.pass"
    other.write_text("*:*:*:*:other\n")
    other.chmod(0o600)
    right = parse_qs(urlsplit(url).query)["passfile"][0]
    with pytest.raises(NoLeader, match="password authentication failed"):
        await connect(url.replace(right, str(other)), timeout=10)


def left(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]
