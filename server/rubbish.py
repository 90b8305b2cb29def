"""How often Python looks for rubbish in cycles: for a process that stays, with much that never goes.

By default it looks after every 700 new things, and through all there is each time that has grown by a quarter. With two
thousand open requests, or a queue of messages, nearly all of what it looks through is in use. And all else stands still
meanwhile: a look through twenty thousand new things took 20 to 60 ms, and one through twenty times as many 200.
"""

from __future__ import annotations

import gc

_YOUNG, _MIDDLE, _OLD = 4_000, 5, 400


def collect_seldom() -> None:
    """Once all is loaded: what is there now is never looked through again, and what comes, more seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
