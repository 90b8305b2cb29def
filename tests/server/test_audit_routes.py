"""A walk over every route that changes something: a good request of each leaves a row in the audit.

Whoever adds a route that is not a GET says here how to call it, or why what it does needs no row.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from joserfc.jwk import OKPKey
from pyotp.totp import TOTP
from sqlalchemy import select
from starlette.routing import BaseRoute

from domain.desired_bodies import Device
from domain.items.acts import Finish, Review, Send, Take
from server import items
from server.audit import nobody
from server.auth import every_route, public
from server.channels.browsers import digest
from server.device_sheet import workbook
from server.place_template import filled, template
from server.resident_plan import EXAMPLES as RESIDENTS
from server.resident_plan import SHEET
from server.store import audit_rows, coupon_issuers, item_views, patrol_rows, schema, snap_rows
from server.store.engine import stamp
from server.store.scope import of_complexes
from server.store.visitor_rows import digest_of_token
from tests.faults.story import FULL
from tests.server import money, rows
from tests.server.bill_store import FILES, fill_day
from tests.server.engines import Engine, chosen
from tests.server.open_books import MONTH
from tests.server.people import City, city
from tests.server.scoped_people import add_areas
from tests.server.test_accounts import NEW, secret_in
from tests.server.test_place_import import digest_in, upload
from tests.server.test_residents import hours
from tests.server.told import BROWSER

WHY = {"reason": "walk", "document": "17"}
Sample = Callable[[City], Awaitable[httpx.Response]]
READS = {"GET", "HEAD", "OPTIONS"}

# What gateways tell is no person's doing, and the log itself keeps it; tokens say who they are.
_BY_LIBRARIES = (  # another library's session, not a person's: tests/server/viid reads the rows that these leave
    *("POST /VIID/System/Register", "POST /VIID/System/Keepalive", "POST /VIID/System/UnRegister"),
    *("POST /VIID/System/Time", "POST /VIID/SubscribeNotifications", "POST /VIID/{kind}", "PUT /VIID/{kind}"),
    *("POST /VIID/Subscribes", "PUT /VIID/Subscribes", "PUT /VIID/Subscribes/{number}", "DELETE /VIID/Subscribes"),
    *("POST /VIID/Dispositions", "PUT /VIID/Dispositions", "PUT /VIID/Dispositions/{number}"),
    *("DELETE /VIID/Dispositions", "DELETE /VIID/Dispositions/{number}", "DELETE /VIID/Subscribes/{number}"),
    *("POST /VIID/{rest:path}", "PUT /VIID/{rest:path}", "DELETE /VIID/{rest:path}"),
)
NEEDS_NO_ROW = {
    **dict.fromkeys(_BY_LIBRARIES, "tests/server/viid"),
    "POST /v1/hello": "a heartbeat",
    "POST /v1/watermarks": "asks, changes nothing",
    "POST /v1/media/known": "asks, changes nothing",
    "POST /v1/batches": "the log keeps each with its origin",
    "POST /v1/gaps": "listed for ever in the log",
    "POST /v1/refills": "bytes that were here before",
    "POST /v1/refills/none": "bytes that were here before",
    "POST /v1/statements": "kept as it was stated",
    "PUT /v1/media/{sha256}": "named by its content",
    "POST /v1/desired": "asks; what was put is in the audit",
    "POST /coupons/{token}": "asks, changes nothing",
    "POST /visit/{token}/coupons": "asks, changes nothing",
    "POST /pay/{code}": "a driver asks, changes nothing",
    "POST /pay/{code}/{session}": "no person's doing: the payment's row keeps what was asked for",
    "POST /pay/notify/wechat/{merchant}": "the provider's; what it does is in the audit as payment.taken",
    "POST /pay/notify/alipay/{merchant}": "the provider's; what it does is in the audit as payment.taken",
    "POST /gateways/rollouts/preview": "asks, changes nothing",
    **{
        f"POST /v1/moves/{{complex_id}}/{step}": "a step of a move: that the complex arrived is in the audit"
        for step in ("begin", "standing", "batches/{after}", "pictures", "picture/{sha256}", "rows/{step}", "digests")
    },
    "POST /v1/moves/{complex_id}/open": "recorded where a move comes to its end; tests/server/test_cells.py",
}


def by(who: str, path: str, **fields: str) -> Sample:
    """The form of a page, sent by someone who may."""

    async def call(town: City) -> httpx.Response:
        return await (await town.visitor(who)).submit(path, **fields)

    return call


async def _sign_in(town: City) -> httpx.Response:
    return await (await town.visitor()).sign_in("li")


async def _tap(town: City) -> httpx.Response:
    return await (await town.visitor("li")).tap("acknowledge", "a1", request="walk-0001")


async def _enrol(town: City) -> httpx.Response:
    code, _ = await town.house.gateways.issue_code("garden")
    key = OKPKey.generate_key("Ed25519").as_dict(private=False)
    return await (await town.visitor()).client.post("/v1/enrol", json={"code": code, "public_key": key})


async def _accept(town: City) -> httpx.Response:
    answer = await by("wang", "/accounts", username="newer", role="patrol", scope="city")(town)
    link = re.search(r"/invite/[\w-]+", answer.text)
    assert link
    return await (await town.visitor()).submit(link[0], password=NEW, again=NEW)


async def _check(town: City) -> httpx.Response:
    visitor = await town.visitor("sun")
    secret = secret_in(await visitor.submit("/me/second-factor/new"))
    await visitor.submit("/me/second-factor/confirm", second_code=TOTP(secret).now())
    later = TOTP(secret).at(int(time.time()) + 30)  # a code is taken once
    return await visitor.submit("/me/second-factor/check", second_code=later)


async def _rename_gate(town: City) -> httpx.Response:
    mine = select(schema.gate.c.id).where(schema.gate.c.complex == rows.GARDEN).limit(1)
    async with town.house.db.read() as connection:
        part = (await connection.execute(mine)).scalar_one()
    return await by("wang", f"/places/complexes/garden/gates/{part}", name="南门")(town)


async def _upload(town: City) -> httpx.Response:
    return await upload(await town.visitor("wang"), template(is_filled=True))


async def _import(town: City) -> httpx.Response:
    visitor = await town.visitor("wang")
    shown = await upload(visitor, template(is_filled=True))
    return await visitor.submit("/places/import/confirm", digest=digest_in(shown))


async def _report(town: City) -> httpx.Response:
    said = {"words": "楼道灯不亮", "category": "lighting", "request": secrets.token_hex(16)}
    return await (await town.visitor()).submit(f"/snap/{rows.SNAP}", **said)


async def _withdraw_report(town: City) -> httpx.Response:
    made = (await _report(town)).headers["location"].partition("?")[0]
    return await (await town.visitor()).submit(f"{made}/withdraw", request="walk-0009")


async def _rate_report(town: City) -> httpx.Response:
    """A report that was done by one and reviewed by another."""
    code = (await _report(town)).headers["location"].partition("?")[0].rpartition("/")[2]
    async with town.house.db.read() as connection:
        view = await item_views.of_code(connection, snap_rows.digest_of(code))
    assert view is not None
    done = Finish(key="f", by="li", words="换了灯", pictures=("0" * 64,))
    steps = (Send(key="s", by="chen", unit="complex"), Take(key="t", by="li"), done)
    for act in (*steps, Review(key="r", by="chen", passed=True)):
        await items.act(
            town.house.db, town.house.acting.duties, nobody(None, act.by), rows.GARDEN, view.id, act, town.house.now()
        )
    return await (await town.visitor()).submit(f"/snap/status/{code}/rate", stars="5", request="walk-0010")


async def _lift(town: City) -> httpx.Response:
    visitor = await town.visitor("wang")
    await visitor.submit("/retention/holds", plate="京A12345", **WHY)
    return await visitor.submit("/retention/holds/1/lift", **WHY)


async def _stop(town: City) -> httpx.Response:
    visitor = await town.visitor("wang")
    await visitor.submit("/gateways/rollouts", kind="policy", body="confirm_s: 6")
    running = re.search(r"/gateways/rollouts/r-\w+", await visitor.page("/gateways/rollouts"))
    assert running
    return await visitor.submit(f"{running[0]}/stop")


async def _link(town: City) -> str:
    shown = await by("sun", "/residents/h1/links", days="7")(town)
    link = re.search(r"/visit/[\w-]{20,}", shown.text)
    assert link
    return link[0]


async def _make_pass(town: City) -> httpx.Response:
    return await (await town.visitor()).client.post(await _link(town), data=hours(town))


async def _end_pass(town: City) -> httpx.Response:
    link, visitor = await _link(town), await town.visitor()
    await visitor.client.post(link, data=hours(town))
    found = re.search(r'name="pass" value="([\w-]+)"', await visitor.page(link))
    assert found
    return await visitor.client.post(f"{link}/end", data={"pass": found[1]})


async def _upload_residents(town: City) -> httpx.Response:
    body = filled((SHEET,), RESIDENTS)
    return await upload(await town.visitor("wang"), body, "/residents/import/garden")


async def _import_residents(town: City) -> httpx.Response:
    visitor = await town.visitor("wang")
    shown = await upload(visitor, filled((SHEET,), RESIDENTS), "/residents/import/garden")
    return await visitor.submit("/residents/import/garden/confirm", digest=digest_in(shown))


REVENUE = "/complexes/garden/revenue"
A_MONTH = f"/complexes/garden/month/{MONTH}"
ROLES = {"review_1": "committee", "review_2": "community", "review_3": "street"}


async def _add_document(town: City) -> httpx.Response:
    visitor = await town.visitor("sun")
    files = {"file": ("paper.jpg", rows.picture(text="paper"), "image/jpeg")}
    return await visitor.client.post(f"{REVENUE}/1/documents", data={"csrf": visitor.csrf}, files=files)


async def _publish_month(town: City) -> httpx.Response:
    await by("sun", f"{A_MONTH}/propose")(town)
    visitor = await town.visitor("chen")
    digest = re.search(r'name="hash" value="(\w+)"', await visitor.page(A_MONTH))
    assert digest
    return await visitor.submit(f"{A_MONTH}/publish", hash=digest[1], nothing_personal="1")


DEVICES = "/complexes/garden/devices"


async def _to_a_device(town: City, path: str, device: str, **fields: str) -> httpx.Response:
    """Of one that was added just now; ``{n}`` is the version that holds it."""
    visitor = await town.visitor("wang")
    added = await visitor.submit(f"{DEVICES}/new", id=device)
    version = added.headers["location"].rpartition("=")[2]
    said = {name: value.replace("{n}", version) for name, value in fields.items()}
    return await visitor.submit(f"{DEVICES}/{path}", **said)


CAMERAS, MASK = "/complexes/garden/cameras", {"shape-0-what": "mask", "shape-0-points": "0,0 200,0 200,200"}


async def _to_a_camera(town: City, path: str, **fields: str) -> httpx.Response:
    """Of one that was listed just now, drawn on and taken back where something is to be undone."""
    visitor, said = await town.visitor("wang"), {"device": "camera:64", "reason": "walk"}
    await visitor.submit(f"{DEVICES}/new", id="camera:64", address="rtsp://192.0.2.64/s")
    if path == "undo":
        await visitor.submit(f"{CAMERAS}/save", **said, **MASK, was="")
        html = await visitor.page(f"{CAMERAS}/one?device=camera:64")
        await visitor.submit(f"{CAMERAS}/save", **said, was=html.partition('name="was" value="')[2][:16], back="1")
        return await visitor.submit(f"{CAMERAS}/undo", **said, **fields)
    if path == "picture":
        async with town.house.db.write() as connection:  # another gateway may be there by now
            mine = schema.gateway.update().where(schema.gateway.c.id == "gw-0a1b2c3d4e5f")
            await connection.execute(mine.values(status={"devices": [{"id": "camera:64"}]}))
    drawn = MASK if path == "save" else {}
    return await visitor.submit(f"{CAMERAS}/{path}", **said, **drawn, was="")


TARIFF = "/complexes/garden/tariff"


async def _to_a_tariff(town: City, path: str, who: str = "wang", **fields: str) -> httpx.Response:
    """Of a draft made just now; of a proposal where only that can be asked."""
    visitor = await town.visitor("wang")
    here = (await visitor.submit(f"{TARIFF}/new", **{"from": "hourly"})).headers["location"]
    if path in ("/publish", "/return"):
        await visitor.submit(f"{here}/propose")
    return await (await town.visitor(who)).submit(f"{here}{path}", **fields)


async def _upload_devices(town: City) -> httpx.Response:
    sheet = workbook([Device("uhppote:70")], {}, is_english=False, with_examples=False)
    return await upload(await town.visitor("wang"), sheet, f"{DEVICES}/import")


async def _import_devices(town: City) -> httpx.Response:
    visitor = await town.visitor("wang")
    sheet = workbook([Device("uhppote:71")], {}, is_english=False, with_examples=False)
    shown = await upload(visitor, sheet, f"{DEVICES}/import")
    return await visitor.submit(f"{DEVICES}/import/confirm", digest=digest_in(shown))


async def _open(town: City) -> httpx.Response:
    device = "uhppoted:405419896"
    status = rows.hello(1, devices=[{"id": device}])
    async with town.house.db.write() as connection:  # another gateway may be there by now
        mine = schema.gateway.update().where(schema.gateway.c.id == "gw-0a1b2c3d4e5f")
        await connection.execute(mine.values(status=status))
    return await by("li", "/doors/open", complex="garden", device=device, point="door/1", reason="forgot")(town)


async def _codes(town: City) -> httpx.Response:
    visitor = await town.visitor("wang")
    files = {"file": ("codes.csv", b"complex,device,code\n", "text/csv")}
    return await visitor.client.post("/platforms/p1/codes", data={"csrf": visitor.csrf}, files=files)


async def _add_plan(town: City) -> httpx.Response:
    visitor = await town.visitor("wang")
    files = {"file": ("plan.jpg", rows.picture(), "image/jpeg")}
    fields = {"csrf": visitor.csrf, "name": "3号楼 1 层"}
    return await visitor.client.post("/complexes/garden/plan", data=fields, files=files)


async def _end_code(town: City) -> httpx.Response:
    visitor = await town.visitor("wang")
    found = re.search(r"/parking/codes/garden/\w+/end", await visitor.page("/parking/codes/garden"))
    assert found
    return await visitor.submit(found[0])


async def _make_codes(town: City) -> httpx.Response:
    await _end_code(town)
    return await by("wang", "/parking/codes/garden")(town)


BILLS, A_DAY = "/parking/bills/garden/2026-11-20", "/parking/days/garden/2026-11-20"
NOBODYS = {"channel": "wechat", "key": "PK2611200006"}


async def _give_bills(town: City) -> httpx.Response:
    async with town.house.db.write("garden") as connection:
        if not (await connection.execute(select(schema.cash_shift.c.id))).first():
            await fill_day(connection)
    visitor = await town.visitor("sun")
    files = [("file", (path.name, path.read_bytes(), "text/csv")) for path in FILES]
    return await visitor.client.post(BILLS, data={"csrf": visitor.csrf}, files=files)


async def _resolve(town: City) -> httpx.Response:
    await by("sun", f"{A_DAY}/reconcile")(town)
    return await by("sun", f"{A_DAY}/item/resolve", **NOBODYS, act="to_suspense", how="walk", document="17")(town)


async def _remove_browser(town: City) -> httpx.Response:
    visitor = await town.visitor("li")
    await visitor.submit("/me/channels/browsers", **BROWSER)
    return await visitor.submit("/me/channels/browsers/remove", browser=digest(BROWSER["endpoint"]))


A_DOOR = {"device": "uhppoted:405419896", "point": "door/1"}
FOREVER = "2099-01-01"


async def _sign_shift(town: City) -> httpx.Response:
    clerk, shift = await town.visitor("sun"), {"id": "S1", "person": "sun", "opened_at": stamp(rows.now())}
    row = {**shift, "complex": "garden", "closed_at": stamp(rows.now()), "opening_float_fen": 0, "payouts_fen": 0}
    async with town.house.db.write() as connection:
        await connection.execute(schema.cash_shift.insert().values(**row))
    assert (await clerk.submit("/parking/desk/garden/shifts/S1/sign")).headers["location"].endswith("same_person")
    return await by("wang", "/parking/desk/garden/shifts/S1/sign")(town)


async def _claim_cash(town: City) -> httpx.Response:
    row = money.payment_row("LANE-1", "5e1", 600, channel="cash", by="zhou", receipt=9, lane="east-out")
    async with town.house.db.write("garden") as connection:
        await connection.execute(schema.payment.insert().values(**row))
    await by("sun", "/parking/desk/garden/open", float="200", lane="")(town)
    return await by("sun", "/parking/gate/garden/claim", payment="LANE-1")(town)


async def _remove_guard(town: City) -> httpx.Response:
    await by("wang", "/parking/gate/garden/guards", guard="qian", pin="271828")(town)
    return await by("wang", "/parking/gate/garden/guards/qian/remove")(town)


async def _give_coupon(town: City, *, to_home: bool = False, undo: bool = False) -> httpx.Response:
    """By a page of its own, for the walk."""
    token = secrets.token_hex(16)
    async with town.house.db.write("garden") as connection:
        await rows.add_coupons(
            connection, town.house.now(), token[:8], coupon_issuers.digest_of(token), to_home=to_home
        )
        if to_home:
            link = schema.visitor_link.update().where(schema.visitor_link.c.id == "l1")
            await connection.execute(link.values(digest=digest_of_token(token)))
    visitor, at = await town.visitor(), f"/visit/{token}/coupons" if to_home else f"/coupons/{token}"
    said = {"session": "5e2", "allotment": f"a{token[:8]}", "request": token[:8]}
    answer = await visitor.client.post(f"{at}/give", data=said)
    return await visitor.client.post(f"{at}/undo", data={"coupon": token[:8]}) if undo else answer


async def _to_the_rota(town: City, path: str, **fields: str) -> httpx.Response:
    """Of a version that the page shows, with a turn added just now; ``{since}`` is when its shift begins."""
    visitor, turn = await town.visitor("wang"), {"level": "complex", "person": "li", "from": "00:00", "to": "24:00"}
    version = re.search(r'name="version" value="(\d+)"', await visitor.page("/duty/garden"))
    assert version
    await visitor.submit("/duty/garden/turns", version=version[1], **turn)
    page = await visitor.page("/duty/garden")
    version, since = re.search(r'name="version" value="(\d+)"', page), re.search(r'name="since" value="([^"]+)"', page)
    assert version and since
    said = {name: value.replace("{since}", since[1]) for name, value in fields.items()}
    return await visitor.submit(f"/duty/garden/{path}", version=version[1], **said)


A_ROUTE = {"name": "南线", "times": "22:00", "mon": "1", "tolerance": "15", "within": "60"}


async def _tell_rounds(town: City) -> httpx.Response:
    async with town.house.db.write("garden") as connection:
        if not await patrol_rows.points(connection, "garden"):
            await rows.add_rounds(connection, town.house.now())
    visitor = await town.visitor("li")
    body = rows.acts_sent({"key": secrets.token_hex(8)})
    return await visitor.client.post("/rounds/garden/acts", json=body, headers={"X-CSRF-Token": visitor.csrf})


A_HOME = {"complex": "garden", "building": "3", "unit": "1", "room": "501", "consent_by": "女儿", "explained": "1"}
A_HOME |= {"hours": "24", "days": "90"}


async def _to_watch(town: City, path: str, **fields: str) -> httpx.Response:
    """By an officer of the garden: an order, or one that stands already."""
    who = f"wu{secrets.token_hex(3)}"
    async with town.house.db.write("garden") as connection:
        await rows.add_person(connection, who, "security_officer", of_complexes("garden"))
        for table in (schema.watch_entry, schema.watch_hit, schema.watch_told):
            await connection.execute(table.delete())
    if path != "/watch":
        await rows.add_watch(town.house, "garden", who)
    return await (await town.visitor(who)).submit(path, **fields)


async def _to_care(town: City, path: str, **fields: str) -> httpx.Response:
    """By a grid worker, of a household that is looked after since just now; of one that is not yet, to begin."""
    who = f"lin{secrets.token_hex(3)}"
    async with town.house.db.write("garden") as connection:
        await rows.add_person(connection, who, "grid_worker", of_complexes("garden"))
        await connection.execute(schema.care_task.delete())
        await connection.execute(schema.care_watch.delete())
        if path != "/care":
            await rows.add_care(connection, town.house.now())
    return await (await town.visitor(who)).submit(path, **fields)


async def _to_a_point(town: City) -> httpx.Response:
    """Of one that no route goes by."""
    visitor, name = await town.visitor("wang"), secrets.token_hex(4)
    await visitor.submit("/rounds/garden/points", names=name)
    page = await visitor.page("/rounds/garden/plan")
    found = re.search(rf"{name}</span><form method=\"post\" action=\"([^\"]+)", page)
    assert found
    return await visitor.submit(found[1])


async def _to_a_route(town: City, path: str = "") -> httpx.Response:
    """A new one by a checkpoint that was added just now, or what is done to it: its version is 1."""
    visitor, name = await town.visitor("wang"), secrets.token_hex(4)
    await visitor.submit("/rounds/garden/points", names=name)
    answer = await visitor.submit("/rounds/garden/routes", **A_ROUTE | {"points": name, "name": name})
    if not path:
        return answer
    found = re.search(rf'id="route-(\w+)">{name}', await visitor.page("/rounds/garden/plan"))
    assert found
    said = A_ROUTE | {"points": name, "version": "1"}
    return await visitor.submit(f"/rounds/garden/routes/{path.replace('{route}', found[1])}", **said)


async def _with_rules(town: City, path: str = "", **fields: str) -> httpx.Response:
    """A version of the garden's rules, then what is asked, of the version that the page shows."""
    visitor = await town.visitor("wang")
    before = (await visitor.client.get("/rules/garden", headers=JSON)).json()
    severity = "high" if "low" in str(before["rules"]) else "low"
    said = {"what": "publish", "severity:crowd": severity, "reason": "走查"}
    answer = await visitor.submit("/rules/garden", version=str(before["version"]), **said)
    if path:
        return await visitor.submit(f"/rules/garden{path}", version=str(before["version"] + 1), reason="走查", **fields)
    return answer


