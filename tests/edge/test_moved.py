"""Where a box goes when its cell says that the complex has moved, and where it does not go."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import msgspec
import pytest

from domain.cells import Whereabouts, is_no_worse
from edge import identity
from edge.clock import Clock
from edge.identity import Identity, Signer
from edge.server_certificate import Shown
from edge.sync import moved
from edge.sync.moved import Mover, NotFollowed, ask, follow, server_of
from edge.sync.transport import Refused, Uplink, UplinkDown
from edge.sync.trust import Trust

OLD, NEW, PIN = "https://east.example.invalid", "https://west.example.invalid", "ab" * 32
KNOWN = {"gateway": "gw-1", "complex": "garden", "server_time": "2026-03-01T00:00:00Z"}


class Line:
    """What stands at the new address."""

    def __init__(self, answer: dict[str, Any] | Exception) -> None:
        self.answer, self.asked, self.trust = answer, list[str](), Trust()

    def __call__(self, server: str, _signer: Signer | None = None, trust: Trust = Trust()) -> Self:  # noqa: B008
        self.asked.append(server)
        self.trust = trust
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def send(self, *_: object) -> dict[str, Any]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def me(tmp_path: Path) -> Identity:
    key = msgspec.json.encode(identity.new_key().as_dict(private=True)).decode()
    known = Identity(gateway="gw-1", complex="garden", server=OLD, private_key=key, fingerprint="cd" * 32)
    identity.save(known, tmp_path)
    return known


def at_the_new(monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any] | Exception, shows: str = PIN) -> Line:
    line = Line(answer)
    monkeypatch.setattr(moved, "Uplink", line)
    shown = Shown(shows, "", "", None, None, "self-signed")  # type: ignore[arg-type]
    monkeypatch.setattr(moved, "look", lambda _url, _ca: shown)
    return line


async def go(me: Identity, folder: Path, where: Whereabouts) -> Identity:
    return await follow(me, folder, OLD, Signer(me, Clock()), where)


async def test_it_goes_where_it_is_known_and_pins_the_certificate(
    me: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = at_the_new(monkeypatch, KNOWN)
    now = await go(me, tmp_path, Whereabouts(NEW, PIN, 2))
    assert identity.load(tmp_path) == now
    assert (now.server, now.fingerprint, now.cell_version, now.enrolled_at) == (NEW, PIN, 2, OLD)
    assert (line.asked, line.trust.fingerprint) == ([NEW], PIN)
    assert server_of(now, OLD) == NEW, "the settings name where it was enrolled"
    assert server_of(now, "https://other.example.invalid") == "https://other.example.invalid", "somebody wrote another"


@pytest.mark.parametrize(
    ("where", "answer", "shows"),
    [
        (Whereabouts("http://west.example.invalid", "", 2), KNOWN, PIN),  # TLS given up
        (Whereabouts("ftp://west", "", 2), KNOWN, PIN),
        (Whereabouts(NEW, PIN, 2), KNOWN, "ef" * 32),  # another certificate than was named
        (Whereabouts(NEW, PIN, 2), {**KNOWN, "gateway": "gw-2"}, PIN),  # takes us for another
        (Whereabouts(NEW, PIN, 2), {**KNOWN, "complex": "yard"}, PIN),
        (Whereabouts(NEW, PIN, 2), Refused(401, {"error": "unknown_gateway"}), PIN),
        (Whereabouts(NEW, PIN, 2), UplinkDown("no answer"), PIN),
        (Whereabouts(NEW, PIN, 1), KNOWN, PIN),  # an old word, said again
    ],
)
async def test_it_does_not_go_elsewhere(
    me: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: Whereabouts, answer: Any, shows: str
) -> None:
    me = msgspec.structs.replace(me, cell_version=1)
    identity.save(me, tmp_path)
    at_the_new(monkeypatch, answer, shows)
    with pytest.raises(NotFollowed):
        await go(me, tmp_path, where)
    assert identity.load(tmp_path) == me, "it stays who and where it was"


async def test_the_cells_word_is_heard_and_the_request_waits(me: Identity, tmp_path: Path) -> None:
    mover = Mover(me, tmp_path, OLD, Signer(me, Clock()), lambda: 0.0)
    uplink = Uplink(OLD, watch=mover)
    body = msgspec.json.encode({"error": "moved", "message": "m", "url": NEW, "fingerprint": PIN, "version": 2})
    with pytest.raises(UplinkDown):
        uplink._heard(421, body)
    assert await mover._word() == Whereabouts(NEW, PIN, 2)
    with pytest.raises(Refused):
        uplink._heard(403, body)


async def test_a_silent_cell_is_asked_after_at_the_directory(
    me: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moved, "_LOOK_S", 0.01)
    told = msgspec.structs.replace(me, directory="https://directory.example.invalid", cell_version=1)
    clock_s = [0.0]
    line = at_the_new(monkeypatch, {"url": NEW, "fingerprint": PIN, "version": 2})
    mover = Mover(told, tmp_path, OLD, Signer(told, Clock()), lambda: clock_s[0])
    assert await mover._word() is None
    assert line.asked == [], "it is not asked while the cell answers"
    clock_s[0] = 601.0
    assert await mover._word() == Whereabouts(NEW, PIN, 2)
    assert await mover._word() is None, "once in so long"
    line.answer = UplinkDown("away")
    assert await ask(told.directory, Trust(), "garden") is None, "nobody notices that it is away"


def test_an_address_is_never_a_worse_one() -> None:
    assert is_no_worse("http://127.0.0.1:8000", OLD)
    assert is_no_worse(NEW, "http://east.example.invalid")
    assert not is_no_worse("http://west.example.invalid", OLD)
    assert not is_no_worse("", OLD)
