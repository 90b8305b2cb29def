"""The colour of a plate: of its own pixels, of the reader's second output, and of what its class is made in."""

from __future__ import annotations

import cv2
import numpy as np

from domain import plates
from edge.vision.frames import Picture
from edge.vision.plates.corners import Floats

COLORS = ("blue", "yellow", "green", "white", "black")  # the order of the reader's output
_SATURATED, _PALE = 55, 40  # of 255: above it a hue can be told, in a picture of daylight
_HUES = {"blue": (92, 135), "yellow": (8, 34), "green": (35, 91)}  # in OpenCV's half degrees
_LEAST = 0.02
# A plain plate is blue or yellow; the black of foreigners' cars is rare, white and green ones are spelled otherwise.
_PLAIN = {"blue": 0.7, "yellow": 0.25, "black": 0.03, "green": 0.01, "white": 0.01}
_OTHER_THAN_MADE = 0.02
_HEAD = 0.5  # how much the reader's second output counts beside the pixels: it takes dark blue for black


def plate_color(crop: Picture, head: Floats, plate: str) -> tuple[str, float]:
    """The likeliest colour and how likely it is. ``crop``: the straightened plate."""
    seen = of_pixels(crop)
    made = _made_in(plate)
    odds = {color: seen[color] * made[color] * float(head[n]) ** _HEAD for n, color in enumerate(COLORS)}
    color = max(odds, key=lambda each: odds[each])
    share = odds[color] / sum(odds.values())
    return (_two_colors(crop, color, plate), share)


def of_pixels(crop: Picture) -> dict[str, float]:
    """The share of each colour by the hues of the ground; pale plates by which is lighter, ground or signs."""
    inner = _inner(crop)
    hue, saturation, value = (plane.astype(np.int16) for plane in cv2.split(cv2.cvtColor(inner, cv2.COLOR_BGR2HSV)))
    colored = saturation > _threshold(saturation)
    shares = {name: float((colored & (hue >= low) & (hue <= high)).mean()) for name, (low, high) in _HUES.items()}
    pale = max(0.0, 0.5 - sum(shares.values())) * 2
    light = _ground_is_light(value)
    shares["white"], shares["black"] = (pale, _LEAST) if light else (_LEAST, pale)
    if light:  # a dark ground is never yellow or green, a light one never blue: what is so is the light's own tint
        shares["blue"] *= 0.3
    else:
        shares["yellow"], shares["green"] = shares["yellow"] * 0.3, shares["green"] * 0.3
    total = sum(max(share, _LEAST) for share in shares.values())
    return {name: max(share, _LEAST) / total for name, share in shares.items()}


def _inner(crop: Picture) -> Picture:
    height, width = crop.shape[:2]
    return crop[height // 8 : height - height // 8, width // 24 : width - width // 24]


def _threshold(saturation: np.ndarray) -> float:
    """Lower where nothing is vivid: at night all colours are faint."""
    return max(_PALE, min(_SATURATED, float(np.percentile(saturation, 80)) * 0.6))


def _ground_is_light(value: np.ndarray) -> bool:
    """Signs cover less than the ground: the mean lies on the ground's side of the middle between dark and light."""
    dark, light = np.percentile(value, (5, 95))
    return bool(value.mean() > (dark + light) / 2)


def _made_in(plate: str) -> dict[str, float]:
    found = plates.classify(plate)
    if found is None or found.plate_class == "small":
        return _PLAIN
    made = {"green" if color == "yellow_green" else color for color in found.colors}
    return {color: 1.0 if color in made else _OTHER_THAN_MADE for color in COLORS}


def _two_colors(crop: Picture, color: str, plate: str) -> str:
    """Large new-energy cars: yellow behind the first two signs, green behind the rest."""
    found = plates.classify(plate)
    if color != "green" or found is None or found.plate_class != "nev_large":
        return color
    first = of_pixels(crop[:, : crop.shape[1] // 4])
    return "yellow_green" if first["yellow"] > first["green"] else color
