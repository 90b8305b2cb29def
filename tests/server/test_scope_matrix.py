"""Every route, asked by every role with every reach: made from the router, so that no route can be forgotten."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import uuid4

import msgspec
import pytest
from fastapi import APIRouter
from sqlalchemy import true
from sqlalchemy.ext.asyncio import AsyncConnection

import server.app
from domain.ids import content_name
from domain.retention import Hold
from server.auth import UndeclaredRoute, declares_access, every_route
from server.retention import holds
from server.retention.holds import Why
from server.store import rollout_rows, rule_rows
from server.store.engine import stamp
from server.store.people import ROLES
from server.store.retention_tables import erasure
from server.store.rollout_rows import RolloutView
from server.store.rule_rows import Draft
from server.store.schema import cash_shift, payment
from tests.server import rows
from tests.server.asgi import Answer, ask, multipart
from tests.server.engines import SQLITE, Engine
from tests.server.money import payment_row
from tests.server.people import City, city
from tests.server.scoped_people import Someone, add_areas, add_everyone, sign_in
from tests.server.told import BROWSER

pytestmark = pytest.mark.long
PARTS = 5  # of those who ask, or of routes, so that several processes share them; each has some of every reach
GARDENS = ("阳光花园".encode(), b"garden", "一社区".encode(), "东城区".encode())
MACHINES = {"/v1/enrol", "/healthz", "/readyz"}
VISITORS = {"/visit/{token}", "/visit/{token}/end", "/visit/pass/{token}"}
VISITORS |= {
    f"{page}{rest}" for page in ("/coupons/{token}", "/visit/{token}/coupons") for rest in ("", "/give", "/undo")
}
VISITORS |= {"/care/family/{token}", "/care/family/{token}/{what}"}
DRIVERS = {"/pay/{code}", "/pay/{code}/{session}", "/pay/{code}/{session}/{number}"}
DRIVERS |= {"/pay/{code}/{session}/inside"}
DRIVERS |= {"/pay/{code}/{session}/{number}/state", "/pay/notify/wechat/{merchant}", "/pay/notify/alipay/{merchant}"}
OPEN = {f"/open/{{complex_id}}{rest}" for rest in ("", "/revenue", "/poster", "/documents/{sha256}", "/{month}")}
OPEN |= {f"/open/{{complex_id}}/{{month}}/{name}.json" for name in ("journals", "snapshot")}
REPORTERS = {"/snap/{token}", "/snap/status", "/snap/status/{code}", "/snap/status/{code}/pictures/{sha256}"}
REPORTERS |= {"/snap/status/{code}/rate", "/snap/status/{code}/withdraw"}
PUBLIC = MACHINES | VISITORS | DRIVERS | OPEN | REPORTERS
PUBLIC |= {"/receipt/{code}", "/login", "/lang/{language}", "/invite/{token}", "/login/oidc", "/login/oidc/back"}
PUBLIC |= {"/worker.js", "/offline", "/theme/{theme}"}
DONE = (200, 303)
ON_SQLITE = pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])  # what is no matter of the engine


class Example(NamedTuple):
    """How a route is asked for something of the garden: its path, and what is sent. ``is_one``: it is a thing's own."""

    path: str
    form: dict[str, str] = {}
    json: Any = None
    raw: tuple[str, bytes] | None = None  # the type of the content, and the content
    is_one: bool = True
    refused: int = 404  # where the thing is another's
    again: int = 303  # what a second time may be answered, where the first ended it


