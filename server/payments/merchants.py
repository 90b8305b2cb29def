"""Merchants of server.toml: whose money goes where, and the keys that prove it, each in a file of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec


class Merchant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One merchant at one provider. Keys are named by files, relative to the data folder, and stand nowhere else."""

    channel: Literal["wechat", "alipay"]
    merchant: str  # 商户号; of Alipay the seller's PID, 2088…
    app_id: str
    private_key_file: str  # ours, PEM (PKCS#8): requests are signed with it
    platform_key_file: str  # the provider's public key, PEM: its word is checked with it
    complexes: list[str] = []  # whose payments go there; none: those of every complex that no other merchant has
    certificate_serial: str = ""  # WeChat: of our certificate
    api_v3_key_file: str = ""  # WeChat: 32 signs, notices are encrypted with it
    platform_key_id: str = ""  # WeChat: PUB_KEY_ID_…
    app_secret_file: str = ""  # WeChat: of the official account, for paying inside WeChat
    gateway: str = ""  # another address of the provider: the simulator's
    timeout_s: int = 10

    @property
    def files(self) -> list[str]:
        """What must be there, for its owner alone."""
        named = (self.private_key_file, self.platform_key_file, self.api_v3_key_file, self.app_secret_file)
        return [name for name in named if name]

    def missing(self) -> str:
        """What a channel needs and this does not say; empty where nothing is."""
        needed = ("certificate_serial", "api_v3_key_file", "platform_key_id") if self.channel == "wechat" else ()
        return ", ".join(name for name in needed if not getattr(self, name))


def check(merchants: list[Merchant], complexes: list[str]) -> None:
    """Raises ValueError for settings that contradict themselves."""
    seen: set[tuple[str, str]] = set()
    for one in merchants:
        if missing := one.missing():
            raise ValueError(f"payments: {one.channel} {one.merchant} needs {missing}")
        if strange := sorted(set(one.complexes) - set(complexes)):
            raise ValueError(f"payments: {one.channel} {one.merchant}: there is no complex {strange[0]}")
        if not one.merchant.isalnum():
            raise ValueError(f"payments: {one.merchant!r} is no merchant's number")
        for place in one.complexes or ["every other complex"]:
            if (one.channel, place) in seen:
                raise ValueError(f"payments: two merchants of {one.channel} for {place}")
            seen.add((one.channel, place))


def chosen(merchants: list[Merchant], channel: str, complex_id: str) -> Merchant | None:
    """Who takes a complex's money in a channel: the one that names it, else the one that names none."""
    of_channel = [one for one in merchants if one.channel == channel]
    named = next((one for one in of_channel if complex_id in one.complexes), None)
    return named or next((one for one in of_channel if not one.complexes), None)


def read_key(folder: Path, name: str) -> str:
    """Raises OSError, or ValueError for an empty file."""
    text = (folder / name).read_text().strip()
    if not text:
        raise ValueError(f"{folder / name} is empty")
    return text
