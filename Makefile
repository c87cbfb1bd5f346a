# Needs Python 3.11 or newer and make; everything else is put into .venv, nothing is installed globally.
#   make demo ARGS="--output json"      arguments for leeway demo, leeway up, pytest, the benchmarks
#   make test PYTHON=/opt/python3.12    another Python than the first that fits

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -q
ARGS :=
PYTHON :=

# Some containers forbid Python to keep what it compiled: each process would compile every module, and every test, again.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo test check sim bench bench-quality fuzz torture overload up lock native clean

help: ## what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 22

demo: $(VENV)/demo.stamp ## real data drifts and the alarm goes, in two minutes
	@$(BIN)/leeway demo $(ARGS)

# One run of everything: tests that wait for clocks and servers leave the cores to those that compute, so there is one
# process more than there are cores. From its first test that needs them on, each has a Kafka and a Redis of its own (half
# a gigabyte). Tests are handed out one by one, the longest first (tests/conftest.py), so that all end at the same time.
PROCESSES = $$(( $$(getconf _NPROCESSORS_ONLN) + 1 ))
test: $(VENV)/dev.stamp ## every test; what this machine lacks is skipped loudly, or fails with LEEWAY_REQUIRE=all
	@$(BIN)/python -m pytest -n $(PROCESSES) --maxschedchunk 1 $(ARGS)

check: $(VENV)/dev.stamp ## style, types, doors and the fast tests, within a minute
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q -n $(PROCESSES) -m "not slow and not kafka" $(ARGS)

sim: $(VENV)/dev.stamp ## the loop and its roles through simulated faults; ARGS="--seeds 0:2000 --role judge --forever"
	@$(BIN)/python -m tests.simulation $(ARGS)

bench: $(VENV)/dev.stamp $(VENV)/opponents.stamp ## how fast: an event, a pane, an alarm; ARGS="--quick", "--part NAME", "--json FILE"
	@$(BIN)/python -m benchmarks $(ARGS)

bench-quality: $(VENV)/bench.stamp ## the public benchmark of detection; ARGS=--quick takes minutes, without it hours
	@$(BIN)/python -m benchmarks.quality $(ARGS)

fuzz: $(VENV)/dev.stamp ## nonsense on every topic; ARGS="--messages 1000000 --seed 1"
	@$(BIN)/python -m tests.fuzz $(ARGS)

torture: $(VENV)/dev.stamp ## all roles under faults without end, real Kafka and Redis; ARGS="--minutes 10 --seed 7"
	@$(BIN)/python -m tests.torture $(ARGS)

overload: $(VENV)/dev.stamp ## floods, models beyond every quota, a slow Redis; ARGS="--minutes 3 --only events --json FILE"
	@$(BIN)/python -m tests.overload $(ARGS)

native: $(VENV)/native.stamp ## the decoder in C++, twice as fast, into .venv; needs a C++ compiler and Python's headers

up: $(VENV)/demo.stamp ## all roles on the Kafka and the Redis of leeway.toml or LEEWAY__ variables
	@$(BIN)/leeway up $(ARGS)

# The locks name every file by its hash, for every platform and Python. Run this after changing a dependency.
COMPILE := $(BIN)/uv pip compile -q --universal --fork-strategy fewest --python-version 3.11 \
  --generate-hashes --no-header --no-annotate
lock: $(VENV)/dev.stamp ## pin the dependencies anew; UPGRADE=1 takes the newest ones
	$(COMPILE) $(if $(UPGRADE),--upgrade) pyproject.toml --extra demo --extra evaluate --group dev -o requirements/dev.txt
	$(COMPILE) -c requirements/dev.txt pyproject.toml --extra demo --group build -o requirements/demo.txt
	$(COMPILE) -c requirements/dev.txt pyproject.toml -o requirements/run.txt
	$(COMPILE) -c requirements/dev.txt --group build -o requirements/build.txt
	$(COMPILE) -c requirements/dev.txt --group bench -o requirements/bench.txt
	$(COMPILE) --group opponents -o requirements/opponents.txt
	$(COMPILE) --group native -o requirements/native.txt

clean: ## forget the .venv, Kafka's jars and all caches
	rm -rf $(VENV) .kafka build native/build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- set-up: done once, and again when a lock or pyproject.toml changes

$(VENV)/demo.stamp: requirements/demo.txt pyproject.toml | $(BIN)/python
	@echo "Leeway: installing what it needs into $(VENV) (once, about a minute)" >&2
	@$(PIP) install --require-hashes -r requirements/demo.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt requirements/demo.txt pyproject.toml | $(BIN)/python
	@echo "Leeway: installing what its tests need into $(VENV) (once, about a minute)" >&2
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $(VENV)/demo.stamp $@

# frouros forbids a NumPy that it runs on (pyproject.toml), so pip is told to look at no dependencies.
$(VENV)/bench.stamp: requirements/bench.txt $(VENV)/dev.stamp
	@$(PIP) install --no-deps --require-hashes -r requirements/bench.txt
	@touch $@

# Other frameworks, in an environment of their own. One that cannot be installed here is left out of the table.
$(VENV)/opponents.stamp: requirements/opponents.txt | $(BIN)/python
	@echo "Leeway: installing the frameworks that make bench compares with into $(VENV)/opponents (once)" >&2
	@$(BIN)/python -m venv $(VENV)/opponents
	@$(VENV)/opponents/bin/python -m pip --disable-pip-version-check --no-input -q install --require-hashes \
	  -r requirements/opponents.txt || echo "Leeway: they cannot be installed; the benchmark goes on without them" >&2
	@touch $@

# Built with tools in an environment of their own; .venv is given nothing but the wheel.
NATIVE := native/CMakeLists.txt native/pyproject.toml $(wildcard native/src/*.* native/src/*/*.*)
$(VENV)/native.stamp: requirements/native.txt $(NATIVE) | $(VENV)/demo.stamp
	@echo "Leeway: building native/ and installing it into $(VENV) (once, less than a minute)" >&2
	@$(BIN)/python -m venv $(VENV)/building
	@$(VENV)/building/bin/python -m pip --disable-pip-version-check --no-input -q install --require-hashes \
	  -r requirements/native.txt
	@rm -rf build/native
	@$(VENV)/building/bin/python -m pip --disable-pip-version-check --no-input -q wheel --no-deps --no-build-isolation \
	  -w build/native ./native
	@$(PIP) install --no-deps --no-index --force-reinstall build/native/*.whl
	@touch $@

FITS := import sys; sys.exit(sys.version_info < (3, 11))
$(BIN)/python:
	@for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do \
	  if $$python -c '$(FITS)' 2>/dev/null; then fitting=$$python; break; fi; \
	done; \
	if [ -z "$$fitting" ]; then \
	  echo "Leeway needs Python 3.11 or newer, and $(or $(PYTHON),python3) is not ($$($(or $(PYTHON),python3) --version 2>&1))." >&2; \
	  echo "Install one and name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; \
	  exit 1; \
	fi; \
	if ! $$fitting -m venv $(VENV); then \
	  rm -rf $(VENV); \
	  echo "This Python has no venv module. On Debian and Ubuntu: apt-get install python3-venv" >&2; \
	  exit 1; \
	fi
