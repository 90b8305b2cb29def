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
from edge.sync.trust import Trust

PENDING = "identity.pending.json"
ANSWER = {"gateway": "gw-1", "complex": "garden"}


class Line:
    """An uplink that answers what the script says, one entry a try, and looks at the folder meanwhile."""

    def __init__(self, folder: Path, *script: dict[str, Any] | Exception) -> None:
        self.folder, self.script = folder, list(script)
        self.shown: list[str] = []

    def __call__(self, server: str, trust: Trust) -> Self:
        self.trust = trust
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def send_json(self, method: str, path: str, content: Any) -> dict[str, Any]:
        assert "d" not in content["public_key"], "the private half stays"
        files = [file for name in (PENDING, "identity.json") if (file := self.folder / name).exists()]
        assert any(content["public_key"]["x"] in file.read_text() for file in files), "durable before it is shown"
        assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
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


async def test_enrolling_again_keeps_the_key_and_a_new_one_is_made_on_demand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line(tmp_path, ANSWER, ANSWER, UplinkDown("lost"), ANSWER, ANSWER)
    monkeypatch.setattr(enrol_module, "Uplink", line)
    for code in ("ONE", "TWO"):
        await enrol("http://centre.example.invalid", code, tmp_path)
    with pytest.raises(UplinkDown):
        await enrol("http://centre.example.invalid", "THREE", tmp_path, new_key=True)
    await enrol("http://centre.example.invalid", "THREE", tmp_path)
    assert len(set(line.shown[:2] + line.shown[3:])) == 1, "a failed try to change keys changes nothing"
    await enrol("http://centre.example.invalid", "FOUR", tmp_path, new_key=True)
    assert line.shown[4] not in line.shown[:2]


def test_an_identity_of_an_earlier_release_is_read(tmp_path: Path) -> None:
    (tmp_path / "identity.json").write_bytes(b'{"gateway":"gw-1","complex":"c","server":"s","private_key":"{}"}')
    assert load(tmp_path).trust == Trust()


async def test_a_damaged_identity_is_replaced_with_a_key_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "identity.json").write_bytes(b"\0" * 100)
    (tmp_path / "identity.json").chmod(0o600)
    monkeypatch.setattr(enrol_module, "Uplink", Line(tmp_path, ANSWER))
    await enrol("http://centre.example.invalid", "CODE", tmp_path)
    assert load(tmp_path).gateway == "gw-1"


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
