"""A learner that was saved goes on in a new process as it would have in the old one."""

import json
import os
import pickle
import subprocess
import sys
import textwrap

import joblib
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
    "entropy": ActiveLearner(RandomForestClassifier(n_estimators=5), "entropy"),
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


ROUNDS = """
    import json, pickle, sys
    import joblib
    import numpy as np
    from sklearn.datasets import load_iris
    from skactive import Pool
    X, truth = load_iris(return_X_y=True)
    with open(sys.argv[1], "rb") as file:
        blueprint = pickle.load(file)
    resumed = blueprint.fit(Pool.load(sys.argv[2], np.vstack([X[:100], X[100:110], X[130:132]])))
    print(json.dumps([go_on(each, X, truth) for each in (joblib.load(sys.argv[3]), resumed)]))
"""
GO_ON_FOR_ROUNDS = '''
def go_on(learner, X, truth):
    """Rounds over the pool and over rows from outside; what is asked for, and with which scores."""
    asked, names = [], ["setosa", "versicolor", "virginica"]
    for _ in range(3):
        idx, rows = learner.query(n_instances=3)
        learner.teach(idx, [names[truth[np.flatnonzero((X == row).all(1))[0]]] for row in rows])
        positions, rows, scores = learner.query(X[110:130], n_instances=2, return_scores=True)
        learner.teach(rows, ["virginica"] * 2)
        asked.append([idx.tolist(), positions.tolist(), scores.tolist()])
        asked.append(learner.predict_proba(X[::10]).tolist())
    return asked
'''


@pytest.mark.parametrize("kind", ["margin", "random", "entropy"])
def test_a_resumed_learner_goes_on_for_rounds_with_the_same_rows_scores_and_fits(kind, tmp_path):
    learner = LEARNERS[kind]
    blueprint = pickle.dumps(learner)
    (tmp_path / "blueprint").write_bytes(blueprint)
    learner = pickle.loads(blueprint).fit(
        X[:100], np.where(np.arange(100) % 20, None, NAMES[TRUTH[:100]])
    )
    learner.extend(X[100:110], np.where(np.arange(10) % 5, None, NAMES[2]))
    learner.query(X[120:140])
    learner.teach(X[130:132], [NAMES[2], None])
    learner.pool_.skip(learner.pool_.unlabeled[:1])
    learner.pool_.save(tmp_path / "pool.npz")
    joblib.dump(learner, tmp_path / "learner.joblib")
    command = [
        sys.executable,
        "-c",
        "import numpy as np" + GO_ON_FOR_ROUNDS + textwrap.dedent(ROUNDS),
    ]
    command += [str(tmp_path / name) for name in ("blueprint", "pool.npz", "learner.joblib")]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env=os.environ | {"PYTHONHASHSEED": "1234"},
    )
    space = {"np": np}
    exec(GO_ON_FOR_ROUNDS, space)  # the same lines in this process
    expected = json.loads(json.dumps(space["go_on"](learner, X, TRUTH)))
    for asked in json.loads(done.stdout):
        np.testing.assert_equal(asked, expected)


@pytest.mark.parametrize("kind", ["margin", "entropy"])
def test_labels_that_wait_for_a_refit_wait_in_a_pickle_and_are_learned_from_a_file(kind, tmp_path):
    learner = pickle.loads(pickle.dumps(LEARNERS[kind]))
    blueprint = pickle.loads(pickle.dumps(learner))
    learner.fit(X, [NAMES[t] if i % 25 == 0 else None for i, t in enumerate(TRUTH)])
    learner.teach([1, 61, 121], NAMES[TRUTH[[1, 61, 121]]], refit=False)
    learner.pool_.save(tmp_path / "0.npz")
    kept = pickle.dumps(learner)
    waiting = learner.query(n_instances=6)[0].tolist()
    learned = learner.refit().query(n_instances=6)[0].tolist()
    assert waiting != learned
    (tmp_path / "steps").write_bytes(
        pickle.dumps([(pickle.loads(kept), blueprint, tmp_path / "0.npz")])
    )
    script = textwrap.dedent(GO_ON).replace("n_instances=4", "n_instances=6")
    command = [sys.executable, "-c", script, str(tmp_path / "steps")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(done.stdout) == [[waiting, learned]]
