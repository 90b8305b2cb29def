"""Desired documents: what is right is read, what is wrong is named, and nothing that is not known is passed over."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from domain.desired import KINDS, BadDesired, read_body
from domain.desired_bodies import Credentials, Devices, Policy, canonical_card
from domain.tariff import Tariff

CARD: dict[str, Any] = {
    "id": "c1",
    "card": "0008165538",
    "doors": [{"device": "uhppoted:*", "points": ["door/1"]}],
    "until": "2026-12-31",
}
SALT = "00" * 16
KNOWN: dict[str, Any] = {"id": "p1", "kind": "pin", "digest": "0" * 32, "doors": [], "until": "2026-12-31"}
LANE: dict[str, Any] = {
    "id": "east-in",
    "direction": "in",
    "readers": [{"device": "vzenith:a"}],
    "barrier": {"device": "vzenith:a", "codes": {"1": "closed"}},
}
WATCHED: dict[str, Any] = {
    "id": "0" * 16,
    "key": "0" * 32,
    "from": "2026-12-01T00:00:00+08:00",
    "until": "2026-12-31T00:00:00+08:00",
}
GOOD: dict[str, dict[str, Any]] = {
    "devices": {"devices": [{"id": "uhppoted:1", "doors": [{"point": "door/1", "decides": "gateway"}]}]},
    "credentials": {"cards": [CARD]},
    "doors": {
        "doors": [{"id": "gate", "readers": [{"device": "osdp:1", "point": "reader/0", "from": "", "to": "in"}]}]
    },
    "passes": {"passes": [{"plate": "粤B8K6Q2", "until": "2026-12-31"}]},
    "tariffs": {
        "timezone": "Asia/Shanghai",
        "plans": {"small": {"charge": {"kind": "unit", "unit_min": 60, "fen": 200, "rounding": "ceil"}}},
    },
    "lanes": {"lanes": [LANE]},
    "plate_lists": {"entries": [{"plate": "粤B12345", "list": "temporary", "until": "2026-12-31T08:00:00+08:00"}]},
    "coupons": {
        "coupons": [
            {
                "id": "c1",
                "plate": "粤B8K6Q2",
                "entered_at": "2026-12-31T08:00:00+08:00",
                "given_at": "2026-12-31T09:00:00+08:00",
                "name": "超市",
                "kind": "minutes",
                "amount": 60,
                "account": "merchant:m1",
            }
        ]
    },
    "watch_lists": {"salt": SALT, "entries": [WATCHED]},
    "guards": {"guards": [{"id": "wang", "name": "王", "pin": f"{'0' * 32}${'0' * 64}"}]},
    "scenes": {
        "cameras": {
            "camera:a": {
                "masks": [[[0, 0], [0.2, 0], [0.2, 0.2]]],
                "zones": {"yard": [[0.1, 0.1], [0.5, 0.1], [0.5, 0.5]]},
                "rules": [{"kind": "person_in_zone", "zone": "yard"}],
            }
        }
    },
    "alert_rules": {
        "schema": "alert-rules/1",
        "rules": [{"id": "in_by_night", "severity": "low", "category": "security", "when": [{"kind": ["access"]}]}],
    },
    "policy": {"confirm_s": 5},
    "erasures": {"salt": "00" * 16, "entries": []},
    "release": {
        "version": "0.2.0",
        "url": "https://packages.example.invalid/gatehouse-edge_0.2.0_amd64.deb",
        "sha256": "0" * 64,
        "size_bytes": 9,
        "signature": "A" * 86 + "==",
    },
}


def card(**changed: Any) -> dict[str, Any]:
    return {"cards": [{**CARD, **changed}]}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_read(kind: str) -> None:
    read_body(kind, GOOD[kind])


def test_what_is_left_out_has_a_safe_default() -> None:
    devices = read_body("devices", {"devices": [{"id": "x:1", "doors": [{"point": "door/1"}]}]})
    assert isinstance(devices, Devices)
    assert devices.devices[0].doors[0].decides == "device"
    assert read_body("policy", {}) == Policy()


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("windows", {}, "no such kind"),
        ("doors", {"doors": [{"id": "a", "readers": [], "anti_passback": "hard"}]}, "where its readers lead"),
        ("doors", {"schedules": [{"id": "a", "mon": ["8-18"]}]}, "no time of a day"),
        ("doors", {"groups": [{"id": "a", "doors": [], "schedule": "b"}]}, "no schedule"),
        ("doors", {"doors": [{"id": "a", "readers": [{"device": "x:1"}, {"device": "x:1"}]}]}, "stands twice"),
        ("credentials", {"cards": [], "known": [KNOWN]}, "salt"),
        ("credentials", {"cards": [], "known": [{**KNOWN, "duress_digest": "0" * 32}], "salt": SALT}, "second PIN"),
        ("credentials", {}, "cards"),
        ("credentials", card(until=None), "until"),
        ("credentials", card(until="31.12.2026"), "until"),
        ("credentials", {"cards": [{key: value for key, value in CARD.items() if key != "until"}]}, "until"),
        ("credentials", card(**{"from": "2027-01-01"}), "before from"),
        ("credentials", card(card="0000"), "no card number"),
        ("credentials", card(card=8165538), "Expected `str`"),
        ("credentials", card(hours="08:00-18:00"), "unknown field `hours`"),
        ("credentials", card(doors=[{"device": "uhppoted:[12]"}]), "only *"),
        ("credentials", {"cards": [CARD, CARD]}, "stands twice"),
        ("devices", {"devices": [{"id": "x:1"}, {"id": "x:1"}]}, "'x:1' stands twice"),
        ("devices", {"devices": [{"id": "x:1", "doors": [{}, {}]}]}, "stands twice"),
        ("devices", {"devices": [{"id": "x:1", "doors": [{"decides": "centre"}]}]}, "doors[0].decides"),
        ("alert_rules", {"schema": "alert-rules/1", "rules": [{"id": "a"}]}, "severity"),
        ("alert_rules", {"rules": []}, "schema"),
        ("passes", {"passes": [{"plate": " ", "until": "2026-12-31"}]}, "no plate"),
        ("watch_lists", {"salt": SALT, "entries": [{**WATCHED, "plate": "粤B8K6Q2"}]}, "unknown field `plate`"),
        ("watch_lists", {"salt": SALT, "entries": [{k: v for k, v in WATCHED.items() if k != "until"}]}, "until"),
        ("watch_lists", {"salt": SALT, "entries": [{**WATCHED, "until": WATCHED["from"]}]}, "before from"),
        ("watch_lists", {"salt": SALT, "entries": [WATCHED, WATCHED]}, "stands twice"),
        ("watch_lists", {"salt": "00", "entries": []}, "salt"),
        ("tariffs", {"plans": {"small": {"charge": {"kind": "gift"}}}}, "plans.small"),
        ("policy", {"confirm_s": 0}, "confirm_s"),
        ("policy", [], "policy"),
    ],
)
def test_what_is_wrong_is_named(kind: str, body: object, said: str) -> None:
    with pytest.raises(BadDesired) as refused:
        read_body(kind, body)
    assert str(refused.value).startswith(f"{kind}: ")
    assert said in str(refused.value)


@pytest.mark.parametrize("file", sorted(Path("tests/fixtures/tariffs").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_plan_file_says_the_same_after_its_way_down(file: Path) -> None:
    plan = yaml.safe_load(file.read_text())
    travelled = msgspec.json.decode(msgspec.json.encode(plan, order="deterministic"))
    here, there = read_body("tariffs", plan), read_body("tariffs", travelled)
    assert isinstance(here, Tariff)
    assert here == there


@pytest.mark.parametrize(
    ("given", "one_spelling"),
    [("0008165538", "8165538"), (" 04:a3:7f ", "4A37F"), ("04-A3-7F", "4A37F"), ("０", ""), ("", ""), ("12/34", "")],
)
def test_a_card_number_has_one_spelling(given: str, one_spelling: str) -> None:
    assert canonical_card(given) == one_spelling


def test_dates_are_dates() -> None:
    read = read_body("credentials", card())
    assert isinstance(read, Credentials)
    assert read.cards[0].until == date(2026, 12, 31)
