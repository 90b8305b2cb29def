"""A whole Gatehouse on one machine, with a simulated complex around it and an uplink that is cut for a while."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from simulators.broker import NatsBroker
from simulators.demo_check import Outcome, discrepancies
from simulators.demo_files import COMPLEX, DemoFiles
from simulators.demo_screen import Numbers, Screen
from simulators.faults import Uplink
from simulators.postgres import Postgres
from simulators.processes import Child, ChildFailed
from simulators.products import ask, command, printed_line, run_command, until
from simulators.receiver import Receiver
from simulators.site import Site
from simulators.site_run import SiteRun

READY_LIMIT_S = 60.0
DRAIN_LIMIT_S = 90.0
STOP_LIMIT_S = 10.0
OUTAGE_S = 15.0
_LOOK_EVERY_S = 8.0  # each look starts two commands, which is not cheap
_LOOK_OFTEN_S = 2.5
_TICK_S = 0.25


class DemoFailed(Exception):
    """The demonstration cannot be shown; the message says why."""


@dataclass(frozen=True)
class DemoSettings:
    """What a person asked for."""

    minutes: float = 15.0
    headless: bool = False
    folder: Path | None = None
    port: int = 0
    seed: int = 1
    engine: str = "sqlite"


@dataclass(frozen=True)
class DemoResult:
    """What arrived, and what does not add up."""

    outcome: Outcome
    discrepancies: list[str]

    def plain(self) -> dict[str, Any]:
        return {**self.outcome.plain(), "discrepancies": self.discrepancies}


@dataclass
class _Parts:
    """Everything that runs, once it runs."""

    files: DemoFiles
    receiver: Receiver
    broker: NatsBroker
    server: Child
    agent: Child
    uplink: Uplink
    children: list[Child] = field(default_factory=list[Child])


class Demo:
    """One demonstration: starts everything, plays the site, cuts the uplink, waits for the last event, and compares."""

    def __init__(self, told: DemoSettings, console: Console) -> None:
        self._told = told
        self._screen = Screen(console, live=not told.headless)
        self._numbers = Numbers()
        self._highest_backlog = 0
        self._keep_folder = False
        self._site = Site(told.seed, told.minutes)

    async def run(self) -> DemoResult:
        """Plays it, and leaves no child behind.

        Raises DemoFailed, ChildFailed, BrokerUnavailable, BrokerAway, PostgresUnavailable.
        """
        async with self._folder() as folder, self._running(DemoFiles(folder)) as parts:
            with self._screen:
                outcome = await self._watched(parts)
            found = discrepancies(outcome)
            self._keep_folder = bool(found)
        return DemoResult(outcome, found)

    @contextlib.asynccontextmanager
    async def _folder(self) -> AsyncGenerator[Path, None]:
        """The folder asked for, which must be empty; or a temporary one, kept only where something failed."""
        if self._told.folder is not None:
            folder = self._told.folder.resolve()
            if folder.exists() and any(folder.iterdir()):
                raise DemoFailed(f"{folder} is not empty: give another --folder, or remove what is in it")
            yield folder
            return
        folder = Path(tempfile.mkdtemp(prefix="gatehouse-demo-"))
        try:
            yield folder
        except Exception:
            self._keep_folder = True
            raise
        finally:
            if self._keep_folder:
                self._screen.note(f"日志留在 · the logs are kept in {folder}")
            else:
                shutil.rmtree(folder, ignore_errors=True)

    @contextlib.asynccontextmanager
    async def _running(self, files: DemoFiles) -> AsyncGenerator[_Parts, None]:
        """Everything started in order, and stopped in the opposite one."""
        async with contextlib.AsyncExitStack() as stack:
            receiver = Receiver(secret=files.secret.encode())
            await receiver.start()
            stack.push_async_callback(receiver.stop)
            broker = NatsBroker(store=files.broker).start()
            stack.push_async_callback(asyncio.to_thread, broker.stop)
            database = await self._start_database(files, stack)
            server, url, login = await self._start_server(files, receiver.url, database, stack)
            uplink = Uplink(int(url.rpartition(":")[2]))
            await uplink.start()
            stack.push_async_callback(uplink.stop)
            agent = await self._start_agent(files, uplink.port, broker.port, stack)
            self._screen.welcome(url, login["username"], login["password"], str(files.folder))
            yield _Parts(files, receiver, broker, server, agent, uplink)

    async def _start_database(self, files: DemoFiles, stack: contextlib.AsyncExitStack) -> str:
        """Where the centre keeps all; empty: in its own folder. Raises PostgresUnavailable."""
        if self._told.engine != "postgres":
            return ""
        self._screen.note("启动数据库 · starting PostgreSQL")
        database = Postgres(files.database)
        stack.push_async_callback(asyncio.to_thread, database.close)
        await asyncio.to_thread(database.start)
        return database.url()

    async def _start_server(
        self, files: DemoFiles, webhook_url: str, database: str, stack: contextlib.AsyncExitStack
    ) -> tuple[Child, str, dict[str, Any]]:
        self._screen.note("启动中心 · starting the centre")
        files.write_server(self._told.port, webhook_url, database)
        login = await ask("gatehouse-server", "init", "--data", str(files.server))
        serve = [command("gatehouse-server"), "serve", "--data", str(files.server)]
        server = Child("gatehouse-server", serve, files.folder)
        server.start()
        stack.push_async_callback(asyncio.to_thread, server.stop, STOP_LIMIT_S)
        await until(server, lambda: printed_line(server, "ready ") is not None, READY_LIMIT_S)
        url = (printed_line(server, "ready ") or "").removeprefix("ready ")
        return server, url, login

    async def _start_agent(
        self, files: DemoFiles, uplink_port: int, broker_port: int, stack: contextlib.AsyncExitStack
    ) -> Child:
        self._screen.note("登记网关 · enrolling the gateway")
        files.write_edge(uplink_port, broker_port, self._site.devices())
        issued = await ask("gatehouse-server", "enrol-code", "--data", str(files.server), "--complex", COMPLEX)
        settings = ("--config", str(files.edge_settings))
        await run_command("gatehouse-edge", "enrol", *settings, typed=f"{issued['code']}\n")
        agent = Child("gatehouse-edge", [command("gatehouse-edge"), "run", *settings], files.folder)
        agent.start()
        stack.push_async_callback(asyncio.to_thread, agent.stop, STOP_LIMIT_S)
        await until(agent, lambda: printed_line(agent, "ready") is not None, READY_LIMIT_S)
        return agent

    async def _watched(self, parts: _Parts) -> Outcome:
        """The story, beside a watch on the children and on the numbers; the first failure ends all of it."""
        run = SiteRun(self._site, parts.broker.host, parts.broker.port)
        story = asyncio.create_task(self._story(parts, run))
        beside = [
            asyncio.create_task(self._guard(parts)),
            asyncio.create_task(self._look(parts)),
            asyncio.create_task(self._outage(parts)),
            asyncio.create_task(self._show(parts, run)),
        ]
        try:
            await _first_failure_or(story, beside)
            return await story
        finally:
            for task in (story, *beside):
                task.cancel()
            await asyncio.gather(story, *beside, return_exceptions=True)

    async def _story(self, parts: _Parts, run: SiteRun) -> Outcome:
        await run.run()
        self._screen.note("等待最后的事件 · waiting for the last event")
        end_s = time.monotonic() + DRAIN_LIMIT_S
        while True:
            outcome = await self._compare(parts, run)
            if not discrepancies(outcome) or time.monotonic() > end_s:
                return outcome
            await asyncio.sleep(1.0)

    async def _compare(self, parts: _Parts, run: SiteRun) -> Outcome:
        gateway = await ask("gatehouse-edge", "status", "--config", str(parts.files.edge_settings))
        centre = await ask("gatehouse-server", "report", "--data", str(parts.files.server))
        return Outcome(run.report, run.truth, gateway, centre, parts.receiver.counts(), self._highest_backlog)

    async def _guard(self, parts: _Parts) -> None:
        """Raises ChildFailed when the centre or the agent ends."""
        while True:
            for child in (parts.server, parts.agent):
                if not child.running:
                    raise ChildFailed(f"{child.name} ended with status {child.exit_status}:\n{child.tail()}")
            if not parts.broker.running:
                raise ChildFailed("the broker ended")
            await asyncio.sleep(_TICK_S)

    async def _look(self, parts: _Parts) -> None:
        """Asks gateway and centre how they are, more often while there is something to see."""
        while True:
            await self._look_at_gateway(parts)
            centre = await ask("gatehouse-server", "report", "--data", str(parts.files.server))
            self._numbers.at_centre, self._numbers.alerts = centre["events"], centre["alerts"]
            busy = parts.uplink.is_cut or self._numbers.backlog > 0
            await asyncio.sleep(_LOOK_OFTEN_S if busy else _LOOK_EVERY_S)

    async def _look_at_gateway(self, parts: _Parts) -> None:
        gateway = await ask("gatehouse-edge", "status", "--config", str(parts.files.edge_settings))
        self._numbers.backlog = sum(int(stream["backlog"]) for stream in gateway["streams"].values())
        self._highest_backlog = max(self._highest_backlog, self._numbers.backlog)

    async def _outage(self, parts: _Parts) -> None:
        """Cuts the uplink once, at a third of the time."""
        whole_s = self._told.minutes * 60
        await asyncio.sleep(whole_s / 3)
        self._screen.note("上行断开 · the uplink is cut: the backlog grows, nothing is lost")
        parts.uplink.cut()
        await asyncio.sleep(min(OUTAGE_S, whole_s / 4))
        await self._look_at_gateway(parts)
        parts.uplink.restore()
        self._screen.note("上行恢复 · the uplink is back: the backlog drains")

    async def _show(self, parts: _Parts, run: SiteRun) -> None:
        end_s = time.monotonic() + self._told.minutes * 60
        while True:
            counts = parts.receiver.counts()
            self._numbers.messages, self._numbers.left_s = run.report.acknowledged, end_s - time.monotonic()
            self._numbers.received, self._numbers.repeats = counts.once, counts.repeats
            self._numbers.at_centre = max(self._numbers.at_centre, counts.once)
            self._numbers.uplink_cut = parts.uplink.is_cut
            self._screen.show(self._numbers)
            await asyncio.sleep(_TICK_S)


async def _first_failure_or(story: asyncio.Task[Any], beside: list[asyncio.Task[None]]) -> None:
    """Waits for the story's end; raises the failure of any task beside it at once."""
    waiting: set[asyncio.Task[Any]] = {story, *beside}
    while not story.done():
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {story}:
            task.result()
