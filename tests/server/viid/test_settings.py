"""Libraries that call ours, as server.toml names them: each above goes by a basis of its own."""

from __future__ import annotations

import pytest

from server.viid.settings import Peer, Settings, above, check
from tests.server.viid.served import ORG, OTHER_UPPER, OURS, UPPER


def test_a_platform_is_the_basis_of_one_library_above() -> None:
    one = Peer(UPPER, "upper", "viid.password", everywhere=True, platform="city")
    other = Peer(OTHER_UPPER, "upper", "viid.password", everywhere=True)
    settings = Settings(OURS, ORG, peers=[one, other])
    check(settings, [])
    assert above(settings, "city") == one
    assert above(settings, "branch") is None
    assert above(settings, "") is None, "who names no platform goes by nobody's basis"
    twice = Settings(OURS, ORG, peers=[one, Peer(OTHER_UPPER, "upper", "viid.password", platform="city")])
    with pytest.raises(ValueError, match="basis of the platform city"):
        check(twice, [])
