"""Chinese number plates: one spelling, a class with a confidence, a distance between two readings. Never a gate."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal, get_args

import msgspec

PlateColor = Literal["blue", "yellow", "white", "black", "green", "yellow_green", "unknown"]
PlateClass = Literal[
    "small",
    "large",
    "nev_small",
    "nev_large",
    "trailer",
    "coach",
    "test",
    "police",
    "embassy",
    "consulate",
    "hk",
    "macao",
    "armed_police",
    "military",
    "emergency",
    "civil_aviation",
    "tractor",
]

PROVINCES = "京津沪渝冀晋蒙辽吉黑苏浙皖闽赣鲁豫鄂湘粤桂琼川贵云藏陕甘青宁新"
SERIAL = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # no I, no O
COLORS: tuple[PlateColor, ...] = get_args(PlateColor)

_P, _L, _S = f"[{PROVINCES}]", "[A-HJ-Z]", "[0-9A-HJ-NP-Z]"
_SEPARATORS = re.compile(r"[\s\u200b\ufeff·•‧∙⋅・･.\-‐‑‒–—―−]+")
_COLOR_PREFIX = re.compile("(?:黄绿|蓝|黄|白|黑|绿)(?=.)")
_PLATE_HEAD = re.compile(f"{_P}[0-9A-Z].{{4,}}")
_PROVINCE_SERIAL = re.compile(f"({_P}[A-Z])([0-9A-Z]+)(挂|学|试|警|领|港|澳|使|应急)?")
_DIGIT_SERIAL = re.compile(
    f"(WJ{_P}?)([0-9OI]{{4}}[0-9A-Z])()|(使)([0-9OI]{{6}})()|()([0-9OI]{{6}})(使)|(民航)([0-9A-Z]{{5}})()"
)
_MILITARY_SERIAL = re.compile("([A-HJ-NP-Z]{2})([0-9OI]{5})")
_TO_DIGIT = str.maketrans("OI", "01")

# Characters that readers take for each other, and costs in tenths so that sums stay exact.
_LOOK_ALIKE = ("0OQD", "1ITL", "2Z", "5S", "8B", "6G", "7T")
_ALIKE = frozenset((a, b) for group in _LOOK_ALIKE for a in group for b in group if a != b)
_ALIKE_COST, _OTHER_COST, _TAIL_COST = 3, 10, 6


class Classification(msgspec.Struct, frozen=True):
    """What the grammar makes of a plate: ``colors`` it is made in, likeliest first; ``confidence`` 0..1 of the grammar
    itself (1: tables quote the standard; less: public sources are incomplete); ``canonical`` is the form to store."""

    plate_class: PlateClass
    colors: tuple[PlateColor, ...]
    canonical: str
    confidence: float

    @property
    def color(self) -> PlateColor:
        """The colour to expect where none was seen."""
        return self.colors[0]


class _Rule(msgspec.Struct, frozen=True):
    pattern: str  # without groups of its own
    plate_class: PlateClass
    colors: tuple[PlateColor, ...]
    confidence: float = 1.0


def _rule(pattern: str, plate_class: PlateClass, *colors: PlateColor, confidence: float = 1.0) -> _Rule:
    return _Rule(pattern, plate_class, colors, confidence)


# GA 36-2018 as tables quote it; the more special shape first. The NEV letters beyond D and F came later.
_RULES = (
    _rule("使[0-9]{6}|[0-9]{6}使", "embassy", "black"),
    _rule(f"粤Z{_S}{{4}}港", "hk", "black"),
    _rule(f"粤Z{_S}{{4}}澳", "macao", "black"),
    _rule(f"{_P}{_L}{_S}{{4}}挂", "trailer", "yellow"),
    _rule(f"{_P}{_L}{_S}{{4}}学", "coach", "yellow"),
    _rule(f"{_P}{_L}{_S}{{4}}试", "test", "yellow"),
    _rule(f"{_P}{_L}{_S}{{4}}警", "police", "white"),
    _rule(f"{_P}{_L}{_S}{{4}}领", "consulate", "black"),
    _rule(f"{_P}{_L}{_S}{{4,5}}应急", "emergency", "white", confidence=0.6),
    _rule(f"{_P}{_L}[A-HJK]{_S}[0-9]{{4}}", "nev_small", "green"),
    _rule(f"{_P}{_L}[0-9]{{5}}[DF]", "nev_large", "yellow_green", "green"),
    _rule(f"{_P}{_L}{_S}{{5}}", "small", "blue", "yellow"),
    _rule(f"WJ{_P}?[0-9]{{4}}[0-9JBXTHSD]", "armed_police", "white"),
    _rule("[VKHBSLJNGC][A-HJ-NP-Z][0-9]{5}", "military", "white", confidence=0.9),
    _rule("[A-HJ-NP-Z]{2}[0-9]{5}", "military", "white", confidence=0.4),
    _rule(f"民航{_S}{{5}}", "civil_aviation", "green", confidence=0.6),
    _rule(f"{_P}[0-9]{{2}}{_S}{{5}}", "tractor", "green", confidence=0.6),
)

_SHAPES = re.compile("|".join(f"({rule.pattern})" for rule in _RULES))  # all at once: a group a rule, in their order

# Seven characters say small; the colour says otherwise (tractors after NY 345.1).
_RECLASSED: dict[str, tuple[PlateClass, tuple[PlateColor, ...], float]] = {
    "yellow": ("large", ("yellow",), 1.0),
    "green": ("tractor", ("green",), 0.5),
}


def normalise(text: str) -> str:
    """One spelling of a reading: NFKC, upper case, no separators, no colour word before a plate.

    O and I become 0 and 1 only where a serial character must stand: neither occurs there.
    """
    folded = _folded(_SEPARATORS.sub("", _folded(_folded(text).upper())))
    return _serial_digits(_without_color(folded))


def classify(plate: str, color: str = "unknown") -> Classification | None:
    """The class of a plate in any spelling, or None where no known shape fits. A seen colour tells large from small."""
    plate = normalise(plate)
    found = _SHAPES.fullmatch(plate)
    if found is None or found.lastindex is None:
        return None
    rule = _RULES[found.lastindex - 1]
    if rule.plate_class == "small" and color in _RECLASSED:
        plate_class, colors, confidence = _RECLASSED[color]
        return Classification(plate_class, colors, plate, confidence)
    return Classification(rule.plate_class, rule.colors, _one_form(plate), rule.confidence)


def is_valid(plate: str) -> bool:
    """Whether some known shape fits. False is a hint for a person, never a reason to refuse a car."""
    return classify(plate) is not None


def canonical(text: str) -> str:
    """The form under which a plate is stored and folded: normalised, embassy plates with 使 in front."""
    return _one_form(normalise(text))


def mask(plate: str) -> str:
    """``京A12345`` → ``京A***45``: what a public page may show."""
    shown = 2 if len(plate) >= 6 else 1 if len(plate) >= 3 else 0
    return plate[:shown] + "*" * (len(plate) - 2 * shown) + plate[len(plate) - shown :]


def colors_agree(a: str, b: str) -> bool:
    """Whether two seen colours may be of one plate: ``unknown`` agrees with each."""
    return "unknown" in (a, b) or a == b


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _without_color(text: str) -> str:
    found = _COLOR_PREFIX.match(text)
    if found is None:
        return text
    rest = text[found.end() :]
    serial = _serial_digits(rest)
    follows = _PLATE_HEAD.match(rest) or _SHAPES.fullmatch(serial)
    return rest if follows else text


def _serial_digits(plate: str) -> str:
    if not ("O" in plate or "I" in plate):
        return plate
    found = _PROVINCE_SERIAL.fullmatch(plate) or _DIGIT_SERIAL.fullmatch(plate) or _MILITARY_SERIAL.fullmatch(plate)
    if found is None:
        return plate
    head, serial, *tail = (group for group in found.groups() if group is not None)
    return head + serial.translate(_TO_DIGIT) + "".join(tail)


def _one_form(plate: str) -> str:
    return "使" + plate[:-1] if len(plate) == 7 and plate.endswith("使") and plate[:-1].isdecimal() else plate


def look_alike(a: str, b: str) -> bool:
    """Whether readers take one character for the other."""
    return (a, b) in _ALIKE


def alike(sign: str) -> str:
    """The characters that readers take this one for."""
    return "".join(other for group in _LOOK_ALIKE if sign in group for other in group if other != sign)


def compare(a: str, b: str) -> float:
    """Weighted edit distance of two normalised readings: look-alike 0.3, lost tail character 0.6, anything else 1.

    7 and 8 characters are different kinds of plate: between them only a lost tail character counts, not one lost
    inside. Symmetric; 0 only for equal readings.
    """
    short, long = sorted((a, b), key=len)
    if (len(short), len(long)) == (7, 8):
        return (_TAIL_COST + sum(map(_substitution, short, long))) / 10
    return _edit_cost(short, long) / 10


def _substitution(a: str, b: str) -> int:
    return 0 if a == b else _ALIKE_COST if (a, b) in _ALIKE else _OTHER_COST


def _edit_cost(a: str, b: str) -> int:
    """Edit cost in tenths, by dynamic programming over rows; what is lost at the end of either reading costs less."""
    row = [_OTHER_COST * column for column in range(len(b) + 1)]
    best = row[-1] + _TAIL_COST * len(a)
    for length, char in enumerate(a, start=1):
        row = _next_row(row, char, b)
        best = min(best, row[-1] + _TAIL_COST * (len(a) - length))
    return min(best, *(cost + _TAIL_COST * (len(b) - column) for column, cost in enumerate(row)))


def _next_row(row: list[int], char: str, b: str) -> list[int]:
    following = [row[0] + _OTHER_COST]
    for column, other in enumerate(b, start=1):
        substituted = row[column - 1] + _substitution(char, other)
        following.append(min(substituted, row[column] + _OTHER_COST, following[-1] + _OTHER_COST))
    return following
