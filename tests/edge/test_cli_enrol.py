"""Whom the code is sent to: shown, asked or pinned before, and held to afterwards."""

from __future__ import annotations

import asyncio
import hashlib
import json
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from typer.testing import CliRunner, Result

from domain.enrolment import EnrolLink, in_groups
from edge.broker.certificates import make_authority, make_server
from edge.commands.app import app
from edge.identity import Identity, load
from edge.sync.transport import Uplink, UplinkDown
from edge.sync.trust import Trust

CODE = "ABCDE-FGHJK-LMNPQ-RSTUV"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Centre:
    """A centre over TLS on loopback, with a certificate of its own authority; ``asked`` is what reached it."""

    def __init__(self, folder: Path, *, plain: bool = False) -> None:
        self.folder, self.asked = folder, list[tuple[str, dict[str, Any]]]()
        authority = make_authority(NOW)
        server = make_server(authority, ["localhost", "127.0.0.1"], NOW)
        self.ca_file, pem, key = folder / "ca.pem", folder / "server.pem", folder / "key.pem"
        for path, body in ((self.ca_file, authority.certificate), (pem, server.certificate), (key, server.key)):
            path.write_bytes(body)
        self.sha256 = hashlib.sha256(ssl.PEM_cert_to_DER_cert(server.certificate.decode())).hexdigest()
        self._tls = None if plain else ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if self._tls:
            self._tls.load_cert_chain(pem, key)
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        port = asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(20)
        self.url = f"{'http' if plain else 'https'}://127.0.0.1:{port}"

    async def _serve(self) -> int:
        self._runner = web.AppRunner(self._app())
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        return self._runner.addresses[0][1]

    def _app(self) -> web.Application:
        async def answer(request: web.Request) -> web.Response:
            self.asked.append((request.path, await request.json()))
            return web.json_response({"gateway": "gw-1", "complex": "garden"})

        made = web.Application()
        made.router.add_post("/{path:.*}", answer)
        return made

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    made = Centre(tmp_path)
    yield made
    made.close()


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Centre]:
    made = Centre(tmp_path, plain=True)
    yield made
    made.close()


def enrol(at: Centre, *arguments: str, typed: str = "", toml: str = "") -> Result:
    config = at.folder / "edge.toml"
    config.write_text(f'data = "data"\n{toml}')
    return CliRunner().invoke(app, ["enrol", *arguments, "--config", str(config)], input=typed)


def kept(at: Centre) -> Identity:
    return load(at.folder / "data")


def test_the_certificate_is_shown_and_the_code_is_sent_after_a_yes(centre: Centre) -> None:
    result = enrol(centre, centre.url, CODE, typed="y\n")
    assert result.exit_code == 0, result.output
    assert in_groups(centre.sha256) in result.output
    assert "Gatehouse broker" in result.output and "NOBODY vouches" in result.output
    assert centre.asked[0][1]["code"] == CODE
    assert (kept(centre).server, kept(centre).trust) == (centre.url, Trust(centre.sha256))


@pytest.mark.parametrize(
    ("arguments", "typed"),
    [
        ((), "n\n"),  # no
        ((), ""),  # nobody there
        (("--yes",), ""),  # yes, but nobody vouches
        (("--fingerprint", "0" * 64), "y\n"),
    ],
)
def test_without_consent_the_code_is_not_sent(centre: Centre, arguments: tuple[str, ...], typed: str) -> None:
    result = enrol(centre, centre.url, CODE, *arguments, typed=typed)
    assert result.exit_code == 1
    assert centre.asked == []
    assert not (centre.folder / "data" / "identity.json").exists()


def test_a_pinned_fingerprint_asks_nothing(centre: Centre) -> None:
    result = enrol(centre, centre.url, "--fingerprint", in_groups(centre.sha256).upper(), typed=f"{CODE}\n")
    assert result.exit_code == 0, result.output
    assert kept(centre).trust == Trust(centre.sha256)


def test_a_code_from_a_pipe_without_consent_is_not_sent(centre: Centre) -> None:
    result = enrol(centre, centre.url, typed=f"{CODE}\ny\n")
    assert (result.exit_code, centre.asked) == (1, [])
    assert "nobody is there to ask" in result.output


def test_a_wrong_fingerprint_shows_both(centre: Centre) -> None:
    result = enrol(centre, centre.url, CODE, "--fingerprint", "12" * 32)
    assert in_groups(centre.sha256) in result.output and in_groups("12" * 32) in result.output
    assert "not sent" in result.output


