"""Channels of server.toml, ``[channels.NAME]``: what they are, whom they serve, which files hold their secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from domain.delivery import SCREEN, Means
from domain.duty.plan import Level

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
PUSH_SERVICES = (
    "fcm.googleapis.com",
    "updates.push.services.mozilla.com",
    "web.push.apple.com",
    "*.notify.windows.com",
)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class _Channel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What all have. Where nobody is on duty at a level the channels whose ``desks`` name it are told, and where a unit
    is called (吹哨) those whose ``units`` do; ``to`` is whom they tell then: a telephone, an address."""

    title: str = ""  # as people see it; empty: its name
    complexes: list[str] = []  # whose alerts go by it; none: those of every complex
    desks: list[Level] = []
    units: list[str] = []
    to: str = ""
    timeout_s: int = 8

    @property
    def files(self) -> list[str]:
        """What must be there, for its owner alone."""
        return [
            getattr(self, name) for name in self.__struct_fields__ if name.endswith("_file") and getattr(self, name)
        ]

    @property
    def is_https(self) -> bool:
        """Whether what it sends is hidden on the way, or never leaves this machine."""
        url = urlsplit(getattr(self, "gateway", "") or "https://")
        return url.scheme == "https" or url.hostname in _LOOPBACK

    def serves(self, complex_id: str) -> bool:
        return not self.complexes or complex_id in self.complexes


class WeCom(_Channel, frozen=True, tag="wecom"):
    """A robot of a group in WeCom (企业微信群机器人). It is not signed: its key is all there is to it."""

    key_file: str  # of the webhook's address what follows key=
    gateway: str = "https://qyapi.weixin.qq.com"


class DingTalk(_Channel, frozen=True, tag="dingtalk"):
    """A robot of a group in DingTalk (钉钉自定义机器人), made with 加签."""

    token_file: str  # of the webhook's address what follows access_token=
    secret_file: str  # SEC…
    gateway: str = "https://oapi.dingtalk.com"


class Feishu(_Channel, frozen=True, tag="feishu"):
    """A robot of a group in Feishu (飞书自定义机器人), made with 签名校验."""

    token_file: str  # of the webhook's address what follows hook/
    secret_file: str
    gateway: str = "https://open.feishu.cn"


class WebPush(_Channel, frozen=True, tag="web_push"):
    """Pushes to browsers (RFC 8030), signed by VAPID (RFC 8292) and encrypted for the browser (RFC 8291)."""

    key_file: str  # PEM, of the curve prime256v1
    contact: str  # whom a push service writes to: mailto:… or https://…
    # Which push services are called: a browser names its own, and nothing else may be called in its name.
    services: tuple[str, ...] = PUSH_SERVICES


class Email(_Channel, frozen=True, tag="email"):
    """Letters by a mail server."""

    host: str
    sender: str
    port: int = 465
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    user: str = ""
    password_file: str = ""
    ca_file: str = ""  # of a mail server of one's own


class Plugin(_Channel, frozen=True, tag="plugin"):
    """Somebody's SMS or telephone: a program of the entry points ``gatehouse.channels``."""

    plugin: str
    means: Literal["phone", "robot", "email"] = "phone"
    secret_file: str = ""
    options: dict[str, str] = {}


ChannelSettings = WeCom | DingTalk | Feishu | WebPush | Email | Plugin
_MEANS: Mapping[type[_Channel], Means] = {
    WeCom: "robot",
    DingTalk: "robot",
    Feishu: "robot",
    WebPush: "web_push",
    Email: "email",
}


def means_of(one: ChannelSettings) -> Means:
    return one.means if isinstance(one, Plugin) else _MEANS[type(one)]


def check(channels: Mapping[str, ChannelSettings], complexes: list[str]) -> None:
    """Raises ValueError for settings that cannot be used or contradict themselves."""
    for name, one in channels.items():
        if not _NAME.fullmatch(name) or name == SCREEN:
            raise ValueError(
                f"channels.{name}: a name is small letters, digits, - and _, begins with a letter, and is not {SCREEN}"
            )
        if strange := sorted(set(one.complexes) - set(complexes)):
            raise ValueError(f"channels.{name}: there is no complex {strange[0]}")
        if not 1 <= one.timeout_s <= 30:
            raise ValueError(f"channels.{name}: timeout_s: 1 to 30")
        if not one.is_https:
            raise ValueError(f"channels.{name}: gateway: write https://HOST; only this machine itself goes without")
        _check_kind(name, one)


def _check_kind(name: str, one: ChannelSettings) -> None:
    if isinstance(one, WebPush) and not one.contact.startswith(("mailto:", "https://")):
        raise ValueError(f"channels.{name}: contact: write mailto:NAME@HOST or https://…")
    if isinstance(one, Email) and one.tls == "none" and one.password_file and one.host not in _LOOPBACK:
        raise ValueError(f"channels.{name}: a password goes over tls only: set tls to implicit or starttls")
    if (one.desks or one.units) and not one.to and means_of(one) in ("phone", "email"):
        raise ValueError(f"channels.{name}: desks and units want `to`: the telephone or address that they are told by")
    if (one.desks or one.units) and isinstance(one, WebPush):
        raise ValueError(f"channels.{name}: a browser is a person's: desks and units go by another channel")
