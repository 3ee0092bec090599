"""What every strategy picks, frozen: each of them on three containers, asked twice.

``python tests/test_picks.py ratio`` writes down those of the strategy "ratio" alone: for a new
strategy, or for one whose picks an issue changes, in a commit of its own. Without a name, all are.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LogisticRegression, Ridge

from skactive import ActiveLearner, get_strategy_names
from skactive.strategies import (
    Dropout,
    Prefilter,
    Quantile,
    StochasticBatch,
    Subpool,
    Threshold,
    as_strategy,
)

FILE = Path(__file__).with_name("picks.json")
N, N_KNOWN, BATCH = 240, 30, 6
RNG = np.random.default_rng(7)
CODES = RNG.integers(0, 3, N)
NUMBERS = RNG.normal(size=(N, 5)) + 1.2 * np.eye(5)[CODES]
TARGET = NUMBERS[:, 0] - NUMBERS[:, 1] ** 2

CLASSIFIER, FOREST = LogisticRegression(C=0.5), RandomForestClassifier(12, max_depth=4)
PROCESS, RIDGE = GaussianProcessRegressor(optimizer=None, alpha=0.1), Ridge()
TREES = RandomForestRegressor(12, max_depth=4)
# The model of the first part that a strategy reads; all others are asked with the classifier.
MODELS = {"samples": FOREST, "value_samples": TREES, "std": PROCESS, "value": RIDGE}
FOR_NETS = {"adversarial_bim": "adversarial_bim", "dropout": Dropout("entropy", n_passes=5)}
WRAPPED = {
    "Subpool": Subpool("k_center", 0.5),
    "Prefilter": Prefilter("margin", "k_center", factor=5),
    "StochasticBatch": StochasticBatch("entropy"),
}
STREAMS = {name: name for name in get_strategy_names(stream=True)} | {
    "Threshold": Threshold("entropy", 0.9),
    "Quantile": Quantile("margin"),
}
STRATEGIES = {name: name for name in get_strategy_names()} | FOR_NETS | WRAPPED | STREAMS


def rows(container):
    """The same pool in each container, but for CSR, whose zeros are zeros."""
    if container == "array":
        return NUMBERS.astype(np.float32)
    if container == "CSR":
        return sparse.csr_matrix(np.where(np.abs(NUMBERS) > 0.4, NUMBERS, 0.0))
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(NUMBERS, columns=list("abcde"), index=np.arange(N)[::-1])


def net():
    """A small net with dropout, whose picks follow from a seed."""
    torch = pytest.importorskip("torch")
    skorch = pytest.importorskip("skorch")
    torch.manual_seed(0)  # of the module's own weights, with which each round begins
    layers = torch.nn.Linear(5, 8), torch.nn.ReLU(), torch.nn.Dropout(0.4), torch.nn.Linear(8, 3)
    return skorch.NeuralNetClassifier(
        torch.nn.Sequential(*layers),
        criterion=torch.nn.CrossEntropyLoss,
        max_epochs=8,
        lr=0.2,
        train_split=None,
        verbose=0,
    )


def picks(name, container):
    """What is picked in two rounds, as lists of row numbers."""
    X = rows(container)
    reads = as_strategy(STRATEGIES[name]).reads
    served = [model for what, model in MODELS.items() if what in reads]
    estimator = net() if name in FOR_NETS else [*served, CLASSIFIER][0]
    if estimator is PROCESS and container == "CSR":
        estimator = TREES  # which, unlike it, takes sparse rows
    if name in FOR_NETS and container != "array":
        pytest.skip("a net like this takes arrays")
    truth = TARGET if estimator in (PROCESS, RIDGE, TREES) else CODES
    is_known = np.arange(N) < N_KNOWN
    y = np.where(is_known, truth, np.nan if truth is TARGET else -1)
    learner = ActiveLearner(estimator, STRATEGIES[name], random_state=3).fit(X, y)
    if name in STREAMS:
        return streamed(learner, X)
    found = []
    for _ in range(2):
        idx = learner.query(n_instances=BATCH)[0]
        found.append(idx.tolist())
        learner.teach(idx, truth[idx])
    return found


def streamed(learner, X):
    """What is bought of the rows that have no label, in two chunks."""
    found = []
    for start, stop in ((N_KNOWN, 130), (130, N)):
        chunk = X.iloc[start:stop] if hasattr(X, "iloc") else X[start:stop]
        idx, bought = learner.query(chunk)
        found.append(idx.tolist())
        if len(idx):
            learner.teach(bought, CODES[start + idx])
    return found


CELLS = [(name, container) for name in STRATEGIES for container in ("array", "CSR", "frame")]
CELLS = [cell for cell in CELLS if cell[0] not in FOR_NETS or cell[1] == "array"]


@pytest.mark.parametrize(("name", "container"), CELLS)
def test_picks_are_those_written_down(name, container):
    frozen = json.loads(FILE.read_text(encoding="utf-8"))
    if sklearn.__version__.split(".")[:2] != frozen["scikit-learn"].split(".")[:2]:
        pytest.skip(f"the picks were written down with scikit-learn {frozen['scikit-learn']}")
    assert picks(name, container) == frozen["picks"][f"{name} {container}"]


def renewed(frozen, names):
    """The picks to write down: those of these strategies anew, the others as they were."""
    unknown = set(names) - set(STRATEGIES)
    if unknown:
        raise SystemExit(f"{sorted(unknown)} are no strategies; give some of {sorted(STRATEGIES)}.")
    with warnings.catch_warnings(action="ignore"):  # of ties, and of models on few rows
        return {
            f"{name} {container}": picks(name, container)
            if name in names or not names
            else frozen[f"{name} {container}"]
            for name, container in CELLS
        }


def test_a_name_writes_down_that_strategy_alone():
    frozen = {f"{name} {container}": [name] for name, container in CELLS}
    found = renewed(frozen, ["random"])
    changed = {cell for cell in found if found[cell] != frozen[cell]}
    assert changed == {"random array", "random CSR", "random frame"}
    with pytest.raises(SystemExit, match="'randm'"):
        renewed(frozen, ["randm"])


if __name__ == "__main__":
    found = renewed(json.loads(FILE.read_text(encoding="utf-8"))["picks"], sys.argv[1:])
    lines = ",\n".join(f"  {json.dumps(cell)}: {json.dumps(rows)}" for cell, rows in found.items())
    FILE.write_text(
        f'{{"scikit-learn": "{sklearn.__version__}", "picks": {{\n{lines}\n}}}}\n', encoding="utf-8"
    )
