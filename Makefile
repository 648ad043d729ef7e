# SPDX-License-Identifier: Apache-2.0
# Two commands on a fresh machine with Python 3.10 or newer, pip and make:
#   make demo    see masks come out of the node
#   make test    all checks that a commit has to pass
# Each makes what it needs in .venv, again only when a file it depends on has changed.

PYTHON ?= python3
# Where "torch" is a CUDA build of several GB, TORCH_ARGS takes the pip options for the CPU build that
# PyTorch's "Get started" page gives.
TORCH_ARGS ?=
INPUT ?=
OUT ?= demo_out
DEMO_ARGS ?=
MINUTES ?= 30
SOAK_ARGS ?=
PYTEST_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
# Progress bars for people, silence for logs.
PIP_INSTALL := -m pip install --disable-pip-version-check $(if $(CI),--quiet) -c constraints/make.txt
INSTALL := $(BIN)/python $(PIP_INSTALL)
PACKAGING := setup.py setup.cfg package.xml constraints/make.txt $(wildcard seg_node/native/*)

# pydensecrf2 and our own extension are compiled while they are installed.
HAS_COMPILER := $(shell command -v c++ 2>/dev/null)
# TensorRT for RTX is tried on this processor alone.
HAS_RTX := $(filter x86_64,$(shell uname -m))
EXTRAS := dev,onnx,openvino,ray,replay,ros,train,tune$(if $(HAS_COMPILER),$(shell printf ',crf'))$(if $(HAS_RTX),$(shell printf ',rtx'))
HAS_CHROMIUM := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
REQUIRED := cityscapesscripts lightning onnx onnxruntime openvino optuna ray ros rosbags torch $(if $(HAS_COMPILER),crf) $(if $(HAS_RTX),tensorrt_rtx cuda_python) $(if $(HAS_CHROMIUM),chromium)
REQUIRE := $(foreach name,$(REQUIRED),--require $(name))

# The environments here have a ROS of their own, which must not meet another one.
unexport _ROS_WHEELS_BOOTSTRAP_COMPLETE
unexport VIRTUAL_ENV
ifdef AMENT_PREFIX_PATH
unexport AMENT_PREFIX_PATH CMAKE_PREFIX_PATH LD_LIBRARY_PATH PYTHONPATH ROS_DISTRO RMW_IMPLEMENTATION
endif

.PHONY: help
help:
	@echo 'make demo [INPUT=video|folder|rosbag2]   play a drive to the node, write $(OUT)/'
	@echo 'make test        lint, import contracts, strict types, tests'
	@echo 'make check-all   make test, slow tests, older ROS, installation by pip and colcon'
	@echo 'make lint imports types unit smoke slow   one part of it'
	@echo 'make sanitize    tests of the extension with sanitizers for addresses and undefined behaviour'
	@echo 'make soak [MINUTES=30] [SOAK_ARGS=--faults]   the node at full load, judged at the end'
	@echo 'make ros-jazzy   ROS tests with the rclpy of Jazzy'
	@echo 'make installed   pip install and colcon build, and the node started from each'
	@echo 'make fix         mend what lint can mend'
	@echo 'make bench       all benchmarks'
	@echo 'make sbom        software bill of materials of the run-time environment: sbom.cdx.json'
	@echo 'make audit       known vulnerabilities in it; asks pypi.org'
	@echo 'make clean       remove environments and caches'

# Environments. pip alone is enough: where Debian's python3-venv is missing, pip goes in from outside.
define new_environment
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo 'seg_node needs Python 3.10 or newer: make PYTHON=python3.12 ...' >&2; exit 1; }
	@echo 'making $(1)'
	@$(PYTHON) -m venv $(1) >/dev/null \
	  || { $(PYTHON) -m venv --clear --without-pip $(1) \
	       && $(PYTHON) -m pip --quiet --python $(1)/bin/python install pip; }
endef

$(BIN)/python:
	$(call new_environment,$(VENV))

$(VENV)/.ready-to-run: $(PACKAGING) constraints/wheels-kilted.txt | $(BIN)/python
	@echo 'installing what the demo needs'
	@$(INSTALL) -c constraints/wheels-kilted.txt -e '.[onnx,replay,ros]'
	@touch $@

# torch first, so that nothing else chooses its build. cityscapesscripts last and by itself: what else
# it asks for draws pictures (matplotlib) or is older than Python's own (typing).
$(VENV)/.ready-to-test: $(VENV)/.ready-to-run
	@echo 'installing what training and the checks need'
	@$(INSTALL) $(TORCH_ARGS) torch
	@$(INSTALL) -c constraints/wheels-kilted.txt -e '.[$(EXTRAS)]'
	@$(INSTALL) --no-deps cityscapesscripts pillow pyquaternion
	@touch $@

.venv-jazzy/.ready: $(PACKAGING) constraints/wheels-jazzy.txt
	$(call new_environment,.venv-jazzy)
	@echo 'installing rclpy of Jazzy'
	@.venv-jazzy/bin/python $(PIP_INSTALL) -c constraints/wheels-jazzy.txt -e '.[onnx,replay,ros]' \
	  onnx hypothesis pytest pytest-timeout
	@touch $@

.venv-colcon/.ready: constraints/make.txt
	$(call new_environment,.venv-colcon)
	@echo 'installing colcon'
	@.venv-colcon/bin/python $(PIP_INSTALL) \
	  setuptools colcon-core colcon-ros colcon-bash colcon-recursive-crawl \
	  colcon-package-information
	@touch $@

.PHONY: demo
demo: $(VENV)/.ready-to-run
	$(BIN)/seg demo --out '$(OUT)' $(if $(INPUT),--input '$(INPUT)') $(DEMO_ARGS)

.PHONY: test check-all
test: lint imports types unit smoke
check-all: test slow sanitize ros-jazzy installed

.PHONY: lint imports types unit smoke slow
lint: $(VENV)/.ready-to-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

imports: $(VENV)/.ready-to-test
	$(BIN)/lint-imports

types: $(VENV)/.ready-to-test
	$(BIN)/mypy

unit: $(VENV)/.ready-to-test
	$(BIN)/python -m pytest -m 'not slow and not smoke' --timeout 300 $(REQUIRE) $(PYTEST_ARGS)

# Models are trained, exported and evaluated, as docs/training.md says: a minute or two.
smoke: $(VENV)/.ready-to-test
	$(BIN)/python -m pytest test/training -m smoke --timeout 600 $(REQUIRE) $(PYTEST_ARGS)

slow: $(VENV)/.ready-to-test
	$(BIN)/python -m pytest -m slow --timeout 3600 $(REQUIRE) $(PYTEST_ARGS)

.PHONY: sanitize ros-jazzy installed
sanitize: $(VENV)/.ready-to-test
	bash .ci/sanitize $(BIN)/python

ros-jazzy: .venv-jazzy/.ready
	.venv-jazzy/bin/python -m pytest test/ros -m 'not slow' --timeout 300 --require ros $(PYTEST_ARGS)

installed: $(VENV)/.ready-to-run .venv-colcon/.ready
	bash .ci/installed

# Camera, node and consumer for half an hour, as docs/robustness.md says.
.PHONY: soak
soak: $(VENV)/.ready-to-test
	PYTHONPATH=test:benchmarks $(BIN)/python -m endurance.soak --minutes $(MINUTES) $(SOAK_ARGS)

# What runs on the vehicle, and beside it the tools that look at it.
.venv-runtime/.ready: $(PACKAGING) constraints/wheels-kilted.txt
	$(call new_environment,.venv-runtime)
	@echo 'installing what runs on the vehicle'
	@.venv-runtime/bin/python $(PIP_INSTALL) -c constraints/wheels-kilted.txt -e '.[onnx,ros]'
	@touch $@

.venv-audit/.ready: constraints/make.txt
	$(call new_environment,.venv-audit)
	@echo 'installing tools for bills of materials and audits'
	@.venv-audit/bin/python $(PIP_INSTALL) cyclonedx-bom pip-audit
	@touch $@

.PHONY: sbom audit
sbom: .venv-runtime/.ready .venv-audit/.ready
	.venv-audit/bin/cyclonedx-py environment --output-reproducible -o sbom.cdx.json .venv-runtime
	.venv-audit/bin/python .ci/make_sbom.py sbom.cdx.json

# Asks pypi.org about known vulnerabilities; a package that it does not know is an error, so that no
# answer is never taken for a good one. Not part of `make test`, which must not depend on the day.
audit: .venv-runtime/.ready .venv-audit/.ready
	.venv-runtime/bin/python .ci/list_pypi.py >.venv-audit/runtime.txt
	.venv-audit/bin/pip-audit --strict --disable-pip --no-deps -r .venv-audit/runtime.txt

.PHONY: fix bench clean
fix: $(VENV)/.ready-to-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.ready-to-test
	@set -e; for script in benchmarks/bench_*.py; do $(BIN)/python $$script; done

clean:
	rm -rf .venv .venv-audit .venv-colcon .venv-jazzy .venv-runtime sbom.cdx.json build dist *.egg-info
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
