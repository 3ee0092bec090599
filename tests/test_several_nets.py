"""Nets with an output for each label that a row may have."""

import numpy as np
import pytest
from nets import MLP, digits, torch
from scipy.special import expit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skactive import ActiveLearner
from skactive.learner.questions import view_of

nn = torch.nn
skorch = pytest.importorskip("skorch")

X, DIGIT = digits(120)
Y = np.stack([DIGIT % 2 == 0, DIGIT > 4, np.isin(DIGIT, [0, 6, 8, 9])], axis=1).astype(int)
PARTLY = np.where(np.arange(120)[:, None] < 40, Y, -1)


def net(module=MLP, criterion=nn.BCEWithLogitsLoss, **options):
    """A net of three labels."""
    options = {"module__n_out": 3, "max_epochs": 3, "lr": 0.5, "verbose": 0} | options
    return skorch.NeuralNetClassifier(module, criterion=criterion, **options)


@pytest.mark.parametrize("update", ["refit", "warm_start", "partial_fit"])
def test_a_net_learns_several_labels_and_its_probabilities_are_sigmoids(update):
    learner = ActiveLearner(net(train_split=None), update=update, random_state=0).fit(X, PARTLY)
    idx, _ = learner.query(n_instances=5)
    learner.teach(idx, Y[idx])
    module = learner.estimator_.module_.eval()
    with torch.no_grad():
        logits = module(torch.as_tensor(X)).numpy()
    proba = learner.predict_proba(X)
    np.testing.assert_allclose(proba, expit(logits), atol=1e-6)
    assert learner.predict(X).tolist() == (logits > 0).astype(int).tolist()
    assert learner.score(X, Y) == ((logits > 0) == Y).all(axis=1).mean()
    doubts = np.abs(proba - 0.5).min(axis=1)
    free = learner.pool_.unlabeled
    assert learner.query()[0].tolist() == [free[doubts[free].argmin()]]


def test_what_a_view_of_a_net_knows_is_of_each_label():
    learner = ActiveLearner(net(), "badge", classes=list("abc"), random_state=0).fit(X, PARTLY)
    view, _ = view_of(learner)
    errors, features = view.gradient
    proba = learner.predict_proba(X)
    np.testing.assert_allclose(errors, proba - (proba > 0.5), atol=1e-6)
    assert features.shape == (120, 12) and view.prediction.dtype == bool
    assert not view.gives("samples")
    assert len(learner.query(n_instances=4)[0]) == 4
    # Without strata, which labels of a row are not; skorch would refuse to split.
    assert "valid_loss" in learner.estimator_.history[-1]


def test_in_a_pipeline_and_from_a_dataset_rows_are_learned_alike():
    made = make_pipeline(StandardScaler(with_mean=False, with_std=False), net())
    plain = ActiveLearner(net(), random_state=0).fit(X, PARTLY)
    piped = ActiveLearner(made, random_state=0).fit(X, PARTLY)
    np.testing.assert_allclose(piped.predict_proba(X).shape, (120, 3))
    dataset = torch.utils.data.TensorDataset(torch.as_tensor(X))
    lazy = ActiveLearner(net(), random_state=0).fit(dataset, PARTLY)
    np.testing.assert_allclose(lazy.predict_proba(dataset), plain.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize(
    ("estimator", "text"),
    [
        (
            net(criterion=nn.CrossEntropyLoss),
            "has the criterion CrossEntropyLoss; write",
        ),
        (net(criterion=nn.BCELoss), "has the criterion BCELoss; write"),
        (net(module__n_out=4), "the net has 4 outputs for 3 labels that a row may have"),
        (
            skorch.NeuralNetBinaryClassifier(MLP, module__n_out=1, verbose=0),
            "NeuralNetBinaryClassifier has one output; write NeuralNetClassifier",
        ),
        (
            net(predict_nonlinearity=lambda outputs: outputs),
            "as the probabilities of a row's labels; write criterion=torch.nn.BCEWithLogitsLoss",
        ),
    ],
)
def test_a_net_that_cannot_learn_them_is_refused_in_a_sentence(estimator, text):
    with pytest.raises(ValueError, match=text):
        ActiveLearner(estimator, random_state=0).fit(X, PARTLY)
