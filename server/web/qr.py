"""Codes to scan, as SVG of paths and attributes alone: the policy lets no style stand in a page."""

from __future__ import annotations

import segno
from markupsafe import Markup


def qr_of(text: str, scale: int = 6) -> Markup:
    """Dark on white, as wide as its box."""
    made = segno.make(text, error="m", micro=False)
    return Markup(made.svg_inline(scale=scale, dark="#000", light="#fff", svgclass="qr", omitsize=True))  # noqa: S704
