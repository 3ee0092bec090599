"""How nets learn from few labels: what would fail inside torch is served, or refused in words."""

import copy
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from typing import ClassVar

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from skactive import ActiveLearner, Pool, SimulatedLearner, compare_strategies
from skactive.data.datasets import Augmented
from skactive.evaluation.checkpoints import own_folders
from skactive.learner.questions import model_of
from skactive.strategies import Dropout

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")
import nets  # noqa: E402
from skorch import NeuralNetClassifier  # noqa: E402
from skorch.callbacks import (  # noqa: E402
    Callback,
    Checkpoint,
    EarlyStopping,
    LoadInitState,
)
from skorch.dataset import Dataset, ValidSplit  # noqa: E402
from skorch.helper import predefined_split  # noqa: E402
from torch.utils.data import TensorDataset  # noqa: E402

from skactive.models.seeding import seeded  # noqa: E402

X, TRUTH = nets.digits()
Y = nets.hidden(TRUTH, 60)
FEW = "labels are too few for the net's train_split"
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{FEW}"),
    pytest.mark.filterwarnings("ignore:The least populated class"),
]


def learner(net=None, strategy="margin", **params):
    net = nets.classifier() if net is None else net
    return ActiveLearner(net, strategy, **({"classes": range(10), "random_state": 0} | params))


def weights_of(fitted):
    return [weights.detach().numpy().copy() for weights in fitted.estimator_.module_.parameters()]


def are_equal(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


# Seeds, and ways to go on


@pytest.mark.parametrize("module", [nets.MLP, nets.CNN])
def test_the_seed_decides_weights_and_queries_whatever_torch_was_seeded_with(module):
    rows = X if module is nets.MLP else X.reshape(-1, 1, 8, 8)
    found = []
    for state in (1, 2):
        torch.manual_seed(state)
        np.random.seed(state)  # noqa: NPY002
        asked = learner(nets.classifier(module), "bald").fit(rows, Y)
        asked.teach(asked.query(n_instances=3)[0], TRUTH[asked.query(n_instances=3)[0]])
        found.append((weights_of(asked), asked.query(n_instances=5)[0].tolist()))
    assert are_equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]
    other = learner(nets.classifier(module), "bald", random_state=1).fit(rows, Y)
    fresh = learner(nets.classifier(module), "bald").fit(rows, Y)
    assert not np.array_equal(weights_of(other)[0], weights_of(fresh)[0])


def test_a_random_split_for_validation_follows_from_the_seed():
    split = ValidSplit(0.2, stratified=True)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    found = [learner(nets.classifier(train_split=split)).fit(X, Y) for _ in range(2)]
    assert are_equal(*map(weights_of, found))
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_each_round_starts_afresh_from_the_same_weights():
    fitted = learner().fit(X, Y)
    before = weights_of(fitted)
    again = fitted.estimator_
    assert fitted.refit().estimator_ is not again
    assert are_equal(weights_of(fitted), before)


@pytest.mark.parametrize("update", ["warm_start", "partial_fit"])
def test_a_net_that_goes_on_is_a_copy_with_a_longer_history(update):
    fitted = learner(nets.classifier(train_split=None), update=update).fit(X, Y)
    old, before = fitted.estimator_, weights_of(fitted)
    idx = fitted.query(n_instances=12)[0]
    net = fitted.teach(idx, TRUTH[idx]).estimator_
    assert (len(old.history), len(net.history)) == (3, 6)
    n_seen = [sum(batch["train_batch_size"] for batch in epoch["batches"]) for epoch in net.history]
    assert n_seen == [60] * 3 + [72 if update == "warm_start" else 12] * 3
    assert not are_equal(weights_of(fitted), before)
    # No further than an optimizer of this learning rate goes in three epochs.
    moved = np.abs(weights_of(fitted)[0] - before[0]).max()
    started_anew = np.abs(weights_of(learner(random_state=1).fit(X, Y))[0] - before[0]).max()
    assert moved < started_anew / 2


@pytest.mark.parametrize("update", ["warm_start", "partial_fit"])
def test_a_parameter_that_was_set_holds_for_a_net_that_goes_on(update):
    fitted = learner(nets.classifier(train_split=None), update=update).fit(X, Y)
    fitted.set_params(estimator__lr=0.0)
    before = weights_of(fitted)
    fitted.teach([60, 61, 62], TRUTH[60:63])
    assert fitted.estimator_.lr == 0.0
    assert are_equal(weights_of(fitted), before)


@pytest.mark.parametrize("update", ["refit", "warm_start", "partial_fit"])
def test_a_parameter_that_was_not_set_before_holds_for_a_net_that_goes_on(update):
    fitted = learner(nets.classifier(train_split=None), update=update).fit(X, Y)
    fitted.set_params(estimator__optimizer__weight_decay=0.5).teach([60, 61, 62], TRUTH[60:63])
    assert fitted.estimator_.optimizer_.param_groups[0]["weight_decay"] == 0.5


class Wider(nets.MLP):
    def __init__(self, n_out=10, width=20):
        super().__init__(n_out=n_out, width=width)


@pytest.mark.parametrize("update", ["refit", "warm_start", "partial_fit"])
@pytest.mark.parametrize(
    ("params", "holds"),
    [
        (
            {"iterator_train__batch_size": 3},
            lambda n: n.history[-1, "batches", 0, "train_batch_size"] == 3,
        ),
        ({"optimizer": torch.optim.Adam}, lambda n: isinstance(n.optimizer_, torch.optim.Adam)),
        ({"criterion__label_smoothing": 0.1}, lambda n: n.criterion_.label_smoothing == 0.1),
        ({"module": Wider}, lambda n: n.module_.head.weight.shape == (10, 20)),
        ({"module__width": 8}, lambda n: n.module_.head.weight.shape == (10, 8)),
        ({"callbacks__print_log": None}, lambda n: "print_log" not in dict(n.callbacks_)),
    ],
    ids=["iterator", "optimizer", "criterion", "module", "width", "silence"],
)  # fmt: skip
def test_what_a_net_is_made_of_may_be_set_while_it_goes_on(update, params, holds):
    fitted = learner(nets.classifier(train_split=None), update=update).fit(X, Y)
    assert not holds(fitted.estimator_)
    fitted.set_params(**{f"estimator__{name}": value for name, value in params.items()})
    fitted.teach([60, 61, 62], TRUTH[60:63])
    assert holds(fitted.estimator_)


