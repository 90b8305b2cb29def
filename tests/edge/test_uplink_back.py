"""The line that was down and answers again: who waits to try again hears of it, once."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from edge.sync.transport import Refused, Uplink, UplinkDown


async def test_the_first_answer_after_a_failure_rings_once() -> None:
    answers = [200, 503, 503, 200, 200, 400, 503, 400, 200]
    left, rung = iter(answers), list[int]()
    asked = 0

    async def answer(_: web.Request) -> web.Response:
        status = next(left)
        return web.json_response({"error": "no"} if status != 200 else {}, status=status)

    app = web.Application()
    app.router.add_post("/v1/hello", answer)
    async with TestServer(app) as server, Uplink(str(server.make_url("/")), back=lambda: rung.append(asked)) as uplink:
        for status in answers:
            if status == 200:
                await uplink.send_json("POST", "/v1/hello", {})
            else:
                with pytest.raises(UplinkDown if status == 503 else Refused):
                    await uplink.send_json("POST", "/v1/hello", {})
            asked += 1
    assert rung == [3, 8]
