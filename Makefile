# Nocturnal. `make run` and `make test` need Python 3.11 or newer, git and make; everything else they install.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
LOCK := uv pip compile --quiet --universal --no-strip-extras --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command "make lock"

.PHONY: help run test check format lock shell clean servers soak cluster cluster-down cluster-status cluster-kill cluster-start cluster-roll

help: ## Say what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

run: $(VENV)/base ## Serve the whole product on http://127.0.0.1:5000, with no server installed
	@$(PY) manage.py migrate --noinput --verbosity 0
	@exec $(PY) -m nocturnal_project.serve

test: $(VENV)/dev $(VENV)/infrastructure.installed servers ## Run every test, on SQLite and on MongoDB
	$(PY) -m tests

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

lock: $(VENV)/bin/python ## Pin every dependency, with hashes, from requirements/*.in
	$(PY) -m pip install --quiet uv==0.13.9
	$(VENV)/bin/$(LOCK) requirements/dev.in --output-file requirements/dev.txt
	$(VENV)/bin/$(LOCK) --constraint requirements/dev.txt requirements/production.in --output-file requirements/production.txt
	$(VENV)/bin/$(LOCK) --constraint requirements/dev.txt requirements/tracing.in --output-file requirements/tracing.txt
	$(VENV)/bin/$(LOCK) --constraint requirements/dev.txt requirements/tools.in --output-file requirements/tools.txt
	$(VENV)/bin/$(LOCK) --constraint requirements/dev.txt requirements/benchmarks.in --output-file requirements/benchmarks.txt
	$(VENV)/bin/$(LOCK) --constraint requirements/dev.txt requirements/base.in --output-file requirements/base.txt
	$(VENV)/bin/$(LOCK) requirements/infrastructure.in --output-file requirements/infrastructure.txt

soak: $(VENV)/dev $(VENV)/infrastructure.installed servers ## Run the tests of faults, the limiter and Terraform in their full length
	NOCTURNAL_SOAK=1 $(PY) -m pytest tests/test_durability.py tests/test_pooling.py tests/test_upload_crashes.py tests/test_sessions_on_three_instances.py tests/test_roll.py tests/test_slow_clients.py tests/terraform/test_apply.py ratelimits/tests/redis

cluster: $(VENV)/dev servers ## Start MongoDB x3, Redis, S3, CLUSTER_PODS=3 instances and nginx on 127.0.0.1:8080
	@$(PY) -m deploy.cluster up

cluster-down: $(VENV)/dev ## Stop the cluster and remove its data
	@$(PY) -m deploy.cluster down

cluster-status: $(VENV)/dev ## Show each instance of the cluster
	@$(PY) -m deploy.cluster status

cluster-kill: $(VENV)/dev ## End one instance as a crash would: make cluster-kill POD=2
	@$(PY) -m deploy.cluster kill $(or $(POD),$(error Say which one: make cluster-kill POD=2))

cluster-start: $(VENV)/dev ## Start a killed instance again: make cluster-start POD=2
	@$(PY) -m deploy.cluster start $(or $(POD),$(error Say which one: make cluster-start POD=2))

cluster-roll: $(VENV)/dev ## Replace every instance, one by one, or one: make cluster-roll POD=2
	@$(PY) -m deploy.cluster roll $(POD)

shell: $(VENV)/base ## Open Django's shell
	$(PY) manage.py shell

clean: ## Remove what was built and all local data
	rm -rf $(VENV) var staticfiles .mypy_cache .ruff_cache .pytest_cache .coverage

# What no Python package brings: servers, a browser, and the programs that the tests call. PROGRAM:DEBIAN-PACKAGE.
# RUNLEVEL=1 keeps Debian from starting the servers as services.
PROGRAMS := redis-server:redis-server nginx:nginx-light curl:curl openssl:openssl dash:dash bash:bash \
	chromium:chromium chromedriver:chromium-driver prometheus:prometheus amtool:prometheus-alertmanager \
	node:nodejs npm:npm dockerd:docker.io iptables:iptables mmdebstrap:mmdebstrap clamd:clamav-daemon
# A library, which no command finds: with it hours pass in a moment for a server of a test.
FAKETIME := /usr/lib/*/faketime/libfaketime.so.1
servers:
	@missing=""; export PATH="$$PATH:/usr/sbin"; \
	for each in $(PROGRAMS); do command -v "$${each%%:*}" >/dev/null || missing="$$missing $${each##*:}"; done; \
	ls $(FAKETIME) >/dev/null 2>&1 || missing="$$missing faketime"; \
	[ -z "$$missing" ] || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "Installing$$missing ..." && \
		apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing >/dev/null; } || \
		{ echo "Programs are missing: run 'sudo apt-get install$$missing', then try again."; exit 1; }

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

# Apart from the rest: checkov asks for an exact boto3, which is not the product's.
$(VENV)/infrastructure.installed: requirements/infrastructure.txt | $(VENV)/bin/python
	@echo "Installing what the tests of deploy/terraform need ..."
	@$(PY) -m venv $(VENV)/infrastructure
	@$(VENV)/infrastructure/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/infrastructure.txt
	@touch $@
