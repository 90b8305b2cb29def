"""An ONVIF camera's device service, as far as a clock goes: GetSystemDateAndTime, answered without a password."""

from __future__ import annotations

from aiohttp import web

from simulators.devices.http_device import HttpDevice

_ANSWER = """<?xml version="1.0" encoding="UTF-8"?>
<env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope" xmlns:tds="http://www.onvif.org/ver10/device/wsdl"
 xmlns:tt="http://www.onvif.org/ver10/schema"><env:Body><tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime>
<tt:DateTimeType>Manual</tt:DateTimeType><tt:DaylightSavings>false</tt:DaylightSavings>
<tt:TimeZone><tt:TZ>CST-8</tt:TZ></tt:TimeZone><tt:UTCDateTime>
<tt:Time><tt:Hour>{at.hour}</tt:Hour><tt:Minute>{at.minute}</tt:Minute><tt:Second>{at.second}</tt:Second></tt:Time>
<tt:Date><tt:Year>{at.year}</tt:Year><tt:Month>{at.month}</tt:Month><tt:Day>{at.day}</tt:Day></tt:Date>
</tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse></env:Body></env:Envelope>
"""


class Camera(HttpDevice):
    """One camera."""

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/onvif/device_service", self._service)]

    async def _service(self, request: web.Request) -> web.Response:
        if b"GetSystemDateAndTime" not in await request.read():
            return web.Response(status=400, text="")
        return web.Response(text=_ANSWER.format(at=self.clock), content_type="application/soap+xml")
