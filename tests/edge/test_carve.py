"""Records read from a store's pages: all of them where it is sound, and all but what was hit where it is not."""

from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path

import pytest

from edge.store.carve import PAGE, Carver
from eventlog.log import Entry
from eventlog.sqlite import SqliteEventLog
from eventlog.sqlite_rows import base

_LEAF = 0x0D  # the kind of a page with a table's rows
SIZES = (2, 300, 4_000, 4_062, 4_080, 9_000, 40_000)  # within a page, at its edge, over several


async def filled(path: Path, count: int = 400) -> dict[int, bytes]:
    """A store of records of many sizes, some still in the write-ahead log; key -> body."""
    log = await SqliteEventLog.open(path, "e1")
    drawn = random.Random(4)
    bodies = {base("money") + n: drawn.randbytes(drawn.choice(SIZES)) for n in range(1, count + 1)}
    entries = [
        Entry("money", body, b"f" * 12 + n.to_bytes(4, "big") if n % 3 else None, 20_500)
        for n, body in enumerate(bodies.values())
    ]
    await log.append(entries[: count // 2])
    await log._writer.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
    await log.append(entries[count // 2 :])
    for suffix in ("", "-wal"):
        source = path.with_name(path.name + suffix)
        path.with_name("set-aside.db" + suffix).write_bytes(source.read_bytes())
    await log.close()
    return bodies


def carved(path: Path) -> dict[int, bytes]:
    with closing(Carver(path)) as carver:
        found = [carver.read(place) for place in carver.places()]
    assert all(record.day == 20_500 for record in found)
    return {record.key: record.body for record in found}


async def test_a_sound_store_gives_every_record(tmp_path: Path) -> None:
    bodies = await filled(tmp_path / "log.db")
    small = {key: body for key, body in bodies.items() if len(body) <= 4_000}
    found = carved(tmp_path / "set-aside.db")
    assert {key: found.get(key) for key in small} == small
    assert all(bodies[key] == body for key, body in found.items())


async def test_in_one_file_also_those_that_overflow(tmp_path: Path) -> None:
    bodies = await filled(tmp_path / "log.db")
    assert carved(tmp_path / "log.db") == bodies, "closed: all is in the file"


@pytest.mark.parametrize("seed", range(8))
async def test_without_schema_and_tree_the_records_are_still_there(tmp_path: Path, seed: int) -> None:
    bodies = await filled(tmp_path / "log.db")
    file = bytearray((tmp_path / "log.db").read_bytes())
    file[:PAGE] = bytes(PAGE)
    drawn = random.Random(seed)
    for _ in range(30):
        file[drawn.randrange(len(file))] ^= 1 << drawn.randrange(8)
    (tmp_path / "log.db").write_bytes(file)
    found = carved(tmp_path / "log.db")
    assert all(bodies[key] == body for key, body in found.items()), "nothing is taken for a record that is none"
    assert len(found) > len(bodies) * 0.8


async def test_neither_a_page_s_kind_nor_its_count_of_cells_need_be_right(tmp_path: Path) -> None:
    bodies = await filled(tmp_path / "log.db")
    file = bytearray((tmp_path / "log.db").read_bytes())
    for page in range(PAGE, len(file), PAGE):
        if file[page] == _LEAF:
            file[page : page + 5] = bytes(5)
    (tmp_path / "log.db").write_bytes(file)
    assert carved(tmp_path / "log.db") == bodies


async def test_a_record_that_was_there_and_cannot_be_read_is_known_by_its_key(tmp_path: Path) -> None:
    bodies = await filled(tmp_path / "log.db", 40)
    hit = {key: body for key, body in bodies.items() if 300 <= len(body) <= 4_000}
    file = (tmp_path / "log.db").read_bytes()
    for body in hit.values():
        file = file.replace(body, bytes([body[0] ^ 1]) + body[1:])
    (tmp_path / "log.db").write_bytes(file)
    with closing(Carver(tmp_path / "log.db")) as carver:
        assert {place.key for place in carver.places()} == bodies.keys() - hit.keys()
        assert carver.damaged == hit.keys()


def test_what_is_no_store_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_bytes(random.Random(1).randbytes(40 * PAGE) + b"\x0d" * PAGE)
    assert carved(tmp_path / "log.db") == {}
