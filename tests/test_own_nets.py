"""Nets with methods, losses, loaders and settings of the user's own: used, or refused in words."""

import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch")
skorch = pytest.importorskip("skorch")

import pandas as pd  # noqa: E402
from nets import MLP, SETTINGS, classifier, digits, hidden, nn, regressor, started  # noqa: E402
from sklearn.base import BaseEstimator, ClassifierMixin  # noqa: E402
from sklearn.frozen import FrozenEstimator  # noqa: E402
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier, NeuralNetRegressor  # noqa: E402
from skorch.callbacks import Callback, EarlyStopping  # noqa: E402
from skorch.dataset import Dataset, ValidSplit  # noqa: E402
from torch.utils.data import DataLoader, StackDataset, WeightedRandomSampler  # noqa: E402

from skactive import ActiveLearner, embed  # noqa: E402
from skactive.data.datasets import Augmented  # noqa: E402
from skactive.learner.questions import model_of  # noqa: E402

X, TRUTH = digits(200)
Y = hidden(TRUTH, 100)
VALUES = np.where(np.arange(200) < 100, X[:, 20] * 2 + X[:, 30], np.nan)


def learner(net, strategy="margin", **params):
    return ActiveLearner(net, strategy, classes=range(10), random_state=0, **params)


def net_of(cls, **params):
    return cls(MLP, **(SETTINGS | {"criterion": nn.CrossEntropyLoss} | params))


# What a frozen net remembers


def trained(net):
    net.partial_fit(X[:100], TRUTH[:100])


def written(net):
    with torch.no_grad():
        for weights in net.module_.parameters():
            weights.data.copy_(torch.randn(weights.shape, generator=torch.Generator()))


def averaged(net):
    for weights in net.module_.parameters():
        weights.data.mul_(0.5)
        weights.data.numpy()[..., 0] = 1.0


def relayered(net):
    net.module_.body[1] = nn.Tanh()


def rebuffered(net):
    net.module_.body[1].running_mean.data.add_(1.0)


@pytest.mark.parametrize("strategy", ["k_center", "k_means", "typiclust"])
@pytest.mark.parametrize("change", [trained, written, averaged, relayered, rebuffered])
def test_a_frozen_net_that_changes_is_asked_anew(change, strategy):
    params = {"optimizer": torch.optim.Adam, "optimizer__fused": True, "lr": 0.05}
    net = started(classifier(module__norm=change is rebuffered, **params))
    same = learner(FrozenEstimator(net), strategy).fit(X)
    before = same.query(n_instances=8)[0].tolist()
    assert same.query(n_instances=8)[0].tolist() == before
    change(net)
    new = learner(FrozenEstimator(net), strategy).fit(X).query(n_instances=8)[0].tolist()
    assert same.query(n_instances=8)[0].tolist() == new


def test_vectors_of_a_frozen_net_are_computed_once():
    net, passed = started(classifier()), []
    net.module_.register_forward_hook(lambda _, inputs, __: passed.append(len(inputs[0])))
    asked = learner(FrozenEstimator(net), "k_center").fit(X)
    asked.query()
    first, _ = sum(passed), passed.clear()
    asked.query()
    assert first >= len(X) and sum(passed) == 0


# Methods of the user's own


class Scaling(NeuralNetClassifier):
    def get_dataset(self, X, y=None):
        return super().get_dataset(np.asarray(X) * 4 - 1, y)


class Iterating(NeuralNetClassifier):
    def get_iterator(self, dataset, training=False):
        for x, y in super().get_iterator(dataset, training=training):
            yield x * 4 - 1, y


@pytest.mark.parametrize("cls", [Scaling, Iterating])
def test_rows_come_to_passes_as_they_come_to_training(cls):
    params = {"train_split": None, "max_epochs": 1}  # a generator is read once
    asked = learner(net_of(cls, **params)).fit(X, Y)
    plain = learner(net_of(NeuralNetClassifier, **params)).fit(X * 4 - 1, Y)
    np.testing.assert_allclose(asked.predict_proba(X), plain.predict_proba(X * 4 - 1), rtol=1e-5)
    assert asked.query(n_instances=5)[0].tolist() == plain.query(n_instances=5)[0].tolist()


class Iterates(NeuralNetClassifier):
    def forward_iter(self, X, training=False, device="cpu"):
        yield from super().forward_iter(X, training, device)


class Evaluates(NeuralNetClassifier):
    def evaluation_step(self, batch, training=False):
        return super().evaluation_step(batch, training)


class Probabilities(NeuralNetClassifier):
    def predict_proba(self, X):
        return super().predict_proba(X)


