"""What an upper platform may have done here: it arms, it disarms, it clears an alarm. It opens nothing."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import msgspec

from domain.gb28181.asked import Control
from domain.gb28181.codes import ALARM_INPUTS, is_code, read_code

Duty = Literal["ONDUTY", "OFFDUTY", "ALARM"]


class Guard(msgspec.Struct, frozen=True):
    """How one alarm input stands towards the platform."""

    is_armed: bool = True
    is_alarming: bool = False

    @property
    def duty(self) -> Duty:
        if self.is_alarming:
            return "ALARM"
        return "ONDUTY" if self.is_armed else "OFFDUTY"


def refusal(control: Control, known: Collection[str]) -> str | None:
    """Why it is not done; None: it is. A door is opened by those who answer for the complex, by no far platform."""
    if control.target not in known:
        return "no device of ours"
    match control.wish:
        case "open":
            return "no door or barrier is opened by this platform"
        case "other":
            return "a control that is not supported"
        case _:
            return None


def after(guard: Guard, control: Control) -> Guard:
    """The guard when a control that was not refused is done."""
    match control.wish:
        case "arm":
            return Guard(True, guard.is_alarming)
        case "disarm":
            return Guard(False, False)
        case "reset_alarm":
            return Guard(guard.is_armed, False)
        case _:
            return guard


def is_alarm_input(code: str) -> bool:
    return is_code(code) and read_code(code).kind in ALARM_INPUTS
