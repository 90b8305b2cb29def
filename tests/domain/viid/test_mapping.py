"""Which event becomes which object, with which codes; what is not sent says why; a city is a file."""

from __future__ import annotations

from typing import Any

import pytest

from domain.events import Subject
from domain.viid.fields import NEVER_SENT
from domain.viid.mapping import NotSent, made, rule_for, serials_needed
from domain.viid.profile import BadProfile, switched
from tests.domain.viid.made import CAMERA, CODED, EVENTS, FACE, GATE, SCENE, car, event, record, sent, standard

STANDARD = standard()


def said(of: Any, profile: Any = STANDARD, **rest: Any) -> dict[str, Any]:
    return sent(of, profile, **rest).said


def test_a_car_field_by_field() -> None:
    made_ = sent(EVENTS["car"], STANDARD)
    pictures = made_.said.pop("SubImageList")["SubImageInfoObject"]
    assert (made_.path, made_.rule.method) == ("/VIID/MotorVehicles", "POST")
    assert (made_.envelope, made_.element) == ("MotorVehicleListObject", "MotorVehicleObject")
    assert made_.said == {
        "MotorVehicleID": "330106000111900000010220261122160500000010200001",
        "SourceID": "33010600011190000001022026112216050000001",
        "InfoKind": 1,
        "TollgateID": GATE,
        "DeviceID": CAMERA,
        "StorageUrl1": "",
        "LeftTopX": 0,
        "LeftTopY": 0,
        "RightBtmX": 0,
        "RightBtmY": 0,
        "PassTime": "20261122160500",
        "AppearTime": "20261122160500",
        "LaneNo": 2,
        "Direction": "3",
        "HasPlate": True,
        "PlateClass": "02",
        "PlateColor": "5",
        "PlateNo": "浙A00000",
        "PlateReliability": "97",
        "VehicleColor": "99",
    }
    assert [(one["ImageID"][-5:], one["Type"], one["Width"]) for one in pictures] == [
        ("00001", "01", 1920),
        ("00002", "02", 1920),
    ]


PLATES = [
    (car(), ("02", "5", True, "浙A00000")),
    (car(None), ("99", "5", False, "无车牌")),
    (car(None, plate_status="unreadable"), ("99", "5", True, "无车牌")),
    (car("浙AF12345", plate_color="green"), ("52", "9", True, "浙AF12345")),
    (car("浙A12345D", plate_color="yellow_green"), ("51", "9", True, "浙A12345D")),
    (car("浙A1234警", plate_color="white"), ("23", "2", True, "浙A1234警")),
    (car("浙A00000", plate_color="yellow"), ("01", "6", True, "浙A00000")),
    (car("XX", plate_color="unknown"), ("99", "99", True, "XX")),
]


@pytest.mark.parametrize(("of", "codes"), PLATES)
def test_plates_by_the_tables(of: Any, codes: tuple[object, ...]) -> None:
    told = said(of)
    assert (told["PlateClass"], told["PlateColor"], told["HasPlate"], told["PlateNo"]) == codes


BECOMES = {
    "car at no lane": ("/VIID/MotorVehicles", "02"),
    "car at no lane, unread": ("/VIID/MotorVehicles", "02"),
    "two-wheeler": ("/VIID/NonMotorVehicles", "03"),
    "person": ("/VIID/Persons", "01"),
    "passage": ("/VIID/Persons", "01"),
    "intrusion": ("/VIID/Images", ""),
    "camera offline": ("/VIID/APEs", ""),
}


@pytest.mark.parametrize("name", BECOMES)
def test_where_events_go(name: str) -> None:
    made_ = sent(EVENTS[name], STANDARD)
    path, subtype = BECOMES[name]
    assert made_.path == path
    assert not subtype or made_.number[41:43] == subtype


def test_an_alarm_is_its_picture_with_what_it_shows() -> None:
    told = said(EVENTS["intrusion"])["ImageInfo"]
    assert (told["EventSort"], told["Title"], told["ShotPlaceFullAdress"], told["Width"]) == (
        20,
        "intrusion",
        "东门",
        1920,
    )
    assert said(EVENTS["fire"])["ImageInfo"]["EventSort"] == 0


def test_a_camera_that_went_away() -> None:
    made_ = sent(EVENTS["camera offline"], STANDARD)
    assert (made_.rule.method, made_.number, made_.said["IsOnline"]) == ("PUT", CAMERA, 2)


