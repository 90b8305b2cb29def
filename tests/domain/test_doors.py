"""A door's rules, one by one: rights, hours, what is used once, who is where, who tried, fire and lock-down."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
import yaml

from domain.access import CardList
from domain.desired import FORMS, BadDesired, Document, as_read_by, read_body
from domain.doors.credentials import Credentials
from domain.doors.rules import Doors, Rules
from domain.doors.secrets import digest_of, fits
from domain.doors.state import DoorState
from domain.doors.verdict import Asking, Verdict, verdict
from tests.documents import ROOT, blocks

ZONE = ZoneInfo("Asia/Shanghai")
MONDAY_NOON = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)
SALT, KEY = "a1" * 16, b"the site's own"
PIN, DURESS, CODE, TOKEN = "482913", "482914", "visitor-code-0001", "phone-token-0000001"
EVERYWHERE: list[dict[str, Any]] = [{"device": "osdp:*"}]


def digest(kind: Any, text: str) -> str:
    return digest_of(kind, text, bytes.fromhex(SALT), KEY)


def known(id: str, kind: str, text: str, **rest: Any) -> dict[str, Any]:
    base = {"id": id, "kind": kind, "digest": digest(kind, text), "doors": EVERYWHERE, "until": "2026-12-31"}
    return {**base, **rest}


def card(id: str, number: str, **rest: Any) -> dict[str, Any]:
    return {"id": id, "card": number, "doors": EVERYWHERE, "until": "2026-12-31", **rest}


class Site:
    """Documents and a state, asked as a door asks."""

    def __init__(self, doors: dict[str, Any] | None = None, **credentials: Any) -> None:
        given = {"cards": [card("c1", "111"), card("c2", "222")], "salt": SALT, **credentials}
        found, rules = read_body("credentials", given), read_body("doors", doors or {})
        assert isinstance(found, Credentials) and isinstance(rules, Doors)
        self.cards, self.rules, self.state = CardList(3, found, KEY), Rules(1, rules), DoorState()

    def ask(self, text: str, method: Any = "card", reader: str = "osdp:1", at: datetime = MONDAY_NOON) -> Verdict:
        asking = Asking(reader, "reader/0", method, (text,), at)
        found = verdict(asking, self.state, self.cards, self.rules, ZONE)
        again = verdict(asking, self.state, self.cards, self.rules, ZONE)
        assert again == found, "pure"
        self.state.apply(found.effects)
        return found

    def reason(self, *asked: Any, **how: Any) -> str:
        found = self.ask(*asked, **how).decision
        assert found.granted == (found.reason in ("card_list", "fire", "anti_passback_soft"))
        return found.reason


def gate(id: str, device: str, come: str = "", go: str = "", **rest: Any) -> dict[str, Any]:
    return {"id": id, "readers": [{"device": device, "point": "reader/0", "from": come, "to": go}], **rest}


def test_cards_pins_codes_and_tokens_open_each_by_its_own_way() -> None:
    site = Site(known=[known("p", "pin", PIN), known("q", "qr", CODE), known("t", "token", TOKEN)])
    assert site.reason("111") == "card_list"
    assert site.reason(PIN, "pin") == "card_list"
    assert site.reason(CODE, "qr") == site.reason(TOKEN, "qr") == site.reason(TOKEN, "qr") == "card_list"
    assert site.reason(PIN, "qr") == site.reason(CODE, "pin") == site.reason("333") == "unknown_card"
    assert site.reason("111", "qr") == "card_list", "a card's number as text"


def test_a_list_without_the_sites_key_opens_nothing_that_is_known() -> None:
    site = Site(known=[known("p", "pin", PIN)])
    site.cards = CardList(3, site.cards.body)
    assert site.reason(PIN, "pin") == "unknown_card"


def test_a_visitors_code_opens_once_a_phones_token_again() -> None:
    site = Site(known=[known("q", "qr", CODE)])
    assert [site.reason(CODE, "qr") for _ in range(3)] == ["card_list", "used", "used"]


def test_a_pin_made_where_nobody_has_the_sites_key_opens_beside_those_made_with_it() -> None:
    centre = digest_of("pin", "135790", bytes.fromhex(SALT)), digest_of("qr", CODE, bytes.fromhex(SALT))
    made_there = [{**known("a", "pin", ""), "digest": centre[0]}, {**known("b", "qr", ""), "digest": centre[1]}]
    site = Site(known=[known("p", "pin", PIN), *made_there])
    assert [site.ask(text, "pin").decision.card for text in (PIN, "135790")] == ["p", "a"]
    assert site.ask(CODE, "qr").decision.card == "b"
    assert site.reason(CODE, "qr") == "used", "remembered by the digest that stands in the list"
    assert site.reason("135791", "pin") == "unknown_card"


def test_a_pass_for_some_hours_opens_from_its_first_minute_to_its_last() -> None:
    hours = {"from": "2026-06-15", "until": "2026-06-15"}
    hours |= {"from_at": "2026-06-15T14:00:00+08:00", "until_at": "2026-06-15T10:30:59Z"}
    site = Site(known=[known("t", "token", TOKEN, **hours)], cards=[card("c1", "111", **hours)])
    for local, reason in (
        ("13:59:59", "not_yet_valid"),
        ("14:00:00", "card_list"),
        ("18:30:59", "card_list"),
        ("18:31:00", "expired"),
    ):
        at = datetime.fromisoformat(f"2026-06-15T{local}").replace(tzinfo=ZONE)
        assert site.reason(TOKEN, "qr", at=at) == site.reason("111", at=at) == reason, local
    assert site.cards.by_number["111"][0].doors == (), "a controller that knows days alone gets none of it"


def test_without_its_moments_a_pass_would_open_all_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above."""
    hours = {"from_at": "2026-06-15T14:00:00+08:00", "until_at": "2026-06-15T18:00:00+08:00"}
    site = Site(cards=[card("c1", "111", **hours)])
    assert site.reason("111") == "not_yet_valid"
    monkeypatch.setattr("domain.access._is_before", lambda *_: False)
    assert site.reason("111") == "card_list"


