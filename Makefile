# make demo: set up and run the main job on the embedded sample.   make test: set up and pass the tests.
PYTHON ?= python3.11
TORCH ?= torch==2.13.0
# Where CPU builds of torch are, asked only if pip's own sources would bring CUDA. For a GPU: make setup TORCH_CUDA=1
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
TORCH_CUDA ?=
V := .venv/bin

.PHONY: setup demo test check lint types bench train lock fuzz faults bar coverage mutants audit clean

setup: .venv/ready

.venv/ready: pyproject.toml requirements.lock Makefile
	test -x $(V)/python || $(shell command -v $(PYTHON) || echo python3) -m venv .venv
	@$(V)/python -c 'import sys; v = sys.version_info[:2]; sys.exit(f"sca_nlp needs Python 3.11 to 3.13, .venv has {v[0]}.{v[1]}; run: make clean; make PYTHON=python3.11 setup" if not (3, 11) <= v <= (3, 13) else 0)'
	$(V)/python .ci/torch_cpu.py "$(TORCH)" "$(TORCH_INDEX)" "$(TORCH_CUDA)"
	$(V)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(V)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: setup
	$(V)/sca run configs/sample.toml

test: check
	$(V)/python -m pytest

check: lint types

lint: setup
	$(V)/ruff check .
	$(V)/ruff format --check .

types: setup
	$(V)/mypy

# The real data that benchmarks and training read; tests that want it look for SCA_DATA or ../shared/data and skip without.
bench train: export SCA_DATA ?= ../shared/data

bench: setup
	$(V)/python -m training.bench --data $$SCA_DATA

train: setup
	$(V)/sca train configs/train.toml

# Every reader on damaged files, for FUZZ_SECONDS or FUZZ_RUNS executions; led by coverage where atheris is installed.
FUZZ_SECONDS ?= 600
FUZZ_RUNS ?= 1000000
fuzz: setup
	$(V)/python -m tests.fuzz.campaign --seconds $(FUZZ_SECONDS) --runs $(FUZZ_RUNS)

# Kills, full disks, damage and a second process while runs are made; minutes.
FAULT_KILLS ?= 200
faults: setup
	$(V)/python -m tests.faults.campaign --kills $(FAULT_KILLS)

# How often each statistic cries out where nothing is, and each interval covers what is: thousands of worlds, some minutes of
# one core. BAR="--only gap --worlds 2000" takes one of them; what was measured is added to build/bar.json.
BAR ?=
bar: export OMP_NUM_THREADS := 1
bar: setup
	mkdir -p build
	$(V)/python -m tests.bar --out build/bar.json $(BAR)

# The share of branches that the tests reach in the rooms that read, keep and count (.ci/branches.py names them), also in
# processes that they start; 1 where a room is below 90 %.
COVERAGE_TESTS := tests/read tests/pipeline tests/prevalence tests/compare tests/validity tests/faults \
  $(addprefix tests/test_,$(addsuffix .py,agreement aggregate chronologies config makeup places registry \
  simulate store transactions))
coverage: export COVERAGE_FILE := $(CURDIR)/.coverage
coverage: setup
	$(V)/coverage erase
	$(V)/coverage run -m pytest $(COVERAGE_TESTS)
	$(V)/coverage combine -q
	$(V)/python .ci/branches.py

# Small changes to the statistics and the store that a test should notice; one in ten unless MUTANTS says which. mutmut is
# not in the lock: .venv/bin/pip install mutmut
MUTANTS ?= *__mutmut_*7
MUTANT_JOBS ?= 2
mutants: export OMP_NUM_THREADS := 1
mutants: setup
	@$(V)/pip show -q mutmut || { echo "mutants: not done: $(V)/pip install mutmut"; exit 1; }
	$(V)/mutmut run --max-children $(MUTANT_JOBS) '$(MUTANTS)'
	$(V)/mutmut results

# Known holes in the locked dependencies; asks a service on the network, and says so where it cannot.
audit: setup
	$(V)/python .ci/audit.py

# Rewrite requirements.lock from the open ranges in pyproject.toml. torch stays out: it is installed first, as a CPU build.
lock: setup
	$(V)/python .ci/lock.py
	$(V)/python .ci/sbom.py

clean:
	rm -rf .venv build dist
