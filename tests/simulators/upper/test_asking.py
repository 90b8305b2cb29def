"""The asking side by its command: against a real centre over HTTP, each command once, and its refusals."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faults.story import ROOT
from tests.server.engines import SQLITE, Engine
from tests.server.viid.cascade_side import OURS, PASSWORD, Side, cascade

PROGRAM = [sys.executable, "-c", "from simulators.cli import main; main()"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
ON_SQLITE = pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])


async def asked(side: Side, file: Path, *words: str, code: int = 0) -> dict[str, Any]:
    file.write_text(PASSWORD)
    head = ["upper-asks", "--library", side.asks.library, "--password", str(file)]
    head += ["--receive-at", side.platform.receive_url]
    said = asyncio.subprocess.PIPE
    done = await asyncio.create_subprocess_exec(*PROGRAM, *head, *words, stdout=said, stderr=said, env=ENVIRONMENT)
    told, wrong = await done.communicate()
    assert done.returncode == code, wrong.decode()
    return json.loads(told) if code == 0 else {"said": wrong.decode()}


@ON_SQLITE
async def test_subscribes_orders_asks_and_takes_back(tmp_path: Path, engine: Engine) -> None:
    async with cascade(tmp_path, engine) as side:
        await side.allow("vehicle", "disposition")
        file = tmp_path / "asking.password"
        number = (await asked(side, file, "subscribe", "13", OURS, "--no-pictures"))["SubscribeID"]
        order = (await asked(side, file, "dispose", "浙A12345", "--days", "2"))["DispositionID"]
        (told,) = (await asked(side, file, "objects", "Subscribe"))["Subscribe"]
        assert (told["SubscribeID"], told["SubscribeStatus"]) == (number, 0)
        where = f"Disposition.DispositionID={order}"
        (told,) = (await asked(side, file, "objects", "Disposition", where, "RecordStartNo=1"))["Disposition"]
        assert (told["TargetFeature"], told["DispositionStatus"]) == ("浙A12345", 0)
        assert await asked(side, file, "unsubscribe", number, "--why", "结 案&x=1") == {"done": True}
        assert await asked(side, file, "withdraw", order) == {"done": True}
        (told,) = (await asked(side, file, "objects", "Subscribe"))["Subscribe"]
        assert told["SubscribeStatus"] == 1
        refused = await asked(side, file, "withdraw", number, code=1)
        assert "is the number of a Subscribe" in refused["said"]
