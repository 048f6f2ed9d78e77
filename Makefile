# Every target sets up what it needs: `make reproduce` and `make test` work on a fresh machine with Python >= 3.11 and make.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
# The first Python that is new enough, before all one for which the generators have wheels; PYTHON=… overrides.
PYTHON ?= $(shell for newest in 14 99; do for candidate in python3 python3.13 python3.12 python3.11; do \
	$$candidate -c "import sys; sys.exit(not (3, 11) <= sys.version_info < (3, $$newest))" >/dev/null 2>&1 \
	&& { echo $$candidate; exit; }; done; done)
# Wheels only: a source release of pythia8mc compiles for a quarter of an hour.
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --quiet --constraint constraints.txt --only-binary pythia8mc,fastjet,pyacts,xrootd

.PHONY: reproduce smoke sample test test-slow lint environment unlock help clean

help:
	@echo 'make reproduce   the default run: embedded simulation to figures (2 cores: under 20 minutes)'
	@echo 'make smoke       the same workflow, tiny (2 cores: under 3 minutes)'
	@echo 'make sample      small real files, downloaded; SAMPLE_DIR=folder takes local copies'
	@echo 'make test        the fast tests'
	@echo 'make test-slow   the slow tests'
	@echo 'make lint        ruff, mypy, import-linter, snakefmt'
	@echo 'make unlock      after a killed run, if Snakemake says that the folder is locked'

reproduce: $(VENV)/installed
	$(BIN)/snakemake --cores all --resources gpu=1

smoke: $(VENV)/installed
	$(BIN)/snakemake --cores all --resources gpu=1 --configfile config/smoke.yaml

sample: $(VENV)/installed
	$(BIN)/snakemake --cores all --resources gpu=1 --configfile config/sample.yaml \
		$(if $(SAMPLE_DIR),--config sample_dir=$(SAMPLE_DIR))

test: $(VENV)/installed-test
	$(BIN)/python -m pytest -m 'not slow and not gpu' -n 2 --dist loadfile

test-slow: $(VENV)/installed-test
	$(BIN)/python -m pytest -m 'slow and not gpu'

lint: $(VENV)/installed-test
	$(BIN)/ruff check src tests workflow_scripts benchmarks
	$(BIN)/ruff format --check src tests workflow_scripts benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/snakefmt --check Snakefile rules

environment: $(VENV)/installed

unlock: $(VENV)/installed
	$(BIN)/snakemake --unlock

$(BIN)/python:
	@test -n '$(PYTHON)' || { echo 'prehep needs Python 3.11 or newer and found none: install one (Debian: apt-get install python3.11 python3.11-venv) or say make PYTHON=/path/to/python3.' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo 'prehep needs the venv module of $(PYTHON), which is not installed: install it (Debian: apt-get install python3-venv).' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# An extra without wheels for this platform is left out with one sentence; any other failure stops.
$(VENV)/installed: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) --editable .
	@for extra in sim root; do \
		$(INSTALL) --editable ".[$$extra]" 2> $(VENV)/$$extra.log && continue; \
		grep -q 'No matching distribution' $(VENV)/$$extra.log || { cat $(VENV)/$$extra.log >&2; exit 1; }; \
		case $$extra in \
		sim) echo 'prehep: no wheels of the event generators for this platform: instead of the embedded simulation use config/sample.yaml or config/paper.yaml.' >&2;; \
		root) echo 'prehep: no wheel of the xrootd client for this platform: instead of root:// addresses use https://.' >&2;; \
		esac; \
	done
	@touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(INSTALL) --editable '.[test]'
	@touch $@

clean:
	rm -rf $(VENV)
