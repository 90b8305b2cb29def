"""What the log's streams are called, noted beside the log: a damaged one may not be able to say it itself.

Noted before the centre first hears of an epoch. Without a name the centre's watermark cannot be asked for, and all that
can be read of the store would go up a second time.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import structlog

from edge.store.durable import write_file

log = structlog.get_logger()

FILE = "epochs.json"


class EpochNote:
    """The note of one data folder; it is moved aside together with the log."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def put(self, stream: str, epoch: str) -> None:
        """Durable afterwards. Where it cannot be written, there is none: an old one would name another epoch."""
        named = read(self._path)
        if named.get(stream) == epoch:
            return
        try:
            write_file(self._path, msgspec.json.encode({**named, stream: epoch}))
        except OSError as error:
            self._path.unlink(missing_ok=True)
            log.warning("epoch_not_noted", stream=stream, error=str(error))


def read(path: Path) -> dict[str, str]:
    """stream -> epoch; nothing where there is no note, or none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.MsgspecError):
        return {}
