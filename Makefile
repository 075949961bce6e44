# Everything is in .venv, which the first call makes and a change of pyproject.toml renews.
#   make run     open the console with the embedded engine on samples/
#   make test    run all tests
#   make test-yate-samples YATE_SCRIPTS=DIR   run Yate's own sample scripts, from DIR
#   make test-yate YATE_RMANAGER=HOST:PORT    attach to a real Yate's remote manager; YATE_FOLDER=DIR
#                YATE_LOG=FILE YATE_BUS=HOST:PORT name its scripts_dir, its log, a global listener
#   make check   run ruff, its formatter and mypy --strict
#   make soak    apply everything at once for an hour, or MINUTES=n; then kill 1,000 engines
#   make edits   edit a script a thousand times under load, with --watch
#   make fuzz    give each parser a minute of hostile inputs; ARGS=--help for more
#   make cluster send 100,000 messages through faults of nodes and links, or MESSAGES=n
#   make rotation  rotate a log of a gigabyte under load, and look for lines that are missing
#   make bench   print the benchmark table; ARGS=--json for comparison, ARGS=--help for more
#   make docs    write the generated pages and pictures of docs/ again
#   make clean   remove .venv and all caches

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
WORKERS ?= 3

YATE_SCRIPTS ?=
YATE_RMANAGER ?=
MINUTES ?= 60
MESSAGES ?= 100000

SOURCES := $(shell find yext console -name "*.py")

.PHONY: run test test-yate-samples test-yate soak cluster rotation fuzz edits check bench docs clean

run: .venv/compiled
	$(BIN)/yext -c samples

test: .venv/installed-dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(TESTS)

test-yate-samples: .venv/installed-dev
	@test -f "$(YATE_SCRIPTS)/libyate.php" || \
	    { echo "YATE_SCRIPTS=DIR must name the folder share/scripts of a Yate" >&2; exit 1; }
	YATE_SCRIPTS="$(YATE_SCRIPTS)" $(BIN)/python -m pytest tests/live/yate_samples.py

test-yate: .venv/installed-dev
	@test -n "$(YATE_RMANAGER)" || \
	    { echo "YATE_RMANAGER=HOST:PORT must name the remote manager of a Yate" >&2; exit 1; }
	YATE_RMANAGER="$(YATE_RMANAGER)" $(BIN)/python -m pytest tests/live/yate_rmanager.py

soak: .venv/installed-dev
	$(BIN)/python -m tests.bench.soak $(MINUTES)
	YEXT_KILLS=1000 $(BIN)/python -m pytest tests/faults/test_engine_end.py -k killed

edits: .venv/installed-dev
	$(BIN)/python -m tests.bench.edits

# Without atheris, which has builds for some machines only, the inputs are made by chance.
fuzz: .venv/installed-dev
	@$(PIP) atheris 2>/dev/null || echo "atheris cannot be installed here: no guidance by coverage"
	@$(BIN)/python -m tests.fuzz $(ARGS)

cluster: .venv/installed-dev
	$(BIN)/python -m tests.clusterfaults $(MESSAGES)

rotation: .venv/installed-dev
	$(BIN)/python -m tests.bench.rotation

check: .venv/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: .venv/installed-dev
	@$(BIN)/python -m tests.bench $(ARGS)

docs: .venv/installed-dev
	$(BIN)/python -m tests.architecture_picture
	$(BIN)/python tests/pages.py
	$(BIN)/python -m tests.manpage
	$(BIN)/python tests/live/flow_screens.py
	PYTHONPATH=tests $(BIN)/python tests/yext/extmodule/diagnosis/start_failures.py

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	    "yext needs Python 3.11 or later, %s is %s: make PYTHON=/path/to/python3.11" \
	    % (sys.executable, sys.version.split()[0]))'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) -e .
	@touch $@

.venv/installed-dev: .venv/installed | .venv/compiled
	$(PIP) -e '.[dev]'
	@touch $@

# If a machine forbids Python to keep compiled files, each start would take five times as long.
.venv/compiled: .venv/installed $(SOURCES)
	@$(BIN)/python -m compileall -q yext console
	@touch $@
