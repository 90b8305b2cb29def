"""A platform's sender put together from its settings."""

from __future__ import annotations

import random
import ssl
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from server.feeds.gat1400.codes import DeviceCodes
from server.feeds.gat1400.directory import Directory
from server.feeds.gat1400.exchange import Exchange
from server.feeds.gat1400.parcels import Packing
from server.feeds.gat1400.pause import Pause
from server.feeds.gat1400.pictures import Pictures
from server.feeds.gat1400.registration import Registration
from server.feeds.gat1400.sender import Gat1400Sender
from server.feeds.gat1400.serials import SerialsInDatabase
from server.feeds.gat1400.session import Session
from server.feeds.gat1400.settings import BadSettings, Settings, profile_for, read_settings
from server.media import MediaBox
from server.store.engine import Database
from server.store.platform_rows import Platform


def gat1400_platform(
    one: Platform, secret: bytes, db: Database, media: MediaBox, folder: Path, now: Callable[[], datetime]
) -> Gat1400Sender:
    """From a platform's row. Who somebody is was cut from its facts already where no basis covers it.

    Raises BadSettings.
    """
    settings = read_settings({**one.settings, "address": one.address})
    return sender(one.id, settings, secret.decode, db, media, folder, now, identity=True)


def sender(
    platform: str,
    settings: Settings,
    password: Callable[[], str],
    db: Database,
    media: MediaBox,
    folder: Path,
    now: Callable[[], datetime],
    *,
    identity: bool = False,
    pause: Pause | None = None,
    packing: Packing | None = None,
) -> Gat1400Sender:
    """Raises BadSettings. ``folder``: the data folder, with a city's own profiles and certificates.

    ``packing``: of who is told otherwise than directly; its directory goes that way too.
    """
    profile = profile_for(settings, folder)
    peer, codes = profile.peer, DeviceCodes(db, platform)
    exchange = Exchange(settings.device_id, peer, _trust(settings, folder))
    registration = Registration(exchange, settings, password, absolute=peer.absolute_uri)
    pause = pause or Pause(time.monotonic, random.random)
    session = Session(platform, exchange, registration, peer, pause, now)
    if peer.directory and packing is None:
        session.registered = Directory(platform, db, peer, settings.device_id, now).tell
    pictures = Pictures(media, peer, settings.picture_wait_s)
    serials = SerialsInDatabase(db, now)
    return Gat1400Sender(profile, session, codes, serials, pictures, now, identity=identity, packing=packing)


def _trust(settings: Settings, folder: Path) -> ssl.SSLContext | bool:
    if not settings.ca_file:
        return True
    try:
        return ssl.create_default_context(cafile=str(folder / settings.ca_file))
    except (OSError, ssl.SSLError) as error:
        raise BadSettings(f"gat1400: ca_file {folder / settings.ca_file}: {error}") from error
