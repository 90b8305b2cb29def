"""``gatehouse-edge status``: what is, with and without a running agent."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from typer.testing import CliRunner

from domain.events import Event
from edge.commands.app import app
from edge.commands.status_page import page
from edge.status.box_status import described
from tests.edge.box import NOBODY, NOW, Box, parked


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.output


def shown(box: Box) -> dict[str, Any]:
    code, printed = run("status", "--json", "--config", str(box.config))
    assert code == 0, printed
    return json.loads(printed)


def events(count: int) -> list[Event]:
    return [Event(kind="input", device="t:1") for _ in range(count)]


async def test_without_an_agent_it_says_so_and_tells_what_the_log_holds(tmp_path: Path) -> None:
    box = Box(tmp_path)
    await box.fill(events(3), [parked("undecodable")], {"routine": 1})
    box.agent_says(pid=NOBODY, rates={"messages": 5.0})
    found = shown(box)
    assert (found["running"], found["uplink"], found["broker"]) == (False, "agent not running", "agent not running")
    assert found["streams"]["routine"]["backlog"] == 2
    assert found["oldest_unsent_at"] == {"routine": "2026-03-01T00:00:01+00:00"}
    assert (found["parked"], found["parked_by_reason"]) == (1, {"undecodable": 1})
    assert "rates" not in found, "what nobody measures now is not shown as if it were"
    code, printed = run("status", "--config", str(box.config))
    assert code == 0
    assert "the agent is not running" in printed


async def test_a_running_agent_s_word_on_the_watermark_is_newer_than_the_file_s(tmp_path: Path) -> None:
    box = Box(tmp_path)
    await box.fill(events(5), acknowledged={"routine": 1})
    epoch = shown(box)["streams"]["routine"]["epoch"]
    box.agent_says(streams={"routine": {"epoch": epoch, "acknowledged": 4}})
    assert shown(box)["streams"]["routine"]["backlog"] == 1
    box.agent_says(streams={"routine": {"epoch": "another", "acknowledged": 5}})
    assert shown(box)["streams"]["routine"]["backlog"] == 4, "a watermark of another epoch says nothing of this one"


def test_a_box_on_which_no_agent_ever_ran_is_said_and_nothing_is_made(tmp_path: Path) -> None:
    box = Box(tmp_path)
    code, printed = run("status", "--config", str(box.config))
    assert code == 1
    assert "the agent is not running: no log.db" in printed.replace("\n", " ")
    assert not box.folder.exists()


async def test_the_page_shows_devices_with_age_and_state_and_whatever_else_is_told(tmp_path: Path) -> None:
    box = Box(tmp_path)
    await box.fill(events(1))
    heard = (datetime.now(UTC) - timedelta(hours=3)).isoformat()
    box.agent_says(
        devices=[{"id": "t:1", "name": "东门"}, {"id": "t:2", "name": ""}],
        seen={"t:1": {"at": heard, "state": "offline"}, "x:9": {"at": heard, "state": None}},
        store={"state": "full", "detail": "no room", "reserve": False},
        desired={"passes": 7},
        counts={"messages": 9, "repeats": 2},
        media_unsent=4,
        vision={
            "children": [{"cameras": ["camera:a"], "memory_mb": 131.4, "deaths": 1}],
            "cameras": {"camera:a": {"state": "covered", "fps": 14.94, "lag_s": 0.72, "late": 6, "broken_packets": 17}},
        },
        card_lists={"uhppote:1": {"version": 4, "wished": 3, "held": 2, "failure": "no answer"}},
    )
    console = Console(width=120, record=True, file=(tmp_path / "page").open("w"))
    console.print(page(described(box.folder), datetime.now(UTC)))
    text = console.export_text()
    for said in ("东门", "3.0 h ago", "offline", "never", "not in the list", "desired: passes 7"):
        assert said in text
    assert "store: full: no room, the reserve is not held" in text
    assert "pictures unsent: 4" in text
    assert "cards in uhppote:1: 2 of 3, version 4; no answer" in text
    assert "repeats 2" in text
    assert all(
        word in text
        for word in ("camera:a", "covered", "14.9", "0.7 s, 6 times", "17", "1 children that see: 131 MB; 1 deaths")
    )


def test_an_agent_that_says_nothing_any_more_is_not_called_well(tmp_path: Path) -> None:
    console = Console(width=120, record=True, file=(tmp_path / "page").open("w"))
    said: dict[str, Any] = {"running": True, "time": NOW.isoformat(), "streams": {}, "counts": {}, "parked": 0}
    console.print(page({**said, "uplink": "online", "broker": "connected"}, NOW + timedelta(minutes=5)))
    assert "says nothing; it last said something 5.0 min ago" in console.export_text()
