"""The tree above: folders first, each once, each after what it lies in, whatever the list looks like."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.gb28181.catalogue import Item, changes, in_order, within
from domain.gb28181.codes import BadCode, read_code, sip_domain
from domain.gb28181.said import catalogue
from domain.gb28181.xml import read, written

OURS = "33010600012000000001"


def code(kind: str, number: int) -> str:
    return f"3301060001{kind}0{number:06}"


GROUP, BUILDING, GATE = code("215", 1), code("216", 1), code("216", 2)
DOOR, BARRIER = code("142", 1), code("141", 1)
SITE = [
    Item(code=DOOR, name="1号楼单元门", parent=BUILDING, longitude=120.1, latitude=30.2),
    Item(code=BARRIER, name="东门道闸", parent=GATE, is_online=False),
    Item(code=BUILDING, name="1号楼", parent=GROUP),
    Item(code=GATE, name="东门", parent=GROUP),
    Item(code=GROUP, name="阳光花园"),
]
codes = st.builds(code, st.sampled_from(["215", "216", "142", "134", "118"]), st.integers(1, 6))
items = st.lists(st.builds(Item, code=codes, name=st.just("n"), parent=st.one_of(st.just(""), codes)), max_size=20)


@given(items)
def test_every_item_comes_once_and_after_what_it_lies_in(given_items: list[Item]) -> None:
    ordered = in_order(given_items)
    assert sorted(item.code for item in ordered) == sorted({item.code for item in given_items})
    seen: set[str] = set()
    for item in ordered:
        assert not item.parent or item.parent in seen
        seen.add(item.code)


@given(items)
def test_no_folder_comes_after_a_device(given_items: list[Item]) -> None:
    kinds = [item.is_folder for item in in_order(given_items)]
    assert kinds == sorted(kinds, reverse=True)


def test_the_control_as_listed_names_parents_that_are_not_there_yet() -> None:
    seen: set[str] = set()
    late = [item for item in SITE if item.parent and item.parent not in seen and not seen.add(item.code)]
    assert late


def test_one_item_a_message_and_each_says_how_many_there_are() -> None:
    bodies = [read(written(one, "GB2312")) for one in catalogue(17, OURS, OURS, in_order(SITE))]
    assert [body.word("DeviceList", "Item", "DeviceID") for body in bodies] == [GROUP, BUILDING, GATE, DOOR, BARRIER]
    for body in bodies:
        listed = body.find("DeviceList")
        assert listed is not None and listed.attributes == {"Num": "1"}
        assert (body.word("SN"), body.word("SumNum"), body.word("DeviceID")) == ("17", "5", OURS)


def test_an_item_says_what_the_reference_shows() -> None:
    door = read(written(catalogue(1, OURS, OURS, in_order(SITE))[3], "GB18030")).find("DeviceList")
    assert door is not None
    said = {one.name: one.text for one in door.children[0].children}
    assert said == {
        "DeviceID": DOOR, "Name": "1号楼单元门", "Manufacturer": "NA", "Model": "NA", "CivilCode": "330106",
        "Parental": "0", "ParentID": BUILDING, "SafetyWay": "0", "RegisterWay": "1",
        "Secrecy": "0", "Status": "ON", "Longitude": "120.100000", "Latitude": "30.200000",
    }  # fmt: skip


def test_a_folder_names_the_business_group_above_it() -> None:
    bodies = catalogue(1, OURS, OURS, in_order(SITE))
    assert [body.word("DeviceList", "Item", "BusinessGroupID") for body in bodies] == ["", GROUP, GROUP, "", ""]


def test_whatever_lies_at_the_top_lies_in_us() -> None:
    top = read(written(catalogue(1, OURS, OURS, in_order(SITE))[0], "UTF-8"))
    assert top.word("DeviceList", "Item", "ParentID") == OURS


def test_an_empty_tree_is_said_too() -> None:
    (body,) = catalogue(9, OURS, OURS, [])
    assert body.word("SumNum") == "0"


@given(items, st.integers(1, 7))
def test_however_many_go_at_once_all_go(given_items: list[Item], at_once: int) -> None:
    ordered = in_order(given_items)
    bodies = catalogue(1, OURS, OURS, ordered, at_once)
    listed = [one.word("DeviceID") for body in bodies if (part := body.find("DeviceList")) for one in part.children]
    assert listed == [item.code for item in ordered]


def test_a_query_for_a_folder_means_what_lies_in_it() -> None:
    assert [item.code for item in within(in_order(SITE), BUILDING)] == [BUILDING, DOOR]


def test_what_changed_is_told_by_what_became_of_it() -> None:
    old = in_order(SITE)
    online = msgspec.structs.replace(SITE[1], is_online=True)
    renamed = msgspec.structs.replace(SITE[0], name="一号门")
    new = [online, renamed, *(item for item in old if item.code not in (DOOR, BARRIER, GROUP))]
    found = {item.code: change for item, change in changes(old, [*new, Item(code=code("142", 9), name="新门")])}
    assert found == {GROUP: "DEL", BARRIER: "ON", DOOR: "UPDATE", code("142", 9): "ADD"}
    assert changes(old, old) == []


@pytest.mark.parametrize(
    "text", ["", "3301060001200000001", "330106000120000000012", "3301060001200000000x", "３" * 20]
)
def test_a_code_is_twenty_digits(text: str) -> None:
    with pytest.raises(BadCode, match="twenty digits"):
        read_code(text)


def test_a_code_in_its_parts() -> None:
    one = read_code(DOOR)
    assert (one.centre, one.industry, one.kind, one.network, one.serial) == ("33010600", "01", "142", "0", "000001")
    assert (str(one), one.district, sip_domain(DOOR)) == (DOOR, "330106", "3301060001")


def test_a_bad_code_in_a_catalogue_is_refused_with_what_to_do() -> None:
    with pytest.raises(ValueError, match="twenty digits"):
        Item(code="12", name="x")
