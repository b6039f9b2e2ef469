# What a person types. Each target makes .venv when it is missing, installs into it only when
# pyproject.toml or constraints.txt changed, and then runs.
#
#   make demo              the console in a browser, with simulated prices and no account
#   make demo ARGS="..."   the same with arguments of `quarterdeck demo`
#   make test              all tests, three at a time, since some mostly wait; ARGS goes to pytest
#   make fuzz              the properties with new random cases, thousands of each; a failure prints
#                          how to repeat it; ARGS="-k words" chooses some
#   make coverage          branch coverage of engine and storage by tests that assert; 95 % or fail
#   make lint              ruff, mypy and the import contracts
#   make bench             the benchmarks beside bare libraries, some eight minutes; bench.json too
#   make bench ARGS=--quick  the same with fewer samples, in under a minute
#   make mutants           plants mistakes into copies of the source and says what caught each;
#                          ARGS="--only NAME --seeds N --jobs J"
#   make mutation          changes decide, risk, positions and orders a little, mutant by mutant,
#                          and says which no test notices; ARGS="risk", "--jobs 2", ... (docs/mutation.md)
#   make simulate          300 random sessions of the whole console in virtual time, every invariant
#                          checked as they go; SEEDS=0..1000 or SEEDS=17, JOBS=2
#   make soak              one process for weeks of virtual time, an hour; 20,000 sessions;
#                          a crash at every point of one: hours in all;
#                          ARGS="--minutes 3 --seeds 200" is a taste,
#                          ARGS="--parts voyage" one part of voyage, seeds, points
#   make drill             the real process trades live at an exchange of ours: 200 orders while
#                          requests fail, and kill -9 three times; then everything is compared;
#                          ARGS="--orders 50 --kills 1 --seed 3"
#   make tour              takes the README's pictures anew; needs Chromium with its chromedriver
#   make clean             removes .venv and caches, never a journal

# Tests and benchmarks begin many processes; without bytecode each would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE
SHELL := /bin/sh
ARGS ?=
BIN := .venv/bin

# The version that the constraints were made with comes first; any of them will do.
PYTHONS := python3.11 python3.12 python3.13 python3.14 python3 python
PYTHON ?= $(shell for p in $(PYTHONS); do \
	"$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
	>/dev/null 2>&1 && { command -v "$$p"; break; }; done)
CHROMIUM = $(shell for b in chromium chromium-browser google-chrome; do command -v $$b && break; done)
CHROMEDRIVER = $(shell command -v chromedriver)

INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
OFFLINE = { echo "Installing failed: see pip's words above. Quarterdeck's packages come from the \
	package index that pip is configured with, so the network must reach it." >&2; exit 1; }

.PHONY: demo test fuzz coverage lint bench drill tour mutants mutation simulate soak clean

demo: .venv/.installed-run
	@exec $(BIN)/quarterdeck demo $(ARGS)

test: .venv/.installed-all
	@$(if $(and $(CHROMIUM),$(CHROMEDRIVER)),:,echo "Note: no Chromium with its chromedriver was found, so the browser tests are skipped.")
	@exec $(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

# A property that is tried thousands of times takes minutes, not seconds.
fuzz: .venv/.installed-all
	@exec env HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest tests/properties --timeout 3600 $(ARGS)

# What runs in a child process is not counted: only lines that a test here can have looked at.
COVERED := tests/engine tests/storage tests/properties tests/simulation tests/bot/cli/test_journal.py
coverage: .venv/.installed-all
	@$(BIN)/coverage run -m pytest $(COVERED) $(ARGS)
	@for package in engine storage; do \
		$(BIN)/coverage report --include="$$package/*" --fail-under=0 --format=total \
		| sed "s|$$|% of $$package|"; done
	@exec $(BIN)/coverage report --skip-covered

# All four speak, even when the first one fails.
lint: .venv/.installed-all
	@status=0; for tool in "ruff check ." "ruff format --check ." mypy lint-imports; do \
		echo "$$tool"; $(BIN)/$$tool || status=1; done; exit $$status

bench: .venv/.installed-all
	@exec $(BIN)/python -m tests.benchmarks $(ARGS)

drill: .venv/.installed-all
	@exec $(BIN)/python -m tests.drill $(ARGS)

mutants: .venv/.installed-all
	@exec $(BIN)/python -m tests.mutants $(ARGS)

mutation: .venv/.installed-mutation
	@exec $(BIN)/python -m tests.mutation $(ARGS)

SEEDS ?= 0..300
JOBS ?=
simulate: .venv/.installed-all
	@exec $(BIN)/python -m tests.simulation --seeds $(SEEDS) $(if $(JOBS),--jobs $(JOBS)) $(ARGS)

soak: .venv/.installed-all
	@exec $(BIN)/python -m tests.soak $(if $(JOBS),--jobs $(JOBS)) $(ARGS)

tour: .venv/.installed-all
	@exec $(BIN)/python -m tests.tour $(ARGS)

clean:
	rm -rf .venv build dist *.egg-info .coverage htmlcov .hypothesis
	rm -rf .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find bot engine storage tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Running needs fewer packages than testing, and a first `make demo` should not wait for them.
.venv/.installed-run: .venv/.made pyproject.toml constraints.txt
	@echo "Installing what Quarterdeck runs on (once; about a minute) ..."
	@$(INSTALL) -e . || $(OFFLINE)
	@touch $@

.venv/.installed-all: .venv/.made pyproject.toml constraints.txt
	@echo "Installing what Quarterdeck is tested with (once; about two minutes) ..."
	@$(INSTALL) -e ".[postgres,test,dev]" || $(OFFLINE)
	@touch .venv/.installed-run $@

.venv/.installed-mutation: .venv/.installed-all
	@echo "Installing what makes mutants (once) ..."
	@$(INSTALL) -e ".[mutation]" || $(OFFLINE)
	@touch $@

.venv/.made:
	@test -n "$(PYTHON)" || { echo "Quarterdeck needs Python 3.11 or newer with its venv module \
	(on Debian and Ubuntu: apt install python3 python3-venv). None was found; \
	name one with: make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -m venv --clear .venv
	@touch $@
