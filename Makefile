PYTHON ?= python3
# One thread a process: pytest runs one process a core.
ONE_THREAD = OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
MARKDOWN = $(wildcard README.md CONTRIBUTING.md CHANGELOG.md) $(shell git ls-files 'docs/*.md')

.PHONY: lint test slow docs bench dist

lint:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

test:
	$(ONE_THREAD) $(PYTHON) -m pytest -n auto --dist worksteal

# What takes about an hour of processor time: a hundred kills, every byte of a file, long state machines.
slow:
	$(ONE_THREAD) $(PYTHON) -m pytest -n auto --dist worksteal -m slow tests

# The examples of the pages run in `make test`; those of the gallery run here.
docs:
	$(PYTHON) docs/check_links.py $(MARKDOWN)
	$(ONE_THREAD) $(PYTHON) -m sphinx -q -W --keep-going -b html docs docs/_build/html
	! grep -rlE --include='*.html' '&gt;&gt;&gt; |^\.\.\. ' docs/_build/html
	@echo "The site: docs/_build/html/index.html"

# A release: built, checked, installed in an empty environment and tried there.
dist:
	.ci/dist

bench:
	$(PYTHON) benchmarks/import_time.py
	$(PYTHON) benchmarks/scores.py
	$(PYTHON) benchmarks/learner.py
	$(PYTHON) benchmarks/selection.py
	$(PYTHON) benchmarks/simulation.py
	$(PYTHON) benchmarks/record.py
	$(PYTHON) benchmarks/null_strategy.py
	$(PYTHON) benchmarks/labels_saved.py
	$(PYTHON) benchmarks/regressors.py
	$(PYTHON) benchmarks/replication.py
