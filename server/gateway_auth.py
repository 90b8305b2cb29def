"""Gateways: enrolled once by a code, known afterwards by their Ed25519 key; each request bears a short-lived token."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from sqlalchemy import Row, bindparam, select, update

from eventlog.together import Together
from server import enrolment
from server.audit import Actor, Subject, command_line, gateway_actor, record
from server.cells import moves
from server.enrolment import Gateway, NotAllowed
from server.store.engine import Database, stamp
from server.store.schema import complex_move, gateway

AUDIENCE = "gatehouse"
ALGORITHM = "Ed25519"
LEEWAY = timedelta(seconds=60)
MAX_LIFE = timedelta(minutes=10)
_REMEMBER = timedelta(seconds=15)  # so long a replaced gateway may still pass
_MAX_REMEMBERED = 50_000
_GATEWAYS = (
    select(gateway.c.id, gateway.c.complex, gateway.c.public_key, gateway.c.replaced_at, *moves.JOINED)
    .outerjoin(complex_move, complex_move.c.complex == gateway.c.complex)
    .where(gateway.c.id.in_(bindparam("ids", expanding=True)))
)


class Claims(msgspec.Struct):
    """What a token says: times are seconds since 1970."""

    iss: str
    aud: str
    iat: float
    exp: float


class GatewayAuth:
    """Checks tokens and enrols gateways."""

    def __init__(self, db: Database, now: Callable[[], datetime], code_life: timedelta) -> None:
        self._db, self._now, self._code_life = db, now, code_life
        self._verified: dict[str, tuple[Gateway, datetime]] = {}  # token -> whose, and when it ends
        self._alive: dict[str, datetime] = {}  # gateway -> until when it need not be looked for again
        self._rows: Together[str, Row[Any] | None] = Together(self._find_all)

    async def check(self, token: str) -> Gateway:
        """Whose token it is. Raises NotAllowed: no_token, bad_token, expired, not_yet, unknown_gateway, replaced; and
        MovedAway or ComplexMoved where its complex is not, or not yet, served here."""
        now = self._now()
        known = self._verified.get(token)
        if known and now < known[1]:
            if now >= self._alive.get(known[0].id, now):
                self._let_in(await self._find(known[0].id))
            return known[0]
        claims = _unverified(token)
        row = await self._find(claims.iss)
        if token not in self._verified:  # a gateway that comes back asks several things at once
            _verify(token, row.public_key)
        _check_times(claims, now)
        self._let_in(row)
        found = Gateway(row.id, row.complex)
        self._remember(token, found, datetime.fromtimestamp(claims.exp, now.tzinfo) + LEEWAY)
        return found

    def _remember(self, token: str, found: Gateway, ends_at: datetime) -> None:
        if len(self._verified) >= _MAX_REMEMBERED:
            self._verified.clear()
        self._verified[token] = (found, ends_at)

    async def _find_all(self, identities: Sequence[str]) -> list[Row[Any] | None]:
        async with self._db.read(at_once=True) as connection:
            rows = await connection.execute(_GATEWAYS, {"ids": list(set(identities))})
            found: dict[str, Any] = {row.id: row for row in rows}
        return [found.get(identity) for identity in identities]

    async def _find(self, identity: str) -> Row[Any]:
        """Its row, read now."""
        row = await self._rows.ask(identity)
        if row is None:
            raise NotAllowed("unknown_gateway", f"no gateway {identity!r} is enrolled here")
        if row.replaced_at is not None:
            raise NotAllowed("replaced", f"{identity} was replaced at {row.replaced_at}; its key is dead")
        return row

    def _let_in(self, row: Row[Any]) -> None:
        """For a while it need not be looked for again. Raises MovedAway, ComplexMoved."""
        moves.judge(row.complex, moves.joined(row))
        if len(self._alive) >= _MAX_REMEMBERED:
            self._alive.clear()
        self._alive[row.id] = self._now() + _REMEMBER

    async def issue_code(
        self, complex_id: str, by: Actor | None = None, replaces: str | None = None
    ) -> tuple[str, datetime]:
        """A one-time code for a complex, and when it ends. Only its digest is kept.

        ``replaces``: the gateway whose key ends when the new box enrols.
        """
        code, now = enrolment.new_code(), self._now()
        expires_at = now + self._code_life
        async with self._db.write() as connection:
            await enrolment.keep_code(connection, code, complex_id, expires_at, replaces)
            told = {"expires_at": stamp(expires_at)}
            record(connection, by or command_line(), "enrol_code.issued", now, complex_id=complex_id, details=told)
        return code, expires_at

    async def issue_codes(self, complexes: Sequence[str]) -> list[str]:
        """A one-time code for each, all at once: for a fleet that is set up from a list."""
        now = self._now()
        expires_at = now + self._code_life
        codes = [enrolment.new_code() for _ in complexes]
        async with self._db.write() as connection:
            for code, complex_id in zip(codes, complexes, strict=True):
                await enrolment.keep_code(connection, code, complex_id, expires_at)
                told = {"expires_at": stamp(expires_at)}
                record(connection, command_line(), "enrol_code.issued", now, complex_id=complex_id, details=told)
        return codes

    async def enrol(self, code: str, public_key: dict[str, Any], address: str | None = None) -> Gateway:
        """The gateway of a key, for a code. Raises NotAllowed, as ``enrolment.enrol`` and ``check_key`` do."""
        enrolment.check_key(public_key)
        async with self._db.read() as connection:
            found = await enrolment.find_code(connection, code)  # a guess does not take the writer from anyone
            moves.judge(found.complex, await moves.of(connection, found.complex))
        async with self._db.write() as connection:
            now = self._now()
            enrolled = await enrolment.enrol(connection, code, public_key, now)
            by, on = gateway_actor(enrolled.id, address), Subject("gateway", enrolled.id)
            record(connection, by, "gateway.enrolled", now, on=on, complex_id=enrolled.complex)
        self._alive.clear()  # another may have been replaced by it
        return enrolled

    async def replace(self, identity: str, by: Actor | None = None) -> None:
        """End a gateway's key; its records stay."""
        async with self._db.write() as connection:
            now = self._now()
            ended = update(gateway).where(gateway.c.id == identity).values(replaced_at=stamp(now))
            complex_id = (await connection.execute(ended.returning(gateway.c.complex))).scalar_one_or_none()
            on = Subject("gateway", identity)
            record(connection, by or command_line(), "gateway.replaced", now, on=on, complex_id=complex_id)
        self._alive.clear()


