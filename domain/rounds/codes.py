"""Codes of checkpoints: on a label as a QR code and as signs to type; a phone without a network knows a slip."""

from __future__ import annotations

_SIGNS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # 31: a prime number, and none that look alike
LENGTH = 9  # eight by chance, 39 bits, and one that follows from them
RANDOM_BYTES = 16
_FNV_BASIS, _FNV_PRIME, _MASK = 0x811C9DC5, 0x01000193, 0xFFFFFFFF


def code_of(chance: bytes) -> str:
    """A code from RANDOM_BYTES of chance. Raises ValueError for fewer."""
    if len(chance) < RANDOM_BYTES:
        raise ValueError(f"{len(chance)} bytes of chance, at least {RANDOM_BYTES}")
    number, signs = int.from_bytes(chance, "big"), ""
    for _ in range(LENGTH - 1):
        number, rest = divmod(number, len(_SIGNS))
        signs += _SIGNS[rest]
    return signs + _last(signs)


def canonical(text: str) -> str | None:
    """A code as somebody typed it; None where a sign is wrong, or two changed places."""
    signs = "".join(text.upper().replace("-", "").split())
    is_whole = len(signs) == LENGTH and set(signs) <= set(_SIGNS)
    return signs if is_whole and signs[-1] == _last(signs[:-1]) else None


def _last(signs: str) -> str:
    """With it the weighted sum is 0 modulo a prime; weights differ: a slip, or an exchange of neighbours, shows."""
    return _SIGNS[-sum(place * _SIGNS.index(sign) for place, sign in enumerate(signs, 2)) % len(_SIGNS)]


def mark_of(code: str) -> int:
    """By what a page knows a code without holding it: 24 bits, of which many codes have the same (FNV-1a, as the
    page's script reckons it too)."""
    mark = _FNV_BASIS
    for byte in code.encode():
        mark = ((mark ^ byte) * _FNV_PRIME) & _MASK
    return mark >> 8
