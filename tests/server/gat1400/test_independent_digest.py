"""Our client against a digest server that nobody of ours wrote: Flask-HTTPAuth, with the paths of the standard."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.gat1400.centre_side import OURS, accepted, car, side

flask_httpauth = pytest.importorskip("flask_httpauth", reason="Flask-HTTPAuth comes with the dev extra")
PASSWORD = "a word of the district"  # pragma: allowlist secret


@pytest.fixture
def served() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    from flask import Flask, jsonify, request
    from werkzeug.serving import make_server

    app, taken = Flask(__name__), list[dict[str, Any]]()
    app.secret_key = "of the test"  # pragma: allowlist secret
    # By default it keeps the nonce in a cookie, and no client of the standard has one.
    nonces: set[str] = set()
    auth = flask_httpauth.HTTPDigestAuth(realm="viid", qop="auth")
    auth.get_password(lambda user: PASSWORD if user == OURS else None)
    auth.verify_nonce(lambda nonce: nonce in nonces)
    auth.verify_opaque(lambda opaque: opaque == "9c2b")
    auth.generate_nonce(lambda: (nonces.add("YWI9PQ=="), "YWI9PQ==")[1])
    auth.generate_opaque(lambda: "9c2b")

    @app.post("/VIID/System/Register")
    @auth.login_required
    def register() -> Any:
        return jsonify({"ResponseStatusObject": {"StatusCode": 0, "Id": OURS}})

    @app.post("/VIID/MotorVehicles")
    def vehicles() -> Any:
        taken.extend(request.get_json(force=True)["MotorVehicleListObject"]["MotorVehicleObject"])
        return jsonify({"ResponseStatusObject": {"StatusCode": "0"}})

    @app.route("/VIID/<path:_>", methods=["GET", "POST"])
    def rest(_: str) -> Any:
        return jsonify({"ResponseStatusObject": {"StatusCode": 0}})

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", taken
    server.shutdown()
    thread.join()


@pytest.mark.parametrize("password", [PASSWORD, "another word"])
async def test_it_registers_and_pushes(tmp_path: Path, served: tuple[str, list[dict[str, Any]]], password: str) -> None:
    url, taken = served
    async with side(tmp_path) as here:
        sender = here.sender(url, password)
        async with asyncio.timeout(20):
            verdicts = await sender.send([car(1), car(2, 1)])
            await sender.close()
    assert accepted(verdicts) == [password == PASSWORD] * 2
    assert len(taken) == (2 if password == PASSWORD else 0)
    assert sender.session.state == "offline"
