"""What upper platforms may speak, by the word of their kind; what one of them needs is loaded where it is there."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from server.feeds.cascade.narrowing import Narrowing as Subscriptions
from server.feeds.offering import Narrowing
from server.feeds.platform_worker import MakeSender
from server.feeds.webhook_platform import webhook_platform
from server.house import House

if TYPE_CHECKING:
    from server.feeds.sender import Sender
    from server.store.platform_rows import Platform

_MOST_RETRY_S = 60.0


def protocols(house: House) -> Mapping[str, MakeSender]:
    """What upper platforms may speak, by the word of their kind."""

    def webhook(one: Platform, secret: bytes) -> Sender:
        return webhook_platform(one, secret, house.now)

    def gat1400(one: Platform, secret: bytes) -> Sender:
        from server.feeds.gat1400.making import gat1400_platform  # loaded where such a platform is recorded

        return gat1400_platform(one, secret, house.db, house.media, house.folder, house.now)

    def gb28181(one: Platform, secret: bytes) -> Sender:
        from server.feeds.gb28181.making import gb28181_platform  # the same

        return gb28181_platform(one, secret, house.db, house.now, retry_s)

    def mqtt(one: Platform, secret: bytes) -> Sender:
        from server.feeds.mqtt_platform import mqtt_platform  # the same

        return mqtt_platform(one, secret, house.folder)

    def cascade(one: Platform, secret: bytes) -> Sender:
        from server.feeds.cascade.making import cascade_platform  # the same

        library, seal = house.config.viid, house.seal
        return cascade_platform(one, secret, house.db, house.media, house.folder, house.now, library, seal)

    return {"webhook": webhook, "gat1400": gat1400, "gb28181": gb28181, "mqtt": mqtt, "cascade": cascade}


def narrowing(house: House) -> Mapping[str, Narrowing]:
    """Platforms that are owed only what they asked for, by the word of their kind."""
    return {"cascade": Subscriptions(house.config.viid, house.folder, house.now)}


def retry_s(failures: int) -> float:
    return min(_MOST_RETRY_S, 0.5 * 2 ** min(failures - 1, 10)) * (0.5 + random.random() / 2)  # noqa: S311 - jitter
