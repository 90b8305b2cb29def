"""Enrolment: a one-time code for an identity. The key is made here and stays here."""

from __future__ import annotations

from pathlib import Path

import msgspec

from edge.durable import make_folder
from edge.identity import Identity, forget_pending, pending_key, save
from edge.store import FOLDER_MODE
from edge.sync.transport import Uplink


async def enrol(server: str, code: str, folder: Path) -> Identity:
    """Make a key, show the centre its public half with the code, keep what it answers.

    Raises Refused (used, expired, unknown code) or UplinkDown; then only the key stays here, for the next try: where
    the answer was lost, the centre knows the key again and answers the same.
    """
    make_folder(folder, mode=FOLDER_MODE)
    key = pending_key(folder)
    public = key.as_dict(private=False)
    async with Uplink(server) as uplink:
        answer = await uplink.send_json("POST", "/v1/enrol", {"code": code.strip(), "public_key": public})
    private = msgspec.json.encode(key.as_dict(private=True)).decode()
    identity = Identity(gateway=answer["gateway"], complex=answer["complex"], server=server, private_key=private)
    save(identity, folder)
    forget_pending(folder)
    return identity
