"""Enrolment over a line that loses answers: the key is durable before it is shown, and shown again."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest

from edge import enrol as enrol_module
from edge import identity
from edge.enrol import enrol
from edge.identity import load
from edge.sync.transport import Refused, UplinkDown

PENDING = "identity.pending.json"
ANSWER = {"gateway": "gw-1", "complex": "garden"}


class Line:
    """An uplink that answers what the script says, one entry a try, and looks at the folder meanwhile."""

    def __init__(self, folder: Path, *script: dict[str, Any] | Exception) -> None:
        self.folder, self.script = folder, list(script)
        self.shown: list[str] = []

    def __call__(self, server: str) -> Self:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def send_json(self, method: str, path: str, content: Any) -> dict[str, Any]:
        assert "d" not in content["public_key"], "the private half stays"
        pending = msgspec.json.decode((self.folder / PENDING).read_bytes())
        assert pending["x"] == content["public_key"]["x"], "durable before it is shown"
        assert stat.S_IMODE((self.folder / PENDING).stat().st_mode) == 0o600
        self.shown.append(content["public_key"]["x"])
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_a_lost_answer_is_asked_for_again_with_the_same_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line(tmp_path, UplinkDown("the answer was lost"), Refused(403, {"error": "unknown_code"}), ANSWER, ANSWER)
    monkeypatch.setattr(enrol_module, "Uplink", line)
    for error in (UplinkDown, Refused):
        with pytest.raises(error):
            await enrol("http://centre.example.invalid", "CODE", tmp_path)
    me = await enrol("http://centre.example.invalid", "CODE", tmp_path)
    assert load(tmp_path) == me
    assert msgspec.json.decode(me.private_key)["x"] == line.shown[0]
    assert len(set(line.shown)) == 1
    assert not (tmp_path / PENDING).exists()
    await enrol("http://centre.example.invalid", "OTHER", tmp_path)
    assert line.shown[3] != line.shown[0], "another enrolment has a key of its own"


@pytest.mark.parametrize("left", [b"", b"[]", b"{}", b'{"kty": "OKP", "crv": "Ed25519", "x": "!"}'])
async def test_a_damaged_pending_key_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: bytes) -> None:
    (tmp_path / PENDING).write_bytes(left)
    monkeypatch.setattr(enrol_module, "Uplink", Line(tmp_path, ANSWER))
    assert (await enrol("http://centre.example.invalid", "CODE", tmp_path)).gateway == "gw-1"


def test_a_saved_identity_is_on_the_disk_with_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[Path, bool]] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append((Path(f"/proc/self/fd/{descriptor}").readlink(), (tmp_path / "identity.json").exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    identity.save(identity.Identity(gateway="gw-1", complex="c", server="s", private_key="{}"), tmp_path)
    assert synced == [(tmp_path / "identity.json.part", False), (tmp_path, True)]
