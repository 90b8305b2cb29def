"""Where pictures lie: a folder, or a bucket of a store that speaks S3."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, S3Store

from server.config import BadConfig, Config, check_media

_TIMEOUT, _CONNECT = timedelta(seconds=20), timedelta(seconds=5)
_RETRIES: Any = {"max_retries": 2, "retry_timeout": timedelta(seconds=15)}


class Keys(msgspec.Struct, forbid_unknown_fields=True):
    """A file of its own: neither the settings nor any argument holds a key."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""


def open_objects(folder: Path, config: Config) -> ObjectStore:
    """The store that the settings of a data folder name. Raises BadConfig."""
    bucket, prefix = check_media(config)
    if not bucket:
        return LocalStore(folder / "media", mkdir=True)
    told: dict[str, Any] = {}
    if config.media_endpoint:
        told["endpoint"] = config.media_endpoint
    told["region"] = config.media_region or "us-east-1"
    if config.media_keys_file:
        told |= _keys(folder / config.media_keys_file)
    limits: Any = {"timeout": _TIMEOUT, "connect_timeout": _CONNECT, "allow_http": _is_plain(config.media_endpoint)}
    try:
        return S3Store(bucket, prefix=prefix or None, client_options=limits, retry_config=_RETRIES, **told)
    except BaseError as error:
        raise BadConfig(f"media: {config.media}: {str(error).splitlines()[0]}") from error


def _is_plain(endpoint: str) -> bool:
    return endpoint.startswith("http://")


def _keys(path: Path) -> dict[str, str]:
    try:
        if path.stat().st_mode & 0o077:
            raise BadConfig(f"media_keys_file: others may read {path}, and so it is not used: chmod 600 it")
        keys = msgspec.toml.decode(path.read_bytes(), type=Keys)
    except OSError as error:
        raise BadConfig(f"media_keys_file: {error}") from error
    except msgspec.MsgspecError as error:
        raise BadConfig(f'media_keys_file: {path}: {error}; write access_key_id = "…" and so on') from error
    return {name: value for name, value in msgspec.structs.asdict(keys).items() if value}
