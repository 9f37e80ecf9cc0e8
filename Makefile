# Everything starts from a machine that has python3 (>= 3.11) and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
TOOLS  := $(VENV)/.tools

.PHONY: demo test test-all lint types format wheel clean

## demo: install plait, then decode a handful of problems with the model in the box
demo: $(READY)
	$(BIN)/plait demo

## test: lint, types and the quick tests
test: lint types
	$(BIN)/python -m pytest -n 2

## test-all: the slow tests too
test-all: lint types
	$(BIN)/python -m pytest -n 2 -m "slow or not slow"

lint: $(TOOLS)
	$(BIN)/ruff format --check plait tests bench examples
	$(BIN)/ruff check plait tests bench examples

types: $(TOOLS)
	$(BIN)/mypy

format: $(TOOLS)
	$(BIN)/ruff format plait tests bench examples
	$(BIN)/ruff check --fix plait tests bench examples

wheel: $(TOOLS)
	$(BIN)/python -m build --wheel

# Without a GPU the default torch wheel would bring gigabytes of CUDA libraries, so the
# CPU build is chosen first; plait itself accepts any torch in its range.
$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1 \
		|| $(BIN)/python -m pip install --quiet "torch==2.13.0"
	$(BIN)/python -m pip install --quiet --editable .
	touch $(READY)

# What tests need is far larger than what decoding needs.
$(TOOLS): $(READY)
	$(BIN)/python -m pip install --quiet --editable ".[dev,train]"
	touch $(TOOLS)

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache
