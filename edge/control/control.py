"""What the gateway does by itself, wired: desired state, orders, doors; all of it works with the uplink cut."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

import msgspec

from domain.events import Event
from domain.orders import Order
from edge.config import Config
from edge.control.card_lists import CardLists
from edge.control.card_orders import CardOrders
from edge.control.charging import ChargeRights
from edge.control.desired import DesiredState, InForce
from edge.control.door_hands import DoorHands
from edge.control.doors import DoorControl
from edge.control.eraser import Eraser
from edge.control.lane_hands import LaneHands
from edge.control.lane_orders import LaneOrders
from edge.control.lanes import LaneControl
from edge.control.orders import Orders
from edge.control.own_orders import OwnOrder, OwnOrders
from edge.control.recorder import Recorder
from edge.control.watching import WatchControl
from edge.device_secrets import DeviceSecrets, site_key
from edge.devices.driver import Outgoing, Registry
from edge.gate.acts import GateActs
from edge.gate.till import Till
from edge.intake.device_list import DeviceList
from edge.intake.intake import Intake
from edge.intake.topics_heard import TopicsHeard
from edge.releases.fetch import Fetcher
from edge.sync.backoff import jittered
from edge.sync.pull import Pull
from edge.sync.transport import Uplink
from edge.vision.wishes import check as check_scenes
from eventlog.log import LogBroken
from eventlog.sqlite import SqliteEventLog
from eventlog.sqlite_rows import Statement


@dataclass(frozen=True)
class Reach:
    """What Control may use of the agent: ``send`` tells a device now or not at all, ``now`` is the
    moment by the best clock there is, ``mend`` returns when the log may be tried again, ``look`` looks for devices."""

    send: Callable[[str, Outgoing], bool]
    now: Callable[[], datetime]
    mend: Callable[[LogBroken], Awaitable[None]]
    look: OwnOrder = lambda: "this gateway does not look for devices"


class Control:
    """Doors, orders and what they go by."""

    def __init__(
        self,
        config: Config,
        store: SqliteEventLog,
        registry: Registry,
        devices: DeviceList,
        intake: Intake,
        reach: Reach,
    ) -> None:
        self._settings, self._devices, self._intake, self._reach = config, devices, intake, reach
        self._store = store
        self.recorder = Recorder(self._record)
        topics, site = TopicsHeard(), config.site
        say, secrets_of = self.recorder.put, DeviceSecrets(config.folder)
        hands = DoorHands(devices, registry, site, reach.send, reach.now, _new_id, topics.of)
        self.doors = DoorControl(devices, site, hands, say, reach.now, lambda: site_key(secrets_of))
        hands_of_lanes = LaneHands(registry, site, reach.send, topics.of, reach.now, _new_lane_id)
        self.lanes = LaneControl(site, hands_of_lanes, say, reach.now)
        self.watching = WatchControl(say, reach.now)
        self.recorder.listeners.append(self.watching.said)
        of_lanes = LaneOrders(self.lanes, say, reach.now)
        self.gate = GateActs(Till(store), self.lanes, self._record, reach.now)
        own = OwnOrders(self._own_orders(), of_lanes.do)
        self.orders = Orders(store, registry, site, reach.send, say, topics.of, reach.now, own, self._sent)
        self.card_orders = CardOrders(store, registry, site, reach.send, topics.of, reach.now, _new_id)
        self.eraser = Eraser(store, intake.media, config.folder, say, reach.now, self._forget_erased)
        self.desired = DesiredState(store, reach.now, self._go_by, config.releases.key, self._check_scenes)
        self.card_lists = CardLists(devices, registry, site.zone, reach.now, self.recorder.put)
        self.charging = ChargeRights(site.zone, reach.now)
        self.releases = Fetcher(config.folder, version("gatehouse"), jittered(random.random))
        first = [self.doors.heard, topics.heard, self.lanes.heard]  # a person at a door first
        intake.listeners += [*first, self.watching.heard, self.orders.heard, self.card_orders.heard]

    async def _record(self, events: Sequence[Event], also: Sequence[Statement]) -> None:
        await self._intake.record(*events, also=also)

    def _go_by(self, state: InForce) -> None:
        listed = self._settings.devices if state.devices is None else state.devices
        self._devices.replace(listed)
        self._devices.is_the_centres = state.devices is not None
        self.doors.go_by(state)
        self.card_orders.go_by(msgspec.structs.replace(state, devices=listed))
        self.releases.want(state.release)
        self.orders.go_by(state)
        self.card_lists.go_by(state)
        self.charging.go_by(state)
        self.lanes.go_by(state.lanes, state.policy, state.erasures)
        self.watching.go_by(state.watched)
        self._devices.also_heard = self.lanes.kinds
        self.eraser.go_by(state.erasures)

    def _check_scenes(self, state: InForce) -> None:
        """Raises SceneMistake: what is wished of a camera of this gateway that it cannot do."""
        listed = self._settings.devices if state.devices is None else state.devices
        check_scenes(self._settings.vision, state.scenes.cameras, [device.id for device in listed])

    def _sent(self, order: Order) -> None:
        """A device is about to do what was ordered of it: no door is forced by that, no lane is surprised."""
        self.doors.ordered(order)
        self.lanes.ordered(order)

    def _own_orders(self) -> dict[str, OwnOrder]:
        """What the centre can order of the gateway itself."""
        doors = self.doors
        return {
            "doors.lock_down": lambda: doors.holds.lock_down(active=True),
            "doors.release": doors.holds.release,
            "doors.forget_areas": doors.forget_areas,
            "devices.discover": self._reach.look,
        }

    async def _forget_erased(self) -> int:
        await self.doors.forget_old(self._store)  # whoever is on no list of cards any more
        return await self.lanes.forget_erased(self._store)

    async def keep_house(self) -> None:
        """Let go of what nobody needs any more."""
        await self.orders.forget_old()
        await self.doors.forget_old(self._store)
        await self.gate.till.forget_old(self._reach.now())

    async def load(self) -> None:
        """Put in force what was kept, and answer for orders that a stop cut off. Before the first message is heard."""
        await self.doors.load(self._store)
        await self.lanes.load(self._store)
        await self.desired.load()
        await self.orders.resume()

    async def run(self) -> None:
        """Record what was done, and erase what is to be erased, fetch a release that is wished, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.recorder.run())
            tasks.create_task(self.eraser.run())
            tasks.create_task(self.card_orders.run())
            tasks.create_task(self.lanes.run(self._store))
            tasks.create_task(self.releases.run())

    async def pull(self, uplink: Uplink, retry_s: Callable[[int], float], hurry: asyncio.Event) -> None:
        """Ask the centre for wishes and orders, until cancelled; ``hurry`` rings when it is reachable again."""
        await Pull(uplink, self.desired, self.orders, self._reach.mend, retry_s, hurry).run()


def _new_id() -> str:
    return f"door-{secrets.token_hex(8)}"


def _new_lane_id() -> str:
    return f"lane-{secrets.token_hex(8)}"
