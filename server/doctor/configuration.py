"""The settings: each key that cannot be used, and files that others may read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from domain.findings import Finding, Reporter
from domain.places import BadHours
from server.config import FILE, BadConfig, Complex, Config, load
from server.configured import places
from server.enrol_link import enrol_link
from server.tariff_file import BadFile, BadTariff, load_tariff

_SETTINGS = Reporter("configuration", FILE)
_TARIFFS = Reporter("configuration", "tariffs")
_LINK = Reporter("configuration", "enrolment")
_SECRETS = Reporter("configuration", "secrets")


def check(folder: Path) -> tuple[Config | None, list[Finding]]:
    """The settings, if they can be used at all, and what is to be said of them."""
    try:
        config = load(folder)
        places(config)
    except (BadConfig, BadHours) as error:
        return None, [_SETTINGS.error(str(error), "docs/server.md shows every key with its default")]
    found = [_SETTINGS.ok(f"{len(config.complexes)} complexes, {len(config.webhooks)} webhooks")]
    found += [*_complexes(config), *_tariffs(folder, config), *_link(folder, config), *_secrets(folder, config)]
    return config, found


def _complexes(config: Config) -> Iterator[Finding]:
    names = [place.id for place in config.complexes]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield _SETTINGS.error(f"two complexes are called {name}", "give each an id of its own: it is for ever")
    if not names:
        yield _SETTINGS.warn("no complex is named: no gateway can enrol", "write [[complexes]] into server.toml")


def _tariffs(folder: Path, config: Config) -> Iterator[Finding]:
    free = [place.id for place in config.complexes if not place.tariff]
    priced = len(config.complexes) - len(free)
    yield _TARIFFS.ok(f"{priced} complexes charge for parking" + (f"; not: {', '.join(free[:5])}" if free else ""))
    for place in config.complexes:
        if place.tariff and (wrong := _wrong_with(folder / place.tariff, place)):
            yield _TARIFFS.error(f"{place.id}: {wrong}", "docs/tariffs.md; `tariff quote` tries a file")


def _wrong_with(path: Path, place: Complex) -> str:
    try:
        load_tariff(path).plan(place.tariff_class)
    except (BadFile, BadTariff) as error:
        return f"{path}: {error}"
    return ""


def _link(folder: Path, config: Config) -> Iterator[Finding]:
    try:
        link = enrol_link(folder, config, "")
    except BadConfig as error:
        yield _LINK.error(str(error), "what an installer scans comes from public_url and tls_cert_file")
        return
    if not config.public_url:
        yield _LINK.warn("public_url is not set: codes carry the address of whoever asks for them", "set public_url")
    elif link.url.startswith("http://"):
        yield _LINK.warn(f"public_url {link.url} is not encrypted", "put a proxy with a certificate in front")
    else:
        yield _LINK.ok(f"gateways enrol at {link.url}")


def _secrets(folder: Path, config: Config) -> Iterator[Finding]:
    named = [webhook.secret_file for webhook in config.webhooks if webhook.secret_file]
    named += [name for name in (config.metrics_token_file, config.media_keys_file) if name]
    named += [name for merchant in config.payments for name in merchant.files]
    named += [name for channel in config.channels.values() for name in channel.files]
    found = [finding for name in named for finding in _secret(folder / name)]
    yield from found or ([_SECRETS.ok(f"{len(named)} files, for their owner alone")] if named else [])


def _secret(path: Path) -> Iterator[Finding]:
    try:
        mode, empty = path.stat().st_mode, not path.read_bytes().strip()
    except OSError as error:
        yield _SECRETS.error(f"{path}: {error.strerror}", "write it, and chmod 600 it")
        return
    if empty:
        yield _SECRETS.error(f"{path} is empty", "write the secret into it")
    if mode & 0o077:
        yield _SECRETS.warn(f"others may read {path}", f"chmod 600 {path}")