def _unverified(token: str) -> Claims:
    """Who says to have signed; nothing of it is believed before ``_verify``."""
    if not token:
        raise NotAllowed("no_token", "an Authorization: Bearer header is needed")
    try:
        payload = token.split(".")[1]
        claims = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=Claims)
    except (IndexError, ValueError, msgspec.MsgspecError) as error:
        raise NotAllowed("bad_token", f"not a token of ours: {error}") from error
    if claims.aud != AUDIENCE:
        raise NotAllowed("bad_token", f"the token is for {claims.aud!r}")
    return claims


def _verify(token: str, public_key: dict[str, Any]) -> None:
    try:
        jwt.decode(token, OKPKey.import_key(public_key), algorithms=[ALGORITHM])
    except (JoseError, ValueError) as error:
        raise NotAllowed("bad_token", f"the signature does not hold: {error}") from error


def _check_times(claims: Claims, now: datetime) -> None:
    seconds = now.timestamp()
    if claims.exp + LEEWAY.total_seconds() < seconds:
        raise NotAllowed("expired", "the token has ended: is the gateway's clock slow?")
    if claims.iat - LEEWAY.total_seconds() > seconds:
        raise NotAllowed("not_yet", "the token begins in the future: is the gateway's clock fast?")
    if claims.exp - claims.iat > MAX_LIFE.total_seconds():
        raise NotAllowed("bad_token", f"tokens live at most {MAX_LIFE}")
