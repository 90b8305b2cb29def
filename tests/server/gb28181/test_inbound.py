"""What the platform asks is answered: a bare 200 at once, the business in a message of its own with the same number."""

from __future__ import annotations

import asyncio
from xml.etree import ElementTree

import pytest

from domain.gb28181.asked import Control
from server.feeds.sender import Accepted, Refused
from simulators.gb28181.faults import fault_named
from simulators.gb28181.platform import Platform
from tests.rig import until
from tests.server.gb28181.rig import BUILDING, DOOR, GROUP, OURS, SMOKE, expected, handed_over, joined, offer

BOTH = pytest.mark.parametrize("transport", ["udp", "tcp"])


def answers(platform: Platform, sn: int) -> list[ElementTree.Element]:
    bodies = [ElementTree.fromstring(body.split("?>", 1)[1]) for body in platform.heard.bodies]
    return [one for one in bodies if one.tag == "Response" and one.findtext("SN") == str(sn)]


async def answered(platform: Platform, sn: int, count: int = 1) -> list[ElementTree.Element]:
    await until(lambda: len(answers(platform, sn)) >= count)
    return answers(platform, sn)


@BOTH
@pytest.mark.parametrize("encoding", ["GB2312", "GB18030", "UTF-8"])
async def test_the_catalogue_one_item_a_message_folders_first(transport: str, encoding: str) -> None:
    async with joined(transport, encoding=encoding) as (platform, lower):
        platform.habits.encoding = encoding
        lower.away.gone.add(("garden", "uhppoted:1"))
        bodies = await answered(platform, await platform.query(OURS, "Catalog"), 4)
        items = [body.find("DeviceList/Item") for body in bodies]
        assert [item.findtext("DeviceID") for item in items if item is not None] == [GROUP, BUILDING, DOOR, SMOKE]
        assert [item.findtext("Status") for item in items if item is not None] == ["ON", "ON", "OFF", "ON"]
        assert items[2] is not None and items[2].findtext("Name") == "1号楼单元门"
        assert {body.findtext("SumNum") for body in bodies} == {"4"}
        assert not platform.heard.refused


async def test_the_control_the_words_of_the_encoding_are_on_the_wire() -> None:
    async with joined(encoding="GB2312") as (platform, _):
        await answered(platform, await platform.query(OURS, "Catalog"), 4)
        assert 'encoding="GB2312"' in platform.heard.of("Catalog")[0]


async def test_a_platform_that_reads_several_items_gets_several() -> None:
    async with joined(items_at_once=3) as (platform, _):
        bodies = await answered(platform, await platform.query(OURS, "Catalog"), 2)
        assert [len(body.findall("DeviceList/Item")) for body in bodies] == [3, 1]


async def test_of_a_folder_what_lies_in_it_and_of_nothing_nothing() -> None:
    async with joined() as (platform, _):
        within = await answered(platform, await platform.query(OURS, "Catalog", BUILDING), 3)
        assert within[0].findtext("SumNum") == "3"
        (nothing,) = await answered(platform, await platform.query(OURS, "Catalog", "33010600011320000009"))
        assert nothing.findtext("SumNum") == "0"


async def test_a_part_of_the_list_whose_packet_is_lost_comes_again() -> None:
    async with joined() as (platform, _):
        platform.faults.coming += [fault_named("drop:Catalog"), fault_named("lose:Catalog")]
        bodies = await answered(platform, await platform.query(OURS, "Catalog"), 4)
        assert len({body.findtext("DeviceList/Item/DeviceID") for body in bodies}) == 4


@BOTH
async def test_info_and_status_of_us_and_of_a_child(transport: str) -> None:
    async with joined(transport, name="阳光花园") as (platform, lower):
        lower.away.gone.add(("garden", "zigbee2mqtt:smoke"))
        (info,) = await answered(platform, await platform.query(OURS, "DeviceInfo"))
        assert (info.findtext("DeviceName"), info.findtext("Result"), info.findtext("Channel")) == (
            "阳光花园",
            "OK",
            "2",
        )
        (child,) = await answered(platform, await platform.query(OURS, "DeviceInfo", DOOR))
        assert child.findtext("DeviceName") == "1号楼单元门"
        (status,) = await answered(platform, await platform.query(OURS, "DeviceStatus"))
        assert (status.findtext("Online"), status.findtext("Status")) == ("ONLINE", "OK")
        assert status.findtext("Alarmstatus/Item/DeviceID") == SMOKE
        (away,) = await answered(platform, await platform.query(OURS, "DeviceStatus", SMOKE))
        assert away.findtext("Online") == "OFFLINE"


@pytest.mark.parametrize("command", ["Alarm", "MobilePosition", "ConfigDownload", "NobodyKnows"])
async def test_what_is_not_served_is_said_so(command: str) -> None:
    async with joined() as (platform, _):
        (said,) = await answered(platform, await platform.query(OURS, command))
        assert (said.findtext("CmdType"), said.findtext("Result")) == (command, "ERROR")


