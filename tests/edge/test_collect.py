"""The bundle: what helps is in it, and nothing of what was planted, with the control that would see it."""

from __future__ import annotations

import json
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from domain.events import Event, Subject
from domain.findings import Finding
from edge import identity
from edge.commands import bundle
from edge.commands.app import app
from edge.commands.redact import OUT, redactor, secrets
from edge.config import load
from tests.edge.box import Box, parked

# Put together, so that no text here looks like what it stands for.
CODE = "-".join(("7QJ3L", "MXWKT", "5VNRC", "8H2PD"))
TOKEN = ".".join(("ey" + "JhbGciOiJFZDI1NTE5In0", "ey" + "Jpc3MiOiJndy0xIn0", "c2lnbmF0dXJl"))
PEM = "-----BEGIN " + "PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIPlanted\n-----END " + "PRIVATE KEY-----"
DEVICE, BROKER, CAMERA, ADDRESS, WRITTEN = "dev1ce-w0rd", "br0ker-w0rd", "c4mera-w0rd", "us3r-w0rd", "wr1tten-w0rd"
PLATE, GREEN_PLATE, CARD, PERSON_NUMBER = "粤B8K6Q2", "京AD12345", "8165537", "110101199001011234"
PAYLOAD, PICTURE = "p4yload-w0rd", "ab" * 32  # only where the bundle does not look
PLANTED = (DEVICE, BROKER, CAMERA, ADDRESS, WRITTEN, CODE, TOKEN, "Planted", PLATE, GREEN_PLATE, CARD, PERSON_NUMBER)

BROKER_FILE = '"broker.word"'
SETTINGS = f"""\
server = "http://edge:{ADDRESS}@127.0.0.1:9"
[broker]
host = "127.0.0.1"
port = 9
username = "edge"
password_file = {BROKER_FILE}
[[devices]]
id = "uhppoted:405419896"
name = "3 号楼门禁"
"""
LOG = [
    {"event": "parked", "number": 3, "family": "vzenith-mqtt", "detail": f"unexpected: pwd={CAMERA}, plate {PLATE}"},
    {"event": "broker_refused", "error": f"rtsp://admin:{CAMERA}@192.168.1.9/stream: login with {BROKER} or {DEVICE}"},
    {"event": "uplink", "error": f"Authorization: Bearer {TOKEN}"},
    {"event": "enrol", "error": f"the code {CODE} is used", "said": f'{{"password": "{CAMERA}"}}'},
    {"event": "library", "message": PEM},
    {"event": "event_cut", "device": "uhppoted:405419896", "error": f"card {CARD} of {PERSON_NUMBER}, {GREEN_PLATE}"},
]


async def box_with_secrets(folder: Path) -> Box:
    box = Box(folder, SETTINGS)
    secret = folder / "broker.word"
    secret.write_text(BROKER + "\n")
    secret.chmod(0o600)
    me = box.enrol()
    (box.folder / "broker").mkdir()
    (box.folder / "broker" / "device-passwords.json").write_text(json.dumps({"vzenith": DEVICE}))
    subject = Subject(type="plate", id=PLATE)
    payload = f'{{"password": "{CAMERA}", "plate": "{PLATE}", "card": {CARD}, "note": "{PAYLOAD}"}}'.encode()
    detail = f"t:{CARD} is not in the device list; add it"
    event = Event(kind="plate", device="vzenith:1", subject=subject)
    await box.fill([event], [parked("unknown_device", detail, payload)])
    (box.folder / "media" / "ab").mkdir(parents=True)
    (box.folder / "media" / "ab" / PICTURE).write_bytes(b"\xff\xd8 picture")
    text = "\n".join([*(json.dumps(line, ensure_ascii=False) for line in LOG), f"raw {me.private_key}"])
    (folder / "agent.log").write_text(text)
    return box


def collected(box: Box, *more: str) -> dict[str, str]:
    """File name -> text, as the command leaves it."""
    archive = box.config.parent / "out.tar.gz"
    log = str(box.config.parent / "agent.log")
    done = CliRunner().invoke(app, ["collect", "-c", str(box.config), "-o", str(archive), "--log", log, *more])
    assert done.exit_code == 0, done.output
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    with tarfile.open(archive) as opened:
        return {Path(entry.name).name: text(opened, entry) for entry in opened}


