"""What libraries above want of ours from now on: subscriptions, and cars to be looked for; placed and taken back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from fastapi import APIRouter, Request, Response

from domain.viid.envelopes import Fields
from server.api.viid import FromPeer, library_of, sent, told
from server.auth import address_of
from server.viid.door import bad_content, only
from server.viid.settings import Peer
from server.viid.taking import Verdict

router = APIRouter(prefix="/VIID")

_MOST_NUMBERS, _MOST_REASON_SIGNS = 200, 256
Take = Callable[[Peer, str, Sequence[Fields]], Awaitable[Sequence[Verdict]]]
TakeBack = Callable[[Peer, str, Sequence[str], str], Awaitable[Sequence[Verdict]]]


@router.post("/Subscribes")
@router.put("/Subscribes")
async def subscribe(request: Request, peer: FromPeer) -> Response:
    """A status for each; OperateType 1 cancels."""
    return await _taken(request, peer, "Subscribe", library_of(request).subscribing.take)


@router.put("/Subscribes/{number}")
async def change(request: Request, number: str, peer: FromPeer) -> Response:
    """One, by its number; OperateType 1 cancels it."""
    return await _taken(request, peer, "Subscribe", library_of(request).subscribing.take, number)


@router.delete("/Subscribes")
async def unsubscribe(request: Request, peer: FromPeer) -> Response:
    """``?IDList=a,b``."""
    return await _taken_back(request, peer, library_of(request).subscribing.cancel, _numbers(request))


@router.delete("/Subscribes/{number}")
async def unsubscribe_one(request: Request, number: str, peer: FromPeer) -> Response:
    """One, by its number."""
    return await _taken_back(request, peer, library_of(request).subscribing.cancel, [number])


@router.post("/Dispositions")
@router.put("/Dispositions")
async def dispositions(request: Request, peer: FromPeer) -> Response:
    """Watch lists: a status for each; OperateType 1 withdraws."""
    return await _taken(request, peer, "Disposition", library_of(request).dispositions.take)


@router.put("/Dispositions/{number}")
async def change_disposition(request: Request, number: str, peer: FromPeer) -> Response:
    """One, by its number; OperateType 1 withdraws it."""
    return await _taken(request, peer, "Disposition", library_of(request).dispositions.take, number)


@router.delete("/Dispositions")
async def withdraw(request: Request, peer: FromPeer) -> Response:
    """``?IDList=a,b``."""
    return await _taken_back(request, peer, library_of(request).dispositions.withdraw, _numbers(request))


@router.delete("/Dispositions/{number}")
async def withdraw_one(request: Request, number: str, peer: FromPeer) -> Response:
    """One, by its number."""
    return await _taken_back(request, peer, library_of(request).dispositions.withdraw, [number])


async def _taken(request: Request, peer: Peer, name: str, take: Take, number: str = "") -> Response:
    """``number``: the one that its address names, whatever number stands in the message."""
    only(peer, "upper")
    found = [one.said for one in await sent(request, name)]
    said = [{**found[0], f"{name}ID": number}] if number else found
    return told(request, await take(peer, address_of(request) or "", said))


async def _taken_back(request: Request, peer: Peer, take_back: TakeBack, numbers: Sequence[str]) -> Response:
    only(peer, "upper")
    why = request.query_params.get("Reason", "")[:_MOST_REASON_SIGNS]
    return told(request, await take_back(peer, address_of(request) or "", numbers, why))


def _numbers(request: Request) -> list[str]:
    """Raises Refused."""
    found = [number.strip() for number in request.query_params.get("IDList", "").split(",") if number.strip()]
    if not found or len(found) > _MOST_NUMBERS:
        raise bad_content(f"IDList: 1 to {_MOST_NUMBERS} numbers are wanted")
    return found