class Counts(Callback):
    """Counts epochs."""

    def on_train_begin(self, net, **kwargs):
        self.n_epochs_ = 0

    def on_epoch_end(self, net, **kwargs):
        self.n_epochs_ += 1


@pytest.mark.parametrize("update", ["refit", "warm_start", "partial_fit"])
def test_callbacks_that_were_set_are_called_by_a_net_that_goes_on(update):
    fitted = learner(nets.classifier(train_split=None), update=update).fit(X, Y)
    fitted.set_params(estimator__callbacks=[("counts", Counts())])
    fitted.teach([60, 61, 62], TRUTH[60:63])
    assert dict(fitted.estimator_.callbacks_)["counts"].n_epochs_ == 3


def test_a_module_starts_from_its_own_weights_and_is_never_changed():
    torch.manual_seed(5)
    module = nets.MLP(norm=True)
    before = copy.deepcopy(module.state_dict())
    still = learner(nets.classifier(module, lr=0.0)).fit(X, Y)
    assert torch.equal(still.estimator_.module_.head.weight, before["head.weight"])
    fitted = learner(nets.classifier(module)).fit(X, Y).teach([60], TRUTH[[60]])
    assert not torch.equal(fitted.estimator_.module_.head.weight, before["head.weight"])
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert module.training


@pytest.mark.parametrize("update", ["refit", "warm_start"])
def test_a_frozen_backbone_stays_as_it_is_bit_for_bit(update):
    torch.manual_seed(5)
    module = nets.MLP()
    module.body.requires_grad_(False)
    fitted = learner(nets.classifier(module), update=update).fit(X, Y).teach([60], TRUTH[[60]])
    trained = fitted.estimator_.module_
    for mine, theirs in zip(module.body.parameters(), trained.body.parameters(), strict=True):
        assert torch.equal(mine, theirs)
        assert not theirs.requires_grad
    assert not torch.equal(trained.head.weight, module.head.weight)
    assert fitted.set_params(strategy="badge").refit().query()[0] >= 60


def test_a_pretrained_net_is_queried_before_the_first_label():
    net = nets.started(nets.classifier())
    before = copy.deepcopy(net.module_.state_dict())
    asked = learner(FrozenEstimator(net), "badge").fit(X)
    idx = asked.query(n_instances=5)[0]
    assert len(np.unique(idx)) == 5
    asked.teach(idx, TRUTH[idx])
    assert asked.estimator_.estimator is net
    assert all(torch.equal(v, before[name]) for name, v in net.module_.state_dict().items())
    with pytest.raises(ValueError, match=r"has no module yet; call net.initialize\(\)"):
        learner(FrozenEstimator(nets.classifier()), "badge").fit(X)


# Labels


@pytest.mark.parametrize("change", ["train", "load", "statistics"])
def test_a_frozen_net_that_its_owner_changes_is_asked_as_it_is_then(change, tmp_path):
    other = nets.started(nets.classifier(module__norm=True, train_split=None), seed=1)
    other.save_params(tmp_path / "net.pt")
    net = nets.started(nets.classifier(module__norm=True, train_split=None))
    asked = learner(FrozenEstimator(net), "k_center").fit(X)
    before = asked.query(n_instances=20)[0]
    np.testing.assert_array_equal(asked.query(n_instances=20)[0], before)
    if change == "train":
        net.partial_fit(X, TRUTH)
    elif change == "load":
        net.load_params(tmp_path / "net.pt")
    else:
        net.module_.body[1].running_mean.uniform_(-1, 1)
    after = asked.query(n_instances=20)[0]
    assert not np.array_equal(after, before)
    expected = learner(FrozenEstimator(net), "k_center").fit(X).query(n_instances=20)[0]
    np.testing.assert_array_equal(after, expected)


@pytest.mark.parametrize(
    ("labels", "params", "words"),
    [
        (TRUTH, {"fit_unlabeled": True}, "got the label -1, .* write criterion__ignore_index=-1"),
        (TRUTH + 1, {"encode_labels": False}, "got the label 10, where it takes 0 to 9"),
        (TRUTH.astype(str), {"encode_labels": False}, "got the label '0', where it takes 0 to 9"),
    ],
    ids=["unlabelled", "from 1", "text"],
)
def test_labels_that_the_loss_has_no_output_for_are_refused_in_words(labels, params, words):
    y = np.where(np.arange(len(X)) < 60, labels.astype(object), None)
    asked = learner(nets.classifier(train_split=None), classes=np.unique(labels), **params)
    with pytest.raises(ValueError, match=words):
        asked.fit(X, y)


class AddsUp(NeuralNetClassifier):
    def get_loss(self, *args, **kwargs):
        return super().get_loss(*args, **kwargs).mean()


def test_losses_that_nothing_adds_up_are_refused():
    net = nets.classifier(train_split=None, criterion__reduction="none")
    with pytest.raises(ValueError, match="write criterion__reduction='mean'"):
        learner(net).fit(X, Y)
    params = net.get_params()
    own = {k: v for k, v in params.items() if k in ("module", "criterion", "max_epochs")}
    learner(AddsUp(**own, train_split=None, verbose=0, criterion__reduction="none")).fit(X, Y)


def test_a_loss_that_leaves_out_rows_without_a_label_is_given_them():
    net = nets.classifier(train_split=None, batch_size=-1)
    ignoring = nets.classifier(train_split=None, batch_size=-1, criterion__ignore_index=-1)
    asked = learner(ignoring, fit_unlabeled=True).fit(X, Y)
    np.testing.assert_allclose(
        asked.estimator_.history[:1, "train_loss"],
        learner(net).fit(X, Y).estimator_.history[:1, "train_loss"],
        rtol=0.1,
    )


class SqueezesAll(nets.MLP):
    def forward(self, x):
        return super().forward(x).squeeze()


def test_a_module_that_squeezes_a_single_row_is_told_so():
    with pytest.raises(ValueError, match=r"outputs of shape \(10,\) for one row, as by a squeeze"):
        learner(nets.classifier(SqueezesAll)).fit(X, Y)


def test_a_frozen_net_that_has_seen_no_row_yet_is_asked():
    module = torch.nn.Sequential(torch.nn.LazyLinear(6), torch.nn.LazyLinear(10))
    net = nets.classifier(module, train_split=None).initialize()
    asked = learner(FrozenEstimator(net), "k_center").fit(X)
    first = asked.query(n_instances=5)[0]
    np.testing.assert_array_equal(asked.query(n_instances=5)[0], first)


