# Each target sets itself up first. It needs make and Python 3.11, 3.12 or 3.13.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
# Tests run side by side. With threads of its own for each of them, OpenBLAS takes twice the CPU time, to no end.
PYTEST := OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest
# Stores sync what they write, which a disk takes its time for. So the quick tests write into memory, where it has room.
IN_MEMORY := $(shell [ "$$(df --output=avail /dev/shm 2>/dev/null | tail -1)" -gt 4000000 ] 2>/dev/null && \
	echo TMPDIR=/dev/shm)
QUICK_TESTS := $(IN_MEMORY) $(PYTEST) -p no:xdist --quiet -m 'not tensorflow and not server and not browser'
# About half of the quick tests' work.
ONE_HALF := $(addprefix tests/,links pictures reporting store upkeep)

# Where this is set, each of the tests' many processes compiles all modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test check one-half other-half lint types docs setup clean

help:  ## lists these targets
	@awk -F ':.*## +' '/^[a-z-]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(READY)  ## the whole job on the embedded web; needs no internet beyond the set-up
	$(BIN)/regraft run

test: $(READY)  ## all tests
	$(PYTEST) --no-loadscope-reorder --numprocesses 3 --dist loadgroup

check: $(READY)  ## lint, types, and the tests that need neither TensorFlow nor a server
	@$(MAKE) --no-print-directory --jobs 3 --output-sync=target types one-half other-half lint

# Two plain processes: each worker of pytest-xdist would import all tests, and send each one's three reports about.
one-half: $(READY)
	$(QUICK_TESTS) $(ONE_HALF)

other-half: $(READY)
	$(QUICK_TESTS) tests $(ONE_HALF:%=--ignore=%)

lint: $(READY)  ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)  ## mypy
	$(BIN)/mypy

docs: $(READY)  ## writes what the pages take from the code, builds them into site/, and fails on any warning
	$(BIN)/python -m docs.programs.generate
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

setup: $(READY)  ## the virtual environment .venv, with all that the other targets use

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "Regraft needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is $$($(PYTHON) --version)." \
		"Name one that fits: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up $(VENV): TensorFlow and Prefect are large, this takes some minutes."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@echo "Creating Prefect's database, which its first start would do else."
	-$(BIN)/prefect server database upgrade --yes > /dev/null
	touch $(READY)

clean:  ## removes what the other targets made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache build dist site *.egg-info