WHY = {"reason": "walk", "document": "17"}
BILLS, A_DAY = "/parking/bills/garden/2026-11-20", "/parking/days/garden/2026-11-20"
DEVICES, TARIFF = "/complexes/garden/devices", "/complexes/garden/tariff"
CAMERAS = "/complexes/garden/cameras"
SUBJECT = {"kind": "plate", "value": "京A99999", **WHY}
PLATFORM = {"id": "new", "name": "new", "kind": "webhook", "address": "https://platform.example.invalid/"}
BASIS = {"unit": "u", "document": "d", "class_door": "yes", "since": "2026-01-01", "until": "2099-01-01"}
RETRIEVAL = {"complex": "garden", "applicant": "a", "unit": "u", "document": "d", "purpose": "p", "class_door": "yes"}
RETRIEVAL |= {"since": "2026-11-26", "until": "2026-11-27"}
# Whoever adds a route with a blank in its path, or one that takes a form, says here how to ask it.
EXAMPLES: dict[str, Example] = {
    "POST /accounts": Example("/accounts", {"username": "new", "role": "patrol", "scope": "city"}, is_one=False),
    "/accounts/{number}": Example("/accounts/2"),
    "/accounts/{number}/invite": Example("/accounts/2/invite"),
    "/accounts/{number}/role": Example("/accounts/2/role", {"role": "patrol", "scope": "complex:garden"}),
    "/accounts/{number}/{what}": Example("/accounts/2/unlock"),
    "/me/sessions": Example("/me/sessions", {"session": "none"}, is_one=False),
    "/me/password": Example(
        "/me/password", {"old": rows.PASSWORD, "password": rows.PASSWORD, "again": rows.PASSWORD}, is_one=False
    ),
    "POST /me/channels": Example("/me/channels", {"channel": "screen", "least": "low"}, is_one=False),
    "/me/channels/move": Example("/me/channels/move", {"channel": "group"}, is_one=False),
    "/me/channels/hours": Example("/me/channels/hours", {"from": "22:00", "to": "06:00"}, is_one=False),
    "/me/channels/test": Example("/me/channels/test", {"channel": "group"}, is_one=False),
    "/me/channels/browsers": Example("/me/channels/browsers", BROWSER, is_one=False),
    "/me/channels/browsers/remove": Example("/me/channels/browsers/remove", {"browser": "none"}, is_one=False),
    "/alerts/{identity}/subject": Example("/alerts/a1/subject", {"reason": "incident"}),
    "/gateways/refusals/{number}/bytes": Example("/gateways/refusals/1/bytes", {"reason": "repair"}),
    "/audit/export": Example("/audit/export", {"reason": "review", "who": "nobody"}, is_one=False),
    "/alerts/actions": Example("/alerts/actions", json={"action": "acknowledge", "alerts": ["a1"]}, is_one=False),
    "/alerts/{identity}": Example("/alerts/a1"),
    "/alerts/{identity}/cap": Example("/alerts/a1/cap"),
    "/alerts/{identity}/actions": Example("/alerts/a1/actions", {"action": "acknowledge"}),
    "/alerts/{identity}/duty": Example("/alerts/a1/duty", {"what": "call", "unit": "派出所", "within": "30"}),
    "/duty/{complex_id}": Example("/duty/garden"),
    "/duty/{complex_id}/plan": Example("/duty/garden/plan", {"version": "0", "category": "fire", "what": "default"}),
    "/duty/{complex_id}/{kind}/restore": Example("/duty/garden/rota/restore", {"version": "0", "to": "0"}),
    "/duty/{complex_id}/turns": Example("/duty/garden/turns", {"version": "0", "level": "complex"}),
    "/duty/{complex_id}/turns/{index}/remove": Example("/duty/garden/turns/0/remove", {"version": "0"}),
    "/duty/{complex_id}/turns/{index}/swap": Example("/duty/garden/turns/0/swap", {"version": "0"}),
    "/duty/{complex_id}/turns/{index}/replace": Example("/duty/garden/turns/0/replace", {"version": "0"}),
    "/rules/{complex_id}": Example("/rules/garden", {"version": "1", "what": "preview"}),
    "/rules/{complex_id}/restore": Example(
        "/rules/garden/restore", {"version": "1", "to": "1", "reason": "walk"}, again=422
    ),
    "/rules/{complex_id}/versions/{version}": Example("/rules/garden/versions/1"),
    "/rules/{complex_id}/copy": Example("/rules/garden/copy", {"version": "1", "reason": "walk"}, again=409),
    "POST /silences": Example("/silences", {"complex": "garden", "hours": "2", "reason": "检修", "device": "x:1"}),
    "POST /items": Example("/items", {"complex": "garden", "origin": "work", "category": "water", "words": "漏"}),
    "/items/codes/{complex_id}": Example("/items/codes/garden", {"places": "1号楼"}),
    "/items/codes/{complex_id}/{token}/end": Example(f"/items/codes/garden/{rows.SNAP}/end", again=404),
    "/items/{identity}": Example("/items/i1"),
    "/items/{identity}/acts": Example("/items/i1/acts", {"what": "take"}),
    "/items/{identity}/phone": Example("/items/i1/phone", {"reason": "incident"}),
    "/items/for/{receiver}.{form}": Example("/items/for/12345.csv", is_one=False),
    "/items/sheets/{name}.xlsx": Example("/items/sheets/need.xlsx", is_one=False),
    "/api/v1/items/{identity}": Example("/api/v1/items/i1"),
    "/api/v1/items/{identity}/acts": Example("/api/v1/items/i2/acts", {"what": "take"}, again=409),
    "/silences/{identity}/end": Example("/silences/q1/end"),
    "/rounds/{complex_id}": Example("/rounds/garden"),
    "POST /care": Example("/care", {"complex": "garden", "room": "101"}),
    "/care/{identity}": Example("/care/w1"),
    "/care/{identity}/end": Example("/care/w1/end"),
    "/care/tasks/{task}/done": Example("/care/tasks/t1/done", {"result": "well", "words": "在家"}),
    "POST /watch": Example(
        "/watch",
        {
            "complex": rows.GARDEN,
            "plate": "京A88888",
            "unit": "刑侦",
            "document": "17",
            "purpose": "被盗",
            "begins": "2026-01-01",
            "ends": (rows.now() + timedelta(days=30)).date().isoformat(),
        },
    ),
    "/watch/hits/{complex_id}/{identity}": Example(f"/watch/hits/garden/{rows.WATCH_HIT}", again=404),
    "/watch/{complex_id}/{identity}": Example(f"/watch/garden/{rows.WATCH_ENTRY}"),
    "/watch/{complex_id}/{identity}/withdraw": Example(
        f"/watch/garden/{rows.WATCH_ENTRY}/withdraw", {"reason": "walk"}
    ),
    "/rounds/at/{code}": Example(f"/rounds/at/{rows.POINT_CODES[0]}"),
    "/rounds/{complex_id}/walk": Example("/rounds/garden/walk"),
    "/rounds/{complex_id}/acts": Example("/rounds/garden/acts", json=rows.acts_sent()),
    "/rounds/{complex_id}/labels": Example("/rounds/garden/labels"),
    "/rounds/{complex_id}/history": Example("/rounds/garden/history"),
    "/rounds/{complex_id}/history.xlsx": Example("/rounds/garden/history.xlsx"),
    "/rounds/{complex_id}/plan": Example("/rounds/garden/plan"),
    "/rounds/{complex_id}/points": Example("/rounds/garden/points", {"names": "南门"}),
    "/rounds/{complex_id}/points/{point}/end": Example("/rounds/garden/points/p1/end"),
    "/rounds/{complex_id}/routes": Example("/rounds/garden/routes", {"name": "x"}),
    "/rounds/{complex_id}/routes/{route}": Example("/rounds/garden/routes/r1", {"name": "x"}),
    "/rounds/{complex_id}/routes/{route}/end": Example("/rounds/garden/routes/r1/end", {"version": "1"}),
    "POST /gateways/new": Example("/gateways/new", {"complex": rows.GARDEN}, refused=422),
    "/parking/payments/{complex_id}/{number}": Example(f"/parking/payments/garden/{rows.PAID}"),
    "/parking/payments/{complex_id}/{number}/refund": Example(
        f"/parking/payments/garden/{rows.PAID}/refund", {"amount": "1.00", "reason": "other"}
    ),
    "/parking/refunds/{complex_id}/{number}/{what}": Example(
        f"/parking/refunds/garden/R1{rows.PAID}/refuse", {"reason": "walk"}
    ),
    "/parking/codes/{complex_id}": Example("/parking/codes/garden"),
    "/parking/codes/{complex_id}/{code}/end": Example("/parking/codes/garden/gardencode23/end", again=404),
    "/media/{sha256}": Example(f"/media/{content_name(rows.picture('#2b3b52', '3号楼东门 02:14'))}"),
    "/media/{sha256}/small": Example(f"/media/{content_name(rows.picture('#2b3b52', '3号楼东门 02:14'))}/small"),
    "/gateways/refusals/{number}": Example("/gateways/refusals/1"),
    "/gateways/{identity}/conservation": Example("/gateways/gw-0a1b2c3d4e5f/conservation"),
    "/gateways/{identity}/conservation/ask": Example("/gateways/gw-0a1b2c3d4e5f/conservation/ask"),
    "POST /places/areas": Example("/places/areas", {"kind": "district", "name": "新区"}, is_one=False),
    "/places/areas/{identity}": Example("/places/areas/c1"),
    "/places/areas/{identity}/name": Example("/places/areas/c1/name", {"name": "一社区"}),
    "/places/areas/{identity}/move": Example("/places/areas/c1/move", {"to": "s1"}),
    "/places/areas/{identity}/cells": Example("/places/areas/c1/cells", {"name": "第二网格"}),
    "/places/areas/{identity}/cells/{cell}": Example("/places/areas/c1/cells/g1", {"name": "第一网格"}),
    "/places/complexes/{identity}": Example("/places/complexes/garden", {"name": "阳光花园"}),
    "/places/complexes/{identity}/move": Example("/places/complexes/garden/move", {"to": "c1"}),
    "/places/complexes/{identity}/{kind}s": Example("/places/complexes/garden/buildings", {"name": "2号楼"}),
    "/places/complexes/{identity}/{kind}s/{part}": Example("/places/complexes/garden/buildings/b1", {"name": "1号楼"}),
    "GET /complexes/{complex_id}/devices": Example(DEVICES),
    "GET /complexes/{complex_id}/devices/new": Example(f"{DEVICES}/new"),
    "POST /complexes/{complex_id}/devices/new": Example(f"{DEVICES}/new", {"id": "uhppote:1"}, again=422),
    "/complexes/{complex_id}/devices/new": Example(f"{DEVICES}/new"),
    "/complexes/{complex_id}/devices": Example(DEVICES),
    "/complexes/{complex_id}/devices/one": Example(f"{DEVICES}/one?device=uhppote:1"),
    "/complexes/{complex_id}/devices/change": Example(f"{DEVICES}/change?device=uhppote:1", {"id": "uhppote:1"}),
    "/complexes/{complex_id}/devices/remove": Example(f"{DEVICES}/remove", {"id": "uhppote:2"}),
    "/complexes/{complex_id}/devices/undo": Example(f"{DEVICES}/undo", {"version": "1"}),
    "/complexes/{complex_id}/cameras": Example(CAMERAS),
    "/complexes/{complex_id}/cameras/one": Example(f"{CAMERAS}/one?device=camera:north"),
    "/complexes/{complex_id}/cameras/news": Example(f"{CAMERAS}/news?device=camera:north"),
    "/complexes/{complex_id}/cameras/save": Example(f"{CAMERAS}/save", {"device": "camera:north", "reason": "x"}),
    "/complexes/{complex_id}/cameras/undo": Example(
        f"{CAMERAS}/undo", {"device": "camera:north", "to": "1", "reason": "x"}
    ),
    "/complexes/{complex_id}/cameras/picture": Example(f"{CAMERAS}/picture", {"device": "camera:north"}),
    "/complexes/{complex_id}/devices/sheet.xlsx": Example(f"{DEVICES}/sheet.xlsx"),
    "/complexes/{complex_id}/devices/import/template.xlsx": Example(f"{DEVICES}/import/template.xlsx"),
    "GET /complexes/{complex_id}/devices/import": Example(f"{DEVICES}/import"),
    "POST /complexes/{complex_id}/devices/import": Example(
        f"{DEVICES}/import", raw=multipart("file", b"no workbook"), again=200
    ),
    "/complexes/{complex_id}/devices/import": Example(f"{DEVICES}/import"),
    "/complexes/{complex_id}/devices/import/confirm": Example(f"{DEVICES}/import/confirm", {"digest": "x"}, again=200),
    "/complexes/{complex_id}/tariff/new": Example(f"{TARIFF}/new", {"from": "hourly"}),
    "/complexes/{complex_id}/tariff": Example(TARIFF),
    "/complexes/{complex_id}/tariff/compare": Example(f"{TARIFF}/compare?a=1&b=2"),
    "/complexes/{complex_id}/tariff/{number}": Example(f"{TARIFF}/2", {"body": "plans: {}"}),
    "/complexes/{complex_id}/tariff/{number}/propose": Example(f"{TARIFF}/2/propose"),
    "/complexes/{complex_id}/tariff/{number}/publish": Example(f"{TARIFF}/1/publish"),
    "/complexes/{complex_id}/tariff/{number}/return": Example(f"{TARIFF}/1/return", {"reason": "改价"}),
    "/complexes/{complex_id}/tariff/{number}/withdraw": Example(f"{TARIFF}/2/withdraw", {"reason": "改价"}),
    "/gateways/tree": Example("/gateways/tree?area=c1", is_one=False),
    "/gateways/{identity}": Example("/gateways/gw-0a1b2c3d4e5f"),
    "/gateways/{identity}/discover": Example("/gateways/gw-0a1b2c3d4e5f/discover"),
    "/gateways/{identity}/replace": Example("/gateways/gw-0a1b2c3d4e5f/replace"),
    "/gateways/{identity}/tags": Example("/gateways/gw-0a1b2c3d4e5f/tags", {"tags": "试点"}),
    "POST /gateways/rollouts": Example(
        "/gateways/rollouts", {"kind": "policy", "body": "confirm_s: 5"}, is_one=False, again=200
    ),
    "/gateways/rollouts/preview": Example(
        "/gateways/rollouts/preview", {"kind": "policy", "body": "confirm_s: 5"}, is_one=False
    ),
    "/gateways/rollouts/{id_}": Example("/gateways/rollouts/r-1"),
    "POST /retrievals": Example("/retrievals", RETRIEVAL),
    "/retrievals/{id_}": Example("/retrievals/v1"),
    "/retrievals/{id_}/decide": Example("/retrievals/v1/decide", {"state": "approved"}, again=409),
    "/retrievals/{id_}/view": Example("/retrievals/v2/view"),
    "/retrievals/{id_}/export": Example("/retrievals/v2/export"),
    "/filing/{complex_id}": Example("/filing/garden"),
    "/filing/{complex_id}/filing.xlsx": Example("/filing/garden/filing.xlsx"),
    "POST /platforms": Example("/platforms", PLATFORM, is_one=False, again=409),
    "/platforms/{id_}": Example("/platforms/p1"),
    "/platforms/{id_}/change": Example(
        "/platforms/p1/change", {"name": "市局", "address": "https://platform.example.invalid/"}
    ),
    "/platforms/{id_}/settings": Example("/platforms/p1/settings"),
    "POST /platforms/{id_}/settings": Example("/platforms/p1/settings", {"lists": ""}),
    "/platforms/{id_}/settings/test": Example("/platforms/p1/settings/test", {"walk": "1"}, again=200),
    "/platforms/{id_}/codes": Example("/platforms/p1/codes", raw=multipart("file", b"complex,device,code\n")),
    "/platforms/{id_}/turn": Example("/platforms/p1/turn", {"on": "0"}),
    "/platforms/{id_}/basis": Example("/platforms/p1/basis", BASIS),
    "/platforms/{id_}/basis/{number}/end": Example("/platforms/p1/basis/1/end", {"reason": "walk"}, again=409),
    "/platforms/{id_}/classes/{data_class}": Example("/platforms/p1/classes/door", {"on": "0"}),
    "/platforms/{id_}/days/{day}": Example("/platforms/p1/days/2026-11-27"),
    "/platforms/{id_}/days/{day}/statement.xlsx": Example("/platforms/p1/days/2026-11-27/statement.xlsx"),
    "/gateways/rollouts/{id_}/{what}": Example("/gateways/rollouts/r-1/stop", again=409),
    "/retention/holds": Example("/retention/holds", {"plate": "京A12345", **WHY}, is_one=False),
    "/retention/holds/{number}/lift": Example("/retention/holds/1/lift", WHY),
    "/retention/subject": Example("/retention/subject", SUBJECT, is_one=False),
    "/retention/subject/export": Example("/retention/subject/export", SUBJECT, is_one=False),
    "/retention/subject/delete": Example("/retention/subject/delete", {**SUBJECT, "sure": "yes"}, is_one=False),
    "/retention/erasures/{identity}": Example("/retention/erasures/e-1"),
    "POST /residents": Example("/residents", {"complex": rows.GARDEN, "room": "101"}),
    "/residents/{identity}": Example("/residents/h1", {"name": "新"}),
    "/residents/{identity}/shown": Example("/residents/h1/shown", {"reason": "owner"}, again=200),
    "/residents/{identity}/people": Example("/residents/h1/people", {"name": "新"}),
    "/residents/{identity}/people/{resident}": Example("/residents/h1/people/p1", {"name": "新"}),
    "/residents/{identity}/cards": Example(
        "/residents/h1/cards", {"kind": "card", "number": "4321", "until": "2099-01-01"}
    ),
    "/residents/{identity}/cards/{card}/{what}": Example("/residents/h1/cards/k1/revoke"),
    "/residents/{identity}/swipe": Example("/residents/h1/swipe", {"reader": "uhppoted:405419896 door/1"}),
    "/residents/{identity}/plates": Example("/residents/h1/plates", {"plate": "京A12345", "until": "2099-01-01"}),
    "/residents/{identity}/plates/{one}/{what}": Example("/residents/h1/plates/v1/end"),
    "/residents/{identity}/places": Example("/residents/h1/places", {"places": "2", "beyond": "stop"}),
    "/residents/{identity}/links": Example("/residents/h1/links", {"days": "7"}, again=200),
    "/residents/{identity}/links/{link}/end": Example("/residents/h1/links/l1/end"),
    "GET /residents/import/{complex_id}": Example("/residents/import/garden"),
    "/residents/import/{complex_id}/template.xlsx": Example("/residents/import/garden/template.xlsx"),
    "POST /residents/import/{complex_id}": Example(
        "/residents/import/garden", raw=multipart("file", b"no workbook"), again=200
    ),
    "/residents/import/{complex_id}": Example("/residents/import/garden"),
    "/residents/import/{complex_id}/confirm": Example("/residents/import/garden/confirm", {"digest": "x"}, again=200),
    "/residents/access/{complex_id}": Example("/residents/access/garden"),
    "/residents/access/{complex_id}/groups": Example("/residents/access/garden/groups", {"name": "甲", "doors": "*"}),
    "/residents/access/{complex_id}/schedules": Example(
        "/residents/access/garden/schedules", {"name": "甲", "mon": "08:00-18:00"}
    ),
    "/residents/access/{complex_id}/holidays": Example("/residents/access/garden/holidays", {"days": "2027-01-01"}),
    "/doors/open": Example(
        "/doors/open",
        {"complex": rows.GARDEN, "device": "uhppoted:405419896", "point": "door/1", "reason": "forgot"},
    ),
    "POST /complexes/{complex_id}/plan": Example("/complexes/garden/plan", raw=multipart("file", b""), again=422),
    "/complexes/{complex_id}/plan": Example("/complexes/garden/plan?edit=1"),
    "/complexes/{complex_id}/plan/{plan}/pins": Example(
        "/complexes/garden/plan/drawn/pins",
        {"device": "uhppoted:405419896", "point": "door/1", "x": "350", "y": "200"},
    ),
    "/complexes/{complex_id}/plan/{plan}/unpin": Example(
        "/complexes/garden/plan/drawn/unpin", {"device": "uhppoted:405419896", "point": "door/1"}
    ),
    "/complexes/{complex_id}/plan/{plan}/picture": Example("/complexes/garden/plan/drawn/picture", {"drawn": "1"}),
    "/complexes/{complex_id}/plan/{plan}/{what}": Example(
        "/complexes/garden/plan/drawn/describe", {"name": "总平面图", "rank": "1"}
    ),
    "GET /complexes/{complex_id}/revenue/new": Example("/complexes/garden/revenue/new"),
    "POST /complexes/{complex_id}/revenue/new": Example(
        "/complexes/garden/revenue/new", {"side": "income", "kind": "lease", "title": "出租", "amount": "12.5"}
    ),
    "/complexes/{complex_id}/revenue/new": Example("/complexes/garden/revenue/new"),
    "/complexes/{complex_id}/revenue": Example("/complexes/garden/revenue"),
    "/complexes/{complex_id}/revenue.xlsx": Example("/complexes/garden/revenue.xlsx"),
    "/complexes/{complex_id}/revenue/{number}": Example("/complexes/garden/revenue/1"),
    "/complexes/{complex_id}/revenue/{number}/change": Example(
        "/complexes/garden/revenue/1/change", {"title": "出租", "amount": "12.5"}
    ),
    "/complexes/{complex_id}/revenue/{number}/documents": Example(
        "/complexes/garden/revenue/1/documents", raw=multipart("file", b"no picture")
    ),
    "/complexes/{complex_id}/revenue/{number}/documents/{sha256}": Example(
        f"/complexes/garden/revenue/1/documents/{content_name(rows.picture('#2b3b52', '3号楼东门 02:14'))}"
    ),
    "/complexes/{complex_id}/revenue/{number}/steps/{action}": Example(
        "/complexes/garden/revenue/1/steps/propose", {"note": "会", "votes_for": "2", "votes_against": "1"}
    ),
    "/alerts/month/{complex_id}": Example("/alerts/month/garden"),
    "/alerts/month/{complex_id}/{month}": Example("/alerts/month/garden/2026-01"),
    "/complexes/{complex_id}/month": Example("/complexes/garden/month"),
    "/complexes/{complex_id}/month/{month}.xlsx": Example("/complexes/garden/month/2026-01.xlsx"),
    "/complexes/{complex_id}/month/{month}": Example("/complexes/garden/month/2026-01"),
    "/complexes/{complex_id}/month/{month}/propose": Example("/complexes/garden/month/2026-01/propose"),
    "/complexes/{complex_id}/month/{month}/publish": Example(
        "/complexes/garden/month/2026-01/publish", {"hash": "0", "nothing_personal": "1"}
    ),
    "/complexes/{complex_id}/account": Example(
        "/complexes/garden/account", {"review_1": "committee", "review_2": "community", "review_3": "street"}
    ),
    "/parking/sheets/{name}.xlsx": Example(
        "/parking/sheets/charges.xlsx", {"reason": "payment"}, is_one=False, again=200
    ),
    "/parking/desk/{complex_id}/{what}": Example("/parking/desk/garden/open", {"float": "0"}),
    "/parking/desk/{complex_id}/shifts/{shift}/{what}": Example("/parking/desk/garden/shifts/S1/sign"),
    "/parking/desk/{complex_id}/receipts/{number}": Example("/parking/desk/garden/receipts/1"),
    "/parking/gate/{complex_id}/claim": Example("/parking/gate/garden/claim"),
    "/parking/gate/{complex_id}/guards": Example("/parking/gate/garden/guards", {"guard": "qian", "pin": "271828"}),
    "/parking/gate/{complex_id}/guards/{guard}/remove": Example("/parking/gate/garden/guards/qian/remove"),
    "/parking/coupons/{complex_id}/coupons.xlsx": Example("/parking/coupons/garden/coupons.xlsx"),
    "/parking/coupons/{complex_id}/{what}": Example("/parking/coupons/garden/issuer", {"name": "超市"}),
    "/parking/debts/{complex_id}/{session}/notice": Example("/parking/debts/garden/9e9/notice"),
    "/parking/debts/{complex_id}/{session}/{what}": Example("/parking/debts/garden/9e9/remind", {"way": "paper"}),
    "/parking/ledger/{complex_id}/balances.xlsx": Example("/parking/ledger/garden/balances.xlsx"),
    "/parking/ledger/{complex_id}/{account}": Example("/parking/ledger/garden/bank"),
    "POST /places/import": Example("/places/import", raw=multipart("file", b"no workbook"), is_one=False),
    "GET /parking/bills/{complex_id}/{day}": Example(BILLS),
    "/parking/bills/{complex_id}/{day}": Example(BILLS, raw=multipart("file", b"no bill")),
    "/parking/bills/{complex_id}/{day}/none": Example(f"{BILLS}/none", {"channel": "wechat"}),
    "/parking/bills/{complex_id}/{day}/back": Example(f"{BILLS}/back", {"sha256": "00"}),
    "/parking/bills/{complex_id}/{day}/columns": Example(f"{BILLS}/columns", {"which": "bank", "day": "记账日"}),
    "/parking/days/{complex_id}/{day}": Example(A_DAY),
    "/parking/days/{complex_id}/{day}/day.xlsx": Example(f"{A_DAY}/day.xlsx", again=404),
    "/parking/days/{complex_id}/{day}/reconcile": Example(f"{A_DAY}/reconcile"),
    "/parking/days/{complex_id}/{day}/sign": Example(f"{A_DAY}/sign", again=409),
    "/parking/days/{complex_id}/{day}/item": Example(f"{A_DAY}/item?channel=wechat&key=x", again=404),
    "/parking/days/{complex_id}/{day}/item/resolve": Example(f"{A_DAY}/item/resolve", {"act": "noted"}, again=404),
    "/parking/days/{complex_id}/{day}/item/undo": Example(f"{A_DAY}/item/undo", again=404),
    "/parking/charging/{complex_id}": Example("/parking/charging/garden", {"energy": "0.6", "service": "0.4"}),
    "/parking/doubtful/{complex_id}/{passage}": Example(f"/parking/doubtful/garden/{'6d' * 16}", {"act": "seen"}),
    "/parking/doubtful/{complex_id}/undo/{identity}": Example("/parking/doubtful/garden/undo/c0"),
    "/parking/sessions/{complex_id}/{identity}": Example("/parking/sessions/garden/5e1"),
    "/parking/sessions/{complex_id}/{identity}/plate": Example(
        "/parking/sessions/garden/5e1/plate", {"reason": "payment"}
    ),
}


