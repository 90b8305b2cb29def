"""The filing sheet: every device once, with the term of what it is there for."""

from __future__ import annotations

from domain.desired_bodies import Device, Door
from domain.feeds.filing import filed
from domain.retention import Terms

DEVICES = (
    Device(id="vzenith:1", place="东门", lane="东门入口"),
    Device(id="uhppote:2", place="1号楼", doors=(Door(point="door/1"),)),
    Device(id="hikvision:3", place="东门"),
    Device(id="z2m:4", place="配电房"),
)


def test_every_device_is_filed_once_with_its_term() -> None:
    terms = Terms(vehicle=120, door=60, video_index=31)
    lines = filed(DEVICES, terms)
    assert sorted(one.id for one in lines) == sorted(one.id for one in DEVICES)
    assert {one.id: (one.use, one.days) for one in lines} == {
        "vzenith:1": ("vehicle", 120),
        "uhppote:2": ("door", 60),
        "hikvision:3": ("video_index", 31),
        "z2m:4": ("door", 60),
    }
    assert [one.place for one in lines] == sorted(one.place for one in DEVICES)
