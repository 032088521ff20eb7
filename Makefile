# The text after ## describes a public target; `make` alone prints these texts.

PYTHON ?= python3
VENV := .venv
EMULATOR_VENV := .venv-emulator
LOCK_VENV := .venv-lock
BIN := $(VENV)/bin
PIP_OPTIONS := --quiet --disable-pip-version-check --require-virtualenv
# tests/tiers.py defines which tests share a process, their order, and the tier of each. Three processes use two cores: a
# test waits for its servers for a third of its time. Beside drills, which take both cores, two are as fast.
PROCESSES := 3
PYTEST_OPTIONS ?= -n $(PROCESSES) --dist loadgroup --no-loadscope-reorder

# Programs that the tests need: a browser, real stores, and independent tools that make images.
DEBIAN_PACKAGES := python3-venv chromium-headless-shell mariadb-server redis-server haproxy imagemagick libimage-exiftool-perl webp \
	libjpeg-turbo-progs pngcrush fonts-dejavu-core

# A real MySQL, unpacked outside of git, so that all checkouts share it (tests/database_engines.py).
export MYSQL_ROOT ?= $(HOME)/.cache/darkroom/mysql

# Each of the hundreds of processes that the tests start would compile our modules again.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run install test test-full test-rest test-all test-debian13 installed pytest check check-types check-rest durations bench figure figures \
	screenshots lock clean packages mysql

help: ## print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: install ## install what is missing, start everything, stay in the foreground
	@$(BIN)/darkroom up

install: $(VENV)/run.stamp $(EMULATOR_VENV)/emulator.stamp ## install what running needs into .venv and .venv-emulator

test: ## check the code, run the tests that decide right or wrong (8 minutes)
	@.ci/timed Installation $(MAKE) --no-print-directory installed
	@.ci/timed "Check and tests" $(MAKE) --no-print-directory check pytest SELECTION="--tier test"

test-full: ## the same with other stores, all formats and outages (35 minutes)
	@.ci/timed Installation $(MAKE) --no-print-directory installed
	@.ci/timed "Check and tests" $(MAKE) --no-print-directory check pytest PROCESSES=2 SELECTION="--tier full"

test-rest: ## what `make test-full` adds to `make test`; UNTIL=seconds-since-1970 ends it
	@.ci/timed Installation $(MAKE) --no-print-directory installed
	@.ci/timed Tests $(MAKE) --no-print-directory pytest PROCESSES=2 SELECTION="--tier full --beyond test $(if $(UNTIL),--until $(UNTIL))"

test-all: ## the same on MySQL, too, and with runs that take hours
	@.ci/timed Installation $(MAKE) --no-print-directory installed mysql
	@.ci/timed "Check and tests" $(MAKE) --no-print-directory check pytest PROCESSES=2 SELECTION="--tier all"

test-debian13: ## run the tests on Debian 13 and Python 3.13, in a root made of its packages
	@.ci/on-debian13

check: $(VENV)/test.stamp ## check format, lint, types, import contracts, words and the last run's times
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target check-types check-rest

check-types:
	$(BIN)/mypy

check-rest:
	$(BIN)/ruff format --check
	$(BIN)/ruff check --quiet
	$(BIN)/lint-imports
	$(BIN)/python .ci/check_words.py
	$(BIN)/python -m tests.durations check

durations: $(VENV)/test.stamp ## make the last runs' times the budgets (tests/durations.toml)
	@$(BIN)/python -m tests.durations keep

bench: $(VENV)/test.stamp $(EMULATOR_VENV)/emulator.stamp ## measure all figures, or the rest of an interrupted run: [GROUP=reads] [SCALE=0.1]
	@$(BIN)/python -m bench.run $(if $(GROUP),--group $(GROUP)) $(if $(SCALE),--scale $(SCALE))

figure: $(VENV)/test.stamp $(EMULATOR_VENV)/emulator.stamp ## measure one figure: NAME=sign_page_vs_bare [SCALE=0.1]
	@test -n "$(NAME)" || { echo "make figure needs a name, for example NAME=sign_page_vs_bare" >&2; exit 2; }
	@$(BIN)/python -m bench.run $(NAME) $(if $(SCALE),--scale $(SCALE))

figures: $(VENV)/test.stamp ## print the last measured figures
	@$(BIN)/python -m bench.run --show

screenshots: packages $(VENV)/test.stamp $(EMULATOR_VENV)/emulator.stamp ## make the README's screenshot
	@$(BIN)/python -m tests.browser.screenshots

lock: $(LOCK_VENV)/bin/uv ## resolve requirements/*.in into the hashed locks
	$(COMPILE) requirements/run.in -o requirements/run.txt
	$(COMPILE) requirements/test.in -c requirements/run.txt -o requirements/test.txt
	$(COMPILE) requirements/emulator.in -o requirements/emulator.txt

clean: ## remove environments and caches, but no data folders
	rm -rf $(VENV) $(EMULATOR_VENV) $(LOCK_VENV) build *.egg-info client/build client/*.egg-info
	rm -rf .durations .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .grimp_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

installed: packages $(VENV)/test.stamp $(EMULATOR_VENV)/emulator.stamp

pytest:
	$(BIN)/pytest $(SELECTION) $(PYTEST_OPTIONS)

mysql: # what `make test-all` needs in addition
	@.ci/mysql-root "$(MYSQL_ROOT)"

packages:
	@.ci/debian-packages $(DEBIAN_PACKAGES)

# `fewest` locks one version of each package for all Pythons, instead of the newest for each.
COMPILE = $(LOCK_VENV)/bin/uv pip compile --quiet --python-version 3.11 --universal --fork-strategy fewest \
	--generate-hashes --no-emit-index-url --no-header --upgrade

# Stamp files: an environment is rebuilt when its lock is newer than its stamp.

$(VENV)/test.stamp: requirements/test.txt $(VENV)/run.stamp
	@echo "Installing what the tests need …"
	@$(BIN)/python -m pip install $(PIP_OPTIONS) --require-hashes -r $<
	@touch $@

$(VENV)/run.stamp: requirements/run.txt pyproject.toml client/pyproject.toml | $(VENV)/bin/pip
	@echo "Installing Darkroom's packages into $(VENV) …"
	@$(BIN)/python -m pip install $(PIP_OPTIONS) --require-hashes -r $<
	@$(BIN)/python -m pip install $(PIP_OPTIONS) --no-deps --no-build-isolation --editable client --editable .
	@touch $@

$(EMULATOR_VENV)/emulator.stamp: requirements/emulator.txt | $(EMULATOR_VENV)/bin/pip
	@echo "Installing the emulator of SQS and SNS into $(EMULATOR_VENV) …"
	@$(EMULATOR_VENV)/bin/python -m pip install $(PIP_OPTIONS) --require-hashes -r $<
	@touch $@

$(LOCK_VENV)/bin/uv: | $(LOCK_VENV)/bin/pip
	@$(LOCK_VENV)/bin/python -m pip install $(PIP_OPTIONS) uv
	@touch $@

%/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Darkroom needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) lacks its venv module: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $*
