"""What the settings come to: providers, channels, our own library, places and prices of complexes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from domain.places import Hours, Place, hours
from domain.tariff import BadTariff, LotTariff
from server.books.no_entry import NoEntry
from server.cells.arrive import Settings
from server.centre_log import CentreLog
from server.channels.registry import BadChannel, Channels
from server.channels.registry import make_all as make_channels
from server.config import BadConfig, Complex, Config
from server.media import MediaBox
from server.payments.calls import Calls, make_all
from server.second_factor import key_of
from server.store.engine import Database
from server.store.people import ROLES
from server.tariff_file import BadFile, load_tariff
from server.viid.library import BadPassword, Library, open_library
from server.viid.ordering import WatchOrders

if TYPE_CHECKING:
    from server.oidc import Provider
    from server.payments.merchants import Merchant
    from server.payments.provider import PaymentProvider
    from server.payments.wechat_login import WeChatLogin


def utc_now() -> datetime:
    return datetime.now(UTC)


def no_entries(config: Config) -> dict[str, NoEntry]:
    """What an exit without an entry costs, by complex."""
    return {place.id: place.no_entry for place in config.complexes}


def oidc(folder: Path, config: Config) -> Provider | None:
    """The provider of server.toml. Raises BadConfig."""
    if config.oidc is None:
        return None
    from server.oidc import Provider, check_url

    check_url(config.oidc.issuer)
    if config.oidc.new_role and config.oidc.new_role not in ROLES:
        raise BadConfig(f"oidc: no such role: {config.oidc.new_role!r}; there are {', '.join(ROLES)}")
    try:
        secret = (folder / config.oidc.secret_file).read_text().strip() if config.oidc.secret_file else ""
    except OSError as error:
        raise BadConfig(f"oidc: {folder / config.oidc.secret_file}: {error.strerror or error}") from error
    return Provider(config.oidc, secret, utc_now)


def payment_calls(folder: Path, config: Config) -> Calls:
    """The merchants' providers; their libraries are loaded where there are some. Raises BadConfig."""
    try:
        return make_all(config.payments, folder, config.public_url, _make_provider, _logins(folder, config))
    except (OSError, ValueError) as error:
        raise BadConfig(f"payments: a key cannot be used: {error}") from error


def _make_provider(merchant: Merchant, folder: Path, notify_url: str) -> PaymentProvider:
    from server.payments import alipay, wechat
    from server.payments.merchants import read_key

    private, platform = (read_key(folder, name) for name in (merchant.private_key_file, merchant.platform_key_file))
    if merchant.channel == "alipay":
        return alipay.Alipay(merchant, private, platform, notify_url)
    keys = wechat.Keys(private, platform, read_key(folder, merchant.api_v3_key_file))
    return wechat.WeChat(merchant, keys, notify_url)


def _logins(folder: Path, config: Config) -> dict[str, WeChatLogin]:
    """By merchant: who is known inside WeChat by which official account."""
    named = [one for one in config.payments if one.app_secret_file]
    if not named:
        return {}
    from server.payments.merchants import read_key
    from server.payments.wechat_login import WeChatLogin

    return {
        one.merchant: WeChatLogin(one.app_id, read_key(folder, one.app_secret_file), one.gateway, one.timeout_s)
        for one in named
    }


def channels_of(folder: Path, config: Config) -> Channels:
    """By what people are told of alerts. Raises BadConfig."""
    try:
        return make_channels(folder, config.channels, utc_now)
    except BadChannel as error:
        raise BadConfig(str(error)) from error


def view_library(
    folder: Path, config: Config, db: Database, batches: CentreLog, media: MediaBox, orders: WatchOrders
) -> Library:
    """Our own view library, with who may call it. Raises BadConfig."""
    key_of(folder)
    try:
        return open_library(folder, config.viid, db, batches, media, orders, utc_now)
    except BadPassword as error:
        raise BadConfig(str(error)) from error


def places(config: Config) -> Mapping[str, Place]:
    """What alert rules must know of each complex."""
    return {place.id: Place(ZoneInfo(place.timezone), _quiet(place)) for place in config.complexes}


def _quiet(place: Complex) -> tuple[Hours, ...]:
    return tuple(hours(span.from_, span.to) for span in place.quiet)


def tariffs_of(folder: Path, config: Config) -> dict[str, LotTariff]:
    """The tariff of each complex that server.toml names a file of. Raises BadConfig: which, and what is wrong."""
    found: dict[str, LotTariff] = {}
    for place in config.complexes:
        if place.tariff:
            found[place.id] = _tariff(folder / place.tariff, place)
    return found


def _tariff(path: Path, place: Complex) -> LotTariff:
    try:
        tariff = load_tariff(path)
        tariff.plan(place.tariff_class)
    except (BadFile, BadTariff) as error:
        raise BadConfig(f"tariff of {place.id}: {path}: {error}") from error
    return LotTariff(tariff, place.tariff_class)


def cell_settings(folder: Path, config: Config) -> dict[str, Settings]:
    """What must be the same of a complex in two cells. Raises BadConfig."""
    priced = tariffs_of(folder, config)
    return {place.id: _cell_settings(place, priced.get(place.id)) for place in config.complexes}


def _cell_settings(place: Complex, priced: LotTariff | None) -> Settings:
    quiet = [(span.from_, span.to) for span in place.quiet]
    if priced is None:
        return Settings(place.timezone, quiet)
    versions = {name: plan.version for name, plan in priced.tariff.plans.items()}
    return Settings(place.timezone, quiet, versions, priced.default)
