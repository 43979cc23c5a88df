# Every target sets up .venv by itself; nothing but Python 3.11 and make has to be there.
PYTHON ?= python3
VENV   := .venv
RUN    := $(VENV)/bin/python
BENCH  ?= all
ROUNDS ?= 30

.PHONY: demo rehearse faults test check bench screens lock

$(VENV)/installed: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --require-hashes --requirement requirements.txt
	touch $@

demo: $(VENV)/installed  ## watch a migration; FRESH=1 starts over
	$(if $(FRESH),$(RUN) -m mwaportal.system.fresh .mwa)
	exec $(RUN) manage.py demo

rehearse: $(VENV)/installed  ## a whole migration without a person
	$(RUN) -m mwaportal.system.fresh .mwa-rehearsal
	MWA_HOME=.mwa-rehearsal $(RUN) manage.py rehearse

faults: $(VENV)/installed  ## ROUNDS=n SEED=s: a migration while everything is killed
	$(RUN) -m mwaportal.system.fresh .mwa-faults
	MWA_HOME=.mwa-faults $(RUN) manage.py faults --rounds $(ROUNDS) $(if $(SEED),--seed $(SEED))

bench: $(VENV)/installed  ## BENCH=copy|resync|capture|overhead|swap|compare|wal|definitions|files|files_watch|portal
	$(RUN) -m mwaportal.bench $(BENCH)

test: $(VENV)/installed check
	$(RUN) -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal $(PYTEST)

screens: $(VENV)/installed  ## the pictures in docs/screens/, of every page as it is now
	MWA_SCREENS=1 $(RUN) -m pytest -q tests/test_portal_screens.py

check: $(VENV)/installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

lock:
	uv pip compile --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 --group dev pyproject.toml --output-file requirements.txt