@pytest.mark.parametrize(
    ("cls", "name"),
    [(Iterates, "forward_iter"), (Evaluates, "evaluation_step"), (Probabilities, "predict_proba")],
)
def test_methods_that_passes_would_go_by_are_refused(cls, name):
    with pytest.raises(ValueError, match=f"{cls.__name__} overrides {name}, which passes inside"):
        learner(net_of(cls)).fit(X, Y)


class Cautious(NeuralNetClassifier):
    def predict(self, X):
        proba = self.predict_proba(X)
        return np.where(proba.max(axis=1) < 0.9, 8, proba.argmax(axis=1))


class Strict(NeuralNetClassifier):
    def score(self, X, y, sample_weight=None):
        return -7.0


def test_a_predict_of_the_users_own_is_that_of_the_learner():
    names = np.array(list("abcdefghij"))
    labels = np.where(np.arange(200) < 100, names[TRUTH], "")
    asked = ActiveLearner(net_of(Cautious), classes=names, missing_label="", random_state=0)
    asked.fit(X, labels)
    own = names[asked.estimator_.predict(X)]
    assert (own == "i").sum() > 20  # of which it would not be sure
    np.testing.assert_array_equal(asked.predict(X), own)
    np.testing.assert_array_equal(asked.predict(StackDataset(torch.from_numpy(X)[:, :])), own)
    assert asked.score(X, names[TRUTH]) == pytest.approx((own == names[TRUTH]).mean())


def test_a_score_of_the_users_own_is_that_of_the_learner():
    assert learner(net_of(Strict)).fit(X, Y).score(X, TRUTH) == -7.0


class Rescaling(NeuralNetRegressor):
    def predict(self, X):
        return super().predict(X) * 10


def test_a_regressor_with_a_predict_of_its_own_is_refused():
    net = Rescaling(MLP, module__n_out=1, **SETTINGS)
    with pytest.raises(ValueError, match="Rescaling overrides predict, which passes inside"):
        ActiveLearner(net, "greedy_y").fit(X, VALUES)


# Nonlinearities


def test_the_nonlinearity_of_a_regressor_is_used():
    net = regressor(predict_nonlinearity=torch.exp)
    asked = ActiveLearner(net, "std", random_state=0).fit(X, VALUES)
    own = asked.estimator_.predict(X)[:, 0]
    np.testing.assert_allclose(asked.predict(X), own, rtol=1e-6)
    assert own.min() > 0
    mean, std = model_of(asked).std(X)
    assert (mean > 0).all() and (std > 0).all()
    with pytest.raises(ValueError, match="its predictions are not what its last Linear layer"):
        ActiveLearner(net, "badge", random_state=0).fit(X, VALUES).query()


# Modules that draw in evaluation mode


