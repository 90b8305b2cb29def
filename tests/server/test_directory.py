"""The directory: anyone may ask, cells alone may say, and only what is newer is believed."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from domain.cells import Whereabouts
from server.cells.arrive import NotNow
from server.cells.far import Answer, FarAway
from server.config import BadConfig
from server.directory.announce import put
from server.directory.app import create_app
from server.directory.register import Register
from server.directory.serve import load

SECRET = "a secret of all cells"  # pragma: allowlist secret
EAST, WEST = "https://east.example.invalid", "https://west.example.invalid"


def client(folder: Path) -> httpx.AsyncClient:
    app = create_app(Register(folder), SECRET.encode())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://directory.example.invalid")


async def test_a_newer_word_stands_and_an_older_one_changes_nothing(tmp_path: Path) -> None:
    async with client(tmp_path) as directory:

        async def send(method: str, path: str, body: bytes) -> Answer:
            answer = await directory.request(method, path, content=body, headers={"Authorization": f"Bearer {SECRET}"})
            return answer.status_code, answer.content

        await put(send, {"garden": Whereabouts(EAST, "", 1), "小区 1": Whereabouts(EAST, "", 1)})
        await put(send, {"garden": Whereabouts(WEST, "ab" * 32, 2)})
        await put(send, {"garden": Whereabouts(WEST, "cd" * 32, 2)})  # its certificate was renewed
        for old in (Whereabouts(EAST, "", 1), Whereabouts(EAST, "", 2)):
            with pytest.raises(NotNow):
                await put(send, {"garden": old})
        answer = await directory.get("/v1/cells/garden")
        assert answer.json() == {"url": WEST, "fingerprint": "cd" * 32, "version": 2}
        assert (await directory.get("/v1/cells/小区 1")).json()["url"] == EAST
        assert (await directory.get("/v1/cells/nowhere")).status_code == 404
        assert (await directory.put("/v1/cells", content=b"{}")).status_code == 401
        with pytest.raises(FarAway):
            await put(send, {"garden": Whereabouts(EAST, "no fingerprint", 3)})
    assert Register(tmp_path).find("garden") == Whereabouts(WEST, "cd" * 32, 2), "it is on the disk"


def test_a_directory_without_a_secret_is_not_served(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"directory\.secret"):
        load(tmp_path)
    (tmp_path / "directory.secret").write_text("short")
    with pytest.raises(BadConfig, match="at least 16"):
        load(tmp_path)
