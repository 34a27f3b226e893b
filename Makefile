# make help lists what there is. Everything runs in .venv, which is made when it is missing or out of date.
PACKAGES := suites policy ikecore ikev1 ikev2 esp tundev ikebana
PYTHONS := $(PACKAGES) tests $(wildcard benchmarks examples) $(wildcard .ci/*.py)
BIN := .venv/bin
READY := .venv/.set-up

.PHONY: help demo test lint bench interop soak lock packages

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(READY) ## two gateways, a host behind each, traffic through the tunnel
	@$(BIN)/python -m ikebana.demo

test: $(READY) packages ## every test; as root also those against real peers, beside the others
	@$(BIN)/python .ci/test.py

lint: $(READY) ## style, types, import contracts, the rules of the house
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy $(PYTHONS)
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python .ci/check_house.py

bench: $(READY) packages ## how fast, beside strongSwan in the same run: build/bench (BENCH="tunnel --quick")
	@$(BIN)/python -m benchmarks $(BENCH)

interop: $(READY) packages ## only the tests against real peers: build/interop.xml and a table
	@mkdir -p build
	@status=0; $(BIN)/pytest tests/interop -rs --junitxml=build/interop.xml || status=$$?; \
		$(BIN)/python .ci/interop_table.py build/interop.xml; exit $$status

soak: $(READY) packages ## the long tests too
	@$(BIN)/pytest --soak --timeout 0 -rs

lock: ## write requirements.lock anew from pyproject.toml (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: pipx install uv" >&2; exit 1; }
	@uv pip compile pyproject.toml --all-extras --universal --generate-hashes --upgrade \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
		-q -o requirements.lock

packages:
	@.ci/setup packages

$(READY): requirements.lock pyproject.toml .ci/setup
	@.ci/setup venv
