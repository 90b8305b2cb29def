"""What the code tables of GA/T 1400 allow in a field, by its name: one table for the schema, for what is sent, and for
the sheets that people enter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

_COLOR = r"[1-9]|1[0-3]|99"
_TRI_STATE = r"[012]"
# Of whole numbers and of words alike, as they are written. A table that goes on (vehicles' classes) has its form alone.
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "InfoKind": r"[012]",
        "PlateColor": _COLOR,
        "VehicleColor": _COLOR,
        "PlateClass": r"\d\d",
        "VehicleClass": r"[A-Z]\d\d",
        "VehicleColorDepth": r"[01]",
        "Direction": r"[1-9]",
        "MonitorDirection": r"[1-9]",
        "CapDirection": r"[01]",
        "Sunvisor": r"[01]",
        "SafetyBelt": r"[01]",
        "Calling": r"[01]",
        "GenderCode": r"[0129]",
        "Attitude": r"[1-9]",
        "EventSort": r"\d|[12]\d|3[0-6]|[6-9]\d\d",
        "FileFormat": r"Bmp|Gif|Jpeg|Jfif|Png|Tiff|Jp2|Other",
        "Type": r"0[1-9]|1[0-4]|100",
        "IsOnline": r"[129]",
        "FunctionType": r"([1-6]|99)(/([1-6]|99))*",
        "PositionType": r"\d{1,2}(/\d{1,2})*",
        "Status": r"[129]",
        "TollgateCat": r"10|20|30|31|40|41|99",
        "TollgateUsage": r"8[0-2]",
        "CityPass": r"[1-4]",
        "PlaceCode": r"\d{6}",
        "OrgCode": r"\d{12}",
        "OperateType": r"[01]",
        "SubscribeStatus": r"[0129]",
        "ResourceClass": r"[0-5]",
        "ExecuteOperation": r"[123]",
        "PriorityLevel": r"[123]",
        "DispositionStatus": r"[0129]",
        "DispositionRange": r"[12]",
        "StatusCode": r"\d",
        **dict.fromkeys(
            (
                "IsDriver",
                "IsForeigner",
                "IsSuspectedTerrorist",
                "IsCriminalInvolved",
                "IsDetainees",
                "IsVictim",
                "IsSuspiciousPerson",
            ),
            _TRI_STATE,
        ),
    }
)
_FORMS = {name: re.compile(form) for name, form in _WORDS.items()}


def form_of(field: str) -> str | None:
    """The form of what a field may say, for a schema; None where anything of its type goes."""
    found = _WORDS.get(field)
    return None if found is None else f"^({found})$"


def fits(field: str, value: object) -> bool:
    """Whether a field may say this: a word that its table lacks is no code, whatever it looks like."""
    form = _FORMS.get(field)
    return form is None or form.fullmatch(str(value)) is not None