@pytest.mark.parametrize("command", ["RecordInfo", "PresetQuery"])
async def test_what_we_have_none_of_is_an_empty_list(command: str) -> None:
    async with joined() as (platform, _):
        (said,) = await answered(platform, await platform.query(OURS, command))
        assert said.findtext("SumNum") == "0"


async def test_an_unknown_child_is_an_error_too() -> None:
    async with joined() as (platform, _):
        for command in ("DeviceInfo", "DeviceStatus"):
            (said,) = await answered(platform, await platform.query(OURS, command, "33010600011320000009"))
            assert said.findtext("Result") == "ERROR"


UNDONE = [("INVITE", 488), ("PUBLISH", 405), ("INFO", 405), ("BYE", 481), ("OPTIONS", 200), ("CANCEL", 481)]


@BOTH
@pytest.mark.parametrize(("method", "status"), UNDONE)
async def test_what_we_do_not_do_is_answered(transport: str, method: str, status: int) -> None:
    async with joined(transport) as (platform, lower):
        assert (await platform.ask(OURS, method, [])).status == status
        assert lower.session.is_online


async def test_a_body_that_is_none_is_refused_and_nothing_else_happens() -> None:
    async with joined() as (platform, lower):
        for body in (b"", b"<Query>", b'<!DOCTYPE a [<!ENTITY e "x">]><Query>&e;</Query>', b"\xff" * 50):
            assert (await platform.message(OURS, body)).status == 400
        assert (await lower.sender.send([offer(1)]))[0] == Accepted()


async def test_what_is_no_sip_at_all_is_kept_and_the_line_lives() -> None:
    async with joined() as (platform, lower):
        assert platform._to is not None
        platform._to(b"\x00\x01nonsense")
        platform._to(b"MESSAGE sip:a@b SIP/2.0\r\nVia: x\r\n\r\n")
        platform._to(b"\r\n\r\n")
        await answered(platform, await platform.query(OURS, "DeviceInfo"))
        assert len(lower.session.odd) == 2 and lower.session.odd[0] == b"\x00\x01nonsense"


# --- controls ---


async def test_it_is_armed_disarmed_and_cleared() -> None:
    async with joined(report_disarmed=False) as (platform, lower):
        (done,) = await answered(platform, await platform.control(OURS, SMOKE, "<GuardCmd>ResetGuard</GuardCmd>"))
        assert (done.findtext("CmdType"), done.findtext("Result")) == ("DeviceControl", "OK")
        assert await duty(platform) == "OFFDUTY"
        smoke = offer(1, kind="alarm", alarm="smoke", state="active", device="zigbee2mqtt:smoke", point=None)
        assert await lower.sender.send([smoke]) == [Refused("disarmed by the platform")]
        await answered(platform, await platform.control(OURS, OURS, "<GuardCmd>SetGuard</GuardCmd>"))
        assert await duty(platform) == "ONDUTY"
        assert await lower.sender.send([smoke]) == [Accepted()]
        assert await duty(platform) == "ALARM"
        await answered(platform, await platform.control(OURS, SMOKE, "<AlarmCmd>ResetAlarm</AlarmCmd>"))
        assert await duty(platform) == "ONDUTY"


async def test_by_default_what_is_disarmed_reports_all_the_same() -> None:
    async with joined() as (platform, lower):
        await answered(platform, await platform.control(OURS, DOOR, "<GuardCmd>ResetGuard</GuardCmd>"))
        assert await lower.sender.send([offer(1)]) == [Accepted()]


async def duty(platform: Platform) -> str | None:
    (status,) = await answered(platform, await platform.query(OURS, "DeviceStatus", SMOKE))
    return status.findtext("Alarmstatus/Item/DutyStatus")


async def test_no_door_is_opened_and_the_wish_is_noted() -> None:
    noted: list[tuple[Control, str | None]] = []

    async def note(control: Control, why: str | None) -> None:
        noted.append((control, why))

    async with joined() as (platform, lower):
        lower.session._serving._note = note
        (said,) = await answered(platform, await platform.control(OURS, DOOR, "<DoorCmd>Open</DoorCmd>"))
        assert said.findtext("Result") == "ERROR"
        ((control, why),) = noted
        assert (control.target, control.words, why) == (
            DOOR,
            "DoorCmd=Open",
            "no door or barrier is opened by this platform",
        )


async def test_a_request_that_comes_twice_is_done_once() -> None:
    """Over UDP a platform repeats what it had no answer to: the same bytes again."""
    async with joined() as (platform, _):
        send = platform._to
        assert send is not None

        def thrice(packet: bytes) -> None:
            for _ in range(3):
                send(packet)

        platform._to = thrice
        sn = await platform.query(OURS, "DeviceInfo")
        platform._to = send
        await answered(platform, await platform.query(OURS, "DeviceInfo"))
        assert len(answers(platform, sn)) == 1


async def test_more_than_can_be_served_is_turned_away_and_the_rest_is_served() -> None:
    async with joined() as (platform, lower):
        platform.faults.coming.append(fault_named("late:MESSAGEx400"))
        platform.habits.late_s = 0.3
        body = f"<Query><CmdType>DeviceInfo</CmdType><SN>1</SN><DeviceID>{OURS}</DeviceID></Query>".encode()
        statuses = [(await platform.message(OURS, body)).status for _ in range(20)]
        assert 503 in statuses and statuses[0] == 200
        assert lower.session.is_online


