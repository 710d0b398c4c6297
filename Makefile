# make demo     restore the sample photos: installs into .venv, writes results/
# make web      serve the page on this machine: python app.py
# make test     run the tests               make test-slow   the full-size ones too
# make check    format, lint, types, layers, dead code, dependencies, spelling
# make train    train our own weights       make clean       remove everything made here
# make bench    the network against the published one, and against other programs, into docs/
# make bench-size       seconds a megapixel, from small pictures to large (minutes)
# make bench-quality    our weights on the sets in SETS, into docs/results.md
# make bench-comparison trains three trunks of equal arithmetic (hours), into docs/comparison.md

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
USER_STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
RECIPE ?= options/light_sr_x4.toml
SETS ?= ../shared/images/bench
SOURCES := swinir tests $(wildcard app.py train.py test.py benchmarks)

.DEFAULT_GOAL := demo
.PHONY: demo web test test-slow check format install install-dev train bench bench-size bench-quality bench-comparison clean

demo: install
	$(BIN)/python test.py --task sr_x4 --folder imgs/ --output results/ --sheet
	@echo
	@echo "Done. The restored photos, and a sheet comparing them with their originals, are in:"
	@echo "  $(CURDIR)/results/"

web: install
	$(BIN)/python app.py

test: install-dev
	$(BIN)/python -m pytest

test-slow: install-dev
	$(BIN)/python -m pytest -m "slow or not slow"

check: install-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	$(BIN)/vulture
	$(BIN)/deptry .
	$(BIN)/codespell

format: install-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

train: install
	$(BIN)/python train.py $(RECIPE)

bench: install-dev
	$(BIN)/python -m benchmarks.speed
	$(BIN)/python -m benchmarks.backends

bench-size: install-dev
	$(BIN)/python -m benchmarks.size

bench-quality: install
	$(BIN)/python -m benchmarks.quality --sets $(SETS)

bench-comparison: install
	set -e; for trunk in flat_dot flat_cosine u_dot; do \
		$(BIN)/python train.py options/comparison/$$trunk.toml; \
	done
	$(BIN)/python -m benchmarks.comparison --sets $(SETS)

install: $(USER_STAMP)
install-dev: $(DEV_STAMP)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, got " + sys.version.split()[0] + "; name one: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)

# torch alone first: later packages that want any torch then find the pinned one in place.
$(USER_STAMP): requirements.txt | $(BIN)/python
	@echo "Installing into $(VENV) (a few minutes the first time) ..."
	@$(PIP) $(shell grep '^torch==' requirements.txt)
	@$(PIP) -r requirements.txt
	@touch $@

EXTRAS := requirements-ray.txt requirements-onnx.txt requirements-openvino.txt requirements-numba.txt

$(DEV_STAMP): requirements-dev.txt $(EXTRAS) $(USER_STAMP)
	@$(PIP) -r requirements-dev.txt $(EXTRAS:%=-r %)
	@touch $@

clean:
	rm -rf $(VENV) results build dist *.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
