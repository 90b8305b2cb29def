"""What libraries below push to ours: objects of what was seen, and notifications that bring such."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from domain.viid.envelopes import NOTIFICATION, BadEnvelope, Sent, objects_in
from domain.viid.reading import READ
from domain.viid.statuses import BAD_CONTENT, INVALID_OPERATION, OK
from server.api.viid import FromPeer, library_of, sent, told
from server.auth import address_of
from server.viid.door import Refused, only
from server.viid.settings import Peer
from server.viid.taking import Verdict

router = APIRouter(prefix="/VIID")

_NAMES = ("MotorVehicle", "NonMotorVehicle", "Person", "Face", "Image", "APE")
_PATHS = {f"{name}s": name for name in _NAMES}


@router.post("/SubscribeNotifications")
async def notifications(request: Request, peer: FromPeer) -> Response:
    """A status for each notification: taken where all that it brings is."""
    only(peer, "lower")
    found = await sent(request, NOTIFICATION, opened=False)
    verdicts = [await _notification(request, peer, one) for one in found]
    return told(request, verdicts)


@router.post("/{kind}")
@router.put("/{kind}")
async def objects(request: Request, kind: str, peer: FromPeer) -> Response:
    """A status for each object, under its own number."""
    only(peer, "lower")
    name = _PATHS.get(kind)
    if name is None:
        raise Refused(404, INVALID_OPERATION, f"nothing is taken under {request.url.path[:100]}")
    found = await sent(request, name, "APEStatus" if name == "APE" else name)
    return told(request, await library_of(request).taking.take(peer, address_of(request) or "", found))


async def _notification(request: Request, peer: Peer, one: Sent) -> Verdict:
    """All that is taken stays taken where something else is not: it comes again as what it is already."""
    try:
        inner = objects_in({"SubscribeNotificationObject": one.said})
    except BadEnvelope as error:
        return Verdict(one.number, BAD_CONTENT, str(error))
    if strange := sorted({each.name for each in inner} - READ):
        return Verdict(one.number, BAD_CONTENT, f"{strange[0][:40]}: such objects are not taken here")
    verdicts = await library_of(request).taking.take(peer, address_of(request) or "", inner)
    wrong = next((each for each in verdicts if each.code != OK), None)
    return Verdict(one.number, wrong.code, wrong.said) if wrong else Verdict(one.number)


@router.api_route("/{rest:path}", methods=["GET", "POST", "PUT", "DELETE"])
async def nothing(request: Request, rest: str, peer: FromPeer) -> Response:
    """Whatever else the standard has, in its own words: neither kept nor done here."""
    raise Refused(404, INVALID_OPERATION, f"{request.method} {rest[:100]}: not done here, for libraries {peer.kind}")
