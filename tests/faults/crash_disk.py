"""A disk that crashes at a step: SQLite writes through apsw, and only what was synced is sure to be there after."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import apsw

_SECTOR = 512


class PowerCut(Exception):
    """The step has come; nothing is written from here on."""


class _Content:
    """A file's bytes: as written, and as the disk surely has them."""

    def __init__(self) -> None:
        self.written, self.synced = bytearray(), b""
        self._since: list[tuple[int, bytes]] = []

    def write(self, body: bytes, offset: int) -> None:
        self.written.extend(bytes(max(0, offset - len(self.written))))
        self.written[offset : offset + len(body)] = body
        self._since.append((offset, body))

    def truncate(self, size: int) -> None:
        del self.written[size:]

    def sync(self) -> None:
        self.synced = bytes(self.written)
        self._since.clear()

    def torn(self, chance: random.Random) -> bytes:
        """The synced bytes, and of what was written since each sector or not."""
        image = bytearray(self.synced)
        for offset, body in self._since:
            for start in range(0, len(body), _SECTOR):
                if chance.random() < 0.5:
                    sector = body[start : start + _SECTOR]
                    image.extend(bytes(max(0, offset + start - len(image))))
                    image[offset + start : offset + start + len(sector)] = sector
        return bytes(image)


class CrashDisk(apsw.VFS):
    """Counts the steps that change a disk (write, truncate, sync, delete), and cuts the power before step ``at``."""

    def __init__(self, at: int | None = None) -> None:
        self.name = f"crash-{id(self)}"
        super().__init__(self.name, base="unix")
        self.steps = 0
        self._at = at
        self._files: dict[str, _Content] = {}

    def step(self) -> None:
        if self._at is not None and self.steps >= self._at:
            raise PowerCut(f"at step {self._at}")
        self.steps += 1

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        return _File(self, self._files.setdefault(path, _Content()), name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        """At once for good: else a journal that was done with would be played back."""
        self.step()
        self._files.pop(filename, None)
        super().xDelete(filename, syncdir)

    def after(self, folder: Path, torn: random.Random | None = None) -> None:
        """Lay the files into ``folder`` as they are when the power is back."""
        for path, content in self._files.items():
            image = content.torn(torn) if torn else content.synced
            if image:
                (folder / Path(path).name).write_bytes(image)


class _File(apsw.VFSFile):
    """One file on the disk; SQLite's shared memory goes past it, as it is no part of what must survive."""

    def __init__(self, disk: CrashDisk, content: _Content, name: Any, flags: list[int]) -> None:
        super().__init__("unix", name, flags)
        self._disk, self._content = disk, content

    def xWrite(self, data: Any, offset: int) -> None:
        self._disk.step()
        self._content.write(bytes(data), offset)
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        self._disk.step()
        self._content.truncate(newsize)
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        self._disk.step()
        self._content.sync()
