"""Answers as peers really wrap them, judged object by object: what was not said to be taken was not taken."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.viid.statuses import OK, Status, judged, several, single, status, statuses_in
from tests.domain.viid.test_ids import AT

YES, NO = {"StatusCode": 0, "Id": "a"}, {"StatusCode": 8, "Id": "b", "StatusString": "bad PlateNo"}


def read(body: Any) -> list[tuple[int | None, str]]:
    return [(one.code, one.id) for one in statuses_in(json.dumps(body).encode())]


WRAPPED = [
    {"ResponseStatusListObject": {"ResponseStatusObject": [YES, NO]}},
    {"ResponseStatusListObject": [YES, NO]},
    {"ResponseStatusObject": [YES, NO]},
    {"ResponseStatusList": {"ResponseStatusObject": [YES, NO]}},
    {"ResponseStatusListObject": {"ResponseStatus": [YES, NO]}},
    {"ResponseStatus": [YES, NO]},
    [YES, NO],
    [{"ResponseStatusObject": YES}, {"ResponseStatusObject": NO}],
]


@pytest.mark.parametrize("body", WRAPPED)
def test_every_wrapping(body: Any) -> None:
    assert read(body) == [(0, "a"), (8, "b")]


@pytest.mark.parametrize("said", ["0", 0, " 0 "])
@pytest.mark.parametrize("key", ["Id", "ID", "id"])
def test_a_code_as_number_or_text_and_the_id_in_any_case(said: object, key: str) -> None:
    (one,) = statuses_in(json.dumps({"ResponseStatusObject": {"StatusCode": said, key: "a"}}).encode())
    assert (one.code, one.id, one.judgement) == (0, "a", "accepted")


@pytest.mark.parametrize("said", ["", None, "x", True, "zero", [], 1.5])
def test_a_code_that_cannot_be_read_accepts_nothing(said: object) -> None:
    (one,) = statuses_in(json.dumps({"StatusCode": said}).encode())
    assert one.judgement == "doubtful"


@pytest.mark.parametrize("body", [b"", b"<html>", b"null", b"[]", b"{}", b"\xff", b"[" * 5000])
def test_no_answer_is_no_status(body: bytes) -> None:
    assert statuses_in(body) == []


@pytest.mark.parametrize(
    ("code", "text", "judgement"),
    [
        (0, "", "accepted"),
        (1, "Object already exists", "accepted"),
        (1, "该对象已存在", "accepted"),
        (1, "OtherError", "doubtful"),
        (2, "", "ill"),
        (9, "", "ill"),
        (3, "", "session_lost"),
        (4, "", "session_lost"),
        (7, "", "refused"),
        (8, "", "refused"),
    ],
)
def test_what_codes_mean_for_a_record(code: int, text: str, judgement: str) -> None:
    assert Status(code, text).judgement == judgement


def judgements(numbers: list[str], body: Any, **rest: bool) -> list[str]:
    return [one.judgement for one in judged(numbers, statuses_in(json.dumps(body).encode()), **rest)]


def test_by_id_in_whatever_order() -> None:
    assert judgements(["a", "b"], [NO, YES]) == ["accepted", "refused"]


def test_one_that_is_not_named_was_not_taken() -> None:
    assert judgements(["a", "b", "c"], [YES, NO]) == ["accepted", "refused", "doubtful"]


def test_without_ids_by_place() -> None:
    assert judgements(["a", "b"], [{"StatusCode": 0, "Id": ""}, {"StatusCode": 8}]) == ["accepted", "refused"]


@pytest.mark.parametrize(("code", "all_of_them"), [(0, "accepted"), (2, "ill")])
def test_one_status_for_all(code: int, all_of_them: str) -> None:
    assert judgements(["a", "b", "c"], {"ResponseStatusObject": {"StatusCode": code}}) == [all_of_them] * 3


def test_fewer_than_were_sent_and_no_ids_is_the_worst_of_them() -> None:
    assert judgements(["a", "b", "c"], [{"StatusCode": 0}, {"StatusCode": 2}]) == ["ill"] * 3


def test_silence_is_no_yes_unless_the_peer_is_known_for_it() -> None:
    assert judgements(["a"], {}) == ["doubtful"]
    assert judgements(["a"], {}, silence_is_yes=True) == ["accepted"]


def test_what_we_answer_is_read_back() -> None:
    said = [status("/VIID/Faces", OK, "a", AT), status("/VIID/Faces", 8, "b", AT, as_text=True)]
    assert read(several(said)) == [(0, "a"), (8, "b")]
    assert read(single(said[0])) == [(0, "a")]
    assert said[0]["LocalTime"] == "20261122160500"
    assert said[1]["StatusCode"] == "8"
