"""A payments' simulator beside a test, and providers made from the settings it gives."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from server.config import Config
from server.configured import payment_calls
from server.payments.calls import Calls
from server.payments.merchants import Merchant
from simulators.payments.keys import Keys
from simulators.payments.server import Payments
from tests.server.centre import CONFIG

KEYS = Keys()  # made once: it takes long
FAST = {"wechat": (0.05, 0.05), "alipay": (0.05, 0.05)}
BASE = "http://127.0.0.1:1"


@asynccontextmanager
async def payments(folder: Path) -> AsyncGenerator[Payments]:
    """The simulator, its merchant's keys in ``folder``."""
    made = Payments(retries_s=FAST, keys=KEYS)
    await made.start()
    made.write_keys(folder)
    yield made
    await made.stop()


def configured(sim: Payments, base: str = BASE) -> Config:
    merchants = [msgspec.convert(one, Merchant) for one in sim.settings()]
    return msgspec.structs.replace(CONFIG, payments=merchants, public_url=base)


def calls(folder: Path, sim: Payments, base: str = BASE) -> Calls:
    return payment_calls(folder, configured(sim, base))
