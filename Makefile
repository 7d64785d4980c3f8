# Everything runs in .venv, which each target brings up to date by itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PYTEST_WORKERS ?= 2

.PHONY: demo test check test-real nightly probe-table bench bench-peers faults format clean lock

demo: $(VENV)/.installed
	@$(BIN)/aihandler demo

test: $(VENV)/.installed-dev
	$(BIN)/pytest -n $(PYTEST_WORKERS) -m "not real and not nightly"
	@$(BIN)/python tools/count_real_tests.py

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check src tests bench tools
	$(BIN)/ruff check src tests bench tools
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/check_sizes.py

# Real model servers; the first run builds one, which takes about 15 minutes of CPU time.
test-real: $(VENV)/.installed-dev
	$(BIN)/python tools/prepare_real_server.py
	-$(BIN)/python tools/prepare_clients.py
	$(BIN)/pytest -m real

# The first run installs PyTorch and transformers, a large download.
nightly: $(VENV)/.installed-dev
	$(BIN)/python tools/prepare_transformers_server.py
	$(BIN)/pytest -m nightly

# The verdicts in docs/probe.md, from both real servers.
probe-table: $(VENV)/.installed-dev
	$(BIN)/python tools/prepare_real_server.py
	$(BIN)/python tools/prepare_transformers_server.py
	$(BIN)/python tools/probe_table.py

bench: $(VENV)/.installed-dev
	$(BIN)/python -m bench

# LiteLLM's proxy and Portkey's gateway are installed under ~/.cache/aihandler the first time.
bench-peers: $(VENV)/.installed-dev
	$(BIN)/python -m bench.gateway --peers

# Breaks servers and ourselves, and makes the table in docs/faults.md.
faults: $(VENV)/.installed-dev
	$(BIN)/python -m bench.faults --write

format: $(VENV)/.installed-dev
	$(BIN)/ruff format src tests bench tools
	$(BIN)/ruff check --fix src tests bench tools

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "AI Handler needs Python >= 3.11; try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing AI Handler into $(VENV) (about a minute the first time) ..."
	@$(PIP) install --editable .
	@touch $@

# What tests and CI run with is pinned by hash, the build of the package included.
$(VENV)/.installed-dev: pyproject.toml requirements-dev.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what the tests need into $(VENV) ..."
	@$(PIP) install --require-hashes --requirement requirements-dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.installed

# Pins the newest versions that pyproject.toml admits.
lock: $(VENV)/.installed-dev
	$(BIN)/python tools/lock.py
