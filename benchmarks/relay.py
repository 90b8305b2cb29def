"""A TCP relay on loopback that counts what goes up the line: every byte a gateway sends, headers included."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

_CHUNK_BYTES = 64 * 1024


class CountingRelay:
    """Use it as a context; ``port`` leads to ``target_port``."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self.port = self.up_bytes = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, near_reader: asyncio.StreamReader, near_writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        try:
            await asyncio.gather(
                self._carry(near_reader, far_writer, counted=True), self._carry(far_reader, near_writer, counted=False)
            )
        except (OSError, asyncio.CancelledError):
            pass  # an end hung up, or the count is over: what was sent is counted
        finally:
            for writer in (near_writer, far_writer):
                writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counted: bool) -> None:
        while chunk := await reader.read(_CHUNK_BYTES):
            self.up_bytes += len(chunk) if counted else 0
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()
