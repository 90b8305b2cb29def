"""A command of the server's brings in what it needs and no more: it is typed by people, and by scripts each minute."""

from __future__ import annotations

import subprocess
import sys

from server.store import migrate

_NEEDED_BY_SERVERS = ("aiohttp", "alembic", "fastapi", "starlette", "uvicorn")


def brought_in(module: str) -> set[str]:
    code = f"import sys, {module}; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(told.stdout.split())


def test_the_command_line_brings_in_nothing_of_a_server() -> None:
    assert brought_in("server.cli").isdisjoint(_NEEDED_BY_SERVERS)


def test_control_a_server_does() -> None:
    assert brought_in("server.app, server.behind") >= {"fastapi", "starlette", "aiohttp"}


def test_the_newest_schema_is_known_by_its_file_as_alembic_knows_it() -> None:
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(migrate._SCRIPTS))  # pyright: ignore[reportPrivateUsage]
    assert migrate.newest() == scripts.get_current_head()
    assert all(migrate.knows(script.revision) for script in scripts.walk_revisions()) and not migrate.knows("9999")
