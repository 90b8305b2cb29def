"""What libraries above ask of ours: devices, gates and lanes, kept records, what they subscribed to and ordered."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from fastapi import APIRouter, Request, Response

from domain.viid.envelopes import Fields, element, listed, number_field
from domain.viid.statuses import INVALID_OPERATION
from server.api.viid import FromPeer, answer, library_of
from server.audit import Subject, record
from server.auth import address_of
from server.viid.door import Refused, actor_of, only
from server.viid.equipment import Asked, Name
from server.viid.looking_back import CLASSES, of_number
from server.viid.looking_back import Name as Kind
from server.viid.settings import Peer

router = APIRouter(prefix="/VIID")

_EQUIPMENT: Mapping[str, Name] = MappingProxyType(
    {"APEs": "APE", "APEStatus": "APEStatus", "Tollgates": "Tollgate", "Lanes": "Lane"}
)
_RECORDS: Mapping[str, Kind] = MappingProxyType({f"{name}s": name for name in CLASSES})
_OWN = MappingProxyType({"Subscribes": "Subscribe", "Dispositions": "Disposition"})
NAMES: Mapping[str, str] = MappingProxyType({**_EQUIPMENT, **_RECORDS, **_OWN})


@router.get("/{kind}")
async def several(request: Request, kind: str, peer: FromPeer) -> Response:
    """Of such objects those that the question names, by page."""
    name = _name(request, kind, peer)
    if kind in _RECORDS:
        return answer(listed(name, await _records(request, peer, kind, request.query_params.multi_items())))
    return answer(listed(name, Asked(name, request.query_params).chosen(await _kept(request, peer, kind))))


@router.get("/{kind}/{number}")
async def one(request: Request, kind: str, number: str, peer: FromPeer) -> Response:
    """One object, by its own number."""
    name = _name(request, kind, peer)
    if kind in _RECORDS:
        found = await _records(request, peer, kind, of_number(number))
    else:
        found = await _kept(request, peer, kind)
    fits = next((said for said in found if str(said.get(number_field(name))) == number), None)
    if fits is None:
        raise Refused(404, INVALID_OPERATION, f"{name} {number[:48]} is not here, or not for you")
    return answer({element(name): fits})


def _name(request: Request, kind: str, peer: Peer) -> str:
    """Raises Refused."""
    only(peer, "upper")
    name = NAMES.get(kind)
    if name is None:
        raise Refused(404, INVALID_OPERATION, f"nothing is told under {request.url.path[:100]}: not kept here")
    return name


async def _kept(request: Request, peer: Peer, kind: str) -> Sequence[Fields]:
    """Of equipment that it may see, or of its own wishes; noted where it is of others than itself. Raises Refused."""
    library, address = library_of(request), address_of(request) or ""
    match kind:
        case "Subscribes":
            return await library.subscribing.told(peer)
        case "Dispositions":
            return await library.dispositions.told(peer, address)
        case _:
            found = await library.equipment.of(_EQUIPMENT[kind], peer)
    house, details = request.app.state.house, {"name": _EQUIPMENT[kind], "told": len(found)}
    async with house.db.write() as connection:
        on = Subject("viid", peer.code)
        record(connection, actor_of(peer, address), "viid.asked", house.now(), on=on, details=details)
    return found


async def _records(request: Request, peer: Peer, kind: str, asked: Sequence[tuple[str, str]]) -> Sequence[Fields]:
    """Counted in the audit before they leave, as what is handed over. Raises Refused."""
    name = _RECORDS[kind]
    found = await library_of(request).looking_back.of(name, peer, asked)
    house, digest = request.app.state.house, hashlib.sha256(b"".join(found.ids)).hexdigest()
    counted = {"count": len(found.ids), "classes": {CLASSES[name]: len(found.ids)}, "ids_sha256": digest, "asked": True}
    async with house.db.write() as connection:
        by = actor_of(peer, address_of(request) or "")
        on = Subject("viid", peer.code)
        record(connection, by, "viid.asked", house.now(), on=on, details={"name": name, "told": len(found.ids)})
        record(connection, by, "handover.sent", house.now(), on=Subject("platform", peer.platform), details=counted)
    return found.objects
