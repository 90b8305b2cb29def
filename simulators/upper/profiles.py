"""How servers of GA/T 1400 differ: seven profiles, each put together from what was seen of real ones."""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal

import msgspec

Unknown = Literal["challenge", "empty_400", "404_code_0", "200_code_3"]
Batches = Literal["list", "varied", "empty"]

_PLAIN = 'Digest realm="{realm}", qop="auth", nonce="{nonce}", opaque="{opaque}", algorithm=MD5'
_SINGLE_QUOTES = "Digest realm='{realm}',qop='auth',nonce='{nonce}'"
_NO_SPACES = 'Digest realm="{realm}",qop="auth",nonce="{nonce}"'
_QUOTED = 'Digest nonce="{nonce}", algorithm="MD5", realm="{realm}", qop="auth"'


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """``silence_s`` and ``life_s`` end a session: after the last request, after the registration."""

    name: str
    about: str
    authenticates: bool = True
    challenge: str = _PLAIN
    realm: str = "viid"  # "": another for each challenge
    nonce_ends: str = ""
    needs_algorithm: bool = False
    challenges_farewell: bool = False
    silence_s: float | None = None
    life_s: float | None = None
    lost_status: int = 401  # of a request without a session; 200: StatusCode 4
    lost_keepalive: int = 401
    unknown: Unknown = "challenge"
    mistaken: Unknown = "challenge"
    code_as_text: bool = False
    id_key: str = "Id"
    local_time: str = "%Y%m%d%H%M%S"
    batches: Batches = "list"
    known_is_conflict: bool = False
    reads_first_only: bool = False
    closes: bool = False
    time_by: frozenset[str] = frozenset({"GET"})
    checks_objects: bool = False
    redirects: bool = False


_ALL = (
    Profile(
        name="strict",
        about="by the letter: each field, number and header is looked at; what is known is a conflict",
        silence_s=180,
        challenges_farewell=True,
        known_is_conflict=True,
        checks_objects=True,
    ),
    Profile(
        name="go",
        about="a session ends after 60 s of silence; single quotes in the challenge, codes as text, closes each line",
        challenge=_SINGLE_QUOTES,
        realm="myrealm",
        needs_algorithm=True,
        silence_s=60,
        lost_status=403,
        lost_keepalive=403,
        unknown="empty_400",
        mistaken="empty_400",
        code_as_text=True,
        local_time="%Y-%m-%dT%H:%M:%S+08:00",
        closes=True,
        time_by=frozenset({"POST"}),
    ),
    Profile(
        name="hour",
        about="a session ends 3600 s after its registration, whatever was kept alive; a realm of its own each time",
        challenge=_NO_SPACES,
        realm="",
        nonce_ends="==",
        life_s=3600,
        local_time="%Y-%m-%d %H:%M:%S",
    ),
    Profile(
        name="code-0",
        about="who is unknown gets 404, and a body that says 0 OK; a lost session is told by a keep-alive's code 4",
        challenge=_QUOTED,
        silence_s=150,
        unknown="404_code_0",
        lost_keepalive=200,
    ),
    Profile(
        name="unwrapped",
        about="answers a batch with one status, with none of its wrappers, under other keys, without numbers, in turn",
        silence_s=180,
        unknown="200_code_3",
        lost_status=200,
        lost_keepalive=200,
        id_key="ID",
        batches="varied",
    ),
    Profile(
        name="lax",
        about="asks nobody who it is, answers with an empty 200, and reads only the first object of a batch",
        authenticates=False,
        batches="empty",
        reads_first_only=True,
        time_by=frozenset({"GET", "POST"}),
    ),
    Profile(
        name="redirecting",
        about="sends a registration on to another server, which takes what follows",
        silence_s=180,
        redirects=True,
        realm="VIID API",
    ),
)
PROFILES = MappingProxyType({one.name: one for one in _ALL})


def profile_named(name: str) -> Profile:
    """Raises ValueError for one that there is not."""
    if name not in PROFILES:
        raise ValueError(f"no profile {name}: there are {', '.join(PROFILES)}")
    return PROFILES[name]
