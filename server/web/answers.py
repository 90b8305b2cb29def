"""From a route's findings to an answer: a page with what all pages share, or a way back."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import urlsplit

from fastapi import Request
from starlette.responses import HTMLResponse, RedirectResponse

from server.api.who import ACCOUNTING, AUDITING, CARING, GUARDING, OPERATING, OVERSEEING, RESIDING, WATCHING
from server.auth import Person
from server.house import House
from server.web.languages import N_, Language, language_of
from server.web.render import render
from server.web.themes import theme_of


class Link(NamedTuple):
    """An entry of the navigation, and whose it is."""

    path: str
    title: str
    icon: str
    roles: tuple[str, ...]
    of_the_city: bool = False  # only for who sees all of it


LINKS = (
    Link("/", N_("报警"), "alert", WATCHING),
    Link("/items", N_("事项"), "list", WATCHING),
    Link("/parking", N_("停车"), "car", ACCOUNTING),
    Link("/doors", N_("门"), "door", WATCHING),
    Link("/residents", N_("住户"), "card", RESIDING),
    Link("/care", N_("关怀"), "person", CARING),
    Link("/watch", N_("布控"), "security", GUARDING),
    Link("/gateways", N_("网关"), "gateway", OVERSEEING),
    Link("/platforms", N_("上级平台"), "gateway", ("security_officer",), True),
    Link("/places", N_("地点"), "place", OVERSEEING),
    Link("/accounts", N_("账号"), "person", OPERATING, True),
    Link("/audit", N_("审计"), "audit", AUDITING),
)


def house_of(request: Request) -> House:
    return request.app.state.house


def page(request: Request, person: Person, template: str, /, **context: Any) -> HTMLResponse:
    """A page for a person, in their language."""
    links = [link for link in LINKS if person.may(*link.roles) and (person.scope.is_city or not link.of_the_city)]
    return _page(request, template, 200, person.lang, person=person, links=links, **context)


def open_page(request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """A page for whoever looks."""
    return _page(request, template, status, language_of(request.cookies), person=None, links=[], **context)


def _page(request: Request, template: str, status: int, language: Language, **context: Any) -> HTMLResponse:
    shared = {"path": request.url.path, "now": house_of(request).now(), "theme": theme_of(request.cookies)}
    return HTMLResponse(render(language, template, **{**shared, **context}), status)


def see(path: str) -> RedirectResponse:
    """Go there with a GET."""
    return RedirectResponse(path, 303)


def local_path(text: str | None) -> str:
    """A path on this server to go back to; "/" for anything that could lead elsewhere."""
    if not text or not text.startswith("/") or text.startswith("//") or not text.isprintable() or "\\" in text:
        return "/"
    return text


def came_from(request: Request) -> str:
    """The page of ours that led here."""
    referer = urlsplit(request.headers.get("referer", ""))
    if referer.netloc != request.headers.get("host"):
        return "/"
    return local_path(referer.path + (f"?{referer.query}" if referer.query else ""))