async def _copied_rules(town: City) -> httpx.Response:
    await _with_rules(town)
    visitor = await town.visitor("wang")
    said = (await visitor.client.get("/rules/garden/copy?area=d2", headers=JSON)).json()
    version = (await visitor.client.get("/rules/garden", headers=JSON)).json()["version"]
    seal = {"seal": said["seal"], "area": "d2", "version": str(version), "reason": "走查"}
    return await visitor.submit("/rules/garden/copy", **seal)


JSON = {"Accept": "application/json"}
A_TURN = {"level": "complex", "person": "li", "from": "20:00", "to": "08:00"}
SAMPLES: Mapping[str, Sample] = {
    "POST /parking/gate/{complex_id}/claim": _claim_cash,
    "POST /parking/gate/{complex_id}/guards": by("wang", "/parking/gate/garden/guards", guard="qian", pin="271828"),
    "POST /parking/gate/{complex_id}/guards/{guard}/remove": _remove_guard,
    "POST /coupons/{token}/give": _give_coupon,
    "POST /coupons/{token}/undo": lambda town: _give_coupon(town, undo=True),
    "POST /visit/{token}/coupons/give": lambda town: _give_coupon(town, to_home=True),
    "POST /visit/{token}/coupons/undo": lambda town: _give_coupon(town, to_home=True, undo=True),
    "POST /parking/coupons/{complex_id}/{what}": by("sun", "/parking/coupons/garden/issuer", name="超市"),
    "POST /alerts/{identity}/duty": by(
        "wang", "/alerts/a1/duty", what="call", unit="派出所", within="30", request="walk-0003"
    ),
    "POST /duty/{complex_id}/turns": lambda town: _to_the_rota(town, "turns", **A_TURN),
    "POST /duty/{complex_id}/turns/{index}/remove": lambda town: _to_the_rota(town, "turns/0/remove"),
    "POST /duty/{complex_id}/turns/{index}/swap": lambda town: _to_the_rota(
        town, "turns/0/swap", since="{since}", instead="li"
    ),
    "POST /duty/{complex_id}/turns/{index}/replace": lambda town: _to_the_rota(
        town, "turns/0/replace", since="{since}", instead=""
    ),
    "POST /duty/{complex_id}/{kind}/restore": lambda town: _to_the_rota(town, "rota/restore", to="1"),
    "POST /rules/{complex_id}": _with_rules,
    "POST /rules/{complex_id}/restore": lambda town: _with_rules(town, "/restore", to="0"),
    "POST /rules/{complex_id}/copy": _copied_rules,
    "POST /duty/{complex_id}/plan": by("chen", "/duty/garden/plan", version="0", category="fire", what="default"),
    "POST /snap/{token}": _report,
    "POST /snap/status/{code}/rate": _rate_report,
    "POST /snap/status/{code}/withdraw": _withdraw_report,
    "POST /items/codes/{complex_id}": by("chen", "/items/codes/garden", places="1号楼"),
    "POST /items/codes/{complex_id}/{token}/end": by("chen", f"/items/codes/garden/{rows.SNAP}/end"),
    "POST /items": by(
        "li", "/items", complex="garden", origin="work", category="water", words="漏水", request="walk-0006"
    ),
    "POST /items/{identity}/acts": by("wang", "/items/i1/acts", what="send", unit="complex", request="walk-0007"),
    "POST /items/{identity}/phone": by("li", "/items/i1/phone", reason="incident"),
    "POST /api/v1/items/{identity}/acts": by(
        "li", "/api/v1/items/i2/acts", what="hand_over", unit="城管", words="归城管", request="walk-0008"
    ),
    "POST /silences": by("li", "/silences", complex="garden", device="x:1", hours="2", reason="检修"),
    "POST /silences/{identity}/end": by("li", "/silences/q1/end"),
    "POST /watch": lambda town: _to_watch(
        town,
        "/watch",
        complex="garden",
        plate="京A88888",
        unit="刑侦",
        document="17",
        purpose="被盗",
        begins="2026-01-01",
        ends=(rows.now() + timedelta(days=30)).date().isoformat(),
    ),
    "POST /watch/{complex_id}/{identity}/withdraw": lambda town: _to_watch(
        town, f"/watch/garden/{rows.WATCH_ENTRY}/withdraw", reason="walk"
    ),
    "POST /care": lambda town: _to_care(town, "/care", **A_HOME),
    "POST /care/{identity}/end": lambda town: _to_care(town, "/care/w1/end"),
    "POST /care/tasks/{task}/done": lambda town: _to_care(town, "/care/tasks/t1/done", result="well", words="在家"),
    "POST /care/family/{token}/{what}": lambda town: _to_care(town, "/care/family/family/off"),
    "POST /rounds/{complex_id}/acts": _tell_rounds,
    "POST /rounds/{complex_id}/points": by("wang", "/rounds/garden/points", names="南门"),
    "POST /rounds/{complex_id}/points/{point}/end": lambda town: _to_a_point(town),
    "POST /rounds/{complex_id}/routes": lambda town: _to_a_route(town),
    "POST /rounds/{complex_id}/routes/{route}": lambda town: _to_a_route(town, "{route}"),
    "POST /rounds/{complex_id}/routes/{route}/end": lambda town: _to_a_route(town, "{route}/end"),
    "POST /parking/desk/{complex_id}/{what}": by("sun", "/parking/desk/garden/open", float="200", lane=""),
    "POST /parking/desk/{complex_id}/shifts/{shift}/{what}": _sign_shift,
    "POST /parking/debts/{complex_id}/{session}/{what}": by("sun", "/parking/debts/garden/9e9/remind", way="paper"),
    "POST /residents": by("sun", "/residents", complex="garden", room="101"),
    "POST /residents/{identity}": by("sun", "/residents/h1", name="新"),
    "POST /residents/{identity}/shown": by("sun", "/residents/h1/shown", reason="owner"),
    "POST /residents/{identity}/people": by("sun", "/residents/h1/people", name="新"),
    "POST /residents/{identity}/people/{resident}": by("sun", "/residents/h1/people/p1", name="新"),
    "POST /residents/{identity}/cards": by("sun", "/residents/h1/cards", kind="card", number="4321", until=FOREVER),
    "POST /residents/{identity}/cards/{card}/{what}": by("sun", "/residents/h1/cards/k1/revoke"),
    "POST /residents/{identity}/swipe": by("sun", "/residents/h1/swipe", reader="uhppoted:405419896 door/1"),
    "POST /residents/{identity}/plates": by("sun", "/residents/h1/plates", plate="京A66666", until=FOREVER),
    "POST /residents/{identity}/plates/{one}/{what}": by("sun", "/residents/h1/plates/v1/end"),
    "POST /residents/{identity}/places": by("sun", "/residents/h1/places", places="2", beyond="stop"),
    "POST /residents/{identity}/links": by("sun", "/residents/h1/links", days="7"),
    "POST /residents/{identity}/links/{link}/end": by("sun", "/residents/h1/links/l1/end"),
    "POST /visit/{token}": _make_pass,
    "POST /visit/{token}/end": _end_pass,
    "POST /residents/import/{complex_id}": _upload_residents,
    "POST /residents/import/{complex_id}/confirm": _import_residents,
    "POST /residents/access/{complex_id}/groups": by("wang", "/residents/access/garden/groups", name="甲", doors="*"),
    "POST /residents/access/{complex_id}/schedules": by(
        "wang", "/residents/access/garden/schedules", name="甲", mon="08:00-18:00"
    ),
    "POST /residents/access/{complex_id}/holidays": by("wang", "/residents/access/garden/holidays", days="2027-01-01"),
    "POST /complexes/{complex_id}/devices/new": by("wang", f"{DEVICES}/new", id="uhppote:60"),
    "POST /complexes/{complex_id}/devices/change": lambda town: _to_a_device(
        town, "change", "uhppote:61", id="uhppote:61", name="新"
    ),
    "POST /complexes/{complex_id}/devices/remove": lambda town: _to_a_device(
        town, "remove", "uhppote:62", id="uhppote:62"
    ),
    "POST /complexes/{complex_id}/devices/undo": lambda town: _to_a_device(town, "undo", "uhppote:63", version="{n}"),
    "POST /complexes/{complex_id}/cameras/save": lambda town: _to_a_camera(town, "save"),
    "POST /complexes/{complex_id}/cameras/undo": lambda town: _to_a_camera(town, "undo", to="1"),
    "POST /complexes/{complex_id}/cameras/picture": lambda town: _to_a_camera(town, "picture"),
    "POST /complexes/{complex_id}/devices/import": _upload_devices,
    "POST /complexes/{complex_id}/devices/import/confirm": _import_devices,
    "POST /complexes/{complex_id}/tariff/new": by("wang", f"{TARIFF}/new", **{"from": "hourly"}),
    "POST /complexes/{complex_id}/tariff/{number}": lambda town: _to_a_tariff(town, "", body="plans: {}"),
    "POST /complexes/{complex_id}/tariff/{number}/propose": lambda town: _to_a_tariff(town, "/propose"),
    "POST /complexes/{complex_id}/tariff/{number}/publish": lambda town: _to_a_tariff(town, "/publish", who="chen"),
    "POST /complexes/{complex_id}/tariff/{number}/return": lambda town: _to_a_tariff(town, "/return", reason="改价"),
    "POST /complexes/{complex_id}/tariff/{number}/withdraw": lambda town: _to_a_tariff(
        town, "/withdraw", reason="改价"
    ),
    "POST /doors/open": _open,
    "POST /complexes/{complex_id}/revenue/new": by(
        "sun", f"{REVENUE}/new", side="income", kind="lease", title="出租", amount="12.5"
    ),
    "POST /complexes/{complex_id}/revenue/{number}/change": by(
        "sun", f"{REVENUE}/1/change", title="出租", amount="12.5"
    ),
    "POST /complexes/{complex_id}/revenue/{number}/documents": _add_document,
    "POST /complexes/{complex_id}/revenue/{number}/steps/{action}": by(
        "chen", f"{REVENUE}/1/steps/propose", note="会", votes_for="2", votes_against="1"
    ),
    "POST /complexes/{complex_id}/month/{month}/propose": by("sun", f"{A_MONTH}/propose"),
    "POST /complexes/{complex_id}/month/{month}/publish": _publish_month,
    "POST /complexes/{complex_id}/account": by("chen", "/complexes/garden/account", is_open="1", **ROLES),
    "POST /parking/sheets/{name}.xlsx": by("sun", "/parking/sheets/sessions.xlsx", reason="payment"),
    "POST /complexes/{complex_id}/plan": _add_plan,
    "POST /complexes/{complex_id}/plan/{plan}/pins": by(
        "wang", "/complexes/garden/plan/drawn/pins", **A_DOOR, x="350", y="200"
    ),
    "POST /complexes/{complex_id}/plan/{plan}/unpin": by("wang", "/complexes/garden/plan/drawn/unpin", **A_DOOR),
    "POST /complexes/{complex_id}/plan/{plan}/picture": by("wang", "/complexes/garden/plan/drawn/picture", drawn="1"),
    "POST /complexes/{complex_id}/plan/{plan}/{what}": by(
        "wang", "/complexes/garden/plan/drawn/describe", name="总平面图", rank="1"
    ),
    "POST /login": _sign_in,
    "POST /logout": by("li", "/logout"),
    "POST /alerts/actions": _tap,
    "POST /alerts/{identity}/actions": by("li", "/alerts/a1/actions", action="acknowledge", request="walk-0002"),
    "POST /parking/bills/{complex_id}/{day}": _give_bills,
    "POST /parking/bills/{complex_id}/{day}/none": by("sun", f"{BILLS[:-2]}19/none", channel="wechat"),
    "POST /parking/bills/{complex_id}/{day}/back": by("sun", f"{BILLS[:-2]}19/back", sha256="none:wechat"),
    "POST /parking/bills/{complex_id}/{day}/columns": by("sun", f"{BILLS}/columns", which="bank", words="附言"),
    "POST /parking/days/{complex_id}/{day}/item/resolve": _resolve,
    "POST /parking/days/{complex_id}/{day}/item/undo": by("sun", f"{A_DAY}/item/undo", **NOBODYS),
    "POST /parking/days/{complex_id}/{day}/reconcile": by("sun", f"{A_DAY[:-2]}18/reconcile"),
    "POST /parking/days/{complex_id}/{day}/sign": by("chen", f"{A_DAY}/sign"),
    "POST /parking/charging/{complex_id}": by("sun", "/parking/charging/garden", energy="0.65", service="0.4"),
    "POST /parking/doubtful/{complex_id}/{passage}": by("sun", f"/parking/doubtful/garden/{'6d' * 16}", act="seen"),
    "POST /parking/doubtful/{complex_id}/undo/{identity}": by("sun", "/parking/doubtful/garden/undo/c0"),
    "POST /parking/sessions/{complex_id}/{identity}/plate": by(
        "sun", "/parking/sessions/garden/5e1/plate", reason="payment"
    ),
    "POST /parking/payments/{complex_id}/{number}/refund": by(
        "sun", f"/parking/payments/garden/{rows.PAID}/refund", amount="1.00", reason="other"
    ),
    "POST /parking/refunds/{complex_id}/{number}/{what}": by(
        "wang", f"/parking/refunds/garden/R1{rows.PAID}/refuse", reason="walk"
    ),
    "POST /parking/codes/{complex_id}/{code}/end": _end_code,
    "POST /parking/codes/{complex_id}": _make_codes,
    "POST /alerts/{identity}/subject": by("li", "/alerts/a1/subject", reason="incident"),
    "POST /gateways/refusals/{number}/bytes": by("wang", "/gateways/refusals/1/bytes", reason="repair"),
    "POST /accounts": by("wang", "/accounts", username="new", role="patrol", scope="complex:garden"),
    "POST /accounts/{number}/invite": by("wang", "/accounts/2/invite"),
    "POST /accounts/{number}/role": by("wang", "/accounts/2/role", role="patrol", scope="city"),
    "POST /accounts/{number}/{what}": by("wang", "/accounts/2/unlock"),
    "POST /invite/{token}": _accept,
    "POST /me/sessions": by("li", "/me/sessions"),
    "POST /me/channels": by("li", "/me/channels", channel="screen", least="low"),
    "POST /me/channels/move": by("li", "/me/channels/move", channel="group"),
    "POST /me/channels/hours": by("li", "/me/channels/hours", **{"from": "22:00", "to": "06:00"}),
    "POST /me/channels/test": by("li", "/me/channels/test", channel="group"),
    "POST /me/channels/browsers": by("li", "/me/channels/browsers", **BROWSER),
    "POST /me/channels/browsers/remove": _remove_browser,
    "POST /me/password": by("zhao", "/me/password", old=rows.PASSWORD, password=NEW, again=NEW),
    "POST /me/second-factor/new": by("chen", "/me/second-factor/new"),
    "POST /me/second-factor/confirm": by("chen", "/me/second-factor/confirm", second_code="000000"),
    "POST /me/second-factor/check": _check,
    "POST /places/areas": by("wang", "/places/areas", kind="district", name="新区"),
    "POST /places/areas/{identity}/name": by("wang", "/places/areas/c1/name", name="一社区"),
    "POST /places/areas/{identity}/move": by("wang", "/places/areas/c1/move", to="s1"),
    "POST /places/areas/{identity}/cells": by("wang", "/places/areas/c1/cells", name="第二网格", id="g2"),
    "POST /places/areas/{identity}/cells/{cell}": by("wang", "/places/areas/c1/cells/g2", name="二网格"),
    "POST /places/complexes/{identity}": by("wang", "/places/complexes/garden", name="阳光花园"),
    "POST /places/complexes/{identity}/move": by("wang", "/places/complexes/garden/move", to="c1"),
    "POST /places/complexes/{identity}/{kind}s": by("wang", "/places/complexes/garden/gates", name="北门"),
    "POST /places/complexes/{identity}/{kind}s/{part}": _rename_gate,
    "POST /places/import": _upload,
    "POST /places/import/confirm": _import,
    "POST /gateways/new": by("wang", "/gateways/new", complex="garden"),
    "POST /gateways/{identity}/conservation/ask": by("wang", "/gateways/gw-0a1b2c3d4e5f/conservation/ask"),
    "POST /gateways/{identity}/discover": by("wang", "/gateways/gw-0a1b2c3d4e5f/discover"),
    "POST /gateways/{identity}/replace": by("wang", "/gateways/gw-0a1b2c3d4e5f/replace"),
    "POST /gateways/{identity}/tags": by("wang", "/gateways/gw-0a1b2c3d4e5f/tags", tags="试点"),
    "POST /gateways/rollouts": by("wang", "/gateways/rollouts", kind="policy", body="confirm_s: 6"),
    "POST /gateways/rollouts/{id_}/{what}": _stop,
    "POST /retrievals": by(
        "wang",
        "/retrievals",
        complex="garden",
        applicant="a",
        unit="u",
        document="d",
        purpose="p",
        class_door="yes",
        since="2026-11-26",
        until="2026-11-27",
    ),
    "POST /retrievals/{id_}/decide": by("wang", "/retrievals/v1/decide", state="approved"),
    "POST /retrievals/{id_}/view": by("wang", "/retrievals/v2/view"),
    "POST /retrievals/{id_}/export": by("wang", "/retrievals/v2/export"),
    "POST /platforms": by(
        "wang", "/platforms", id="new", name="new", kind="webhook", address="https://platform.example.invalid/"
    ),
    "POST /platforms/{id_}/change": by(
        "wang", "/platforms/p1/change", name="x", address="https://other.example.invalid/", basis="1", reason="walk"
    ),
    "POST /platforms/{id_}/settings": by("wang", "/platforms/p1/settings", lists=""),
    "POST /platforms/{id_}/settings/test": by("wang", "/platforms/p1/settings/test"),
    "POST /platforms/{id_}/codes": _codes,
    "POST /platforms/{id_}/turn": by("wang", "/platforms/p1/turn", on="0"),
    "POST /platforms/{id_}/basis": by(
        "wang", "/platforms/p1/basis", unit="u", document="d", class_door="yes", since="2026-01-01", until="2099-01-01"
    ),
    "POST /platforms/{id_}/basis/{number}/end": by("wang", "/platforms/p1/basis/1/end", reason="walk"),
    "POST /platforms/{id_}/classes/{data_class}": by("wang", "/platforms/p1/classes/door", on="0"),
    "POST /retention/holds": by("wang", "/retention/holds", plate="京A12345", **WHY),
    "POST /retention/holds/{number}/lift": _lift,
    "POST /retention/subject": by("wang", "/retention/subject", kind="plate", value="京A12345", **WHY),
    "POST /retention/subject/export": by("wang", "/retention/subject/export", kind="plate", value="京A12345", **WHY),
    "POST /retention/subject/delete": by(
        "wang", "/retention/subject/delete", kind="plate", value="京A99999", **WHY, sure="yes"
    ),
    "POST /audit/export": by("huang", "/audit/export", reason="walk"),
    "POST /audit/blank": by("huang", "/audit/blank"),
    "POST /v1/enrol": _enrol,
}
# Of these the row is the one that the sample itself left before, by signing in: nothing was there to be done.
SILENT_WHEN_IDLE = {"POST /audit/blank"}


