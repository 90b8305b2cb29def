"""The settings files of a demonstration: centre, tariff, webhook secret, gateway."""

from __future__ import annotations

import secrets
from pathlib import Path

from simulators.estate import DeviceRow

COMPLEX = "demo"
COMPLEX_NAME = "示范小区"
FREE_MIN, UNIT_MIN, UNIT_FEN, DAY_CAP_FEN = 15, 60, 200, 1_000

_TARIFF = f"""\
id: demo-complex
title: 示范小区停车收费
timezone: Asia/Shanghai
words:
- 停车 {FREE_MIN} 分钟内免费；超过的自入场起每小时 2 元，不足一小时按一小时计；每 24 小时最高 10 元。
plans:
  small:
    free: {{minutes: {FREE_MIN}, mode: from_start}}
    cycle: {{hours: 24}}
    cycle_cap_fen: {DAY_CAP_FEN}
    charge: {{kind: unit, unit_min: {UNIT_MIN}, fen: {UNIT_FEN}, rounding: ceil}}
"""


class DemoFiles:
    """Where everything of one demonstration lies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = folder / "centre"
        self.edge = folder / "gateway"
        self.broker = folder / "broker"
        self.database = folder / "postgres"
        self.secret = secrets.token_urlsafe(32)

    @property
    def edge_settings(self) -> Path:
        return self.edge / "edge.toml"

    def write_server(self, port: int, webhook_url: str, database: str = "") -> None:
        """The centre's folder: settings, tariff, and the secret of the webhook, readable by its owner alone.

        ``database`` is a PostgreSQL's URL; empty: SQLite in the folder.
        """
        self.server.mkdir(parents=True, mode=0o700)
        (self.server / "tariff.yaml").write_text(_TARIFF, encoding="utf-8")
        secret_file = self.server / "webhook.secret"
        secret_file.touch(mode=0o600)
        secret_file.write_text(self.secret, encoding="utf-8")
        (self.server / "server.toml").write_text(_server_settings(port, webhook_url, database), encoding="utf-8")

    def write_edge(self, uplink_port: int, broker_port: int, devices: list[DeviceRow]) -> None:
        """The gateway's folder: its settings with the device list."""
        self.edge.mkdir(parents=True, mode=0o700)
        head = f'data = "data"\nserver = "http://127.0.0.1:{uplink_port}"\n\n[broker]\nport = {broker_port}\n'
        rows = "".join("\n[[devices]]\n" + _lines(row) for row in devices)
        self.edge_settings.write_text(head + rows, encoding="utf-8")


def _server_settings(port: int, webhook_url: str, database: str) -> str:
    place = {"id": COMPLEX, "name": COMPLEX_NAME, "timezone": "Asia/Shanghai", "tariff": "tariff.yaml"}
    hook = {"name": "demo", "url": webhook_url, "secret_file": "webhook.secret"}
    return (
        f'host = "127.0.0.1"\nport = {port}\ndatabase = "{database}"\n\n'
        f"[[complexes]]\n{_lines(place)}"
        f"\n[[complexes.quiet]]\n{_lines({'from': '00:00', 'to': '24:00'})}"
        f"\n[[webhooks]]\n{_lines(hook)}kinds = []\n"
    )


def _lines(values: dict[str, str]) -> str:
    return "".join(f'{key} = "{value}"\n' for key, value in values.items())
