"""Who may call our view library: digest at the registration, then a session by code and address, until silence."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec
import structlog

from domain.viid.digest import Challenge, challenge_header, parse_authorization, proves, uri_path
from domain.viid.nonces import Nonces
from domain.viid.statuses import BAD_CONTENT, INVALID_OPERATION
from server.audit import Actor, Subject, record
from server.few import Few
from server.store import viid_rows
from server.store.engine import Database
from server.viid.settings import Peer

log = structlog.get_logger()

REALM = "viid"
PEER = "view library"  # the role of those who call, in the audit
_NONCE_LIFE = timedelta(minutes=5)
_HEARD_EVERY = timedelta(seconds=10)  # a session's row is not written at each request
_SHOWN_A_MINUTE = 30  # answers by one name from one address: more are not even looked at
_STRANGER = "no such peer"  # the time to refuse a stranger is the time to refuse a wrong password


class Asked(msgspec.Struct, frozen=True):
    """A request about a session: who it says to be, what it shows, from where."""

    device: str
    header: str
    method: str
    path: str
    address: str


class Refused(Exception):
    """Not taken: the HTTP status, the standard's code, and a sentence. ``challenge``: what would open."""

    def __init__(self, http: int, code: int, said: str, challenge: str = "") -> None:
        super().__init__(said)
        self.http, self.code, self.challenge = http, code, challenge


class Door:
    """``passwords`` by code; ``key`` signs nonces, the same in all processes of one database."""

    def __init__(
        self,
        db: Database,
        peers: Mapping[str, Peer],
        passwords: Mapping[str, str],
        key: bytes,
        silence: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._db, self._peers, self._passwords, self._now = db, peers, passwords, now
        self._nonces = Nonces(hashlib.sha256(b"gatehouse viid nonce" + key).digest())
        self._silence = silence
        self._answers = Few(most=_SHOWN_A_MINUTE, within_s=60.0)

    async def register(self, asked: Asked) -> Peer:
        """Opens a session. Raises Refused: by a challenge, for whatever reason, so that nobody learns who is known."""
        peer, nonce = self._shown(asked)
        now = self._now()
        async with self._db.write() as connection:
            if not await viid_rows.use_up(connection, nonce, now + _NONCE_LIFE, now):
                raise self._challenged("this answer was used before", is_stale=True)
            await viid_rows.open_session(connection, peer.code, asked.address, now)
            record(connection, actor_of(peer, asked.address), "viid.registered", now, on=Subject("viid", peer.code))
        return peer

    async def unregister(self, peer: Peer, address: str) -> None:
        now = self._now()
        async with self._db.write() as connection:
            await viid_rows.close_session(connection, peer.code)
            record(connection, actor_of(peer, address), "viid.unregistered", now, on=Subject("viid", peer.code))

    async def caller(self, code: str, address: str) -> Peer:
        """Whose session a request goes on in. Raises Refused."""
        peer, now = self._peers.get(code), self._now()
        if peer is None:
            raise self._challenged("register first")
        async with self._db.read() as connection:
            session = await viid_rows.session(connection, code)
        if session is None or session.address != address or now - session.heard_at >= self._silence:
            raise self._challenged("register first")
        if now - session.heard_at >= _HEARD_EVERY:
            async with self._db.write() as connection:
                await viid_rows.heard(connection, code, now)
        return peer

    def _shown(self, asked: Asked) -> tuple[Peer, str]:
        """The peer whose password an answer was made with, and the nonce. Raises Refused."""
        said = parse_authorization(asked.header)
        if not said:
            raise self._challenged("show the password by digest")
        if not self._answers.may(f"{asked.device[:20]}@{asked.address}", self._now()):
            raise Refused(403, INVALID_OPERATION, "too many answers: wait a minute")
        peer = self._peers.get(asked.device)
        if not self._is_right(said, peer, asked):
            log.warning("viid_wrong_answer", device=asked.device[:20], address=asked.address)
            raise self._challenged("the answer is wrong")
        if peer is None or not self._is_ours(said.get("nonce", "")):
            raise self._challenged("the nonce is not of us, or too old", is_stale=peer is not None)
        return peer, said["nonce"]

    def _is_right(self, said: Mapping[str, str], peer: Peer | None, asked: Asked) -> bool:
        """All is looked at, whatever was wrong first. The uri counts as it was sent, if its path is the one asked."""
        password = self._passwords.get(peer.code) if peer else None
        is_proved = proves(said, password or _STRANGER, asked.method)
        is_named = hmac.compare_digest(said.get("username", "").encode(), user_of(peer).encode())
        is_here = said.get("realm") == REALM and uri_path(said) == asked.path
        return password is not None and is_proved and is_named and is_here

    def _challenged(self, said: str, *, is_stale: bool = False) -> Refused:
        challenge = Challenge(REALM, self._nonces.made(int(self._now().timestamp()), secrets.token_hex(8)), "auth")
        shown = msgspec.structs.replace(challenge, is_stale=is_stale)
        return Refused(401, INVALID_OPERATION, said, challenge_header(shown))

    def _is_ours(self, nonce: str) -> bool:
        born_s = self._nonces.born_s(nonce)
        if born_s is None:
            return False
        return timedelta() <= self._now() - datetime.fromtimestamp(born_s, UTC) <= _NONCE_LIFE


def user_of(peer: Peer | None) -> str:
    """The name that it must show: bound to its code."""
    return "" if peer is None else peer.user or peer.code


def actor_of(peer: Peer, address: str) -> Actor:
    return Actor(peer.code, PEER, address=address)


def only(peer: Peer, kind: str) -> None:
    """Raises Refused for a peer of the other kind."""
    if peer.kind != kind:
        raise Refused(403, INVALID_OPERATION, f"this is for libraries {'above' if kind == 'upper' else 'below'} us")


def bad_content(said: str) -> Refused:
    return Refused(400, BAD_CONTENT, said)
