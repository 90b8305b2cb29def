"""What the agent's parts share: one structure that ``agent`` fills, and the others are given whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edge.clock import Clock
from edge.config import Config
from edge.control.control import Control
from edge.discovery.searching import Searching
from edge.intake.device_list import DeviceList
from edge.intake.intake import Intake
from edge.status.status import Notices
from edge.store.keeper import Keeper
from edge.store.media import MediaStore
from edge.transports.links import Links
from edge.transports.mqtt import MqttTransport
from eventlog.sqlite import SqliteEventLog


@dataclass(frozen=True)
class Parts:
    """One running gateway."""

    config: Config
    store: SqliteEventLog
    clock: Clock
    devices: DeviceList
    media: MediaStore
    notices: Notices
    keeper: Keeper
    intake: Intake
    mqtt: MqttTransport
    links: Links
    control: Control
    searching: Searching
    retry_s: Callable[[int], float]
