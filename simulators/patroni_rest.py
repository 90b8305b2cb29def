"""What Patroni says of a node over HTTP on loopback."""

from __future__ import annotations

import base64
import http.client
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import msgspec

from simulators.patroni_settings import HOST

_ASK_LIMIT_S, _CHANGE_LIMIT_S = 1.0, 15.0


class Rest:
    """Asks any node by its port; a node that is away or silent for a second says no."""

    def __init__(self, username: str, password: str) -> None:
        self._basic = base64.b64encode(f"{username}:{password}".encode()).decode()

    def says(self, role: str, port: int) -> bool:
        """Whether the node is running and is "primary", "synchronous", "replica"."""
        return self._status(port, "GET", role, _ASK_LIMIT_S) == 200

    def patch(self, port: int, what: str, changes: Mapping[str, Any]) -> bool:
        """Change something; whether it was taken."""
        return self._status(port, "PATCH", what, _CHANGE_LIMIT_S, msgspec.json.encode(changes)) == 200

    def reinitialize(self, port: int) -> bool:
        """Have the node made again from the leader, whatever it does now; whether it will be."""
        return self._status(port, "POST", "reinitialize", _CHANGE_LIMIT_S, b'{"force": true}') == 200

    def _status(self, port: int, method: str, path: str, limit_s: float, body: bytes | None = None) -> int | None:
        head = {"Authorization": f"Basic {self._basic}", "Content-Type": "application/json"}
        with closing(http.client.HTTPConnection(HOST, port, timeout=limit_s)) as line:
            try:
                line.request(method, f"/{path}", body, head)
                return line.getresponse().status
            except (OSError, http.client.HTTPException):
                return None
