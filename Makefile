.DEFAULT_GOAL := help
EVENT ?= examples/$(notdir $(patsubst %/,%,$(firstword $(wildcard examples/*/))))
VENV := .venv/bin
.PHONY: up down test check docs bench help lock

up: ## Set up what is missing, then run the example event and print its address (EVENT=folder for another)
	@scripts/setup run
	@$(VENV)/divebell up $(EVENT) $(UP)

down: ## Stop the example event
	@$(VENV)/divebell down $(EVENT)

test: ## Set up what is missing, then run all tests
	@scripts/setup develop
	@scripts/engine
	@$(VENV)/divebell image build $(EVENT)
	@$(VENV)/pytest $(TESTS)

check: ## Format, lint, types, import layers, playbook, docs drift
	@scripts/setup develop
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/mypy
	$(VENV)/lint-imports
	$(VENV)/ansible-lint --offline --profile production -q src/divebell/deploy/playbook/*.yml
	$(VENV)/python scripts/docs.py --check

docs: ## Write the reference pages anew from the code
	@scripts/setup develop
	$(VENV)/python scripts/docs.py

bench: ## Run the benchmarks, each beside a named peer
	@scripts/setup bench
	@for each in benchmarks/*.py; do echo "== $$each"; $(VENV)/python "$$each"; done

lock: ## Resolve the dependencies anew into requirements/
	@scripts/lock

help: ## List what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/\1\t\2/' | expand -t 10
