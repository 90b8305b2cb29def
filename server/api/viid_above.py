"""What libraries above ask of ours: devices, gates and lanes; subscriptions; watch lists, handed on."""

from __future__ import annotations

import hashlib

from fastapi import APIRouter, Request, Response

from domain.viid.envelopes import Fields, listed
from server.api.viid import FromPeer, answer, library_of, sent, told
from server.audit import Subject, record
from server.auth import address_of
from server.viid.door import actor_of, bad_content, only
from server.viid.equipment import Asked, Name
from server.viid.looking_back import CLASSES
from server.viid.looking_back import Name as Kind
from server.viid.settings import Peer

router = APIRouter(prefix="/VIID")

_MOST_NUMBERS, _MOST_REASON_SIGNS = 200, 256


@router.get("/APEs")
async def apes(request: Request, peer: FromPeer) -> Response:
    """Capture devices of the complexes that the peer may see."""
    return await _equipment(request, peer, "APE")


@router.get("/APEStatus")
async def ape_states(request: Request, peer: FromPeer) -> Response:
    """Whether those answer."""
    return await _equipment(request, peer, "APEStatus")


@router.get("/Tollgates")
async def tollgates(request: Request, peer: FromPeer) -> Response:
    """Gates."""
    return await _equipment(request, peer, "Tollgate")


@router.get("/Lanes")
async def lanes(request: Request, peer: FromPeer) -> Response:
    """Their lanes."""
    return await _equipment(request, peer, "Lane")


@router.get("/MotorVehicles")
async def motor_vehicles(request: Request, peer: FromPeer) -> Response:
    """Cars that named cameras saw, of a day at most."""
    return await _records(request, peer, "MotorVehicle")


@router.get("/NonMotorVehicles")
async def non_motor_vehicles(request: Request, peer: FromPeer) -> Response:
    """Two-wheelers."""
    return await _records(request, peer, "NonMotorVehicle")


@router.get("/Persons")
async def persons(request: Request, peer: FromPeer) -> Response:
    """People."""
    return await _records(request, peer, "Person")


@router.get("/Faces")
async def faces(request: Request, peer: FromPeer) -> Response:
    """Faces, where the profile has such at all."""
    return await _records(request, peer, "Face")


async def _records(request: Request, peer: Peer, name: Kind) -> Response:
    """Counted in the audit before they leave, as what is handed over."""
    only(peer, "upper")
    found = await library_of(request).looking_back.of(name, peer, request.query_params.multi_items())
    house, digest = request.app.state.house, hashlib.sha256(b"".join(found.ids)).hexdigest()
    counted = {"count": len(found.ids), "classes": {CLASSES[name]: len(found.ids)}, "ids_sha256": digest, "asked": True}
    async with house.db.write() as connection:
        by = actor_of(peer, address_of(request) or "")
        on = Subject("viid", peer.code)
        record(connection, by, "viid.asked", house.now(), on=on, details={"name": name, "told": len(found.ids)})
        record(connection, by, "handover.sent", house.now(), on=Subject("platform", peer.platform), details=counted)
    return answer(listed(name, found.objects))


async def _equipment(request: Request, peer: Peer, name: Name) -> Response:
    only(peer, "upper")
    found = Asked(name, request.query_params).chosen(await library_of(request).equipment.of(name, peer))
    house = request.app.state.house
    async with house.db.write() as connection:
        by, details = actor_of(peer, address_of(request) or ""), {"name": name, "told": len(found)}
        record(connection, by, "viid.asked", house.now(), on=Subject("viid", peer.code), details=details)
    return answer(listed(name, found))


@router.get("/Subscribes")
async def subscriptions(request: Request, peer: FromPeer) -> Response:
    """The peer's own."""
    only(peer, "upper")
    found = Asked("Subscribe", request.query_params).chosen(await library_of(request).subscribing.told(peer))
    return answer(listed("Subscribe", found))


@router.post("/Subscribes")
@router.put("/Subscribes")
async def subscribe(request: Request, peer: FromPeer) -> Response:
    """A status for each; OperateType 1 cancels."""
    only(peer, "upper")
    said = await _said(request, "Subscribe")
    return told(request, await library_of(request).subscribing.take(peer, address_of(request) or "", said))


@router.put("/Subscribes/{number}")
async def change(request: Request, number: str, peer: FromPeer) -> Response:
    """One, by its number; OperateType 1 cancels it."""
    only(peer, "upper")
    said = await _said(request, "Subscribe", number)
    return told(request, await library_of(request).subscribing.take(peer, address_of(request) or "", said))


@router.delete("/Subscribes")
async def unsubscribe(request: Request, peer: FromPeer) -> Response:
    """``?IDList=a,b``."""
    only(peer, "upper")
    found = await library_of(request).subscribing.cancel(
        peer, address_of(request) or "", _numbers(request), _why(request)
    )
    return told(request, found)


@router.post("/Dispositions")
@router.put("/Dispositions")
async def dispositions(request: Request, peer: FromPeer) -> Response:
    """Watch lists: a status for each."""
    only(peer, "upper")
    said = await _said(request, "Disposition")
    return told(request, await library_of(request).dispositions.take(peer, address_of(request) or "", said))


@router.put("/Dispositions/{number}")
async def change_disposition(request: Request, number: str, peer: FromPeer) -> Response:
    """One, by its number; OperateType 1 withdraws it."""
    only(peer, "upper")
    said = await _said(request, "Disposition", number)
    return told(request, await library_of(request).dispositions.take(peer, address_of(request) or "", said))


@router.delete("/Dispositions")
async def withdraw(request: Request, peer: FromPeer) -> Response:
    """``?IDList=a,b``."""
    only(peer, "upper")
    address = address_of(request) or ""
    found = await library_of(request).dispositions.withdraw(peer, address, _numbers(request), _why(request))
    return told(request, found)


async def _said(request: Request, name: str, number: str = "") -> list[Fields]:
    """The objects of a message; ``number``: the one that its address names, whatever number stands in it."""
    found = [one.said for one in await sent(request, name)]
    return [{**found[0], f"{name}ID": number}] if number else found


def _numbers(request: Request) -> list[str]:
    """Raises Refused."""
    found = [number.strip() for number in request.query_params.get("IDList", "").split(",") if number.strip()]
    if not found or len(found) > _MOST_NUMBERS:
        raise bad_content(f"IDList: 1 to {_MOST_NUMBERS} numbers are wanted")
    return found


def _why(request: Request) -> str:
    return request.query_params.get("Reason", "")[:_MOST_REASON_SIGNS]
