"""What a transport says of a device's line."""

from __future__ import annotations

import pytest

from edge.devices.driver import LINE, BadMessage, Message, discover, line_message
from edge.intake.topics_heard import NOT_HEARD, TopicsHeard
from tests.edge.devices.samples import SITE


def test_a_line_that_came_or_went_is_the_availability_of_its_device() -> None:
    message = line_message("hikvision:00:5e", "offline", "refused")
    (event,) = discover().decode(message, SITE).events
    said = (event.kind, event.device, event.state, event.reason, event.time_quality)
    assert said == ("availability", "hikvision:00:5e", "offline", "refused", "gateway")
    heard = TopicsHeard()
    heard.heard(message, [event])
    assert heard.of(event.device) == NOT_HEARD  # commands go the way that the device itself was heard on


@pytest.mark.parametrize("payload", [b"{}", b'{"device":"x","state":"online"}', b'{"device":"x:1","state":"odd"}', b""])
def test_anything_else_is_refused(payload: bytes) -> None:
    with pytest.raises(BadMessage):
        discover().decode(Message(LINE, payload), SITE)