class AlwaysDrops(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(64, 32), nn.Linear(32, 10)

    def forward(self, x):
        return self.head(nn.functional.dropout(self.body(x).relu(), 0.5, training=True))


@pytest.mark.parametrize("strategy", ["margin", "badge", "k_center", "adversarial_bim"])
def test_a_module_that_always_draws_answers_the_same_twice(strategy):
    asked = learner(classifier(AlwaysDrops), strategy).fit(X, Y)
    state = torch.get_rng_state()
    first, second = (asked.query(n_instances=5)[0].tolist() for _ in range(2))
    assert first == second
    assert torch.equal(state, torch.get_rng_state())


# Rows along another axis


class Sequences(nn.Module):
    def __init__(self):
        super().__init__()
        self.steps, self.head = nn.LSTM(3, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.steps(x.transpose(0, 1))[0][-1])


@pytest.mark.parametrize("n_steps", [128, 7])
def test_a_layer_whose_rows_are_along_another_axis_is_refused(n_steps):
    sequences = np.random.default_rng(0).normal(size=(256, n_steps, 3)).astype(np.float32)
    with pytest.raises(ValueError, match=r"write layer='name of a layer that gives one'"):
        embed(Sequences(), sequences, layer="steps")
    assert embed(Sequences(), sequences).shape == (256, 4)


def test_square_vectors_along_the_first_axis_are_served():
    module = nn.Sequential(nn.Unflatten(1, (64, 1)), nn.Linear(1, 3), nn.Flatten())
    rows = torch.from_numpy(X[:64])
    found = embed(module, X[:64], layer="1")
    np.testing.assert_allclose(found, module(rows).detach().numpy(), rtol=1e-6)


# Pickles that callbacks write in the middle


class Pickles(Callback):
    def on_epoch_end(self, net, **kwargs):
        self.written_ = pickle.dumps({k: v for k, v in vars(net).items() if k in self.NAMES})

    NAMES = ("dataset", "train_split", "iterator_train", "iterator_valid")


@pytest.mark.parametrize("split", [None, ValidSplit(3), ValidSplit(150)])
@pytest.mark.filterwarnings("ignore:labels are too few for the net's train_split")
def test_a_checkpoint_holds_the_parameters_of_the_user(split):
    class_of = {"dataset": Dataset} if split is None else {}
    net = classifier(train_split=split, callbacks=[Pickles()], **class_of)
    fitted = learner(net).fit(X, Y).estimator_
    callback = next(each for _, each in fitted.callbacks_ if isinstance(each, Pickles))
    written = pickle.loads(callback.written_)
    assert written["iterator_train"] is DataLoader and written["iterator_valid"] is DataLoader
    assert type(written["train_split"]) is type(split)
    assert written["dataset"] is fitted.dataset


# Datasets of the user's own


class Own(Dataset):
    pass


def test_targets_are_served_through_a_dataset_of_the_users_own():
    usual = ActiveLearner(regressor(), "random", random_state=0).fit(X, VALUES)
    own = ActiveLearner(regressor(dataset=Own), "random", random_state=0).fit(X, VALUES)
    np.testing.assert_array_equal(own.predict(X), usual.predict(X))
    assert own.estimator_.dataset is Own
    two = np.where(np.arange(200) < 100, TRUTH % 2, -1)
    params = SETTINGS | {"module__n_out": 1, "dataset": Own}
    net = NeuralNetBinaryClassifier(MLP, **params)
    assert ActiveLearner(net, classes=[0, 1]).fit(X, two).query()[0].shape == (1,)


def test_scores_of_a_dataset_may_be_weighted():
    noise = np.random.default_rng(0).normal(size=X.shape).astype(np.float32)
    sides = ([(row, 0) for row in torch.from_numpy(rows)] for rows in (X + 5 * noise, X))
    rows = Augmented(*sides)
    asked = learner(classifier()).fit(rows, Y)
    assert asked.score(rows, TRUTH, sample_weight=np.ones(200)) == asked.score(rows, TRUTH)
    first = np.arange(200) < 50
    weighted = asked.score(rows, TRUTH, sample_weight=first.astype(float))
    assert weighted == pytest.approx((asked.predict(X) == TRUTH)[:50].mean())


# What would end in a traceback of torch or skorch


@pytest.mark.parametrize("given", [MLP(), MLP])
def test_a_module_alone_is_refused_with_the_wrapper_to_write(given):
    with pytest.raises(TypeError) as info:
        ActiveLearner(given).fit(X, Y)
    assert str(info.value) == (
        "estimator is MLP, a module of torch, which has no fit; wrap it in skorch's "
        "NeuralNetClassifier(MLP), or in its NeuralNetRegressor."
    )


def test_a_module_with_the_methods_of_an_estimator_is_one():
    class Both(ClassifierMixin, BaseEstimator, MLP):
        def __init__(self):
            super().__init__()

        def fit(self, X, y):
            self.classes_ = np.unique(y)
            return self

        def predict(self, X):
            return self.classes_[self(torch.as_tensor(X)).argmax(dim=1)]

    assert ActiveLearner(Both(), "random").fit(X, Y).predict(X).shape == (len(X),)


def weighted(weight):
    return classifier(criterion__weight=weight)


def all_frozen():
    module = MLP()
    module.requires_grad_(False)
    return classifier(module)


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (weighted(torch.ones(10, dtype=torch.float64)), "CrossEntropyLoss cannot compare outputs"),
        (
            weighted(torch.ones(3)),
            r"CrossEntropyLoss cannot compare outputs, torch.float32 of shape \(2, 10\), with",
        ),
        (weighted(np.ones(10)), "criterion__weight of type ndarray; write torch.tensor"),
        (weighted([1.0] * 10), "criterion__weight of type list; write torch.tensor"),
        (
            classifier(criterion=nn.MSELoss, module__end="softmax"),
            r"MSELoss cannot compare outputs, .* shape \(2, 10\), with labels, torch.int64 of",
        ),
        (all_frozen(), "every parameter of the net is frozen; leave its head free"),
        (classifier(callbacks=EarlyStopping()), r"callbacks=EarlyStopping\(...\); write a list"),
        (classifier(train_split=5), r"train_split=5; write skorch.dataset.ValidSplit\(5\)"),
    ],
    ids=["float64", "too few", "array", "list", "MSE", "frozen", "one callback", "folds"],
)
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_what_training_would_fail_on_is_refused_in_words(net, words):
    with pytest.raises(ValueError, match=words):
        learner(net).fit(X, Y)