@pytest.fixture(params=chosen() if FULL else chosen()[-1:], ids=lambda engine: engine.name)
def engine(request: pytest.FixtureRequest) -> Engine:
    """The stricter of those there are: what a route does is no matter of the engine, and all of them take long."""
    return request.param


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        async with made.house.db.write() as connection:
            await add_areas(connection)
            await rows.add_household(connection, made.house.now())
            await rows.add_matter(connection, "a1", made.house.now())
            await rows.add_items(connection, made.house.now())
            await rows.add_payments(connection, made.house.now())
            await rows.add_revenue(connection, made.house.now())
            await rows.add_platform(connection, made.house.now())
        yield made


def changing(app: FastAPI) -> list[str]:
    """The routes that are not only read, as ``METHOD path``."""

    def names(route: BaseRoute) -> list[str]:
        methods = set(getattr(route, "methods", None) or ()) - READS
        return [f"{method} {getattr(route, 'path', route)}" for method in sorted(methods)]

    return [name for route in every_route(app.routes) for name in names(route)]


async def rows_left(town: City, call: Sample) -> tuple[int, int]:
    """The answer's status, and how many rows there are more; signing in is not counted."""
    counted = await _count(town, login=False)
    answer = await call(town)
    return answer.status_code, await _count(town, login=False) - counted


