"""Who this gateway is: its own Ed25519 key, the id the centre gave it, and the short-lived tokens it signs."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from edge.clock import Clock
from edge.store.durable import sync_folder, write_file
from edge.sync.trust import Trust

TOKEN_LIFE = timedelta(minutes=5)
_RENEW_BEFORE = timedelta(minutes=1)
_FILE = "identity.json"
_PENDING = "identity.pending.json"
_OWNER_ALONE = 0o600

log = structlog.get_logger()


class NotEnrolled(Exception):
    """This gateway has no identity yet: gatehouse-edge enrol gives it one."""


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Kept in one file, mode 0600: whoever reads it is this gateway."""

    gateway: str
    complex: str
    server: str
    private_key: str  # JWK as JSON text
    fingerprint: str = ""  # by what the centre is known, as Trust says it
    ca: str = ""
    enrolled_at: str = ""  # where it was, if a move to another cell changed ``server`` since
    cell_version: int = 0  # of the word by which the box is where it is; a later one is higher
    directory: str = ""  # who may be asked which cell it is, as the cell said at enrolment,
    directory_fingerprint: str = ""  # and by which certificate

    @property
    def trust(self) -> Trust:
        return Trust(self.fingerprint, self.ca)


def save(identity: Identity, folder: Path) -> None:
    """Write the identity, readable by its owner alone, durably."""
    write_file(folder / _FILE, msgspec.json.encode(identity), mode=_OWNER_ALONE)


def load(folder: Path) -> Identity:
    """Raises NotEnrolled."""
    try:
        return msgspec.json.decode((folder / _FILE).read_bytes(), type=Identity)
    except FileNotFoundError as error:
        raise NotEnrolled(f"no {_FILE} in {folder}; ask the centre for a code, then: gatehouse-edge enrol") from error


def complex_in(folder: Path) -> str:
    """Which complex this box is enrolled for; "" for none yet."""
    try:
        return load(folder).complex
    except (NotEnrolled, OSError, msgspec.MsgspecError):
        return ""


def new_key() -> OKPKey:
    """A fresh Ed25519 key; the private half never leaves this box."""
    return OKPKey.generate_key("Ed25519")


def key_to_enrol(folder: Path, *, new: bool) -> OKPKey:
    """The key of the identity that stands; else, or where a new one is wanted, the pending one."""
    try:
        return _pending_key(folder) if new else OKPKey.import_key(msgspec.json.decode(load(folder).private_key))
    except NotEnrolled:
        pass
    except (msgspec.MsgspecError, JoseError, ValueError, KeyError) as error:
        log.warning("identity_damaged", file=_FILE, error=str(error))
    return _pending_key(folder)


def _pending_key(folder: Path) -> OKPKey:
    """The key of a try whose answer never came, else a new one, durable before it is shown."""
    try:
        return OKPKey.import_key(msgspec.json.decode((folder / _PENDING).read_bytes(), type=dict[str, str | list[str]]))
    except FileNotFoundError:
        pass
    except (msgspec.MsgspecError, JoseError, ValueError, KeyError) as error:
        log.warning("pending_key_damaged", file=_PENDING, error=str(error))
    key = new_key()
    write_file(folder / _PENDING, msgspec.json.encode(key.as_dict(private=True)), mode=_OWNER_ALONE)
    return key


def forget_pending(folder: Path) -> None:
    """After the identity is saved: the next enrolment makes a key of its own."""
    (folder / _PENDING).unlink(missing_ok=True)
    sync_folder(folder)


class Signer:
    """Signs a token with the centre's time, and reuses it until shortly before it ends."""

    def __init__(self, identity: Identity, clock: Clock) -> None:
        self._key = OKPKey.import_key(msgspec.json.decode(identity.private_key))
        self._gateway, self._clock = identity.gateway, clock
        self._token, self._ends_at = "", clock.centre_now()

    def token(self) -> str:
        now = self._clock.centre_now()
        if not self._token or now > self._ends_at - _RENEW_BEFORE or self._ends_at - now > TOKEN_LIFE:
            self._ends_at = now + TOKEN_LIFE
            claims = {"iss": self._gateway, "aud": "gatehouse", "iat": now, "exp": self._ends_at}
            self._token = jwt.encode({"alg": "Ed25519"}, claims, self._key, algorithms=["Ed25519"])
        return self._token

    def correct(self, server_time: datetime) -> None:
        """The centre refused a token for its time: sign with the centre's from now on."""
        self._clock.told(server_time)
        self._token = ""
