"""OSDP over RS-485: a line for each serial port of the device list; what is keyed or shown stays beside the log."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import structlog

from edge.device_secrets import DeviceSecrets
from edge.devices._osdp_cards import is_code
from edge.devices.driver import NO_SECRET, Message, Outgoing, Packet, Secret
from edge.transports.links import Around
from edge.transports.osdp_address import KIND, Place, lines_of
from edge.transports.osdp_keys import Keys
from edge.transports.osdp_line import Line

log = structlog.get_logger()

FAMILY = "osdp"
_LOOK_S = 1.0
Wire = dict[str, Any]


def make(around: Around) -> OsdpBus:
    return OsdpBus(around)


class OsdpBus:
    """Lines by path."""

    def __init__(self, around: Around) -> None:
        self._around, self._secrets = around, DeviceSecrets(around.config.folder)
        self._lines: dict[str, Line] = {}
        self._wrong: list[str] = []
        self._keys = Keys()
        self._reports: dict[tuple[str, str], bytes] = {}

    async def run(self) -> None:
        """Until cancelled."""
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                await self._settle()
                await asyncio.sleep(_LOOK_S)
        finally:
            await asyncio.gather(*(asyncio.to_thread(line.stop) for line in self._lines.values()))

    def send(self, device: str, message: Outgoing) -> bool:
        """Whether the device is there, in a secure channel, and its line had room."""
        if not isinstance(message, Packet) or not device.startswith(f"{KIND}:"):
            return False
        worded: Wire | list[Wire] = msgspec.json.decode(message.payload)
        commands = worded if isinstance(worded, list) else [worded]
        return any(line.send(device, commands, message.request_id) for line in list(self._lines.values()))

    async def _settle(self) -> None:
        """The lines as the device list wants them."""
        wanted, wrong = lines_of(self._around.devices.with_address(KIND), self._secrets)
        for sentence in wrong if wrong != self._wrong else ():
            log.error("osdp_device_not_reached", reason=sentence)
        self._wrong = wrong
        for path, line in list(self._lines.items()):
            if wanted.get(path) != line.places:
                del self._lines[path]
                await asyncio.to_thread(line.stop)
        for path in wanted.keys() - self._lines.keys():
            log.info("osdp_line", path=path, devices=[place.device for place in wanted[path]])
            self._lines[path] = Line(wanted[path], self._hand_over)

    def _hand_over(self, place: Place, words: Wire) -> None:
        """In the line's thread."""
        try:
            self._loop.call_soon_threadsafe(self._hear, place, words)
        except RuntimeError:
            return  # the agent stops: nobody listens any more

    def _hear(self, place: Place, words: Wire) -> None:
        match words["event"]:
            case "KeyPress":
                for keyed in self._keys.press(place.device, words["reader_no"], words["data"], self._loop.time()):
                    self._offer(place, {"event": "KeyPress", "reader_no": words["reader_no"]}, Secret(keyed))
            case "CardRead" if is_code(words["format"], words["length"], words["data"]):
                shown = {"event": "CardRead", "reader_no": words["reader_no"], "format": "ASCII"}
                self._offer(place, shown, Secret(words["data"].decode("ascii", "replace").strip("\0\r\n ")))
            case "Status":
                self._offer(place, self._report(place, words))
            case _:
                self._offer(place, words)

    def _report(self, place: Place, words: Wire) -> Wire:
        """The report beside the one before it: the driver remembers nothing."""
        key, report = (place.device, words["type"]), words["report"]
        last = self._reports.get(key)
        self._reports[key] = report
        before = {"whole": True} if last is None else {"last_hex": last.hex()}
        return {"event": "Status", "type": words["type"], "report_hex": report.hex(), **before}

    def _offer(self, place: Place, words: Wire, secret: Secret = NO_SECRET) -> None:
        clock = self._around.clock
        worded = {"pd": place.pd, **{key: value for key, value in words.items() if key != "data"}}
        if "data" in words:
            worded["data_hex"] = words["data"].hex()
        message = Message(
            FAMILY,
            msgspec.json.encode(worded),
            received_at=clock.now(),
            gateway_clock=clock.state,
            sender=place.device.partition(":")[2],
            secret=secret,
        )
        self._around.intake.offer(message, lambda: None)
