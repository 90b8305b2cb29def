"""The agent as a program of its own, with the pass-through family of benchmarks/drivers beside its own."""

from __future__ import annotations

from pathlib import Path

import edge.devices
from edge.commands.app import main

if __name__ == "__main__":
    edge.devices.__path__.append(str(Path(__file__).parent / "drivers"))  # the folder walk finds it as any driver
    main()
