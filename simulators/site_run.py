"""Plays a site to a broker: one MQTT connection for each thing that speaks, QoS 1, acknowledgements counted."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from simulators import scenes
from simulators.crowd.crowd import Crowd, Pace
from simulators.crowd.member import NATURES, Gateway
from simulators.devices import frigate, vzenith
from simulators.devices.gate import Gate
from simulators.devices.message import DeviceMessage
from simulators.estate import LANE_IN, LANE_OUT, Estate
from simulators.site import Site
from simulators.truth import GroundTruth

MAX_WAITING = 20_000  # messages a device keeps while its broker is away
_IN_FLIGHT = 500
_CONNECT_LIMIT_S = 15.0
_ACKNOWLEDGE_LIMIT_S = 30.0
_PAUSE_S = 0.01
_GATES_S = 0.05
_ENDLESS_S = 86_400.0

Answer = Callable[[str, bytes, datetime], Sequence[DeviceMessage]]
Progress = Callable[["SiteReport"], None]


class BrokerAway(Exception):
    """The broker could not be reached, or did not acknowledge in time."""


class SiteReport(msgspec.Struct, frozen=True):
    """What was published and acknowledged so far."""

    published: int = 0
    acknowledged: int = 0
    answered_commands: int = 0
    facts: int = 0
    others: int = 0  # facts of devices of other families

    @property
    def waiting(self) -> int:
        return self.published - self.acknowledged


class Speaker:
    """One device's MQTT connection: it publishes, answers its commands, and keeps messages while the broker is away."""

    def __init__(self, name: str, commands: str = "", answer: Answer | None = None) -> None:
        self._commands, self._answer = commands, answer
        self.connected = False
        self.published = self.acknowledged = self.answered = 0
        self._publishing = threading.Lock()  # we publish, and so does paho's thread when it answers a command
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=f"sim-{name}", clean_session=True)
        self._client.max_inflight_messages_set(_IN_FLIGHT)
        self._client.max_queued_messages_set(MAX_WAITING)
        self._client.reconnect_delay_set(min_delay=1, max_delay=5)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish

    def will(self, message: DeviceMessage) -> None:
        """What the broker says for it when it vanishes."""
        self._client.will_set(message.topic, message.payload, qos=1, retain=message.retained)

    def start(self, host: str, port: int) -> None:
        """Raises BrokerAway where nothing listens there."""
        try:
            self._client.connect(host, port, keepalive=30)
        except OSError as error:
            raise BrokerAway(f"no broker at {host}:{port} ({error}): start one, gatehouse-sim broker") from error
        self._client.loop_start()

    def say(self, messages: Sequence[DeviceMessage]) -> None:
        """Publishes at QoS 1. Raises BrokerAway where more wait than a device keeps."""
        with self._publishing:
            sent = [self._client.publish(one.topic, one.payload, qos=1, retain=one.retained) for one in messages]
            self.published += len(sent)
        if any(one.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE for one in sent):
            raise BrokerAway(f"{MAX_WAITING} messages wait for the broker; it is away for too long")

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(
        self, client: Client, userdata: Any, flags: ConnectFlags, code: ReasonCode, properties: Properties | None
    ) -> None:
        self.connected = not code.is_failure
        if self._commands:
            client.subscribe(self._commands, qos=1)

    def _on_disconnect(
        self, client: Client, userdata: Any, flags: DisconnectFlags, code: ReasonCode, properties: Properties | None
    ) -> None:
        self.connected = False

    def _on_message(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        if self._answer is not None and not message.retain:
            answers = self._answer(message.topic, bytes(message.payload), datetime.now(UTC))
            self.answered += bool(answers)
            self.say(answers)

    def _on_publish(
        self, client: Client, userdata: Any, message_id: int, code: ReasonCode, properties: Properties | None
    ) -> None:
        self.acknowledged += 1


class Beside(msgspec.Struct, frozen=True):
    """Devices of other families, and the agent whose doors they come by."""

    crowd: Crowd
    gateway: Gateway


@asynccontextmanager
async def _playing(beside: Beside | None, site: Site) -> AsyncGenerator[None]:
    """They have their say meanwhile, to their end. Raises NotMet."""
    if beside is None:
        yield
        return
    crowd, seconds = beside.crowd, _ENDLESS_S if site.minutes is None else site.minutes * 60
    await crowd.open()
    try:
        await crowd.join(beside.gateway)
        pace = Pace({nature: site.rate / len(NATURES) for nature in NATURES})
        playing = asyncio.create_task(crowd.play(seconds, pace, site.seed))
        try:
            yield
            await playing
        finally:
            playing.cancel()
    finally:
        await crowd.close()


class SiteRun:
    """One run of a site against a broker. ``report`` and ``truth`` grow while it goes on."""

    def __init__(self, site: Site, host: str, port: int, speed: float = 1.0, beside: Beside | None = None) -> None:
        self._site, self._host, self._port, self._speed = site, host, port, speed
        self._beside = beside
        self.truth = GroundTruth()
        self._speakers: dict[str, Speaker] = {}

    @property
    def report(self) -> SiteReport:
        speakers = self._speakers.values()
        return SiteReport(
            published=sum(one.published for one in speakers),
            acknowledged=sum(one.acknowledged for one in speakers),
            answered_commands=sum(one.answered for one in speakers),
            facts=len(self.truth.facts),
            others=self._beside.crowd.said.facts() if self._beside else 0,
        )

    async def run(self, progress: Progress | None = None) -> None:
        """Plays the site to its end; returns when all is acknowledged. Raises BrokerAway."""
        started_at = datetime.now(UTC)
        estate = self._site.estate(started_at)
        gates = {scenes.LANES["in"]: Gate(LANE_IN), scenes.LANES["out"]: Gate(LANE_OUT)}
        self._speakers = _speakers(estate, gates)
        everyone = self._speakers.values()
        try:
            for speaker in everyone:
                speaker.start(self._host, self._port)
            await _until(lambda: all(one.connected for one in everyone), _CONNECT_LIMIT_S, self._no_answer)
            async with _playing(self._beside, self._site):
                moving = asyncio.create_task(self._move(gates))
                await self._play(estate, started_at, progress)
                moving.cancel()
                await asyncio.wait({moving})
            await _until(lambda: self.report.waiting <= 0, _ACKNOWLEDGE_LIMIT_S, self._unacknowledged)
        finally:
            for speaker in everyone:
                await asyncio.to_thread(speaker.stop)

    async def _move(self, gates: Mapping[str, Gate]) -> None:
        """Arms that were told to open move, and cars roll through."""
        while True:
            for name, gate in gates.items():
                self._speakers[name].say(gate.due(datetime.now(UTC)))
            await asyncio.sleep(_GATES_S)

    async def _play(self, estate: Estate, started_at: datetime, progress: Progress | None) -> None:
        for step in self._site.steps(estate):
            moment = started_at + timedelta(seconds=step.at_s / self._speed)
            await asyncio.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))
            told = await asyncio.to_thread(step.build, moment)  # drawing a picture takes a while
            self._speakers[step.speaker].say(told.messages)
            self.truth.add(list(told.facts))
            if progress is not None:
                progress(self.report)

    def _no_answer(self) -> str:
        return f"the broker at {self._host}:{self._port} did not accept every device's connection"

    def _unacknowledged(self) -> str:
        return f"{self.report.waiting} of {self.report.published} messages were not acknowledged"


