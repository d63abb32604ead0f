# Thin targets: uv does the work, from the lock files.
.PHONY: run live check quick test bench bench-alarms bench-ingest bench-outage faults mutation fuzz audit lint kafka-test replicas-test compose-test pictures dashboards dashboards-check lock clean

VENV ?= .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
PYTHON ?= python3
# On a terminal the first set-up shows its progress.
QUIET := $(shell [ -t 2 ] || echo -q)
RATE ?= 50
SECONDS_EACH ?= 60
MINUTES ?= 10
OUTAGE_RATE ?= 500
PAGE ?= http://127.0.0.1:8000
# Test processes; with more of them than cores, timed tests miss their deadlines.
WORKERS ?= 2
QUICK ?= tests/contract tests/property tests/unit
# Compiled modules are kept whatever the environment says: every start but the first is a second faster.
export PYTHONDONTWRITEBYTECODE :=

run: $(VENV)/.run
	@$(BIN)/python -m simulator prepare
	@exec $(BIN)/tidegauge run

# A model's service, traffic against it and Tidegauge, without containers; RATE is in flights per second.
live: $(VENV)/.run
	@$(BIN)/python -m simulator prepare
	@exec $(BIN)/python -m simulator.live --rate $(RATE)

# The fast check of a change.
check: lint quick

# No Postgres, no browser, nothing that takes seconds.
quick: $(VENV)/.dev
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal -m "not (slow or postgres or browser or compose)" \
		$(QUICK)

# A file runs in one process, so that its fixtures are set up once; the longest files come first.
test: $(VENV)/.dev
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder --ignore=tests/benchmarks

bench: $(VENV)/.dev
	$(BIN)/python -m pytest tests/benchmarks --benchmark-enable -q

# False alarms, power and speed of drift alarms: docs/benchmarks/alarms.md. ARGS=--quick prints fewer draws.
bench-alarms: $(VENV)/.dev
	nice -n 15 $(BIN)/python -m tests.benchmarks.alarms $(ARGS)

# Kills and faults while rows are sent, an hour at most: docs/testing.md. Goes on where it was; ARGS=--again starts over.
faults: $(VENV)/.dev
	nice -n 10 $(BIN)/python -m tests.faults.live $(ARGS)

# Rows are sent while the database is away; ten minutes and more: docs/benchmarks/outage.md.
bench-outage: $(VENV)/.dev
	nice -n 5 $(BIN)/python -m tests.benchmarks.outage --minutes $(MINUTES) --rate $(OUTAGE_RATE)

# Rows taken in beside COPY, single rows per second, latency and memory: docs/benchmarks/ingest.md. On a quiet
# machine of two cores; ARGS=--quick sends a fifth.
bench-ingest: $(VENV)/.dev
	$(BIN)/python -m tests.benchmarks.ingest $(ARGS)

# Changes one expression at a time and says which changes no test sees: docs/testing.md. Not for CI.
# ROOM=windows runs one room of tools/mutation/rooms.py.
mutation: $(VENV)/.dev
	$(BIN)/python -m tools.mutation $(ROOM)

# Invents bytes for every decoder of what is sent (TARGET=parquet: for one), and requests for every path of the
# API: docs/testing.md. atheris has wheels for Linux on x86-64 alone. CI plays tests/fuzz/corpus.
fuzz: $(VENV)/.fuzz
	$(BIN)/python -m tests.fuzz $(TARGET) --seconds $(SECONDS_EACH)
	API_EXAMPLES=100 $(BIN)/python -m pytest -q tests/integration/service/test_openapi.py

# Known weaknesses of what is installed, from the registry's advisories. Fails where these cannot be had, instead
# of finding nothing.
audit: $(VENV)/.audit
	$(BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements.lock

lint: $(VENV)/.dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Three replicas and 60 monitors; one killed, one paused for a minute, one added: docs/replicas.md. Minutes. Then
# the same with a monitor of every way in, which ARGS=doors plays alone; needs Java and Maven.
replicas-test: $(VENV)/.dev
	$(BIN)/python -m tests.faults.replicas $(ARGS)

# A million rows through a real broker, both sides killed five times: docs/kafka.md. Needs Java and Maven.
kafka-test: $(VENV)/.dev
	KAFKA_ROWS=$(or $(ROWS),1000000) KAFKA_KILLS=$(or $(KILLS),5) $(BIN)/python -m pytest -q -s \
		tests/integration/kafka/test_topic.py -k kills_of_both_sides

compose-test: $(VENV)/.dev
	$(BIN)/python -m pytest -q -m compose tests/compose

# Pictures of every state of the page, into .data/pictures, and of the running demo (`make run` in another
# terminal) for the docs; needs Debian's chromium.
pictures: $(VENV)/.dev
	$(BIN)/python -m tests.browser.pictures $(PAGE)

# Write the JSON of config/grafana/dashboards from tools/grafana.
dashboards: $(VENV)/.dev
	$(BIN)/python -m tools.grafana

# Check it against Grafana's own types: needs node 20 and npm.
dashboards-check:
	cd tests/grafana_schema && npm ci --silent && npm run -s check

# Everything is pinned with hashes; the build backend is in the development lock.
lock: $(BIN)/uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --all-extras pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --all-extras --group dev pyproject.toml -o requirements-dev.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-deps --group fuzz -o requirements-fuzz.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --group audit -c requirements-dev.lock -o requirements-audit.lock

$(BIN)/uv:
	@[ -n "$(QUIET)" ] || echo "setting up $(VENV) (once, a minute or less)" >&2
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/.run: $(BIN)/uv requirements.lock pyproject.toml client/pyproject.toml
	@$(BIN)/uv pip install $(QUIET) --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps -e . -e client
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	@$(BIN)/uv pip install $(QUIET) --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/.fuzz: $(VENV)/.dev requirements-fuzz.lock
	@$(BIN)/uv pip install $(QUIET) --python $(BIN)/python --require-hashes -r requirements-fuzz.lock
	@touch $@

$(VENV)/.audit: $(VENV)/.dev requirements-audit.lock
	@$(BIN)/uv pip install $(QUIET) --python $(BIN)/python --require-hashes -r requirements-audit.lock
	@touch $@

clean:
	rm -rf $(VENV) .data
