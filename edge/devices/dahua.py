"""Dahua plate cameras (ITSAPI, snapManager) and access terminals and intercoms (eventManager, EventHttpUpload)."""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType
from typing import Any

from domain.events import Event
from edge.devices._dahua_body import decoded, open_body
from edge.devices._dahua_commands import ACCEPTED, encode
from edge.devices._dahua_events import KIND, NOBODY, Heard, access_event, read_told, read_tollgate
from edge.devices._dahua_questions import QUESTIONS
from edge.devices._fields import fields, text_in, whole
from edge.devices._http_answers import command_result, is_answer
from edge.devices.announced import Announced, Known
from edge.devices.driver import Answer, BadMessage, Driver, JudgedTime, Message, Reading, Site, Stream

FAMILY = "dahua"
_ITSAPI = "/notificationinfo/"
_SILENCE_S = 30.0  # we ask for a heart-beat every 5 s
_MOST_RECORDS = 1_000
_NOW = JudgedTime(None, "gateway")


def decode(message: Message, site: Site) -> Reading:
    """What a device says. Raises BadMessage."""
    if is_answer(message):
        return _answer(message)
    heard = Heard(message, site, open_body(message))
    said = heard.said
    if said.is_heartbeat:
        return Reading([heard.event("availability", {}, _NOW, state="online")])
    if not (said.told or said.records) and said.encoding != "text":
        return _itsapi(heard)
    readings = [read_told(heard, told) for told in said.told]
    events = [event for reading in readings for event in reading.events]
    events += [_record(heard, record) for record in said.records]
    kept = {picture.sha256: picture for reading in readings for picture in reading.pictures}
    return Reading(events, list(kept.values()))


def _record(heard: Heard, said: dict[str, Any]) -> Event:
    door = whole(said.get("Door"))
    return access_event(heard, said, point=None if door is None else f"door/{door}", replay=True)


def _itsapi(heard: Heard) -> Reading:
    """A car, or a sign of life: KeepAlive and DeviceInfo say who is there."""
    shot = fields(heard.said.whole.get("Picture"))
    if shot:
        return read_tollgate(heard, shot)
    info = fields(heard.said.whole.get("DeviceInfo")) or heard.said.whole
    if heard.device(info) == f"{KIND}:{NOBODY}" or (not info and _ITSAPI not in heard.message.topic.lower()):
        raise BadMessage("neither Picture nor DeviceID, Code or Events")
    model = text_in(info.get("DeviceModel")) or text_in(info.get("DeviceType"))
    return Reading([heard.event("availability", info, _NOW, state="online", ext={"model": model} if model else {})])


def _answer(message: Message) -> Reading:
    """``OK``, ``Error`` and a line that says why, or JSON of newer firmware."""
    said = decoded(message.payload).strip()
    ok = said.upper() == "OK" or '"result":true' in said.replace(" ", "").lower()
    return Reading([command_result(message, f"{KIND}:{message.sender or NOBODY}", ok=ok)])


def _told(message: Message, site: Site) -> Answer | None:
    """ITSAPI wants a word, whatever it sent; else it sends it again."""
    return ACCEPTED if _ITSAPI in message.topic.lower() or b'"Picture"' in message.payload[:200] else None


def _history(since: datetime, until: datetime) -> str:
    """The records of an access terminal; what keeps none says so, and nothing is lost."""
    span = f"StartTime={int(since.timestamp())}&EndTime={int(until.timestamp())}"
    return f"/cgi-bin/recordFinder.cgi?action=find&name=AccessControlCardRec&{span}&count={_MOST_RECORDS}"


def _pictures_after(part: bytes) -> int:
    """A shot's words come before its picture; a heart-beat has none."""
    return 1 if part.lstrip().startswith(b"Events[") else 0


def _claims(announced: Announced) -> Known | None:
    """It does not announce its serial number: a proposal, good where the address in the list says who it is."""
    identity = announced.mac or announced.host
    if not announced.is_by("dahua") or not identity:
        return None
    address = f"http://{announced.host}" if announced.host else ""
    return Known(f"{KIND}:{identity}", address, announced.host, announced.name, announced.model, exact=False)


DRIVER = Driver(
    kind=KIND,
    families=(FAMILY,),
    decode=decode,
    encode=encode,
    answer=_told,
    transports=("http_push", "http_pull"),
    paths=MappingProxyType({"/NotificationInfo/*": FAMILY, "/dahua/**": FAMILY}),
    pulls=(
        Stream(
            FAMILY,
            "/cgi-bin/eventManager.cgi?action=attach&codes=[All]&heartbeat=5",
            silence_s=_SILENCE_S,
            history=_history,
        ),
        Stream(
            FAMILY,
            "/cgi-bin/snapManager.cgi?action=attachFileProc&channel=1&heartbeat=5&Flags[0]=Event&Events=[All]",
            name="snap",
            silence_s=_SILENCE_S,
            pictures=_pictures_after,
        ),
    ),
    claims=_claims,
    questions=QUESTIONS,
)
