"""The libraries for pictures: what to do where this box has none of them."""

from __future__ import annotations

import sys
from pathlib import Path

PACKAGED = Path("/opt/gatehouse")  # where the Debian package's agent lies, apart from Debian's Python
_BY_PIP = "pip install 'gatehouse[edge,vision]'"
_PACKAGED = (
    f"the package for Debian carries none of them; put them into {PACKAGED / 'vision'} once: "
    "/usr/share/doc/gatehouse-edge/install.md, Cameras and plates"
)


def how_to_get(program: str = "") -> str:
    """``program``: the agent's file, else the one that runs."""
    own = Path(program or sys.argv[0]).resolve()
    return _PACKAGED if own.is_relative_to(PACKAGED) else _BY_PIP
