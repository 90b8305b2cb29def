"""The audit's chain: whatever is done to rows that were linked, the walk stops at the first that does not fit."""

from __future__ import annotations

import msgspec
import pytest

from domain.audit import BLANKED, GENESIS, Blanking, Chain, Content, Row, hash_of, linked, years_before

AT = "2023-05-04T10:00:00.000Z"
LATER = "2026-11-23T10:00:00.000Z"


def content(who: str = "wang") -> Content:
    return Content(who, "clerk", 1, "garden", "stay", "5e1", "payment", "192.0.2.7", "ab", None, "00ff")


def chain(count: int) -> list[Row]:
    rows, last = list[Row](), GENESIS
    for number in range(1, count + 1):
        rows.append(linked(last, number, AT, "plate.shown", content(f"person {number}")))
        last = rows[-1].hash
    return rows


def fault(rows: list[Row], heads: dict[int, str] | None = None, *blankings: Blanking) -> str | None:
    walk = Chain(heads, blankings)
    return next((found for row in rows if (found := walk.take(row))), None) or walk.end()


def change(row: Row, **changes: object) -> Row:
    return msgspec.structs.replace(row, **changes)


def test_rows_as_they_were_linked_fit() -> None:
    rows = chain(5)
    assert fault(rows) is None
    assert fault(rows, {3: rows[2].hash, 5: rows[4].hash}) is None
    assert fault([]) is None


@pytest.mark.parametrize("at", [0, 2, 4])
def test_a_changed_row_is_found(at: int) -> None:
    rows = chain(5)
    rows[at] = change(rows[at], content=content("someone else"))
    assert fault(rows) == f"row {at + 1} says something else than was recorded"
    for changes in ({"at": LATER}, {"action": "audit.seen"}, {"digest": "0" * 64}, {"hash": "0" * 64}):
        again = chain(5)
        again[at] = change(again[at], **changes)
        assert f"row {at + 1}" in str(fault(again))


def test_a_row_that_was_made_anew_does_not_fit_the_next() -> None:
    rows = chain(5)
    rows[2] = linked(rows[1].hash, 3, AT, "plate.shown", content("someone else"))
    assert fault(rows) == "row 4 does not follow row 3"


def test_removed_and_swapped_rows_are_found() -> None:
    rows = chain(5)
    assert fault(rows[1:]) == "row 1 is missing: row 2 comes after row 0"
    assert fault([*rows[:2], *rows[3:]]) == "row 3 is missing: row 4 comes after row 2"
    first, second = change(rows[1], number=3), change(rows[2], number=2)
    assert fault([rows[0], second, first, *rows[3:]]) == "row 2 does not follow row 1"


def test_a_cut_tail_is_found_against_a_head_and_only_so() -> None:
    rows = chain(5)
    assert fault(rows[:3]) is None
    assert fault(rows[:3], {5: rows[4].hash}) == (
        "row 4 and those behind it are gone: a head of row 5 was written down"
    )


def test_a_whole_chain_that_was_made_anew_is_found_against_a_head() -> None:
    rows = chain(5)
    last, forged = GENESIS, list[Row]()
    for row in rows:
        forged.append(linked(last, row.number, row.at, row.action, content("nobody")))
        last = forged[-1].hash
    assert fault(forged) is None
    assert fault(forged, {4: rows[3].hash}) == "row 4 has not the hash that was written down"


def test_blanked_rows_fit_where_a_later_row_says_so() -> None:
    rows = [change(row, content=None, blanked_at=LATER) for row in chain(3)] + chain(4)[3:]
    declared = Blanking(4, LATER, 3, "2023-11-22T00:00:00.000Z")
    assert fault(rows, {}, declared) is None
    assert fault(rows) == "row 1 was blanked, and no row says so"
    assert fault(rows, {}, change_blanking(declared, through=2)) == "row 3 was blanked, and no row says so"
    too_early = change_blanking(declared, at="2024-01-01T00:00:00.000Z")
    assert fault(rows, {}, too_early) == "row 1 was blanked, and no row says so"


def change_blanking(declared: Blanking, **changes: object) -> Blanking:
    return msgspec.structs.replace(declared, **changes)


def test_who_blanked_is_never_blanked() -> None:
    row = linked(GENESIS, 1, AT, BLANKED, content())
    assert fault([change(row, content=None)], {}, Blanking(2, LATER, 1, "2023-11-22T00:00:00.000Z")) is not None


def test_the_same_content_has_another_digest_by_its_nonce() -> None:
    one, other = content(), msgspec.structs.replace(content(), nonce="11aa")
    assert linked(GENESIS, 1, AT, "plate.shown", one).digest != linked(GENESIS, 1, AT, "plate.shown", other).digest


def test_the_hash_is_what_it_always_was() -> None:
    """Heads that were written down years ago are held against it: a change here is a change of every chain."""
    known = "9f95bc3f859f36dc3997e3b2b913f598c1de95bb34649ba3757abc79ebb46b23"  # pragma: allowlist secret
    assert hash_of(GENESIS, 1, AT, "plate.shown", "d" * 64) == known
    assert years_before(AT, 3) == "2020-05-04T10:00:00.000Z"
