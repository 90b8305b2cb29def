"""The last topic of each device: bounded, and not the topic that answers come on."""

from __future__ import annotations

from domain.events import Event
from edge.devices.driver import Message
from edge.intake.topics_heard import TopicsHeard


def test_the_last_topic_counts_answers_do_not_and_the_longest_known_goes() -> None:
    topics = TopicsHeard(max_devices=2)
    for device, topic, kind in [
        ("x:1", "old", "door"),
        ("x:2", "two", "door"),
        ("x:2", "new", "door"),
        ("x:2", "reply", "command_result"),
        ("x:3", "three", "door"),
    ]:
        topics.heard(Message("test", b"", topic), [Event(kind=kind, device=device)])
    assert [topics.of(device).topic for device in ("x:1", "x:2", "x:3")] == ["", "new", "three"]