NAMES = np.array([f"c{9 - digit}" for digit in range(10)])  # sorted, they are the other way round


def frozen_learner(net, classes, **params):
    return learner(FrozenEstimator(net), classes=classes, **params).fit(X)


@pytest.mark.parametrize("is_fitted", [True, False], ids=["fitted on codes", "initialized"])
@pytest.mark.parametrize("is_piped", [False, True], ids=["net", "Pipeline"])
def test_outputs_of_a_frozen_net_are_the_classes_in_the_order_in_which_they_are_named(
    is_fitted, is_piped
):
    net = nets.started(nets.classifier(train_split=None))
    net = net.fit(X, TRUTH) if is_fitted else net
    frozen = Pipeline([("same", FunctionTransformer()), ("net", net)]) if is_piped else net
    asked = frozen_learner(frozen, NAMES, strategy="badge")
    idx, _ = asked.query(n_instances=5)
    np.testing.assert_array_equal(
        idx, frozen_learner(frozen, range(10), strategy="badge").query(n_instances=5)[0]
    )
    expected = net.predict_proba(X)
    np.testing.assert_allclose(asked.predict_proba(X), expected[:, ::-1], atol=1e-6)
    np.testing.assert_array_equal(asked.predict(X), NAMES[expected.argmax(axis=1)])
    assert asked.classes_.tolist() == sorted(NAMES.tolist())
    assert asked.teach(idx, NAMES[TRUTH[idx]]).pool_.n_labeled == 5
    assert asked.score(X, NAMES[TRUTH]) == (expected.argmax(axis=1) == TRUTH).mean()


def test_a_weighted_score_of_a_frozen_net_is_about_the_labels_that_were_named():
    net = nets.started(nets.classifier(train_split=None, max_epochs=20)).fit(X, TRUTH)
    numbers = np.roll(np.arange(20, 30), 3)
    asked = frozen_learner(net, numbers)
    expected = (net.predict(X) == TRUTH).mean()
    assert asked.score(X, numbers[TRUTH], sample_weight=np.ones(len(X))) == pytest.approx(expected)


@pytest.mark.parametrize("names", [["pos", "neg"], ["neg", "pos"], [2, 1]])
def test_the_threshold_of_a_frozen_binary_net_is_that_of_its_output(names):
    net = nets.binary_classifier(threshold=0.3, train_split=None)
    net.fit(X, (TRUTH % 2).astype(np.float32))
    predicted = frozen_learner(net, names).predict(X)
    assert predicted.tolist() == [names[code] for code in net.predict(X).astype(int)]


def test_a_frozen_net_that_was_fitted_on_some_of_its_classes_gives_all():
    kept = TRUTH != 7
    net = nets.started(nets.classifier(train_split=None)).fit(X[kept], TRUTH[kept])
    proba = frozen_learner(net, range(10)).predict_proba(X)
    np.testing.assert_allclose(proba, net.predict_proba(X), atol=1e-6)


def test_a_frozen_estimator_of_other_classes_than_are_named_is_refused_and_nothing_changes():
    frozen = FrozenEstimator(nets.started(nets.classifier(train_split=None)).fit(X, TRUTH))
    asked = learner(frozen, classes=NAMES[:7])
    with pytest.raises(ValueError, match="predicts classes such as 0, but classes= names 'c9'"):
        asked.fit(X)
    assert not hasattr(asked, "pool_")


def test_labels_of_any_kind_are_encoded_and_decoded():
    codes = learner().fit(X, Y)
    for names in (np.array([f"digit {d}" for d in range(10)]), np.arange(10) * 7 + 100):
        named = learner(classes=names).fit(X, np.where(Y < 0, None, names[TRUTH]))
        assert are_equal(weights_of(named), weights_of(codes))
        np.testing.assert_array_equal(named.predict(X), names[codes.predict(X)])
        assert named.score(X, names[TRUTH]) == codes.score(X, TRUTH)


def test_classes_that_no_label_names_yet_have_a_column():
    only_three = np.where(TRUTH < 3, Y, -1)
    fitted = learner(strategy="badge").fit(X, only_three)
    np.testing.assert_array_equal(fitted.classes_, np.arange(10))
    assert fitted.predict_proba(X).shape == (len(X), 10)
    np.testing.assert_allclose(fitted.predict_proba(X).sum(axis=1), 1, rtol=1e-5)
    late = np.flatnonzero(TRUTH == 7)[:4]
    fitted.teach(late, [7] * 4)
    assert fitted.estimator_.module_.head.out_features == 10


def test_a_first_batch_of_one_class_is_a_cold_start():
    ones = np.flatnonzero(TRUTH == 1)
    asked = learner(strategy="entropy").fit(X).teach(ones[:3], [1, 1, 1])
    assert not hasattr(asked, "estimator_")
    assert asked.query(n_instances=4)[0].shape == (4,)
    asked.teach(np.flatnonzero(TRUTH == 2)[:2], [2, 2])
    assert asked.predict(X).shape == (len(X),)


@pytest.mark.parametrize("n_classes", [3, 12])
def test_a_net_of_another_width_than_the_classes_is_refused(n_classes):
    y = np.where(TRUTH < 3, Y, -1)
    refused = f"the net has 10 outputs for {n_classes} classes; name all classes in classes="
    with pytest.raises(ValueError, match=refused):
        learner(classes=range(n_classes)).fit(X, y)
    with pytest.raises(ValueError, match="the net has 10 outputs for 3 classes"):
        learner(classes=None).fit(X, y)


# What comes in


@pytest.mark.parametrize("make", [nets.classifier, nets.softmax_classifier])
def test_floats_and_integers_of_any_width_train_the_same_net(make):
    expected = weights_of(learner(make()).fit(X, Y))
    for rows, labels in (
        (X.astype(np.float64), Y),
        (X.astype(np.float16), Y),  # of sixteenths, which it has
        (X, Y.astype(np.int32)),
        (X, Y.astype(np.int8)),
        (torch.from_numpy(X), Y),
    ):
        assert are_equal(weights_of(learner(make()).fit(rows, labels)), expected)
    uncoded = learner(make(), encode_labels=False).fit(X, Y.astype(np.int32))
    assert are_equal(weights_of(uncoded), expected)


def test_bytes_are_refused_with_what_to_write():
    refused = r"MLP cannot read rows such as the first, uint8 of shape \(64,\): .*float32"
    with pytest.raises(ValueError, match=refused):
        learner().fit((X * 16).astype(np.uint8), Y)


