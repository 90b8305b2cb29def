"""What a Vzenith camera is told over HTTP: the answer to its push, and the commands that go with an answer."""

from __future__ import annotations

import base64
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import msgspec

from edge.devices._arguments import whole_in, words
from edge.devices._fields import fields, flag, whole
from edge.devices._vzenith_commands import pulse_of, voice_of
from edge.devices.driver import Answer, CannotEncode, Command, Message, Site

_PLATE = "Response_AlarmInfoPlate"
_OPEN_RELAY, _CLOSE_RELAY = 0, 1
_FULL_VOLUME = 100
_decode_any = msgspec.json.Decoder().decode

Words = dict[str, Any]


def _answer(words_: Words, *, carries: bool = False) -> Answer:
    return Answer(msgspec.json.encode(words_), carries=carries)


# Not "info": "ok": that opens the barrier.
TAKEN: Words = {"info": "no", "content": "retransfer_stop", "channelNum": 0}
IDLE = _answer({"status": "ok"}, carries=True)  # to a heart-beat or a poll
HEARD = _answer({"status": "ok"})


def answer(message: Message, site: Site) -> Answer:
    """What stops the camera from sending it again. HTTP 200 alone does not, on newer firmware.

    A record of the past asks for the next one, and carries no command: the car is long gone.
    """
    payload = message.payload.strip(b"\0 \t\r\n")
    if payload[:1] != b"{":
        return IDLE
    try:
        push = fields(_decode_any(payload))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return HEARD
    if "AlarmInfoPlate" not in push:
        return IDLE if "serialno" in push else HEARD
    result = fields(fields(fields(push["AlarmInfoPlate"]).get("result")).get("PlateResult"))
    if not flag(result.get("isoffline")):
        return _answer({_PLATE: TAKEN}, carries=True)
    number = whole(result.get("plateid"))
    more = {} if number is None else _go_on(number)
    return _answer({_PLATE: {**TAKEN, **more}})


def _go_on(plateid: int) -> Words:
    return {"ContinuePushOffline": {"plateid": plateid, "continue": 1}}


def encode(command: Command, site: Site, topic_hint: str) -> Answer:
    """What goes with the next answer. Raises CannotEncode."""
    make = _COMMANDS.get(command.name)
    if make is None:
        raise CannotEncode(
            f"Vzenith cameras have no {command.name!r} over HTTP; they have {', '.join(sorted(_COMMANDS))}"
        )
    return _answer({_PLATE: make(command)})


def _open(command: Command) -> Words:
    """By the camera's own word for it; by its relay where one is named, or something is said with it."""
    if not {"voice", "io", "pulse_ms"} & command.args.keys():
        return {"info": "ok", "content": "retransfer_stop", "is_pay": "true", "channelNum": 0}
    spoken = _speak(words(command, "voice")) if "voice" in command.args else {}
    return {**spoken, "ivs_ioctrl": pulse_of(command, _OPEN_RELAY)}


def _close(command: Command) -> Words:
    return {"ivs_ioctrl": pulse_of(command, _CLOSE_RELAY)}


def _speak(text: str) -> Words:
    return {
        "playserver_json_request": {
            "type": "ps_voice_play",
            "voice": base64.b64encode(text.encode()).decode(),
            "voice_interval": 0,
            "voice_volume": _FULL_VOLUME,
            "voice_male": 1,
        }
    }


def _voice(command: Command) -> Words:
    """By the board at the serial line, as over MQTT."""
    return {"serialData": [voice_of(command)]}


def _replay(command: Command) -> Words:
    return _go_on(whole_in(command, "plateid", 0, 2**63 - 1))


_COMMANDS: MappingProxyType[str, Callable[[Command], Words]] = MappingProxyType(
    {
        "barrier.open": _open,
        "barrier.close": _close,
        "display.voice": _voice,
        "replay.continue": _replay,
    }
)
