"""The step between: a code is asked for, and then what was being done goes on by itself."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Request
from starlette.datastructures import FormData
from starlette.responses import JSONResponse, Response

from server.auth import NeedsSecondFactor, Person
from server.web.answers import came_from, page, see

SETUP = "/me/second-factor"
_OURS = ("csrf", "second_code", "second_next", "second_post")
Fields = Sequence[tuple[str, str]]


def kept_fields(form: FormData) -> Fields:
    """What was being sent, to be sent again behind the code."""
    return [(name, value) for name, value in form.multi_items() if isinstance(value, str) and name not in _OURS]


def ask_again(request: Request, person: Person, back: str, kept: Fields | None, *, wrong: bool = False) -> Response:
    """The page that asks for a code. ``kept``: the fields of a form to go on with; None: only a page."""
    answer = page(request, person, "second_factor.html", back=back, kept=kept, wrong=wrong)
    answer.status_code = 200 if kept is None and not wrong else 403
    return answer


async def second_step(request: Request, error: Exception) -> Response:
    """For NeedsSecondFactor: a form is kept and goes on after the code; without a second factor it is set up first."""
    if not isinstance(error, NeedsSecondFactor):
        raise error
    person, is_page = error.person, "text/html" in request.headers.get("accept", "")
    back = came_from(request)
    if request.headers.get("hx-request"):
        return Response(status_code=403, headers={"HX-Redirect": f"{SETUP}?next={back}"})
    if not is_page:
        return JSONResponse({"error": "second_factor", "message": error.detail}, 403)
    if not person.has_second_factor:
        return see(f"{SETUP}?next={back}")
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return ask_again(request, person, back, None)  # a file is not kept: the page before it comes again
    return ask_again(request, person, request.url.path, kept_fields(await request.form()))
