"""The broken agent, on purpose: it acknowledges when a message arrives, as most gateways do, and stores it later."""

from __future__ import annotations

from edge import agent
from edge.commands import app as cli
from edge.devices.driver import Message
from edge.intake.intake import Acknowledge, Intake


class AckFirst(Intake):
    """Acknowledges before the commit; the tests must see what that loses."""

    def offer(self, message: Message, acknowledge: Acknowledge) -> None:
        acknowledge()
        super().offer(message, lambda: None)


def main() -> None:
    agent.Intake = AckFirst  # type: ignore[misc]
    cli.main()


if __name__ == "__main__":
    main()
