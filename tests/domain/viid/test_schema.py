"""One schema for what we send, for the reference's worked examples, and for what cameras were recorded to send."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from domain.viid import directory
from domain.viid.envelopes import listed
from domain.viid.mapping import Made
from domain.viid.profile import switched
from domain.viid.schema import message_schema
from domain.viid.statuses import several, single, status
from tests.domain.viid.made import AT, CODED, EVENTS, FIXTURES, as_told, fixture, sent, standard

STRICT, AS_MET = (Draft202012Validator(message_schema(strict=strict)) for strict in (True, False))
WORKED = sorted(file.name for file in (FIXTURES / "viid").glob("*.json"))
RECORDED = sorted(file.name for file in (FIXTURES / "devices" / "gat1400").glob("*.json"))


def message(made: Made) -> dict[str, Any]:
    return as_told(listed(made.rule.object, [made.said]))


def test_the_schemas_are_schemas() -> None:
    for validator in (STRICT, AS_MET):
        Draft202012Validator.check_schema(validator.schema)


@pytest.mark.parametrize("name", WORKED)
def test_the_references_worked_examples(name: str) -> None:
    AS_MET.validate(fixture(f"viid/{name}"))


@pytest.mark.parametrize("name", RECORDED)
def test_what_cameras_were_recorded_to_send(name: str) -> None:
    AS_MET.validate(fixture(f"devices/gat1400/{name}"))


@pytest.mark.parametrize("name", ["motor-vehicle.json", "face.json"])
def test_a_worked_capture_has_all_that_a_capture_must_have(name: str) -> None:
    STRICT.validate(fixture(f"viid/{name}"))


@pytest.mark.parametrize("profile", ["standard", "direct", "community"])
@pytest.mark.parametrize("name", EVENTS)
def test_every_object_that_we_send(name: str, profile: str) -> None:
    STRICT.validate(message(sent(EVENTS[name], switched(standard(profile), ["face"]))))


@pytest.mark.parametrize("flags", ["bool", "text", "number"])
def test_whatever_a_peer_wants_flags_to_be(flags: str) -> None:
    STRICT.validate(message(sent(EVENTS["car"], standard("x", x=f'extends = "standard"\n[peer]\nflags = "{flags}"'))))


def test_the_directory_and_the_answers() -> None:
    STRICT.validate(listed("APE", [directory.camera(CODED, is_online=True, owner=CODED.code)]))
    STRICT.validate(listed("APEStatus", [directory.camera_status(CODED.code, "20261122160500", is_online=False)]))
    STRICT.validate(listed("Tollgate", [directory.tollgate(CODED, 2)]))
    STRICT.validate(listed("Lane", [directory.lane(CODED)]))
    said = status("/VIID/Faces", 0, "1" * 48, AT)
    STRICT.validate(single(said))
    STRICT.validate(several([said, said]))


BROKEN = {
    "an id of 47 digits": {"MotorVehicleID": "3" * 47},
    "no id": {"MotorVehicleID": None},
    "a time with a zone": {"PassTime": "2026-11-22T16:05:00+08:00"},
    "a number as text": {"LaneNo": "1"},
    "a colour by name": {"PlateColor": "blue"},
    "a plate too long": {"PlateNo": "浙" * 16},
    "pictures as a bare list": {"SubImageList": []},
    "a picture without an id": {"SubImageList": {"SubImageInfoObject": [{"Type": "01"}]}},
    "a flag that is none": {"HasPlate": "yes"},
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_object_is_seen(what: str) -> None:
    made = sent(EVENTS["car"], standard())
    said = {name: value for name, value in {**made.said, **BROKEN[what]}.items() if value is not None}
    assert not STRICT.is_valid(as_told(listed("MotorVehicle", [said])))
    assert STRICT.is_valid(message(made))


@pytest.mark.parametrize("field", ["DeviceID", "SubImageList", "LeftTopX", "LaneNo"])
def test_what_a_capture_must_have_is_missed_where_we_send_it_alone(field: str) -> None:
    made = sent(EVENTS["car"], standard())
    rest = {name: value for name, value in made.said.items() if name != field}
    said = as_told(listed("MotorVehicle", [rest]))
    assert AS_MET.is_valid(said) and not STRICT.is_valid(said)


@pytest.mark.parametrize(
    "body", [{}, {"MotorVehicleListObject": {}}, {"Other": 1}, {"FaceObjectList": {"FaceObject": []}}]
)
def test_no_envelope_of_the_standard(body: dict[str, Any]) -> None:
    assert not AS_MET.is_valid(body)
