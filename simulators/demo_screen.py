"""What a person sees of a demonstration in the terminal: where to look, and one live line of numbers."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

_PLAIN_EVERY_S = 10.0


@dataclass
class Numbers:
    """The demonstration's state at a moment."""

    messages: int = 0
    at_centre: int = 0
    alerts: int = 0
    backlog: int = 0
    received: int = 0
    repeats: int = 0
    uplink_cut: bool = False
    left_s: float = 0.0

    def line(self) -> Text:
        """One line, Chinese and English."""
        uplink = Text("断开 CUT", style="bold red") if self.uplink_cut else Text("畅通 up", style="green")
        parts = [
            f"设备消息 sent {self.messages}",
            f"中心事件 at the centre {self.at_centre}",
            f"警情 alerts {self.alerts}",
            f"积压 backlog {self.backlog}",
            f"推送 webhook {self.received} (+{self.repeats})",
        ]
        line = Text("  ·  ".join([*parts, f"剩余 left {max(0.0, self.left_s):.0f} s", "上行 uplink "]))
        return line.append_text(uplink)


class Screen:
    """A live line on a terminal; elsewhere the same line every ten seconds."""

    def __init__(self, console: Console, live: bool) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=4) if live and console.is_terminal else None
        self._shown_at_s = 0.0

    def __enter__(self) -> Screen:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def welcome(self, url: str, username: str, password: str, folder: str) -> None:
        """Where to look and how to sign in, in a box."""
        table = Table.grid(padding=(0, 2))
        for name, value in (("网址 · open", url), ("用户名 · user", username), ("密码 · password", password)):
            table.add_row(name, Text(value, style="bold"))
        table.add_row("文件 · files", folder)
        table.add_row("", "Ctrl-C 结束 · to end")
        self._console.print(
            Panel(table, title="门房 Gatehouse", subtitle="模拟小区 · a simulated complex", expand=False)
        )

    def note(self, text: str) -> None:
        self._console.print(text, highlight=False)

    def show(self, numbers: Numbers) -> None:
        if self._live is not None:
            self._live.update(numbers.line())
        elif time.monotonic() - self._shown_at_s >= _PLAIN_EVERY_S:
            self._shown_at_s = time.monotonic()
            self._console.print(numbers.line(), soft_wrap=True)
