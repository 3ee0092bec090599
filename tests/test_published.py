"""Numbers that others have published, through the public strategies."""

import numpy as np
import pytest
from scipy.stats import entropy as entropy_of
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.ensemble import VotingClassifier
from sklearn.semi_supervised import LabelSpreading

from skactive import ActiveLearner

P = np.array([[0.1, 0.85, 0.05], [0.6, 0.3, 0.1], [0.39, 0.61, 0.0]])
VOTES = np.array([[0, 1, 0], [1, 1, 2], [0, 1, 2], [2, 2, 2], [1, 2, 2]])  # rows by members


class Told(ClassifierMixin, BaseEstimator):
    """Answer row number i, which is all that a row holds, with the i-th row of P."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return P[np.asarray(X)[:, 0] % len(P)]

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class Voter(ClassifierMixin, BaseEstimator):
    """Vote on row number i as the given member does."""

    def __init__(self, member):
        self.member = member

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return self.classes_[VOTES[np.asarray(X)[:, 0] % len(VOTES), self.member]]


def asked(estimator, strategy, n, labels):
    """A learner over n rows that are their own number, with three labelled rows behind them."""
    X = np.append(np.arange(n), [0, 0, 0])[:, None]
    return ActiveLearner(estimator, strategy).fit(X, [*[-1] * n, *labels])


@pytest.mark.parametrize("labels", [[0, 1, 2], ["a", "b", "c"]])
@pytest.mark.parametrize(
    ("strategy", "published", "order"),
    [
        ("least_confidence", [0.15, 0.4, 0.39], [1, 2, 0]),
        ("margin", [-0.75, -0.3, -0.22], [2, 1, 0]),
        ("entropy", [0.51818621, 0.89794572, 0.66874809], [1, 2, 0]),
    ],
)
def test_uncertainty_has_its_published_values_and_order(strategy, published, order, labels):
    learner = asked(Told(), strategy, 3, labels)
    idx, _, scores = learner.query(n_instances=3, return_scores=True)
    np.testing.assert_allclose(scores[:3], published, rtol=0, atol=5e-9)
    assert idx.tolist() == order
    outside = np.arange(3)[:, None]
    assert learner.query(outside, 3)[0].tolist() == order
    np.testing.assert_array_equal(learner.scores(outside), scores[:3])


@pytest.mark.parametrize("labels", [[0, 1, 2], ["a", "b", "c"]])
def test_vote_entropy_has_its_published_values(labels):
    members = [(f"voter{member}", Voter(member)) for member in range(3)]
    learner = asked(VotingClassifier(members), "vote_entropy", 5, labels)
    idx, _, scores = learner.query(n_instances=5, return_scores=True)
    published = [0.63651417, 0.63651417, 1.09861229, 0.0, 0.63651417]
    np.testing.assert_allclose(scores[:5], published, rtol=0, atol=5e-9)
    assert (idx[0], idx[-1]) == (2, 3)
    assert sorted(idx[1:4].tolist()) == [0, 1, 4]  # equal: in an order of chance


# scikit-learn's example plot_label_propagation_digits_active_learning

N_TOTAL, N_LABELED, N_ROUNDS, BATCH = 330, 40, 5, 5


def shuffled_digits():
    """The example's 330 digits."""
    X, y = load_digits(return_X_y=True)
    order = np.arange(len(y))
    np.random.RandomState(0).shuffle(order)
    return X[order[:N_TOTAL]], y[order[:N_TOTAL]]


def by_hand(X, y):
    """Yield accuracy on the unlabelled rows and the rows to label, as the example finds them."""
    is_open = np.arange(N_TOTAL) >= N_LABELED
    for _ in range(N_ROUNDS):
        model = LabelSpreading(gamma=0.25, max_iter=20).fit(X, np.where(is_open, -1, y))
        accuracy = np.mean(model.transduction_[is_open] == y[is_open])
        doubt = np.where(is_open, entropy_of(model.label_distributions_, axis=1), -np.inf)
        chosen = np.argsort(doubt)[::-1][:BATCH]
        yield accuracy, chosen, model.predict(X)
        is_open[chosen] = False


def by_learner(X, y):
    """Yield the same by way of a learner."""
    model = LabelSpreading(gamma=0.25, max_iter=20)
    learner = ActiveLearner(model, "entropy", fit_unlabeled=True)
    learner.fit(X, np.where(np.arange(N_TOTAL) >= N_LABELED, -1, y))
    for _ in range(N_ROUNDS):
        rest = learner.pool_.unlabeled
        labels = learner.classes_[learner.estimator_.transduction_]
        chosen, _ = learner.query(n_instances=BATCH)
        yield np.mean(labels[rest] == y[rest]), chosen, learner.predict(X)
        learner.teach(chosen, y[chosen])


@pytest.mark.filterwarnings("ignore:max_iter=20 was reached")
def test_scikit_learns_example_of_active_learning_round_by_round():
    X, y = shuffled_digits()
    accuracies = []
    for ours, plain in zip(by_learner(X, y), by_hand(X, y), strict=True):
        assert ours[0] == plain[0]
        assert ours[1].tolist() == plain[1].tolist()
        assert ours[2].tolist() == plain[2].tolist()
        accuracies.append(ours[0])
    assert len(accuracies) == N_ROUNDS
    assert accuracies[-1] > accuracies[0] > 0.8  # 20 labels were worth something
