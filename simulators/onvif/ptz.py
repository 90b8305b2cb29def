"""The PTZ service: presets, and where it looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.onvif.soap import Asked, SoapFault

if TYPE_CHECKING:
    from simulators.onvif.camera import Camera

HOME = "home"


def presets(camera: Camera, _asked: Asked) -> str:
    listed = "".join(
        f'<tptz:Preset token="{token}"><tt:Name>{name}</tt:Name></tptz:Preset>'
        for token, name in camera.presets.items()
    )
    return f"<tptz:GetPresetsResponse>{listed}</tptz:GetPresetsResponse>"


def go_to(camera: Camera, asked: Asked) -> str:
    token = asked.text("PresetToken")
    if token not in camera.presets:
        raise SoapFault("ter:NoToken", f"no preset {token}")
    camera.moves.append(token)
    return "<tptz:GotoPresetResponse/>"


def go_home(camera: Camera, _asked: Asked) -> str:
    camera.moves.append(HOME)
    return "<tptz:GotoHomePositionResponse/>"
