"""Who is asking, and whether they may: dependencies for routes. A route that does not say who may is refused."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import msgspec
from fastapi import Depends, HTTPException, Request
from starlette.datastructures import FormData
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import Scope as AsgiScope

from server.audit import Actor
from server.logins import Logins, digest, session_name
from server.passwords import Passwords
from server.second_factor import is_fresh
from server.store.people import ROLES
from server.store.scope import Scope
from server.web.languages import Language, language_of

if TYPE_CHECKING:
    from server.house import House

COOKIE = "gatehouse_login"
CSRF_FIELD, CSRF_HEADER = "csrf", "X-CSRF-Token"
MOST_FORM_BYTES = 64 * 1024
MOST_FIELDS, MOST_WIDE_FIELDS = 50, 1_000
_EVERYWHERE = "; who sees the whole city"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_declared: dict[Any, str] = {}


class Person(msgspec.Struct, frozen=True):
    """Who is signed in, what they see, and by which login (the digest of its token)."""

    id: int
    username: str
    role: str
    scope: Scope
    csrf: str
    lang: Language
    login: str
    address: str | None = None
    verified_at: str | None = None  # when this login last showed the second factor
    has_second_factor: bool = False

    @property
    def actor(self) -> Actor:
        """As the audit names the person."""
        return Actor(self.username, self.role, self.id, self.address, session_name(self.login))

    def may(self, *roles: str) -> bool:
        return self.role in roles


class NotSignedIn(HTTPException):
    """Nobody is signed in, or no longer."""

    def __init__(self) -> None:
        super().__init__(401, "sign in first")


class NotAllowed(HTTPException):
    """Someone is signed in, and this is not for them; or the request did not come from our own page."""

    def __init__(self, message: str) -> None:
        super().__init__(403, message)


class NeedsSecondFactor(HTTPException):
    """Someone may, once they have shown their second factor, or set one up."""

    def __init__(self, person: Person) -> None:
        super().__init__(403, "show the second factor first" if person.has_second_factor else "set up a second factor")
        self.person = person


def declare(dependency: Any, access: str) -> Any:
    """Say that a dependency decides who may use a route; ``access`` is a word for people who list the routes."""
    _declared[dependency] = access
    return dependency


async def public() -> None:
    """For routes that anyone may use, said out loud."""


declare(public, "public")


def require(
    *roles: str,
    everywhere: bool = False,
    second_factor: bool = False,
    most_bytes: int = MOST_FORM_BYTES,
    most_files: int = 1,
    most_fields: int = MOST_FIELDS,
) -> Callable[[Request], Awaitable[Person]]:
    """A dependency that gives the signed-in Person of one of these roles; any role where none is named.

    ``everywhere``: only who sees the whole city. ``second_factor``: to change something wants a code of the last
    minutes. Raises NotSignedIn, NotAllowed or NeedsSecondFactor. Requests that change something must
    carry the login's CSRF token, in a header or a form field, and must come from our own pages.
    """
    unknown = set(roles) - set(ROLES)
    if unknown:
        raise ValueError(f"no such role: {', '.join(sorted(unknown))}")

    async def person(request: Request) -> Person:
        found = await _signed_in(request)
        if roles and found.role not in roles:
            raise NotAllowed(f"not for the role {found.role}")
        if everywhere and not found.scope.is_city:
            raise NotAllowed("only for who sees the whole city")
        if request.method not in _SAFE:
            check_origin(request)
            await _check_csrf(request, found, most_bytes, most_files, most_fields)
            if second_factor and not is_fresh(found.verified_at, _now(request)):
                raise NeedsSecondFactor(found)
        return found

    return declare(person, f"person: {', '.join(roles) or 'any role'}{_EVERYWHERE if everywhere else ''}")


def logins_of(request: Request) -> Logins:
    """The application's logins, made from its house at the first request."""
    state = request.app.state
    if not hasattr(state, "logins"):
        house: House = state.house
        state.logins = Logins(house.db, Passwords(), house.now, timedelta(hours=house.config.login_life_h))
    return state.logins


async def _signed_in(request: Request) -> Person:
    token = request.cookies.get(COOKIE, "")
    found = await logins_of(request).find(token) if token else None
    if found is None:
        raise NotSignedIn
    return Person(
        found.account,
        found.username,
        found.role,
        found.scope,
        found.csrf,
        language_of(request.cookies),
        digest(token),
        address_of(request),
        found.verified_at,
        found.totp_set_at is not None,
    )


def address_of(request: Request) -> str | None:
    """Where a request comes from; behind a proxy on this machine, where that says it comes from."""
    return request.client.host if request.client else None


def sign_in(request: Request, answer: Response, token: str) -> Response:
    """Let the browser bear a login from now on."""
    is_https, life_s = request.url.scheme == "https", int(logins_of(request).life.total_seconds())
    answer.set_cookie(COOKIE, token, max_age=life_s, httponly=True, samesite="lax", secure=is_https)
    return answer


