"""What an operator writes down: one TOML file, one typed structure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from domain.cells import Fingerprint
from domain.retention import Terms
from server.channels import settings as channel_settings
from server.channels.settings import ChannelSettings
from server.payments import merchants
from server.payments.merchants import Merchant
from server.store import address
from server.viid import settings as viid_settings

FILE = "server.toml"


class BadConfig(Exception):
    """The settings cannot be used; the message says where and why."""


class Hours(msgspec.Struct, frozen=True, rename={"from_": "from"}, forbid_unknown_fields=True):
    """Wall-clock hours of the complex, ``[from, to)``; may cross midnight; "00:00" to "24:00" is always."""

    from_: str
    to: str


class Complex(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A residential complex."""

    id: str
    name: str
    timezone: str = "Asia/Shanghai"
    tariff: str = ""  # a tariff plan file, relative to the settings; empty: parking is not charged
    tariff_class: str = "small"
    # What an exit costs of which a person says that it has no entry: fen, the price of an hour, or settled by hand.
    no_entry: Annotated[int, Meta(ge=0, le=1_000_000)] | Literal["open", "first_hour"] = "open"
    quiet: tuple[Hours, ...] = (Hours("23:00", "05:00"),)  # when a person in a restricted zone is an alert


class Webhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A feed by CloudEvents 1.0 over HTTP."""

    name: str
    url: str
    secret_file: str = ""  # requests are signed where it is set
    kinds: list[str] = []  # empty: every kind


class Cell(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another cell, that complexes go to or come from."""

    name: str
    url: str  # by which gateways and this cell call it
    secret_file: str  # both cells have the same in it
    fingerprint: str = ""  # SHA-256 of its certificate, where no authority vouches for that


class Directory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who knows which cell serves a complex; left out, the cells tell gateways by themselves."""

    url: str = ""
    secret_file: str = ""
    fingerprint: str = ""

    def as_told(self) -> dict[str, str]:
        """As gateways are told of it."""
        return {"url": self.url, "fingerprint": self.fingerprint}


class JetStream(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The national feed: every batch of this cell into a stream of NATS JetStream."""

    name: str
    servers: list[str]
    stream: str = "GATEHOUSE"
    subject: str = "gatehouse"
    replicas: int = 3  # a stream with fewer gets nothing
    user: str = ""
    password_file: str = ""
    ca_file: str = ""


class Oidc(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A provider by which people may sign in, beside their passwords."""

    issuer: str
    client_id: str
    secret_file: str = ""  # the client's secret; left out: a public client
    claim: str = "preferred_username"  # its value is the account's name; one the provider lets nobody choose
    new_role: str = ""  # set: who has no account gets one of this role,
    new_scope: list[str] = []  # that sees this


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything the server is told. Relative paths are relative to the data folder."""

    host: str = "127.0.0.1"
    port: int = 8000
    complexes: list[Complex] = []
    webhooks: list[Webhook] = []
    jetstreams: list[JetStream] = []
    cell: str = ""  # this cell's name, where there are several
    cells: list[Cell] = []
    directory: Directory = Directory()
    database: str = ""  # postgresql://USER@HOST/NAME, without a password; empty: SQLite in the data folder
    media: str = ""  # pictures: s3://BUCKET/PREFIX; empty: the folder media/
    media_endpoint: str = ""  # of a store that speaks S3 and is not Amazon's: https://HOST:PORT
    media_region: str = ""
    media_keys_file: str = ""  # access_key_id = …, secret_access_key = …; empty: AWS_ACCESS_KEY_ID and so on
    code_life_min: int = 15
    login_life_h: int = 12
    public_url: str = ""  # by which gateways call the centre; empty: as the person who asks for a code does
    metrics_token_file: str = ""  # who bears this token may read /metrics; empty: only from this machine itself
    worker_metrics_port: int = 0  # where `work` answers /metrics, on loopback; 0: nowhere
    otlp_endpoint: str = ""  # traces go there by OTLP over HTTP; empty: OTEL_EXPORTER_OTLP_ENDPOINT, else nowhere
    tls_cert_file: str = ""  # of the proxy before us (PEM): its fingerprint goes into the QR code for enrolling
    retention: Terms = Terms()  # days each class of record is kept (docs/retention.md)
    oidc: Oidc | None = None
    payments: list[Merchant] = []  # who takes the complexes' money (docs/payments.md)
    channels: dict[str, ChannelSettings] = {}  # by what people are told of alerts (docs/channels.md)
    viid: viid_settings.Settings = viid_settings.Settings()  # our own view library (docs/feeds/cascade.md)
    tls_fingerprint: str = ""  # the same, where the file cannot be read from here: SHA-256, 64 hex digits


_MEDIA = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>[^?#]*))?")


def check_media(config: Config) -> tuple[str, str]:
    """Bucket and prefix; both empty for a folder. Raises BadConfig."""
    if not config.media:
        return "", ""
    named = _MEDIA.fullmatch(config.media)
    if named is None or "@" in config.media:
        raise BadConfig(f"media: {config.media!r}: write s3://BUCKET or s3://BUCKET/PREFIX, without keys in it")
    endpoint = config.media_endpoint
    if endpoint and (not endpoint.startswith(("https://", "http://")) or "@" in endpoint):
        raise BadConfig("media_endpoint: write https://HOST or https://HOST:PORT, without keys in it")
    return named["bucket"], (named["prefix"] or "").strip("/")


def load(folder: Path) -> Config:
    """The settings of a data folder. Raises BadConfig naming the key that is wrong."""
    path = folder / FILE
    try:
        config = msgspec.toml.decode(path.read_bytes(), type=Config)
        for place in config.complexes:
            ZoneInfo(place.timezone)
        address.of(folder, config.database)
        check_media(config)
        merchants.check(config.payments, [place.id for place in config.complexes])
        channel_settings.check(config.channels, [place.id for place in config.complexes])
        viid_settings.check(config.viid, [place.id for place in config.complexes])
        if config.payments and not config.public_url:
            raise ValueError("public_url: providers must be told by which address they tell of payments")
        for known in (*config.cells, config.directory):
            msgspec.convert(known.fingerprint, Fingerprint)
        if config.cells and not config.cell:
            raise ValueError("cell: this one needs a name too, where there are others")
        if config.directory.url and not config.public_url:
            raise ValueError("public_url: the directory must be told by which address gateways call this cell")
    except FileNotFoundError as error:
        raise BadConfig(f"{path} is not there; write one, docs/server.md shows an example") from error
    except (msgspec.MsgspecError, ValueError, KeyError) as error:
        raise BadConfig(f"{path}: {error}") from error
    return config
