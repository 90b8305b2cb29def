"""Whether an Ed25519 signature holds (RFC 8032, section 5.1.7), with the standard library alone.

The step that installs runs as root without any bundled library, and must not believe what the agent has checked. Only
verifying is here: nothing in it is secret, so it need not take the same time for every input.
"""

from __future__ import annotations

import hashlib

_P = 2**255 - 19
_Q = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)  # of minus one
_Point = tuple[int, int, int, int]  # extended coordinates
_NEUTRAL: _Point = (0, 1, 1, 0)
_BYTES = 32


def verifies(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """False for every signature that does not hold, and for what is neither key nor signature."""
    if len(public_key) != _BYTES or len(signature) != 2 * _BYTES:
        return False
    key, nonce = _point(public_key), _point(signature[:_BYTES])
    scalar = int.from_bytes(signature[_BYTES:], "little")
    if key is None or nonce is None or scalar >= _Q:
        return False
    digest = hashlib.sha512(signature[:_BYTES] + public_key + message).digest()
    challenge = int.from_bytes(digest, "little") % _Q
    return _same(_times(scalar, _BASE), _plus(nonce, _times(challenge, key)))


def _plus(one: _Point, other: _Point) -> _Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = 2 * one[3] * other[3] * _D % _P
    d = 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(scalar: int, point: _Point) -> _Point:
    total = _NEUTRAL
    while scalar:
        if scalar & 1:
            total = _plus(total, point)
        point = _plus(point, point)
        scalar >>= 1
    return total


def _same(one: _Point, other: _Point) -> bool:
    return not ((one[0] * other[2] - other[0] * one[2]) % _P or (one[1] * other[2] - other[1] * one[2]) % _P)


def _x_of(y: int, sign: int) -> int | None:
    """The x of a point with this y, None where there is none."""
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    if not square:
        return None if sign else 0
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P:
        return None
    return x if x & 1 == sign else _P - x


def _point(encoded: bytes) -> _Point | None:
    number = int.from_bytes(encoded, "little")
    y, sign = number & (2**255 - 1), number >> 255
    x = _x_of(y, sign) if y < _P else None
    return None if x is None else (x, y, 1, x * y % _P)


def _base() -> _Point:
    y = 4 * pow(5, _P - 2, _P) % _P
    x = _x_of(y, 0)
    assert x is not None
    return x, y, 1, x * y % _P


_BASE = _base()