class Route(NamedTuple):
    """One method of one path, and who it says may use it."""

    method: str
    path: str
    access: str

    @property
    def example(self) -> Example:
        found = EXAMPLES.get(f"{self.method} {self.path}") or EXAMPLES.get(self.path)
        return found or Example(self.path, is_one=False)

    def lets_in(self, someone: Someone) -> bool:
        """By what it declares, and by nothing else."""
        said, _, only = self.access.removeprefix("person: ").partition("; ")
        is_role = said == "any role" or someone.role in said.split(", ")
        return is_role and (not only or someone.reach == "city")


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        async with made.house.db.write() as connection:
            await add_areas(connection)
            await _begin_something(connection, made.house.now())
        await rows.add_watch(made.house, rows.GARDEN, "security_officer-inside")
        yield made


async def _begin_something(connection: AsyncConnection, now: datetime) -> None:
    """A rollout to the garden, a hold and an erasure, for what is asked of one."""
    view = RolloutView("r-1", "policy", b"{}", "running", 0, now, 600, 900, 0, now, "wang")
    await rollout_rows.make(connection, view, [rows.GARDEN])
    await holds.place(connection, Hold(plate="京A99999"), Why("walk", "17", "wang"), now)
    said = {"kind": "plate", "complex": "", "key": "x", "until": "", "reason": "walk", "document": "17"}
    asked = {"asked_by": "wang", "asked_at": stamp(now), "state": "begun"}
    await connection.execute(erasure.insert().values(id="e-1", **said, **asked))
    await rows.add_household(connection, now)
    await rows.add_care(connection, now)
    await rows.add_platform(connection, now)
    await rows.add_matter(connection, "a1", now)
    await rows.add_items(connection, now)
    await rows.add_payments(connection, now)
    await rows.add_tariff_rows(connection, "plans: {small: {charge: {kind: free}}}", now)
    await rows.add_revenue(connection, now)
    await rows.add_rounds(connection, now)
    rules = Draft(0, b'{"schema": "alert-rules/1", "without": ["crowd"]}', "walk")
    await rule_rows.publish(connection, rows.GARDEN, rules, "wang", now)
    shift = {"complex": rows.GARDEN, "id": "S1", "person": "nobody", "opened_at": stamp(now), "closed_at": stamp(now)}
    await connection.execute(cash_shift.insert().values(**shift, opening_float_fen=0, payouts_fen=0))
    await connection.execute(payment.insert().values(**payment_row("C1", "5e1", 600, channel="cash", receipt=1)))


