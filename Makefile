# Nocturnal. `make run` and `make test` need Python 3.11 or newer, git and make; everything else they install.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command "make lock"

.PHONY: help run test check format lock shell clean

help: ## Say what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

run: $(VENV)/base ## Serve the whole product on http://127.0.0.1:5000, with no server installed
	@$(PY) manage.py migrate --noinput --verbosity 0
	@exec $(PY) -m gunicorn --config nocturnal_project/gunicorn_conf.py nocturnal_project.wsgi:application

test: $(VENV)/dev ## Run every test
	$(PY) -m pytest --cov --cov-report=term

check: $(VENV)/dev ## Lint, types, import contracts, Django's checks, migrations
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy .
	$(VENV)/bin/lint-imports
	$(PY) manage.py check --fail-level WARNING
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) manage.py spectacular --validate --fail-on-warn --file /dev/null

format: $(VENV)/dev ## Format the code
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

lock: $(VENV)/dev ## Pin every dependency, with hashes, from requirements/*.in
	$(PY) -m pip install --quiet uv==0.13.9
	$(VENV)/bin/$(LOCK) requirements/dev.in --output-file requirements/dev.txt
	$(VENV)/bin/$(LOCK) --constraint requirements/dev.txt requirements/production.in --output-file requirements/production.txt
	$(VENV)/bin/$(LOCK) --constraint requirements/dev.txt requirements/base.in --output-file requirements/base.txt

shell: $(VENV)/base ## Open Django's shell
	$(PY) manage.py shell

clean: ## Remove what was built and all local data
	rm -rf $(VENV) var staticfiles .mypy_cache .ruff_cache .pytest_cache .coverage

# Debian ships Python without venv's half; root gets it, others are told.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Nocturnal needs Python 3.11 or newer: install it, or name it with make PYTHON=python3.12."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null; } || \
		{ echo "Python's venv module is missing: run 'sudo apt-get install python3-venv', then try again."; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/base: requirements/base.txt | $(VENV)/bin/python
	@echo "Installing what the product needs ..."
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/base.txt
	@touch $@

$(VENV)/dev: requirements/dev.txt | $(VENV)/bin/python
	@echo "Installing what the tests need ..."
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/dev.txt
	@touch $(VENV)/base $@
