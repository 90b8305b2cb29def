"""A camera that answers WS-Discovery on a real UDP port, by unicast or in a multicast group, in its maker's manner.

Written from OASIS WS-Discovery 1.1 and the ONVIF Core Specification (scopes).
"""

from __future__ import annotations

import asyncio
import re
import socket
from urllib.parse import quote

_ANSWER = """<?xml version="1.0" encoding="UTF-8"?>
<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope"
 xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl">
<SOAP-ENV:Header><wsa:MessageID>urn:uuid:6b8b4567-327b-23c6-643c-{tail}</wsa:MessageID>
<wsa:RelatesTo>{relates}</wsa:RelatesTo>
<wsa:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</wsa:Action></SOAP-ENV:Header>
<SOAP-ENV:Body><d:ProbeMatches><d:ProbeMatch>
<wsa:EndpointReference><wsa:Address>urn:uuid:3fa1fe68-b915-4053-a3e1-{tail}</wsa:Address></wsa:EndpointReference>
<d:Types>dn:{kind}</d:Types><d:Scopes>{scopes}</d:Scopes><d:XAddrs>{xaddrs}</d:XAddrs>
<d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></SOAP-ENV:Body></SOAP-ENV:Envelope>"""
_NUMBER = re.compile(rb"<(?:\w+:)?MessageID[^>]*>\s*([^<\s]+)")


class Camera(asyncio.DatagramProtocol):
    """One that is found. ``mac`` of twelve digits stands at the end of its UUID, and in a scope where ``tells_mac``."""

    def __init__(
        self,
        name: str,
        hardware: str,
        mac: str,
        *,
        tells_mac: bool = True,
        kind: str = "NetworkVideoTransmitter",
        xaddr: str = "http://{host}/onvif/device_service",
    ) -> None:
        self.name, self.hardware, self.mac, self.tells_mac = name, hardware, mac, tells_mac
        self.kind, self._xaddr = kind, xaddr
        self.instead: list[bytes] = []  # sent in place of an answer, as broken firmware does
        self.times = 1  # how often it says the same
        self.asked: list[tuple[str, int]] = []
        self._host = ""
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0, group: str = "") -> int:
        """The port it is asked at; ``group``: the multicast group it is in, on the network of ``host``."""
        self._host = host
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((group or host, port))
        if group:
            joined = socket.inet_aton(group) + socket.inet_aton(host)
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, joined)
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=opened)
        return opened.getsockname()[1]

    def stop(self) -> None:
        if self._transport:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        number = _NUMBER.search(data)
        if self._transport is None or number is None or self.kind.encode() not in data:
            return
        self.asked.append(addr)
        for answer in self.instead or [self.answer(number[1].decode())] * self.times:
            self._transport.sendto(answer, addr)

    def answer(self, relates: str) -> bytes:
        """What it says to a question."""
        scopes = [f"name/{quote(self.name)}", f"hardware/{quote(self.hardware)}", "type/video_encoder", "location/"]
        if self.tells_mac:
            scopes.append("MAC/" + ":".join(self.mac[at : at + 2] for at in range(0, 12, 2)))
        words = " ".join(f"onvif://www.onvif.org/{scope}" for scope in scopes)
        xaddrs = self._xaddr.format(host=self._host)
        return _ANSWER.format(tail=self.mac, relates=relates, kind=self.kind, scopes=words, xaddrs=xaddrs).encode()
