"""Enrolment: a one-time code for an identity. The key is made here and stays here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import structlog

from edge.identity import Identity, forget_pending, key_to_enrol, save
from edge.store.durable import make_folder
from edge.store.file import FOLDER_MODE
from edge.sync.moved import ask
from edge.sync.transport import Uplink
from edge.sync.trust import Trust

log = structlog.get_logger()

_PLAIN = Trust()


class _Directory(msgspec.Struct):
    """Of cells, as the one we enrolled with names it."""

    url: str
    fingerprint: str = ""


async def _with_directory(me: Identity, answer: dict[str, Any]) -> Identity:
    """The identity with what the cell says of the directory, and what that says of us. Neither is waited for."""
    try:
        told = msgspec.convert(answer.get("directory"), _Directory)
    except msgspec.ValidationError:
        return me
    where = await ask(told.url, Trust(told.fingerprint), me.complex)
    version = where.version if where is not None and where.url.rstrip("/") == me.server.rstrip("/") else 0
    if where is not None and not version:
        log.warning("directory_disagrees", says=where.url, enrolled_at=me.server)
    return msgspec.structs.replace(me, directory=told.url, directory_fingerprint=told.fingerprint, cell_version=version)


async def enrol(
    server: str, code: str, folder: Path, now: Trust = _PLAIN, later: Trust = _PLAIN, *, new_key: bool = False
) -> Identity:
    """Show the centre the public half of our key with the code, keep what it answers.

    The code goes only to a server that ``now`` lets pass; ``later`` is kept, for every request from then on. The key
    of an earlier enrolment is used again: by it a centre that lost its disk knows this gateway; ``new_key`` makes
    another. Raises Refused (used, expired, unknown code …) or UplinkDown; then only the key stays here, for the next
    try: where the answer was lost, the centre knows the key again and answers the same.
    """
    make_folder(folder, mode=FOLDER_MODE)
    key = key_to_enrol(folder, new=new_key)
    public = key.as_dict(private=False)
    async with Uplink(server, trust=now) as uplink:
        answer = await uplink.send_json("POST", "/v1/enrol", {"code": code.strip(), "public_key": public})
    identity = Identity(
        gateway=answer["gateway"],
        complex=answer["complex"],
        server=server,
        private_key=msgspec.json.encode(key.as_dict(private=True)).decode(),
        fingerprint=later.fingerprint,
        ca=later.ca,
    )
    identity = await _with_directory(identity, answer)
    save(identity, folder)
    forget_pending(folder)
    return identity
