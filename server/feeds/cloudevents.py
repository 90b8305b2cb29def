"""A fact as a CloudEvent 1.0 in JSON (github.com/cloudevents/spec, structured and batched content mode)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

import msgspec

from domain.events import to_plain, utc_ms
from server.facts import Fact

BATCH_TYPE = "application/cloudevents-batch+json"
_TYPE_PREFIX = "gatehouse."
_ID_SIGNS = 32


def cloud_event(fact: Fact) -> bytes:
    """One event: ``id`` names the fact, ``source`` the complex and device, ``subject`` the point at the device."""
    event = fact.event
    content = {
        "specversion": "1.0",
        "id": fact.id.hex(),
        "source": f"/complexes/{fact.complex}/devices/{event.device}",
        "type": _TYPE_PREFIX + event.kind,
        "time": utc_ms(event.occurred_at),
        "datacontenttype": "application/json",
        "data": to_plain(event),
    }
    if event.point:
        content["subject"] = event.point
    return msgspec.json.encode(content)


def erased_event(erasure: str, identity: bytes, ids: Sequence[str], at: datetime) -> bytes:
    """The word to a receiver that events it was sent are erased here; ``ids`` are theirs. It names nobody."""
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": identity.hex(),
            "source": f"/erasures/{erasure}",
            "type": _TYPE_PREFIX + "erased",
            "time": utc_ms(at),
            "datacontenttype": "application/json",
            "data": {"ids": list(ids)},
        }
    )


def joined(events: Sequence[bytes]) -> bytes:
    """The body of a request that carries several."""
    return b"[" + b",".join(events) + b"]"


def signature_headers(secret: bytes, body: bytes, at: datetime) -> dict[str, str]:
    """The headers by which the far end knows us: those of Standard Webhooks (standardwebhooks.com), whose id is the
    same however often a body is sent; and our own older two."""
    timestamp, identity = str(int(at.timestamp())), hashlib.sha256(body).hexdigest()[:_ID_SIGNS]
    digest = hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    signed = hmac.new(secret, f"{identity}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": identity,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
        "X-Gatehouse-Timestamp": timestamp,
        "X-Gatehouse-Signature": f"sha256={digest}",
    }
