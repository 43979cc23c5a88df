# Every target sets up .venv by itself; nothing but Python 3.11 and make has to be there.
PYTHON ?= python3
VENV   := .venv
RUN    := $(VENV)/bin/python

.PHONY: demo rehearse test bench faults check lock

$(VENV)/installed: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --require-hashes --requirement requirements.txt
	touch $@

test: $(VENV)/installed check
	$(RUN) -m pytest $(PYTEST)

check: $(VENV)/installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

lock:
	uv pip compile --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 --group dev pyproject.toml --output-file requirements.txt
