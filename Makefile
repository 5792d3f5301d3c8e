# Each target sets itself up first. It needs make and Python 3.11, 3.12 or 3.13.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
# Tests run side by side. With threads of its own for each of them, OpenBLAS takes twice the CPU time, to no end.
PYTEST := OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest --no-loadscope-reorder

# Where this is set, each of the tests' many processes compiles all modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test check quick-test lint types docs setup clean

help:  ## lists these targets
	@awk -F ':.*## +' '/^[a-z-]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(READY)  ## the whole job on the embedded web; needs no internet beyond the set-up
	$(BIN)/regraft run

test: $(READY)  ## all tests
	$(PYTEST) --numprocesses 3 --dist loadgroup

check: $(READY)  ## lint, types, and the tests that need neither TensorFlow nor a server
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target types quick-test lint

quick-test: $(READY)
	$(PYTEST) --numprocesses 2 --dist loadfile --quiet -m 'not tensorflow and not server and not browser'

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
