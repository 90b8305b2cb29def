"""The broken agent, on purpose: it listens to its devices only once it is enrolled, as gateways do elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from edge import agent
from edge.commands import app as cli
from edge.status import self_report
from edge.sync import session
from edge.transports.mqtt import MqttTransport


class Waiting(session.Session):
    """Connects to the broker after it has an identity."""

    async def run(self) -> None:
        await self._enrolled()
        _may_listen.append(True)
        await super().run()


_may_listen: list[bool] = []


class Deaf(MqttTransport):
    """Stays away from the broker until the agent may listen."""

    async def run(self, retry_s: Callable[[int], float]) -> None:
        while not _may_listen:
            await agent.asyncio.sleep(0.1)
        await super().run(retry_s)


def main() -> None:
    self_report.Session, agent.MqttTransport, agent._BROKER_WAIT_S = Waiting, Deaf, 1.0  # type: ignore[misc]
    cli.main()


if __name__ == "__main__":
    main()
