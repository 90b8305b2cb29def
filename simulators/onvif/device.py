"""The device service: who it is, what time it has, where its other services are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.onvif.soap import Asked

if TYPE_CHECKING:
    from simulators.onvif.camera import Camera

SERVICES = {
    "device": ("http://www.onvif.org/ver10/device/wsdl", "/onvif/device_service"),
    "media": ("http://www.onvif.org/ver10/media/wsdl", "/onvif/media_service"),
    "media2": ("http://www.onvif.org/ver20/media/wsdl", "/onvif/media2_service"),
    "events": ("http://www.onvif.org/ver10/events/wsdl", "/onvif/event_service"),
    "ptz": ("http://www.onvif.org/ver20/ptz/wsdl", "/onvif/ptz_service"),
}


def time(camera: Camera, _asked: Asked) -> str:
    at = camera.clock
    moment = (
        f"<tt:Time><tt:Hour>{at.hour}</tt:Hour><tt:Minute>{at.minute}</tt:Minute><tt:Second>{at.second}</tt:Second>"
        f"</tt:Time><tt:Date><tt:Year>{at.year}</tt:Year><tt:Month>{at.month}</tt:Month><tt:Day>{at.day}</tt:Day>"
        "</tt:Date>"
    )
    told = f"<tt:UTCDateTime>{moment}</tt:UTCDateTime>" if camera.tells_time else ""
    return (
        "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>Manual</tt:DateTimeType>"
        "<tt:DaylightSavings>false</tt:DaylightSavings><tt:TimeZone><tt:TZ>CST-8</tt:TZ></tt:TimeZone>"
        f"{told}</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
    )


def information(camera: Camera, _asked: Asked) -> str:
    return (
        f"<tds:GetDeviceInformationResponse><tds:Manufacturer>{camera.maker}</tds:Manufacturer>"
        f"<tds:Model>{camera.model}</tds:Model><tds:FirmwareVersion>V5.7.3</tds:FirmwareVersion>"
        "<tds:SerialNumber>0000123</tds:SerialNumber><tds:HardwareId>88</tds:HardwareId>"
        "</tds:GetDeviceInformationResponse>"
    )


def services(camera: Camera, _asked: Asked) -> str:
    listed = "".join(
        f"<tds:Service><tds:Namespace>{space}</tds:Namespace><tds:XAddr>{camera.said_at(path)}</tds:XAddr>"
        "<tds:Version><tt:Major>2</tt:Major><tt:Minor>60</tt:Minor></tds:Version></tds:Service>"
        for name, (space, path) in SERVICES.items()
        if name not in camera.lacks
    )
    return f"<tds:GetServicesResponse>{listed}</tds:GetServicesResponse>"


def capabilities(camera: Camera, _asked: Asked) -> str:
    """As old firmware says it, which knows no GetServices."""
    events = (
        "<tt:WSSubscriptionPolicySupport>true</tt:WSSubscriptionPolicySupport>"
        "<tt:WSPullPointSupport>true</tt:WSPullPointSupport>"
        "<tt:WSPausableSubscriptionManagerInterfaceSupport>false</tt:WSPausableSubscriptionManagerInterfaceSupport>"
    )
    media = "<tt:StreamingCapabilities><tt:RTP_RTSP_TCP>true</tt:RTP_RTSP_TCP></tt:StreamingCapabilities>"
    parts = {"Events": events, "Media": media, "PTZ": ""}
    listed = "".join(
        f"<tt:{name}><tt:XAddr>{camera.said_at(SERVICES[name.lower()][1])}</tt:XAddr>{more}</tt:{name}>"
        for name, more in parts.items()
        if name.lower() not in camera.lacks
    )
    return f"<tds:GetCapabilitiesResponse><tds:Capabilities>{listed}</tds:Capabilities></tds:GetCapabilitiesResponse>"