def test_a_code_that_was_used_at_another_gateway_is_used_here() -> None:
    site = Site(known=[known("q", "qr", CODE, used=True), known("r", "qr", CODE + "2")])
    assert site.reason(CODE, "qr") == "used"
    assert site.reason(CODE + "2", "qr") == "card_list"


def test_to_an_older_gateway_a_list_says_less_and_never_more() -> None:
    hours = {"from_at": "2026-06-15T14:00:00+08:00", "until_at": "2026-06-15T18:00:00+08:00"}
    mine = [known("h", "qr", CODE, **hours), known("u", "qr", CODE + "2", used=True), known("p", "pin", PIN)]
    body = {"cards": [card("c1", "111", from_at=None), card("c2", "222", **hours)], "known": mine, "salt": SALT}
    document = Document("credentials", 7, body)
    assert as_read_by(document, FORMS) == document
    older = as_read_by(document, {})
    words = {word for part in ("cards", "known") for entry in older.body[part] for word in entry}
    assert not words & {"from_at", "until_at", "used"}, "it would refuse the whole list"
    site = Site(**older.body)
    assert [site.reason(text, "qr") for text in (CODE, CODE + "2")] == ["unknown_card", "revoked"]
    assert site.reason("111") == site.reason(PIN, "pin") == "card_list" and site.reason("222") == "unknown_card"


@pytest.mark.parametrize(
    "wrong",
    [
        {"from_at": "2026-06-15T14:00:00"},
        {"from_at": "2026-06-15T14:00:00Z", "until_at": "2026-06-15T13:00:00Z"},
        {"used": True},
    ],
)
def test_moments_without_a_zone_or_the_wrong_way_round_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadDesired):
        read_body("credentials", {"cards": [], "known": [known("p", "pin", PIN, **wrong)], "salt": SALT})


