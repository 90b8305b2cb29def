"""Makes the disk fail for one process alone: a library that is loaded before it and obeys a file of orders."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Literal

Order = Literal["sync fail", "write fail", "sync lie"]
_SOURCE = Path(__file__).with_name("io_shim.c")


class Shim:
    """For the files below ``target``. ``env`` goes into the environment of the process that shall suffer."""

    def __init__(self, folder: Path, target: Path) -> None:
        """Compiles the library into ``folder``. Raises CalledProcessError with the compiler's words."""
        library = folder / "io_shim.so"
        command = ["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", str(library), str(_SOURCE)]
        subprocess.run(command, check=True, timeout=60)
        self._orders = folder / "orders"
        self.env = {
            "LD_PRELOAD": str(library),
            "GATEHOUSE_SHIM": str(self._orders),
            "GATEHOUSE_SHIM_FOLDER": str(target),
        }

    def order(self, order: Order) -> None:
        """From now on, until ``mend``."""
        aside = self._orders.with_suffix(".part")
        aside.write_text(order)
        aside.rename(self._orders)

    def mend(self) -> None:
        self._orders.unlink(missing_ok=True)