def _speakers(estate: Estate, gates: Mapping[str, Gate]) -> dict[str, Speaker]:
    """Each lane camera, the door daemon, the recorder and the Zigbee bridge have a connection of their own."""

    def lane(camera: vzenith.Camera, gate: Gate) -> Speaker:
        return Speaker(camera.sn, camera.commands, gate.answer)

    recorder = Speaker("frigate")
    recorder.will(frigate.available("offline"))
    bridge = Speaker("zigbee2mqtt")
    bridge.will(estate.zigbee.state("offline"))
    return {
        scenes.LANES["in"]: lane(LANE_IN, gates[scenes.LANES["in"]]),
        scenes.LANES["out"]: lane(LANE_OUT, gates[scenes.LANES["out"]]),
        scenes.DOORS_SPEAKER: Speaker("uhppoted", estate.controller.commands, estate.controller.answer),
        scenes.CAMERAS_SPEAKER: recorder,
        scenes.SENSORS_SPEAKER: bridge,
    }


async def _until(true: Callable[[], bool], limit_s: float, otherwise: Callable[[], str]) -> None:
    for _ in range(round(limit_s / _PAUSE_S)):
        if true():
            return
        await asyncio.sleep(_PAUSE_S)
    raise BrokerAway(f"{otherwise()} within {limit_s:g} s")
