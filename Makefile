# Two commands do all set-up: `make up` runs the platform, `make test` runs everything.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Where tests take NATS and PostgreSQL from: embedded (wheels), or containers (the images of compose.yaml).
SERVICES ?= embedded

.PHONY: up test test-engine test-clients check fmt schemas lock bench image compose-env compose-key clean

up: $(VENV)/.runtime
	@exec $(BIN)/penstock up $(ARGS)

# A file, or a folder with a platform of its own, is one process's (tests/support/shares.py); in the order of the folders, as the slow ones
# have few tests. Byte code is kept whatever the environment says: these are hundreds of processes that would compile the same.
test: $(VENV)/.dev
	PYTHONDONTWRITEBYTECODE= PENSTOCK_TEST_SERVICES=$(SERVICES) $(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

# The image is built, compose.yaml started, asked and taken down again: some minutes, and a Docker engine.
test-engine: $(VENV)/.dev
	PENSTOCK_TEST_ENGINE=1 $(BIN)/pytest -n 0 tests/deploy/test_engine.py $(ARGS)

# Frameworks that people build on, each kind in an environment of its own.
test-clients: $(VENV)/.dev .venv-clients/.installed .venv-clients-llamaindex/.installed
	$(BIN)/pytest -n 0 tests/clients $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/penstock contracts check
	$(BIN)/pytest -q -n 0 tests/docs

fmt: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schemas: $(VENV)/.dev
	$(BIN)/penstock contracts generate
	$(BIN)/penstock config reference docs/configuration.md

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks $(ARGS)

# The stamps name what was installed, so a changed lock file installs again and an unchanged one costs nothing.
$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

.venv-%/.installed: requirements/%.txt
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/$*.txt
	@touch $@

# Hash-locked for every Python and platform at once; no index address is written down.
lock: $(VENV)/.dev
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	  --extra embedded pyproject.toml requirements/build.in -o requirements/runtime.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	  pyproject.toml requirements/build.in -c requirements/runtime.txt -o requirements/container.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	  --extra embedded --extra dev pyproject.toml requirements/build.in -c requirements/runtime.txt -o requirements/dev.txt
	for name in clients clients-llamaindex; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url \
	    --no-emit-find-links requirements/$$name.in -o requirements/$$name.txt; done

# No Python is needed for these three.
image:
	docker build -t penstock:0.1.0 $(ARGS) .

compose-env:
	@sh infra/docker/compose-env.sh

compose-key:
	@docker compose run --rm --no-deps --entrypoint cat setup /var/lib/penstock/operator/first.key

clean:
	rm -rf $(VENV) .venv-clients .venv-clients-llamaindex .penstock
