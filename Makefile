# Builds, checks, tests and measures every package. `make help` lists the targets.
# Each target does all the set-up that it needs; what is done once leaves a stamp in .venv/stamps.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
STAMPS := .venv/stamps
BIN := $(CURDIR)/.venv/bin
PACKAGE := bindings-python
PYTHON_TOO := benchmarks scripts examples/ray examples/spark
RUST_SOURCES := $(shell find core/src simd/src bindings-python/src -name '*.rs')

# cargo refuses a rustc older than the workspace's rust-version, although the code builds with it: say so once, here.
RUST_WANTED := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
RUST_FOUND := $(shell rustc --version | cut -d' ' -f2)
RUST_OLDEST := $(shell printf '%s\n' $(RUST_WANTED) $(RUST_FOUND) | sort -V | head -n 1)
CARGO_FLAGS := $(if $(filter $(RUST_WANTED),$(RUST_OLDEST)),,--ignore-rust-version) $(if $(CI),--locked)

# One interpreter for every build of pyo3, and no linking with libpython: it is the interpreter that loads the module.
export PYO3_PYTHON := $(BIN)/python
export PYO3_BUILD_EXTENSION_MODULE := 1
export PYRIGHT_PYTHON_CACHE_DIR := $(CURDIR)/target/pyright
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' Makefile

## set-up

.PHONY: setup
setup: $(STAMPS)/native $(STAMPS)/node $(STAMPS)/wasm ## build every package in its place

