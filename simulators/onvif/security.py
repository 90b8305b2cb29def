"""WS-Security's UsernameToken as a camera holds it against its own clock: digest, age, and each nonce once.

Written from OASIS Web Services Security UsernameToken Profile 1.0.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

from simulators.onvif.soap import SoapFault, local, text_in

_DIGEST = "#PasswordDigest"
NOT_AUTHORIZED = "ter:NotAuthorized"


class Guard:
    """Lets in who knows the password and has about the camera's own time."""

    def __init__(self, user: str, password: str, window_s: float = 5.0) -> None:
        self.user, self.password, self.window_s = user, password, window_s
        self.refused: list[str] = []  # why, each time
        self._nonces: set[str] = set()

    def admit(self, header: Any, clock: datetime) -> None:
        """Raises SoapFault."""
        why = self._why_not(header, clock) if self.password else ""
        if why:
            self.refused.append(why)
            raise SoapFault(NOT_AUTHORIZED, "Sender not Authorized")

    def _why_not(self, header: Any, clock: datetime) -> str:
        token = next((part for part in header.iter() if local(part) == "UsernameToken"), None) if header else None
        if token is None:
            return "absent"
        nonce, created = text_in(token, "Nonce"), text_in(token, "Created")
        given = next((part for part in token if local(part) == "Password"), None)
        if given is None or not str(given.get("Type", "")).endswith(_DIGEST):
            return "no digest"
        made = hashlib.sha1(base64.b64decode(nonce) + created.encode() + self.password.encode(), usedforsecurity=False)
        if text_in(token, "Username") != self.user or not hmac.compare_digest(
            base64.b64encode(made.digest()).decode(), (given.text or "").strip()
        ):
            return "wrong"
        if abs((_time(created) - clock).total_seconds()) > self.window_s:
            return "old"
        if nonce in self._nonces:
            return "replayed"
        self._nonces.add(nonce)
        return ""


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