def routes_of(town: City) -> list[Route]:
    found: list[Route] = []
    for route in every_route(town.app.routes):
        access = declares_access(route)
        assert access, route
        methods: set[str] = getattr(route, "methods", None) or set()
        path = str(getattr(route, "path", "")).replace(":path}", "}")
        found += [Route(method, path, access) for method in sorted(methods - {"HEAD"})]
    return found


def peoples(town: City) -> list[Route]:
    return [route for route in routes_of(town) if route.access.startswith("person")]


async def send(town: City, route: Route, someone: Someone | None, target: str = "") -> Answer:
    example, headers = route.example, dict(someone.headers if someone else {})
    body = b""
    if example.raw and route.method == "POST":
        headers["content-type"], body = example.raw
    elif route.method != "GET":
        headers["content-type"] = "application/json" if example.json else "application/x-www-form-urlencoded"
        fresh = {"request": uuid4().hex}  # an action's key is its own
        body = msgspec.json.encode(example.json | fresh) if example.json else urlencode(example.form | fresh).encode()
    return await ask(town.app, route.method, target or example.path, headers, body)


async def faults(town: City, everyone: list[Someone], routes: list[Route]) -> list[str]:
    """Every answer that is not what the route declares, or that tells of the garden to who does not see it."""
    found: list[str] = []
    for route in routes:
        for someone in everyone:
            answer = await send(town, route, someone)
            if not is_right(route, someone, answer):
                found.append(f"{route.method} {route.path} {someone.role}/{someone.reach}: {answer.status}")
            if route.path == "/logout" and answer.status == 303:
                await sign_in(town.house, someone)
    return found


