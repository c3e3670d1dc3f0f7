# `make` checks and tests. Each command makes .venv and installs what it needs, and only when that has changed.

PYTHON ?= python3
WORKERS ?= 2
BIN := .venv/bin
DEPENDS := pyproject.toml constraints.txt

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export MPLBACKEND := Agg

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: all check test demo format oracle bench gallery dev clean help

all: check test

help:
	@echo "make           check and test"
	@echo "make demo      train two small models, explain them, write pellucid-demo/"
	@echo "make check     format, lint, types, import contracts, spelling"
	@echo "make test      the tests"
	@echo "make oracle    the tests against other libraries"
	@echo "make bench     time and accuracy beside other libraries"
	@echo "make gallery   run the examples, pictures in gallery/"
	@echo "make format    format the code and fix what can be fixed"
	@echo "make dev       everything for development, and the commit hooks"

demo: .venv/.installed-demo
	@$(BIN)/pellucid demo

test: .venv/.installed-test
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS)

check: .venv/.installed-check
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports
	@$(BIN)/codespell

format: .venv/.installed-check
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

oracle: .venv/.installed-oracle
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m oracle -n $(WORKERS)

bench: .venv/.installed-oracle
	@set -e; for script in $(sort $(wildcard benchmarks/*.py)); do echo "== $$script"; $(BIN)/python $$script; done

# An example saves its pictures where it is run.
gallery: .venv/.installed-test
	@mkdir -p gallery
	@set -e; for script in $(sort $(wildcard examples/*.py)); do \
	    echo "== $$script"; (cd gallery && ../$(BIN)/python ../$$script); done

dev: .venv/.installed-dev
	@$(BIN)/pre-commit install

clean:
	rm -rf .venv build dist gallery pellucid-demo .pytest_cache .ruff_cache .hypothesis .import_linter_cache

.venv/bin/python:
	@$(PYTHON) -m venv .venv

INSTALL = $(BIN)/python -m pip install -qq -c constraints.txt -e

.venv/.installed-demo: $(DEPENDS) | .venv/bin/python
	@echo "Installing what the demo needs ..."
	@$(INSTALL) '.[torch,frames]'
	@touch $@

.venv/.installed-test: $(DEPENDS) | .venv/bin/python
	@echo "Installing what the tests need ..."
	@$(INSTALL) '.[test]'
	@touch $@

.venv/.installed-check: $(DEPENDS) | .venv/bin/python
	@echo "Installing what the checks and the tests need ..."
	@$(INSTALL) '.[check,test]'
	@touch $@ .venv/.installed-test

.venv/.installed-oracle: $(DEPENDS) | .venv/bin/python
	@echo "Installing the tests' peers ..."
	@$(INSTALL) '.[test,oracle]'
	@touch $@ .venv/.installed-test

.venv/.installed-dev: $(DEPENDS) | .venv/bin/python
	@echo "Installing everything for development ..."
	@$(INSTALL) '.[dev]'
	@touch $@ .venv/.installed-test .venv/.installed-check .venv/.installed-oracle
