"""The form of a platform's settings: a field each of what is one word or number, and the rest as TOML."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import msgspec

from server.web.languages import N_

_MOST_SIGNS = 300
_MOST_LIST_SIGNS = 200_000
LISTS = "lists"  # the field of what is no single word


class Field(NamedTuple):
    """One of a form. ``choices``: those there are; none: free text."""

    key: str
    label: str
    read: Callable[[str], Any] = str
    choices: tuple[str, ...] = ()
    is_needed: bool = False


class BadField(ValueError):
    """What was entered is none; ``key`` is where."""

    def __init__(self, key: str, what: str) -> None:
        super().__init__(what)
        self.key = key


def _number(text: str) -> float | int:
    return int(text) if text.isascii() and text.isdigit() else float(text)


def _is_yes(text: str) -> bool:
    return text == "yes"


_YES_NO = ("yes", "no")
FIELDS: Mapping[str, tuple[Field, ...]] = {
    "gat1400": (
        Field("device_id", N_("本方编码（20 位）"), is_needed=True),
        Field("username", N_("用户名（空着为本方编码）")),
        Field("profile", N_("对接规格")),
        Field("ca_file", N_("对方证书机构的文件")),
        Field("picture_wait_s", N_("等待图片的秒数"), _number),
    ),
    "gb28181": (
        Field("server", N_("平台编码（20 位）"), is_needed=True),
        Field("ours", N_("本方编码（20 位）"), is_needed=True),
        Field("domain", N_("域（空着为平台编码前十位）")),
        Field("username", N_("用户名（空着为本方编码）")),
        Field("name", N_("本方名称")),
        Field("transport", N_("传输"), choices=("udp", "tcp")),
        Field("edition", N_("标准版本"), choices=("2016", "2022")),
        Field("encoding", N_("字符编码"), choices=("GB2312", "GB18030", "UTF-8")),
        Field("local_host", N_("本机地址")),
        Field("local_port", N_("本机端口"), _number),
        Field("expires_s", N_("注册有效秒数"), _number),
        Field("keepalive_s", N_("心跳间隔秒数"), _number),
        Field("losses", N_("心跳丢失几次算离线"), _number),
        Field("items_at_once", N_("每条目录消息的条数"), _number),
        Field("report_disarmed", N_("撤防的设备也报送"), _is_yes, _YES_NO),
    ),
    "mqtt": (
        Field("prefix", N_("主题前缀")),
        Field("client_id", N_("客户端标识")),
        Field("username", N_("用户名")),
        Field("ca_file", N_("对方证书机构的文件")),
        Field("answer_s", N_("等待应答的秒数"), _number),
    ),
    "webhook": (),
}


def read(kind: str, form: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a form says; what is empty is left to its default. Raises BadField."""
    said = _lists(kind, str(form.get(LISTS) or "")[:_MOST_LIST_SIGNS])
    for one in FIELDS[kind]:
        text = str(form.get(one.key) or "").strip()
        if text:
            said[one.key] = _read(one, text)
        elif one.is_needed:
            raise BadField(one.key, "has to be filled in")
    return said


def _read(one: Field, text: str) -> Any:
    if len(text) > _MOST_SIGNS:
        raise BadField(one.key, f"at most {_MOST_SIGNS} signs")
    if one.choices and text not in one.choices:
        raise BadField(one.key, f"one of {', '.join(one.choices)}")
    try:
        return one.read(text)
    except ValueError as error:
        raise BadField(one.key, "a number") from error


def _lists(kind: str, text: str) -> dict[str, Any]:
    try:
        said = msgspec.toml.decode(text.replace("\r\n", "\n"), type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise BadField(LISTS, str(error)) from error
    twice = sorted(set(said) & {one.key for one in FIELDS[kind]})
    if twice:
        raise BadField(LISTS, f"{', '.join(twice)}: has a field of its own")
    return said


def shown(kind: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """What stands in the form's fields."""
    keys = {one.key for one in FIELDS[kind]}
    said = {key: _text(value) for key, value in settings.items() if key in keys}
    rest = {key: value for key, value in settings.items() if key not in keys}
    return {**said, LISTS: "\n".join(f"{key} = {_toml(value)}" for key, value in rest.items())}


def _toml(value: Any) -> str:
    """Inline, a line an entry of a list: what JSON writes of words and numbers, TOML reads."""
    if isinstance(value, list):
        return "[" + "".join(f"\n  {_toml(one)}," for one in cast("list[Any]", value)) + "\n]"
    if isinstance(value, dict):
        named = cast("dict[str, Any]", value)
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(inner)}" for key, inner in named.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def blamed(kind: str, words: str) -> str:
    """The field that an error of a protocol is about; the lists' where it names none."""
    keys = {one.key for one in FIELDS[kind]}
    named = next((word for word in re.findall(r"[a-z_0-9]+", words) if word in keys), "")
    return named or LISTS
