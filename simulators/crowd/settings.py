"""What the agent must be told of the crowd: where it listens, and the device list, as an installer writes edge.toml."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from simulators.crowd.member import Gateway


def ports(gateway: Gateway, uhppote: int) -> str:
    """Where the agent listens; ``uhppote``: the UDP port that controllers send their events to."""
    return (
        f'[listen]\nhost = "{gateway.host}"\nport = {gateway.http}\n'
        f'[websocket]\nhost = "{gateway.host}"\nport = {gateway.websocket}\n'
        f'[tcp]\nhost = "{gateway.host}"\nports = {{gb26875 = {gateway.fire}}}\n'
        f'[uhppote]\nhost = "{gateway.host}"\nport = {uhppote}\ntell = "{gateway.host}"\n'
    )


def device_list(rows: Sequence[Mapping[str, Any]]) -> str:
    """A table for each."""
    return "".join(f"\n[[devices]]\n{_table(row)}" for row in rows)


def _table(row: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {_value(value)}\n" for key, value in row.items())


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, cast('list[Any]', value)))}]"
    if isinstance(value, dict):
        inner = cast("dict[str, Any]", value)
        return "{" + ", ".join(f"{key} = {_value(part)}" for key, part in inner.items()) + "}"
    return json.dumps(value, ensure_ascii=False)
