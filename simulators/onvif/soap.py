"""SOAP 1.2 as a camera speaks it: what was asked, and answers and faults in an envelope.

Written from the ONVIF Core Specification (error handling) and SOAP 1.2.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from xml.etree import ElementTree

import msgspec

_SPACES = {
    "env": "http://www.w3.org/2003/05/soap-envelope",
    "tt": "http://www.onvif.org/ver10/schema",
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "tr2": "http://www.onvif.org/ver20/media/wsdl",
    "tev": "http://www.onvif.org/ver10/events/wsdl",
    "tptz": "http://www.onvif.org/ver20/ptz/wsdl",
    "ter": "http://www.onvif.org/ver10/error",
    "tns1": "http://www.onvif.org/ver10/topics",
    "tnshik": "http://www.hikvision.com/2011/event/topics",
    "wsnt": "http://docs.oasis-open.org/wsn/b-2",
    "wsa": "http://www.w3.org/2005/08/addressing",
}
_DECLARED = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in _SPACES.items())
TYPE = "application/soap+xml; charset=utf-8"


class Asked(msgspec.Struct, frozen=True):
    """One request: the operation, its element, and the header."""

    operation: str
    element: Any
    header: Any

    def text(self, name: str) -> str:
        """The text of the first element of a name within it, "" for none."""
        return text_in(self.element, name)

    def is_of(self, prefix: str) -> bool:
        """Whether the operation is of a service, by the prefix that stands for it here."""
        return str(self.element.tag).startswith(f"{{{_SPACES[prefix]}}}")


class SoapFault(Exception):
    """A request that is refused: a subcode of ONVIF, and a sentence."""

    def __init__(self, subcode: str, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.subcode, self.reason, self.status = subcode, reason, status


def asked_in(body: bytes) -> Asked:
    """Raises SoapFault."""
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - of our own tests
    except ElementTree.ParseError as error:
        raise SoapFault("ter:WellFormed", str(error)) from error
    inner = next((part for part in root if local(part) == "Body"), None)
    header = next((part for part in root if local(part) == "Header"), None)
    if inner is None or not len(inner):
        raise SoapFault("ter:MissingAttr", "no body")
    return Asked(local(inner[0]), inner[0], header)


def envelope(body: str) -> bytes:
    made = f"<env:Envelope {_DECLARED}><env:Body>{body}</env:Body></env:Envelope>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{made}'.encode()


def fault(refused: SoapFault) -> bytes:
    """The envelope of a fault."""
    return envelope(
        "<env:Fault><env:Code><env:Value>env:Sender</env:Value>"
        f"<env:Subcode><env:Value>{refused.subcode}</env:Value></env:Subcode></env:Code>"
        f'<env:Reason><env:Text xml:lang="en">{refused.reason}</env:Text></env:Reason></env:Fault>'
    )


def local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def text_in(element: Any, name: str) -> str:
    found = next((part for part in element.iter() if local(part) == name), None)
    return (found.text or "").strip() if found is not None else ""


def texts_in(element: Any, name: str) -> list[str]:
    return [(part.text or "").strip() for part in element.iter() if local(part) == name]


def iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
