"""A process that does nothing but append to the edge's log, and says outside what was acknowledged."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from pathlib import Path

from eventlog.log import Entry
from eventlog.sqlite import SqliteEventLog

MAX_GROUP = 40
STREAM = "routine"


def body(number: int) -> bytes:
    """The record with this number, of a length that differs."""
    return b'{"n":%d,"pad":"%s"}' % (number, b"x" * (number * 37 % 500))


async def write(log_file: Path, acknowledged_file: Path, synchronous: str, seed: int) -> None:
    """Append groups until killed; after each the last number is written to ``acknowledged_file``."""
    drawn = random.Random(seed)
    log = await SqliteEventLog.open(log_file, "epoch-1", synchronous=synchronous)
    said = os.open(acknowledged_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    number = await log.head(STREAM)
    while True:
        numbers = range(number + 1, number + 1 + drawn.randint(1, MAX_GROUP))
        await log.append([Entry(STREAM, body(each), b"%016d" % each) for each in numbers])
        number = numbers[-1]
        os.write(said, b"%d\n" % number)


def acknowledged(acknowledged_file: Path) -> int:
    """The last number that was acknowledged; 0 for none."""
    lines = acknowledged_file.read_bytes().split(b"\n") if acknowledged_file.exists() else []
    return int(lines[-2]) if len(lines) > 1 else 0


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
