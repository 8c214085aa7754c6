# What you need: Python 3.11 or newer, and make. Everything else is installed into .venv.
.DEFAULT_GOAL := help
PYTHON ?= python3
PORT ?= 8000
AREA ?=
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help run test lint fix bench e2e docs audit lock translations clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/run  ## Start the whole desk with a sample dataset, on http://127.0.0.1:8000 (PORT=8001 for another)
	@$(BIN)/python manage.py up --demo --port $(PORT)

test: .venv/dev  ## Run every test
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal $(ARGS)

e2e: .venv/dev  ## Run only the walk through real processes, and the browser tests
	$(BIN)/python -m pytest tests/end_to_end $(ARGS)

lint: .venv/dev  ## Check style, types, imports and migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run

fix: .venv/dev  ## Mend what the style checker can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/bench  ## Measure speed against peers (AREA=fingerprint|edits|index|releases|apply|portal|all)
	$(BIN)/python -m bench $(AREA)

audit: .venv/dev  ## Ask the public advisory database about the pinned dependencies
	$(BIN)/pip-audit --require-hashes --disable-pip -r requirements.txt

docs: .venv/dev  ## Check that what README and docs/ say is true
	$(BIN)/python -m pytest tests/docs $(ARGS)

lock: .venv/dev  ## Pin the newest allowed dependencies, with hashes
	$(BIN)/uv pip compile --quiet --no-header --universal --python-version 3.11 --generate-hashes --extra server pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --no-header --universal --python-version 3.11 --generate-hashes --extra server --extra dev -c requirements.txt pyproject.toml -o tests/requirements.txt
	$(BIN)/uv pip compile --quiet --no-header --universal --python-version 3.11 --generate-hashes -c tests/requirements.txt bench/requirements.in -o bench/requirements.txt

translations: .venv/dev  ## Collect the sentences of the public pages for translators, and compile what they wrote
	$(BIN)/python manage.py translations

clean:  ## Delete the virtual environment; the data in var/ stays
	rm -rf .venv

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 ..."; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "Python's venv module is missing; on Debian and Ubuntu: apt install python3-venv"; exit 1; }

.venv/run: requirements.txt pyproject.toml | .venv/bin/python
	@test -e .venv/dev || { echo "Installing what the desk needs, once ..."; $(INSTALL) --require-hashes -r requirements.txt; }
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@echo "Compiling what hashes and searches, once ..."
	@$(BIN)/python -m takedown.warm
	@touch $@

.venv/dev: requirements.txt tests/requirements.txt pyproject.toml | .venv/bin/python
	@echo "Installing what the desk and its tests need, once ..."
	@$(INSTALL) --require-hashes -r tests/requirements.txt
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@echo "Compiling what hashes and searches, once ..."
	@$(BIN)/python -m takedown.warm
	@touch $@

# Only the benchmark's peers; their pins fit beside those of the tests.
.venv/bench: bench/requirements.txt .venv/dev
	@echo "Installing what the benchmark compares with, once ..."
	@$(INSTALL) --require-hashes -r bench/requirements.txt
	@touch $@
