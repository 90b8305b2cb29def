"""What the kernel says of its clock: whether NTP, PTP or a radio clock keeps it right. Linux; see adjtimex(2)."""

from __future__ import annotations

import ctypes
import sys

_STA_UNSYNC = 0x0040
_TIME_ERROR = 5
_REST_BYTES = 512  # more than any kernel writes behind the fields that we read

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class _Timex(ctypes.Structure):
    """The beginning of struct timex. ``modes`` 0 asks and changes nothing, and needs no right."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * _REST_BYTES),
    )


def kernel_vouches() -> bool:
    """Whether the kernel holds its clock for synchronised; False where it cannot be asked."""
    if _libc is None:
        return False
    asked = _Timex()
    state: int = _libc.adjtimex(ctypes.byref(asked))
    return 0 <= state < _TIME_ERROR and not asked.status & _STA_UNSYNC
