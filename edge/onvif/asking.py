"""One question to a camera: its answer within a bound, or a fault by its name and without an address in it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from edge.onvif.faults import HalfAnswer, OnvifFault, Refused, Unauthorised, Unreachable

T = TypeVar("T")
_ANSWER_S = 8.0


async def asked(what: str, answer: Awaitable[T], within_s: float | None = None) -> T:
    """The answer, or why there is none. Raises OnvifFault."""
    from edge.onvif.library import LibraryError, SoapError

    within_s = _ANSWER_S if within_s is None else within_s
    try:
        async with asyncio.timeout(within_s):
            return await answer
    except OnvifFault:
        raise
    except TimeoutError as error:
        raise Unreachable(f"no answer to {what} within {within_s:.0f} s") from error
    except (LibraryError, SoapError) as error:
        raise _fault(what, error) from error
    except OSError as error:
        raise Unreachable(f"{what}: {error.strerror or type(error).__name__}") from error
    except Exception as error:  # whatever else it broke in the library: a camera's defect, said by its kind alone
        raise _other(what, error) from error


def _fault(what: str, error: Exception) -> OnvifFault:
    from edge.onvif.library import Fault, LibraryError, TransportError, is_auth_error, words_of

    if isinstance(error, LibraryError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    if isinstance(error, Fault):
        said = f"{what}: {words_of(error)}"
        return Unauthorised(said) if is_auth_error(error) else Refused(said)
    if isinstance(error, TransportError):
        return _of_status(what, error)
    return HalfAnswer(f"the answer to {what} is none: {type(error).__name__}")


def _of_status(what: str, error: Any) -> OnvifFault:
    status = int(error.status_code or 0)
    if status in (401, 403):
        return Unauthorised(f"{what}: HTTP {status}")
    if status == 200:
        return HalfAnswer(f"the answer to {what} is no XML")
    return Refused(f"{what}: HTTP {status}")


def _other(what: str, error: Exception) -> OnvifFault:
    from aiohttp import ClientError, ClientPayloadError

    if isinstance(error, ClientPayloadError):
        return HalfAnswer(f"the answer to {what} cannot be taken: {error}"[:300])
    if isinstance(error, ClientError):
        return Unreachable(f"{what}: {type(error).__name__}")
    return HalfAnswer(f"the answer to {what} is none: {type(error).__name__}")