def is_right(route: Route, someone: Someone, answer: Answer) -> bool:
    if someone.role != "security_officer" and watches(answer):
        return False
    if not route.lets_in(someone):
        return answer.status == 403 and not tells(answer)
    if someone.reach in ("city", "inside"):
        return answer.status in (*DONE, route.example.again)
    is_refused = answer.status == route.example.refused if route.example.is_one else answer.status in DONE
    return is_refused and not tells(answer)


def watches(answer: Answer) -> bool:
    """Whether it lets anybody see that somebody is looked for: by a word, a name, a number, or a kind of document."""
    return any(word in answer.body for word in rows.WATCH_MARKS)


def tells(answer: Answer) -> bool:
    return any(word in answer.body for word in GARDENS)


@pytest.mark.parametrize("part", range(PARTS))
async def test_every_route_by_every_role_and_reach(town: City, engine: Engine, part: int) -> None:
    everyone, routes = await add_everyone(town.house), peoples(town)
    assert len(everyone) == len(ROLES) * 4 and len(routes) > 15
    if engine is not SQLITE:  # who may is no matter of the engine; whose rows are seen is
        everyone = [one for one in everyone if one.role in ("operator", "committee")]
    for route in routes:
        assert route.path in EXAMPLES or "{" not in route.path, f"say in EXAMPLES how to ask {route.path}"
    assert await faults(town, everyone[part::PARTS], routes) == []


