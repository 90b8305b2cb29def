"""What Debian's Mosquitto lets through under the configuration we write, and what it refuses."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.broker.certificates import make_authority, make_server
from edge.broker.config import CERTIFICATE, KEY, STORE
from edge.broker.users import AGENT
from simulators.mqtt_wire import answers_connect
from tests.edge.broker_stage import (
    EAST,
    EAST_TOPIC,
    EAST_USER,
    HOST,
    LIMIT_BYTES,
    WEST_TOPIC,
    WEST_USER,
    WITNESS,
    Stage,
    Visitor,
    needs_mosquitto,
    stage,
)
from tests.simulators.polling import poll

pytestmark = needs_mosquitto

FENCE = EAST_TOPIC.replace("ivs_result", "fence")
FOREIGN = [
    pytest.param(WEST_TOPIC, id="another device"),
    pytest.param("west-2/device/message/up/ivs_result", id="another device, other layout"),
    pytest.param("edge/v1/garden/vzenith:west-2/event/plate", id="another device, our topics"),
    pytest.param("edge/v1/river/vzenith:east-1/event/plate", id="another complex"),
    pytest.param("device/east-1/message/down/gpio_out", id="its own command"),
    pytest.param("uhppoted/gateway/requests/device/door/lock:open", id="a door's command"),
    pytest.param("frigate/lobby/motion", id="a camera of the NVR"),
    pytest.param("anything/at/all", id="no driver's topic"),
]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Stage]:
    with stage(tmp_path) as running:
        yield running


def arrives(at: Stage, user: str, topic: str, payload: bytes = b"x", fence: str = FENCE) -> bool:
    """Whether what a user publishes gets anywhere: told by what it publishes afterwards, which does."""
    with Visitor(at, WITNESS) as witness, Visitor(at, user) as sender:
        witness.subscribe("#")
        sender.publish(topic, payload)
        sender.publish(fence, b"fence")
        poll(lambda: fence in witness.topics)
        return topic in witness.topics


@pytest.mark.parametrize(
    ("username", "password"),
    [("", None), (EAST_USER, "wrong"), (EAST_USER, ""), ("nobody", "x"), (WEST_USER, "east's")],
)
def test_nobody_comes_in_without_a_name_and_its_password(here: Stage, username: str, password: str | None) -> None:
    given = here.folder.passwords()[EAST_USER] if password == "east's" else password
    with Visitor(here, username, given) as stranger:
        assert stranger.code == "Not authorized"
    with Visitor(here, EAST_USER) as known:
        assert known.code == "Success"


@pytest.mark.parametrize(
    ("user", "topic"),
    [
        (EAST_USER, EAST_TOPIC),
        (EAST_USER, "east-1/device/message/up/keep_alive"),
        (EAST_USER, "device/east-1/message/down/gpio_out/reply"),
        (EAST_USER, "edge/v1/garden/vzenith:east-1/event/plate"),
    ],
)
def test_a_device_writes_its_own_topics(here: Stage, user: str, topic: str) -> None:
    assert arrives(here, user, topic)


@pytest.mark.parametrize("topic", FOREIGN)
def test_a_device_writes_no_other_topics(here: Stage, topic: str) -> None:
    assert not arrives(here, EAST_USER, topic)


def test_without_the_access_list_they_would_all_arrive(tmp_path: Path) -> None:
    """The positive control of the test above."""
    with stage(tmp_path, access_list=False) as open_house:
        assert all(arrives(open_house, EAST_USER, str(case.values[0])) for case in FOREIGN)


def test_bridges_write_for_all_behind_them(here: Stage) -> None:
    events = "uhppoted/gateway/events"
    assert arrives(here, "uhppoted-mqtt", events, fence="uhppoted/reply/gatehouse")
    assert arrives(here, "frigate", "frigate/lobby/motion", fence="frigate/events")
    assert not arrives(here, "frigate", events, fence="frigate/events")


def test_topics_and_names_with_levels(here: Stage) -> None:
    board = "esp-rfid.%2Frfid%2Funit3"
    assert arrives(here, board, "/rfid/unit3/send", fence="/rfid/unit3")
    assert not arrives(here, board, "/rfid/unit4/send", fence="/rfid/unit3")
    assert not arrives(here, board, "/rfid/unit3/cmd", fence="/rfid/unit3")  # it gives itself no orders
    assert arrives(here, "onvif.site%2Fgate1", "site/gate1/onvif-ej/Device/x", fence="site/gate1/onvif-ej/y")
    assert arrives(here, "zigbee2mqtt", "zigbee2mqtt/2f/hall door", fence="zigbee2mqtt/bridge/state")
    order = "zigbee2mqtt/2f/hall door/set"
    with Visitor(here, "zigbee2mqtt") as bridge, Visitor(here, AGENT) as agent:
        bridge.subscribe("zigbee2mqtt/#")
        agent.publish("zigbee2mqtt/bridge/request/permit_join")
        agent.publish(order)
        poll(lambda: order in bridge.topics)
        assert bridge.topics == [order]


def test_a_device_reads_its_own_commands_alone(here: Stage) -> None:
    mine, others = "device/east-1/message/down/gpio_out", "device/west-2/message/down/gpio_out"
    assert heard(here, mine, others) == [mine]


def test_without_the_access_list_it_would_read_others_too(tmp_path: Path) -> None:
    mine, others = "device/east-1/message/down/gpio_out", "device/west-2/message/down/gpio_out"
    with stage(tmp_path, access_list=False) as open_house:
        assert {mine, others} <= set(heard(open_house, mine, others))


def heard(at: Stage, mine: str, others: str) -> list[str]:
    """What a device gets that subscribed to all there is, when the agent commands another and then it."""
    with Visitor(at, EAST_USER) as device, Visitor(at, WEST_USER) as other, Visitor(at, AGENT) as agent:
        device.subscribe("#", others)
        other.publish(WEST_TOPIC)
        agent.publish(others)
        agent.publish(mine)
        poll(lambda: mine in device.topics)
        return list(dict.fromkeys(device.topics))


def test_the_agent_subscribes_to_all_and_hears_every_device(here: Stage) -> None:
    sent = {EAST_USER: EAST_TOPIC, WEST_USER: WEST_TOPIC, "frigate": "frigate/events"}
    with Visitor(here, AGENT) as agent:
        agent.subscribe("#")
        for user, topic in sent.items():
            with Visitor(here, user) as device:
                device.publish(topic)
        poll(lambda: set(agent.topics) == set(sent.values()))


def test_a_message_over_the_limit_gets_nowhere(here: Stage) -> None:
    assert arrives(here, EAST_USER, EAST_TOPIC, bytes(LIMIT_BYTES))
    assert not arrives(here, EAST_USER, EAST_TOPIC, bytes(LIMIT_BYTES + 1))


def test_a_packet_that_could_hold_no_message_ends_its_connection(here: Stage) -> None:
    with Visitor(here, WITNESS) as witness, Visitor(here, EAST_USER) as device:
        witness.subscribe("#")
        device.throw(EAST_TOPIC, bytes(LIMIT_BYTES + 70_000))
        poll(lambda: device.left)
        with Visitor(here, WEST_USER) as other:
            other.publish(WEST_TOPIC)
        poll(lambda: WEST_TOPIC in witness.topics)
        assert EAST_TOPIC not in witness.topics


def test_plain_mqtt_gets_no_answer_on_the_port(here: Stage) -> None:
    assert not answers_connect(HOST, here.port)
    with Visitor(here, EAST_USER) as device:
        assert device.code == "Success"


def test_nothing_older_than_tls_1_2_is_spoken(here: Stage) -> None:
    context = ssl.create_default_context(cafile=str(here.folder.authority_file))
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # else our own side refuses first
    with pytest.warns(DeprecationWarning):
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with socket.create_connection((HOST, here.port), timeout=10) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname=HOST)


def test_a_certificate_of_another_authority_or_for_another_host_is_refused(here: Stage, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.crt"
    stranger.write_bytes(make_authority(datetime.now(UTC)).certificate)
    with pytest.raises(ssl.SSLCertVerificationError):
        Visitor(here, EAST_USER, ca=stranger).__enter__()
    context = ssl.create_default_context(cafile=str(here.folder.authority_file))
    with socket.create_connection((HOST, here.port), timeout=10) as plain, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(plain, server_hostname="gate.example.invalid")
    with socket.create_connection((HOST, here.port), timeout=10) as plain:
        assert context.wrap_socket(plain, server_hostname="localhost").version() in ("TLSv1.2", "TLSv1.3")


def test_a_stolen_device_is_out_at_a_reload(here: Stage) -> None:
    """A new password ends what its old one opened, and a device that is gone has no user any more."""
    old = here.folder.passwords()[EAST_USER]
    with Visitor(here, EAST_USER) as device, Visitor(here, WEST_USER) as other:
        here.configure(EAST, rotate=EAST_USER)
        here.reload()
        poll(lambda: device.left and other.left)
    with Visitor(here, EAST_USER, old) as thief:
        assert thief.code == "Not authorized"
    with Visitor(here, EAST_USER) as device:
        assert device.code == "Success"


def test_what_waits_for_the_agent_outlives_a_kill_of_the_broker(here: Stage) -> None:
    """On the disk within moments, not before the device is answered: Mosquitto has no such order."""
    with Visitor(here, AGENT, keeps_session=True) as agent:
        agent.subscribe("#")
    sent = [f"message {number:03}".encode() for number in range(50)]
    with Visitor(here, EAST_USER) as device:
        for payload in sent:
            device.publish(EAST_TOPIC, payload)
    poll(lambda: sent[-1] in (here.folder.mosquitto / STORE / "mosquitto.db").read_bytes())
    here.child.kill()
    here.child.log_file.unlink()
    here.start()
    with Visitor(here, AGENT, keeps_session=True) as agent:
        poll(lambda: len(agent.got) >= len(sent))
        assert [payload for _, payload in agent.got] == sent


def test_the_certificate_that_stands_is_kept_and_one_for_other_hosts_is_made(tmp_path: Path) -> None:
    made = Stage(tmp_path)
    made.configure()
    before = (made.folder.mosquitto / CERTIFICATE).read_bytes()
    assert not made.configure().must_restart
    assert (made.folder.mosquitto / CERTIFICATE).read_bytes() == before
    changes = made.configure(hosts=("192.168.7.2", "gate.example.invalid"))
    assert changes.must_restart
    assert set(changes.hosts) == {"192.168.7.2", "gate.example.invalid", "localhost", "127.0.0.1", "::1"}
    assert made.configure().hosts == changes.hosts, "without --host they stay"


def test_a_server_certificate_of_an_authority_that_is_gone_is_made_anew(tmp_path: Path) -> None:
    made = Stage(tmp_path)
    made.configure()
    other = make_server(make_authority(datetime.now(UTC)), ["localhost"], datetime.now(UTC))
    (made.folder.mosquitto / CERTIFICATE).write_bytes(other.certificate)
    (made.folder.mosquitto / KEY).write_bytes(other.key)
    made.configure()
    made.start()
    with Visitor(made, EAST_USER) as device:
        assert device.code == "Success"
    made.child.stop(5.0)
