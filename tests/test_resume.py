"""A learner that was saved goes on in a new process as it would have in the old one."""

import json
import pickle
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from skactive import ActiveLearner
from skactive.strategies import Subpool

X, TRUTH = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"], dtype=object)

LEARNERS = {
    "margin": ActiveLearner(LogisticRegression(max_iter=500), "margin", random_state=0),
    "random": ActiveLearner(LogisticRegression(max_iter=500), "random"),
    "forest": ActiveLearner(RandomForestClassifier(n_estimators=5), "vote_entropy"),
    "subpool": ActiveLearner(LogisticRegression(max_iter=500), Subpool("entropy", 0.3)),
}

GO_ON = """
    import json, pickle, sys
    from sklearn.datasets import load_iris
    from skactive import Pool
    X = load_iris().data
    with open(sys.argv[1], "rb") as file:
        steps = pickle.load(file)
    asked = []
    for learner, blueprint, path in steps:
        resumed = blueprint.fit(Pool.load(path, X))
        asked.append([each.query(n_instances=4)[0].tolist() for each in (learner, resumed)])
    print(json.dumps(asked))
"""


def steps_of(learner):
    """Do something with a learner, and yield after each step."""
    learner.fit(X)
    yield  # cold: nothing is labelled
    for row in (0, 60, 120, 1):
        learner.teach(row, NAMES[TRUTH[row]])
        yield
    idx, _ = learner.query(n_instances=5)
    learner.teach(idx, NAMES[TRUTH[idx]], annotator="Ada")
    yield
    learner.teach(learner.query()[0], None)  # skipped
    yield
    learner.pool_.reserve(learner.pool_.unlabeled[:2], "Ben")
    learner.pool_.undo(2)
    learner.refit()
    yield
    learner.teach(0, NAMES[1], relabel=True)
    yield


@pytest.mark.parametrize("kind", LEARNERS)
def test_a_learner_saved_after_any_step_asks_for_the_same_rows_in_a_new_process(kind, tmp_path):
    learner = LEARNERS[kind]
    blueprint = pickle.loads(pickle.dumps(learner))
    steps, expected = [], []
    for number, _ in enumerate(steps_of(learner)):
        path = tmp_path / f"{number}.npz"
        learner.pool_.save(path)
        steps.append((pickle.loads(pickle.dumps(learner)), blueprint, path))
        expected.append([learner.query(n_instances=4)[0].tolist()] * 2)
    (tmp_path / "steps.pickle").write_bytes(pickle.dumps(steps))
    command = [sys.executable, "-c", textwrap.dedent(GO_ON), str(tmp_path / "steps.pickle")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(done.stdout) == expected
    assert len({tuple(rows[0]) for rows in expected}) > 4  # steps do ask for different rows
