# Every target works on a machine that has only Python (>= 3.11) and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: venv demo test lint referee full clean

venv: .venv/.ready

.venv/.ready: requirements.lock ci/bootstrap.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r ci/bootstrap.lock
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --require-hashes -r requirements.lock
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

demo: venv  ## real MCP attacks found in captured traffic, the rule, its queries, the plan
	$(BIN)/python examples/demo.py

test: venv  ## all tests; no network but the package registries
	$(BIN)/pytest -n auto --dist loadgroup

lint: venv  ## style, types, import layers, size limits
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python ci/checks/sizes.py

referee: venv  ## random rules and events, engine against real engines: PAIRS=N SEED=S CASES=FILE TARGET=T SPLUNK_URL=...
	@$(BIN)/python ci/referee.py $(if $(PAIRS),--pairs '$(PAIRS)') $(if $(SEED),--seed '$(SEED)') \
		$(if $(CASES),--cases '$(CASES)') $(if $(TARGET),--target '$(TARGET)')

full: venv  ## the long runs; figures go to bench/results
	$(BIN)/python ci/full.py

clean:
	rm -rf .venv dist build
