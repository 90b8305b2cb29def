# Every command a developer types. It sets itself up in .venv, anew only when what it was made from has changed.

PYTHON ?= python3
MINUTES ?= 15
NODES ?= 3
HEADLESS ?=
ENGINE ?= sqlite
FULL ?=
ARCH ?=
ARGS ?=

BIN := .venv/bin
BROWSER_FILES := server/web/static/vendor
CACHES := .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist *.egg-info
LIMIT := --timeout 600 # seconds: a test that hangs fails with where it stood, and the others go on
CHECKS := "ruff check ." "ruff format --check ." basedpyright lint-imports \
	"python scripts/check_secrets.py" "python scripts/check_repository.py"

unexport PYTHONDONTWRITEBYTECODE # a container's habit, by which each of our many processes compiles all modules again

.DEFAULT_GOAL := help
.PHONY: help demo cluster test check screens bench faults wheel deb clean again

help:  ## list these targets
	@awk -F ':.*##' '/^[a-z]+:.*##/ {printf "  make %-8s%s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: .venv/.demo .venv/.browser  ## a whole Gatehouse with a simulated complex (MINUTES=15, ENGINE=postgres, HEADLESS=1: no screen, and exit 1 if it does not add up)
	@$(BIN)/gatehouse-sim demo --minutes $(MINUTES) --engine $(ENGINE) $(if $(HEADLESS),--headless) $(ARGS)

cluster: .venv/.demo  ## a PostgreSQL of three nodes under Patroni, of which any may be killed (NODES=3)
	@$(BIN)/gatehouse-sim cluster --nodes $(NODES) $(ARGS)

test: .venv/.dev .venv/.browser .venv/.peers  ## every test but the faults (ARGS="-k parking" for some)
	@$(BIN)/python scripts/system_packages.py
	@TMPDIR=$$($(BIN)/python scripts/test_folder.py) $(BIN)/python -m pytest -m "not faults" $(LIMIT) --numprocesses 3 --dist worksteal $(ARGS)

check: .venv/.dev  ## what must hold before a commit: style, types, imports, secrets, contents
	@failed=; for step in $(CHECKS); do echo "== $$step"; $(BIN)/$$step || failed=1; done; test -z "$$failed"

screens: .venv/.dev .venv/.browser  ## pictures of every screen into var/screens (ARGS="--only /alerts --form phone-dark-zh" for some)
	@$(BIN)/python scripts/system_packages.py
	@$(BIN)/python -m tests.browser.screens $(ARGS)

faults: .venv/.dev .venv/.browser  ## kills, power cuts, full disks, broken lines: docs/faults.md (FULL=1: all of it, long)
	@FULL=$(FULL) $(BIN)/python -m pytest -m faults $(if $(FULL),,$(LIMIT) --numprocesses 3 --dist loadgroup) tests/faults tests/deploy $(ARGS)

bench: .venv/.dev .venv/.browser  ## the measurements (ARGS="decode --scale 0.1" for a quick look, FULL=1: a million events)
	@FULL=$(FULL) $(BIN)/python -m benchmarks $(ARGS)

wheel: .venv/.browser  ## dist/gatehouse-*.whl, with the browser's files in it
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	@ls dist/*.whl

deb: .venv/.demo  ## dist/gatehouse-edge_*.deb, the agent for Debian 12 (ARCH=amd64|arm64)
	@$(BIN)/python scripts/build_deb.py $(if $(ARCH),--arch $(ARCH))

clean:  ## remove what these targets made; no data of a server or an agent
	@rm -rf .venv .venvs $(BROWSER_FILES) server/web/node_modules $(CACHES)
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.demo: pyproject.toml scripts/setup.py
	@$(PYTHON) scripts/setup.py demo
	@touch $@

.venv/.dev: .venv/.demo
	@$(PYTHON) scripts/setup.py dev
	@touch $@

.venv/.browser: server/web/package-lock.json server/web/browser_files.py $(if $(wildcard $(BROWSER_FILES)/*),,again) | .venv/.demo
	@$(BIN)/python -m server.web.browser_files
	@touch $@

.venv/.peers: tests/peers/package-lock.json tests/peers/npm_packages.py | .venv/.dev
	@$(BIN)/python -m tests.peers.npm_packages
	@touch $@

again:
