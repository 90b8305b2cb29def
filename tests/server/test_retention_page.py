"""The page of retention and of subjects' rights: for operators of every complex, with a reason, in two steps."""

from __future__ import annotations

import asyncio
import io
import re
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from server.cli import app
from server.retention import erasures
from server.store import retention_tables as tables
from server.store import schema
from tests.server.engines import Engine
from tests.server.people import City, city

PLATE = "京A12345"
WHY = {"reason": "本人申请", "document": "申请 2026-3"}
WHOM = {"kind": "plate", "value": "京a·12345", "complex": "", **WHY}


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        yield made


async def test_found_handed_out_and_erased_in_two_steps(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasures, "LOOK_S", 0.05)
    object.__setattr__(town.house.eraser, "_settle_s", 0.075)
    visitor = await town.visitor("wang")
    with capture_logs() as said:
        assert "保存期限" in await visitor.page("/retention")
        found = await visitor.submit("/retention/subject", **WHOM)
        assert found.status_code == 200 and "<code>charge</code>" in found.text and "<code>session</code>" in found.text
        handed = await visitor.submit("/retention/subject/export", **WHOM)
        with zipfile.ZipFile(io.BytesIO(handed.content)) as file:
            assert "京a·12345" in file.read("summary.txt").decode()
            assert msgspec.json.decode(file.read("export.json"))["counts"]["charge"] == 2
        unsure = await visitor.submit("/retention/subject/delete", **WHOM)
        assert unsure.status_code == 422
        begun = await visitor.submit("/retention/subject/delete", **WHOM, sure="yes")
        assert begun.status_code == 303
        async with asyncio.timeout(20):
            while "正在删除" in (page := await visitor.page(begun.headers["location"])):
                await asyncio.sleep(0.1)
    assert "gw-0a1b2c3d4e5f" in page and "还没有答复" in page
    async with town.house.db.read() as connection:
        plates = set((await connection.execute(schema.charge.select())).scalars("plate"))
    assert PLATE not in plates
    assert PLATE not in str(said) and "12345" not in str([line for line in said if "act" in line])
    acts = [line["act"] for line in said if "act" in line]
    assert acts == ["subject_looked_up", "subject_exported", "erasure_begun", "erasure_ended"]


async def test_a_hold_is_placed_and_lifted_with_a_document(town: City) -> None:
    visitor = await town.visitor("wang")
    assert (await visitor.submit("/retention/holds", plate=PLATE, reason="查案", document=" ")).status_code == 422
    assert (await visitor.submit("/retention/holds", **WHY)).status_code == 422, "it names nothing"
    assert (await visitor.submit("/retention/holds", plate=PLATE, since="2026-01-01", **WHY)).status_code == 303
    page = await visitor.page("/retention")
    (number,) = re.findall(r"/retention/holds/(\d+)/lift", page)
    assert (await visitor.submit(f"/retention/holds/{number}/lift", **WHY)).status_code == 303
    assert "已解除" in await visitor.page("/retention")
    assert (await visitor.submit(f"/retention/holds/{number}/lift", **WHY)).status_code == 404


async def test_nobody_else_may(town: City) -> None:
    for username in ("li", "chen", "sun"):
        visitor = await town.visitor(username)
        assert (await visitor.get("/retention")).status_code == 403
        assert (await visitor.submit("/retention/subject", **WHOM)).status_code == 403
    async with town.house.db.read() as connection:
        assert (await connection.execute(tables.erasure.select())).first() is None


def test_the_command_line_reads_the_value_from_standard_input(tmp_path: Path) -> None:
    (tmp_path / "server.toml").write_text('[[complexes]]\nid = "garden"\nname = "花园"\n[retention]\ndoor = 60\n')
    runner, data = CliRunner(), ["--data", str(tmp_path), "--json"]
    said = ["--reason", "x", "--document", "7"]
    status = runner.invoke(app, ["retention", "status", *data])
    assert status.exit_code == 0 and msgspec.json.decode(status.stdout.splitlines()[-1])["terms"]["door"] == 60
    assert runner.invoke(app, ["retention", "hold", "--plate", "-", *said, *data], input=f"{PLATE}\n").exit_code == 0
    assert runner.invoke(app, ["retention", "hold", *said, *data]).exit_code == 1
    found = runner.invoke(app, ["subject", "delete", "--plate", "-", "--yes", *said, *data], input="沪B99999\n")
    assert found.exit_code == 0 and "沪B99999" not in found.output
    assert (tmp_path / "erasures.json").exists() and "99999" not in (tmp_path / "erasures.json").read_text()
    assert runner.invoke(app, ["subject", "find", *said, *data]).exit_code == 2
    (tmp_path / "server.toml").write_text("[retention]\nvideo_index = 7\n")
    refused = runner.invoke(app, ["retention", "status", *data])
    assert refused.exit_code == 1 and "at least 30 days must be kept" in refused.output
