"""The doctor on the settings file: every mistake at once, each with its key, and no secret quoted."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.findings import Finding
from edge.config import BadConfig, load
from edge.doctor.configuration import check

WRONG = """\
timezone = "Asia/Nowhere"
unknwon = 1
unknown_devices = "refuse"
[broker]
port = "1883"
pasword = "hunter22"
[limits]
keep_days = 7
batch_events = 1.5
[metrics]
host = "0.0.0.0"
[[devices]]
id = "vzenith:1"
[[devices]]
name = "no id"
direction = "up"
"""
GOOD = """\
server = "https://centre.example.invalid"
[[devices]]
id = "vzenith:1"
"""


def examined(folder: Path, text: str) -> list[Finding]:
    file = folder / "edge.toml"
    file.write_text(text)
    return check(file)[1]


def bad(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.level != "ok"]


def test_every_mistake_is_told_at_once_by_its_key(tmp_path: Path) -> None:
    found = examined(tmp_path, WRONG)
    said = "\n".join(finding.cause for finding in found)
    for key in (
        "timezone:",
        "there is no key unknwon",
        "unknown_devices:",
        "broker.port:",
        "there is no key broker.pasword",
        "limits.batch_events:",
        "metrics: metrics.host 0.0.0.0",
        "devices[2].direction:",
        "devices[2].id: is missing",
    ):
        assert key in said
    assert len(found) == 9
    assert {finding.level for finding in found} == {"error"}
    assert "hunter22" not in said


@pytest.mark.parametrize("text", [WRONG, "x = ", GOOD, "devices = 3", "broker = 3", "[[broker]]\nport = 1"])
def test_what_the_agent_refuses_the_doctor_refuses_and_nothing_else(text: str, tmp_path: Path) -> None:
    file = tmp_path / "edge.toml"
    file.write_text(text)
    try:
        load(file)
        refused = False
    except BadConfig:
        refused = True
    assert (check(file)[0] is None) == refused


def test_a_file_that_is_not_there_or_is_no_toml_is_one_finding(tmp_path: Path) -> None:
    (missing,) = check(tmp_path / "none.toml")[1]
    assert "is not there" in missing.cause
    (broken,) = examined(tmp_path, "a = \nb")
    assert "line 1" in broken.cause


def test_good_settings_are_well(tmp_path: Path) -> None:
    assert bad(examined(tmp_path, GOOD)) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('server = ""', "server is not set"),
        ('server = "http://centre.example.invalid"', "whoever is on the line reads along"),
        ('server = "centre"', "server is no address"),
        ('[broker]\nusername = "edge"', "without broker.password_file"),
        ('[broker]\nusername = "edge"\npassword_file = "none"', "No such file"),  # pragma: allowlist secret
        ('[[devices]]\nid = "vzenit:1"', "no driver of that kind"),
        ('[[devices]]\nid = "vzenith:1"\n[[devices]]\nid = "vzenith:1"', "is listed 2 times"),
        ("", "every message is parked"),
    ],
)
def test_what_is_allowed_and_still_wrong(line: str, said: str, tmp_path: Path) -> None:
    assert said in "\n".join(finding.cause for finding in bad(examined(tmp_path, line)))


def test_a_password_that_others_may_read(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("hunter22")
    text = GOOD + '[broker]\nusername = "edge"\npassword_file = "password"\n'  # pragma: allowlist secret
    secret.chmod(0o644)
    (found,) = bad(examined(tmp_path, text))
    assert (found.level, found.next_step) == ("warn", f"chmod 600 {secret}")
    secret.chmod(0o600)
    assert bad(examined(tmp_path, text)) == []
