"""python -m benchmarks.bills_day FOLDER COUNT: a seeded day's files, and how many of its items must stay open."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.bills import seeded

_FAULTS = 300
CLOSED = ("matched", "matched_cross_day", "refund_matched", "duplicate_refunded", "exempt_exit", "shift_matched")
CLOSED += ("settlement_matched",)


def main(folder: Path, count: int) -> None:
    day = seeded(count, seed=count, faults=min(_FAULTS, count // 4))
    files = {"trade.csv": day.wechat(), "fund.csv": day.fund(), "alipay.zip": day.alipay(), "bank.csv": day.bank()}
    for name, content in {**files, "local.json": day.local_bytes()}.items():
        (folder / name).write_bytes(content)
    remain = sum(kind not in CLOSED for kind in day.expected.values())
    print(json.dumps({"open": remain, "names": list(files), "rows": len(day.billed) + len(day.movements())}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
