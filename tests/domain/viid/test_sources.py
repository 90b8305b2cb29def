"""What a rule can take of an event, by name."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from domain.events import Event, Subject
from domain.viid.sources import Coded, Sources
from tests.domain.viid.made import AT, CAMERA, CODED, car, event

PERSON = event("access", subject=Subject(type="card", id="7", name="王某"))


def taken(name: str, of: Event, coded: Coded = CODED, *, identity: bool = False) -> Any:
    return Sources(of, coded, identity=identity).get(name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "plate"),
        ("time", "20261122160500"),
        ("percent", "97"),
        ("picture", "yes"),
        ("plate", "浙A00000"),
        ("plate.color", "blue"),
        ("plate.class", "small"),
        ("plate.there", True),
        ("plate.doubted", None),
        ("device.code", CAMERA),
        ("device.name", "东门"),
        ("device.place_code", CAMERA[:6]),  # its own is not said
        ("device.address", "0.0.0.0"),
        ("device.lane", 2),
        ("extra.CommunityID", "33010600012160000001"),
        ("person.name", None),
    ],
)
def test_of_a_car_and_its_camera(name: str, value: object) -> None:
    assert taken(name, car()) == value


@pytest.mark.parametrize(
    "name", ["", "nothing", "device", "device.extra", "device.ipv6", "extra", "extra.", "raw.none", "plate.none"]
)
def test_what_is_not_said_or_no_source_is_nothing(name: str) -> None:
    assert taken(name, car()) is None


def test_whatever_names_a_maker_gave() -> None:
    seen = event("plate", raw_codes={"Vehicle.Color": "2"}, metrics={"speed_kmh": 31.5})
    assert (taken("raw.Vehicle.Color", seen), taken("metrics.speed_kmh", seen)) == ("2", 31.5)


def test_an_address_of_the_sixth_version_is_not_told_as_one_of_the_fourth() -> None:
    assert taken("device.address", car(), msgspec.structs.replace(CODED, address="2001:db8::1")) == "0.0.0.0"


def test_who_somebody_is_only_where_the_basis_covers_it() -> None:
    assert (taken("person.name", PERSON), taken("person.name", PERSON, identity=True)) == (None, "王某")
    assert taken("person.name", car(), identity=True) is None, "a car is nobody"
    assert taken("plate", PERSON, identity=True) is None


def test_the_moment_is_the_one_that_is_sent() -> None:
    assert taken("time", msgspec.structs.replace(car(), time=AT.replace(hour=16, minute=30))) == "20261123003000"
