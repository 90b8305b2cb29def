"""The centre's log in PostgreSQL: any number of processes append, one at a time to a shard."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import date, datetime

from eventlog.batches import Judged, Key, judge_all, key_of, stamp, to_mend
from eventlog.log import Adopted, Arrival, Bell, Gap, LogBusy, Receipt, Record, Wanted, judge
from eventlog.looks import Looks
from eventlog.postgres_bell import BellBetween
from eventlog.postgres_days import DAY_BITS, Days, date_of, number_of
from eventlog.postgres_link import Connection, Link
from eventlog.postgres_walk import damaged_and_lost
from eventlog.shards import SHARD_NAMES, shard_of

SHARD_LOCKS = 0x6761_7465  # the class of the advisory locks; the second number is the shard

# Whoever holds a shard's lock is alone with its tail and with the marks of its gateways, until his commit is visible.
_TAKE_TURNS = "SELECT pg_advisory_xact_lock($1, shard) FROM unnest($2::int[]) AS shard"
_MARKS = """SELECT gateway, stream, epoch, last FROM mark
JOIN unnest($1::varchar[], $2::varchar[], $3::varchar[]) AS asked(gateway, stream, epoch)
USING (gateway, stream, epoch)"""
# Rows in the order of the arrays, which is the order of arrival: positions are given as rows are made.
_APPEND = """WITH kept AS (
INSERT INTO batch(received_at, shard, complex, gateway, stream, epoch, first, last, body)
SELECT $1, * FROM unnest($2::int[], $3::varchar[], $4::varchar[], $5::varchar[], $6::varchar[], $7::bigint[],
    $8::bigint[], $9::bytea[]))
