# Everything on a fresh machine that has Python 3.11 to 3.13 and make.
#
#   make demo    install, then run a small study with its dashboard
#   make test    install, then run all tests
#   make lint    install, then run the linters and the type checker
#   make check ROOM=curation    the same and the quick tests, of one room
#   make lock    make the locks of requirements again from pyproject.toml
#   make bench   run the benchmarks and write their results

PYTHON ?= $(shell for candidate in python3.13 python3.12 python3.11 python3 python; do \
	command -v $$candidate >/dev/null 2>&1 && \
	$$candidate -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && \
	echo $$candidate && break; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test lint check known-room format lock bench clean

demo: $(INSTALLED)
	$(BIN)/bookcover demo

# Three files of tests at a time: servers and sleeping hosts leave a core idle most of the time. A process of tests that
# dies is not begun again: the others would wait for the rest of its file without end.
test: $(INSTALLED)
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --max-worker-restart 0

lint: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# Rooms of the core, and the packages that stand on it.
ROOMS := $(patsubst bookcover_core/%/__init__.py,%,$(sort $(wildcard bookcover_core/*/__init__.py))) tasks flows deployments
PLACES = $(wildcard bookcover_core/$(ROOM) $(ROOM) tests/bookcover_core/$(ROOM) tests/$(ROOM))

check: known-room $(INSTALLED)
	$(BIN)/ruff check $(PLACES)
	$(BIN)/ruff format --check $(PLACES)
	$(BIN)/mypy -p $(subst /,.,$(firstword $(PLACES)))
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow" $(filter tests/%,$(PLACES))

known-room:
	@test -n "$(filter $(ROOM),$(ROOMS))" || { echo "make check ROOM=...: one of $(ROOMS)" >&2; exit 2; }

format: $(INSTALLED)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(INSTALLED)
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

# The lock names every package, so pip is asked to resolve nothing: older ones take a package and the same with an
# extra for two, and would look for a newer one.
$(INSTALLED): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python 3.11 to 3.13 was found: install one, or name it with make PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m pip check --disable-pip-version-check
	touch $(INSTALLED)

# Needs uv. The locks name versions and digests, and no address to fetch them from. The image's (Dockerfile) hold the
# versions that are tested, without the tools of development, and what builds the project.
LOCK := uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet
lock:
	$(LOCK) pyproject.toml --group dev -o requirements.lock >/dev/null
	$(LOCK) pyproject.toml --extra redis --extra dask --extra text --extra s3 -c requirements.lock -o requirements-image.lock >/dev/null
	echo hatchling | $(LOCK) - -c requirements.lock -o requirements-build.lock >/dev/null

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