# --- subscriptions ---


@BOTH
async def test_a_subscriber_is_told_in_its_dialog_until_its_time_is_over(transport: str) -> None:
    async with joined(transport) as (platform, lower):
        accepted = await platform.subscribe(OURS, "Alarm", 600, "dialog-1")
        assert (accepted.status, accepted.get("Expires")) == (200, "600")
        offers = [offer(number) for number in range(3)]
        await lower.sender.send(offers)
        notices = list(platform.heard.notices)
        assert [one.get("CSeq") for one in notices] == ["1 NOTIFY", "2 NOTIFY", "3 NOTIFY"]
        assert {one.get("Call-ID") for one in notices} == {"dialog-1"}
        assert accepted.get("To").endswith(notices[0].get("From").rpartition(";tag=")[2])
        assert ";tag=dialog-1" in notices[0].get("To")
        assert notices[0].get("Event") == "presence" and notices[0].get("Subscription-State").startswith("active")
        ended = await platform.subscribe(OURS, "Alarm", 0, "dialog-1")
        assert (ended.status, ended.get("Expires")) == (200, "0")
        await lower.sender.send([offer(9)])
        assert len(platform.heard.notices) == 3 and len(platform.heard.alarms) == 4


async def test_a_subscription_ends_by_itself() -> None:
    async with joined() as (platform, lower):
        await platform.subscribe(OURS, "Alarm", 1)
        assert lower.session.subscriptions.live("Alarm")
        await until(lambda: lower.session.subscriptions.live("Alarm") is None)
        assert await lower.sender.send([offer(1)]) == [Accepted()]
        assert not platform.heard.notices and platform.heard.alarms


async def test_what_a_subscriber_does_not_want_in_its_dialog_comes_as_a_message() -> None:
    async with joined() as (platform, lower):
        highest = "<StartAlarmPriority>1</StartAlarmPriority><EndAlarmPriority>1</EndAlarmPriority>"
        await platform.subscribe(OURS, "Alarm", 600, inner=highest)
        assert await lower.sender.send([offer(1)]) == [Accepted()]
        assert not platform.heard.notices and len(platform.heard.alarms) == 1


async def test_a_platform_that_forgot_its_subscription_gets_a_message() -> None:
    async with joined() as (platform, lower):
        await platform.subscribe(OURS, "Alarm", 600)
        platform.dialogs.clear()
        assert await lower.sender.send([offer(1)]) == [Accepted()]
        assert lower.session.subscriptions.live("Alarm") is None
        assert len(platform.heard.alarms) == 1 and lower.session.is_online


@pytest.mark.parametrize("fault", ["drop:NOTIFY", "lose:NOTIFY", "lose:NOTIFYx8", "503:NOTIFY", "481:NOTIFY"])
async def test_in_a_dialog_too_each_arrives_once_and_in_order(fault: str) -> None:
    async with joined() as (platform, lower):
        await platform.subscribe(OURS, "Alarm", 600)
        platform.faults.coming.append(fault_named(fault))
        offers = [offer(number) for number in range(5)]
        await handed_over(lower, offers)
        assert platform.heard.order == expected(offers)


async def test_changes_of_the_catalogue_are_told_while_subscribed() -> None:
    async with joined(keepalive_s=0.1) as (platform, lower):
        await platform.subscribe(OURS, "Catalog", 600, event="Catalog")
        await until(lambda: lower.session._watching._known)
        lower.away.gone.add(("garden", "uhppoted:1"))
        await until(lambda: platform.heard.notices)
        lower.away.gone.clear()
        await until(lambda: len(platform.heard.notices) >= 2)
        bodies = [body for body in platform.heard.of("Catalog") if "<Notify>" in body]
        items = [ElementTree.fromstring(body.split("?>", 1)[1]).find("DeviceList/Item") for body in bodies]
        told = [(one.findtext("DeviceID"), one.findtext("Event")) for one in items if one is not None]
        assert told == [(DOOR, "OFF"), (DOOR, "ON")]


async def test_what_nobody_can_subscribe_to_is_said() -> None:
    async with joined() as (platform, _):
        assert (await platform.subscribe(OURS, "MobilePosition", 600)).status == 489
        headers = [("Event", "presence"), ("Expires", "60")]
        assert (await platform.ask(OURS, "SUBSCRIBE", headers, b"", "never-begun")).status == 481


async def test_a_bare_renewal_in_the_dialog_holds_it() -> None:
    async with joined() as (platform, lower):
        await platform.subscribe(OURS, "Alarm", 1, "d")
        renewed = await platform.ask(OURS, "SUBSCRIBE", [("Event", "presence"), ("Expires", "600")], b"", "d")
        assert (renewed.status, renewed.get("Expires")) == (200, "600")
        dialog = lower.session.subscriptions.live("Alarm")
        assert dialog is not None and dialog.ends > asyncio.get_running_loop().time() + 500