INSERT INTO mark(gateway, stream, epoch, last)
SELECT * FROM unnest($10::varchar[], $11::varchar[], $12::varchar[], $13::bigint[])
ON CONFLICT(gateway, stream, epoch) DO UPDATE SET last = excluded.last"""
_GAP = """WITH listed AS (
INSERT INTO gap(gateway, stream, epoch, first, last, reason, detail, declared_at)
VALUES($1, $2, $3, $4, $5, $6, $7, $8))
INSERT INTO mark(gateway, stream, epoch, last) VALUES($1, $2, $3, $5)
ON CONFLICT(gateway, stream, epoch) DO UPDATE SET last = excluded.last"""
_GAPS = """SELECT gateway, stream, epoch, first, last, reason, detail FROM gap WHERE gateway = $1
ORDER BY stream, epoch, first"""
READ = """SELECT position, body, complex, received_at FROM batch
WHERE shard = $1 AND position > $2 ORDER BY position LIMIT $3"""
_OVERLAPPING = """SELECT position, first, last, body FROM batch
WHERE shard = $1 AND gateway = $2 AND stream = $3 AND epoch = $4 AND last >= $5 AND first <= $6"""
_LET_GO = """SELECT EXISTS(SELECT FROM expired_range
WHERE gateway = $1 AND stream = $2 AND epoch = $3 AND last >= $4 AND first <= $5)"""
_INSERT = """INSERT INTO batch(received_at, shard, complex, gateway, stream, epoch, first, last, body)
VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9)"""
# With the marks, complexes that nothing more is taken of, because they move or moved to another cell.
_MARKS_AND_CLOSED = f"""{_MARKS} UNION ALL
SELECT complex, NULL, NULL, NULL FROM complex_move WHERE complex = ANY($4::varchar[]) AND state <> 'open'"""  # noqa: S608
_OF_COMPLEX = """SELECT position, gateway, stream, epoch, first, last, received_at, body FROM batch
WHERE shard = $1 AND complex = $2 AND position > $3 ORDER BY position LIMIT $4"""
_ADOPTED = """UPDATE complex_move SET copied = $1 WHERE complex = $2 AND copied = $3 AND state = 'importing'"""
_ADOPT = """INSERT INTO batch(shard, complex, gateway, stream, epoch, first, last, received_at, body)
SELECT $1, $2, * FROM unnest($3::varchar[], $4::varchar[], $5::varchar[], $6::bigint[], $7::bigint[], $8::varchar[],
    $9::bytea[])"""
# Something to commit for a transaction that wrote nothing else: see ``_confirm``.
_CONFIRM = "SELECT pg_logical_emit_message(true, 'gatehouse', '')"


class PostgresBatchLog:
    """What a process has of the log. ``run`` carries the bell between processes."""

    partitions: Sequence[str] = SHARD_NAMES

    def __init__(self, link: Link, url: str, now: Callable[[], datetime]) -> None:
        self.bell = Bell()
        self.between = BellBetween(url, self.bell)
        self._link, self._days, self._now = link, Days(link), now
        self._looks = Looks(self.read)

    @classmethod
    async def open(cls, url: str, now: Callable[[], datetime]) -> PostgresBatchLog:
        """Raises LogBroken where no PostgreSQL answers."""
        return cls(await Link.open(url), url, now)

    async def close(self) -> None:
        await self._link.close()

    async def run(self) -> None:
        """Tell other processes of commits here, and ring for theirs, until cancelled; one alone does without."""
        await self.between.run()

    async def append(self, arrivals: Sequence[Arrival]) -> list[Receipt]:
        """Append durably in one transaction; what does not follow its mark is answered, not stored.

        Raises LogBroken: nothing of the call was kept, or the connection broke in the commit and nobody knows. Either
        way nothing was acknowledged, and asking again is right.
        """
        await self._days.begin(self._now())
        async with self._link.transaction(f"{len(arrivals)} batches") as connection:
            await self._take_turns(connection, _shards(arrivals))
            judged = judge_all(arrivals, *await _marks_and_closed(connection, arrivals))
            await self._write(connection, judged)
            if not judged.stored:
                await self._confirm(connection)
        self._ring(_shards(judged.stored), sum(arrival.header.count for arrival in judged.stored))
        return judged.receipts

    async def _take_turns(self, connection: Connection, shards: Iterable[int]) -> None:
        """In rising order, so that no two wait for each other; a statement of its own, so that what comes next sees
        what the one before us committed."""
        await connection.execute(_TAKE_TURNS, SHARD_LOCKS, sorted(shards))

    async def _confirm(self, connection: Connection) -> None:
        """What this transaction read is told to a gateway as kept: its commit waits until the standby has it too.

        A commit that waited for its standby and was given up, or whose server crashed, is seen by everybody, and is on
        one machine alone.
        """
        await connection.execute(_CONFIRM)

    async def _write(self, connection: Connection, judged: Judged) -> None:
        if judged.stored:
            rows = zip(*(_row(arrival) for arrival in judged.stored), strict=True)
            marks = zip(*((*key, last) for key, last in judged.moved.items()), strict=True)
            await connection.execute(_APPEND, stamp(self._now()), *rows, *marks)

    def _ring(self, shards: Iterable[int], events: int = 0) -> None:
        names = [SHARD_NAMES[shard] for shard in shards]
        for name in names:
            self.bell.ring(name)
        self.between.tell(names, events)

    async def declare(self, gap: Gap, complex_id: str) -> Receipt:
        """List a gap and move the mark over it, in one transaction, in the turn of its gateway's batches.

        Raises LogBroken.
        """
        key = (gap.gateway, gap.stream, gap.epoch)
        async with self._link.transaction("a gap") as connection:
            await self._take_turns(connection, [int(shard_of(complex_id))])
            if await _is_closed(connection, complex_id):
                return Receipt("closed", 0)
            receipt = judge(gap, (await _marks(connection, {key})).get(key, 0))
            if receipt.outcome == "stored":
                span = (gap.first, gap.last, gap.reason, gap.detail)
                await connection.execute(_GAP, *key, *span, stamp(self._now()))
            else:
                await self._confirm(connection)
        return receipt

    async def gaps(self, gateway: str) -> list[Gap]:
        async with self._link.connection("the gaps") as connection:
            return [Gap(*row) for row in await connection.fetch(_GAPS, gateway)]

    async def mend(self, arrival: Arrival) -> bool:
        """Put a batch in the place of the damaged or lost row of the very same sequences. Raises LogBroken.

        What is sound is never replaced: a gateway cannot rewrite what it once said.
        """
        shards = _shards([arrival])
        await self._days.begin(self._now())
        async with self._link.transaction("a mended batch") as connection:
            await self._take_turns(connection, shards)
            mended = await self._mend(connection, arrival)
        if mended:
            self._ring(shards)
        return mended

    async def _mend(self, connection: Connection, arrival: Arrival) -> bool:
        header, key, row = arrival.header, key_of(arrival), _row(arrival)
        if header.last > (await _marks(connection, {key})).get(key, 0) or await _is_closed(connection, arrival.complex):
            return False
        if await connection.fetchval(_LET_GO, *key, header.first, header.last):
            return False
        found = await connection.fetch(_OVERLAPPING, row[0], *key, header.first, header.last)
        if not found:
            await connection.execute(_INSERT, stamp(self._now()), *row)
            return True
        position = to_mend(header, found)
        if position is not None:
            await connection.execute("UPDATE batch SET body = $1 WHERE position = $2", arrival.packed, position)
        return position is not None

    async def probe(self) -> None:
        """Make something small durable, and change nothing. Raises LogBroken where nothing can be."""
        async with self._link.transaction("a probe") as connection:
            await self._confirm(connection)

    async def of_complex(self, complex_id: str, after: int, limit: int) -> list[Adopted]:
        """A complex's batches behind position ``after``, in order: what travels when it moves."""
        asked = (int(shard_of(complex_id)), complex_id, after, limit)
        async with self._link.connection("reading") as connection:
            return [Adopted(*row) for row in await connection.fetch(_OF_COMPLEX, *asked)]

    async def adopt(self, complex_id: str, after: int, batches: Sequence[Adopted]) -> bool:
        """Append another cell's batches as they are, once: ``after`` is up to where that was done, and moves with them.

        No mark moves: they come last, and until then no gateway is let in. False where ``after`` is not so.
        """
        shard = int(shard_of(complex_id))
        await self._days.begin(self._now())
        async with self._link.transaction("adopted batches") as connection:
            await self._take_turns(connection, [shard])
            through = batches[-1].position if batches else after
            if await connection.execute(_ADOPTED, through, complex_id, after) != "UPDATE 1":
                return False
            if batches:
                rows = zip(*(_as_received(batch) for batch in batches), strict=True)
                await connection.execute(_ADOPT, shard, complex_id, *rows)
        self._ring([shard])
        return True

    async def all_committed(self, complex_id: str) -> None:
        """Until what was being appended when this was called is there to be read, or never will be."""
        async with self._link.transaction("waiting for appends") as connection:
            await self._take_turns(connection, [int(shard_of(complex_id))])

    def damaged_and_lost(self) -> AsyncIterator[Wanted]:
        """Walk the whole log as it is at this moment: each row that is no longer what was received, and each run of
        sequences below the mark that no row and no listed gap holds."""
        return damaged_and_lost(self._link)

    async def watermarks(self, gateway: str) -> dict[tuple[str, str], int]:
        async with self._link.transaction("the watermarks") as connection:
            rows = await connection.fetch("SELECT stream, epoch, last FROM mark WHERE gateway = $1", gateway)
            await self._confirm(connection)
        return {(row[0], row[1]): row[2] for row in rows}

    async def watermarks_of(self, gateways: Sequence[str]) -> dict[str, dict[tuple[str, str], int]]:
        sql = "SELECT gateway, stream, epoch, last FROM mark WHERE gateway = ANY($1::text[])"
        found: dict[str, dict[tuple[str, str], int]] = {gateway: {} for gateway in gateways}
        async with self._link.transaction("the watermarks") as connection:
            for row in await connection.fetch(sql, list(gateways)):
                found[row[0]][row[1], row[2]] = row[3]
            await self._confirm(connection)
        return found

    async def read(self, partition: str, after: int, limit: int) -> list[Record]:
        async with self._link.connection("reading") as connection:
            rows = await connection.fetch(READ, int(partition), after, limit)
        return [Record(row[0], row[1], row[2], row[3]) for row in rows]

    async def read_on(self, partition: str, after: int, limit: int) -> list[Record]:
        """As ``read``, for those who follow: who stands where others stand shares their look."""
        return await self._looks.read(partition, after, limit)

    async def head(self, partition: str) -> int:
        async with self._link.connection("reading") as connection:
            return await connection.fetchval("SELECT max(position) FROM batch WHERE shard = $1", int(partition)) or 0

    async def trim(self, partition: str, through: int) -> int:
        """Forget a shard's records up to and with ``through``, row by row; days left with none lose their table."""
        sql = "DELETE FROM batch WHERE shard = $1 AND position <= $2"
        async with self._link.transaction("trimming") as connection:
            gone = await connection.execute(sql, int(partition), through)
        with suppress(LogBusy):  # the tables go with the next trim
            await self._days.drop(through >> DAY_BITS, only_empty=True)
        return int(gone.split()[1])

    async def give_back(self) -> None:
        """Days in which nothing is left lose their table."""
        with suppress(LogBusy):
            await self._days.drop(number_of(self._now().date()), only_empty=True)

    async def drop_days(self, before: date) -> list[date]:
        """Forget whole days of every shard, which costs nothing; the days that went. Raises LogBusy: try again."""
        return [date_of(day) for day in await self._days.drop(number_of(before))]


