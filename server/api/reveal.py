"""The one way to see what is masked: for a reason, which the audit keeps before anything is shown."""

from __future__ import annotations

from fastapi import HTTPException, Request
from starlette.datastructures import FormData

from server.api.noted import note
from server.audit import Subject
from server.auth import Person, field
from server.web.reasons import REASONS as REASONS


def reason_of(form: FormData) -> str:
    """The reason a form gives. Raises HTTPException 422 for none, or one that is not ours."""
    reason = field(form, "reason", 32)
    if reason not in REASONS:
        raise HTTPException(422, "say why it is needed")
    return reason


async def reveal(
    request: Request, person: Person, action: str, on: Subject, complex_id: str | None, form: FormData
) -> None:
    """Let the audit know who sees what, and why; what is seen is shown only after this."""
    await note(request, person, action, on, complex_id, reason_of(form))