def test_rows_of_another_shape_are_refused_as_what_they_are():
    with pytest.raises(ValueError, match=r"the first, torch.float32 of shape \(60,\): "):
        learner().fit(X[:, :60], Y)
    with pytest.raises(ValueError, match=r"CNN cannot read rows .* of shape \(64,\): "):
        learner(nets.classifier(nets.CNN)).fit(X, Y)


class Squeezed(nets.MLP):
    """Gives no axis at all for a batch of one row."""

    def forward(self, x):
        return super().forward(x).squeeze()


def test_a_binary_net_whose_outputs_are_squeezed_is_served():
    net = nets.skorch.NeuralNetBinaryClassifier(Squeezed, module__n_out=1, verbose=0)
    fitted = ActiveLearner(net, random_state=0).fit(X, nets.hidden(TRUTH % 2, 60))
    np.testing.assert_array_equal(
        fitted.predict_proba(X[:1]), fitted.estimator_.predict_proba(X[:1])
    )


def test_a_regressor_whose_outputs_are_squeezed_is_served_or_refused_in_words():
    net = nets.skorch.NeuralNetRegressor(Squeezed, module__n_out=1, verbose=0, lr=0.01)
    y = nets.hidden(TRUTH.astype(float), 60, np.nan)
    try:
        fitted = ActiveLearner(net, "random", random_state=0).fit(X, y)
    except ValueError as error:
        assert "squeeze" in str(error)
    else:
        assert fitted.predict(X[:1]).shape == (1,)


def test_a_net_that_diverged_is_told_from_one_without_softmax():
    fitted = learner(nets.classifier(lr=1e30)).fit(X, Y)
    with pytest.raises(ValueError, match="(?i)nan") as caught:
        fitted.query()
    assert "Softmax" not in str(caught.value)


class WrongLabels(torch.utils.data.Dataset):
    """The digits as a Dataset, each with the label 3."""

    def __init__(self, as_dict):
        self.as_dict = as_dict

    def __len__(self):
        return len(X)

    def __getitem__(self, at):
        row = torch.from_numpy(X[[at]])
        if self.as_dict:
            return {name: half[0] for name, half in nets.halves(row).items()}, 3
        return row[0], 3


def test_the_labels_that_a_dataset_has_of_its_own_change_nothing():
    given = learner(strategy="badge").fit(WrongLabels(as_dict=False), Y)
    plain = learner(strategy="badge").fit(X, Y)
    assert are_equal(weights_of(given), weights_of(plain))
    idx = plain.query(n_instances=5)[0]
    np.testing.assert_array_equal(given.query(n_instances=5)[0], idx)
    given.teach(idx, TRUTH[idx])
    assert are_equal(weights_of(given), weights_of(plain.teach(idx, TRUTH[idx])))


def test_an_augmented_dataset_is_learned_on_one_side_and_asked_on_the_other():
    shifted = np.roll(X, 1, axis=1)
    sides = [torch.utils.data.TensorDataset(torch.from_numpy(part)) for part in (shifted, X)]
    asked = learner(strategy="badge").fit(Augmented(training=sides[0], evaluation=sides[1]), Y)
    trained = learner(strategy="badge").fit(shifted, Y)
    assert are_equal(weights_of(asked), weights_of(trained))
    np.testing.assert_array_equal(model_of(asked).proba(asked.pool_.X), trained.predict_proba(X))


@pytest.mark.parametrize("strategy", ["margin", "badge", "bald"])
def test_rows_that_are_dicts_are_learned_and_asked_for(strategy):
    asked = learner(nets.classifier(nets.Halves), strategy).fit(WrongLabels(as_dict=True), Y)
    idx, rows = asked.query(n_instances=4)
    assert (idx >= 60).all() and len(rows) == 4
    asked.teach(idx, TRUTH[idx])
    with torch.no_grad():
        module = asked.estimator_.module_.eval()
        halves = nets.halves(torch.from_numpy(X))
        expected = module(halves["upper"], halves["lower"]).softmax(dim=1).numpy()
    np.testing.assert_allclose(model_of(asked).proba(asked.pool_.X), expected, rtol=1e-5)


# Few labels


@pytest.mark.parametrize("n_known", [2, 3, 4])
def test_too_few_labels_for_a_validation_set_are_all_learned_from(n_known):
    with pytest.warns(UserWarning, match=FEW):
        fitted = learner().fit(X, nets.hidden(TRUTH, n_known))
    sizes = [batch["train_batch_size"] for batch in fitted.estimator_.history[-1]["batches"]]
    assert sum(sizes) == n_known
    whole = learner(nets.classifier(train_split=None)).fit(X, nets.hidden(TRUTH, n_known))
    assert are_equal(weights_of(fitted), weights_of(whole))


def test_one_label_is_enough_for_a_regressor():
    y = nets.hidden(TRUTH.astype(float), 1, np.nan)
    with pytest.warns(UserWarning, match=FEW):
        fitted = ActiveLearner(nets.regressor(), "random", random_state=0).fit(X, y)
    assert np.isfinite(fitted.predict(X)).all()


def test_the_split_comes_back_once_there_are_labels_for_it():
    with pytest.warns(UserWarning, match=FEW):
        fitted = learner(update="warm_start").fit(X, nets.hidden(TRUTH, 4))
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=FEW)
        fitted.teach(np.arange(4, 100), TRUTH[4:100])
    assert isinstance(fitted.estimator_.train_split, ValidSplit)
    assert fitted.estimator_.history[-1]["valid_batch_count"] == 1
    assert "valid_loss" not in fitted.estimator_.history[0]


def stopping_early(X_valid, y_valid, make=nets.classifier, **params):
    split = predefined_split(Dataset(X_valid, y_valid))
    # No improvement on the first epoch is large enough, so that it stops after the third.
    stop = EarlyStopping(patience=2, threshold=1e6, threshold_mode="abs")
    return make(train_split=split, callbacks=[stop], max_epochs=10, **params)


def test_early_stopping_on_a_fixed_validation_set():
    net = stopping_early(X[100:], TRUTH[100:])
    fitted = learner(net).fit(X, nets.hidden(TRUTH, 4))
    assert len(fitted.estimator_.history) == 3
    proba = fitted.predict_proba(X[100:])
    loss = -np.log(proba[np.arange(100), TRUTH[100:]]).mean()
    assert fitted.estimator_.history[-1]["valid_loss"] == pytest.approx(loss, rel=1e-4)