def test_faces_are_off_until_switched_on_and_nothing_else_takes_them() -> None:
    with pytest.raises(NotSent, match="face is switched off"):
        rule_for(EVENTS["face"], CODED, STANDARD)
    told = said(EVENTS["face"], switched(STANDARD, ["face"]))
    assert [one["Type"] for one in told["SubImageList"]["SubImageInfoObject"]] == ["11", "14"]
    unsaid = [value for name, value in told.items() if name.startswith("Is")]
    assert unsaid == [2] * 7


def test_no_rule_but_that_of_faces_sends_a_picture_of_one() -> None:
    """The control: with the role given to a rule, it is sent."""
    roles = {name: set(rule.pictures) for name, rule in STANDARD.rules.items()}
    assert [name for name, of in roles.items() if "face" in of] == ["face"]
    assert len(said(EVENTS["passage"])["SubImageList"]["SubImageInfoObject"]) == 1
    loose = standard("x", x='extends = "standard"\n[rules.passage.pictures]\nface = "11"')
    assert len(said(EVENTS["passage"], loose)["SubImageList"]["SubImageInfoObject"]) == 2


def test_who_somebody_is_only_where_the_basis_covers_it() -> None:
    known = event("access", (SCENE,), result="granted", subject=Subject(type="card", id="7", name="王某"))
    assert "Name" not in said(known)
    assert said(known, identity=True)["Name"] == "王某"
    assert "王某" not in str(said(known))


@pytest.mark.parametrize(
    "of",
    [
        event("alarm", alarm="fire"),
        event("door", state="forced_open"),
        event("access", result="granted"),
        event("input"),
    ],
)
def test_what_the_standard_has_no_object_for_says_so(of: Any) -> None:
    with pytest.raises(NotSent, match="has no object for"):
        rule_for(of, CODED, STANDARD)


def test_a_picture_that_is_all_there_is_must_be_there() -> None:
    of = EVENTS["intrusion"]
    with pytest.raises(NotSent, match="without a picture"):
        made(record(event("alarm", (FACE,), alarm="intrusion")), rule_for(of, CODED, STANDARD), STANDARD)


def test_the_same_record_is_the_same_object() -> None:
    assert sent(EVENTS["car"], STANDARD) == sent(EVENTS["car"], STANDARD)
    assert serials_needed(EVENTS["car"]) == 2
    assert serials_needed(EVENTS["camera offline"]) == 1


def test_a_city_is_a_file() -> None:
    made_ = sent(EVENTS["passage"], standard("community"))
    assert (made_.path, made_.envelope) == ("/VIID/Community/DoorInfos", "DoorInfoListObject")
    assert made_.said["CommunityID"] == CODED.extra["CommunityID"]
    assert said(EVENTS["car"], standard("community"))["PlateColor"] == "5"


def test_codes_as_numbers_and_flags_as_text_where_a_peer_wants_them() -> None:
    own = standard(
        "x", x='extends = "standard"\n[peer]\ncodes = "number"\nflags = "text"\n[codes.ColorType]\nblue = "0"'
    )
    told = said(EVENTS["car"], own)
    assert (told["PlateColor"], told["PlateClass"], told["HasPlate"]) == (0, 2, "1")


BAD = {
    "x = 1": "unknown field",
    "[[": "Invalid",
    'extends = "nobody"': "no profile 'nobody'",
    'extends = "x"': "itself",
    '[rules.a]\nobject = "Nothing"\nwhen = {}': "no object 'Nothing'",
    '[rules.a]\nobject = "Face"\nwhen = {}\nfields = {Name = {from = "x", codes = "y"}}': "no code table 'y'",
    '[rules.a]\nobject = "APE"\nwhen = {}\nconstants = {Password = "x"}': "never sent",
    '[rules.a]\nobject = "APE"\nwhen = {}\npath = "http://elsewhere/"': "matching",
    "[rules]\n[peer]\nmax_batch = 0": "max_batch",
}


@pytest.mark.parametrize("text", BAD)
def test_a_bad_profile_says_which_and_where(text: str) -> None:
    with pytest.raises(BadProfile, match=BAD[text]) as told:
        standard("x", x=text)
    assert "x" in str(told.value)


def test_a_rule_that_is_not_there_cannot_be_switched_on() -> None:
    with pytest.raises(BadProfile, match="no rule"):
        switched(STANDARD, ["faces"])
    assert {"Password", "FeatureList"} <= NEVER_SENT
