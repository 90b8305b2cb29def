"""What an answer means for each record of a message: taken, wrong, later, or a matter of the session."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Literal

from domain.viid.statuses import OK, Status, judged
from server.feeds.gat1400.exchange import Answer
from server.feeds.gat1400.session import is_lost
from server.feeds.sender import Accepted, Again, Refused, Verdict

Trouble = Literal["too_large", "unknown_device", "ill", "conflict", "doubtful", "session"]
_MOST_DOUBTS = 5
_REMEMBERED = 10_000
_ILL = frozenset({408, 425, 429})


def trouble(answer: Answer) -> Trouble | None:
    """What is wrong with a message as a whole; None where each object is to be judged by itself."""
    if answer.status == 413:
        return "too_large"
    if answer.status == 404 and any(one.code == OK for one in answer.statuses):
        return "unknown_device"  # one server says so, and 0 in the same breath
    if is_lost(answer):
        return "session"
    if answer.status == 409 and not answer.statuses:
        return "conflict"
    if answer.status >= 500 or answer.status in _ILL or 300 <= answer.status < 400:
        return "ill"
    return None if answer.is_ok or answer.status == 409 else "doubtful"


def statuses_of(answer: Answer, numbers: Sequence[str], *, silence_is_yes: bool) -> list[Status]:
    """Of a message that was answered, one for each object. What is there already is taken."""
    found = judged(numbers, answer.statuses, silence_is_yes=silence_is_yes)
    return [Status(OK, one.text, one.id) for one in found] if answer.status == 409 else found


class Patience:
    """An error without a name may pass, or be the record's own. It is the record's where others were taken between
    its attempts, a few times in a row: an outage that speaks in such errors costs no record."""

    def __init__(self) -> None:
        self._doubts: OrderedDict[bytes, tuple[int, int]] = OrderedDict()
        self._taken = 0

    def verdict(self, record: bytes, status: Status) -> Verdict:
        match status.judgement:
            case "accepted":
                return self.taken(record)
            case "refused":
                return Refused(str(status))
            case "doubtful" if status.code is not None:
                return self.doubt(record, str(status))
            case _:
                return Again(str(status))

    def taken(self, record: bytes) -> Verdict:
        self._taken += 1
        self._doubts.pop(record, None)
        return Accepted()

    def doubt(self, record: bytes, reason: str) -> Verdict:
        count, taken = self._doubts.pop(record, (0, -1))
        count += self._taken > taken
        if count >= _MOST_DOUBTS:
            return Refused(f"{count} times, while others were taken: {reason}")
        self._doubts[record] = (count, self._taken)
        if len(self._doubts) > _REMEMBERED:
            self._doubts.popitem(last=False)
        return Again(reason)
