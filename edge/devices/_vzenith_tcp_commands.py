"""Commands to Vzenith cameras on TCP 8131. ``ioctl`` has no answer: that a relay fired is nowhere said."""

from __future__ import annotations

import base64
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from edge.devices import _led_boards, _vzenith_frame
from edge.devices._arguments import span, texts, whole_in, words
from edge.devices._times import local_text
from edge.devices.driver import CannotEncode, Command, Packet, Site

_PULSE = 2  # value of ioctl: 0 off, 1 on, 2 on for the delay
_OPEN_RELAY, _CLOSE_RELAY, _LAST_RELAY = 0, 1, 3
_PULSE_MS, _MIN_PULSE_MS, _MAX_PULSE_MS = 500, 500, 5_000
FIRST_FREE_SEQUENCE = 32  # below stand those of the commands here
GET_SERIAL = _vzenith_frame.message(1, {"cmd": "getsn"})
SUBSCRIBE = _vzenith_frame.message(
    16, {"cmd": "ivsresult", "enable": True, "format": "json", "image": True, "image_type": 2}
)
GET_CLOCK = _vzenith_frame.message(2, {"cmd": "get_device_timestamp"})
BEAT = _vzenith_frame.frame(0, b"", _vzenith_frame.HEARTBEAT)

Body = dict[str, Any]


def encode(command: Command, site: Site, topic_hint: str) -> Packet:
    """The frame for a camera; its sequence, by which an answer is known, is the command's own. Raises CannotEncode."""
    found = _COMMANDS.get(command.name)
    if found is None:
        raise CannotEncode(f"over TCP Vzenith cameras have no {command.name!r}, only {', '.join(sorted(_COMMANDS))}")
    sequence, make = found
    return Packet(_vzenith_frame.message(sequence, make(command, site)), command.request_id)


def newest(sequence: int) -> bytes:
    return _vzenith_frame.message(sequence, {"cmd": "get_max_rec_id"})


def record(number: int, sequence: int) -> bytes:
    return _vzenith_frame.message(sequence, {"cmd": "get_record", "id": number, "format": "json", "image": True})


def _identify(command: Command, site: Site) -> Body:
    return {"cmd": "getsn"}


def _open(command: Command, site: Site) -> Body:
    return _pulse(command, _OPEN_RELAY)


def _close(command: Command, site: Site) -> Body:
    return _pulse(command, _CLOSE_RELAY)


def _pulse(command: Command, relay: int) -> Body:
    delay = whole_in(command, "pulse_ms", _MIN_PULSE_MS, _MAX_PULSE_MS, _PULSE_MS)
    return {"cmd": "ioctl", "delay": delay, "io": whole_in(command, "io", 0, _LAST_RELAY, relay), "value": _PULSE}


def _trigger(command: Command, site: Site) -> Body:
    return {"cmd": "trigger"}


def _set_clock(command: Command, site: Site) -> Body:
    return {"cmd": "set_time", "timestring": local_text(command.issued_at, site.zone)}


def _put_plates(command: Command, site: Site) -> Body:
    """``plates`` (one: the camera takes one a message), ``valid_utc`` (two times)."""
    begin, end = span(command, "valid_utc")
    entry = {
        "create_time": local_text(command.issued_at, site.zone),
        "enable_time": local_text(begin, site.zone),
        "overdue_time": local_text(end, site.zone),
        "enable": 1,
        "plate": _one_plate(command),
        "time_seg_enable": 0,
        "need_alarm": 0,
    }
    return {"cmd": "white_list_operator", "operator_type": "update_or_add", "dldb_rec": entry}


def _delete_plates(command: Command, site: Site) -> Body:
    return {"cmd": "white_list_operator", "operator_type": "delete", "plate": _one_plate(command)}


def _one_plate(command: Command) -> str:
    plates = texts(command, "plates")
    if len(plates) != 1:
        raise CannotEncode(f"{command.name} takes one plate at a time over TCP, not {len(plates)}")
    return plates[0]


def _voice(command: Command, site: Site) -> Body:
    """``text``; perhaps ``board`` (its protocol) and ``serial_channel``."""
    frame_of = _led_boards.VOICE.get(words(command, "board", "0x64"))
    if frame_of is None:
        raise CannotEncode(f"no LED board {command.args['board']!r}; there are {', '.join(sorted(_led_boards.VOICE))}")
    try:
        spoken = frame_of(words(command, "text"))
    except _led_boards.BadText as error:
        raise CannotEncode(f"{command.name}: {error}") from error
    port = f"rs485-{whole_in(command, 'serial_channel', 0, 1, 0) + 1}"
    text = base64.b64encode(spoken).decode()
    return {"cmd": "ttransmission", "subcmd": "send", "datalen": len(spoken), "data": text, "comm": port}


_COMMANDS: MappingProxyType[str, tuple[int, Callable[[Command, Site], Body]]] = MappingProxyType(
    {
        "identify": (1, _identify),
        "barrier.open": (2, _open),
        "barrier.close": (3, _close),
        "camera.trigger": (4, _trigger),
        "clock.set": (5, _set_clock),
        "allowlist.put": (6, _put_plates),
        "allowlist.delete": (7, _delete_plates),
        "display.voice": (8, _voice),
    }
)
