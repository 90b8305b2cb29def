"""Readings against a watch list: the exact plate, the doubtful one said as a doubt, and nothing out of its time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.desired import Document, as_read_by, read_body
from domain.events import Event, Subject, encode_event, stream_of
from domain.lanes.read import Read
from domain.plates import PROVINCES, SERIAL, canonical, compare
from domain.watch.listed import Watched, WatchLists, key_of_plate
from domain.watch.matching import Found, WatchBook, hit, meant, read_instead

NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)
DAY = timedelta(days=1)
SALT = "5a" * 16
ID, PLATE = "0123456789abcdef", "京A12B45"
plates = st.builds(
    lambda province, letter, serial: province + letter + serial,
    st.sampled_from(PROVINCES),
    st.sampled_from("ABCDEFGHJKLMNPQRSTUVWXYZ"),
    st.text(SERIAL, min_size=5, max_size=6),
)


def book(plate: str = PLATE, from_: datetime = NOW - DAY, until: datetime = NOW + DAY) -> WatchBook:
    return WatchBook(WatchLists(SALT, (Watched(ID, key_of_plate(bytes.fromhex(SALT), plate), from_, until),)))


def read(plate: str = PLATE, **changed: Any) -> Read:
    return Read(**{"plate": canonical(plate), "at": NOW, **changed})


def test_the_very_plate_in_any_spelling_is_found() -> None:
    assert book("京a·12b45").find(read("京A 12B45"), NOW) == [Found(ID, "exact")]


@pytest.mark.parametrize("changed", [{"confidence": 0.6}, {"status": "suspect_fake"}])
def test_the_same_signs_of_which_the_reader_is_not_sure_are_a_doubt(changed: dict[str, Any]) -> None:
    assert book().find(read(**changed), NOW) == [Found(ID, "doubtful")]


def test_a_sign_that_looks_like_another_is_a_doubt() -> None:
    assert book().find(read("京A12845"), NOW) == [Found(ID, "doubtful", "4:8")]
    assert book().find(read("京A1ZB45"), NOW) == [Found(ID, "doubtful", "3:Z")]


@pytest.mark.parametrize("plate", ["京A12C45", "京A12345", "津A12B45", "京A1Z845", "京A12B4", ""])
def test_another_car_is_not_found(plate: str) -> None:
    assert book().find(read(plate), NOW) == []


@given(plates, plates)
def test_exactly_is_the_same_plate_and_doubtfully_one_that_is_near(listed: str, seen: str) -> None:
    listed, seen = canonical(listed), canonical(seen)
    found = book(listed).find(read(seen), NOW)
    assert (found == [Found(ID, "exact")]) == (listed == seen)
    if found and listed != seen:
        assert found[0].how == "doubtful" and compare(listed, seen) <= 0.3
        assert read_instead(listed, found[0].differs) == seen


@given(plates)
def test_what_was_meant_for_one_is_found_from_the_other(plate: str) -> None:
    assert all(plate in meant(other) for other in meant(canonical(plate)) if canonical(plate) == plate)


@given(st.integers(-5, 5), st.integers(-5, 5))
def test_a_hit_out_of_the_entrys_time_is_impossible(seen_at: int, now_at: int) -> None:
    """By the moment of the reading, and by that of the look: a list that ran out while a record waited is out."""
    found = book(from_=NOW - DAY, until=NOW + DAY).find(read(at=NOW + seen_at * DAY), NOW + now_at * DAY)
    assert bool(found) == (-1 <= seen_at < 1 and -1 <= now_at < 1)


def test_the_control_an_entry_that_never_ends_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Watched, "holds", lambda *_: True)
    assert book().find(read(at=NOW + 3 * DAY), NOW + 3 * DAY), "the test above sees a rule that forgets the end"


def test_a_hit_is_urgent_and_names_no_plate() -> None:
    seen = Event(
        kind="plate",
        device="vzenith:a",
        lane="in",
        direction="in",
        time=NOW,
        source_event_id="17",
        subject=Subject(type="plate", id=PLATE, plate_status="read"),
    )
    told = hit(seen, Found(ID, "doubtful"))
    assert stream_of(told) == "urgent"
    assert (told.code, told.state, told.lane, told.direction, told.time) == (ID, "doubtful", "in", "in", NOW)
    assert PLATE.encode() not in encode_event(told) and PLATE.encode() in encode_event(seen)
    assert hit(seen, Found(ID, "doubtful")).source_event_id == told.source_event_id, "the same, however often"


def test_the_list_says_nothing_but_digests_and_times() -> None:
    body = msgspec.to_builtins(WatchLists(SALT, (Watched(ID, "0" * 32, NOW, NOW + DAY),)))
    assert set(body) == {"salt", "entries"} and set(body["entries"][0]) == {"id", "key", "from", "until"}


def test_a_program_that_would_ring_for_everybody_is_given_nothing() -> None:
    body = {
        "salt": SALT,
        "entries": [{"id": ID, "key": "0" * 32, "from": NOW.isoformat(), "until": "2027-01-01T00:00:00Z"}],
    }
    document = Document("watch_lists", 3, body)
    assert as_read_by(document, {}).body == {"entries": []}
    assert as_read_by(document, {"watch_lists": 2}) == document
    read_body("watch_lists", body)
