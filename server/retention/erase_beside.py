"""Blanks what names a subject in the tables beside the log, each in the way that fits what it is for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any

import msgspec
from sqlalchemy import and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import content_name
from domain.retention import Hold
from domain.subjects import ErasureList, Subject, forms_in
from server.projections.parking import Parking
from server.retention import erasures, handed, holds, search
from server.retention.letting_go import disown
from server.retention.search import Hit
from server.retention.unfold import without_alert
from server.store import access_list, desired_rows, item_blanks, item_rows, provider_bill_rows, upload_rows
from server.store.engine import Database
from server.store.resident_tables import credential
from server.store.schema import alert, desired_state

_LISTS: Mapping[str, str] = MappingProxyType(
    {
        "credentials": "cards",
        "passes": "passes",
        "plate_lists": "entries",
        "coupons": "coupons",
    }
)
_ERASED = "erased"
_OF_LISTS = frozenset({"resident", "credential", "vehicle_pass"})  # from these rows documents are made
Named = Callable[[object], bool]


async def erase(db: Database, subject: Subject, scope: Collection[str], identity: str, now: datetime) -> Counter[str]:
    """Blank every row that names the subject; what was, in numbers. Rows derived from the log go with their events."""
    went = Counter[str]()
    async with db.write() as connection:
        await access_list.adopt_all(connection, now)  # what else stands in the lists becomes rows, and is found
    async with db.read() as connection:
        in_force = await holds.that_keep(connection, now)
    async with (
        db.write() as connection
    ):  # goods' names in providers' files hold plates: who needs them gives them again
        went["bill_upload"] += await upload_rows.let_go_all(connection, sorted(scope))
        went["provider_bill"] += await provider_bill_rows.let_go(connection)
    hits = [hit async for hit in search.rows(db, subject, scope) if not _is_held(hit, subject, in_force)]
    for hit in hits:
        async with db.write(_turn_of(hit)) as connection:
            if await _blank(connection, hit, lambda content: subject.form in forms_in(content), identity):
                went[hit.table.name] += 1
    async with db.write() as connection:
        for complex_id, kind in {(h.row["complex"], h.row["kind"]) for h in hits if h.table.name == "desired_state"}:
            await _put_newest(connection, complex_id, kind, now)
        for complex_id in sorted({h.row["complex"] for h in hits if h.table.name in _OF_LISTS}):
            await access_list.publish(connection, complex_id, _ERASED, now)
    return +went


async def erase_by_list(db: Database, now: datetime) -> Counter[str]:
    """The same by the list, which names nobody: for a database that was put back."""
    went = Counter[str]()
    async with db.write() as connection:
        await access_list.adopt_all(connection, now)
    async with db.read() as connection:
        lists = await erasures.lists(connection)
    wishes: set[tuple[str, str]] = set()
    listed: set[str] = set()
    for complex_id, of in lists.items():
        async for hit in search.all_rows(db, [complex_id] if complex_id else []):
            by = _matched(of, search.forms_in_row(hit.table, hit.row), hit)
            if by is None:
                continue
            async with db.write(_turn_of(hit)) as connection:
                went[hit.table.name] += await _blank(connection, hit, partial(_stands, of), by)
            if hit.table.name == "desired_state":
                wishes.add((hit.row["complex"], hit.row["kind"]))
            if hit.table.name in _OF_LISTS:
                listed.add(hit.row["complex"])
    async with db.write() as connection:
        for complex_id, kind in sorted(wishes):
            await _put_newest(connection, complex_id, kind, now)
        for complex_id in sorted(listed):
            await access_list.publish(connection, complex_id, _ERASED, now)
    return +went


def _stands(of: ErasureList, content: object) -> bool:
    forms = forms_in(content)
    return any(of.matches(forms, entry.until) for entry in of.entries)


def _matched(of: ErasureList, forms: Collection[str], hit: Hit) -> str | None:
    """Under which erasure a row falls that is older than it."""
    at = _row_time(hit)
    found = [entry for entry in of.entries if at is None or at <= entry.until]
    return ErasureList(of.salt, tuple(found)).matches(forms, min(e.until for e in found)) if found else None


def _row_time(hit: Hit) -> datetime | None:
    for name in ("booked_at", "made_at", "received_at", "occurred_at", "at", "issued_at", "placed_at", "offered_at"):
        if name in hit.table.c and hit.row[name]:
            return datetime.fromisoformat(hit.row[name])
    return None


def _is_held(hit: Hit, subject: Subject, in_force: Collection[Hold]) -> bool:
    """A row that a hold of this subject, or of everybody in its complex, may cover."""
    if hit.table.name == "legal_hold":
        return hit.row["lifted_at"] is None
    complex_id = hit.row["complex"] if "complex" in hit.table.c else ""
    for hold in in_force:
        concerns = not hold.forms or subject.form in hold.forms
        if concerns and hold.complex in ("", complex_id) and not hold.device:
            return True
    return False


def _same(hit: Hit) -> Any:
    return and_(*(hit.table.c[name] == value for name, value in hit.key.items()))


async def _blank(connection: AsyncConnection, hit: Hit, named: Named, identity: str) -> bool:
    """Whether there was anything to do for a table of this kind."""
    way = _WAYS.get(hit.table.name)
    if way is None:
        return False
    await way(connection, hit, named, identity)
    return True


async def _remove(connection: AsyncConnection, hit: Hit, _named: Named, _identity: str) -> None:
    await connection.execute(delete(hit.table).where(_same(hit)))


def _set(**values: Any) -> Callable[[AsyncConnection, Hit, Named, str], Awaitable[None]]:
    async def blank(connection: AsyncConnection, hit: Hit, _named: Named, _identity: str) -> None:
        await connection.execute(update(hit.table).where(_same(hit)).values(**values))

    return blank


async def _entry_of_the_book(connection: AsyncConnection, hit: Hit, _named: Named, identity: str) -> None:
    """The sum stays, and that it was one car's; whose it was does not."""
    await connection.execute(update(hit.table).where(_same(hit)).values(plate=identity, note=None))


