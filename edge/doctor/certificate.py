"""A certificate as a doctor looks at it: whether it is the one that is trusted, and how long it will last."""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta

from domain.findings import Finding, Reporter
from edge.server_certificate import Shown, Unreachable, look
from edge.sync.trust import Trust

_WARN = timedelta(days=21)


def held(says: Reporter, url: str, trust: Trust, now: datetime, next_step: str) -> Finding:
    """Shake hands with ``url`` and hold what is shown against ``trust``; ``next_step`` where that does not hold."""
    try:
        shown = look(url, trust.ca)
    except (Unreachable, ssl.SSLError) as error:
        return says.error(str(error), next_step)
    if trust.fingerprint and shown.sha256 != trust.fingerprint:
        cause = (
            f"another certificate than the one agreed on: SHA-256 {shown.sha256[:16]}…, not {trust.fingerprint[:16]}…"
        )
        return says.error(cause, "ask whoever runs it whether it was renewed; if so, enrol again")
    if shown.distrust and not trust.fingerprint:
        return says.error(f"nobody vouches for it: {shown.distrust}", next_step)
    return judged(says, shown, now)


def judged(says: Reporter, shown: Shown, now: datetime) -> Finding:
    """How long it will last."""
    left = shown.ends_at - now
    cause = f"{shown.subject}, until {shown.ends_at:%Y-%m-%d}, SHA-256 {shown.sha256[:16]}…"
    if left < timedelta():
        return says.error(cause, "renew the certificate now")
    return says.warn(cause, "renew the certificate") if left < _WARN else says.ok(cause)
