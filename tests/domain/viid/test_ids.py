"""Identifiers by the tables, times of Beijing, and serials that are never given twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.viid import ids
from domain.viid.ids import BadId, Parsed
from domain.viid.serials import Issued, SerialsInMemory, Wanted, issue
from domain.viid.times import read_stamp, read_time, stamp

CAMERA, ORG = "33010600011190000001", "330106000000"
AT = datetime(2026, 11, 22, 8, 5, tzinfo=UTC)
moments = st.datetimes(datetime(1971, 1, 1), datetime(8999, 1, 1), timezones=st.just(UTC)).map(
    lambda at: at.replace(microsecond=0)
)
codes = st.from_regex(r"[0-9]{20}", fullmatch=True).filter(str.isascii)
serials = st.integers(1, ids.MOST_SERIAL)


def test_the_ids_of_the_references_worked_examples() -> None:
    image = ids.basic_id(CAMERA, "Image", AT, 1)
    assert image == "33010600011190000001022026112216050000001"
    assert ids.object_id(image, "MotorVehicle") == "330106000111900000010220261122160500000010200001"
    face = ids.basic_id("33010600011190000002", "Image", AT + timedelta(seconds=72), 1)
    assert ids.object_id(face, "Face") == "330106000111900000020220261122160612000010600001"
    asked = datetime(2026, 11, 22, 8, 7, tzinfo=UTC)
    assert ids.issued_id(ORG, "Subscribe", asked, 1) == "330106000000032026112216070000001"
    told = asked + timedelta(minutes=1)
    assert ids.issued_id(ORG, "SubscribeNotification", told, 1) == "330106000000042026112216080000001"


@pytest.mark.parametrize(
    ("name", "length"),
    [("Image", 41), ("Person", 48), ("MotorVehicle", 48), ("NonMotorVehicle", 48), ("Face", 48), ("Disposition", 33)],
)
@given(code=codes, at=moments, serial=serials)
def test_what_was_made_can_be_taken_apart(name: str, length: int, code: str, at: datetime, serial: int) -> None:
    if length == 33:
        made, issuer = ids.issued_id(code[:12], name, at, serial), code[:12]
    else:
        image = ids.basic_id(code, "Image", at, serial)
        made, issuer = (image if length == 41 else ids.object_id(image, name, serial)), code
    assert len(made) == length
    of_image = made[:41] if length == 48 else ""
    assert ids.parse(made) == Parsed(issuer, name, at, serial, of_image)


@pytest.mark.parametrize("code", ["", "1" * 19, "1" * 21, "3301060001119000000x", "٣" * 20])
def test_no_code_is_made_up(code: str) -> None:
    with pytest.raises(BadId, match="police assigned"):
        ids.basic_id(code, "Image", AT, 1)


@pytest.mark.parametrize("serial", [0, -1, 100_000])
def test_a_serial_has_five_digits(serial: int) -> None:
    with pytest.raises(BadId):
        ids.basic_id(CAMERA, "Image", AT, serial)


@pytest.mark.parametrize("text", ["", "1" * 40, "x" * 41, "9" * 41, "9" * 48])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(BadId):
        ids.parse(text)


def test_times_are_those_of_beijing_wherever_they_were_taken() -> None:
    west = AT.astimezone(timezone(timedelta(hours=-8)))
    assert stamp(AT) == stamp(west) == "20261122160500"
    assert read_stamp("20261122160500") == AT
    with pytest.raises(ValueError, match="aware"):
        stamp(datetime(2026, 11, 22))


@pytest.mark.parametrize(
    "text", ["20261122160500", "20261122160500000", "2026-11-22 16:05:00", "2026-11-22T08:05:00Z", 20261122160500]
)
def test_times_as_peers_write_them(text: object) -> None:
    assert read_time(text) == AT


@pytest.mark.parametrize("text", ["", None, "soon", "20261399000000", "1", [], "0001-01-01", True])
def test_what_is_no_time_is_none(text: object) -> None:
    assert read_time(text) is None


seconds = st.integers(0, 3)
cameras = st.sampled_from([CAMERA, CAMERA[:-1] + "2"])
wishes = st.lists(st.tuples(st.integers(0, 30), cameras, seconds, st.integers(1, 3)))


@given(wishes)
async def test_no_serial_twice_and_a_record_keeps_its_own(asked: list[tuple[int, str, int, int]]) -> None:
    kept = SerialsInMemory()
    given_: dict[tuple[str, int], Issued] = {}
    used: set[tuple[str, datetime, int]] = set()
    for record, code, second, count in asked:
        wanted = Wanted(bytes([record]), code, AT + timedelta(seconds=second), count)
        (issued,) = await kept.take([wanted])
        if (code, record) in given_:
            assert issued == given_[code, record]
            continue
        given_[code, record] = issued
        mine = {(code, issued.at, issued.first + index) for index in range(count)}
        assert not mine & used
        used |= mine


def test_a_full_second_leaves_for_the_next() -> None:
    wanted = Wanted(b"r", CAMERA, AT, 2)
    last = {(CAMERA, stamp(AT)): ids.MOST_SERIAL - 1}
    assert issue(wanted, last) == Issued(AT + timedelta(seconds=1), 1)
    assert issue(Wanted(b"r", CAMERA, AT, 1), last) == Issued(AT, ids.MOST_SERIAL)
