"""Papers that people upload: a PDF, or a picture that is drawn anew; known by their bytes, never by their name."""

from __future__ import annotations

from typing import NamedTuple

from server.plan_pictures import MOST_BYTES as MOST_BYTES
from server.plan_pictures import BadPicture, read_picture

PDF = "application/pdf"
_LEAST_PDF_BYTES = 100
# What acts by itself in a PDF, or brings other files. Names in compressed parts are not seen; viewers ask for those.
_ACTING = (b"/JavaScript", b"/JS ", b"/JS(", b"/Launch", b"/EmbeddedFile", b"/RichMedia", b"/XFA")


class BadDocument(ValueError):
    """Not taken; ``reason`` is a stable word."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Document(NamedTuple):
    """Bytes ready to be kept, and what they are."""

    body: bytes
    type: str


def read_document(body: bytes) -> Document:
    """Raises BadDocument. A picture costs a core for up to some seconds: call it in a thread."""
    if len(body) > MOST_BYTES:
        raise BadDocument("too_large", f"{len(body)} bytes, at most {MOST_BYTES}")
    if body[:5] == b"%PDF-":
        return _pdf(body)
    try:
        drawn = read_picture(body)
    except BadPicture as error:
        raise BadDocument(error.reason, str(error)) from error
    return Document(drawn.body, drawn.type)


def _pdf(body: bytes) -> Document:
    if len(body) < _LEAST_PDF_BYTES or b"%%EOF" not in body[-1_024:]:
        raise BadDocument("damaged", "the PDF does not end: it was cut off on its way")
    acting = next((sign for sign in _ACTING if sign in body), None)
    if acting is not None:
        raise BadDocument("acting_pdf", f"the PDF holds {acting.decode().strip()}: a paper does nothing by itself")
    return Document(body, PDF)
