# Each target does its own set-up: a virtual environment in .venv, the packages, the system packages it may install.
.DEFAULT_GOAL := help
.PHONY: help course test quick book exercises chapter grade sample serve bench clean system

PYTHON ?= python3
PORT   ?= 8000
BIN    := .venv/bin
SETS   := $(notdir $(wildcard solutions/[0-9]*))
SPECS  := $(wildcard attnlib/check/specs/*.py attnlib/check/specs/banks/*.py)
# One worker a core; tests that share what took long to make stay together (tests/conftest.py).
PYTEST := $(BIN)/python -m pytest -n logical --maxprocesses 8 --dist loadgroup
OF_A_SET := tests/problem_sets tests/book tests/tools tests/grader/test_class.py tests/project/test_releases.py
export PATH := $(CURDIR)/$(BIN):$(PATH)

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

course: system book exercises sample  ## build the book, the exercises, and grade the sample class
	@echo "The book         _build/html/index.html   (make serve)"
	@echo "The exercises    exercises/"
	@echo "The sample class _sample/submitted/, its gradebook _sample/gradebook.db, its feedback _sample/feedback/"

test: system .venv/.test  ## run the whole test suite, or one chapter's tests (SET=STEM)
	$(PYTEST) $(if $(SET),--set $(SET) $(OF_A_SET)) $(ARGS)

quick: .venv/.test  ## run the tests that need no browser, no sandbox and little time
	$(PYTEST) -q --quick $(ARGS)

book: exercises  ## build the book into _build/html
	$(BIN)/jupyter-book build book --config _config.yml --path-output . -W -n --keep-going

exercises: _build/.exercises  ## generate exercises/ from solutions/

_build/.exercises: .venv/.course nbgrader_config.py _config.yml book/chapters.toml $(wildcard tools/*.py) \
                   $(SPECS) $(wildcard solutions/*/*.ipynb)
	@mkdir -p _build
	@$(BIN)/python -m tools.write_notebooks
	@for set in $(SETS); do $(BIN)/nbgrader generate_assignment $$set --force || exit 1; done
	@touch $@

chapter: .venv/.course  ## make the empty files of a chapter (STEM=STEM)
	$(BIN)/python -m tools.new_chapter $(STEM)

grade: .venv/.course exercises  ## grade submitted/, or one problem set of it (SET=STEM)
	@for set in $(or $(SET),$(SETS)); do $(BIN)/python -m grader $$set || exit 1; done

sample: .venv/.course exercises  ## grade the sample class in _sample/
	@sets=$$($(BIN)/python -m tests.grader.sample_class _sample) && \
	for set in $$sets; do $(BIN)/python -m grader $$set --course _sample || exit 1; done

serve: book  ## show the book on http://127.0.0.1:8000 (PORT=…)
	$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

bench: .venv/.course  ## print every figure the README quotes
	@for script in benchmarks/*.py; do echo "== python $$script"; $(BIN)/python $$script || exit 1; done

clean:  ## remove what was built, keep .venv and every submission
	rm -rf _build _sample build .pytest_cache .mypy_cache .ruff_cache

.venv/.course: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"Python 3.11 or newer is needed; {sys.executable} is {sys.version.split()[0]}. Run: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/.test: .venv/.course
	$(BIN)/pip install --disable-pip-version-check -r requirements.txt -e .[test]
	@touch $@

system:  ## install the packages of apt.txt where we may
	@missing=$$(for p in $$(cat apt.txt); do dpkg -s $$p >/dev/null 2>&1 || echo $$p; done | xargs); \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -q && apt-get install -y -q --no-install-recommends $$missing; \
	else \
	  echo "Missing system packages. Run:  sudo apt-get install -y $$missing"; \
	  echo "Without bubblewrap nothing is graded; without chromium the browser tests are skipped. The rest works."; \
	fi
