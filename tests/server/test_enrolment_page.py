"""The page that gives a gateway's code: for operators, once, and readable by a scanner."""

from __future__ import annotations

import hashlib
import html
import logging
import re
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest
import zxingcpp
from PIL import Image, ImageDraw
from sqlalchemy import select
from structlog.testing import capture_logs

from domain.enrolment import EnrolLink, in_groups, read_link
from server.config import BadConfig, Config
from server.enrol_link import certificate_sha256, enrol_link
from server.store import schema
from server.store.scope import of_complexes
from server.web.headers import CONTENT_SECURITY_POLICY
from tests.server import rows
from tests.server.engines import Engine
from tests.server.people import City, Visitor, city

DIGEST = "0123456789abcdef" * 4
_QR = re.compile(r'<path class="qrline" stroke="#000" d="([^"]+)"')
_MOVE = re.compile(r"([MmhH])\s*(-?[\d.]+)(?:[ ,]?(-?[\d.]+))?")


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        yield made


def settle(town: City, **settings: str) -> None:
    """As if server.toml said so."""
    object.__setattr__(town.house, "config", msgspec.structs.replace(town.house.config, **settings))


async def issued(visitor: Visitor, complex_id: str = rows.GARDEN) -> str:
    answer = await visitor.submit("/gateways/new", complex=complex_id)
    assert answer.status_code == 200, answer.text[:300]
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["cache-control"] == "no-store"
    return answer.text


def scanned(page: str) -> str:
    """What a scanner reads off the page's QR code: its path drawn, and looked at."""
    path = _QR.search(page)
    assert path
    x = y = 0.0
    image = Image.new("L", (1_000, 1_000), 255)
    draw = ImageDraw.Draw(image)
    for step, first, second in _MOVE.findall(path[1]):
        if step == "h":
            draw.rectangle((x * 8, (y - 0.5) * 8, (x + float(first)) * 8 - 1, (y + 0.5) * 8 - 1), fill=0)
            x += float(first)
        else:
            base = (x, y) if step == "m" else (0.0, 0.0)
            x, y = base[0] + float(first), base[1] + float(second)
    return zxingcpp.read_barcodes(image)[0].text


async def test_the_qr_code_holds_all_that_a_gateway_needs(town: City) -> None:
    settle(town, public_url="https://centre.example.invalid", tls_fingerprint=in_groups(DIGEST))
    page = await issued(await town.visitor("wang"))
    link = read_link(scanned(page))
    assert (link.url, link.sha256) == ("https://centre.example.invalid", DIGEST)
    assert link.code in page and in_groups(DIGEST) in page and html.escape(link.text()) in page
    enrolled = await town.house.gateways.enrol(link.code, key())
    assert enrolled.complex == rows.GARDEN


def key() -> dict[str, str]:
    from joserfc.jwk import OKPKey

    return OKPKey.generate_key("Ed25519").as_dict(private=False)  # type: ignore[return-value]


async def test_without_settings_the_address_is_the_one_that_was_used(town: City) -> None:
    page = await issued(await town.visitor("wang"))
    assert read_link(scanned(page)) == EnrolLink("http://centre.example.invalid", read_link(scanned(page)).code)
    assert "tls_cert_file" in page, "it says that there is nothing to compare with"


async def test_a_mistake_in_the_settings_does_not_keep_the_installer_waiting(town: City) -> None:
    settle(town, tls_fingerprint="nonsense")
    with capture_logs() as logs:
        link = read_link(scanned(await issued(await town.visitor("wang"))))
    assert link.code and not link.sha256
    assert [entry["event"] for entry in logs] == ["enrol_link_poor"]


async def test_the_code_is_shown_once_and_nowhere_else(town: City, caplog: pytest.LogCaptureFixture) -> None:
    visitor = await town.visitor("wang")
    with capture_logs() as logs, caplog.at_level(logging.DEBUG):
        code = read_link(scanned(await issued(visitor))).code
    assert code not in str(logs) + caplog.text
    async with town.house.db.read() as connection:
        kept = (await connection.execute(select(schema.enrol_code))).mappings().all()
    assert code not in str(kept) and code.replace("-", "") not in str(kept)
    for path in ("/gateways/new", "/gateways"):
        assert code not in await visitor.page(path)


async def test_it_is_for_operators_of_the_complex_with_their_token(town: City) -> None:
    for username in ("li", "chen", "sun"):
        other = await town.visitor(username)
        assert (await other.get("/gateways/new")).status_code == 403
        assert (await other.submit("/gateways/new", complex=rows.GARDEN)).status_code == 403
        assert "/gateways/new" not in (await other.get("/gateways")).text
    operator = await town.visitor("wang")
    token, operator.csrf = operator.csrf, "guess"
    assert (await operator.submit("/gateways/new", complex=rows.GARDEN)).status_code == 403
    operator.csrf = token
    for complex_id in ("", "nowhere", "x" * 500):
        assert (await operator.submit("/gateways/new", complex=complex_id)).status_code == 422
    async with town.house.db.read() as connection:
        assert not (await connection.execute(select(schema.enrol_code))).all(), "none was made"


async def test_a_narrow_operator_enrols_for_their_own_complexes(town: City) -> None:
    async with town.house.db.write() as connection:
        await rows.add_person(connection, "qian", "operator", of_complexes(rows.RIVER))
    visitor = await town.visitor("qian")
    page = await visitor.page("/gateways/new")
    assert f'value="{rows.RIVER}"' in page and f'value="{rows.GARDEN}"' not in page
    assert (await visitor.submit("/gateways/new", complex=rows.GARDEN)).status_code == 422
    assert (await visitor.submit("/gateways/new", complex=rows.RIVER)).status_code == 200


async def test_the_page_needs_nothing_inline(town: City) -> None:
    visitor = await town.visitor("wang")
    for page in (await issued(visitor), await visitor.page("/gateways/new")):
        assert not re.search(r"<script(?![^>]*(src=|application/json))|<style| style=| on\w+=|javascript:", page)
    answer: httpx.Response = await visitor.get("/lang/en")
    assert answer.status_code == 303
    assert "QR code for enrolling" in await issued(visitor)


def test_the_fingerprint_is_of_the_first_certificate(tmp_path: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    pems: list[str] = []
    for name in ("server", "authority"):
        private = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(private.public_key())
        builder = builder.not_valid_before(datetime(2026, 1, 1, tzinfo=UTC)).serial_number(7)
        made = builder.not_valid_after(datetime(2027, 1, 1, tzinfo=UTC)).sign(private, hashes.SHA256())
        pems.append(made.public_bytes(serialization.Encoding.PEM).decode())
    (tmp_path / "chain.pem").write_text("".join(pems))
    wanted = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pems[0])).hexdigest()
    assert certificate_sha256(tmp_path, Config(tls_cert_file="chain.pem")) == wanted
    assert certificate_sha256(tmp_path, Config()) == ""
    (tmp_path / "empty.pem").touch()
    for wrong in (Config(tls_cert_file="empty.pem"), Config(tls_cert_file="none.pem"), Config(tls_fingerprint="12")):
        with pytest.raises(BadConfig, match="tls_"):
            certificate_sha256(tmp_path, wrong)
    with pytest.raises(BadConfig, match="public_url"):
        enrol_link(tmp_path, Config(public_url="centre"), "A")
