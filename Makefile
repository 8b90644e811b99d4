# make up    the API and the dashboard, with the starter model
# make test  the whole environment, and the tests
# make screenshots    the pictures in the README, of small runs that it trains first
# make fuzz  requests at random against the service, for FUZZ_SECONDS; FUZZ_SEED sends the same ones again

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: up setup test fuzz check bench screenshots

up: $(VENV)/serving
	@$(BIN)/imaml up

setup: $(VENV)/everything

test: $(VENV)/everything
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal $(TESTS)

fuzz: export FUZZ_SECONDS ?= 600
fuzz: $(VENV)/everything
	$(BIN)/python -m pytest tests/backend/test_contract.py

check: $(VENV)/everything
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright --project pyproject.toml
	$(BIN)/lint-imports
	@export IMAML_HOME="$$(mktemp -d)" && trap 'rm -r "$$IMAML_HOME"' EXIT && \
		$(BIN)/imaml db upgrade && $(BIN)/alembic check

screenshots: $(VENV)/everything
	$(BIN)/python -m tests.dashboard.screenshots

bench: $(VENV)/everything
	$(BIN)/python -m benchmarks $(BENCH)

$(VENV)/serving: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "imaml needs Python 3.11 or newer; name one with: make PYTHON=python3.11 …" >&2; exit 1; }
	@echo "Installing what serving needs into $(VENV) (once, a minute or two) …"
	@$(PYTHON) -m venv $(VENV)
	@$(INSTALL) --editable '.[api,dashboard]'
	@touch $@

$(VENV)/everything: $(VENV)/serving
	@echo "Adding the trainer and the test tools …"
	@$(INSTALL) --editable '.[api,telemetry,dashboard,train,dev]'
	@touch $@
