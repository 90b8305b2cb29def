"""What an installer says of the cameras whose pictures this box looks at: the part [vision] of the settings."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Polygon = Annotated[tuple[tuple[Share, Share], ...], Meta(min_length=3, max_length=64)]
LookerName = Annotated[str, Meta(pattern=r"^[a-z][a-z_]{0,31}$")]


class Health(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is watched of a camera's health."""

    frozen_s: Annotated[float, Meta(ge=0, le=3_600)] = 8.0  # a picture that stands so long; 0: not watched
    moved: bool = True  # false for a camera that turns
    new_view_s: Annotated[float, Meta(gt=0)] = 3_600.0  # a view that stays so long is the reference from then on


class Camera(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One camera, by its id in the device list; its ``address`` there is the stream that is watched.

    ``main``: the address of its large stream, whose packets are kept and decoded only where a picture of it is wanted:
    for what is told, and by the lookers named in ``on_main``, as of plates. The camera's password is used for it too.
    """

    main: Annotated[str, Meta(max_length=2_000)] = ""
    main_bytes: Annotated[int, Meta(ge=1024 * 1024, le=64 * 1024 * 1024)] = 8 * 1024 * 1024  # kept of it at most
    on_main: Annotated[tuple[LookerName, ...], Meta(max_length=8)] = ()
    fps: Annotated[float, Meta(gt=0, le=60)] = 15.0  # what comes beyond it is not looked at
    keyframes_only: bool = False
    skip_loop_filter: bool = False
    max_pixels: Annotated[int, Meta(ge=64 * 64, le=64_000_000)] = 4096 * 2304
    masks: Annotated[tuple[Polygon, ...], Meta(max_length=32)] = ()  # shares of width and height: nobody sees there
    jpeg_quality: Annotated[int, Meta(ge=20, le=100)] = 85
    picture_width: Annotated[int, Meta(ge=160, le=8_192)] = 1_920
    clip_s: Annotated[float, Meta(ge=0, le=30)] = 5.0  # before and after an event; 0: no clips
    clip_bytes: Annotated[int, Meta(ge=0, le=6 * 1024 * 1024)] = 4 * 1024 * 1024
    health: Health = Health()
    lookers: Annotated[dict[LookerName, dict[str, Any]], Meta(max_length=8)] = {}

    def __post_init__(self) -> None:
        if missing := set(self.on_main) - self.lookers.keys():
            raise ValueError(f"`on_main`: no looker {sorted(missing)[0]!r} among `lookers`")
        if self.on_main and not self.main:
            raise ValueError("`on_main`: no `main`; write the address of the camera's large stream there")


class Vision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Cameras without brains: their pixels are looked at in child processes."""

    cameras_per_child: Annotated[int, Meta(ge=1, le=64)] = 9
    memory_mb: Annotated[int, Meta(ge=64, le=65_536)] = 600  # of one child; above it it is ended and begun anew
    looks_per_s: Annotated[float, Meta(gt=0, le=1_000)] = 18.0  # for things, of all cameras together: the network
    looks_cores: Annotated[float, Meta(gt=0, le=64)] = 0.3  # of them all: where looks cost more, there are fewer
    objects_model: str = ""  # the file of the network, for scenes that name none
    cameras: dict[str, Camera] = {}

    def of(self, device: str) -> Camera:
        """The settings of a camera; the usual ones where none are written."""
        return self.cameras.get(device, Camera())
