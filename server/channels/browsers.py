"""Browsers by name: a digest of the address that they gave, so that pages need not show it."""

from __future__ import annotations

import hashlib

import msgspec


class _Address(msgspec.Struct, frozen=True):
    endpoint: str


def digest(endpoint: str) -> str:
    return hashlib.sha256(endpoint.encode()).hexdigest()


def digest_of(to: str) -> str:
    """Of a browser as the channel has it."""
    return digest(msgspec.json.decode(to, type=_Address).endpoint)
