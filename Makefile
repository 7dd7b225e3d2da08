# Needs Python 3.11 or newer with venv, and make. Everything else is put into .venv.

PYTHON ?= python3
WORKERS ?= 2
BIN := .venv/bin
HASHED := --require-hashes --only-binary :all:

# uv is quicker; pip knows the mirror of this machine's pip.conf, so it stands in where uv reaches no index
define install
	@echo "installing $(1)"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python $(HASHED) -r $(1) \
		|| $(BIN)/python -m pip install --quiet $(HASHED) -r $(1)
endef

.DEFAULT_GOAL := help
.PHONY: help up test test-fast check api-lint bench crash generated requirements setup clean

help:
	@echo "make up            install, start PostgreSQL, load the samples, serve on 127.0.0.1"
	@echo "make test          the whole test suite, on its own PostgreSQL"
	@echo "make test-fast     the tests that need no PostgreSQL, under a minute of CPU"
	@echo "make check         format, lint, types, imports, generated files"
	@echo "make api-lint      design rules of the API (needs Node)"
	@echo "make bench         measure against bare psycopg and stock eventsourcing"
	@echo "make crash         kill everything at random under load, then check everything: make crash KILLS=300"
	@echo "make requirements  compile requirements/*.txt from pyproject.toml"

.venv/.stamp-venv: requirements/build.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(HASHED) -r $<
	@touch $@

.venv/.stamp-runtime: requirements/runtime.txt pyproject.toml .venv/.stamp-venv
	$(call install,$<)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $@

.venv/.stamp-dev: requirements/dev.txt .venv/.stamp-runtime
	$(call install,$<)
	@touch $@

# the generator of API clients wants another typer than ours: it lives beside, for one test
.venv/.stamp-client: requirements/client.txt .venv/.stamp-venv
	$(PYTHON) -m venv .venv/client
	@$(BIN)/uv pip install --quiet --python .venv/client/bin/python $(HASHED) -r $< \
		|| .venv/client/bin/python -m pip install --quiet $(HASHED) -r $<
	@touch $@

setup: .venv/.stamp-runtime

up: .venv/.stamp-runtime
	@exec $(BIN)/hulian up

test: .venv/.stamp-dev .venv/.stamp-client
	$(BIN)/pytest -n $(WORKERS) $(ARGS)

# tests named "laws" try many random walks; they run in the whole suite only
FAST := tests/domain tests/policy tests/application tests/projections \
	tests/test_architecture.py tests/test_docs.py tests/test_glossary.py
test-fast: .venv/.stamp-dev
	$(BIN)/pytest --without-postgres -k "not laws" $(FAST) $(ARGS)

check: .venv/.stamp-dev generated
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

api-lint: generated
	npx --yes @stoplight/spectral-cli@6.16.3 lint schemas/openapi.json --ruleset .spectral.yaml --fail-severity=hint

generated: .venv/.stamp-dev
	$(BIN)/hulian dev check

bench: .venv/.stamp-dev
	$(BIN)/python -m bench $(ARGS)

KILLS ?= 15
crash: .venv/.stamp-dev
	$(BIN)/python -m tests.crash --kills $(KILLS) $(ARGS)

COMPILE = $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --custom-compile-command "make requirements"
requirements: .venv/.stamp-venv
	$(COMPILE) pyproject.toml -o requirements/runtime.txt
	$(COMPILE) --extra dev -c requirements/runtime.txt pyproject.toml -o requirements/dev.txt
	$(COMPILE) -c requirements/dev.txt requirements/build.in -o requirements/build.txt
	$(COMPILE) requirements/client.in -o requirements/client.txt

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build dist
