"""Every mistake in a settings file at once, each by its key: msgspec alone stops at the first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import msgspec


def mistakes_in(kind: type[msgspec.Struct], written: dict[str, Any]) -> list[str]:
    """Every key that cannot be used for ``kind``, by its path, and why."""
    return list(_in_struct(kind, written, ""))


def _in_struct(kind: Any, written: dict[str, Any], path: str) -> Iterator[str]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    before = list[str]()
    for key, value in written.items():
        if key not in fields:
            before.append(f"there is no key {path}{key}")
            continue
        before += _in_value(fields[key].type, value, f"{path}{key}")
    before += [f"{path}{name}: is missing" for name, field in fields.items() if field.required and name not in written]
    yield from before or _as_a_whole(kind, written, path)


def _in_value(kind: Any, value: Any, path: str) -> Iterator[str]:
    inner = next((part for part in getattr(kind, "__args__", ()) if _is_struct(part)), None)
    match value:
        case dict() if _is_struct(kind):
            table = cast("dict[str, Any]", value)
            yield from _in_struct(kind, table, f"{path}.")
        case list() if inner is not None:
            entries = cast("list[Any]", value)
            for number, entry in enumerate(entries, 1):
                yield from _in_value(inner, entry, f"{path}[{number}]")
        case _:
            yield from _as_a_whole(kind, value, path)


def _as_a_whole(kind: Any, value: Any, path: str) -> Iterator[str]:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        yield f"{path.rstrip('.') or 'the file'}: {error}"


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)
