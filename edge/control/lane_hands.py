"""How a lane acts: the arm is asked to open, the boards are told what to show. Now or not at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog

from domain.lanes.settings import Board, Lane
from domain.lanes.words import Shown
from edge.devices.driver import CannotEncode, Command, Outgoing, Registry, Site
from edge.intake.topics_heard import LastHeard

log = structlog.get_logger()

AWAY = "the device cannot be reached: its broker or its line is away"


class LaneHands:
    """``send`` tells a device; ``heard_on`` says where it last spoke; ``new_id`` names a request."""

    def __init__(
        self,
        registry: Registry,
        site: Site,
        send: Callable[[str, Outgoing], bool],
        heard_on: Callable[[str], LastHeard],
        now: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._registry, self._site, self._send = registry, site, send
        self._heard_on, self._now, self._new_id = heard_on, now, new_id

    def open(self, lane: Lane) -> tuple[str, str | None]:
        """The id of the request, and None where it was sent, else why not."""
        barrier, request_id = lane.barrier, self._new_id()
        arguments: dict[str, object] = {**({"point": barrier.point} if barrier.point else {}), **barrier.open_with}
        failure = self._tell(Command("barrier.open", barrier.device, request_id, self._now(), arguments))
        if failure is not None:
            log.error("barrier_not_opened", lane=lane.id, device=barrier.device, error=failure)
        return request_id, failure

    def show(self, lane: Lane, shown: Shown) -> None:
        """A board that cannot be told costs nothing but a line in the log."""
        for board in lane.boards:
            failure = self._tell(self._shown(board, shown))
            if failure is not None:
                log.warning("board_not_told", lane=lane.id, device=board.device, error=failure)

    def _shown(self, board: Board, shown: Shown) -> Command:
        where = {"board": board.board, "serial_channel": board.serial_channel}
        if not board.lines:
            arguments = {"text": shown.voice, **where}
            return Command("display.voice", board.device, self._new_id(), self._now(), arguments)
        arguments = {"lines": shown.lines, "text": shown.voice, **where}
        return Command("display.lines", board.device, self._new_id(), self._now(), arguments)

    def _tell(self, command: Command) -> str | None:
        heard = self._heard_on(command.device)
        try:
            outgoing = self._registry.encode(command, self._site, heard.topic, heard.family)
        except CannotEncode as error:
            return str(error)
        return None if self._send(command.device, outgoing) else AWAY