@pytest.mark.parametrize(
    ("rows", "labels"),
    [
        pytest.param(X.astype(np.float64), TRUTH),
        pytest.param(X, TRUTH.astype(np.int32)),
    ],
    ids=["float64", "int32"],
)
def test_a_validation_set_of_other_dtypes_is_served_or_refused_in_words(rows, labels):
    try:
        fitted = learner(stopping_early(rows[100:], labels[100:])).fit(X, Y)
    except ValueError as error:
        assert "train_split" in str(error)
    else:
        expected = learner(stopping_early(X[100:], TRUTH[100:])).fit(X, Y).estimator_.history
        assert fitted.estimator_.history[:, "valid_loss"] == expected[:, "valid_loss"]


@pytest.mark.parametrize("kind", [Dataset, TensorDataset])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_targets_of_a_validation_set_may_be_tensors_that_numpy_lacks(kind, dtype):
    targets = torch.arange(100).to(dtype).requires_grad_()
    valid = kind(torch.from_numpy(X[100:]), targets)
    net = nets.regressor(train_split=predefined_split(valid))
    fitted = learner(net, "std", classes=None).fit(X, np.where(Y < 0, np.nan, Y))
    error = fitted.predict(X[100:]) - targets.detach().float().numpy()
    assert fitted.estimator_.history[-1]["valid_loss"] == pytest.approx((error**2).mean(), rel=1e-4)


@pytest.mark.parametrize("names", [np.arange(1, 11), np.array([f"d{d}" for d in range(10)])])
def test_labels_of_a_validation_set_are_served_or_refused_in_words(names):
    net = stopping_early(X[100:], names[TRUTH[100:]])
    try:
        fitted = learner(net, classes=names).fit(X, np.where(Y < 0, None, names[TRUTH]))
    except ValueError as error:
        assert "train_split" in str(error)
    else:
        loss = -np.log(fitted.predict_proba(X[100:])[np.arange(100), TRUTH[100:]]).mean()
        assert fitted.estimator_.history[-1]["valid_loss"] == pytest.approx(loss, rel=1e-4)


