# The two commands that matter: `make up` and `make down`. Everything they write lies in .venv, .tools and .local.

# The first on PATH that is new enough and starts: a version manager's shim may lead nowhere.
PYTHON ?= $(or $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done), \
	$(error Python 3.11 or newer is needed, and no python3 on PATH is. Install one (https://www.python.org/downloads/ \
	or your distribution's package), or name it: make PYTHON=/path/to/python3.12 up))

MAKEFLAGS += --no-print-directory
# A caller's own Python paths must not reach into our environments. Package index settings (PIP_*) and proxies stay.
# Many images forbid bytecode; here each of the many Python processes would then compile Pulumi's SDK anew.
unexport PYTHONHOME PYTHONPATH PYTHONSAFEPATH PYTHONDONTWRITEBYTECODE

BOOTSTRAP = $(PYTHON) -m tools.bootstrap
LOCAL = $(PYTHON) -m tools.local
BIN := .venv/bin
WORKERS := -n auto --maxprocesses 4 --dist worksteal
QUICK := -m "not sandbox and not engine and not registry and not readers and not wheel" $(WORKERS)
LOCK = $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url $(UPGRADE)

.DEFAULT_GOAL := help
.PHONY: help up venv preview refresh status env down clean test check test-unit test-wheel test-readers test-pythons \
	coverage lock bench bench-full pictures

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

up: ## publish packs/ and charts/ to a local AWS stand-in with the real Pulumi engine (installs what it needs)
	@$(LOCAL) up

venv: ## .venv from the lock: all that a real AWS account needs beside Pulumi
	@$(BOOTSTRAP) env

preview: ## what the next `make up` would change, file by file
	@$(LOCAL) preview

refresh: ## compare Pulumi's state with what the stand-in holds
	@$(LOCAL) refresh

status: ## what runs, what is published
	@$(LOCAL) status

# Where there is nothing to export, eval must fail too: after && would come a command with another account's credentials.
env: ## exports for a shell: eval "$(make env)", then pulumi, aws, boto3, crane use the stand-in
	@$(LOCAL) env || { echo false; exit 1; }

down: ## destroy what `make up` made and stop the stand-in
	@$(LOCAL) down

clean: ## stop everything and remove .venv, .tools, .local and caches
	@$(LOCAL) clean

test: ## everything: checks, all tests, and the quick ones on the newest other Python of this machine
	@$(BOOTSTRAP) env sandbox pulumi crane helm registry conformance actionlint pythons wheels
	@$(MAKE) check
	@echo "==> actionlint" && .tools/bin/actionlint -shellcheck= -pyflakes=
	@echo "==> all tests" && $(BIN)/python -m pytest -m "not readers" $(WORKERS)
	@$(MAKE) test-pythons WHICH=newest

check: ## lint, format, types, import directions
	@$(BOOTSTRAP) env
	@echo "==> ruff check" && $(BIN)/ruff check
	@echo "==> ruff format --check" && $(BIN)/ruff format --check
	@echo "==> mypy" && $(BIN)/mypy
	@echo "==> lint-imports" && $(BIN)/lint-imports --no-logo

test-unit: ## the quick tests only: no sandbox, no engine, no registry
	@$(BOOTSTRAP) env
	@echo "==> quick tests" && $(BIN)/python -m pytest $(QUICK)

test-wheel: ## build the wheel, install it alone into a clean environment, check a pack
	@$(BOOTSTRAP) env wheels
	@echo "==> the wheel" && $(BIN)/python -m pytest -m wheel

# What takes minutes to build: opa alone takes two or three, once.
test-readers: ## what opa and oras, built from their Go modules (Go 1.26.7), make of published policies and files
	@$(BOOTSTRAP) env registry readers
	@echo "==> readers" && $(BIN)/python -m pytest -m readers tests/oci

test-pythons: ## the quick tests, without the fuzz tests, on each other Python of this machine
	@$(PYTHON) -m tools.quick_tests $(or $(WHICH),all) $(QUICK) --ignore-glob="*_fuzz.py"

# Without test_kill, which kills some hundred hosts that run what other tests cover, and without a test whose limit on the
# size of files meets coverage's own file.
coverage: ## branch coverage of packinfra by the quick and the provider tests
	@$(BOOTSTRAP) env sandbox
	@mkdir -p .tools/coverage && $(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -q $(WORKERS) --ignore tests/provider/test_kill.py -k "not test_no_half_archives" \
		tests/unit tests/provider
	@$(BIN)/coverage combine -q && $(BIN)/coverage report

lock: ## the requirements*.lock from pyproject.toml; UPGRADE=--upgrade raises every version
	@$(BOOTSTRAP) env
	@$(LOCK) --group dev --extra pulumi pyproject.toml -o requirements.lock
	@$(LOCK) -c requirements.lock pyproject.toml -o requirements-check.lock
	@$(LOCK) --group sandbox -o requirements-sandbox.lock
	@$(LOCK) --group bench -o requirements-bench.lock

# More of what `make test` does twice: make test-chaos CHAOS_ROUNDS=100 CHAOS_SEED=7
.PHONY: test-chaos
test-chaos: ## kill `up` at random moments, see the next run converge (CHAOS_ROUNDS, CHAOS_SEED)
	@$(BOOTSTRAP) env sandbox pulumi registry
	@CHAOS_ROUNDS=$(or $(CHAOS_ROUNDS),20) CHAOS_SEED=$(or $(CHAOS_SEED),1) $(BIN)/python -m pytest tests/engine/test_chaos.py

bench: ## measure: publishing beside tar and crane, the engine beside its floor; under ten minutes
	@$(BOOTSTRAP) env sandbox pulumi crane registry bench
	@echo "==> measuring into benchmarks/results/" && $(BIN)/python -m benchmarks $(BENCH)
	@.tools/bench-venv/bin/python benchmarks/plot.py benchmarks/results

bench-full: ## the same with up to 1,000 packs and one of 1 GiB; about 45 minutes
	@$(MAKE) bench BENCH=--full

pictures: ## draw docs/pictures: the output of pulumi up and preview, from a real run on a stand-in of its own
	@$(BOOTSTRAP) env sandbox pulumi
	@$(BIN)/python -m tools.pictures
