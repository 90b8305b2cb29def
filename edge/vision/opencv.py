"""OpenCV, whose own types do not tell bytes from numbers: what it gives is typed where it is taken."""

from __future__ import annotations

from typing import Any

import cv2

cv: Any = cv2