@pytest.mark.parametrize(
    "is_column",
    [
        True,
        pytest.param(
            False,
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_the_validation_loss_of_a_regressor_is_one_of_pairs(is_column):
    targets = TRUTH[100:].astype(np.float32)
    valid = targets[:, None] if is_column else targets
    net = stopping_early(X[100:], valid, nets.regressor, module__dropout=0.0)
    fitted = ActiveLearner(net, "random", random_state=0)
    fitted.fit(X, nets.hidden(TRUTH.astype(float), 60, np.nan))
    loss = ((fitted.predict(X[100:]) - targets) ** 2).mean()
    assert fitted.estimator_.history[-1]["valid_loss"] == pytest.approx(loss, rel=1e-4)


FLAT = X[100:].reshape(-1, 64)
UNFIT_FOR_VALIDATION = {
    "flat rows": (
        Dataset(FLAT, TRUTH[100:]),
        "the first of train_split's .* torch.float32 of shape .*; give rows",
    ),
    "integers": (
        Dataset((FLAT * 16).astype(np.int32).reshape(-1, 1, 8, 8), TRUTH[100:]),
        "the first of train_split's validation set, int32 .*; give rows .* as float32",
    ),
    "no labels": (Dataset(FLAT.reshape(-1, 1, 8, 8)), "not a row and its label; write predefined"),
    "no pairs": (
        torch.utils.data.TensorDataset(torch.from_numpy(FLAT.reshape(-1, 1, 8, 8))),
        "not a row and its label; write predefined",
    ),
    "no rows": (Dataset(FLAT[:0], TRUTH[:0]), "validation set of train_split has no rows; write"),
}


@pytest.mark.parametrize(
    ("valid", "words"), UNFIT_FOR_VALIDATION.values(), ids=UNFIT_FOR_VALIDATION
)
def test_a_fixed_validation_set_that_does_not_fit_is_refused_in_words(valid, words):
    net = nets.classifier(nets.CNN, train_split=predefined_split(valid))
    with pytest.raises(ValueError, match=words) as caught:
        learner(net).fit(X.reshape(-1, 1, 8, 8), Y)
    assert "\n" not in str(caught.value)


def test_early_stopping_with_labels_for_no_validation_set_is_refused():
    net = nets.classifier(callbacks=[EarlyStopping()])
    for y, given in ((nets.hidden(TRUTH, 4), net), (Y, clone(net).set_params(train_split=None))):
        refused = "EarlyStopping watches 'valid_loss', but .*predefined_split"
        with pytest.raises(ValueError, match=refused):
            learner(given).fit(X, y)
    watching = nets.classifier(callbacks=[EarlyStopping("train_loss")])
    assert len(learner(watching).fit(X, nets.hidden(TRUTH, 4)).estimator_.history) == 3


def test_drop_last_is_refused_where_it_leaves_nothing():
    net = nets.classifier(iterator_train__drop_last=True, train_split=None)
    with pytest.raises(ValueError, match="drop_last=True leaves nothing of 60 labelled rows in"):
        learner(net).fit(X, Y)
    small = clone(net).set_params(batch_size=25)
    sizes = [
        b["train_batch_size"] for b in learner(small).fit(X, Y).estimator_.history[0]["batches"]
    ]
    assert sizes == [25, 25]


@pytest.mark.parametrize("n_known", [17, 33, 49])
@pytest.mark.parametrize("update", ["refit", "partial_fit"])
def test_batch_norm_learns_from_a_last_batch_of_one_row(n_known, update):
    net = nets.classifier(module__norm=True, batch_size=16, train_split=None)
    fitted = learner(net, update=update).fit(X, nets.hidden(TRUTH, n_known))
    epoch = fitted.estimator_.history[-1]["batches"]
    sizes = [batch["train_batch_size"] for batch in epoch]
    assert sum(sizes) == n_known and min(sizes) > 1
    assert fitted.estimator_.batch_size == 16
    # Without batch norm there is no reason for other batches.
    plain = learner(nets.classifier(batch_size=16, train_split=None))
    epoch = plain.fit(X, nets.hidden(TRUTH, n_known)).estimator_.history[-1]["batches"]
    assert [batch["train_batch_size"] for batch in epoch][-1] == 1


def test_batch_norm_does_not_learn_from_one_row_and_says_so():
    y = nets.hidden(TRUTH.astype(float), 1, np.nan)
    refused = "batch norm, which cannot learn from a batch of one row, and got 1 labelled row in"
    with pytest.raises(ValueError, match=refused):
        ActiveLearner(nets.regressor(module__norm=True), "random").fit(X, y)
    with pytest.raises(ValueError, match="60 labelled rows in batches of 1; label more"):
        net = nets.classifier(module__norm=True, batch_size=1, train_split=None)
        learner(net).fit(X, Y)


# Settings


def test_printing_works(capsys):
    learner(nets.classifier(verbose=1)).fit(X, Y)
    printed = capsys.readouterr().out
    assert "train_loss" in printed and "valid_acc" in printed
    assert len(printed.strip().splitlines()) == 2 + 3


REFUSED = {
    "no callbacks": (nets.classifier(callbacks="disable"), "callbacks='disable', but skactive"),
    "logits for NLLLoss": (
        NeuralNetClassifier(nets.MLP, max_epochs=1, verbose=0),
        "or write criterion=torch.nn.CrossEntropyLoss where it gives logits",
    ),
    "shuffle": (
        nets.classifier(iterator_valid__shuffle=True),
        "iterator_valid__shuffle=True would leave out rows of the pool, or change their order",
    ),
    "drop_last": (
        nets.classifier(iterator_valid__drop_last=True),
        "iterator_valid__drop_last=True would leave out rows of the pool",
    ),
    "two outputs of a regressor": (
        nets.regressor(module__n_out=2),
        r"outputs of shape \(1, 2\) for one row; a regressor gives one number",
    ),
}


@pytest.mark.parametrize(("net", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_served_is_refused_when_it_is_fitted(net, words):
    is_regressor = type(net).__name__ == "NeuralNetRegressor"
    y = nets.hidden(TRUTH.astype(float), 60, np.nan) if is_regressor else Y
    with pytest.raises(ValueError, match=words) as caught:
        learner(net, "random", classes=None if is_regressor else range(10)).fit(X, y)
    assert "\n" not in str(caught.value)


BCE = torch.nn.BCEWithLogitsLoss
OF_ANOTHER_KIND = {
    "binary, of ten classes": (
        nets.binary_classifier(),
        10,
        "is for two classes and one output, and got 10 classes; use NeuralNetClassifier",
    ),
    "binary, ten outputs": (
        nets.binary_classifier().set_params(module__n_out=10),
        10,
        "and got 10 classes;",
    ),
    "binary, two outputs": (
        nets.binary_classifier().set_params(module__n_out=2),
        2,
        r"and got outputs of shape \(1, 2\) for one row; use NeuralNetClassifier",
    ),
    "a binary criterion": (
        nets.classifier(criterion=BCE),
        10,
        "criterion BCEWithLogitsLoss, which is for two .*; write criterion=torch.nn.CrossEntropy",
    ),
    "a binary criterion, one output": (
        nets.classifier(criterion=BCE, module__n_out=1),
        2,
        "or use NeuralNetBinaryClassifier",
    ),
}


@pytest.mark.parametrize(
    ("net", "n_classes", "words"), OF_ANOTHER_KIND.values(), ids=OF_ANOTHER_KIND
)
def test_a_net_of_another_kind_than_the_classes_is_refused(net, n_classes, words):
    with pytest.raises(ValueError, match=words):
        learner(net, classes=range(n_classes)).fit(X, np.where(Y < 0, -1, TRUTH % n_classes))


class OneForAll(nets.MLP):
    """Gives one row of outputs for a whole batch."""

    def forward(self, x):
        return super().forward(x).mean(dim=0, keepdim=True)


def test_a_module_without_an_output_for_each_row_is_refused():
    with pytest.raises(
        ValueError, match=r"outputs of shape \(1, 10\) for 2 rows; it must give one"
    ):
        learner(nets.classifier(OneForAll)).fit(X, Y)


def test_a_sampler_of_batches_is_refused_in_words():
    batches = [[0, 1], [2, 3]]
    net = nets.classifier(iterator_train__batch_sampler=batches, train_split=None)
    with pytest.raises(ValueError, match="batch_sampler does not go with the batch_size that sk"):
        learner(net).fit(X, Y)


@pytest.mark.parametrize("device", ["cuda:99", "gpu", "xpu:99"])
def test_a_device_that_is_not_there_is_refused(device):
    with pytest.raises(ValueError, match=f"device='{device}', but torch finds no such device here"):
        learner(nets.classifier(device=device)).fit(X, Y)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_generators_of_a_gpu_are_made_before_a_net_draws_from_them(monkeypatch, device):
    made: list = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "init", lambda: made.append(device))
    with seeded(0, [nets.classifier(device=device)]):
        assert len(made) == (device == "cuda")


class TakesWeights(nets.MLP):
    """Is given weights, and makes nothing of them."""

    def forward(self, x, sample_weight=None):
        return super().forward(x)


class OwnNet(NeuralNetClassifier):
    """Takes weights to itself."""

    def fit(self, X, y, sample_weight=None):
        return super().fit(X, y)


def test_weights_of_rows_are_refused_where_the_module_takes_none():
    weights, refused = np.ones(len(X)), "forward of MLP takes none; leave it out"
    asked, net = learner(), nets.classifier()
    with pytest.raises(TypeError, match=refused):
        asked.fit(X, Y, sample_weight=weights)
    assert not hasattr(asked, "pool_")
    pipe = Pipeline([("same", FunctionTransformer()), ("net", net)])
    for wrapped, name in ((GridSearchCV(net, {"lr": [0.1]}), ""), (pipe, "net__")):
        with pytest.raises(TypeError, match=refused):
            learner(wrapped).fit(X, Y, **{f"{name}sample_weight": weights})
    for served in (
        nets.classifier(TakesWeights, train_split=None),
        OwnNet(nets.MLP, criterion=torch.nn.CrossEntropyLoss, **nets.SETTINGS),
        FrozenEstimator(nets.started(nets.classifier(TakesWeights))),
    ):
        assert learner(served).fit(X, Y, sample_weight=weights).predict(X).shape == (len(X),)


def test_a_search_refuses_a_dataset_and_takes_an_array():
    search = GridSearchCV(nets.classifier(train_split=None), {"lr": [0.1, 0.2]}, cv=2)
    asked = learner(search)
    with pytest.raises(ValueError, match="GridSearchCV cuts rows into folds, .*give an array"):
        asked.fit(torch.utils.data.TensorDataset(torch.from_numpy(X)), Y)
    assert not hasattr(asked, "pool_")
    assert asked.fit(X, Y).query(n_instances=3)[0].shape == (3,)


@pytest.mark.parametrize("inner", ["badge", "k_center", "adversarial_bim", "bagde"])
def test_dropout_refuses_strategies_when_it_is_fitted(inner):
    with pytest.raises(ValueError, match="give a strategy over probabilities|did you mean 'badge'"):
        learner(strategy=Dropout(inner)).fit(X, Y)


def test_the_callers_net_is_left_as_it_is():
    net = nets.classifier(callbacks=[("mine", EarlyStopping("train_loss"))])
    before = repr(net.get_params(deep=False))
    learner(net).fit(X, Y).query()
    assert repr(net.get_params(deep=False)) == before
    assert not hasattr(net, "module_")


@pytest.mark.parametrize("shape", ["column", "flat"])
def test_a_regressor_learns_from_pairs_and_not_from_all_combinations(shape):
    y = nets.hidden(TRUTH / 10, 30, np.nan)
    module = nets.MLP(n_out=1, dropout=0.0, end={"column": "logits", "flat": "flat"}[shape])
    net = nets.skorch.NeuralNetRegressor(module, train_split=None, max_epochs=1, verbose=0)
    with torch.no_grad():
        before = net.module(torch.from_numpy(X[:30])).reshape(-1).numpy()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Using a target size")
        fitted = ActiveLearner(net, "random", random_state=0).fit(X, y)
    loss = ((before - y[:30]) ** 2).mean()
    assert fitted.estimator_.history[0]["train_loss"] == pytest.approx(loss, rel=1e-5)


def test_regressors_with_a_column_and_without_learn_the_same():
    y = nets.hidden(TRUTH / 10, 60, np.nan)
    found = [
        weights_of(ActiveLearner(nets.regressor(module__end=end), random_state=0).fit(X, y))
        for end in ("logits", "flat")
    ]
    assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(*found, strict=True))


@pytest.mark.parametrize("end", ["logits", "flat"])
def test_a_binary_net_learns_two_names(end):
    names = np.array(["even", "odd"])
    y = np.where(Y < 0, None, names[TRUTH % 2])
    net = nets.binary_classifier(module__end=end, max_epochs=20, lr=0.5)
    asked = ActiveLearner(net, "entropy", random_state=0).fit(X, y)
    assert asked.classes_.tolist() == ["even", "odd"]
    assert asked.score(X[:60], names[TRUTH[:60] % 2]) > 0.9
    idx = asked.query(n_instances=5)[0]
    np.testing.assert_allclose(asked.predict_proba(X).sum(axis=1), 1, rtol=1e-6)
    distance = np.abs(asked.predict_proba(X)[60:, 1] - 0.5)
    assert set(idx) == set(60 + np.argsort(distance)[:5])


def test_the_threshold_of_a_binary_net_holds_in_a_learner():
    asked = ActiveLearner(nets.binary_classifier(threshold=0.1), random_state=0)
    asked.fit(X, nets.hidden(TRUTH % 2, 60))
    np.testing.assert_array_equal(asked.predict(X), asked.estimator_.predict(X))


def test_a_batch_size_of_minus_one_is_all_rows():
    fitted = learner(nets.classifier(batch_size=-1, train_split=None)).fit(X, Y)
    assert fitted.estimator_.history[0]["batches"][0]["train_batch_size"] == 60
    calls: list = []
    fitted.estimator_.module_.register_forward_hook(lambda *_: calls.append(1))
    model_of(fitted).proba(X)
    assert len(calls) == 1


# Failures


class Breaks(nets.MLP):
    """Fails in training as soon as a row of the pool's end comes by."""

    def forward(self, x):
        if self.training and (x[:, 0] > 0.5).any():
            raise ArithmeticError("the training broke down")
        return super().forward(x)


@pytest.mark.parametrize("update", ["refit", "warm_start", "partial_fit"])
def test_after_a_failure_the_labels_stay_and_so_does_the_old_net(update):
    rows = X.copy()
    rows[:, 0] = np.arange(len(X)) >= 100
    asked = learner(nets.classifier(Breaks, train_split=None), update=update).fit(rows, Y)
    net, before, proba = asked.estimator_, weights_of(asked), asked.predict_proba(rows)
    iterator = net.iterator_train
    with pytest.raises(ArithmeticError, match="broke down"):
        asked.teach([70, 150], TRUTH[[70, 150]])
    assert asked.pool_.labeled_mask[[70, 150]].all()
    assert asked.estimator_ is net
    assert are_equal(weights_of(asked), before)
    np.testing.assert_array_equal(asked.predict_proba(rows), proba)
    assert asked.estimator_.iterator_train is iterator
    asked.pool_.unlabel([150])
    asked.refit()
    assert not are_equal(weights_of(asked), before)


# Keeping


@pytest.mark.parametrize("update", ["refit", "warm_start"])
@pytest.mark.parametrize("make", [nets.classifier, nets.softmax_classifier])
def test_a_pickled_learner_goes_on_where_it_was(tmp_path, make, update):
    asked = learner(make(), "badge", update=update).fit(X, Y)
    joblib.dump(asked, tmp_path / "learner.joblib")
    loaded = joblib.load(tmp_path / "learner.joblib")
    for _ in range(2):
        idx = asked.query(n_instances=5)[0]
        np.testing.assert_array_equal(loaded.query(n_instances=5)[0], idx)
        asked.teach(idx, TRUTH[idx])
        loaded.teach(idx, TRUTH[idx])
    assert are_equal(weights_of(loaded), weights_of(asked))


def test_pickle_alone_and_copies_keep_the_fitted_net():
    fitted = learner().fit(X, Y)
    expected = fitted.predict_proba(X)
    for other in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        np.testing.assert_array_equal(other.predict_proba(X), expected)
    np.testing.assert_array_equal(
        copy.deepcopy(fitted.estimator_).predict_proba(X), fitted.estimator_.predict_proba(X)
    )
    np.testing.assert_array_equal(fitted.without_pool().predict_proba(X), expected)


def test_a_clone_of_the_fitted_net_is_unfitted_and_trains():
    again = clone(learner().fit(X, Y).estimator_)
    assert not hasattr(again, "module_")
    torch.manual_seed(0)
    assert again.fit(X, TRUTH).predict(X).shape == (len(X),)


def test_a_clone_of_the_fitted_net_serves_another_learner():
    fitted = learner().fit(X, Y)
    again = learner(clone(fitted.estimator_)).fit(X, Y)
    assert are_equal(weights_of(again), weights_of(fitted))


RESUMED = """
import sys
import nets, numpy as np
from skactive import ActiveLearner, Pool

X, _ = nets.digits()
for strategy in sys.argv[2:]:
    params = {"classes": range(10), "update": "warm_start"}
    asked = ActiveLearner(nets.classifier(), strategy, **params)
    asked.fit(Pool.load(f"{sys.argv[1]}/{strategy}.pool", X))
    fresh = asked.predict_proba(X)
    params = f"{sys.argv[1]}/{strategy}.safetensors"
    asked.estimator_.load_params(f_params=params, use_safetensors=True)
    assert not np.allclose(asked.predict_proba(X), fresh, atol=1e-3)
    print(*asked.query(n_instances=6)[0])
"""


def test_a_new_process_asks_for_the_same_rows(tmp_path):
    pytest.importorskip("safetensors")
    strategies, expected = ("badge", "bald", "margin"), []
    for name in strategies:
        # After a warm start the weights are not those of a fresh fit: they come from the file.
        asked = learner(strategy=name, update="warm_start").fit(X, Y)
        asked.teach(np.arange(60, 65), TRUTH[60:65])
        asked.pool_.save(tmp_path / f"{name}.pool")
        params = tmp_path / f"{name}.safetensors"
        asked.estimator_.save_params(f_params=params, use_safetensors=True)
        expected.append(asked.query(n_instances=6)[0].tolist())
    tests = Path(__file__).parent
    ran = subprocess.run(
        [sys.executable, "-c", RESUMED, str(tmp_path), *strategies],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": f"{tests}{os.pathsep}{tests.parent}"},
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert [list(map(int, line.split())) for line in ran.stdout.splitlines()] == expected


def test_a_learner_of_the_same_seed_is_trained_to_the_same_weights_from_the_pools_file(tmp_path):
    asked = learner(strategy="badge").fit(X, Y).teach(np.arange(60, 65), TRUTH[60:65])
    asked.pool_.save(tmp_path / "pool")
    again = learner(strategy="badge", random_state=1).fit(Pool.load(tmp_path / "pool", X))
    assert are_equal(weights_of(again), weights_of(asked))  # the seed is the pool's
    idx = asked.query(n_instances=5)[0]
    np.testing.assert_array_equal(again.query(n_instances=5)[0], idx)


def test_a_simulation_reveals_labels_to_a_net():
    simulated = SimulatedLearner(
        learner(strategy="bald"),
        budget=40,
        n_initial=20,
        n_instances=10,
        keep_estimators=True,
        random_state=0,
    ).fit(X, TRUTH)
    assert simulated.n_labeled_.tolist() == [20, 30, 40]
    staged = [stage.predict_proba(X) for stage in simulated.estimators_]
    assert not np.array_equal(staged[0], staged[1])
    np.testing.assert_array_equal(staged[-1], simulated.predict_proba(X))
    again = clone(simulated).fit(X, TRUTH)
    for one, other in zip(simulated.query_indices_, again.query_indices_, strict=True):
        np.testing.assert_array_equal(one, other)
    assert simulated.learner_.pool_.n_labeled == 40


# Files that nets write in simulations


class Telling(Checkpoint):
    """A checkpoint that tells, once a training is over, where it has written."""

    told: ClassVar[list[Path]] = []

    def on_train_end(self, net, **kwargs):
        super().on_train_end(net, **kwargs)
        self.told.append(Path(self.get_formatted_files(net)["f_params"]).resolve())
        assert self.told[-1].exists()


@pytest.mark.parametrize("named", ["", "by itself", "by the net"])
def test_each_run_of_a_comparison_has_a_folder_for_its_checkpoints(named, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Telling, "told", [])
    X, y = nets.digits(60)
    best = Telling(monitor="train_loss_best", load_best=True)
    net = nets.classifier(callbacks=[("best", best)], train_split=None)
    if named == "by the net":
        net.set_params(callbacks__best__dirname="here")
        best.dirname = "elsewhere"  # of which the net makes nothing
    elif named:
        best.dirname = "here"
    options = {"budget": 30, "n_instances": 10, "n_initial": 20, "n_repeats": 2, "random_state": 0}
    compare_strategies(net, X, y, ["random"], test_size=20, **options)
    folders = {path.parent for path in Telling.told}
    # Two repeats of random, margin and the ceiling: 2, 2 and 1 trainings in each.
    assert (len(folders), len(Telling.told)) == (6, 10)
    assert all(path.exists() == bool(named) for path in Telling.told)
    assert {path.parts[-3] for path in Telling.told} == {"here"} or not named
    expected = {"": "", "by itself": "here", "by the net": "elsewhere"}
    assert best.dirname == expected[named]
    assert getattr(net, "callbacks__best__dirname", "here") == "here"


@pytest.mark.parametrize(
    ("own", "of_net"),
    [
        ({"f_params": "/shared/best.pt"}, {}),
        ({"f_history": "../history.json"}, {}),
        ({"fn_prefix": "/shared/"}, {}),
        ({}, {"callbacks__best__f_params": "/shared/best.pt"}),
    ],
)
def test_files_that_all_runs_would_write_to_are_refused(own, of_net):
    best = Checkpoint(monitor=None, dirname="here", **own)
    net = nets.classifier(callbacks=[("best", best)], **of_net)
    ((name, path),) = (own or of_net).items()
    said = f" got {name}={path!r}, a file that all runs would write to; write its name alone"
    with pytest.raises(ValueError, match=said), own_folders(net):
        pass
    assert best.dirname == "here"


def test_what_a_net_goes_on_from_in_a_simulation_is_of_that_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    X, y = nets.digits(40)
    last = Checkpoint(monitor=None)
    net = nets.classifier(callbacks=[last, LoadInitState(last)], train_split=None)
    options = {"budget": 30, "n_instances": 10, "n_initial": 20, "random_state": 0}
    first, again = (
        SimulatedLearner(ActiveLearner(net, "margin"), **options).fit(X, y) for _ in range(2)
    )
    assert len(first.learner_.estimator_.history) == 6  # of the round before, and three more
    assert [list(rows) for rows in first.query_indices_] == [list(r) for r in again.query_indices_]
    assert not list(tmp_path.iterdir())
    assert first.learner_.estimator.callbacks[0].dirname == ""