@pytest.mark.parametrize("where", ["argument", "code", "typed", "file"])
def test_the_link_of_the_qr_code_is_all_it_takes(centre: Centre, where: str) -> None:
    link = EnrolLink(centre.url, CODE, centre.sha256).text()
    file = centre.folder / "code"
    file.write_text(f"{link}\n")
    arguments = {"argument": [link], "code": [centre.url, link], "file": ["--code-file", str(file)]}.get(where, [])
    result = enrol(centre, *arguments, typed=f"{link}\n" if where == "typed" else "")
    assert result.exit_code == 0, result.output
    assert [body["code"] for _, body in centre.asked] == [CODE]


def test_a_link_and_an_option_that_disagree_are_refused(centre: Centre) -> None:
    link = EnrolLink(centre.url, CODE, centre.sha256).text()
    for arguments in ([link, "--fingerprint", "12" * 32], ["https://other.example.invalid", link], [link[:-5]]):
        assert enrol(centre, *arguments).exit_code == 1, arguments
    assert centre.asked == []


def test_an_authority_of_ones_own_is_kept_and_may_renew(centre: Centre) -> None:
    result = enrol(centre, centre.url, CODE, "--ca-file", str(centre.ca_file), "--yes")
    assert result.exit_code == 0, result.output
    assert "an authority vouches" in result.output
    assert kept(centre).trust == Trust(ca=centre.ca_file.read_text())


def test_an_authority_that_did_not_sign_it_is_no_authority(centre: Centre) -> None:
    other = centre.folder / "other.pem"
    other.write_bytes(make_authority(NOW).certificate)
    result = enrol(centre, centre.url, CODE, "--ca-file", str(other), typed="y\n")
    assert (result.exit_code, centre.asked) == (1, [])
    assert "did not sign it" in result.output


def test_edge_toml_with_another_server_is_said(centre: Centre) -> None:
    result = enrol(centre, centre.url, CODE, toml='server = "https://other.example.invalid"\n', typed="y\n")
    assert "edge.toml names another server" in result.output
    assert centre.asked == []


def test_edge_tomls_server_is_enough(centre: Centre) -> None:
    result = enrol(centre, "--fingerprint", centre.sha256, toml=f'server = "{centre.url}"\n', typed=CODE)
    assert result.exit_code == 0, result.output


def test_plain_http_is_for_this_machine(plain: Centre) -> None:
    result = enrol(plain, plain.url, typed=CODE)
    assert result.exit_code == 0
    assert "is not encrypted: this machine" in result.output
    assert enrol(plain, plain.url, CODE, "--fingerprint", plain.sha256).exit_code == 1
    assert len(plain.asked) == 1


def test_plain_http_elsewhere_must_be_said_out_loud(plain: Centre) -> None:
    """192.0.2.0/24 leads nowhere: with the option it is tried, without it is not."""
    for url in ("http://centre.example.invalid", "ftp://x", "centre", "https://"):
        result = enrol(plain, url, CODE)
        assert result.exit_code == 1, url
    assert "--insecure-http" in enrol(plain, "http://centre.example.invalid", CODE).output
    said = enrol(plain, "http://centre.example.invalid", CODE, "--insecure-http").output
    assert "is not encrypted" in said and "cannot be reached" in said


async def test_later_requests_go_to_the_same_certificate_alone(centre: Centre, tmp_path: Path) -> None:
    async with Uplink(centre.url, trust=Trust(centre.sha256)) as uplink:
        assert await uplink.send_json("POST", "/v1/hello", {})
    async with Uplink(centre.url, trust=Trust(ca=centre.ca_file.read_text())) as uplink:
        assert await uplink.send_json("POST", "/v1/hello", {})
    for trust, said in ((Trust("12" * 32), "another certificate"), (Trust(), "not trusted")):
        before = len(centre.asked)
        async with Uplink(centre.url, trust=trust) as uplink:
            with pytest.raises(UplinkDown, match=said):
                await uplink.send_json("POST", "/v1/hello", {"secret": 1})
        assert len(centre.asked) == before, "nothing was sent"


def test_what_a_certificate_says_cannot_move_the_terminal(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    from edge.commands import enrol as cli_enrol

    shown = cli_enrol.look(centre.url)
    evil = json.loads('"CN=\\u001b[2J\\u001b[1A"')
    monkeypatch.setattr(cli_enrol, "look", lambda *_: type(shown)(shown.sha256, evil, evil, NOW, NOW, "self-signed"))
    assert "\x1b" not in enrol(centre, centre.url, CODE, typed="n\n").output
