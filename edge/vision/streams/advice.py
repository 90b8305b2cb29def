"""What an installer does about a stream that cannot be read, by the reason that is said."""

from __future__ import annotations

from collections.abc import Mapping

from edge.vision.streams.where import Reason

_STEPS: Mapping[Reason, str] = {
    "bad_address": "write rtsp://, its host, and the path of its stream",
    "unreachable": "is it on, and on this network? is this the port of its RTSP?",
    "unauthorised": "enter its password, of a user who may view: gatehouse-edge device-secret {device} --user NAME",
    "not_found": "it has no such stream: take its maker's path from docs/devices/camera.md",
    "silent": "it answers and sends nothing: does its own page let another viewer in, and is it busy?",
    "no_video": "the path is of a stream without pictures: take its maker's from docs/devices/camera.md",
    "too_large": "set a smaller picture on its own page, or raise max_pixels",
    "unreadable": "set H.264 or H.265 on its own page, without its maker's additions",
    "ended": "it ends by itself: look at its own page, and whether another viewer pushes this one out",
    "late": "this box is too slow for it: fewer pictures a second, a smaller picture, or a keyframe every 2 s",
    "failed": "try the address in another player; then send us what the agent's log says",
}


def next_step(reason: Reason, device: str) -> str:
    return _STEPS[reason].format(device=device)