async def _wish(connection: AsyncConnection, hit: Hit, named: Named, _identity: str) -> None:
    """The entries that name the subject leave every version of the document."""
    body = msgspec.json.decode(hit.row["body"])
    name = _LISTS.get(hit.row["kind"])
    if name is not None:
        body[name] = [entry for entry in body[name] if not named(entry)]
    content = msgspec.json.encode(body, order="deterministic")
    values = {"body": content, "sha256": content_name(content)}
    await connection.execute(update(desired_state).where(_same(hit)).values(**values))


async def _put_newest(connection: AsyncConnection, complex_id: str, kind: str, now: datetime) -> None:
    """A new version, so that gateways replace what they have."""
    same = (desired_state.c.complex == complex_id, desired_state.c.kind == kind)
    query = select(desired_state).where(*same).order_by(desired_state.c.version.desc()).limit(1)
    row = (await connection.execute(query)).mappings().one()
    await desired_rows.put_again(connection, row, _ERASED, now)


def _turn_of(hit: Hit) -> str | None:
    """In whose turn a row goes: what a reader folds with, or people write meanwhile, goes in its complex's."""
    return hit.row["complex"] if hit.table.name in ("passage_correction", "item") else None


async def _correction(connection: AsyncConnection, hit: Hit, named: Named, identity: str) -> None:
    """What a person said of a passage goes where it names the subject; the passage is as it was read again."""
    await _remove(connection, hit, named, identity)
    await Parking().recorrect(connection, [(hit.row["complex"], hit.row["passage"])])


async def _item(connection: AsyncConnection, hit: Hit, _named: Named, _identity: str) -> None:
    """All that people wrote and showed of it goes; what it was about, and how long it took, stays."""
    now = datetime.fromisoformat(hit.row["updated_at"])
    one = await item_rows.state_of(connection, hit.row["id"])
    if one is not None:
        await disown(connection, one.complex, await item_blanks.pictures_alone(connection, one.id))
        await item_blanks.blank(connection, one, now)


async def _words_of_closing(connection: AsyncConnection, hit: Hit, _named: Named, _identity: str) -> None:
    """Who is named in the words may be seen on the photo: it goes with them, unless it closes another alert too."""
    photo, of = hit.row["photo"], select(alert.c.complex).where(alert.c.id == hit.row["alert"])
    await connection.execute(update(hit.table).where(_same(hit)).values(note="（已删除）", photo=None))
    complex_id = (await connection.execute(of)).scalar()
    if photo and complex_id and await without_alert(connection, [photo]):
        await disown(connection, complex_id, [photo])


async def _household(connection: AsyncConnection, hit: Hit, named: Named, _identity: str) -> None:
    """The home stays; its name and telephone go, whoever they were found by."""
    await connection.execute(update(hit.table).where(_same(hit)).values(name="", phone=None))


async def _resident(connection: AsyncConnection, hit: Hit, named: Named, identity: str) -> None:
    """The person, with what was theirs alone."""
    theirs = (credential.c.household == hit.row["household"], credential.c.resident == hit.row["id"])
    await connection.execute(delete(credential).where(*theirs))
    await _remove(connection, hit, named, identity)


async def _handover(connection: AsyncConnection, hit: Hit, _named: Named, _identity: str) -> None:
    await handed.blank(connection, hit.row["platform"], hit.row["id"], _ERASED)


_WAYS: Mapping[str, Callable[[AsyncConnection, Hit, Named, str], Awaitable[None]]] = MappingProxyType(
    {
        "charge": _entry_of_the_book,
        "charge_session": _remove,
        "charge_passage": _remove,
        "passage_correction": _correction,
        "refusal": _set(body=b"", detail=_ERASED),
        "delivery": _set(body=None, state="parked", error=_ERASED),
        "handover": _handover,
        "retrieval": _set(applicant=_ERASED, purpose=_ERASED),
        "desired_state": _wish,
        "gateway_order": _set(args={_ERASED: True}),
        "alert_action": _words_of_closing,
        "silence": _set(reason=_ERASED),
        "patrol_act": _set(reason=_ERASED),
        "care_watch": _set(consent_by=_ERASED),
        "care_task": _set(words=_ERASED),
        "correction": _remove,
        "legal_hold": _set(plate="", card="", person="", device=_ERASED, reason=_ERASED, lifted_why=_ERASED),
        "conservation_finding": _remove,
        "item": _item,
        "item_act": _set(words=item_rows.BLANK),
        "household": _household,
        "resident": _resident,
        "credential": _remove,
        "vehicle_pass": _remove,
        "resident_import": _remove,
        "device_import": _remove,
        "lane_car": _remove,
        "order_result": _set(text=_ERASED),
        "gap": _set(detail=_ERASED),
        "gateway_applied": _set(refused_reason=_ERASED),
    }
)
