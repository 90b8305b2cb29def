"""Runs the directory."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import msgspec
import uvicorn

from server.config import BadConfig
from server.directory.app import create_app
from server.directory.register import Register

SETTINGS = "directory.toml"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is written down for the directory. Paths are relative to its folder."""

    host: str = "127.0.0.1"
    port: int = 8100
    secret_file: str = "directory.secret"  # noqa: S105 - a file's name


class _Server(uvicorn.Server):
    """uvicorn, that says where it listens."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[str], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._ready(f"http://{host}:{port}")


async def serve(folder: Path, ready: Callable[[str], None]) -> None:
    """Answer until told to stop. Raises BadConfig."""
    settings, secret = load(folder)
    app = create_app(Register(folder), secret)
    options = {"log_level": "warning", "access_log": False, "server_header": False}
    await _Server(uvicorn.Config(app, host=settings.host, port=settings.port, **options), ready).serve()  # type: ignore[arg-type]


def load(folder: Path) -> tuple[Settings, bytes]:
    """The settings, and the secret that cells have too. Raises BadConfig."""
    path = folder / SETTINGS
    try:
        settings = msgspec.toml.decode(path.read_bytes(), type=Settings) if path.exists() else Settings()
        secret = (folder / settings.secret_file).read_bytes().strip()
    except msgspec.MsgspecError as error:
        raise BadConfig(f"{path}: {error}") from error
    except OSError as error:
        raise BadConfig(f"{error}: write a secret there, the same as the cells have (docs/cells.md)") from error
    if len(secret) < 16:
        raise BadConfig(
            f"{folder / settings.secret_file} holds {len(secret)} signs: at least 16 (openssl rand -hex 32)"
        )
    return settings, secret