def test_a_list_of_weights_is_refused_where_the_loss_is_made_as_torchs_are():
    class Inherits(nn.CrossEntropyLoss):
        """Of the user's own, made as torch's."""

    class Converts(nn.CrossEntropyLoss):
        def __init__(self, weight):
            super().__init__(torch.tensor(weight))

    with pytest.raises(ValueError, match=r"criterion__weight of type list; write torch\.tensor"):
        learner(classifier(criterion=Inherits, criterion__weight=[1.0] * 10)).fit(X, Y)
    asked = learner(classifier(criterion=Converts, criterion__weight=[1.0] * 10)).fit(X, Y)
    assert asked.query()[0].shape == (1,)


def test_weights_of_classes_are_served():
    assert learner(weighted(torch.ones(10))).fit(X, Y).query()[0].shape == (1,)


def test_a_sampler_says_how_many_rows_batches_are_made_of():
    sampler = WeightedRandomSampler(torch.ones(100), 65)
    params = {"iterator_train__sampler": sampler, "batch_size": 64, "train_split": None}
    assert learner(classifier(module__norm=True, **params)).fit(X, Y).query()[0].shape == (1,)


class Items(torch.utils.data.Dataset):
    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, number):
        return self.items[number]


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([object()] * 9, "rows such as the first, a object, make no batch; have tensors"),
        (
            ["text"] * 9,
            "MLP cannot read batches such as this, a tuple: .*; give rows as",
        ),
        ([{"x": torch.ones(n)} for n in (64, 65)], r"have the shapes \(64,\) and \(65,\)"),
    ],
    ids=["objects", "texts", "dicts"],
)
@pytest.mark.parametrize("ask", [lambda net, rows: learner(net).fit(rows).query(), embed])
def test_rows_that_make_no_batch_are_refused_in_a_pass(ask, items, words):
    with pytest.raises(ValueError, match=words):
        ask(FrozenEstimator(started(classifier())), Items(items))


def test_a_series_of_texts_needs_a_tokenizer():
    with pytest.raises(ValueError, match="texts for rows, .* a tokenizer before the net"):
        learner(classifier()).fit(pd.Series(["a text"] * 200), Y)


def test_long_doubles_are_served():
    asked, plain = (learner(classifier()).fit(rows, Y) for rows in (X.astype(np.longdouble), X))
    assert asked.query(n_instances=5)[0].tolist() == plain.query(n_instances=5)[0].tolist()


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_rows_that_are_no_rows_are_refused_when_predicting(method):
    predict = getattr(learner(classifier()).fit(X, Y), method)
    with pytest.raises(TypeError, match="predict got a dict for X.*StackDataset"):
        predict({"x": X})
    with pytest.raises(TypeError, match="predict got a DataLoader; give its Dataset"):
        predict(DataLoader(torch.from_numpy(X)))


class Keeps(MLP):
    def forward(self, x):
        self.kept = self.body(x)
        return self.head(self.kept)


def test_a_module_that_keeps_its_graph_is_refused_where_it_goes_on():
    net = classifier(Keeps, train_split=None)
    asked = learner(net, "random", update="warm_start").fit(X, Y)
    rows, _ = asked.query(n_instances=2)
    with pytest.raises(ValueError, match=r"keep no tensor with its graph in the module, but its"):
        asked.teach(rows, TRUTH[rows])
    assert asked.pool_.n_labeled == 102


class Plain(NeuralNetClassifier):
    pass


def test_weights_of_rows_that_a_subclass_cannot_take_are_refused():
    with pytest.raises(TypeError, match="the forward of MLP takes none; leave it out"):
        learner(net_of(Plain)).fit(X, Y, sample_weight=np.ones(200))


class Scaled(NeuralNetClassifier):
    def train_step_single(self, batch, scale=1.0, **params):
        self.scale_ = scale
        return super().train_step_single(batch, **params)


class Noted(NeuralNetClassifier):
    def run_single_epoch(self, *args, scale=1.0, **params):
        self.scale_ = scale
        return super().run_single_epoch(*args, **params)


class Stepped(NeuralNetClassifier):
    def train_step(self, batch, scale=1.0, **params):
        self.scale_ = scale
        return super().train_step(batch, **params)


@pytest.mark.parametrize("cls", [Scaled, Noted, Stepped])
def test_a_step_of_training_of_ones_own_gets_what_fit_gets(cls):
    net = net_of(cls, max_epochs=1, train_split=None)
    assert learner(net, "random").fit(X, Y, scale=2.5).estimator_.scale_ == 2.5