def text(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> str:
    file = archive.extractfile(entry)
    assert file is not None
    return file.read().decode()


def found_in(files: dict[str, str], private_key: str) -> Iterator[str]:
    """Which of the planted secrets stand in the files, whole or written in JSON's way."""
    whole = "\n".join(files.values())
    plain = whole + whole.encode().decode("unicode_escape", errors="replace")
    yield from (secret for secret in (*PLANTED, json.loads(private_key)["d"]) if secret in plain)


async def test_nothing_that_was_planted_is_in_the_bundle(tmp_path: Path) -> None:
    box = await box_with_secrets(tmp_path)
    files = collected(box)
    assert list(found_in(files, identity.load(box.folder).private_key)) == []
    assert PICTURE not in str(files), "what a picture is called tells what is in it"
    assert PAYLOAD.encode() in (box.folder / "log.db").read_bytes() + (box.folder / "log.db-wal").read_bytes()
    assert PAYLOAD not in str(files)


async def test_the_control_without_redaction_what_was_planted_is_seen(tmp_path: Path) -> None:
    box = await box_with_secrets(tmp_path)
    log = bundle.last_lines(tmp_path / "agent.log")
    found = [Finding("data", "x", "ok", f"written = {WRITTEN}")]
    bare = bundle.contents(box.config, load(box.config), found, log, lambda said: said)
    seen = set(found_in({name: body.decode() for name, body in bare.items()}, identity.load(box.folder).private_key))
    assert seen == {*PLANTED, json.loads(identity.load(box.folder).private_key)["d"]}


async def test_what_helps_is_in_it(tmp_path: Path) -> None:
    box = await box_with_secrets(tmp_path)
    files = collected(box)
    assert set(files) == {
        "doctor.json",
        "files.json",
        "log.txt",
        "parked.json",
        "settings.toml",
        "software.json",
        "status.json",
        "tables.json",
    }
    assert json.loads(files["parked.json"]) == {"unknown_device": 1}
    assert json.loads(files["tables.json"])["record"] == 1
    assert json.loads(files["doctor.json"])[0]["group"] == "configuration"
    assert json.loads(files["software.json"])["packages"]["gatehouse"]
    assert {"name": "media/", "files": 1, "size_bytes": 10} in json.loads(files["files.json"])
    assert 'id = "uhppoted:405419896"' in files["settings.toml"], "a listed device keeps its number"
    assert f"password_file = {BROKER_FILE}" in files["settings.toml"], "where a secret stands is no secret"
    assert [json.loads(line)["event"] for line in files["log.txt"].splitlines()[: len(LOG)]] == [
        line["event"] for line in LOG
    ], "a redacted line is JSON still"


async def test_a_box_whose_settings_are_broken_can_still_be_asked(tmp_path: Path) -> None:
    box = Box(tmp_path, f'[broker]\npassword = "{WRITTEN}"\n')
    (tmp_path / "agent.log").write_text("")
    files = collected(box)
    assert WRITTEN not in str(files)
    assert f"password = {OUT}" in files["settings.toml"]
    assert "there is no key broker.password" in files["doctor.json"]


@pytest.mark.parametrize(
    "kept",
    [
        "2026-03-01T08:15:30.123456Z",
        'password_file = "/etc/gatehouse/password"',
        "20261125T224235Z-0c70f6ef",
        "state code: 5 says what a device says",
        "mapping: done",
        '{"bytes": 8388, "first": 12345}',
    ],
)
def test_what_is_no_secret_stays(kept: str) -> None:
    assert redactor()(kept) == kept


def test_a_secret_of_this_box_goes_wherever_it_stands() -> None:
    assert redactor(["w0rd", "w0rd-longer"])("x w0rd-longer w0rdy") == f"x {OUT} {OUT}y"
    assert redactor([""])("abc") == "abc"


def test_an_address_loses_its_password_and_keeps_its_host() -> None:
    whole = "https://" + "me:pw" + "@host:1/x and http://host/a@b"
    assert secrets(whole) == f"https://{OUT}host:1/x and http://host/a@b"
