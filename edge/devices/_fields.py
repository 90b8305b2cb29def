"""Reading what devices write in their fields: numbers as text, missing, of another type, secret, or plain wrong."""

from __future__ import annotations

import binascii
import math
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import msgspec

from domain.events import Raw
from domain.ids import content_name
from edge.devices.driver import BadMessage, Message, Picture

T = TypeVar("T")

_PADDING = "\0 \r\n\t"  # firmware wraps C strings, their end included
_MAX_WHOLE = 2**63 - 1
_MAX_CODES = 32
_MAX_CODE_LENGTH = 200
_MAX_DEPTH = 4
_WORDS = (
    "pass_?wd|passw|passphrase|pwd|secret|token|credential|api_?key|private_?key|auth|signature|otp|nonce"
    "|pin_?code|action_code"  # typed at a keypad
)
_SECRET_NAME = re.compile(rf"{_WORDS}|^(?:key|pin|iv)$", re.IGNORECASE)
_SECRET_FIELD = re.compile(
    rf'"[^"\\]{{0,40}}(?:{_WORDS})[^"\\]{{0,40}}"\s*:|"(?:key|pin|iv)"\s*:'.encode(), re.IGNORECASE
)
_SIGNED = re.compile(rf"([?&][\w.-]*(?:sig|sign|expires|{_WORDS}|key)[\w.-]*=)[^&]*", re.IGNORECASE)
_USER = re.compile(r"//[^/@]*@")


def decode_json(decode: Callable[[bytes], T], payload: bytes, what: str) -> T:
    """``payload`` by a msgspec decoder. Raises BadMessage, whatever the bytes are."""
    try:
        return decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadMessage(f"{what}: {error}") from error


def whole(value: object) -> int | None:
    """A whole number of at most 64 bits, sent as a number or as text; None for anything else."""
    if type(value) is int:  # nearly always, and fifteen times a message
        return value if -_MAX_WHOLE <= value <= _MAX_WHOLE else None
    number = value
    if isinstance(number, str):
        number = number_in(number)
    if isinstance(number, float):
        number = int(number) if number.is_integer() else None
    return int(number) if isinstance(number, int) and -_MAX_WHOLE <= number <= _MAX_WHOLE else None


def number_in(value: object) -> int | float | None:
    """A finite number, sent as a number or as text; None for anything else."""
    if isinstance(value, str):
        return _number_of(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, int) and abs(value) <= _MAX_WHOLE else None


def _number_of(text: str) -> int | float | None:
    try:
        whole_number = int(text)
    except ValueError:
        pass  # not whole: perhaps a decimal
    else:
        return whole_number if abs(whole_number) <= _MAX_WHOLE else None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def text_in(value: object) -> str | None:
    """Text without blanks around it; numbers as text; None where nothing is said."""
    if isinstance(value, str):
        return value.strip() or None
    number = None if isinstance(value, bool) else number_in(value)
    return None if number is None else str(number)


def flag(value: object) -> bool:
    """Whether a device says yes: true, 1, "1" or "true"."""
    return value is True or value == 1 or (isinstance(value, str) and value.strip().lower() in {"1", "true"})


def fields(value: object) -> dict[str, Any]:
    """A JSON object; an empty one for anything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """A JSON array; a lone object counts as an array of one; empty for anything else."""
    if isinstance(value, list):
        return cast("list[Any]", value)
    return [value] if isinstance(value, dict) else []


def plain_or_base64(text: str) -> str:
    """Text that a device may have wrapped in base64(UTF-8): unwrapped only where that gives printable text."""
    if text.startswith(("/", "http")) or not text.isascii():
        return text
    try:
        unwrapped = binascii.a2b_base64(text, strict_mode=True).decode().strip(_PADDING)
    except ValueError:  # not base64, or not UTF-8 inside
        return text
    return unwrapped if unwrapped and unwrapped.isprintable() else text


def base64_bytes(value: object) -> bytes:
    """The bytes in a base64 field; none where it is empty, absent or not base64."""
    if not isinstance(value, str) or not value:
        return b""
    try:
        return binascii.a2b_base64(value.rpartition(",")[2] if value.startswith("data:") else value)
    except ValueError:  # binascii.Error is one
        return b""


def media_type(body: bytes) -> str | None:
    """What kind of picture begins like this; None where it is none that we know."""
    if body.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if body.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    return "image/webp" if body[:4] == b"RIFF" and body[8:12] == b"WEBP" else None


def without_secrets(ref: str) -> str:
    """A path or URL without user, password and signatures: a signed URL is a key while it lasts."""
    if "@" not in ref and "?" not in ref:
        return ref
    return _SIGNED.sub(r"\1", _USER.sub("//", ref))


def codes(value: object) -> dict[str, Any]:
    """The numbers and short texts in a JSON value, by dotted names; at most 32, never a secret, never a picture."""
    found: dict[str, Any] = {}
    for name, scalar in _scalars(value, "", 0):
        if len(found) == _MAX_CODES:
            break
        found[name] = scalar
    return found


def _scalars(value: Any, name: str, depth: int) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict | list) and depth < _MAX_DEPTH:
        for key, inner in _members(value):
            if not _SECRET_NAME.search(key):
                yield from _scalars(inner, f"{name}.{key}" if name else key, depth + 1)
    elif name and _is_code(value):
        yield name, value


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    named = fields(value)
    return ((str(key), inner) for key, inner in (named.items() if named else enumerate(items(value))))


def _is_code(value: Any) -> bool:
    if isinstance(value, str):
        return 0 < len(value) <= _MAX_CODE_LENGTH
    return number_in(value) is not None


def keep_raw(message: Message, encoding: str) -> tuple[Raw | None, list[Picture]]:
    """The message an unknown event came from, to be kept beside the log, unless it holds a password or a key."""
    if _SECRET_FIELD.search(message.payload):
        return None, []
    name = content_name(message.payload)
    return Raw(encoding=encoding, sha256=name), [Picture(name, message.payload)]
