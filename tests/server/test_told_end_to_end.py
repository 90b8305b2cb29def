"""From a gateway's event to a group's robot: the whole chain of the centre, with a far end that dies in the middle."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from domain.events import Event
from server.channels.settings import ChannelSettings
from server.store.schema import duty_delivery
from simulators.channels.server import FarEnds
from tests.rig import until
from tests.server.centre import CONFIG, centre
from tests.server.engines import Engine

FORCED = Event(kind="door", device="uhppoted:1", state="forced_open", place="3号楼<@all>东门 京A12345")


async def test_an_event_rings_the_desk_and_what_was_cut_off_comes_again(tmp_path: Path, engine: Engine) -> None:
    ends = FarEnds()
    await ends.start()
    ends.write_secrets(tmp_path)
    wecom = {**ends.settings()["wecom"], "desks": ["complex"], "timeout_s": 2}
    channels = {"night": msgspec.convert(wecom, ChannelSettings)}
    config = msgspec.structs.replace(CONFIG, channels=channels, public_url="https://centre.example.invalid")
    async with centre(tmp_path, engine, config) as here:
        gateway = await here.gateway()
        await gateway.send(msgspec.structs.replace(FORCED, time=datetime.now(UTC)))
        await until(lambda: bool(ends.kept.of("wecom")))
        (told,) = ends.kept.of("wecom")
        assert "门被强行打开" in told.text and "＜@all＞" in told.text
        assert "<" not in told.text and "A12345" not in told.text
        ends.faults.coming.append("cut")  # taken, and the line is gone before the answer: nobody knows
        await gateway.send(msgspec.structs.replace(FORCED, device="uhppoted:2", place="西门", time=datetime.now(UTC)))
        await until(lambda: len(ends.kept.of("wecom")) == 2)
        assert len(ends.kept.of("cut")) == 1
        rows = await here.wait_for(
            duty_delivery, lambda rows: len([row for row in rows if row["state"] == "sent"]) == 2
        )
        assert sorted((row["desk"], row["channel"], row["attempts"]) for row in rows) == [
            ("complex", "night", 1),
            ("complex", "night", 2),
        ]
    await ends.stop()
