"""Which wheels are refused: under the GPL, without a licence, with code for another processor or of somebody else."""

from __future__ import annotations

import email
import struct
import sys
import zipfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from build_deb import debian_version
from deb_wheels import NotFit, Wheel, judge_binaries, judge_licence, licence_of, opened

LICENCE = {"x-1.dist-info/licenses/LICENSE": b"as it is"}


def elf(machine: int) -> bytes:
    return b"\x7fELF" + bytes(14) + struct.pack("<H", machine) + bytes(44)


@pytest.mark.parametrize(
    ("said", "fits"),
    [
        ("License-Expression: MIT", True),
        ("License-Expression: GPL-3.0-or-later", False),
        ("License-Expression: AGPL-3.0-only", False),
        ("License-Expression: LGPL-2.1-or-later", True),
        ("License-Expression: GPL-2.0-only OR BSD-3-Clause", True),
        ("License-Expression: MIT AND GPL-2.0-only", False),
        ("Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)", False),
        ("Classifier: License :: OSI Approved :: GNU Affero General Public License v3", False),
        ("Classifier: License :: OSI Approved :: MIT License", True),
        ("License: GPL v2", False),
        ("License: BSD", True),
        ("Name: x", False),
    ],
)
def test_a_licence(said: str, fits: bool) -> None:
    wheel = Wheel("x", "1", licence_of(email.message_from_string(said)), LICENCE)
    if fits:
        judge_licence(wheel)
        return
    with pytest.raises(NotFit):
        judge_licence(wheel)


def test_pyav_is_refused_whatever_it_says_and_so_is_a_wheel_without_its_licence() -> None:
    with pytest.raises(NotFit, match="codecs under the GPL"):
        judge_licence(Wheel("av", "13", "BSD-3-Clause", LICENCE))
    with pytest.raises(NotFit, match="no licence in it"):
        judge_licence(Wheel("x", "1", "MIT", {"x/__init__.py": b""}))


def test_a_licence_that_a_wheel_only_names_is_added_by_hand(tmp_path: Path) -> None:
    wheel = tmp_path / "x-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("x-1.dist-info/METADATA", "Name: X\nVersion: 1\nLicense: BSD\n")
    with pytest.raises(NotFit, match="no licence in it"):
        opened([wheel], "amd64", tmp_path)
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "LICENSE").write_text("as it is")
    (found,) = opened([wheel], "amd64", tmp_path)
    assert found.licence_files == {"LICENSE": b"as it is"}


def test_machine_code_for_another_processor_is_refused() -> None:
    judge_binaries(Wheel("x", "1", "MIT", {"x/_x.so": elf(0xB7)}), "arm64")
    with pytest.raises(NotFit, match="another processor than arm64"):
        judge_binaries(Wheel("x", "1", "MIT", {"x/_x.so": elf(0x3E)}), "arm64")


def test_a_library_of_somebody_else_is_refused() -> None:
    with pytest.raises(NotFit, match="has not been looked at"):
        judge_binaries(Wheel("x", "1", "MIT", {"x.libs/libx264-1.so": elf(0x3E)}), "amd64")


def test_what_comes_before_a_release_sorts_before_it() -> None:
    assert [debian_version(number) for number in ("0.2.0", "0.2.0rc1", "0.2.0.dev3")] == [
        "0.2.0",
        "0.2.0~rc1",
        "0.2.0~dev3",
    ]
