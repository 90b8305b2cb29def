"""Devices as people write them: what goes out comes in as it was, and what cannot be is named by its cell."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from domain.desired_bodies import Device, Door
from server.device_entry import BadPart, points_text, read_entry, read_points, texts
from server.device_plan import Plan, make_plan
from server.device_sheet import SHEET, workbook
from server.place_book import MOST_BYTES, read_book
from server.place_template import filled

KINDS = ("a", "uhppote")
WORD = st.text('ab;；,"-中 /', max_size=6)
NAME = WORD.map(lambda word: " ".join(word.split()))  # as a cell keeps it
DOORS = st.lists(WORD, max_size=4, unique=True).flatmap(
    lambda points: st.tuples(*(st.builds(Door, st.just(one), st.sampled_from(("device", "gateway"))) for one in points))
)
DEVICES = st.builds(
    Device,
    NAME.map(lambda word: f"a:1{word}"),
    NAME,
    NAME,
    NAME,
    st.sampled_from(("in", "out", "unknown")),
    st.sampled_from(("", "public", "private", "restricted")),
    NAME,
    DOORS,
    st.booleans(),
)


@settings(max_examples=60)
@given(DEVICES, st.booleans())
def test_a_device_is_what_its_words_say(device: Device, is_english: bool) -> None:
    said = texts(device, is_english=is_english)
    assert read_entry(said, None, KINDS) == (device, [])
    assert read_entry(said, device, KINDS) == (device, [])


@settings(max_examples=60)
@given(st.text('ab;；,"-中 ', max_size=12))
def test_any_text_of_points_is_read_or_refused_and_said_again_the_same(text: str) -> None:
    try:
        points = read_points(text.strip())
    except BadPart:
        return
    assert read_points(points_text([Door(point) for point in points])) == points


def test_a_sheet_comes_in_as_it_went_out_with_what_it_cannot_say() -> None:
    devices = [
        Device("a:1", "=SUM(1)"),
        Device("a:2", "x", doors=(Door("1;2", "gateway", {"card": 7}), Door("", "device"), Door("-", "gateway"))),
        Device("bridge", keeps_cards=True),  # of an older list: no kind, and it stays
        Device("a:3", "two  spaces", doors=tuple(Door(f"door/{number}") for number in range(200))),
    ]
    plan = make_plan(
        read_book(workbook(devices[1:], {}, is_english=False, with_examples=False), (SHEET,)),
        devices,
        KINDS,
        is_whole=False,
    )
    assert (plan.faults, plan.count("same"), plan.left, plan.wanted) == ([], 3, 1, tuple(devices))
    body = workbook(devices[:1], {}, is_english=False, with_examples=False)
    found = read_book(body, (SHEET,)).faults
    assert [(fault.cell, fault.reason) for fault in found] == [("B2", "formula")], "and no spreadsheet runs it"


def typed(lines: Sequence[Sequence[Any]]) -> bytes:
    """A sheet as a person's spreadsheet writes it: numbers and TRUE as such."""
    made, out = Workbook(write_only=True), BytesIO()
    page = made.create_sheet(SHEET.title)
    for line in ([column.heading for column in SHEET.columns], *lines):
        page.append(list(line))
    made.save(out)
    return out.getvalue()


def plan_of(*lines: Sequence[Any], listed: Sequence[Device] = (), is_whole: bool = False) -> Plan:
    book = read_book(typed(lines), (SHEET,))
    return make_plan(book, listed, KINDS, is_whole=is_whole)


GOOD = ("uhppote:1", "门", "1号楼", "", "进", "公共", "192.0.2.1", "1; 2", "网关; 设备", "是")


def changed(**cells: Any) -> list[Any]:
    keys = [column.key for column in SHEET.columns]
    return [cells.get(key, GOOD[index]) for index, key in enumerate(keys)]


