"""A complex with a month of money, and people to publish it: for tests of what everybody may read."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx

from domain.ledger import Journal, Line
from domain.ledger.month import before, days_of, month_of
from server.books.ledger import post
from server.house import House
from server.store import schema
from server.store.engine import stamp
from server.store.scope import of_complexes
from tests.server import rows
from tests.server.people import City, Visitor
from tests.server.rows import GARDEN

MONTH = before(month_of(date.today()))  # over, wherever the test runs
FIRST, LAST = days_of(MONTH)
PLATES = ("京A12345", "沪C88888", "粤BD1234X", "京B00001")
NAMES = ("陈大文", "王小明", "13800138000", "3号楼2单元502")
REVIEWERS = {"liu": "committee", "qian": "community", "jie": "street"}
MONEY = (  # account by account, day by day: what a small lot has
    ("charge", "priced", (("receivable:sessions", 500), ("income:parking:temporary", -500))),
    ("payment", "paid", (("clearing:wechat", 500), ("receivable:sessions", -500))),
    ("bill", "fee", (("fee:channel", 3), ("clearing:wechat", -3))),
    ("payout", "paid", (("bank", 497), ("clearing:wechat", -497))),
    ("pass", "earned", (("deferred:pass", 1_000), ("income:parking:pass", -1_000))),
    ("coupon", "used", (("discount:coupon", 200), ("receivable:sessions", -200))),
    ("wage", "paid", (("expense:security", 900), ("bank", -900))),
)


def journal(source: str, kind: str, source_id: str, day: date, lines: Any, memo: str = "") -> Journal:
    at = datetime(day.year, day.month, day.day, 4, tzinfo=UTC)
    told = {"source": source, "kind": kind, "source_id": source_id, "memo": memo}
    return Journal(**told, occurred_at=at, business_day=day, lines=tuple(Line(*line) for line in lines))


async def add_money(house: House, complex_id: str = GARDEN, days: int = 31) -> None:
    """The same each day of the month, and something of the day before and after it."""
    wanted = [FIRST + timedelta(days=place) for place in range(-1, days + 1)]
    journals = [
        journal(source, kind, f"{day}", day, lines)
        for day in wanted
        if day <= LAST + timedelta(days=1)
        for source, kind, lines in MONEY
    ]
    async with house.db.write(complex_id) as connection:
        await post(connection, complex_id, journals, house.now())


async def add_stays(house: House) -> None:
    """One exit of each kind, of plates that must appear nowhere; an open item whose key names a plate."""
    left = datetime(FIRST.year, FIRST.month, 10, 6, tzinfo=UTC)
    times = {"entered_at": left - timedelta(hours=2), "exited_at": left}
    charged = {**times, "booked_at": stamp(left)}
    async with house.db.write() as connection:
        for number, (plate, fen) in enumerate(zip(PLATES, (500, 600, 0, 700), strict=True)):
            identity = f"ab{number}"
            await rows.insert(connection, schema.session, rows.session_row(identity, plate, "exited", **times))
            await rows.insert(connection, schema.charge, rows.charge_row(identity, plate, fen, **charged))
        await rows.insert(connection, schema.session, rows.session_row("ab9", PLATES[0], "no_entry", **times))
        paid = {"complex": GARDEN, "out_trade_no": "PK9", "channel": "wechat", "kind": "session", "session": "ab0"}
        await rows.insert(
            connection, schema.payment, paid | {"amount_fen": 500, "status": "paid", "asked_at": stamp(left)}
        )
        held = {"complex": GARDEN, "id": "v9", "household": "h1", "plate": PLATES[1], "canonical": f"plate:{PLATES[1]}"}
        held |= {"name": NAMES[0], "until_day": "2999-01-01", "made_at": stamp(left), "made_by": "sun"}
        home = {"id": "h1", "complex": GARDEN, "building": "3号楼", "unit": "2", "room": "502", "name": NAMES[0]}
        await rows.insert(
            connection, schema.household, home | {"phone": NAMES[2], "made_at": stamp(left), "made_by": "sun"}
        )
        await rows.insert(connection, schema.vehicle_pass, held)
        item = {"complex": GARDEN, "channel": "wechat", "key": PLATES[0], "since": FIRST.isoformat(), "day": "x"}
        item |= {"class": "missing_local", "bill_fen": 1_234, "action": "suspense", "note": NAMES[1]}
        await rows.insert(connection, schema.bill_item, item)


async def add_reviewers(house: House) -> None:
    async with house.db.write() as connection:
        for name, role in REVIEWERS.items():
            await rows.add_person(connection, name, role, of_complexes(GARDEN))


class Books:
    """People at their browsers, and what they do with the garden's books."""

    def __init__(self, town: City) -> None:
        self.town = town
        self.people: dict[str, Visitor] = {}

    async def by(self, name: str) -> Visitor:
        if name not in self.people:
            self.people[name] = await self.town.visitor(name)
        return self.people[name]

    async def do(self, name: str, path: str, **fields: str) -> str:
        """Where it leads; of a refusal, with its word."""
        answer = await (await self.by(name)).submit(f"/complexes/garden/{path}", **fields)
        assert answer.status_code == 303, (path, answer.status_code, answer.text[:300])
        return answer.headers["location"]

    async def upload(self, name: str, entry: int, body: bytes, **fields: str) -> httpx.Response:
        visitor = await self.by(name)
        files = {"file": ("x", body, "application/octet-stream")}
        path, data = f"/complexes/garden/revenue/{entry}/documents", {"csrf": visitor.csrf, **fields}
        return await visitor.client.post(path, data=data, files=files)

    async def open(self, **fields: str) -> None:
        roles = {"review_1": "committee", "review_2": "community", "review_3": "street"}
        await self.do("chen", "account", **roles, is_open="1", **fields)

    async def publish(self, month: str = MONTH) -> str:
        """By two people; the page inside after it."""
        assert "refused" not in await self.do("sun", f"month/{month}/propose")
        page = await (await self.by("chen")).page(f"/complexes/garden/month/{month}")
        digest = page.split('name="hash" value="')[1].split('"')[0]
        assert "refused" not in await self.do("chen", f"month/{month}/publish", hash=digest, nothing_personal="1")
        return await (await self.by("chen")).page(f"/complexes/garden/month/{month}")

    async def through(self, entry: int, day: date, until: str = "publish_result") -> None:
        """Every step of the path up to one, each by who may."""
        path = (
            ("propose", "chen", {"votes_for": "21", "votes_against": "3"}),
            ("review_1", "liu", {}),
            ("review_2", "qian", {}),
            ("review_3", "jie", {}),
            ("publish_decision", "chen", {"nothing_personal": "1"}),
            ("publish_process", "chen", {"nothing_personal": "1"}),
            ("finish", "sun", {"amount": "4800.5", "day": day.isoformat()}),
            ("publish_result", "chen", {"nothing_personal": "1"}),
        )
        for action, who, fields in path:
            note = f"说明 {action}"
            where = await self.do(who, f"revenue/{entry}/steps/{action}", note=note, **fields)
            assert "refused" not in where, (action, where)
            if action == until:
                return
