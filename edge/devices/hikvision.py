"""Hikvision plate cameras, door controllers and terminals by ISAPI: pushed to us, or read from alertStream."""

from __future__ import annotations

import re
from types import MappingProxyType

from edge.devices._fields import fields, text_in, whole
from edge.devices._hikvision_body import open_body
from edge.devices._hikvision_commands import encode
from edge.devices._hikvision_events import KIND, identity_of, open_event, read_event
from edge.devices._hikvision_questions import QUESTIONS
from edge.devices._http_answers import command_result, is_answer
from edge.devices.announced import Announced, Known, by_mac
from edge.devices.driver import BadMessage, Driver, Message, Reading, Site, Stream

FAMILY = "hikvision-isapi"
_DONE = 1  # statusCode of ResponseStatus: OK. 7 is "reboot required", and done
_DONE_LATER = 7
_PICTURES = re.compile(rb"""["<](?:picturesNumber|picNum)["\s:>]+(\d{1,2})""")
_SILENCE_S = 60.0  # heart-beats come every 10 to 30 s


def decode(message: Message, site: Site) -> Reading:
    """What a device says. Raises BadMessage."""
    if is_answer(message):
        return _answer(message)
    said = open_body(message)
    return read_event(open_event(message, site, said))


def _answer(message: Message) -> Reading:
    """ResponseStatus, in XML or JSON."""
    device = identity_of({}, message.sender)
    try:
        said = open_body(message).fields
    except BadMessage:
        return Reading([command_result(message, device, ok=False)])
    status = fields(said.get("ResponseStatus")) or said
    code = whole(status.get("statusCode"))
    text = text_in(status.get("subStatusCode")) or text_in(status.get("statusString"))
    result = command_result(message, device, ok=code in (_DONE, _DONE_LATER), text=text)
    result.raw_codes = {} if code is None else {"statusCode": code}
    return Reading([result])


def _pictures_after(part: bytes) -> int:
    """An event says how many pictures follow it."""
    found = _PICTURES.search(part)
    return int(found[1]) if found else 0


def _claims(announced: Announced) -> Known | None:
    """By its MAC address; the address of the list is where its ``alertStream`` is read."""
    if not announced.is_by("hikvision"):
        return None
    return by_mac(KIND, announced, address=f"http://{announced.host}" if announced.host else "")


DRIVER = Driver(
    kind=KIND,
    families=(FAMILY,),
    decode=decode,
    encode=encode,
    transports=("http_push", "http_pull"),
    paths=MappingProxyType({"/hikvision/**": FAMILY, "/ISAPI/**": FAMILY}),
    pulls=(Stream(FAMILY, "/ISAPI/Event/notification/alertStream", silence_s=_SILENCE_S, pictures=_pictures_after),),
    claims=_claims,
    questions=QUESTIONS,
)