async def _count(town: City, *, login: bool) -> int:
    async with town.house.db.read() as connection:
        rows = await audit_rows.after(connection, 0, 10_000)
    return sum(1 for row in rows if login or row.action != "login.opened")


async def silent(town: City, names: list[str], samples: Mapping[str, Sample]) -> list[str]:
    """Routes that left no row, or that nobody said how to call."""
    found: list[str] = []
    for name in names:
        if name in NEEDS_NO_ROW:
            continue
        if name not in samples:
            found.append(f"{name}: nobody says how to call it")
            continue
        status, rows = await rows_left(town, samples[name])
        assert status < 400, (name, status)
        if not rows and name != "POST /login" and name not in SILENT_WHEN_IDLE:
            found.append(f"{name}: left no row")
    return found


async def test_every_route_that_changes_something_leaves_a_row(town: City) -> None:
    names = changing(town.app)
    assert len(names) > 15
    assert await silent(town, names, SAMPLES) == []
    assert set(SAMPLES) | set(NEEDS_NO_ROW) == set(names), "nothing is listed that is not there"
    async with town.house.db.read() as connection:
        assert "login.opened" in {row.action for row in await audit_rows.after(connection, 0)}


async def test_the_walk_finds_a_route_that_leaves_none(town: City) -> None:
    router = APIRouter()

    @router.post("/quiet", dependencies=[Depends(public)])
    async def _quiet() -> dict[str, str]:
        return {}

    @router.put("/unknown", dependencies=[Depends(public)])
    async def _unknown() -> None: ...

    town.app.include_router(router)
    names = [name for name in changing(town.app) if name.endswith(("/quiet", "/unknown"))]
    assert await silent(town, names, {"POST /quiet": by("li", "/quiet")}) == [
        "POST /quiet: left no row",
        "PUT /unknown: nobody says how to call it",
    ]
