"""Devices that have an http address: asked who they are and what time it is there, by the password entered for them."""

from __future__ import annotations

import time
from http import HTTPStatus

import aiohttp
import msgspec

from domain.desired_bodies import Device
from edge.devices.driver import BadMessage
from edge.devices.question import NOTHING_TOLD, Question, Told
from edge.doctor.box import Box
from edge.doctor.verdict import Verdict
from edge.transports.http_client import Address, BadAddress, DeviceClient, Unauthorised, address_in, read_up_to

_ANSWER_S = 4.0
_ANSWER_BYTES = 64 * 1024


async def test(device: Device, verdict: Verdict, box: Box) -> None:
    """One line, one login: a device locks whoever shows it a wrong password too often."""
    try:
        address = address_in(device.address)
        box.secrets.of(device.id)
    except BadAddress as error:
        verdict.wrong(f"its address cannot be used: {error}", "mend address in the device list")
        return
    except (OSError, msgspec.DecodeError) as error:
        step = f"enter it again: gatehouse-edge device-secret {device.id}"
        verdict.wrong(f"its password cannot be read: {type(error).__name__}", step)
        return
    if address is not None:
        await _Asking(device, address, verdict, box).run()
    elif not any(driver.paths for driver in box.registry.of_kind(device.id)):
        verdict.wrong("it has no http address: nobody asks it", 'add address = "http://…" in the device list')


class _Asking:
    """One device at its address."""

    def __init__(self, device: Device, address: Address, verdict: Verdict, box: Box) -> None:
        self._device, self._address, self._verdict, self._box = device, address, verdict, box

    async def run(self) -> None:
        questions = [asked for driver in self._box.registry.of_kind(self._device.id) for asked in driver.questions]
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
            client = DeviceClient(session, self._device.id, self._address, self._box.secrets)
            for number, question in enumerate(dict.fromkeys(questions)):
                if not await self._ask(client, question, is_first=number == 0):
                    return

    async def _ask(self, client: DeviceClient, question: Question, *, is_first: bool) -> bool:
        """Whether it is worth asking more."""
        began_s = time.monotonic()
        try:
            status, body = await self._answer(client, question)
        except Unauthorised as error:
            self._refused(str(error))
            return False
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            step = "look at its power and network; does it still have this address?"
            self._verdict.look(f"{self._address.base} does not answer: {str(error) or type(error).__name__}", step)
            return False
        if is_first:
            self._verdict.well(f"{self._address.base} answers in {(time.monotonic() - began_s) * 1000:.0f} ms")
        self._judge(question, status, body)
        return True

    async def _answer(self, client: DeviceClient, question: Question) -> tuple[int, bytes]:
        asking = client.ask(
            question.method,
            question.path,
            read_s=_ANSWER_S,
            total_s=_ANSWER_S,
            body=question.body,
            kind=question.media_type,
        )
        async with asking as response:
            return response.status, await read_up_to(response, _ANSWER_BYTES)

    def _refused(self, why: str) -> None:
        entered = f"gatehouse-edge device-secret {self._device.id} --user NAME"
        if self._box.secrets.of(self._device.id) is None:
            self._verdict.wrong(f"{self._address.base} wants a password, and none was entered", entered)
            return
        step = f"enter the right one: {entered}; wait half an hour first where it has locked us out"
        self._verdict.wrong(f"{self._address.base}: {why}", step)

    def _judge(self, question: Question, status: int, body: bytes) -> None:
        path = question.path.partition("?")[0]
        if status == HTTPStatus.FORBIDDEN:
            self._verdict.look(f"our user may not read {path}", "give it that right")
            return
        told = self._told(question, body) if status == HTTPStatus.OK else NOTHING_TOLD
        if told == NOTHING_TOLD:
            self._verdict.well(f"{path} tells nothing (HTTP {status})")
        self._verdict.judge_identity(self._device.id.partition(":")[2], told.identities, self._address.base)
        if told.model or told.firmware:
            self._verdict.well(" ".join(text[:60] for text in (told.model, told.firmware) if text))
        if told.clock is not None:
            self._verdict.judge_clock(told.clock, self._box.now(), self._box.config.site.zone)

    def _told(self, question: Question, body: bytes) -> Told:
        try:
            return question.read(body, self._box.config.site)
        except BadMessage:
            return NOTHING_TOLD
