"""What a sheet may say of a device: what fits the field tables, so that nothing is cut or lost on its way up."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from domain.viid.enumerations import fits, form_of
from domain.viid.fields import field_of
from domain.viid.sources import Coded

# A column -> the field of an APE that says it.
_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "name": "Name",
        "model": "Model",
        "address": "IPAddr",
        "place": "Place",
        "place_code": "PlaceCode",
        "org_code": "OrgCode",
        "direction": "MonitorDirection",
        "function": "FunctionType",
    }
)
_RANGES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"lane": (1, 99), "port": (0, 65_535), "longitude": (-180, 180), "latitude": (-90, 90)}
)


def wrong_in(coded: Coded) -> str:
    """The first column that does not fit, and what would; "" where all do."""
    words = (_wrong_word(column, getattr(coded, column)) for column in _FIELDS)
    numbers = (_wrong_number(column, getattr(coded, column)) for column in _RANGES)
    return next((wrong for wrong in (*words, *numbers) if wrong), "")


def _wrong_word(column: str, said: str) -> str:
    field = "IPV6Addr" if column == "address" and ":" in said else _FIELDS[column]
    row = field_of("APE", field)
    most = int(row.type[3:]) if row is not None else 0
    if said and not fits(field, said):
        return f"{column}: {said[:40]!r} is no {field}; one is {form_of(field)}"
    return "" if len(said) <= most else f"{column}: {len(said)} signs, at most {most}"


def _wrong_number(column: str, said: float) -> str:
    least, most = _RANGES[column]
    return "" if least <= said <= most else f"{column}: {said:g} is not within {least} and {most}"
