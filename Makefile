# HeadCTIQA: everything runs in the virtual environment .venv, which these targets make themselves.
#   make demo              assess a simulated head CT and say where the report is
#   make demo SCAN=path    assess a scan of yours
#   make test              lint, type check and tests with coverage
#   make test-3.12         reading, records and scoring under Python 3.12, which 3D Slicer 5.12 has
#   make fuzz MINUTES=30   damaged inputs against every reader and loader
#   make kill              stop every writer at every call that changes the file system: nothing is lost, nothing is left
#   make pictures          every picture of README and Docs, from one run of the demonstration
#   make docs              the documentation with the API reference as a web site, in build/docs
PYTHON ?= python3
SCAN ?=
OUTPUT ?= demo/assessment
BIN := .venv/bin

.PHONY: demo test test-3.12 lint fuzz kill benchmark pictures docs clean

demo: .venv/ready
ifeq ($(SCAN),)
	@rm -rf demo/scan
	@echo "Simulating a head CT with a defect in every category (about half a minute) ..."
	@$(BIN)/headctiqa simulate --demo --format dicom --output demo/scan
	@$(BIN)/headctiqa assess demo/scan/simulated-head --output "$(OUTPUT)"
else
	@$(BIN)/headctiqa assess "$(SCAN)" --output "$(OUTPUT)"
endif

# The module's tests have processes of their own: 3D Slicer's data model and the networks never share one in 3D Slicer either.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --cov=HeadCTIQALib --cov-branch

test: .venv/ready-test lint
	$(PYTEST) --cov-report= --ignore=Testing/slicer_module
	$(PYTEST) --cov-append --cov-report=term:skip-covered --cov-fail-under=85 Testing/slicer_module

# A second Python, as in 3D Slicer 5.12, without the networks; found on the path or where pyenv keeps its own.
PYTHON312 ?= $(firstword $(shell for p in python3.12 $(HOME)/.pyenv/versions/3.12*/bin/python3.12; do "$$p" -c pass 2>/dev/null && echo "$$p"; done))
TESTS312 := $(addprefix Testing/test_,$(addsuffix .py,curve scoring fit verdict profiles earlier_records findings_io \
  volume_dicom volume_images volume_acquisition volume_series))

test-3.12:
ifeq ($(PYTHON312),)
	@echo "There is no Python 3.12 here: not tested under it. Name one with PYTHON312=/path/to/python3.12."
else
	$(PYTHON312) -m venv .venv-3.12
	.venv-3.12/bin/python -c 'import re, tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	  print(*(d for d in [*project["dependencies"], *project["optional-dependencies"]["test"]] \
	  if not re.match("headctiqa|onnx|slicer|PySide|ruff|mypy|statsmodels", d)), sep="\n")' > .venv-3.12/requirements.txt
	.venv-3.12/bin/python -m pip install --quiet --disable-pip-version-check -r .venv-3.12/requirements.txt
	.venv-3.12/bin/python -m pytest -n 2 --dist loadfile $(TESTS312)
endif

lint: .venv/ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy

# Damaged inputs against every reader and loader; the tests hold a short run of it.
MINUTES ?= 30
SEED ?= 1
fuzz: .venv/ready-test
	$(BIN)/python -m Testing.fuzz --minutes $(MINUTES) --seed $(SEED)

benchmark: .venv/ready-test
	$(BIN)/python Testing/benchmark/assess_ratio.py $(if $(SCAN),"$(SCAN)")

# Needs Chromium for the report.
pictures: .venv/ready-test
	$(BIN)/python Testing/draw_pictures.py

docs: .venv/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[docs]"
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "Open build/docs/index.html"

kill: .venv/ready-test
	$(BIN)/python Testing/kill/campaign.py

clean:
	rm -rf .venv .venv-3.12 demo

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "HeadCTIQA needs Python 3.11 or newer; found $$($(PYTHON) --version). Run: make PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -qq && apt-get install -y -qq python3-venv; \
	  else echo "Python's venv module is missing; install it with: sudo apt-get install python3-venv"; exit 1; fi; }
	$(PYTHON) -m venv .venv

.venv/ready: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

# What the tests of the Slicer module draw with, off-screen; without them those tests cannot run.
SYSTEM := libegl1 libgl1 libgl1-mesa-dri libopengl0 libxkbcommon0 libdbus-1-3 libfontconfig1 libglib2.0-0 fonts-dejavu-core

# Only the tests need torch: first and by itself, so that no other package decides which build is taken.
.venv/ready-test: .venv/ready
	@if ldconfig -p 2>/dev/null | grep -q libEGL.so.1 && ldconfig -p | grep -q libxkbcommon.so.0; then :; \
	  elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -qq && apt-get install -y -qq --no-install-recommends $(SYSTEM); \
	  else echo "Libraries for the tests of the Slicer module may be missing; install them with: sudo apt-get install $(SYSTEM)"; fi
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "torch==2.13.0"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test]"
	@touch $@
