"""The sheet of a complex's devices: its columns, what it says of the present list, and a second sheet that says how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from domain.desired_bodies import Device
from server.device_entry import texts
from server.place_book import Column, Sheet
from server.workbook import Book, Page

_LONG = 32_000  # what a cell of a spreadsheet holds at most
SHEET = Sheet(
    "device",
    "设备 Devices",
    (
        Column("id", "编号 ID", True),
        Column("name", "名称 Name"),
        Column("place", "位置 Place"),
        Column("lane", "车道 Lane"),
        Column("direction", "方向 Direction"),
        Column("zone", "区域 Zone"),
        Column("address", "地址 Address"),
        Column("doors", "门的点位 Doors", most_signs=_LONG),
        Column("decides", "谁决定开门 Decides", most_signs=_LONG),
        Column("keeps_cards", "卡存在设备里 Keeps cards", takes_yes=True),
    ),
    (),
)
_HELP = "说明 Help"
_EXAMPLES = (
    ("uhppote:405419896", "1号楼门禁", "1号楼", "", "", "", "192.0.2.100", "1; 2", "网关", "是"),
    ("vzenith:a1b2c3d4", "东门入口相机", "东门", "东门入口", "进", "", "", "", "", ""),
    ("z2m:0x00158d0001a2b3c4", "配电房烟感", "配电房", "", "", "限入", "", "", "", ""),
)
_CHOICES = {
    "direction": ("进", "出", "in", "out"),
    "zone": ("公共", "私人", "限入", "public", "private", "restricted"),
    "decides": ("设备", "网关", "device", "gateway"),
    "keeps_cards": ("是", "否", "yes", "no"),
}
_WORDS = (
    (
        "编号 ID",
        "种类:厂家编号。与“搁置的消息”和网关上的 gatehouse-edge parked 显示的一样。",
        "kind:vendor's identity, as gatehouse-edge parked shows it.",
    ),
    ("名称 Name", "给人看的名字。", "What people call it."),
    (
        "位置 Place",
        "楼栋或出入口。同一个位置的相机和门互相配图。",
        "Building or gate. A camera and a door of one place share it.",
    ),
    ("车道 Lane", "车道的名称，没有就空着。", "The lane's name; empty where there is none."),
    ("方向 Direction", "进、出，或空着。", "in, out, or empty."),
    (
        "区域 Zone",
        "公共、私人、限入，或空着。夜里有人进限入区域会报警。",
        "public, private, restricted, or empty. A person at night in a restricted zone is an alert.",
    ),
    (
        "地址 Address",
        "不经过消息服务器的设备在哪里，照这一类设备的说明页写。",
        "Where a device that is not at the broker is reached, as its family's page says.",
    ),
    (
        "门的点位 Doors",
        "事件里的点位，用分号分开，例如 1; 2。只有一扇、事件里没有点位的，写 -。没有门就空着。",
        "Points as events name them, with semicolons: 1; 2. One door whose events name no point: -. Empty: no door.",
    ),
    (
        "谁决定开门 Decides",
        "设备，或网关。每扇门不同时，照门的次序用分号分开。",
        "device, or gateway. Where doors differ: one word each, in their order, with semicolons.",
    ),
    (
        "卡存在设备里 Keeps cards",
        "是：网关把卡写进设备，由设备自己决定。",
        "yes: the gateway puts cards into the device, which decides by itself.",
    ),
)


def workbook(devices: Iterable[Device], kinds: Mapping[str, str], *, is_english: bool, with_examples: bool) -> bytes:
    """The sheet with these devices, and the second one; ``with_examples``: rows there that can be copied."""
    book = Book()
    widths = [28 if column.key in ("id", "name", "address") else 18 for column in SHEET.columns]
    page = book.page(SHEET.title, widths, stays=(1, 1))
    page.head(column.heading for column in SHEET.columns)
    for place, column in enumerate(SHEET.columns):
        if column.key in _CHOICES:
            page.choose(place, _CHOICES[column.key])
    for device in devices:
        said = texts(device, is_english=is_english)
        page.add(said[column.key] for column in SHEET.columns)
    _explain(book.page(_HELP, (28, 70, 70), stays=(0, 0)), kinds, _EXAMPLES if with_examples else ())
    return book.done()


def _explain(page: Page, kinds: Mapping[str, str], examples: Sequence[Sequence[str]]) -> None:
    for row in _WORDS:
        page.add(row, is_named=True)
    if examples:
        page.add(())
        page.head(("例子 Examples",))
        page.head(column.heading for column in SHEET.columns)
        for row in examples:
            page.add(row)
    if kinds:
        page.add(())
        page.head(("种类 Kinds", "说明页 Page"))
        for kind, told in sorted(kinds.items()):
            page.add((kind, f"docs/devices/{told}.md"))
