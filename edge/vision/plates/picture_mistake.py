"""What is wrong with a file that should be a picture; apart, for whoever loads no cv2."""

from __future__ import annotations


class BadPicture(Exception):
    """Not a picture that can be looked at; says why, and what to do."""
