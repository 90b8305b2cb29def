"""The key by which releases are believed: pinned on this box, and never on a server."""

from __future__ import annotations

import base64
import binascii

from domain.desired import BadDesired
from domain.desired_bodies import Release
from edge.releases.ed25519 import verifies

_KEY_BYTES = 32


class BadKey(ValueError):
    """What is pinned is no public key."""


def public_key(text: str) -> bytes:
    """The key as settings write it: base64 of 32 bytes. Raises BadKey."""
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadKey(f"{text[:60]!r} is no base64") from error
    if len(key) != _KEY_BYTES:
        raise BadKey(f"{len(key)} bytes, an Ed25519 key has {_KEY_BYTES}")
    return key


def check(release: Release, pinned: str) -> None:
    """Raises BadDesired unless the pinned key signed exactly this; before anything is fetched."""
    if not pinned:
        raise BadDesired("release: no key is pinned on this box ([releases] key in edge.toml), so none is believed")
    if not verifies(public_key(pinned), release.signed, base64.b64decode(release.signature)):
        raise BadDesired(f"release: the signature of {release.version} is not by the key that is pinned on this box")
