"""What comes back read-only, mapped by joblib, goes on as what is in memory."""

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier

from skactive import ActiveLearner, Pool

N = 300
X = np.random.default_rng(0).normal(size=(N, 3))
TRUTH = (X[:, 0] > 0).astype(int)
Y = np.where(np.arange(N) < 40, TRUTH, -1)


def mapped(thing, tmp_path):
    """The same from a file, its arrays mapped for reading alone."""
    joblib.dump(thing, tmp_path / "thing")
    return joblib.load(tmp_path / "thing", mmap_mode="r")


def pool():
    pool = Pool(X, Y)
    pool.label([50], [1])
    return pool


def use_pool(pool):
    """Every kind of operation; what the pool is then."""
    is_writable = pool.rows.parts[0].flags.writeable
    pool.label([60, 61], [0, 1])
    pool.skip([70])
    pool.reserve([71], name="A")
    pool.undo(2)
    pool.unlabel([60])
    pool.skip([80])
    pool.restore([80])
    pool.extend(X[:2], [1, -1])
    pool.label([0], [1 - int(pool.y[0])], relabel=True)
    states = (pool.labeled, pool.unlabeled, pool.skipped, pool.reserved, pool.y)
    return is_writable, [each.tolist() for each in states]


LEARNERS = {
    "refit": lambda: ActiveLearner(LogisticRegression(), random_state=0),
    "sgd by partial_fit": lambda: ActiveLearner(
        SGDClassifier(loss="log_loss"), update="partial_fit", random_state=0
    ),
    "bayes by partial_fit": lambda: ActiveLearner(
        GaussianNB(), update="partial_fit", random_state=0
    ),
    "sgd by warm start": lambda: ActiveLearner(
        SGDClassifier(loss="log_loss", warm_start=True), update="warm_start", random_state=0
    ),
    "mlp by warm start": lambda: ActiveLearner(
        MLPClassifier((4,), max_iter=5, warm_start=True), update="warm_start", random_state=0
    ),
    "diverse": lambda: ActiveLearner(LogisticRegression(), "k_center", random_state=0),
}


def use(learner):
    """Two rounds, a label taken back, rows that join; what the learner says then."""
    for _ in range(2):
        idx, _rows = learner.query(n_instances=4)
        learner.teach(idx, TRUTH[idx], sample_weight=np.full(4, 2.0))
    learner.pool_.undo()
    learner.refit()
    learner.extend(X[:2], TRUTH[:2], sample_weight=[1.0, 3.0])
    learner.query(X[:50], n_instances=2)
    return learner.predict(X).tolist(), learner.pool_.labeled.tolist()


def learner(name):
    one = LEARNERS[name]()
    weights = {} if isinstance(one.estimator, MLPClassifier) else {"sample_weight": np.ones(N)}
    return one.fit(X, Y, **weights)


def test_a_pool_that_was_mapped_takes_every_operation(tmp_path):
    _, expected = use_pool(pool())
    assert use_pool(mapped(pool(), tmp_path)) == (False, expected)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", LEARNERS)
def test_a_learner_that_was_mapped_learns_as_one_in_memory(name, tmp_path):
    fitted = learner(name)
    fitted.query(n_instances=2)  # whatever that keeps is mapped too
    back = mapped(fitted, tmp_path)
    coefficients = getattr(back.estimator_, "coef_", X.view())
    assert not coefficients.flags.writeable or name.startswith(("bayes", "mlp"))
    if not name.startswith("mlp"):  # which takes no weights
        assert use(back) == use(fitted)
    else:
        idx, _rows = back.query(n_instances=4)
        assert back.teach(idx, TRUTH[idx]).predict(X).tolist() == (
            fitted.teach(idx, TRUTH[idx]).predict(X).tolist()
        )


def test_pools_and_learners_work_in_the_processes_of_joblib():
    """Arrays of more than `max_nbytes` reach them mapped, and read-only."""
    calls = [(use_pool, pool()), (use, learner("sgd by partial_fit"))]
    expected = [call(thing) for call, thing in calls]
    calls = [(use_pool, pool()), (use, learner("sgd by partial_fit"))]
    parallel = joblib.Parallel(2, max_nbytes=64)
    got = parallel(joblib.delayed(call)(thing) for call, thing in calls)
    assert got[0] == (False, expected[0][1]) and got[1] == expected[1]
