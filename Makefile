# Set-up is part of every target: a fresh machine needs python3 (3.11 or newer) and make.
PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python
NODE_CACHE := .cache/node
AZURITE := azurite@3.35.0

export PYTHONWARNINGS ?= ignore::SyntaxWarning

.PHONY: demo test test-fast check bench format clean help

help:
	@echo "make demo    plays four failed runs on the embedded sandbox (SCENARIO=name plays one, LIST=1 lists all)"
	@echo "make test    runs the tests        make test-fast   without the slow ones"
	@echo "make check   lints and type-checks make bench       prints the figures"

demo: $(VENV)/.sandbox
	@$(RUN) -m sandbox demo $(if $(LIST),--list) $(if $(SCENARIO),"$(SCENARIO)")

test: $(VENV)/.dev $(NODE_CACHE)/.ready
	@$(RUN) -m pytest -n 2 $(PYTEST_ARGS)

test-fast: $(VENV)/.dev
	@$(RUN) -m pytest -n 2 -m "not slow and not py313" $(PYTEST_ARGS)

check: $(VENV)/.dev
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m diagnostics.reference --check
	@$(RUN) -m mypy function_app.py diagnostics responders sandbox tests/*.py
	@for folder in tests/*/; do MYPYPATH=$$folder $(RUN) -m mypy $$folder || exit 1; done

bench: $(VENV)/.dev
	@$(RUN) -m tests.bench

format: $(VENV)/.dev
	@$(RUN) -m ruff format .

clean:
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=...")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.sandbox: requirements.txt requirements-sandbox.txt | $(VENV)/bin/python
	@echo "Setting up: packages of the product and its sandbox (once, about a minute) ..."
	@$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-sandbox.txt
	@touch $@

$(VENV)/.dev: requirements.txt requirements-sandbox.txt requirements-dev.txt | $(VENV)/bin/python
	@echo "Setting up: packages for development (once, about a minute) ..."
	@$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/.sandbox

# Azurite stands in for Azure Storage. Without Node the tests that need it are skipped, with this as their reason.
$(NODE_CACHE)/.ready:
	@mkdir -p $(NODE_CACHE)
	@if command -v npm >/dev/null 2>&1; then \
		echo "Setting up: $(AZURITE) (once) ..."; \
		npm install --silent --no-save --no-fund --no-audit --prefix $(NODE_CACHE) $(AZURITE) >/dev/null && touch $@; \
	else echo "npm is not here: tests against Azurite will be skipped"; fi
