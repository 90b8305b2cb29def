"""Other libraries that call ours, as server.toml names them: those above, and those below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

Code = Annotated[str, Meta(pattern=r"^\d{20}$")]


class Peer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``upper``: asks for devices and subscribes. ``lower``: pushes what it saw."""

    code: Code  # as the police assigned it
    kind: Literal["upper", "lower"]
    password_file: str
    user: str = ""  # left out: the code
    complexes: list[str] = []  # upper: what it may ask for; lower: the one complex that its records are of
    everywhere: bool = False  # upper: every complex of this centre
    report_to: str = ""  # upper: where notifications may go; an address that begins otherwise is refused
    platform: str = ""  # upper: by which name its legal basis is recorded
    document_field: str = "ApplicantInfo"  # upper: where its watch lists write the number of their document

    def sees(self, complex_id: str) -> bool:
        return self.everywhere or complex_id in self.complexes

    def may_be_told_at(self, address: str) -> bool:
        """Whether an address that it gives is within what it was allowed: the same scheme, host, port and path."""
        if not self.report_to or not address.isprintable() or "\\" in address:
            return False
        allowed, asked = urlsplit(self.report_to), urlsplit(address)
        if (allowed.scheme, allowed.netloc) != (asked.scheme, asked.netloc) or asked.fragment:
            return False
        return asked.path == allowed.path or asked.path.startswith(allowed.path.rstrip("/") + "/")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Left out: nobody is known, and nobody gets in."""

    code: Annotated[str, Meta(pattern=r"^(\d{20})?$")] = ""  # ours, as the police assigned it
    org: Annotated[str, Meta(pattern=r"^(\d{12})?$")] = ""  # the office that numbers of notifications begin with
    session_s: Annotated[int, Meta(ge=30, le=3_600)] = 180  # of silence, that ends a session
    peers: list[Peer] = []


def above(settings: Settings, platform: str) -> Peer | None:
    """The library above us whose legal basis is recorded under a platform's name."""
    named = (peer for peer in settings.peers if peer.kind == "upper" and peer.platform)
    return next((peer for peer in named if peer.platform == platform), None)


def check(settings: Settings, complexes: Sequence[str]) -> None:
    """Raises ValueError for settings that contradict themselves."""
    codes = [peer.code for peer in settings.peers]
    if twice := sorted({code for code in codes if codes.count(code) > 1}):
        raise ValueError(f"viid: two peers have the code {twice[0]}")
    names = [peer.platform for peer in settings.peers if peer.platform]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"viid: two peers go by the basis of the platform {twice[0]}: each has its own")
    if settings.peers and not (settings.code and settings.org):
        raise ValueError("viid: code and org are missing: both are assigned by the police")
    for peer in settings.peers:
        _check(peer, complexes)


def _check(peer: Peer, complexes: Sequence[str]) -> None:
    if strange := sorted(set(peer.complexes) - set(complexes)):
        raise ValueError(f"viid: {peer.code}: there is no complex {strange[0]}")
    if peer.kind == "lower" and (len(peer.complexes) != 1 or peer.everywhere):
        raise ValueError(f"viid: {peer.code} is below us: name the one complex that its records are of")
    if peer.report_to and urlsplit(peer.report_to).scheme not in ("http", "https"):
        raise ValueError(f"viid: {peer.code}: report_to = {peer.report_to!r} is no http:// or https:// address")
