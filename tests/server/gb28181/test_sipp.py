"""Against SIPp, which shares no line with us: it registers us, asks for the catalogue, takes alarms, checks each."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from server.feeds.gb28181 import sip
from server.feeds.gb28181.inbound import Inbound
from server.feeds.gb28181.sip import Request, Response
from server.feeds.sender import Accepted
from simulators.broker import free_port
from tests.rig import until
from tests.server.gb28181.rig import BUILDING, DOOR, GROUP, SMOKE, Lower, kept, offer

SCENARIOS = Path(__file__).parent / "sipp"
PASSWORD = "as told"  # pragma: allowlist secret
BOTH = pytest.mark.parametrize("transport", ["udp", "tcp"])
pytestmark = pytest.mark.skipif(shutil.which("sipp") is None, reason="sipp is not installed (Debian: sip-tester)")


class Place:
    """What a lower side must know of a platform."""

    def __init__(self, port: int) -> None:
        self.port = port


class Sipp:
    """One run of a scenario."""

    def __init__(self, folder: Path, process: asyncio.subprocess.Process) -> None:
        self.folder, self.process = folder, process

    @property
    def log(self) -> str:
        files = list(self.folder.glob("*_logs.log"))
        return "".join(file.read_bytes().decode("gb18030", "replace") for file in files)

    async def well(self) -> None:
        """It ended, and no call of it failed."""
        async with asyncio.timeout(30):
            code = await self.process.wait()
        errors = "".join(file.read_text(errors="replace") for file in self.folder.glob("*_errors.log"))
        assert code == 0, f"{code}: {errors}\n{self.log}"


@asynccontextmanager
async def sipp(folder: Path, scenario: str, port: int, transport: str, *more: str) -> AsyncIterator[Sipp]:
    folder.mkdir()
    file = shutil.copy(SCENARIOS / f"{scenario}.xml", folder)
    how = "u1" if transport == "udp" else "t1"
    words = ["-sf", str(file), "-i", "127.0.0.1", "-p", str(port), "-t", how, "-nostdin", "-nd", "-trace_logs"]
    words += ["-trace_err", "-timeout", "60", *more]
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec("sipp", *words, cwd=folder, stdout=quiet, stderr=quiet, stdin=quiet)
    try:
        yield Sipp(folder, process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def lower_at(port: int, password: str = PASSWORD, **changed: Any) -> Lower:
    return Lower(Place(port), password, **changed)  # type: ignore[arg-type]


@BOTH
async def test_it_registers_us_and_takes_our_alarms(tmp_path: Path, transport: str) -> None:
    port = free_port()
    async with sipp(tmp_path / "sipp", "platform", port, transport, "-m", "5") as platform:
        async with kept(lower_at(port, transport=transport)) as lower:
            await lower.online()
            verdicts = await lower.sender.send([offer(number) for number in range(3)])
            assert verdicts == [Accepted()] * 3
            await platform.well()
        assert "known by its digest" in platform.log
        assert platform.log.count("CmdType>Alarm") == 3


async def test_it_asks_for_the_catalogue_and_gets_each_item(tmp_path: Path) -> None:
    port, ours = free_port(), free_port()
    async with sipp(tmp_path / "sipp", "platform", port, "udp", "-m", "6") as platform:
        async with kept(lower_at(port, local_port=ours)) as lower:
            await lower.online()
            there = ("-m", "1", f"127.0.0.1:{ours}")
            async with sipp(tmp_path / "query", "catalogue", free_port(), "udp", *there) as query:
                await query.well()
            await platform.well()
        codes = re.findall(r"Catalog.*?<Item>\s*<DeviceID>(\d{20})", platform.log, re.DOTALL)
        assert codes == [GROUP, BUILDING, DOOR, SMOKE]


@BOTH
async def test_it_asks_and_answers_over_the_line_by_which_we_came(tmp_path: Path, transport: str) -> None:
    """Over TCP it has no other way to us. A registration, a keep-alive, four parts of the catalogue, three alarms."""
    port = free_port()
    async with (
        sipp(tmp_path / "sipp", "asking", port, transport, "-m", "9") as platform,
        kept(lower_at(port, transport=transport)) as lower,
    ):
        await lower.online()
        await until(lambda: platform.log.count("<SumNum>4</SumNum>") == 4, 20)
        assert await lower.sender.send([offer(number) for number in range(3)]) == [Accepted()] * 3
        await platform.well()
    log = platform.log
    assert "known by its digest" in log and log.count("the query was taken") == 1
    assert re.findall(r"Catalog.*?<Item>\s*<DeviceID>(\d{20})", log, re.DOTALL) == [GROUP, BUILDING, DOOR, SMOKE]
    told = re.findall(r"CmdType>Alarm</CmdType>\s*<SN>(\d+)<", log)
    assert len(set(told)) == 3 and all(f"the answer of {number} was taken" in log.replace("[", "") for number in told)


async def test_the_control_who_turns_its_answer_down_fails_its_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked at what we say to its answer of an alarm: another word than 200 is seen."""
    right = Inbound._message

    def broken(self: Inbound, request: Request) -> Response:
        return sip.answer(request, 500, "Broken", "t") if b"<Response>" in request.body else right(self, request)

    monkeypatch.setattr(Inbound, "_message", broken)
    port = free_port()
    async with (
        sipp(tmp_path / "sipp", "asking", port, "tcp", "-m", "7") as platform,
        kept(lower_at(port, transport="tcp")) as lower,
    ):
        await lower.online()
        await until(lambda: platform.log.count("<SumNum>4</SumNum>") == 4, 20)
        await lower.sender.send([offer(1)])
        with pytest.raises(AssertionError):
            await platform.well()


@BOTH
async def test_the_control_a_wrong_password_is_not_known_to_it(tmp_path: Path, transport: str) -> None:
    port = free_port()
    async with (
        sipp(tmp_path / "sipp", "platform", port, transport, "-m", "1") as platform,
        kept(lower_at(port, "another", slow_s=30.0, transport=transport)) as lower,
    ):
        await until(lambda: "403" in lower.session.why)
        assert "known by its digest" not in platform.log


@BOTH
async def test_the_control_another_form_of_alarm_fails_its_call(tmp_path: Path, transport: str) -> None:
    """The scenario checks: an alarm of another device, of another priority, is not what it expects."""
    port = free_port()
    async with (
        sipp(tmp_path / "sipp", "platform", port, transport, "-m", "3") as platform,
        kept(lower_at(port, transport=transport)) as lower,
    ):
        await lower.online()
        said = {"kind": "alarm", "alarm": "smoke", "state": "active", "device": "zigbee2mqtt:smoke", "point": None}
        await lower.sender.send([offer(1, **said)])
        with pytest.raises(AssertionError):
            await platform.well()
