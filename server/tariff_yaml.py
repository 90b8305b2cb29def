"""YAML as people write tariffs: a key that stands twice, a date that is none and an hour that is no time of day are
refused with their line, where YAML itself would take one of them, or something else, without a word."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, cast

import yaml
from yaml.composer import ComposerError
from yaml.constructor import ConstructorError
from yaml.nodes import MappingNode, ScalarNode

_INT, _BOOL = "tag:yaml.org,2002:int", "tag:yaml.org,2002:bool"
_KNOWN = ("plans", "timezone", "calendar", "exempt_classes", "default_class", "versions")  # of a tariff, on top
_ALIKE = 0.8


class _Strict(yaml.SafeLoader):
    def compose_mapping_node(self, anchor: Any) -> Any:
        node: MappingNode = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                continue
            if key.value in seen:
                raise ComposerError(None, None, f"the key {key.value!r} stands twice: keep one", key.start_mark)
            seen.add(key.value)
            if key.value in ("from", "to") and isinstance(value, ScalarNode) and not _is_clock(value):
                said = f'{key.value}: {value.value} is no time of day: write it like "07:00"'
                raise ComposerError(None, None, said, value.start_mark)
        return node

    def construct_yaml_timestamp(self, node: Any) -> Any:
        try:
            return super().construct_yaml_timestamp(node)
        except ValueError as error:
            raise ConstructorError(None, None, f"{node.value} is no date: {error}", node.start_mark) from error


_Strict.add_constructor("tag:yaml.org,2002:timestamp", _Strict.construct_yaml_timestamp)


def _is_clock(node: ScalarNode) -> bool:
    """YAML makes 1140 of 19:00; 7, 700 and yes are of no hour that anybody can know."""
    return node.tag != _BOOL and (node.tag != _INT or ":" in node.value or node.value == "0")


def parse(text: str) -> object:
    """The document in a text. Raises yaml.YAMLError, ValueError, RecursionError."""
    return yaml.load(text, Loader=_Strict)  # noqa: S506 - a SafeLoader


def mistyped(document: object) -> str | None:
    """A key beside ``plans`` that is nearly one that counts: a mistyped list of who pays nothing must not be words."""
    if not isinstance(document, Mapping):
        return None
    for key, value in cast("Mapping[Any, Any]", document).items():
        meant = get_close_matches(str(key), _KNOWN, 1, _ALIKE)
        is_word = key in _KNOWN or (key == "version" and not isinstance(value, list | Mapping))
        if meant and not is_word:
            return f"{key}: unknown; is `{meant[0]}` meant?"
    return None
