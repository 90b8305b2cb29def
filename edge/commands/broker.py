"""``gatehouse-edge broker-config``: Mosquitto's settings, users and certificates, from the installer's device list."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
import typer

from edge import identity
from edge.broker.certificates import BadHost
from edge.broker.config import SETTINGS, BadSetting, BrokerSettings, listeners_in
from edge.broker.folder import BrokerFolder, BrokerFolderError, Changes, Plan
from edge.broker.users import AGENT, BadDevice, agent_user, broker_users, user_name, with_home_assistant
from edge.config import BadConfig, Config, load
from edge.devices.driver import discover

_TLS_PORT = 8883
_LOOPBACK = "127.0.0.1"


class _Refused(Exception):
    """What was asked cannot be done; says why and what to do."""


def broker_config(
    config: Annotated[
        Path, typer.Option("--config", "-c", envvar="GATEHOUSE_EDGE_CONFIG", help="The settings file.")
    ] = Path("edge.toml"),
    out: Annotated[
        Path | None, typer.Option(help="Mosquitto's folder; else mosquitto in the agent's data folder.")
    ] = None,
    hosts: Annotated[
        list[str] | None, typer.Option("--host", help="A name or address that devices call the broker by.")
    ] = None,
    binds: Annotated[
        list[str] | None, typer.Option("--bind", help="An address to listen on; else loopback and each --host's.")
    ] = None,
    port: Annotated[int | None, typer.Option(help=f"To listen on, with TLS; else as before, or {_TLS_PORT}.")] = None,
    site: Annotated[str, typer.Option(help="The complex, in our own topics; else the one this box enrolled for.")] = "",
    account: Annotated[str, typer.Option("--user", help="The account Mosquitto runs as.")] = "mosquitto",
    rotate: Annotated[
        list[str] | None, typer.Option(help="A device (or gatehouse, the agent) that gets a new password.")
    ] = None,
    show: Annotated[str, typer.Option(help="Write nothing; print one device's user and password.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="JSON for scripts.")] = False,
) -> None:
    """Write Mosquitto's configuration: TLS, a user and a password for each device, what each may do, limits.

    Passwords and keys that are there are kept; devices that are gone lose theirs.

    Example: gatehouse-edge broker-config --host 192.168.1.2 --out /etc/gatehouse/mosquitto
    """
    try:
        told = load(config)
        folder = BrokerFolder((out or told.folder / "mosquitto").resolve(), told.folder / "broker")
        if show:
            _print(_shown(folder, show), as_json)
            return
        plan = _plan(told, folder, hosts or [], binds or [], port, site or _complex(told), account, rotate or [])
        told.folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # the agent's, which may not have run yet
        changes = folder.write(plan, datetime.now(UTC))
        handed = folder.hand_over(account)
    except (BadConfig, BadDevice, BadSetting, BadHost, BrokerFolderError, _Refused, OSError) as error:
        typer.secho(str(error), err=True, fg="red")
        raise typer.Exit(1) from error
    blocked = folder.unreachable(account) if handed else None
    _print(_told(folder, plan, changes, blocked), as_json)


def _complex(config: Config) -> str:
    try:
        return identity.load(config.folder).complex
    except identity.NotEnrolled as error:
        raise _Refused(f"which complex is this? {error}; or name it: --site") from error


def _plan(
    config: Config,
    folder: BrokerFolder,
    hosts: Sequence[str],
    binds: Sequence[str],
    port: int | None,
    site: str,
    account: str,
    rotate: Sequence[str],
) -> Plan:
    registry = discover()
    topics = config.broker.topics
    users = broker_users((device.id for device in config.devices), registry, site, topics)
    users.append(agent_user(users, registry, site, topics))
    users = with_home_assistant(users, config.home_assistant)
    file = folder.mosquitto / SETTINGS
    before = listeners_in(file.read_text()) if file.is_file() else None
    settings = BrokerSettings(
        folder=str(folder.mosquitto),
        addresses=_addresses(hosts, binds, before[1] if before else ()),
        port=port or (before[0] if before else _TLS_PORT),
        user=account,
        message_bytes=config.limits.message_bytes,
    )
    renewed = frozenset(_user(name, {user.name for user in users}) for name in rotate)
    return Plan(settings=settings, users=users, hosts=tuple(hosts), rotate=renewed)


def _addresses(hosts: Sequence[str], binds: Sequence[str], before: Sequence[str]) -> tuple[str, ...]:
    """Loopback for the agent, and the site's own network: never all addresses, one of which may be a 4G line's."""
    given = tuple(_address(text) for text in binds) or tuple(host for host in hosts if _is_address(host)) or before
    return tuple(dict.fromkeys((_LOOPBACK, *given)))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _address(text: str) -> str:
    if not _is_address(text):
        raise _Refused(f"--bind {text!r} is no address; 192.168.1.2 is one")
    return text


def _user(name: str, users: set[str]) -> str:
    """The user that a person means by a device's identity or by its own name."""
    user = user_name(name, discover()) if ":" in name else name
    if user not in users:
        raise _Refused(f"{name!r} has no user at the broker; there are {', '.join(sorted(users))}")
    return user


def _shown(folder: BrokerFolder, name: str) -> dict[str, Any]:
    passwords = folder.passwords()
    if not passwords:
        raise _Refused("no passwords were made yet: run gatehouse-edge broker-config without --show")
    user = _user(name, set(passwords))
    return {"username": user, "password": passwords[user], "ca_file": str(folder.authority_file)}


def _told(folder: BrokerFolder, plan: Plan, changes: Changes, blocked: Path | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "folder": str(folder.mosquitto),
        "addresses": [f"{address}:{plan.settings.port}" for address in plan.settings.addresses],
        "certificate_for": list(changes.hosts),
        "users": [user.name for user in plan.users],
        "added": list(changes.added),
        "removed": list(changes.removed),
        "new_password": list(changes.rotated),
        "then": "restart mosquitto" if changes.must_restart else "reload mosquitto",
        "edge_toml": _snippet(folder, plan.settings.port),
    }
    if blocked is not None:
        told["warning"] = f"{plan.settings.user} may not enter {blocked}: Mosquitto cannot read its files; give --out"
    return told


def _snippet(folder: BrokerFolder, port: int) -> str:
    """What the agent needs in edge.toml to be the broker's user."""
    values = {
        "host": _LOOPBACK,
        "port": port,
        "username": AGENT,
        "password_file": str(folder.agent_password_file.resolve()),
        "ca_file": str(folder.authority_file.resolve()),
    }
    return "[broker]\n" + "".join(f"{key} = {msgspec.json.encode(value).decode()}\n" for key, value in values.items())


def _print(told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(msgspec.json.encode(told).decode())
        return
    for key, value in told.items():
        text = ", ".join(cast("list[str]", value)) if isinstance(value, list) else str(value)
        if text:
            typer.echo(f"\n{text}" if key == "edge_toml" else f"{key.replace('_', ' ')}: {text}")
