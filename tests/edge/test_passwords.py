"""What is kept of a message holds no password, in whatever it was written; everything else stays byte for byte."""

from __future__ import annotations

import pytest

from edge.intake.passwords import without_passwords
from tests.edge.devices.samples import sample


def test_the_heart_beat_of_a_camera_loses_its_password_alone() -> None:
    beat = sample("vzenith-http", "heartbeat.multipart.txt").payload
    kept = without_passwords(beat)
    assert beat.count(b"admin") == 2
    assert kept.count(b"admin") == 1  # the user's name
    assert kept == beat.replace(b'"pass_wd"\n\nadmin', b'"pass_wd"\n\n***').replace(
        b'"pass_wd"\r\n\r\nadmin', b'"pass_wd"\r\n\r\n***'
    )


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b'{"a":1,"password": "s\\"t","n":1}', b'{"a":1,"password": "***","n":1}'),  # pragma: allowlist secret
        (b'{"userPwd":123456}', b'{"userPwd":"***"}'),
        (b'{"cut":{"passwd":"sec', b'{"cut":{"passwd":"***"'),
        (b"user=a&pass_wd=secret&n=1", b"user=a&pass_wd=***&n=1"),
        (b"<u><password>secret</password></u>", b"<u><password>***</password></u>"),
        (b'<p:userPassword opt="">secret<', b'<p:userPassword opt="">***<'),
        (
            b'name="pass_wd"\r\nContent-Type: text/plain\r\n\r\nsecret',
            b'name="pass_wd"\r\nContent-Type: text/plain\r\n\r\n***',
        ),
        (b'{"PassTime": "20260301081530", "bypass": 1}', b'{"PassTime": "20260301081530", "bypass": 1}'),
        (bytes(range(256)), bytes(range(256))),
    ],
)
def test_a_password_is_hidden(sent: bytes, kept: bytes) -> None:
    assert without_passwords(sent) == kept
