# Two commands do everything on a fresh machine: `make demo` and `make test`. `make help` lists the others.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin

.PHONY: help demo receipt test test-all check lint types contracts messages coverage bench simulation lock clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: .venv/run.done ## migrate some 300 real messages from a local stand-in for Google into a real IMAP server
	@$(BIN)/migrator demo

receipt: .venv/run.done ## check the demo's receipt and print what it says
	@$(BIN)/migrator receipt verify build/demo/receipt.jws --keys build/demo/receipt-keys.json

PYTEST := $(BIN)/pytest -q --durations=10
SIDE_BY_SIDE := -n 2 --dist loadgroup

test: .venv/dev.done servers ## run the tests but for the slow ones, on real Dovecot, Cyrus, Courier and Redis
	$(PYTEST) $(SIDE_BY_SIDE) -m "not slow and not alone"

test-all: test ## run these, then the slow ones: whole installations, browsers, kills, what measures seconds
	$(PYTEST) $(SIDE_BY_SIDE) -m "slow and not alone"
	$(PYTEST) -m alone

check: lint types contracts test-all ## everything CI runs

lint: .venv/dev.done ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev.done ## strict types
	$(BIN)/mypy

contracts: .venv/dev.done ## which module may import which
	$(BIN)/lint-imports

messages: .venv/dev.done ## bring the translations in step with the code, and say what is missing
	$(BIN)/python scripts/messages update
	$(BIN)/python scripts/messages check

coverage: .venv/dev.done ## every branch of vault, consent, revocation, egress, walls and audit log is run by their own tests
	$(BIN)/coverage run --branch --source=oauth,migrator.egress,jobs.audit,jobs.walls -m pytest -q \
	    tests/oauth tests/migrator/egress tests/jobs/test_audit_*.py tests/jobs/test_walls.py tests/app/test_kernel_walls.py
	$(BIN)/coverage report --fail-under=100 --include='oauth/vault.py,oauth/sealing.py,oauth/keyring.py,oauth/keyfile.py,oauth/workerskeys.py,oauth/pending.py,oauth/consent.py,oauth/revocation.py,oauth/token_errors.py,migrator/egress/*,jobs/audit/*,jobs/walls/*'

bench: .venv/dev.done servers ## speed, memory and scale, side by side with peers
	$(BIN)/python -m bench

SEEDS ?= 2000
simulation: .venv/dev.done ## whole imports on simulated time against odd servers, SEEDS of them (docs/simulation.md)
	$(BIN)/python -m tests.simulation --seeds $(SEEDS)

.PHONY: servers
servers:
	@scripts/install-test-servers

.venv/bin/python:
	@scripts/make-venv .venv

.venv/run.done: .venv/bin/python requirements.lock pyproject.toml
	@scripts/install-packages .venv requirements.lock
	@touch $@

.venv/dev.done: .venv/bin/python requirements-dev.lock pyproject.toml
	@scripts/install-packages .venv requirements-dev.lock
	@touch $@ .venv/run.done

lock: .venv/bin/python ## write the lock files anew from pyproject.toml
	@scripts/lock

clean: ## remove everything that was installed or built here
	rm -rf .venv var build .*_cache *.egg-info
