"""Channels for tests of pages: a robot of a group that keeps what it is given, and pushes to browsers."""

from __future__ import annotations

import base64

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from server.channels.channel import Notice, NotSent, Receipt
from server.channels.registry import Channels
from server.channels.settings import ChannelSettings
from server.channels.web_push import BrowserPush
from server.house import House

SERVICE = "push.example.invalid"
_POINT = base64.urlsafe_b64encode(b"\4" + bytes(64)).rstrip(b"=").decode()
_AUTH = base64.urlsafe_b64encode(bytes(16)).rstrip(b"=").decode()
BROWSER = {"endpoint": f"https://{SERVICE}/1", "p256dh": _POINT, "auth": _AUTH}
SETTINGS = {
    "group": {"kind": "wecom", "title": "值班群", "key_file": "k"},
    "river": {"kind": "wecom", "title": "滨河群", "key_file": "k", "complexes": ["river"]},
    "sms": {"kind": "plugin", "plugin": "p"},
    "mail": {"kind": "email", "host": "h", "sender": "s@example.invalid"},
    "push": {"kind": "web_push", "key_file": "k", "contact": "mailto:x@example.invalid", "services": [SERVICE]},
}


class Group:
    """``failing``: the refusals of the next."""

    def __init__(self) -> None:
        self.taken, self.failing = list[Notice](), list[NotSent]()

    async def send(self, notice: Notice) -> Receipt:
        if self.failing:
            raise self.failing.pop(0)
        self.taken.append(notice)
        return Receipt()

    async def close(self) -> None:
        """Nothing is open."""


def give_channels(house: House) -> Group:
    """One far end stands behind all but the pushes."""
    group = Group()
    named = msgspec.convert(SETTINGS, dict[str, ChannelSettings])
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    push = BrowserPush(named["push"], key, house.now)  # pyright: ignore[reportArgumentType] - it is
    made = Channels(named, {name: push if name == "push" else group for name in named})
    vars(house.channels).update(vars(made))
    return group