@pytest.mark.parametrize(
    ("cells", "cell", "reason"),
    [
        ({"id": ""}, "A2", "empty"),
        ({"id": "uhppote"}, "A2", "bad_device_id"),
        ({"id": "none:1"}, "A2", "no_kind"),
        ({"id": "a:" + "1" * 199}, "A2", "too_long"),
        ({"name": "=1+1"}, "B2", "formula"),
        ({"name": 1.5}, "B2", "not_text"),
        ({"doors": "=A1", "decides": ""}, "H2", "formula"),
        ({"direction": "左"}, "E2", "bad_direction"),
        ({"zone": "x"}, "F2", "bad_zone"),
        ({"doors": "1; 1"}, "H2", "door_twice"),
        ({"doors": '"1'}, "H2", "bad_doors"),
        ({"doors": "; ".join(str(n) for n in range(201)), "decides": ""}, "H2", "too_many_doors"),
        ({"decides": "人"}, "I2", "bad_decides"),
        ({"decides": "网关; 网关; 网关"}, "I2", "decides_each"),
        ({"doors": ""}, "I2", "decides_no_door"),
        ({"keeps_cards": "maybe"}, "J2", "bad_yes_no"),
    ],
)
def test_a_fault_is_named_by_its_cell(cells: dict[str, Any], cell: str, reason: str) -> None:
    assert plan_of(GOOD).faults == []
    found = plan_of(changed(**cells))
    assert [(fault.cell, fault.reason) for fault in found.faults] == [(cell, reason)]


def test_twice_is_named_with_the_row_before_and_numbers_and_true_are_words() -> None:
    assert [(fault.cell, fault.value) for fault in plan_of(GOOD, GOOD).faults] == [("A3", "uhppote:1 (2)")]
    (device,) = plan_of(changed(doors=1, decides="", keeps_cards=True)).wanted
    assert device.doors == (Door("1"),) and device.keeps_cards


def test_what_the_sheet_does_not_name_stays_or_goes_as_it_was_asked() -> None:
    listed = [Device("a:1"), Device("uhppote:1", "门", "old", doors=(Door("2", "gateway", {"card": 1}),))]
    stays, goes = (plan_of(GOOD, changed(id="a:9"), listed=listed, is_whole=whole) for whole in (False, True))
    assert [device.id for device in stays.wanted] == ["a:1", "uhppote:1", "a:9"]
    assert [device.id for device in goes.wanted] == ["uhppote:1", "a:9"]
    assert [change.action for change in goes.shown] == ["remove", "change", "add"]
    assert stays.wanted[1].doors == (Door("1", "gateway"), Door("2", "device", {"card": 1})), "what no cell says stays"
    assert stays.digest != goes.digest
    again = make_plan(read_book(filled((SHEET,), {"device": [GOOD]}), (SHEET,)), goes.wanted[:1], KINDS, is_whole=True)
    assert again.shown == [], "the same again changes nothing"


def test_a_column_that_is_not_there_changes_nothing_and_too_many_are_refused() -> None:
    listed = [Device("a:1", "old", "there", doors=(Door("1"),), keeps_cards=True)]
    book = Workbook()
    page: Any = book.active
    page.title = SHEET.title
    for row in (("编号", "Name"), ("a:1", "new")):
        page.append(row)
    out = BytesIO()
    book.save(out)
    plan = make_plan(read_book(out.getvalue(), (SHEET,)), listed, KINDS, is_whole=True)
    assert plan.wanted == (msgspec.structs.replace(listed[0], name="new"),)
    many = [Device(f"a:{number}") for number in range(5_000)]
    assert [fault.reason for fault in plan_of(GOOD, listed=many).faults] == ["too_many_devices"]


@pytest.mark.parametrize(
    ("body", "reason"), [(b"no workbook", "not_xlsx"), (b"x" * (MOST_BYTES + 1), "too_large")], ids=["none", "large"]
)
def test_what_is_no_sheet_is_said_to_be_none(body: bytes, reason: str) -> None:
    plan = make_plan(read_book(body, (SHEET,)), [Device("a:1")], KINDS, is_whole=True)
    assert [fault.reason for fault in plan.faults] == [reason]


def test_rows_without_an_id_are_said_each_and_are_not_one_another() -> None:
    assert [(fault.cell, fault.reason) for fault in plan_of(changed(id=""), changed(id="")).faults] == [
        ("A2", "empty"),
        ("A3", "empty"),
    ]
