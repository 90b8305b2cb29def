"""The version of a plan: a hash of its one canonical spelling."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec


def version_of(plan: msgspec.Struct) -> str:
    """sha256 of the plan as JSON with sorted keys and no defaults, 64 hex digits.

    Defaults are left out so that a default written down, or a key the schema gains later, changes no version.
    """
    return hashlib.sha256(msgspec.json.encode(spelled(plan), order="sorted")).hexdigest()


def spelled(node: Any) -> Any:
    """A plan or a part of it as plain values, as a document has them, without what is the default."""
    if isinstance(node, msgspec.Struct):
        known = ((field, getattr(node, field.name)) for field in msgspec.structs.fields(node))
        said = {field.encode_name: spelled(value) for field, value in known if not _is_default(field, value)}
        tag = node.__struct_config__.tag
        return said if tag is None else {"kind": tag, **said}
    if isinstance(node, dict):
        return {key: spelled(value) for key, value in node.items()}  # pyright: ignore[reportUnknownVariableType]
    return [spelled(entry) for entry in node] if isinstance(node, tuple) else node  # pyright: ignore[reportUnknownVariableType]


def _is_default(field: msgspec.structs.FieldInfo, value: Any) -> bool:
    if field.default_factory is not msgspec.NODEFAULT:
        return value == field.default_factory()
    return value == field.default