_MOST_BROWSER_SIGNS = 200


def whence_of(request: Request) -> tuple[str | None, str | None]:
    """Address and browser, for the list of a person's sessions."""
    return address_of(request), request.headers.get("user-agent", "")[:_MOST_BROWSER_SIGNS] or None


def _now(request: Request) -> datetime:
    house: House = request.app.state.house
    return house.now()


def check_origin(request: Request) -> None:
    """Raises NotAllowed for a request that another site's page made. Browsers say so; scripts say nothing and pass."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    if site not in ("same-origin", "none"):
        raise NotAllowed(f"a request from another site ({site})")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise NotAllowed(f"a request from a page of {origin}")


async def _check_csrf(request: Request, person: Person, most_bytes: int, most_files: int, most_fields: int) -> None:
    given = request.headers.get(CSRF_HEADER)
    if given is None:
        given = (await _form(request, most_bytes, most_files, most_fields)).get(CSRF_FIELD)
    if not isinstance(given, str) or not secrets.compare_digest(given.encode(), person.csrf.encode()):
        raise NotAllowed("the page is of an earlier login: load it again")


async def small_form(request: Request) -> FormData:
    """The form a request carries. Raises HTTPException 411 or 413: without a length, or too long, it is not read."""
    return await _form(request, MOST_FORM_BYTES)


async def wide_form(request: Request) -> FormData:
    """The same with many small fields: a table of settings. Its person is let in by as many (``require``)."""
    return await _form(request, MOST_FORM_BYTES, most_fields=MOST_WIDE_FIELDS)


async def _form(request: Request, most_bytes: int, most_files: int = 1, most_fields: int = MOST_FIELDS) -> FormData:
    """With files in it, where more bytes than a small form has are expected."""
    check_length(request, most_bytes)
    files = most_files if most_bytes > MOST_FORM_BYTES else 0
    return await request.form(max_files=files, max_fields=most_fields)


def check_length(request: Request, most_bytes: int) -> None:
    """Raises HTTPException unless the body says its length and is within the bound; servers cut it there."""
    length = request.headers.get("content-length", "")
    if not length.isdigit():
        raise HTTPException(411, "say the length of the body")
    if int(length) > most_bytes:
        raise HTTPException(413, f"{length} bytes, at most {most_bytes}")


Form = Annotated[FormData, Depends(small_form)]
WideForm = Annotated[FormData, Depends(wide_form)]


def field(form: FormData, name: str, most_signs: int = 1_000) -> str:
    """A text field, without the space around it; empty where there is none. Raises HTTPException 422 when too long."""
    value = form.get(name)
    text = value.strip() if isinstance(value, str) else ""
    if len(text) > most_signs:
        raise HTTPException(422, f"{name} has {len(text)} signs, at most {most_signs}")
    return text


class BareRoute(Route):
    """A route of Starlette alone. Its endpoint looks by itself who asks; ``access`` says whom it lets in."""

    def __init__(
        self, path: str, endpoint: Callable[[Request], Awaitable[Response]], *, access: str, **more: Any
    ) -> None:
        super().__init__(path, endpoint, **more)
        self.answer, self.access = endpoint, access

    def matches(self, scope: AsgiScope) -> tuple[Match, AsgiScope]:
        """As the framework's routes do, it says in the scope which it is: figures and traces go by that."""
        match, child = super().matches(scope)
        return match, {**child, "route": self}


class UndeclaredRoute(Exception):
    """A route says nothing of who may use it: the server does not start with it."""


def refuse_undeclared(routes: Sequence[BaseRoute]) -> None:
    """Raises UndeclaredRoute naming every route that declares nothing: what is not said is denied."""
    silent = [str(getattr(route, "path", route)) for route in every_route(routes) if declares_access(route) is None]
    if silent:
        raise UndeclaredRoute(f"say who may use {', '.join(silent)}: a dependency of server/api/who.py, or public")


def every_route(routes: Sequence[BaseRoute]) -> Iterator[BaseRoute]:
    """All routes of an application, those of included routers too."""
    for route in routes:
        included: Any = getattr(route, "original_router", route)  # FastAPI keeps included routers whole since 0.130
        if isinstance(route, Mount) or not hasattr(included, "routes"):
            yield route
        else:
            yield from every_route(included.routes)


def declares_access(route: BaseRoute) -> str | None:
    """Who a route says may use it, or None where it says nothing: then it must not be served."""
    if isinstance(route, BareRoute):
        return route.access
    dependant: Any = getattr(route, "dependant", None)
    if dependant is not None:
        return next(_declarations(dependant), None)
    mounted: Any = getattr(route, "app", None)
    return _declared.get(type(mounted))


def _declarations(dependant: Any) -> Iterator[str]:
    for dependency in dependant.dependencies:
        if dependency.call in _declared:
            yield _declared[dependency.call]
        yield from _declarations(dependency)
