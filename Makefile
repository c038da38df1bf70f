# Everything runs in .venv, which is made on first use. Needs Python 3.11, pip and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help run test check lint format docs bench clean

help:  ## print these lines
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-8s %s\n", $$1, $$2 }' Makefile

run: .venv/installed  ## set up everything and run scenarios/quickstart.toml against the local endpoint
	$(BIN)/loadgen run scenarios/quickstart.toml

test: .venv/installed-dev  ## set up everything and pass the tests
	$(BIN)/pytest -q -n 2 --dist loadfile

check: test lint  ## what CI runs

lint: .venv/installed-dev  ## format, lint, strict types; the architecture test is part of `test`
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: .venv/installed-dev  ## format the code, and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: .venv/installed-dev  ## write what is generated: the command reference, the scenario schema
	$(BIN)/python -m tests.docs

bench: .venv/installed-dev  ## speed of the endpoint and of the generator; needs nginx and wrk
	$(BIN)/python -m tests.benchmarks.endpoint_speed
	$(BIN)/python -m tests.benchmarks.generator

clean:  ## remove .venv and what was built
	rm -rf .venv build *.egg-info

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@
