# make demo    set up, then see the main job run on the embedded sandbox
# make test    set up, then everything that CI runs: ruff, mypy, tests
# make bench   set up, then the benches (minutes)
# make fuzz    set up, then break documents by chance for FUZZ_SECONDS (60), and ask the service oddly
# make lock    renew requirements.lock (the one target that chooses versions)

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
SHELL  := /bin/sh

FUZZ_SECONDS ?= 60
# Tests wait for processes and sockets, too: half as many again as there are cores keep all busy.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(max(2, (os.cpu_count() or 1) * 3 // 2))')

.PHONY: demo test lint types unit bench fuzz lock clean
.DEFAULT_GOAL := test

$(STAMP): requirements.lock pyproject.toml src/understudy/_version.py
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Understudy needs Python 3.11 or later; $(PYTHON) is " + sys.version.split()[0] + ". Try: make PYTHON=python3.11 $(MAKECMDGOALS)")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (the first time only)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

demo: $(STAMP)
	@$(BIN)/understudy demo

test: lint types unit

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

unit: $(STAMP)
	$(BIN)/pytest -n $(WORKERS) --dist worksteal

bench: $(STAMP)
	@set -e; for script in bench/bench_*.py; do echo; echo "== $$script"; $(BIN)/python $$script; done

fuzz: $(STAMP)
	@$(BIN)/python tests/fuzz/fuzz_architect.py --seconds $(FUZZ_SECONDS)
	@UNDERSTUDY_EXAMPLES=100 $(BIN)/pytest -q tests/service/openapi_test.py

lock: $(STAMP)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --upgrade --no-header --no-emit-index-url --no-emit-find-links \
	  --python-version 3.11 --extra all --group dev pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis out