@ON_SQLITE
async def test_a_route_is_public_by_name_or_lets_nobody_in_who_does_not_say_who_he_is(town: City) -> None:
    everyone = await add_everyone(town.house)
    assert {route.path for route in routes_of(town) if route.access == "public"} == PUBLIC
    for route in routes_of(town):
        if route.access != "public":  # gateways' routes too: a person's cookie is nothing there
            someone = None if route.access.startswith("person") else everyone[0]
            assert (await send(town, route, someone)).status in (401, 403), route


@pytest.fixture
def all_pass(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A ``within`` that lets every row through, in every module that asks it."""
    for name, module in list(sys.modules.items()):
        if name.startswith("server.") and hasattr(module, "within"):
            monkeypatch.setattr(module, "within", lambda *_: true())
    yield


@pytest.fixture
def open_lists(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is confidential: as if a view had forgotten to leave it out."""
    for name, module in list(sys.modules.items()):
        if name.startswith(("server.", "domain.")) and hasattr(module, "CONFIDENTIAL"):
            monkeypatch.setattr(module, "CONFIDENTIAL", frozenset())
    yield


@ON_SQLITE
@pytest.mark.usefixtures("open_lists")
async def test_the_matrix_sees_a_watch_list_that_is_told_of(town: City) -> None:
    """The audit, a gateway's page, and the choice of what is rolled out."""
    everyone = [one for one in await add_everyone(town.house) if one.reach in ("city", "inside")]
    paths = ("/audit", "/gateways/{identity}", "/gateways/rollouts/new")
    found = await faults(town, everyone, [route for route in peoples(town) if route.path in paths])
    assert {fault.split()[1] for fault in found} == set(paths)


@ON_SQLITE
@pytest.mark.usefixtures("all_pass")
async def test_the_matrix_sees_a_scope_that_lets_all_through(town: City) -> None:
    everyone = [one for one in await add_everyone(town.house) if one.role == "committee" and one.reach == "outside"]
    found = await faults(town, everyone, [route for route in peoples(town) if route.method == "GET"])
    for path in ("/alerts", "/alerts/{identity}", "/items", "/items/{identity}", "/doors", "/gateways", "/parking"):
        assert any(fault.startswith(f"GET {path} ") for fault in found), path


@ON_SQLITE
async def test_the_matrix_sees_a_route_that_lets_in_who_it_does_not_name(town: City) -> None:
    """The dependency of one route is put out of order."""
    route = next(route for route in every_route(town.app.routes) if getattr(route, "path", "") == "/gateways/refusals")
    dependency: Any = next(
        one.call for one in route.dependant.dependencies if one.call.__qualname__.startswith("require")
    )  # type: ignore[attr-defined]
    from server.auth import _signed_in

    town.app.dependency_overrides[dependency] = _signed_in
    everyone = [one for one in await add_everyone(town.house) if one.reach == "none"]
    found = await faults(town, everyone, [route for route in peoples(town) if route.path == "/gateways/refusals"])
    assert len(found) == len(ROLES) - 1, "every role but the operator"


def variants(path: str) -> list[str]:
    """Other ways to write a path, some of which some server takes for the same."""
    head, _, tail = path.rpartition("/")
    encoded = "".join(f"%{ord(sign):02x}" if sign.isalpha() else sign for sign in path)
    return [
        path + "/",
        "/" + path,
        f"{head}//{tail}",
        f"/x/..{path}",
        f"/x/%2e%2e{path}",
        f"/x/%2E%2E%2f{path[1:]}",
        f"/static/..%2f{path[1:]}",
        f"/./{path[1:]}",
        encoded,
        path.upper(),
        path + ";a=b",
        path + "/..;/",
        path + "%2F",
        path + "%00",
        path + "%20",
        path + ".json",
        "/" + path[1:].replace("/", "%2f"),
        "/" + path[1:].replace("/", "\\"),
        path + "?",
        path + "?role=operator&scope=city",
    ]


@ON_SQLITE
@pytest.mark.parametrize("part", range(PARTS))
async def test_no_other_way_to_write_a_path_goes_round_the_door(town: City, part: int) -> None:
    everyone = await add_everyone(town.house)
    leaks: list[str] = []
    for route in peoples(town)[part::PARTS]:
        denied = next((one for one in everyone if one.reach == "city" and not route.lets_in(one)), None)
        stranger = next(one for one in everyone if one.reach == "none")
        outside = next(
            (one for one in everyone if one.reach == "outside" and route.lets_in(one) and route.path != "/logout"), None
        )
        for target in variants(route.example.path):
            for someone in (None, denied or stranger):
                answer = await send(town, route, someone, target)
                if answer.status < 300 and (someone is None or not route.lets_in(someone)):
                    leaks.append(f"{route.method} {target} {someone}: {answer.status}")
            if outside and tells(await send(town, route, outside, target)):
                leaks.append(f"{route.method} {target} tells {outside.role}")
    assert leaks == []


async def test_a_route_that_says_nothing_fails_the_start(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    router = APIRouter()

    @router.get("/forgotten")
    async def _forgotten() -> None: ...

    server.app.create_app(town.house)  # as it is, it starts
    real = server.app.routers
    monkeypatch.setattr(server.app, "routers", lambda: [*real(), router])
    with pytest.raises(UndeclaredRoute, match="/forgotten"):
        server.app.create_app(town.house)