def _shards(arrivals: Iterable[Arrival]) -> set[int]:
    return {int(shard_of(arrival.complex)) for arrival in arrivals}


def _as_received(batch: Adopted) -> tuple[object, ...]:
    origin = (batch.gateway, batch.stream, batch.epoch, batch.first, batch.last)
    return (*origin, batch.received_at, batch.body)


def _row(arrival: Arrival) -> tuple[object, ...]:
    header, shard = arrival.header, int(shard_of(arrival.complex))
    origin = (header.gateway, header.stream, header.epoch, header.first, header.last)
    return (shard, arrival.complex, *origin, arrival.packed)


async def _marks(connection: Connection, keys: set[Key]) -> dict[Key, int]:
    """The marks there are of these keys."""
    asked = tuple(zip(*keys, strict=True)) if keys else ((), (), ())
    return {(row[0], row[1], row[2]): row[3] for row in await connection.fetch(_MARKS, *asked)}


async def _marks_and_closed(connection: Connection, arrivals: Sequence[Arrival]) -> tuple[dict[Key, int], set[str]]:
    """The marks there are of these batches' streams, and which of their complexes are closed."""
    keys = {key_of(arrival) for arrival in arrivals}
    asked = tuple(zip(*keys, strict=True)) if keys else ((), (), ())
    complexes = list({arrival.complex for arrival in arrivals})
    rows = await connection.fetch(_MARKS_AND_CLOSED, *asked, complexes)
    marks = {(row[0], row[1], row[2]): row[3] for row in rows if row[1] is not None}
    return marks, {row[0] for row in rows if row[1] is None}


async def _is_closed(connection: Connection, complex_id: str) -> bool:
    sql = "SELECT EXISTS(SELECT FROM complex_move WHERE complex = $1 AND state <> 'open')"
    return await connection.fetchval(sql, complex_id)
