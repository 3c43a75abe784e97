# Set-up is part of every target: a fresh machine needs python3 (3.11 or newer) and make.
PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python
NODE_CACHE := .cache/node
AZURITE := azurite@3.35.0
ADAPTIVE_CARDS := adaptivecards@3.0.6
KUSTO := @kusto/language-service-next@12.4.1
PIP_AUDIT := pip-audit==2.10.1
AUDIT := .cache/audit/bin
NODE_READY := $(NODE_CACHE)/.ready-$(subst /,-,$(subst @,-,$(AZURITE)-$(ADAPTIVE_CARDS)-$(KUSTO)))

export PYTHONWARNINGS ?= ignore::SyntaxWarning

.PHONY: demo preview test test-fast check bench chaos kills soak mutants package lock fuzz audit format generated release-notes clean help

help:
	@echo "make demo    plays four failed runs on the embedded sandbox (SCENARIO=name plays one, LIST=1 lists all)"
	@echo "make preview writes a page with every kind of message as Teams and Slack show it, and prints its path"
	@echo "make test    runs the tests        make test-fast   without the slow ones"
	@echo "make check   lints and type-checks make bench       prints the figures"
	@echo "make kills   kills workers while they work, and counts (ARGS=)   make soak   MINUTES=60 of traffic with faults"
	@echo "make mutants changes the pure core in every small way, and counts what the tests notice (MODULES=diagnostics.judging)"
	@echo "make package builds what is deployed, build/pullmedic.zip (ADD=)   make lock  pins its dependencies anew"
	@echo "make generated   makes anew what is made from the code: parts of docs/ and infra/"
	@echo "make chaos   lets every remote party fail in every way, and says how stories end"
	@echo "make fuzz    TARGET=name|all SECONDS=60; without a target lists them    make audit  looks for known holes"

preview: $(VENV)/.sandbox $(NODE_READY)
	@$(RUN) -m sandbox preview --node-cache $(NODE_CACHE) --output .cache/preview.html

demo: $(VENV)/.sandbox
	@$(RUN) -m sandbox demo $(if $(LIST),--list) $(if $(SCENARIO),"$(SCENARIO)")

test: $(VENV)/.dev $(NODE_READY)
	@$(RUN) -m pytest -n 3 --dist loadfile $(PYTEST_ARGS)

test-fast: $(VENV)/.dev
	@$(RUN) -m pytest -n 3 --dist loadfile -m "not slow and not py313" $(PYTEST_ARGS)

check: $(VENV)/.dev
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m diagnostics.reference --check
	@$(RUN) -m diagnostics.rights --check
	@$(RUN) -m responders.reference --check
	@$(RUN) -m responders.fixes.right_file --check
	@$(RUN) -m tools.package check
	@$(RUN) -m tools.generated --check
	@$(RUN) -m pytest -qq -p no:cacheprovider tests/infra/test_bicep_files.py
	@$(RUN) -m mypy function_app.py diagnostics responders sandbox tools/*.py tests/*.py
	@for folder in tests/*/; do \
		if test -e $${folder}__init__.py; then MYPYPATH=; else MYPYPATH=$$folder; fi; \
		MYPYPATH=$$MYPYPATH $(RUN) -m mypy $$folder || exit 1; \
	done

bench: $(VENV)/.dev
	@$(RUN) -m tests.bench

kills: $(VENV)/.dev $(NODE_READY)
	@$(RUN) -m tests.kills $(ARGS)

soak: $(VENV)/.dev $(NODE_READY)
	@$(RUN) -m tests.soak --minutes $(or $(MINUTES),60)

mutants: $(VENV)/.mutants
	@$(RUN) -m tests.mutants $(MODULES)

package: | $(VENV)/bin/python
	@$(RUN) -m tools.package build $(foreach file,$(ADD),--add $(file))

lock: | $(VENV)/bin/python
	@$(RUN) -m tools.package lock

chaos: $(VENV)/.dev
	@$(RUN) -m tests.chaos 2>/dev/null

fuzz: $(VENV)/.fuzz
	@PYTHONPATH=. $(RUN) tests/fuzz $(TARGET) --seconds $(or $(SECONDS),60)

# Asks the database of known holes about every package of the lock, which is what is deployed, also the indirect ones.
audit: .cache/audit/.ready-$(PIP_AUDIT)
	@if $(AUDIT)/python -c "import socket; socket.create_connection(('api.osv.dev', 443), 10)" 2>/dev/null; then \
		$(AUDIT)/python -m pip_audit --strict --progress-spinner off --vulnerability-service osv \
			--disable-pip --no-deps -r requirements.lock; \
	else echo "skipped: the database of known holes (api.osv.dev) cannot be reached from here"; fi

format: $(VENV)/.dev
	@$(RUN) -m ruff format .

generated: $(VENV)/.dev
	@$(RUN) -m diagnostics.reference --write
	@$(RUN) -m diagnostics.rights --write
	@$(RUN) -m responders.reference --write
	@$(RUN) -m responders.fixes.right_file --write
	@$(RUN) -m tools.generated --write

release-notes: $(VENV)/.dev
	@$(RUN) -m tools.release "$(TAG)"

clean:
	rm -rf $(VENV) build mutants .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Atheris guides by coverage; it has no wheel for every machine, and fuzzing goes on without it.
$(VENV)/.fuzz: requirements-fuzz.txt | $(VENV)/.dev
	@$(RUN) -m pip install --quiet --disable-pip-version-check --only-binary :all: -r $< || \
		echo "Atheris has no wheel for this machine: fuzzing is not guided by coverage"
	@touch $@

$(VENV)/.mutants: requirements-mutants.txt | $(VENV)/.dev
	@$(RUN) -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.cache/audit/.ready-$(PIP_AUDIT):
	@$(PYTHON) -m venv .cache/audit
	@$(AUDIT)/python -m pip install --quiet --disable-pip-version-check $(PIP_AUDIT)
	@touch $@

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

# Azurite stands in for Azure Storage, adaptivecards is Microsoft's renderer of what Teams shows, and
# language-service-next its parser of the queries that workbook and alerts ask. Without Node the tests
# that need them are skipped, with this as their reason.
$(NODE_READY):
	@mkdir -p $(NODE_CACHE)
	@if command -v npm >/dev/null 2>&1; then \
		echo "Setting up: $(AZURITE), $(ADAPTIVE_CARDS), $(KUSTO) (once) ..."; \
		npm install --silent --no-save --no-fund --no-audit --legacy-peer-deps --prefix $(NODE_CACHE) \
			$(AZURITE) $(ADAPTIVE_CARDS) $(KUSTO) >/dev/null && touch $@; \
	else mkdir -p $(NODE_CACHE); echo "npm is not here: tests with Azurite or in a browser will be skipped"; fi
