# `make` shows what there is.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo run test check lab bench docs package package-test clean

BIN := .venv/bin
CODE := $(wildcard src lab tests bench)

help: ## show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | while IFS='	' read -r name text; do printf '  make %-12s %s\n' "$$name" "$$text"; done

setup: ## install what Voxgate needs on this Debian 12 or 13 (packages, .venv)
	@scripts/setup

demo: setup ## real phones call through a real NAT, in namespaces of this machine (root)
	$(BIN)/python -m lab demo

run: setup ## run the edge: make run CONFIG=file.yaml; without a configuration, a web page asks for one
	$(BIN)/voxgate run $(CONFIG)

test: check ## all checks and tests (root: real engines are started)
	$(BIN)/pytest -m 'not engine' -n 2
	$(BIN)/pytest -m engine -n 4 --dist loadfile

check: setup ## format, lint, types, layers, lengths; changes nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/test_architecture.py

lab: setup ## keep a network of namespaces up to play in: make lab TOPOLOGY=behind_nat (root)
	$(BIN)/python -m lab up $(or $(TOPOLOGY),behind_nat)

bench: setup ## answer one question by measurement: make bench NAME=sip_calls (root)
	$(BIN)/python -m bench $(NAME)

docs: setup ## write the pages that are made from the program, then the site (build/site)
	@mkdir -p docs/reference
	$(BIN)/voxgate reference > docs/reference/.new && mv docs/reference/.new docs/reference/configuration.md
	$(BIN)/voxgate reference cli > docs/reference/.new && mv docs/reference/.new docs/reference/cli.md
	$(BIN)/voxgate reference api > docs/reference/.new && mv docs/reference/.new docs/reference/api.md
	$(BIN)/voxgate schema > docs/reference/.new && mv docs/reference/.new docs/reference/voxgate.schema.json
	$(BIN)/python -m tests.scenarios.compatibility > docs/reference/.new && mv docs/reference/.new docs/compatibility.md
	$(BIN)/python -m lab.drawing docs/scenarios
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo 'open build/site/index.html'

package: setup ## build the Debian package, for Debian 12 and 13, in build/package
	@packaging/build

package-test: setup ## install, upgrade, remove it on bare Debians with systemd: SUITES="bookworm trixie" (root, minutes)
	@scripts/install-packages scripts/packages-package.txt
	PACKAGE_SUITES="$(or $(SUITES),bookworm trixie)" $(BIN)/pytest tests/package

clean: ## remove what setup and the tools made in this tree; Debian packages stay
	rm -rf .venv .uv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
