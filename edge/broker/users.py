"""Who may do what at the complex's broker: its users, from the installer's list of devices and their drivers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from types import MappingProxyType
from urllib.parse import quote

import msgspec

from edge.config import HomeAssistant
from edge.devices.driver import BrokerUser, Registry, own_user

AGENT, HOME_ASSISTANT = "gatehouse", "home-assistant"
# Our own topics, for devices and converters that speak them: edge/v1/{site}/{device}/…
_OWN_WRITES = ("event/#", "state/#", "availability", "meta", "reply/#")
_OWN_READS = ("cmd/#",)
_MAX_IDENTITY_BYTES = 128
NO_TOPICS: Mapping[str, str] = MappingProxyType({})


class BadDevice(Exception):
    """A device that cannot have a user at the broker; says which, why and what to do."""


def broker_users(
    devices: Iterable[str], registry: Registry, site: str, further: Mapping[str, str] = NO_TOPICS
) -> list[BrokerUser]:
    """The users for devices by identity, by name; a bridge once for all it speaks for. Raises BadDevice.

    ``further`` are topics that the installer set otherwise, by family. Each topic has one writer. An identity without a
    colon is a bridge's own, which follows from the devices behind it. A device that does not come over the broker has
    no user there.
    """
    users: dict[str, BrokerUser] = {}
    for device in devices:
        if ":" in device and not _is_elsewhere(device, registry):
            user = _user(device, registry, site, further)
            users[user.name] = _merged(users[user.name], user) if user.name in users else user
    found = [users[name] for name in sorted(users)]
    _check_writers(found)
    return found


def _is_elsewhere(device: str, registry: Registry) -> bool:
    kind = device.partition(":")[0]
    drivers = [driver for driver in registry.by_family.values() if driver.kind == kind]
    return bool(drivers) and not any(driver.topics or driver.broker_user for driver in drivers)


def agent_user(
    users: Sequence[BrokerUser], registry: Registry, site: str, further: Mapping[str, str] = NO_TOPICS
) -> BrokerUser:
    """Ours: reads all that any driver or our own topics of this site say, and writes what devices are told."""
    reads = (*registry.topics_with(further), *(f"{_root(site)}/+/{end}" for end in _OWN_WRITES))
    return BrokerUser(AGENT, tuple(dict.fromkeys(topic for user in users for topic in user.reads)), reads)


def with_home_assistant(users: Sequence[BrokerUser], settings: HomeAssistant) -> list[BrokerUser]:
    """The users, ours able to tell Home Assistant, and one for Home Assistant: it reads all that we tell it, and no
    device's own topics."""
    if not settings.on or settings.host:
        return list(users)
    birth = f"{settings.prefix}/status"
    orders = (f"{settings.topic}/+/+/order/+",) if settings.orders else ()
    tells = BrokerUser(AGENT, (f"{settings.topic}/#", f"{settings.prefix}/#"), (birth, *orders))
    hears = BrokerUser(HOME_ASSISTANT, (birth, *orders), (f"{settings.topic}/#", f"{settings.prefix}/#"))
    return [_merged(user, tells) if user.name == AGENT else user for user in users] + [hears]


def user_name(device: str, registry: Registry) -> str:
    """The broker's user for a device. Raises BadDevice."""
    return _user(device, registry, "", NO_TOPICS).name


def _user(device: str, registry: Registry, site: str, further: Mapping[str, str]) -> BrokerUser:
    kind, _, identity = device.partition(":")
    driver = registry.by_kind.get(kind)
    if driver is None:
        known = sorted(kind for kind, driver in registry.by_kind.items() if driver.topics)
        raise BadDevice(f"{device!r}: no driver {kind!r}; there are {', '.join(known)}")
    _check_identity(device, identity, is_path=driver.identity_is_path)
    user = driver.user_of(identity)
    if user.name == AGENT:
        raise BadDevice(f"{device!r}: its driver takes the agent's own user {AGENT!r}")
    set_otherwise = [topic for topic, family in further.items() if family in driver.families]
    if set_otherwise:
        is_own = user.name.endswith(f".{quote(identity, safe='')}")
        writes = own_user(kind, set_otherwise, identity).writes if is_own else tuple(set_otherwise)
        user = _merged(user, BrokerUser(user.name, writes))
    own = f"{_root(site)}/{quote(device, safe=':')}"
    return _merged(user, BrokerUser(user.name, _below(own, _OWN_WRITES), _below(own, _OWN_READS)))


def _check_identity(device: str, identity: str, *, is_path: bool) -> None:
    """An identity stands in topics and in lines of a file: it must be one line, and one level or several whole ones."""
    fault = _fault(identity, "+#" if is_path else "/+#")
    if fault:
        raise BadDevice(f"{device!r} {fault}, so it cannot stand in a topic: correct its id in edge.toml")


def _fault(identity: str, signs: str) -> str | None:
    if not identity or len(identity.encode()) > _MAX_IDENTITY_BYTES:
        return f"has no identity of 1 to {_MAX_IDENTITY_BYTES} bytes after the colon"
    if not identity.isprintable() or identity != identity.strip():
        return "has control characters, or space at an end"
    if not frozenset(signs).isdisjoint(identity) or identity.startswith("$"):
        return f"has one of {' '.join(signs)}, or begins with $"
    return None


def _root(site: str) -> str:
    return f"edge/v1/{quote(site, safe='')}"


def _below(root: str, ends: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{root}/{end}" for end in ends)


def _merged(one: BrokerUser, other: BrokerUser) -> BrokerUser:
    writes, reads = dict.fromkeys((*one.writes, *other.writes)), dict.fromkeys((*one.reads, *other.reads))
    return msgspec.structs.replace(one, writes=tuple(writes), reads=tuple(reads))


def _check_writers(users: Sequence[BrokerUser]) -> None:
    """Raises BadDevice where two users could write the same topic: one could then speak for the other."""
    for one, other in combinations(users, 2):
        for left in one.writes:
            right = next((topic for topic in other.writes if overlap(left, topic)), None)
            if right is not None:
                raise BadDevice(f"users {one.name} ({left}) and {other.name} ({right}) could write the same topic")


def overlap(one: str, other: str) -> bool:
    """Whether a topic exists that both MQTT filters match."""
    left, right = one.split("/"), other.split("/")
    for mine, yours in zip(left, right, strict=False):
        if "#" in (mine, yours):
            return True
        if "+" not in (mine, yours) and mine != yours:
            return False
    rest = left[len(right) :] or right[len(left) :]
    return not rest or rest == ["#"]