def test_what_is_revoked_opens_nothing_however_it_is_shown() -> None:
    site = Site(
        cards=[card("c1", "111", revoked=True), card("c9", "111")], known=[known("p", "pin", PIN, revoked=True)]
    )
    assert site.reason("111") == site.reason(PIN, "pin") == "revoked"


HOURS = {"id": "work", "mon": ["08:00-12:00", "13:00-18:00"], "holiday": ["10:00-11:00"]}


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2026-06-15T07:59:59", "outside_schedule"),
        ("2026-06-15T08:00:00", "card_list"),
        ("2026-06-15T12:00:00", "outside_schedule"),
        ("2026-06-15T17:59:59", "card_list"),
        ("2026-06-16T09:00:00", "outside_schedule"),
        ("2026-06-22T09:00:00", "outside_schedule"),  # a Monday, but a holiday
        ("2026-06-22T10:30:00", "card_list"),
    ],
)
def test_hours_are_those_of_the_site_and_holidays_have_their_own(local: str, expected: str) -> None:
    doors = {"schedules": [HOURS], "holidays": ["2026-06-22"]}
    site = Site(doors, cards=[card("c1", "111", schedule="work")])
    assert site.reason("111", at=datetime.fromisoformat(local).replace(tzinfo=ZONE)) == expected


def test_groups_give_doors_and_hours_and_one_nobody_knows_gives_nothing() -> None:
    groups = [{"id": "house-3", "doors": [{"device": "osdp:1"}], "schedule": "work"}]
    doors = {"schedules": [HOURS], "groups": groups}
    mine = [card("c1", "111", doors=[], groups=["house-3"]), card("c2", "222", doors=[], groups=["house-4"])]
    site = Site(doors, cards=mine)
    assert site.reason("111", at=MONDAY_NOON - timedelta(hours=2)) == "card_list"
    assert site.reason("111") == "outside_schedule"
    assert site.reason("111", reader="osdp:2") == site.reason("222") == "wrong_door"
    assert Site(cards=mine).reason("111") == "wrong_door", "without the document"
    assert Site(cards=[card("c1", "111", schedule="work")]).reason("111") == "outside_schedule"


@pytest.mark.parametrize(("mode", "second"), [("hard", "anti_passback"), ("soft", "anti_passback_soft")])
def test_who_is_inside_does_not_come_in_again(mode: str, second: str) -> None:
    ways = [gate("in", "osdp:1", "street", "yard", anti_passback=mode), gate("out", "osdp:2", "yard", "street")]
    both = [card("c1", "111", holder="wang"), card("c2", "222", holder="wang"), card("c3", "333")]
    site = Site({"doors": ways}, cards=both)
    assert site.reason("111") == "card_list", "of whom nobody knows where he is"
    assert site.reason("222") == second, "another card of the same person"
    assert site.reason("333") == "card_list"
    assert site.reason("111", reader="osdp:2") == "card_list"
    assert site.reason("222") == "card_list"


def test_of_an_interlock_one_door_is_open_at_a_time() -> None:
    site = Site({"doors": [gate("outer", "osdp:1", interlock="lock"), gate("inner", "osdp:2", interlock="lock")]})
    assert site.reason("111") == "card_list"
    assert site.reason("111", reader="osdp:2") == "interlock"
    later = MONDAY_NOON + timedelta(seconds=8)
    assert site.reason("111", reader="osdp:2", at=later) == "card_list", "it was not opened, and has locked again"
    site.state.standing_open.add("inner")
    assert site.reason("111", at=later + timedelta(hours=1)) == "interlock"


def test_nobody_before_the_first_card_of_the_day() -> None:
    cards = [card("c1", "111"), card("boss", "999", first_card=True)]
    site = Site({"doors": [gate("office", "osdp:1", first_card=True)]}, cards=cards)
    assert site.reason("111") == "first_card_needed"
    assert [site.reason(one) for one in ("999", "111")] == ["card_list", "card_list"]
    assert site.reason("111", at=MONDAY_NOON + timedelta(hours=12)) == "first_card_needed", "past midnight at the site"


