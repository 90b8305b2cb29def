"""A receiver of a Gatehouse webhook that believes nothing unsigned, nothing old, and nothing twice.

    python3 docs/feeds/receiver.py webhook.secret seen.db 127.0.0.1 8088

Standard library alone. Put TLS in front. ``take`` is yours: what it does must be on disk when it returns.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

TOLERANCE_S = 300  # a request that is older, or from the future, is a replay or a clock that is wrong
KEPT_S = 30 * 86_400  # so long ids are remembered: Gatehouse may send a fact again after an outage
MOST_BYTES = 8 * 1024 * 1024


class NotBelieved(Exception):
    """A request that did not come from Gatehouse, or not now."""


def verify(secret: bytes, headers: Mapping[str, str], body: bytes, now_s: float) -> None:
    """Raises NotBelieved."""
    given = {name.lower(): value for name, value in headers.items()}
    identity, timestamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    signed = hmac.new(secret, f"{identity}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(signed).decode()}"
    found = [hmac.compare_digest(one.encode(), expected.encode()) for one in given.get("webhook-signature", "").split()]
    if not any(found):
        raise NotBelieved("webhook-signature does not hold for webhook-id, webhook-timestamp and the body")
    if abs(now_s - int(timestamp)) > TOLERANCE_S:
        raise NotBelieved(f"webhook-timestamp is {now_s - int(timestamp):.0f} s away from this clock")


class Seen:
    """Ids of events that were taken, on disk."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path)
        self._db.execute("CREATE TABLE IF NOT EXISTS seen(id TEXT PRIMARY KEY, at REAL NOT NULL)")

    def take(self, events: list[dict[str, Any]], act: Callable[[dict[str, Any]], None], now_s: float) -> int:
        """Act on those that are new, in order; how many there were. What fails is not remembered, and comes again."""
        fresh = 0
        for event in events:
            with self._db:
                done = self._db.execute("INSERT OR IGNORE INTO seen(id, at) VALUES(?, ?)", (event["id"], now_s))
                if done.rowcount:
                    act(event)
                    fresh += 1
        with self._db:
            self._db.execute("DELETE FROM seen WHERE at < ?", (now_s - KEPT_S,))
        return fresh


def take(event: dict[str, Any]) -> None:
    """Yours."""
    print(event["time"], event["type"], event["source"], flush=True)


def serve(secret: bytes, seen: Seen, host: str, port: int) -> None:
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(min(int(self.headers.get("Content-Length", "0")), MOST_BYTES))
            try:
                verify(secret, dict(self.headers), body, time.time())
            except NotBelieved as error:
                self.send_error(401, str(error))  # Gatehouse comes again; whoever replays it does not get in
                return
            seen.take(json.loads(body), take, time.time())
            self.send_response(204)
            self.end_headers()

    HTTPServer((host, port), Receiver).serve_forever()


if __name__ == "__main__":
    serve(Path(sys.argv[1]).read_bytes().strip(), Seen(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
