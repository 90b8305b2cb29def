"""What is told to libraries above, and what they order: by the field tables, and whatever they write."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from domain.viid.asked import BadAsked
from domain.viid.dispositions import Disposition, hit_notification, read_disposition
from domain.viid.mapping import Made
from domain.viid.nonces import Nonces
from domain.viid.profile import switched
from domain.viid.schema import message_schema
from domain.viid.subscriptions import MOST_IN_ONE, notification, notifications, read_subscription
from tests.domain.viid.made import EVENTS, as_told, sent, standard

STRICT = Draft202012Validator(message_schema(strict=True))
NUMBER, ORDER = "330106000000042026112216080000001", "330106000000012026112216070000001"
SUBSCRIBED = read_subscription(
    {
        "SubscribeID": "330106000000032026112216070000001",
        "Title": "车辆",
        "SubscribeDetail": "3,11,12,13,14",
        "ResourceURI": "33010600015030000001",
        "BeginTime": "20261101000000",
        "EndTime": "20991122000000",
        "ReceiveAddr": "http://192.0.2.10/VIID/SubscribeNotifications",
    }
)
SAID: dict[str, Any] = {
    "DispositionID": ORDER,
    "Title": "布控",
    "DispositionCategory": "3",
    "TargetFeature": "车牌号：浙A·12345，蓝色",
    "ApplicantOrg": "西湖分局",
    "ApplicantInfo": "西公布控〔2026〕7号",
    "Reason": "被盗车辆",
    "BeginTime": "20261122000000",
    "EndTime": "20261222000000",
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def made_of(name: str) -> list[Made]:
    every = (sent(event, switched(standard(), ["face"])) for event in EVENTS.values())
    return [made for made in every if made.rule.object == name]


@pytest.mark.parametrize("name", ["MotorVehicle", "NonMotorVehicle", "Person", "Face"])
def test_notifications_are_as_the_field_tables_have_them(name: str) -> None:
    objects = made_of(name)
    assert objects
    named = [(one.number, one.said) for one in objects] * MOST_IN_ONE
    STRICT.validate(as_told(notifications([notification(NUMBER, SUBSCRIBED, name, named[:MOST_IN_ONE])])))


def test_a_hit_is_as_the_field_tables_have_it() -> None:
    car = made_of("MotorVehicle")[0]
    number = f"{NUMBER[:12]}02{NUMBER[14:]}"
    told = hit_notification(number, ORDER, "布控", "20261122160800", ("MotorVehicle", car.number, car.said))
    STRICT.validate(as_told(told))


def test_an_order_is_read_with_its_words() -> None:
    one = read_disposition(SAID, "ApplicantInfo")
    assert (one.plate, one.unit, one.document, one.purpose) == (
        "浙A12345",
        "西湖分局",
        "西公布控〔2026〕7号",
        "被盗车辆",
    )
    assert one.ends_at == datetime(2026, 12, 21, 16, tzinfo=UTC)
    assert "浙A" not in repr(one)


@settings(suppress_health_check=[HealthCheck.too_slow])  # of drawing, where others use the processor as well
@given(st.dictionaries(st.sampled_from([*SAID, "DispositionRange", "TollgateList", "DispositionArea"]), ANYTHING))
def test_whatever_is_written_is_read_whole_or_refused(changed: dict[str, Any]) -> None:
    """Never without unit, document, purpose and end; and a refusal never repeats the plate."""
    try:
        one = read_disposition({**SAID, **changed}, "ApplicantInfo")
    except BadAsked as error:
        assert "12345" not in str(error)
        return
    assert isinstance(one, Disposition)
    assert all((one.plate, one.unit, one.document, one.purpose, one.ends_at))


@given(st.binary(min_size=1, max_size=40), st.integers(0, 10**11), st.text("0123456789abcdef", min_size=1, max_size=32))
def test_a_nonce_is_known_again_by_its_own_key_alone(key: bytes, born_s: int, salt: str) -> None:
    nonce = Nonces(key).made(born_s, salt)
    assert Nonces(key).born_s(nonce) == born_s
    assert Nonces(key + b"x").born_s(nonce) is None
    assert Nonces(key).born_s(f"{born_s + 1}{nonce[len(str(born_s)) :]}") is None