def test_wrong_ones_lock_out_what_is_keyed_and_shown_but_no_listed_card() -> None:
    site = Site({"tries": 3, "tries_s": 60, "lock_out_s": 100}, known=[known("p", "pin", PIN)])
    found = [site.ask("000000", "pin") for _ in range(3)]
    assert [list(one.alarms) for one in found] == [[], [], ["lock_out"]]
    assert site.reason(PIN, "pin") == "locked_out"
    assert site.reason(PIN, "pin", reader="osdp:2") == "card_list"
    assert site.reason("111") == "card_list"
    assert site.reason(PIN, "pin", at=MONDAY_NOON + timedelta(seconds=100)) == "card_list"


def test_right_ones_and_time_let_wrong_ones_be_forgotten() -> None:
    site = Site({"tries": 3, "tries_s": 60}, known=[known("p", "pin", PIN)])
    moments = [MONDAY_NOON + timedelta(seconds=seconds) for seconds in range(0, 400, 40)]
    assert not any(site.ask("000000", "pin", at=at).alarms for at in moments)
    other = Site({"tries": 3}, known=[known("p", "pin", PIN)])
    for _ in range(4):
        assert not [one for one in (other.ask("1", "pin"), other.ask("2", "pin")) if one.alarms]
        assert other.reason(PIN, "pin") == "card_list"


def test_under_duress_the_door_opens_as_always_and_an_alarm_is_raised() -> None:
    site = Site(known=[known("p", "pin", PIN, duress_digest=digest("pin", DURESS))])
    usual, forced = site.ask(PIN, "pin"), site.ask(DURESS, "pin")
    assert (usual.decision.granted, list(usual.alarms)) == (True, [])
    assert (forced.decision.granted, forced.decision.reason, list(forced.alarms)) == (True, "card_list", ["duress"])
    closed = Site(known=[known("p", "pin", PIN, duress_digest=digest("pin", DURESS), until="2020-01-01")])
    refused = closed.ask(DURESS, "pin")
    assert (refused.decision.granted, list(refused.alarms)) == (False, ["duress"]), "he is made to, all the same"


def test_fire_beats_lock_down_and_lock_down_beats_rights() -> None:
    doors = {
        "doors": [gate("a", "osdp:1"), gate("b", "osdp:2", free_on_fire=False), gate("c", "osdp:3", locks_down=False)]
    }
    site = Site(doors, cards=[card("c1", "111"), card("guard", "999", passes_lock_down=True)])
    site.state.lock_down = True
    assert [site.reason("111", reader=f"osdp:{door}") for door in (1, 2, 3)] == ["lock_down", "lock_down", "card_list"]
    assert site.reason("111", reader="osdp:9") == "lock_down", "a door of which nothing particular is known"
    assert site.reason("999") == "card_list"
    site.state.fire = True
    assert [site.reason("333", reader=f"osdp:{door}") for door in (1, 2)] == ["fire", "unknown_card"]


def test_a_pin_costs_a_guesser_and_not_the_door() -> None:
    began = time.perf_counter()
    assert digest("pin", PIN) != digest("qr", PIN)
    assert (time.perf_counter() - began) < 0.1
    assert fits("pin", "12") and fits("pin", "12a4") and not fits("pin", PIN)
    assert fits("qr", "short") and not fits("qr", CODE)


def test_what_was_keyed_is_in_no_text() -> None:
    assert PIN not in repr(Asking("osdp:1", "reader/0", "pin", (PIN,), MONDAY_NOON))


def test_an_older_document_says_the_same_as_before() -> None:
    found = read_body("credentials", {"cards": [card("c1", "111")]})
    assert isinstance(found, Credentials)
    assert (found.known, found.salt, found.cards[0].until) == ((), "", date(2026, 12, 31))


def test_the_documents_of_the_manual_are_read() -> None:
    credentials, doors = (yaml.safe_load(block) for block in blocks(ROOT / "docs" / "doors.md", "yaml"))
    plain = {name: msgspec.to_builtins(body) for name, body in (("credentials", credentials), ("doors", doors))}
    for kind, body in plain.items():
        read_body(kind, body)
