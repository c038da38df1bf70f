# Everything runs in .venv, which is made on first use. Needs Python 3.11, pip and make.
PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/pytest -q -n 3 --dist loadfile --no-loadscope-reorder
PURE := tests/scenario tests/traffic tests/client tests/wire tests/rum tests/charts tests/test_*.py
WEB := tests/endpoint/browser

.PHONY: help run quick test check lint format docs dist judge bench web-client clean

help:  ## print these lines
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-8s %s\n", $$1, $$2 }' Makefile

run: .venv/installed  ## set up everything and run scenarios/quickstart.toml against the local endpoint
	$(BIN)/loadgen run scenarios/quickstart.toml

quick: .venv/installed-dev  ## the tests of the pure rooms and of the house, in less than a minute
	$(PYTEST) -m "not slow and not bench" $(PURE)

test: .venv/installed-dev web-client  ## set up everything and pass all tests but those of speed
	$(PYTEST) $(COVERAGE)

check: COVERAGE := --cov --cov-report=term
check: test lint  ## `test` with its coverage, and `lint`; CI runs both without coverage

lint: .venv/installed-dev  ## format, lint, strict types; the architecture test is part of `quick` and `test`
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: .venv/installed-dev  ## format the code, and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: .venv/installed-dev  ## write what is generated: the command reference, the scenario schema
	$(BIN)/python -m tests.docs

judge: .venv/installed-dev  ## how far our visits are from those of the real web client: laws, and a classifier
	$(BIN)/python -m tests.judge

dist: .venv/installed-dev  ## build the wheel and the sdist into dist/
	rm -rf build
	$(BIN)/python -c "from setuptools import build_meta as b; b.build_wheel('dist'); b.build_sdist('dist')"

bench: .venv/installed-dev  ## the tests of speed, then the tables of results/benchmarks; needs nginx and wrk
	$(BIN)/pytest -q -m bench
	$(BIN)/python -m tests.benchmarks.endpoint_speed
	$(BIN)/python -m tests.benchmarks.console_speed
	$(BIN)/python -m tests.benchmarks.conductor
	$(BIN)/python -m tests.benchmarks.generator

clean:  ## remove .venv and what was built
	rm -rf .venv build dist *.egg-info

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

# The browser tests send with the real RUM web client, in Chromium. Where one of these is missing, they say so and are skipped.
NPM := npm --prefix $(WEB) install --no-package-lock --no-audit --no-fund --fetch-retries=1 --fetch-retry-mintimeout=1000
web-client:
	@if ! command -v npm >/dev/null || ! [ -x "$${LOADGEN_CHROMIUM:-/usr/bin/chromium}" ]; then \
	    echo "make: no browser tests: they need npm and Chromium (Debian: apt-get install npm chromium)"; \
	elif ! [ $(WEB)/node_modules/.package-lock.json -nt $(WEB)/package.json ]; then \
	    said=$$($(NPM) 2>&1) || echo "make: no browser tests: npm could not install what $(WEB)/package.json names:" \
	        "$$(echo "$$said" | sed -n 's/^npm error code //p')"; \
	fi
