"""A card reader on RS-485: another project's peripheral (libosdp) at one end of a pty, in a secure channel.

Only where libosdp is installed: the extra ``osdp``.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import tty
from typing import Any

W26 = 26


def is_here() -> bool:
    """Whether libosdp can be had."""
    return importlib.util.find_spec("osdp") is not None


def w26(facility: int, number: int) -> bytes:
    """The 26 bits of a card, left-aligned: even parity over the first half, odd over the second."""
    bits = (facility & 0xFF) << 16 | number & 0xFFFF
    even = (bits >> 12).bit_count() & 1
    odd = 1 - ((bits & 0xFFF).bit_count() & 1)
    return ((even << 25 | bits << 1 | odd) << 6).to_bytes(4)


class Reader:
    """One reader at address ``pd``; ``path`` is the end of the line that the panel opens."""

    def __init__(self, pd: int, key: bytes) -> None:
        self._pd, self._key = pd, key
        self._theirs, self._ours = os.openpty()
        for handle in (self._theirs, self._ours):
            tty.setraw(handle)
        self.path = os.ttyname(self._ours)
        self._peripheral: Any = None

    def start(self) -> None:
        lib = _library()
        info = lib.PDInfo(self._pd, _end(self._theirs), scbk=self._key, flags=[lib.LibFlag.EnforceSecure])
        can = lib.PDCapabilities([(lib.Capability.OutputControl, 1, 8), (lib.Capability.LEDControl, 1, 1)])
        self._peripheral = lib.PeripheralDevice(info, can, log_level=lib.LogLevel.Critical)
        self._peripheral.start()

    @property
    def is_secure(self) -> bool:
        return self._peripheral is not None and self._peripheral.is_sc_active()

    def card(self, bits: bytes, length: int = W26) -> None:
        """A card is held to it."""
        lib = _library()
        said = {"event": lib.Event.CardRead, "reader_no": 0, "direction": 0, "format": lib.CardFormat.Wiegand}
        self._peripheral.submit_event({**said, "length": length, "data": bits})

    def told(self, timeout_s: int = 0) -> dict[str, Any] | None:
        """The next order that reached it: an output, a light, a tone."""
        return self._peripheral.get_command(timeout_s)

    def stop(self) -> None:
        if self._peripheral is not None:
            self._peripheral.teardown()
        for handle in (self._theirs, self._ours):
            with contextlib.suppress(OSError):
                os.close(handle)


def _library() -> Any:
    """Only where a reader is wanted: it is native, and nobody else needs it."""
    return importlib.import_module("osdp")


def _end(handle: int) -> Any:
    os.set_blocking(handle, False)

    class End(_library().Channel):
        def read(self, max_bytes: int) -> bytes:
            try:
                return os.read(handle, max_bytes)
            except OSError:
                return b""

        def write(self, buf: bytes) -> int:
            try:
                return os.write(handle, buf)
            except OSError:
                return 0

        def flush(self) -> None:
            pass

    return End()
