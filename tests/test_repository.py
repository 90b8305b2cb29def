"""The repository itself: documents say what is, commands explain themselves, and nothing is in it that must not be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
import typer.main
import yaml

import edge.commands.app
import edge.config
import server.cli
import server.config
import simulators.cli
from domain.tariff import read_tariff
from edge.devices.driver import Message, Registry, Site
from tests.documents import DOCUMENTS, READMES, ROOT, anchors, blocks, commands, links

# Of typer's own copy of click, or of click itself with an older typer; what is asked of a command is the same.
PROGRAMS: dict[str, Any] = {
    "gatehouse-edge": typer.main.get_command(edge.commands.app.app),
    "gatehouse-server": typer.main.get_command(server.cli.app),
    "gatehouse-sim": typer.main.get_command(simulators.cli.app),
}
SCRIPTS = ("check_repository.py", "check_secrets.py")
PACKAGES = ("domain", "eventlog", "edge", "server", "simulators")


def named(document: Path) -> str:
    return str(document.relative_to(ROOT))


def run(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """A command as from a plain shell: make and the hooks of git tell their children things."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS", "GIT_"))}
    return subprocess.run(command, cwd=cwd, env=plain, capture_output=True, text=True, timeout=120)


def verbs(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Each command a person can type, by its words; groups have commands of their own."""
    inner: dict[str, Any] = getattr(command, "commands", {})
    for verb, one in inner.items():
        yield from verbs(one, f"{name} {verb}")
    if not inner or getattr(command, "invoke_without_command", False):
        yield name, command


VERBS = {words: command for name, program in PROGRAMS.items() for words, command in verbs(program, name)}


def make_targets() -> set[str]:
    """The targets that ``make help`` lists."""
    listed = run("make", "help")
    assert listed.returncode == 0, listed.stderr
    return {line.split()[1] for line in listed.stdout.splitlines()}


# --- documents ---


def test_a_bare_make_lists_every_target_in_one_line_each() -> None:
    wanted = {"help", "demo", "cluster", "test", "screens", "check", "bench", "faults", "wheel", "deb", "clean"}
    assert make_targets() == wanted
    assert run("make").stdout == run("make", "help").stdout


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_a_command_in_a_document_is_there_with_its_options(document: Path) -> None:
    targets = make_targets()
    for words in commands(document):
        if words[0] == "make":
            assert {word for word in words[1:] if "=" not in word} <= targets, words
            continue
        found = [name for name in VERBS if words[: len(name.split())] == name.split()]
        assert found, f"{document.name}: no such command: {' '.join(words)}"
        options = {option for parameter in VERBS[found[0]].params for option in parameter.opts}
        assert {word for word in words if word.startswith("-") and word != "-"} <= options | {"--help"}, words


def test_both_readmes_name_the_same_commands_and_tests() -> None:
    english, chinese = ({" ".join(words) for words in commands(document)} for document in READMES)
    assert english == chinese
    assert len(english) > 20
    other = {READMES[0].name, READMES[1].name}
    assert set(links(READMES[0])) - other == set(links(READMES[1])) - other


@pytest.mark.parametrize("document", READMES, ids=named)
def test_a_readme_lists_every_command(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert [name for name in VERBS if f"`{name}`" not in text] == []
    assert [target for target in make_targets() if f"`make {target}`" not in text] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_links_lead_somewhere(document: Path) -> None:
    for target in links(document):
        path, _, anchor = target.partition("#")
        file = (document.parent / path) if path else document
        assert file.exists(), f"{named(document)}: {target}"
        assert not anchor or anchor in anchors(file), f"{named(document)}: {target}"


@pytest.mark.parametrize("document", [*READMES, ROOT / "docs/edge.md"], ids=named)
def test_the_agent_takes_the_settings_of_the_documents(document: Path, tmp_path: Path) -> None:
    for block in blocks(document, "toml"):
        (tmp_path / "edge.toml").write_text(block, encoding="utf-8")
        assert edge.config.load(tmp_path / "edge.toml").devices


def test_the_settings_in_the_documents_are_all_there_are_with_their_defaults(tmp_path: Path) -> None:
    (shown,) = blocks(ROOT / "docs/edge.md", "toml")
    (tmp_path / "edge.toml").write_text(shown, encoding="utf-8")
    told = edge.config.load(tmp_path / "edge.toml")
    assert (told.broker, told.limits) == (edge.config.Broker(), edge.config.Limits())
    assert unsaid(edge.config.Config, shown) == []
    (served,) = blocks(ROOT / "docs/server.md", "toml")
    (tmp_path / "server.toml").write_text(served, encoding="utf-8")
    assert server.config.load(tmp_path).complexes
    assert unsaid(server.config.Config, served) == []


def unsaid(kind: Any, text: str) -> list[str]:
    """The keys of a settings structure, and of those within it, that a text does not show."""
    inner = [
        name for entry in msgspec.structs.fields(kind) for part in structs_of(entry.type) for name in unsaid(part, text)
    ]
    return [entry.encode_name for entry in msgspec.structs.fields(kind) if entry.encode_name not in text] + inner


def structs_of(kind: Any) -> list[Any]:
    if hasattr(kind, "__struct_fields__"):
        return [kind]
    return [found for argument in getattr(kind, "__args__", ()) for found in structs_of(argument)]


def test_the_tariff_in_the_documents_prices() -> None:
    (shown,) = blocks(ROOT / "docs/tariffs.md", "yaml")
    assert set(read_tariff(yaml.safe_load(shown)).plans) == {"small", "large"}


def test_the_driver_in_the_documents_decodes() -> None:
    (shown,) = blocks(ROOT / "CONTRIBUTING.md", "python")
    module: Any = ModuleType("acme")
    exec(compile(shown, "CONTRIBUTING.md", "exec", dont_inherit=True), module.__dict__)
    registry = Registry([module.DRIVER])
    message = Message("acme-contact", b'{"serial": "7", "open": true, "at": "2026-03-01T08:15:30"}', "acme/7/contact")
    (event,) = registry.decode(message, Site()).events
    assert (event.kind, event.device, event.state) == ("door", "acme:7", "open")
    assert event.time is not None
    assert event.time.isoformat() == "2026-03-01T00:15:30+00:00"


# --- commands ---


@pytest.mark.parametrize("words", VERBS)
def test_help_has_an_example_of_the_command_itself(words: str) -> None:
    command = VERBS[words]
    said = " ".join(f"{command.help} {command.epilog}".split())
    assert f"Example: {words}" in said


# --- what must not be in it: `make check` looks; that it would see is tested here ---


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A repository of its own with our checks in it."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    assert run("git", "init", "--quiet", cwd=tmp_path).returncode == 0
    for script in SCRIPTS:
        assert run(sys.executable, f"scripts/{script}", cwd=tmp_path).returncode == 0
    return tmp_path


@pytest.mark.parametrize(
    ("script", "body", "said"),
    [
        ("check_repository.py", "data = '/" + "home/someone/data'\n", "notes.py:1: a path of one machine"),
        ("check_repository.py", "url = 'https://" + "pypi" + ".org/simple'\n", "notes.py:1: a host of a package index"),
        ("check_repository.py", "x" * 1_000_001, "1000001 bytes"),
        ("check_secrets.py", "key = 'AKIA" + "Z7QJ3LMXWKT5VNRC'\n", "notes.py:1: AWS Access Key"),
        ("check_secrets.py", "-----BEGIN " + "PRIVATE KEY-----\n", "notes.py:1: Private Key"),
    ],
)
def test_what_must_not_be_in_it_is_caught(planted: Path, script: str, body: str, said: str) -> None:
    (planted / "notes.py").write_text(body, encoding="utf-8")
    done = run(sys.executable, f"scripts/{script}", cwd=planted)
    assert done.returncode == 1
    assert said in done.stderr


def test_who_imports_whom_holds() -> None:
    done = run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")
    assert done.returncode == 0, done.stdout


def test_a_planted_import_is_caught(tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "vendor"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / "domain" / "ids.py").open("a") as file:
        file.write("\nimport aiosqlite\n")
    with (tmp_path / "edge" / "identity.py").open("a") as file:
        file.write("\nimport server.config\n")
    done = run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache", cwd=tmp_path)
    assert done.returncode == 1
    assert "domain.ids -> aiosqlite" in done.stdout
    assert "edge.identity -> server.config" in done.stdout


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
