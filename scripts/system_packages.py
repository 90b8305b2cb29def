"""Installs what the tests need and pip does not have: a browser, Chinese fonts, a broker, tools to do harm with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Package(NamedTuple):
    """A Debian package, how to see that it is there, and what happens to the tests without it."""

    name: str
    is_there: Callable[[], bool]
    without: str


def _has_program(name: str) -> Callable[[], bool]:
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    return lambda: shutil.which(name, path=path) is not None


def _has_chinese_font() -> bool:
    return any(Path("/usr/share/fonts").rglob("NotoSansCJK*"))


def has_rtsp_server() -> bool:
    """Whether there is GStreamer's RTSP server for Debian's Python."""
    return any(Path("/usr/lib").glob("*/girepository-1.0/GstRtspServer-1.0.typelib")) and _has_gi()


def _has_gi() -> bool:
    return Path("/usr/bin/python3").exists() and Path("/usr/lib/python3/dist-packages/gi").is_dir()


PACKAGES = (
    Package("chromium", _has_program("chromium"), "tests marked `browser` are skipped"),
    Package("fonts-noto-cjk", _has_chinese_font, "the browser draws Chinese as boxes, and tests of layout may fail"),
    Package("mosquitto", _has_program("mosquitto"), "tests against Mosquitto are skipped"),
    Package("curl", _has_program("curl"), "a client of GA/T 1400 that is not ours is skipped"),
    Package("sip-tester", _has_program("sipp"), "an upper platform of GB/T 28181 that is not ours is skipped"),
    Package("gir1.2-gst-rtsp-server-1.0", has_rtsp_server, "tests of cameras over RTSP are skipped"),
    Package("python3-gi", _has_gi, "tests of cameras over RTSP are skipped"),
    Package("systemd", _has_program("systemd-analyze"), "tests of the units are skipped"),
    Package("debootstrap", _has_program("debootstrap"), "tests that install the package are skipped"),
    Package("lintian", _has_program("lintian"), "the package's form is not looked at"),
    Package("xfsprogs", _has_program("mkfs.xfs"), "power is cut under ext4 only"),
    Package("e2fsprogs", _has_program("mkfs.ext4"), "power is cut under XFS only"),
    Package("iproute2", _has_program("ip"), "tests in network namespaces are skipped"),
    Package("nftables", _has_program("nft"), "tests in network namespaces are skipped"),
    Package("gcc", _has_program("gcc"), "tests of failing syncs and writes are skipped"),
    Package("libc6-dev", Path("/usr/include/stdio.h").is_file, "tests of failing syncs and writes are skipped"),
)


def main() -> None:
    missing = [package for package in PACKAGES if not package.is_there()]
    if missing:
        _install([package.name for package in missing])
    for package in missing:
        if not package.is_there():
            print(f"{package.name} is not installed: {package.without}. On Debian: apt install {package.name}")


def _install(names: list[str]) -> None:
    """As far as it goes: a failure is shown, and the tests that lack something say so themselves."""
    apt = _apt()
    if apt is None:
        return
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *names]):
        command = [*apt, "-qq", *arguments]
        print(" ".join(command), flush=True)
        done = subprocess.run(
            command, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, stdin=subprocess.DEVNULL
        )
        if done.returncode:
            print(f"{' '.join(arguments[:1])} failed with status {done.returncode}", file=sys.stderr, flush=True)


def _apt() -> list[str] | None:
    """The command that installs, where we may: as root, or by a sudo that asks nothing."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return ["apt-get"]
    if shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0:
        return ["sudo", "-n", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    return None


if __name__ == "__main__":
    main()