# The tools, in exact versions, from the group `dev` of pyproject.toml.
$(STAMPS)/tools: $(PACKAGE)/pyproject.toml
	scripts/need python3-venv $(PYTHON) -c 'import ensurepip, venv'
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, this is " + sys.version)'
	[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet pip==26.3
	$(BIN)/python -m pip install --quiet --group $(PACKAGE)/pyproject.toml:dev
	mkdir -p $(@D) && touch $@

$(STAMPS)/native: $(STAMPS)/tools $(RUST_SOURCES) $(wildcard Cargo.toml Cargo.lock core/Cargo.toml simd/Cargo.toml bindings-python/Cargo.toml)
	cd $(PACKAGE) && VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/maturin develop --release $(CARGO_FLAGS)
	touch $@

# Ray and Spark, which the tests of examples/ray and examples/spark start on this machine.
$(STAMPS)/cluster: $(STAMPS)/tools
	scripts/need openjdk-17-jre-headless java -version
	$(BIN)/python -m pip install --quiet --group $(PACKAGE)/pyproject.toml:cluster
	touch $@

# What a lock file names, to the letter. A lock file is made anew with
# `npm install --package-lock-only --omit-lockfile-registry-resolved` where there is no node_modules: beside one, npm
# leaves the packages of other platforms out.
%/node_modules/.package-lock.json: %/package.json %/package-lock.json
	cd $* && npm ci --no-audit --no-fund --loglevel=error
	touch $@

FACE_SOURCES := $(wildcard bindings-wasm/ts/*.ts)
CORE_SOURCES := $(shell find core/src simd/src -name '*.rs') Cargo.toml Cargo.lock core/Cargo.toml simd/Cargo.toml

$(STAMPS)/node: $(STAMPS)/tools bindings-node/node_modules/.package-lock.json $(CORE_SOURCES) $(FACE_SOURCES) $(wildcard $(addprefix bindings-node/,src/*.rs ts/*.ts *.json *.mjs Cargo.toml))
	cd bindings-node && npm run build
	touch $@

$(STAMPS)/wasm: $(STAMPS)/tools bindings-wasm/node_modules/.package-lock.json $(CORE_SOURCES) $(FACE_SOURCES) $(wildcard $(addprefix bindings-wasm/,src/*.rs *.json *.mjs Cargo.toml))
	cd bindings-wasm && npm run build
	touch $@

# The servers and clients of other people that the tests and the benchmarks talk to.
.PHONY: peers
peers:
	@scripts/need dovecot-pop3d test -e /usr/lib/dovecot/pop3
	@scripts/need curl curl --version
	@scripts/need mpop mpop --version
	@scripts/need fetchmail test -x /usr/bin/fetchmail
	@scripts/need getmail6 getmail --version
	@scripts/need openssl openssl version
	@scripts/need mpop test -x /usr/bin/mpopd

.PHONY: chromium
chromium:
	@scripts/need chromium test -x /usr/bin/chromium

.PHONY: browser-peers
browser-peers: chromium
	@scripts/need websockify test -x /usr/bin/websockify

## checks

.PHONY: lint
lint: lint-rust lint-python lint-js ## format, lints and types, of every language

# The first clippy reads the code as Python without its lock gets it: its stable ABI is another (none before 3.15), so it
# has a wheel of its own. The file describes that interpreter, which need not be here.
.PHONY: lint-rust
lint-rust: $(STAMPS)/tools
	cargo fmt --all --check
	PYO3_CONFIG_FILE=$(CURDIR)/scripts/free-threaded.cfg cargo clippy -p popmail-python $(CARGO_FLAGS) -- -D warnings
	cargo clippy --workspace --all-targets $(CARGO_FLAGS) -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps $(CARGO_FLAGS)

.PHONY: lint-python
lint-python: $(STAMPS)/native
	$(BIN)/ruff check --output-format concise --config $(PACKAGE)/pyproject.toml $(PACKAGE) $(PYTHON_TOO)
	$(BIN)/ruff format --check --config $(PACKAGE)/pyproject.toml $(PACKAGE) $(PYTHON_TOO)
	$(BIN)/python scripts/readme_blocks.py README.md target/readme
	cd $(PACKAGE) && $(BIN)/mypy python/popmail ../target/readme
	cd $(PACKAGE) && $(BIN)/pyright python/popmail ../target/readme

.PHONY: lint-js
lint-js: $(STAMPS)/node $(STAMPS)/wasm
	cd bindings-node && npm run check
	cd bindings-wasm && npm run check && npm run lint:package

.PHONY: test
test: lint test-rust test-python test-node test-wasm test-browser bench-quick size demo smoke ## every check, every test, the demo, and the wheel in an empty place
	@echo 'make test: all of it passed'

.PHONY: test-rust
test-rust: $(STAMPS)/tools
	cargo test --workspace $(CARGO_FLAGS)

.PHONY: test-python
test-python: $(STAMPS)/native $(STAMPS)/cluster peers
	cd $(PACKAGE) && $(BIN)/python -m pytest

.PHONY: test-node
test-node: $(STAMPS)/node $(STAMPS)/native peers
	cd bindings-node && npm test

.PHONY: test-wasm
test-wasm: $(STAMPS)/wasm $(STAMPS)/node
	cd bindings-wasm && npm test

.PHONY: test-browser
test-browser: $(STAMPS)/wasm $(STAMPS)/native browser-peers \
		bindings-wasm/tests/browser/node_modules/.package-lock.json examples/browser/node_modules/.package-lock.json
	cd bindings-wasm/tests/browser && npm test

.PHONY: demo
demo: $(STAMPS)/native $(STAMPS)/node ## fetch and decode the sample mail from the embedded server, over TLS
	$(BIN)/popmail demo
	cd bindings-node && npm run demo

# The peers in Rust, and the engine alone.
.PHONY: bench-rust
bench-rust: $(STAMPS)/tools
	cargo build --release -p popmail-benchmarks $(CARGO_FLAGS)

.PHONY: bench
bench: bench-rust $(STAMPS)/native $(STAMPS)/node $(STAMPS)/wasm peers chromium benchmarks/js/node_modules/.package-lock.json ## tables of figures, beside those of the peers; kept in target/bench.md
	$(BIN)/python benchmarks/run.py

# Figures that say nothing, so that what measures is seen to work: with programs that are built for tests.
.PHONY: bench-quick
bench-quick: $(STAMPS)/native $(STAMPS)/node $(STAMPS)/wasm peers chromium benchmarks/js/node_modules/.package-lock.json
	cargo test --workspace --test quick $(CARGO_FLAGS)
	$(BIN)/python benchmarks/run.py --quick

.PHONY: fuzz-smoke
fuzz-smoke: ## 20 seconds of odd octets for each fuzz target
	scripts/fuzz-smoke

## packages

.PHONY: size
size: $(STAMPS)/wasm ## the download of the browser build; fails above its budget
	cd bindings-wasm && npm run size

.PHONY: dist
dist: $(STAMPS)/native ## the wheel and the source package, in dist/
	rm -rf dist
	cd $(PACKAGE) && $(BIN)/maturin build --release --out ../dist $(CARGO_FLAGS)
	cd $(PACKAGE) && $(BIN)/maturin sdist --out ../dist

.PHONY: dist-free-threaded
dist-free-threaded: $(STAMPS)/tools ## the wheel for Python 3.14 without its lock, in dist/
	cd $(PACKAGE) && $(BIN)/maturin build --release -i python3.14t --out ../dist $(CARGO_FLAGS)

# What threads matter to, on a Python without its lock: `make test-free-threaded FREE_THREADED=/path/to/python3.14t`. One
# of 3.13 serves too, with UNSAFE_PYO3_SKIP_VERSION_CHECK=1, by which pyo3 tries what it says it does not support.
# The tests whose tools such a Python lacks (certificates, polars) are left to the ordinary one.
FREE_THREADED ?= python3.14t
THREADED := threads message vectors details compose legacy readers oracle sync
.PHONY: test-free-threaded
test-free-threaded: $(STAMPS)/tools ## the tests that threads matter to, on a Python without its lock
	$(FREE_THREADED) -c 'import sysconfig; assert sysconfig.get_config_var("Py_GIL_DISABLED")'
	rm -rf target/free-threaded && $(FREE_THREADED) -m venv target/free-threaded
	target/free-threaded/bin/python -m pip install --quiet --only-binary :all: pytest pytest-timeout click rich pyarrow
	cd $(PACKAGE) && PYO3_PYTHON=$(CURDIR)/target/free-threaded/bin/python $(BIN)/maturin build --release \
		-i $(CURDIR)/target/free-threaded/bin/python --out ../target/free-threaded/dist $(CARGO_FLAGS)
	target/free-threaded/bin/python -m pip install --quiet --no-deps target/free-threaded/dist/*.whl
	target/free-threaded/bin/python -W error -c 'import sys, popmail; assert not sys._is_gil_enabled()'
	cd $(PACKAGE) && ../target/free-threaded/bin/python -m pytest --noconftest $(THREADED:%=tests/test_%.py)

# The wheel as users get it: in an empty environment, away from the checkout.
.PHONY: smoke
smoke: dist
	rm -rf target/smoke && $(PYTHON) -m venv target/smoke
	target/smoke/bin/python -m pip install --quiet "$$(ls dist/*.whl)[testing]"
	cd target/smoke && bin/python -I -W error $(CURDIR)/scripts/smoke.py $(CURDIR)
	cd target/smoke && bin/popmail demo >demo.log
	@echo 'smoke: the wheel works in an empty place'

.PHONY: clean
clean: ## remove everything that was built or installed
	rm -rf target .venv dist $(PACKAGE)/python/popmail/*.so bindings-node/*.node
	rm -rf $(addsuffix /dist,bindings-node bindings-wasm examples/browser)
	rm -rf $(addsuffix /node_modules,bindings-node bindings-wasm bindings-wasm/tests/browser examples/browser benchmarks/js)
	find $(PACKAGE) benchmarks scripts -name __pycache__ -prune -exec rm -rf {} +
