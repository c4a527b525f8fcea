# Each target prepares .venv by itself: a fresh clone needs Python 3.11 or newer and git, nothing else.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DBT := .venv-dbt

# A stamp per requirements file: a changed pin installs again, an unchanged one costs nothing.
$(VENV)/.runtime: requirements/runtime.txt
	@echo "Preparing $(VENV) (once; offline afterwards)"
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Agent Analytics needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.txt
	@$(BIN)/python deploy/link.py $(VENV)
	@touch $@

$(VENV)/.test: $(VENV)/.runtime requirements/test.txt
	@echo "Installing what the tests need"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.txt
	@touch $@

$(DBT)/.dbt: requirements/dbt.txt
	@echo "Preparing $(DBT) with real dbt (the yardstick of the model runner)"
	@test -x $(DBT)/bin/python || $(PYTHON) -m venv $(DBT)
	@$(DBT)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dbt.txt
	@touch $@

.PHONY: console test check equivalence bench drills dist help

console: $(VENV)/.runtime ## Open the console on an embedded engine (ARGS=--demo: a simulated team)
	@$(BIN)/aa-console $(ARGS)

test: $(VENV)/.test ## Run every test (ARGS=... goes to pytest)
	@$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.test ## Lint, format, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

equivalence: $(VENV)/.test $(DBT)/.dbt ## Real dbt and our runner build the same tables
	@AA_DBT=$(CURDIR)/$(DBT)/bin/dbt $(BIN)/python -m pytest tests/equivalence $(ARGS)

bench: $(VENV)/.test ## Measure, each figure beside a baseline of the same run (ARGS=name runs one)
	@$(BIN)/python -m bench $(ARGS)

drills: $(VENV)/.test ## Kill, fill, damage and starve an engine a hundred times (ARGS=... goes to pytest)
	@AA_DRILLS=$${AA_DRILLS:-100} $(BIN)/python -m pytest tests/drills $(ARGS)

dist: $(VENV)/.test ## Build the wheel
	@$(BIN)/python -m build --wheel --no-isolation --outdir dist .

help: ## This list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14
