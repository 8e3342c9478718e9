# Every target first makes its environment (tests/tools/environment.py): cold it takes a minute or two, warm a tenth of a second.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
ifeq ($(strip $(PYTHON)),)
PYTHON := python3
endif
PROFILE ?= aro
TOPIC ?=
ARGS ?=
ENVIRONMENT := $(PYTHON) tests/tools/environment.py
RUN := $(ENVIRONMENT) run

.DEFAULT_GOAL := help
.PHONY: help demo down test test-host bench lint format sanity unit docs env collections shell env-vars lock build importer clean

help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: ## control plane, sandbox PROFILE (default aro), site.yml three times, a summary
	@$(RUN) python -m tests.tools.demo $(PROFILE)

down: ## stop every sandbox that was left running
	@$(RUN) python -m tests.sandbox down --all

test: ## every layer; with TOPIC=engine, cluster, scc, selinux, ... the tests of one topic
	@$(RUN) python -m tests.tools.check all --topic "$(TOPIC)" $(ARGS)

test-host: ## SELinux on a real virtual machine over SSH: up to 25 minutes, less once its image is cached
	@$(RUN) python -m tests.host $(ARGS)

unit: ## only tests/unit and tests/contract; ARGS go to pytest
	@$(RUN) python -m tests.tools.check unit $(ARGS)

bench: ## measure, print a table, write build/bench.json
	@$(RUN) python -m benchmarks $(ARGS)

lint: ## ruff, mypy --strict, yamllint, ansible-lint, changelog fragments
	@$(RUN) python -m tests.tools.check lint

format: ## let ruff put the Python files into shape
	@$(RUN) ruff format .
	@$(RUN) ruff check --fix .

sanity: ## ansible-test sanity with an empty ignore file
	@$(RUN) python -m tests.tools.check sanity

docs: ## write everything that is generated: action plugins, action groups, tables, pages
	@$(RUN) python -m tests.tools.generate

env: ## make the environment and say where it is
	@$(ENVIRONMENT) exports

collections: ## fetch the collections that ours needs, from Galaxy or out of the ansible wheel
	@$(ENVIRONMENT) collections

shell: ## a shell inside the environment
	@$(ENVIRONMENT) shell

env-vars: env ## the same as env: eval "$(make env-vars)"

lock: ## resolve the lock files anew (needs python3.11 and python3.12)
	@for row in newest lowest; do $(ENVIRONMENT) --row $$row lock || exit 1; done

build: ## the collection's tarball in build/
	@$(RUN) python -m tests.tools.package

importer: ## build, then judge the tarball as Galaxy does
	@$(RUN) python -m tests.tools.package --importer

clean: ## remove build/ and what tests left in the checkout
	@rm -rf build .pytest_cache .ruff_cache .mypy_cache .ansible
