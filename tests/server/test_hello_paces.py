"""How often gateways say how they are, and for how long they may gather what is routine, by how many there are."""

from __future__ import annotations

import pytest

from server.hello import again_s, gather_s


@pytest.mark.parametrize(
    ("gateways", "again", "gather"),
    [(1, 5.0, 0.0), (199, 5.0, 0.0), (200, 5.0, 0.2), (2_000, 25.0, 2.0), (20_000, 30.0, 3.0)],
)
def test_the_more_there_are_the_longer(gateways: int, again: float, gather: float) -> None:
    assert (again_s(gateways), gather_s(gateways)) == (again, gather)
