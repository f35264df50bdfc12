# make help lists the commands. Each makes the project's own environment in .venv on first use and reuses it after.
PYTHON ?= python3
VENV ?= .venv
ifeq ($(OS),Windows_NT)
  BIN := $(VENV)/Scripts
else
  BIN := $(VENV)/bin
endif
LIBRARY ?=
MODEL ?=
STORE ?=
PORT ?=
LOCKED ?=
LONG ?=
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
CHOSEN = $(if $(LIBRARY),--library "$(LIBRARY)") $(if $(MODEL),--model "$(MODEL)") $(if $(STORE),--store "$(STORE)") $(if $(PORT),--port $(PORT))
PIP := $(BIN)/python -m pip --disable-pip-version-check
.DEFAULT_GOAL := help
# Large blocks that were freed are kept: giving them back to Linux and clearing new ones takes as long as the training
KEPT = GLIBC_TUNABLES=glibc.malloc.mmap_threshold=8589934592:glibc.malloc.trim_threshold=17179869184:glibc.malloc.hugetlb=1

.PHONY: help packages chat test lint bench bench-answers bench-retrieval bench-index bench-speed bench-load bench-gpu bench-page torture fuzz soak train lock audit screenshots clean

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Cocorico needs Python 3.11 or later; this is %s. Name another: make PYTHON=python3.12" % sys.version.split()[0])'
	@echo "Making the environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.app: $(VENV)/.made requirements.txt
	@echo "Installing what the app runs on (once)"
	@$(MAKE) --no-print-directory packages
	@touch $@

# PyPI's torch brings gigabytes of CUDA on Linux: where no NVIDIA driver is, the processor's own is tried first.
packages:
	@if [ "$$(uname)" = Linux ] && [ ! -e /proc/driver/nvidia/version ]; then \
	  $(PIP) install -q --retries 0 --timeout 10 --index-url $(TORCH_INDEX) $$(grep ^torch== requirements.txt) 2>/dev/null \
	  || echo "PyTorch's own index doesn't answer: torch comes from where pip looks, perhaps with CUDA libraries that nothing here uses"; fi
	@$(if $(LOCKED),$(PIP) install --require-hashes --no-deps -r requirements.lock)
	@$(PIP) install -r requirements.txt

$(VENV)/.test: $(VENV)/.app requirements-test.txt requirements-llama-index.txt
	@echo "Installing what the tests need (once)"
	@$(PIP) install -r requirements-test.txt
	@$(PIP) install -q --no-warn-conflicts --upgrade --target $(VENV)/llama-index -r requirements-llama-index.txt
	@touch $@

chat: $(VENV)/.app ## talk with the documents in a browser (LIBRARY=folder MODEL=spec STORE=url PORT=number)
	@$(BIN)/python -m rag serve $(CHOSEN)

test: $(VENV)/.test ## run all tests, on two processors at once (LONG=1 for those in the other language too)
	@sh tests/browser/install_chromium.sh
	@$(BIN)/python -m rag models --fetch --with-small
	@$(BIN)/python -m pytest -n 2 --dist loadfile -p tests.own_cores --durations 40 $(if $(LONG),-m "")

lint: $(VENV)/.test ## check the style, the shape and the types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/python .ci/shape.py
	@$(BIN)/mypy

bench: $(VENV)/.test ## answer our questions on the article and say how many were right, how fast
	@$(BIN)/python -m bench.answers article

bench-answers: $(VENV)/.test ## answer the public sets too, and say how often that was right or declined
	@$(BIN)/python -m bench.answers article piaf_fr piaf_en nomiracl-fr nomiracl-en

bench-retrieval: $(VENV)/.test ## measure the search on the public sets
	@$(BIN)/python -m bench.retrieval

bench-index: $(VENV)/.test ## measure reading in, opening and searching libraries of up to a million passages
	@$(BIN)/python -m bench.index

bench-speed: $(VENV)/.test ## measure the waits: first word, writing, Stop, several at once, the start
	@$(BIN)/python -m bench.speed

bench-load: $(VENV)/.test ## have fifty people ask at once, over a stand-in for a server of models
	@$(BIN)/python -m bench.load

bench-gpu: $(VENV)/.test ## measure a model of the shape of Mistral 7B on this machine's GPU
	@$(BIN)/python -m bench.gpu

bench-page: $(VENV)/.test ## measure first paint, typing and scrolling in a browser
	@$(BIN)/python -m bench.page

$(VENV)/.train: $(VENV)/.app requirements-train.txt
	@$(PIP) install -r requirements-train.txt
	@touch $@

train: $(VENV)/.train ## teach the default model to read (many hours; goes on where it stopped; STEPS=number SMALL=1 for a trial)
	@$(BIN)/python -m rag models --fetch $(if $(SMALL),--with-small)
	@$(BIN)/python -m train.sets
	@$(KEPT) $(BIN)/python -m train.fit --steps $(or $(STEPS),2000) $(if $(SMALL),--small)
	@$(BIN)/python -m train.export $(if $(SMALL),--small)

torture: $(VENV)/.test ## kill the writers of a library a thousand times at random moments (about ten minutes)
	@$(BIN)/python -m tests.faults.torture --kills 1000

fuzz: $(VENV)/.test ## give the readers 100,000 spoilt files and the doors odd requests (about an hour)
	@$(BIN)/python -m tests.faults.fuzz readers
	@$(BIN)/python -m tests.faults.fuzz doors

soak: $(VENV)/.test ## use a page for twenty minutes as many people would, and see whether it grows
	@$(BIN)/python -m tests.faults.soak

lock: $(VENV)/.app ## write requirements.lock, the packages with their hashes (make chat LOCKED=1 installs from it)
	@$(BIN)/python .ci/lock.py

build/audit/.made: requirements-audit.txt
	@$(PYTHON) -m venv build/audit
	@build/audit/$(notdir $(BIN))/python -m pip --disable-pip-version-check install -q -r requirements-audit.txt
	@touch $@

audit: $(VENV)/.app build/audit/.made ## list what the app runs on (build/sbom.cdx.json), and which of it has known weaknesses (asks the network)
	@build/audit/$(notdir $(BIN))/cyclonedx-py environment --output-reproducible -o build/sbom.cdx.json $(BIN)/python
	@echo "The bill of materials is in build/sbom.cdx.json"
	@build/audit/$(notdir $(BIN))/pip-audit --disable-pip --no-deps --require-hashes -r requirements.lock

screenshots: $(VENV)/.test ## take the pictures in docs/screenshots
	@$(BIN)/python -m tests.browser.screenshots

clean: ## remove the environment and what the tools left (weights and indexes stay)
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build
