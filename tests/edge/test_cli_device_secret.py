"""``gatehouse-edge device-secret``: read from standard input, kept for this account alone, forgotten again."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.commands.app import app
from edge.device_secrets import ASKED_OF_IT, ASKED_OF_US, DeviceSecrets
from tests.edge.box import Box

DEVICE = "hikvision:00005e005341"


def run(box: Box, *arguments: str, typed: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(app, ["device-secret", "--config", str(box.config), *arguments], input=typed)
    return result.exit_code, result.output


@pytest.mark.parametrize(("options", "which"), [((), ASKED_OF_US), (("--push",), ASKED_OF_IT)])
def test_a_password_is_kept_and_forgotten(tmp_path: Path, options: tuple[str, ...], which: str) -> None:
    box = Box(tmp_path)
    assert run(box, DEVICE, "--user", "admin", *options, typed="s3c ret\n")[0] == 0
    kept = DeviceSecrets(box.folder, which)
    found = kept.of(DEVICE)
    assert found is not None
    assert (found.user, found.secret) == ("admin", "s3c ret")
    assert kept.devices == {DEVICE}
    (file,) = (box.folder / which).iterdir()
    assert file.stat().st_mode & 0o077 == 0
    assert run(box, DEVICE, "--forget", *options) == (0, f"{DEVICE}: forgotten\n")
    assert run(box, DEVICE, "--forget", *options) == (0, f"{DEVICE}: there was none\n")
    assert kept.devices == frozenset()


@pytest.mark.parametrize("typed", ["", "\n", "x" * 1_001 + "\n"])
def test_no_password_is_no_password(tmp_path: Path, typed: str) -> None:
    box = Box(tmp_path)
    code, said = run(box, DEVICE, typed=typed)
    assert (code, "no password" in said) == (1, True)
    assert DeviceSecrets(box.folder).of(DEVICE) is None


def test_a_device_has_a_kind_and_an_identity(tmp_path: Path) -> None:
    assert run(Box(tmp_path), "hikvision", typed="x\n")[0] == 1
