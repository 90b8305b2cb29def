"""Codes of the standard's tables: what we send has no other, whatever a camera or a sheet says."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

import domain.viid.mapping
from domain.viid import directory
from domain.viid.enumerations import fits, form_of
from domain.viid.envelopes import listed
from domain.viid.fields import TABLES
from domain.viid.profile import switched
from domain.viid.schema import message_schema
from domain.viid.sheet import wrong_in
from domain.viid.sources import Coded
from tests.domain.viid.made import CAMERA, CODED, EVENTS, GATE, as_told, event, sent, standard

STRICT = Draft202012Validator(message_schema(strict=True))
ODD = {"VehicleColor": "red", "VehicleClass": "轿车一辆", "PlateColor": "7"}
# As a sheet may have been entered before it was looked at.
OLD = Coded(
    CAMERA,
    name="门" * 150,
    tollgate=GATE,
    direction="in",
    address="2001:db8:85a3:8d3:1319:8a2e:370:7348",
    place="路" * 300,
    place_code="33",
    org_code="杭州",
    function="vehicle",
)


def valid(name: str, said: dict[str, Any]) -> bool:
    return STRICT.is_valid(as_told(listed(name, [said])))


def test_each_table_is_of_a_field() -> None:
    known = {row.name for rows in TABLES.values() for row in rows}
    assert {name for name in known if form_of(name)} >= {"PlateColor", "Direction", "EventSort", "IsOnline", "Type"}
    assert all(name in known for name in directory.OTHERWISE)


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("PlateColor", ("1", "13", "99"), ("0", "14", "blue", "05")),
        ("EventSort", (0, 36, 612), (37, 99, -1)),
        ("Direction", ("1", "9"), ("0", "in", "10")),
        ("Type", ("01", "14", "100"), ("1", "15", "00")),
        ("VehicleClass", ("K33", "X99"), ("K3", "k33", "轿车一")),
        ("FunctionType", ("1", "1/5", "99"), ("7", "1/", "")),
        ("IsOnline", (1, 2, 9), (0, 3)),
        ("PlateNo", ("anything",), ()),
    ],
)
def test_what_a_table_allows(field: str, good: tuple[Any, ...], bad: tuple[Any, ...]) -> None:
    assert all(fits(field, value) for value in good)
    assert not any(fits(field, value) for value in bad)


def test_a_cameras_own_words_are_no_codes() -> None:
    made = sent(event("plate", raw_codes=ODD), standard())
    assert made.said["VehicleColor"] == "99" and "VehicleClass" not in made.said
    assert valid("MotorVehicle", made.said)


def test_the_control_cut_to_length_they_would_have_been_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain.viid.mapping, "fits", lambda *_: True)
    made = sent(event("plate", raw_codes=ODD), standard())
    assert (made.said["VehicleColor"], made.said["VehicleClass"]) == ("re", "轿车一")
    assert not valid("MotorVehicle", made.said), "the schema sees it"


def test_a_citys_own_table_is_its_word() -> None:
    own = 'extends = "standard"\n[codes.ColorType]\nblue = "77"'
    assert sent(EVENTS["car"], standard("own", own=own)).said["PlateColor"] == "77"


@pytest.mark.parametrize("coded", [OLD, Coded(CAMERA, tollgate=GATE), CODED], ids=["old", "bare", "whole"])
def test_the_directory_of_whatever_sheet_is_valid(coded: Coded) -> None:
    said = {
        "APE": directory.camera(coded, is_online=True),
        "Tollgate": directory.tollgate(coded, 1),
        "Lane": directory.lane(coded),
    }
    for name, one in said.items():
        STRICT.validate(as_told(listed(name, [one])))


@pytest.mark.parametrize("coded", [OLD, Coded(CAMERA)], ids=["old", "bare"])
@pytest.mark.parametrize("name", EVENTS)
def test_every_object_of_whatever_sheet_is_valid(name: str, coded: Coded) -> None:
    made = sent(EVENTS[name], switched(standard(), ["face"]), coded)
    STRICT.validate(as_told(listed(made.rule.object, [made.said])))


def test_a_state_leaves_the_catalogue_as_it_was() -> None:
    """It is put in the place of what the directory told: what both say is the same."""
    for coded in (CODED, Coded(CAMERA), OLD):
        told, state = directory.camera(coded, is_online=False), sent(EVENTS["camera offline"], standard(), coded).said
        assert {key: value for key, value in state.items() if key in told} == {
            key: told[key] for key in state.keys() & told.keys()
        }


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"name": "门" * 101}, "name: 101 signs, at most 100"),
        ({"address": "camera-" * 5}, "address: 35 signs, at most 30"),
        ({"direction": "in"}, "direction: 'in' is no MonitorDirection"),
        ({"place_code": "3301"}, "place_code"),
        ({"org_code": "x"}, "org_code"),
        ({"function": "7"}, "function"),
        ({"lane": 0}, "lane: 0 is not within 1"),
        ({"latitude": 120.1}, "latitude"),
    ],
)
def test_a_sheet_is_told_which_column_does_not_fit(changed: dict[str, Any], says: str) -> None:
    assert says in wrong_in(msgspec.structs.replace(CODED, **changed))
    assert wrong_in(CODED) == wrong_in(Coded(CAMERA)) == ""
    assert wrong_in(msgspec.structs.replace(CODED, address=OLD.address)) == ""
