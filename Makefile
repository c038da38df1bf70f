# Everything runs in .venv, which is made on first use. Needs Python 3.11, pip and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test check lint format docs bench clean

run: .venv/installed  ## set up everything and do the main job
	$(BIN)/loadgen run scenarios/quickstart.toml

test: .venv/installed-dev  ## set up everything and pass the tests
	$(BIN)/pytest -q -n 2 --dist loadfile

check: test lint  ## what CI runs

lint: .venv/installed-dev  ## format, lint, strict types; the architecture test is part of `test`
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: .venv/installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: .venv/installed-dev  ## write what is generated: README's command reference, the scenario schema
	$(BIN)/python -m tests.docs

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

bench: .venv/installed-dev  ## speed of the endpoint and of the generator; needs nginx and wrk
	$(BIN)/python -m tests.benchmarks.endpoint_speed
	$(BIN)/python -m tests.benchmarks.generator

clean:
	rm -rf .venv build *.egg-info
