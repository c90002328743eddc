# Two commands do everything: `make run` and `make test`. Each sets up what it needs, twice in a row is fast, and a failure is a sentence.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PY := .venv/bin/python
TORCH ?= torch==2.13.0
HEADLESS ?=
export PYTHONUNBUFFERED = 1

.PHONY: help setup setup-server system run test check unit integration browser bench bench-quality bench-gate screenshots lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

setup: .venv/.done ## the environment of the workbench (.venv)

setup-server: .venv-label-studio/.done ## Label Studio in its own environment (.venv-label-studio)

.venv/.done: pyproject.toml requirements.lock
	@scripts/setup.sh workbench "$(TORCH)"

.venv-label-studio/.done: requirements-label-studio.lock | .venv/.done
	@scripts/setup.sh label-studio

run: setup setup-server ## the whole loop on sample data, then the workbench (HEADLESS=1: without the workbench)
	@$(PY) -m workbench demo $(if $(HEADLESS),--headless,)

test: setup setup-server system check unit ## everything: check, unit, slow, pages, simulations, integration, browser
	@$(PY) -m pytest -q -n 2 -m slow tests/unit
	@$(PY) -m pytest -q -n 2 tests/pages
	@$(PY) -m pytest -q tests/simulation tests/integration tests/browser

system: setup ## Chromium, fonts and PostgreSQL, where missing
	@scripts/setup.sh system

check: setup ## format, lint, types, import rules
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

unit: setup ## the fast tests, no servers
	@$(PY) -m pytest -q -n 2 -m "not slow" tests/unit evals guardrails runner annotators workbench

integration: setup setup-server system ## tests against real servers: Label Studio, PostgreSQL, HTTP
	@$(PY) -m pytest -q tests/integration

browser: setup setup-server system ## the journeys in Chromium
	@$(PY) -m pytest -q tests/browser

bench: setup ## the benchmarks; figures go to docs/benchmarks.md by hand, with hardware and date
	@$(PY) -m benchmarks

PART ?= dev
bench-quality: setup ## every figure of scorers and rails, into docs/benchmarks.md (PART=holdout where that part is unsealed)
	@$(PY) -m benchmarks.quality --part $(PART) --write

bench-gate: setup ## the gate's error rates, simulated and on real labels, into docs/benchmarks.md (resumable)
	@$(PY) -m benchmarks.gate --part $(PART) --write

screenshots: setup system ## draw every page again into docs/screenshots
	@$(PY) -m pytest -q tests/browser/test_screenshots.py --screenshots docs/screenshots --home .plumbline

lock: setup ## write requirements.lock from what is installed, after a change of pyproject.toml
	@.venv/bin/uv pip install -q --python .venv/bin/python -e ".[models,labelstudio,ragas,consensus,postgres,dev]"
	@.venv/bin/uv pip freeze -q --python .venv/bin/python --exclude-editable | grep -vE '^(pip|setuptools|uv)==' | sed 's/+cpu$$//' > requirements.lock

clean: ## remove environments and everything this installation wrote
	rm -rf .venv .venv-label-studio .plumbline .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
