"""The sender to a library above us, put together from its platform's row and its entry among our library's peers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from server.feeds.cascade.hits import Hits
from server.feeds.cascade.narrowing import settings_of
from server.feeds.cascade.notifying import Notifying
from server.feeds.cascade.sender import CascadeSender
from server.feeds.cascade.telling import Telling
from server.feeds.gat1400 import making
from server.feeds.gat1400.pause import Pause
from server.feeds.gat1400.pictures import Pictures
from server.feeds.gat1400.serials import SerialsInDatabase
from server.media import MediaBox
from server.store.engine import Database
from server.store.platform_rows import Platform
from server.viid import settings as viid
from server.watch.sealing import Seal

_HIT_WAITS_S = 10.0  # for its picture: who is looked for drives on


def cascade_platform(
    one: Platform,
    secret: bytes,
    db: Database,
    media: MediaBox,
    folder: Path,
    now: Callable[[], datetime],
    library: viid.Settings,
    seal: Seal,
    pause: Pause | None = None,
) -> CascadeSender:
    """Raises BadSettings, ValueError for a platform that no library above us goes by."""
    peer = viid.above(library, one.id)
    if peer is None:
        raise ValueError(f"no library above us goes by {one.id!r}: platform of its [[viid.peers]] in server.toml")
    notifying = Notifying(library.org, SerialsInDatabase(db, now), now)
    sender = making.sender(
        one.id,
        settings_of(one, library.code),
        secret.decode,
        db,
        media,
        folder,
        now,
        identity=True,  # who somebody is was cut from its facts already where no basis covers it
        pause=pause,
        packing=notifying,
    )
    settings = settings_of(one, library.code)
    serials = SerialsInDatabase(db, now)
    pictures = Pictures(media, sender.profile.peer, min(settings.picture_wait_s, _HIT_WAITS_S))
    hits = Hits(one.id, peer, library.org, sender.session, sender.profile, pictures, serials, seal, db, now)
    quiet = sender.profile.peer.silence_is_yes
    telling = Telling(one.id, peer, library.code, sender.session, notifying, db, now, silence_is_yes=quiet)
    return CascadeSender(one.id, peer.code, sender, notifying, now, [telling.run, hits.run])
