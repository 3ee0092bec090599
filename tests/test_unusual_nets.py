"""Nets that are built in ways that queries must not trip over, nor change anything of."""

import random
import threading
import warnings
import weakref
from functools import partial
from typing import ClassVar, NamedTuple

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from nets import CNN, MLP, SETTINGS, ByPieces, WithoutLinear, digits, hidden, nn  # noqa: E402
from sklearn.ensemble import VotingClassifier  # noqa: E402
from sklearn.frozen import FrozenEstimator  # noqa: E402
from skorch import (  # noqa: E402
    NeuralNetBinaryClassifier,
    NeuralNetClassifier,
    NeuralNetRegressor,
)
from skorch.callbacks import EarlyStopping, EpochScoring  # noqa: E402
from skorch.helper import predefined_split  # noqa: E402
from torch.utils.data import Dataset, TensorDataset  # noqa: E402

from skactive import ActiveLearner, SimulatedLearner, compare_strategies, embed  # noqa: E402
from skactive.data.datasets import Augmented  # noqa: E402
from skactive.learner.questions import adapt, view_of  # noqa: E402
from skactive.models.modules import differentiable  # noqa: E402
from skactive.strategies import Dropout  # noqa: E402

X, TRUTH = digits(200)
Y = hidden(TRUTH, 60)
CLASSES = np.arange(10)


def net_of(module, **params):
    params = SETTINGS | {"train_split": None, "criterion": nn.CrossEntropyLoss} | params
    return NeuralNetClassifier(module, **params)


def learner(module, strategy="margin", **params):
    return ActiveLearner(net_of(module, **params), strategy, classes=range(10), random_state=0)


def frozen(module):
    return adapt(FrozenEstimator(net_of(module).initialize()), CLASSES)


class WritesToItsInput(MLP):
    def forward(self, x):
        x -= 0.5
        return super().forward(x)


@pytest.mark.parametrize("strategy", ["margin", "badge", "bald", "adversarial_deepfool"])
@pytest.mark.parametrize("container", [np.array, torch.from_numpy], ids=["array", "tensor"])
def test_a_module_that_writes_to_its_input_does_not_reach_the_pool(strategy, container):
    rows = container(X.copy())
    asked = learner(WritesToItsInput, strategy).fit(rows, Y)
    first = asked.query(n_instances=5)[0]
    asked.predict_proba(rows)
    np.testing.assert_array_equal(np.asarray(rows), X)
    np.testing.assert_array_equal(first, asked.query(n_instances=5)[0])


def test_embedding_leaves_the_rows_as_they_are():
    rows = X.copy()
    embed(nn.Sequential(nn.ReLU(inplace=True), nn.Linear(64, 3)), rows - 0.5, layer="0")
    embed(WritesToItsInput(), rows)
    np.testing.assert_array_equal(rows, X)


def test_rows_backwards_or_of_another_byte_order_are_read():
    module = MLP()
    expected = frozen(module).proba(X)
    np.testing.assert_allclose(frozen(module).proba(X[::-1]), expected[::-1], atol=1e-6)
    np.testing.assert_allclose(frozen(module).proba(X.astype(">f4")), expected, atol=1e-6)


@pytest.mark.parametrize("dtype", [">f4", ">f8"])
def test_rows_of_another_byte_order_are_learned_from(dtype):
    asked, usual = (learner(MLP, "badge").fit(rows, Y) for rows in (X.astype(dtype), X))
    np.testing.assert_array_equal(asked.query(n_instances=5)[0], usual.query(n_instances=5)[0])


class Sums(nn.Module):
    """Looks up tokens, and sums what it finds."""

    def __init__(self):
        super().__init__()
        self.tokens, self.head = nn.Embedding(17, 8), nn.Linear(8, 10)

    def forward(self, x):
        return self.head(self.tokens(x.long()).sum(dim=1))


def test_integers_of_another_byte_order_are_learned_from():
    tokens = (16 * X).astype(np.int32)
    asked, usual = (learner(Sums).fit(rows, Y) for rows in (tokens.astype(">i4"), tokens))
    np.testing.assert_array_equal(asked.query(n_instances=5)[0], usual.query(n_instances=5)[0])


class Sides(NamedTuple):
    """Two inputs of a module."""

    left: torch.Tensor
    right: torch.Tensor


class ByNames(Dataset):
    """Images in halves, under their names."""

    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        return Sides(*torch.from_numpy(X[i]).double().chunk(2)), "no label"


class OfSides(MLP):
    def forward(self, x):
        left, right = x  # skorch makes a list of it
        return super().forward(torch.cat([left, right], dim=1))


@pytest.mark.parametrize("strategy", ["badge", "bald"])
def test_inputs_in_a_named_tuple_reach_a_module_as_one(strategy):
    asked = learner(OfSides, strategy).fit(ByNames(), Y)
    usual = learner(MLP, strategy).fit(X, Y)
    np.testing.assert_array_equal(asked.query(n_instances=5)[0], usual.query(n_instances=5)[0])


def test_a_layer_is_seen_before_an_activation_in_place_writes_to_it():
    first = nn.Linear(64, 5)
    module = nn.Sequential(first, nn.ReLU(inplace=True), nn.Linear(5, 10))
    expected = first(torch.from_numpy(X)).detach().numpy()
    np.testing.assert_allclose(embed(module, X, layer="0"), expected, atol=1e-5)
    assert (expected < 0).any()


class Settings:
    """Without a repr of its own: another text in every clone."""


class Configured(MLP):
    def __init__(self, settings):
        super().__init__()


def test_a_parameter_without_a_text_of_its_own_does_not_end_a_warm_start():
    usual = learner(MLP).set_params(update="warm_start").fit(X, Y)
    asked = learner(Configured, module__settings=Settings()).set_params(update="warm_start")
    asked.fit(X, Y)
    for each in (usual, asked):
        each.teach([100, 101], TRUTH[[100, 101]])
    expected = usual.estimator_.module_.head.weight
    assert torch.equal(asked.estimator_.module_.head.weight, expected)


class ScaledHead(nn.Module):
    """Sure of itself, and not by the softmax of its last Linear layer."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(64, 10)
        with torch.no_grad():
            self.head.weight *= 100

    def forward(self, x):
        return self.head(x) * torch.linspace(1, 3, 10)


def test_confident_predictions_do_not_hide_that_a_layer_does_not_account_for_them():
    torch.manual_seed(0)
    model = frozen(ScaledHead())
    assert (np.sort(model.proba(X))[:, -1] > 0.999).mean() > 0.8
    for start in range(0, 200, 10):
        with pytest.raises(ValueError, match="are not the softmax of what its last Linear layer"):
            frozen(model.passes.module).features(X[start : start + 20])


class Sure(MLP):
    """So sure that in single precision its probabilities are 0 and 1."""

    def __init__(self):
        super().__init__()
        with torch.no_grad():
            self.head.weight *= 1e4


@pytest.mark.parametrize("n", [1, 5, 16, 40])
def test_attacks_on_a_few_rows_differentiate_logits_as_those_on_many(n):
    torch.manual_seed(0)
    model = frozen(Sure())
    assert np.isin(model.proba(X[:5]), [0, 1]).all()
    lengths = frozen(model.passes.module).perturbation(X, "deepfool")
    assert np.isfinite(lengths).all()
    np.testing.assert_allclose(model.perturbation(X[:n], "deepfool"), lengths[:n], rtol=1e-3)


def valid_set(names):
    return TensorDataset(torch.from_numpy(X[100:]).double(), torch.as_tensor(names[100:]))


def test_labels_of_a_validation_set_that_is_any_dataset_are_those_that_are_taught():
    names = TRUTH + 1
    split = predefined_split(valid_set(names))
    asked = ActiveLearner(
        net_of(MLP, train_split=split, max_epochs=8), classes=np.arange(1, 11), random_state=0
    ).fit(X, np.where(np.arange(200) < 60, names, -1))
    accuracy = asked.estimator_.history[-1, "valid_acc"]
    assert accuracy == pytest.approx(asked.score(X[100:], names[100:]))
    with pytest.raises(ValueError, match="validation set of train_split has the label"):
        wrong = predefined_split(valid_set(names + 50))
        ActiveLearner(net_of(MLP, train_split=wrong), classes=np.arange(1, 11)).fit(
            X, np.where(np.arange(200) < 60, names, -1)
        )


def test_a_simulation_names_the_classes_that_y_has():
    simulated = SimulatedLearner(
        ActiveLearner(net_of(MLP)), budget=30, n_initial=10, n_instances=10, random_state=0
    ).fit(X, TRUTH)
    assert simulated.n_labeled_.tolist() == [10, 20, 30]
    assert simulated.classes_.tolist() == list(range(10))


def test_learners_in_threads_learn_as_one_after_the_other():
    def weights(seed, into):
        asked = learner(MLP).set_params(random_state=seed).fit(X, Y)
        into[seed] = (asked.estimator_.module_.head.weight, asked.query(n_instances=5)[0])

    one_by_one, at_once = {}, {}
    for seed in range(3):
        weights(seed, one_by_one)
    threads = [threading.Thread(target=weights, args=(seed, at_once)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, (head, idx) in one_by_one.items():
        assert torch.equal(head, at_once[seed][0])
        np.testing.assert_array_equal(idx, at_once[seed][1])


class Images(Dataset):
    def __init__(self, noise):
        self.noise = noise

    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        return torch.from_numpy(X[i]) + self.noise * random.random(), 0


def test_random_numbers_of_python_in_a_transform_follow_from_the_seed():
    pool = Augmented(training=Images(0.5), evaluation=Images(0.0))
    state = random.getstate()
    one = learner(MLP).fit(pool, Y).estimator_.module_.head.weight
    random.random()
    other = learner(MLP).fit(pool, Y).estimator_.module_.head.weight
    assert torch.equal(one, other)
    random.setstate(state)


class TwoModules(NeuralNetClassifier):
    """A net whose head is a module of its own."""

    def initialize_module(self):
        super().initialize_module()
        self.top_ = nn.Sequential(nn.BatchNorm1d(10), nn.Dropout(0.5))
        return self

    def infer(self, x, **fit_params):
        return self.top_(super().infer(x, **fit_params))


def test_all_modules_of_a_net_are_in_evaluation_mode_in_a_pass():
    params = SETTINGS | {"train_split": None, "criterion": nn.CrossEntropyLoss}
    asked = ActiveLearner(TwoModules(MLP, **params), classes=range(10), random_state=0).fit(X, Y)
    np.testing.assert_array_equal(asked.predict_proba(X), asked.predict_proba(X))
    np.testing.assert_allclose(asked.predict_proba(X[:1]), asked.predict_proba(X)[:1], atol=1e-5)


class SpareDropout(nn.Module):
    def __init__(self):
        super().__init__()
        self.spare, self.head = nn.Dropout(0.5), nn.Linear(64, 10)

    def forward(self, x):
        return self.head(x)


def test_dropout_that_no_row_passes_through_is_refused():
    with pytest.raises(ValueError, match="no row passes through the Dropout layers"):
        learner(SpareDropout, "bald").fit(X, Y).query()


class SequenceFirst(nn.Module):
    """Hands rows on along the second axis, as nn.Transformer has them."""

    def __init__(self):
        super().__init__()
        self.drop, self.head = nn.Dropout(0.3), nn.Linear(64, 10)

    def forward(self, x):
        sequence = self.drop(x.reshape(len(x), 8, 8).transpose(0, 1))
        return self.head(sequence.transpose(0, 1).flatten(1))


def test_masks_are_the_same_for_all_rows_where_sequences_come_first():
    model = frozen(SequenceFirst())
    alike = np.repeat(X[:1], 20, axis=0)
    samples = model.samples(alike)
    np.testing.assert_allclose(samples, np.repeat(samples[:, :1], 20, axis=1), atol=1e-6)
    assert samples.std(axis=0).max() > 1e-3


class Temperature(NeuralNetClassifier):
    def predict_proba(self, X):
        return super().predict_proba(X) ** 0.5


def test_probabilities_of_a_nets_own_making_are_refused():
    net = Temperature(MLP, criterion=nn.CrossEntropyLoss, train_split=None, **SETTINGS)
    with pytest.raises(ValueError, match="overrides predict_proba, which passes inside"):
        ActiveLearner(net, classes=range(10)).fit(X, Y)


def test_nets_inside_an_ensemble_are_seeded_and_served():
    def asked():
        nets = [("one", net_of(MLP)), ("other", net_of(MLP))]
        vote = VotingClassifier(nets, voting="soft")
        return ActiveLearner(vote, random_state=0).fit(X.astype(np.float64), Y)

    torch.manual_seed(1)
    one = asked().query(n_instances=5)[0]
    torch.manual_seed(2)
    np.testing.assert_array_equal(asked().query(n_instances=5)[0], one)


class GivesTwo(MLP):
    def forward(self, x):
        logits = super().forward(x)
        return logits, logits.exp()


def test_outputs_of_which_skorch_knows_no_loss_are_refused_in_words():
    with pytest.raises(ValueError, match="gives a tuple, of which skorch knows no loss; return"):
        learner(GivesTwo).fit(X, Y)


def test_a_callback_that_watches_a_score_of_the_missing_validation_set_is_refused():
    scoring = EpochScoring("accuracy", name="mine", lower_is_better=False)
    callbacks = [scoring, EarlyStopping(monitor="mine", lower_is_better=False)]
    with pytest.raises(ValueError, match="EarlyStopping watches 'mine', but there is no valid"):
        learner(MLP, callbacks=callbacks).fit(X, Y)


class CallsByName(MLP):
    def forward(self, x):
        return self.head(input=self.body(x))


def test_a_layer_that_is_called_by_keyword_is_seen():
    torch.manual_seed(0)
    module = CallsByName()
    expected = module.eval().body(torch.from_numpy(X)).detach().numpy()
    np.testing.assert_allclose(frozen(module).features(X), expected, atol=1e-6)


def test_floats_of_a_dataset_are_cast_as_those_of_an_array():
    doubles = TensorDataset(torch.from_numpy(X).double())
    asked, usual = (learner(MLP, "badge").fit(rows, Y) for rows in (doubles, X))
    np.testing.assert_array_equal(asked.query(n_instances=5)[0], usual.query(n_instances=5)[0])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (partial(embed, MLP(), X[:0]), "embed got X without rows"),
        (partial(embed, MLP(), X, out=np.zeros((200, 12), dtype=np.int8)), "out of dtype int8"),
        (lambda: learner(MLP).fit(X, Y).predict(X[:0]), "the net got no rows"),
        (lambda: learner(MLP).fit(X.tolist(), Y), "skorch takes for several inputs"),
        (
            lambda: ActiveLearner(FrozenEstimator(net_of(MLP).initialize())).fit(X),
            "does not say which classes it predicts",
        ),
    ],
    ids=["no rows", "integers", "none to predict", "lists", "no classes"],
)
def test_what_cannot_be_read_is_refused_in_words(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_a_row_that_is_looked_at_first_needs_no_workers(monkeypatch):
    started = []
    plain = torch.utils.data.DataLoader._get_iterator

    def counted(self):
        started.append(self.num_workers)
        return plain(self)

    monkeypatch.setattr(torch.utils.data.DataLoader, "_get_iterator", counted)
    pool = TensorDataset(torch.from_numpy(X))
    asked = learner(MLP, "badge", iterator_valid__num_workers=2).fit(pool, Y)
    started.clear()
    asked.query()
    assert started.count(2) == 1  # the pass itself


def test_dropout_of_other_strategies_is_a_mean_over_the_same_passes():
    asked = learner(MLP, Dropout("least_confidence", n_passes=5)).fit(X, Y)
    view, _ = view_of(asked)
    samples = view.with_dropout(5).samples
    scores = asked.scores()
    expected = 1 - samples.mean(axis=0).max(axis=1)
    kept = ~np.isnan(scores)
    np.testing.assert_allclose(scores[kept], expected[kept], atol=1e-6)


def test_a_comparison_of_nets_does_not_depend_on_the_number_of_processes():
    def scores(n_jobs):
        found = compare_strategies(
            net_of(MLP),
            X,
            TRUTH,
            [],
            budget=30,
            n_instances=10,
            n_repeats=2,
            n_jobs=n_jobs,
            n_initial=10,
            test_size=0.3,
            scoring="accuracy",
            random_state=0,
        )
        return {(run.variant, run.repeat): run.scores for run in found.runs}

    n_threads = torch.get_num_threads()
    assert scores(1) == scores(2)
    assert torch.get_num_threads() == n_threads


class StrayKey(Dataset):
    """Rows with a part that the module does not take."""

    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        return {"x": torch.from_numpy(X[i]), "stray": i}


def test_a_dict_with_a_part_that_the_module_does_not_take_is_refused_in_words():
    with pytest.raises(ValueError, match=r"'stray'; give rows .*, by the names that its forward"):
        learner(MLP).fit(StrayKey(), Y)


IMAGES = digits(200, images=True)[0]
UNREAD = {
    "integers": ((IMAGES * 16).astype(int), "CNN cannot read .* torch.int64 .*as float32"),
    "flat rows": (X, "CNN cannot read .* torch.float32 of shape .*; give rows as the module"),
    "a list": (list(IMAGES), "a list of rows, which skorch takes for several inputs"),
    "texts": ([f"text {i}" for i in range(200)], "texts for rows, .* a tokenizer before the net"),
    "an array of texts": (TRUTH.astype(str), "texts for rows, .* a tokenizer before the net"),
    "integers in a Dataset": (
        TensorDataset(torch.from_numpy((IMAGES * 16).astype(np.uint8))),
        r"CNN cannot read .* torch.uint8 .*\(of a Dataset by a transform\)",
    ),
}


@pytest.mark.parametrize(("rows", "words"), UNREAD.values(), ids=UNREAD)
def test_rows_that_a_module_cannot_read_are_refused_in_words_in_every_pass(rows, words):
    net = net_of(CNN).initialize()
    for strategy in ("margin", "badge", "k_center", "bald", "adversarial_bim"):
        asked = ActiveLearner(FrozenEstimator(net), strategy, classes=range(10)).fit(rows)
        with pytest.raises(ValueError, match=words) as caught:
            asked.query()
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=words):
        embed(net, rows)
    fitted = learner(CNN).fit(IMAGES, Y)
    for call in (fitted.predict, fitted.predict_proba, partial(fitted.score, y=TRUTH)):
        with pytest.raises(ValueError, match=words):
            call(rows)


def test_texts_without_a_tokenizer_are_refused_before_a_net_learns_from_them():
    with pytest.raises(ValueError, match="texts for rows, .* a tokenizer before the net"):
        learner(MLP).fit([f"text {i}" for i in range(200)], Y)


class OutOfMemory(MLP):
    def forward(self, x):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")


def test_memory_that_is_short_is_not_put_down_to_the_rows():
    with pytest.raises(torch.cuda.OutOfMemoryError):
        frozen(OutOfMemory).proba(X)


class TimeFirst(nn.Module):
    """Hands the rows on behind two other axes, of which no mask can tell them."""

    def __init__(self):
        super().__init__()
        self.drop, self.head = nn.Dropout(0.3), nn.Linear(64, 10)

    def forward(self, x):
        return self.head(
            self.drop(x.reshape(-1, 8, 8).permute(1, 2, 0)).permute(2, 0, 1).flatten(1)
        )


def test_what_a_hook_refuses_is_not_put_down_to_the_rows():
    with pytest.raises(ValueError, match="^a Dropout layer of the net is given"):
        frozen(TimeFirst).samples(X)


class ScaledByColumn(nn.Module):
    """Whose predictions the last Linear layer accounts for in rows where one column is 0."""

    def __init__(self, column):
        super().__init__()
        self.column, self.head = column, nn.Linear(64, 10)

    def forward(self, x):
        return self.head(x) * (1 + 3 * (x[:, self.column : self.column + 1] > 0))


class Chunks:
    """Gives batches as a DataLoader does, without being one."""

    def __init__(self, dataset, batch_size):
        self.dataset, self.size = dataset, batch_size

    def __iter__(self):
        for start in range(0, len(self.dataset), self.size):
            stop = min(start + self.size, len(self.dataset))
            rows, labels = zip(*map(self.dataset.__getitem__, range(start, stop)), strict=True)
            yield torch.stack([torch.as_tensor(row) for row in rows]), torch.as_tensor(labels)


@pytest.mark.parametrize("iterator", [torch.utils.data.DataLoader, Chunks])
@pytest.mark.parametrize("size", [1, 3, 128])
def test_a_layer_is_judged_by_as_many_rows_whatever_the_batches(iterator, size):
    column = next(c for c in range(64) if X[0, c] == 0 and (X[:16, c] > 0).mean() > 0.5)
    params = {"iterator_valid": iterator, "iterator_valid__batch_size": size}
    net = net_of(ScaledByColumn(column), **params).initialize()
    with pytest.raises(ValueError, match="are not the softmax of what its last Linear layer gives"):
        adapt(FrozenEstimator(net), CLASSES).features(X)
    with pytest.raises(ValueError, match="outputs of ScaledByColumn do not follow from its last"):
        adapt(FrozenEstimator(net), CLASSES).embedding(X)


class BothSides(MLP):
    """Passes its mirror image too, of which nothing is predicted."""

    def forward(self, x):
        return super().forward(torch.cat([x, -x]))[: len(x)]


@pytest.mark.parametrize("size", [1, 3, 16, 128])
def test_a_layer_that_sees_more_than_the_rows_does_not_tell_the_predictions(size):
    net = net_of(BothSides, iterator_valid__batch_size=size).initialize()
    asked = ActiveLearner(FrozenEstimator(net), "adversarial_deepfool", classes=range(10))
    assert len(set(asked.fit(X).query(n_instances=5)[0])) == 5
    with pytest.raises(ValueError, match="view.gradient, which BothSides cannot give"):
        asked.set_params(strategy="badge").fit(X).query()


@pytest.mark.parametrize("size", [1, 8, 16, 128])
@pytest.mark.parametrize("at", [3, 30])
def test_a_net_of_one_logit_may_be_sure_of_rows_wherever_they_are(at, size):
    module = nn.Linear(1, 1)
    with torch.no_grad():
        module.weight[:], module.bias[:] = 1.0, 0.0
    rows = np.linspace(-2, 2, 40, dtype=np.float32)[:, None]
    rows[at : at + 4, 0] = [15.5, -15.5, 30.0, -30.0]  # of 1 - p few digits are left, or none
    net = NeuralNetBinaryClassifier(module, batch_size=size, **SETTINGS).initialize()
    model = adapt(FrozenEstimator(net), [0, 1])
    np.testing.assert_array_equal(model.features(rows), rows)


class Bent(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(1, 1)

    def forward(self, x):
        return self.head(x) * (2 + self.head(x).sin())


@pytest.mark.parametrize("shift", [-9.0, 0.0, 6.0])
def test_a_net_of_one_logit_that_its_layer_does_not_account_for_is_found_out(shift):
    module = Bent()
    with torch.no_grad():
        module.head.weight[:], module.head.bias[:] = 1.0, shift
    net = NeuralNetBinaryClassifier(module, **SETTINGS).initialize()
    with pytest.raises(ValueError, match="are not the softmax of what its last Linear layer gives"):
        adapt(FrozenEstimator(net), [0, 1]).features(np.linspace(-2, 2, 40, dtype="f4")[:, None])


def test_outputs_that_are_no_probabilities_are_told_before_a_layer_is_judged():
    logits = NeuralNetClassifier(MLP, train_split=None, **SETTINGS).initialize()
    for strategy in ("margin", "badge"):
        asked = ActiveLearner(FrozenEstimator(logits), strategy, classes=range(10)).fit(X)
        with pytest.raises(ValueError, match="write criterion=torch.nn.CrossEntropyLoss where"):
            asked.query()


class EachOfEight(nn.Module):
    """Predicts for each of eight pieces of a row."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        return self.head(x.reshape(-1, 8, 8))


def test_a_layer_that_is_given_more_than_one_vector_a_row_has_no_gradient():
    with pytest.raises(ValueError, match="are not the softmax of what its last Linear layer gives"):
        frozen(EachOfEight).features(X)


class Rounds(MLP):
    def forward(self, x):
        return super().forward((x * 4).round())


class ThroughNumpy(MLP):
    def forward(self, x):
        return super().forward(torch.from_numpy(x.numpy()))


@pytest.mark.parametrize("strategy", ["adversarial_bim", "adversarial_deepfool"])
@pytest.mark.parametrize("module", [Rounds, ThroughNumpy])
def test_a_net_without_slopes_is_refused_by_adversarial_strategies(module, strategy):
    asked = learner(module, strategy, batch_size=32).fit(X, Y)
    with pytest.raises(ValueError, match=r"no gradient in its inputs .* such as 'margin'"):
        asked.query()


class Dead(nn.Module):
    """Of rows that are all positive nothing is left but a bias."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(torch.relu(-x - 1e-3))


@pytest.mark.parametrize("attack", ["bim", "deepfool"])
def test_rows_in_which_a_unit_is_dead_are_served_however_few(attack):
    assert np.isinf(frozen(Dead).perturbation(X[:1], attack)).all()


@pytest.mark.parametrize("module", [MLP, nn.LSTM])
def test_only_recurrent_layers_go_without_cudnn(module):
    modules = [module(*(() if module is MLP else (2, 2)))]
    before = torch.backends.cudnn.enabled
    with differentiable(modules):
        assert torch.backends.cudnn.enabled == (before and module is MLP)
    assert torch.backends.cudnn.enabled == before


def test_a_net_without_a_linear_layer_is_told_which_embedding_gives_a_gradient():
    for params in ({}, {"embedding": "conv"}):
        asked = learner(WithoutLinear, "badge").set_params(**params)
        with pytest.raises(ValueError, match=r"or embedding=, which is no layer's name\.$"):
            asked.fit(IMAGES, Y)
    asked = learner(WithoutLinear, "badge").set_params(embedding=lambda rows: rows.reshape(-1, 64))
    assert asked.fit(IMAGES, Y).query(n_instances=3)[0].shape == (3,)


@pytest.mark.parametrize(
    "wrap", [lambda module: module, lambda module: net_of(module).initialize()]
)
@pytest.mark.parametrize(
    ("module", "rows", "layer", "words"),
    [
        (MLP(), X, "bodi.0", "^layer='bodi.0' names no layer of MLP"),
        (SpareDropout(), X, "spare", "^layer='spare' is a layer of .* no row passes through"),
        (ByPieces(), X, "piece", "write layer='name of a layer that gives one'"),
    ],
    ids=["unknown", "not passed through", "several vectors"],
)
def test_embed_speaks_of_its_own_parameter(wrap, module, rows, layer, words):
    with pytest.raises(ValueError, match=words):
        embed(wrap(module), rows, layer=layer)


# Nets whose last Linear layer does not make their outputs


class Squeezing(nn.Module):
    """Scales channels by what two Linear layers say of them, and ends in a convolution."""

    def __init__(self, n_out=10):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3)
        self.squeeze, self.excite = nn.Linear(8, 4), nn.Linear(4, 8)
        self.head = nn.Conv2d(8, n_out, 1)

    def forward(self, x):
        h = self.conv(x).relu()
        scale = self.excite(self.squeeze(h.mean(dim=(2, 3))).relu()).sigmoid()
        self.pooled = (h * scale[:, :, None, None]).mean(dim=(2, 3))
        return self.head(self.pooled[:, :, None, None])[:, :, 0, 0]


class MeanPooled(nn.Module):
    """A small encoder whose pooler is called last, and whose vectors are means, as of MiniLM."""

    def __init__(self, pooled=False):
        super().__init__()
        self.tokens, self.mix = nn.Embedding(17, 6), nn.Linear(6, 6)
        self.pooler = nn.Linear(6, 6)
        self.pooled = pooled

    def forward(self, x):
        h = self.mix(self.tokens((x * 16).long())).relu()
        first = self.pooler(h[:, 0]).tanh()
        return first if self.pooled else h.mean(dim=1)


class Headless(nn.Module):
    """A block as of a vision transformer, without a head: a shortcut goes past its last Linear."""

    def __init__(self, n_out=None):
        super().__init__()
        self.patches = nn.Linear(8, 32)
        self.mlp = nn.Sequential(nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 32))
        self.norm = nn.LayerNorm(32)
        self.head = nn.Linear(32, n_out) if n_out else nn.Identity()

    def forward(self, x):
        h = self.patches(x.reshape(-1, 8, 8))
        return self.head(self.norm(h + self.mlp(h)).mean(dim=1))


@pytest.mark.parametrize(
    ("module", "rows"),
    [(MeanPooled(), X), (Headless(), X), (Squeezing(), IMAGES), (WithoutLinear(), IMAGES)],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("n", [2, 20])
def test_vectors_of_a_module_are_its_outputs_where_no_linear_layer_makes_them(module, rows, n):
    with pytest.warns(UserWarning, match=r"vectors are its outputs, write layer='name of a layer'"):
        vectors = embed(module, rows[:n])
    with torch.no_grad():
        expected = module.eval()(torch.from_numpy(rows[:n])).numpy()
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(embed(module, rows[:n], layer=""), vectors)


def test_where_the_pooler_makes_the_outputs_vectors_are_its_input():
    module = MeanPooled(pooled=True).eval()
    with torch.no_grad():
        expected = module.mix(module.tokens(torch.from_numpy(X[:9] * 16).long())).relu()[:, 0]
    np.testing.assert_allclose(embed(module, X[:9]), expected.numpy(), atol=1e-6)


@pytest.mark.parametrize("module", [Squeezing, WithoutLinear])
def test_the_predictions_of_a_classifier_are_no_vectors(module):
    asked = ActiveLearner(net_of(module), "k_center", classes=range(10), random_state=0)
    with pytest.raises(ValueError, match=r"would be the embedding; write embedding='name of a la"):
        asked.fit(IMAGES, Y).query(n_instances=3)
    asked.set_params(embedding="conv").fit(IMAGES, Y)
    assert len(asked.query(n_instances=3)[0]) == 3


class Ends(MLP):
    """An MLP whose logits go on in several ways before they are returned."""

    ENDS: ClassVar[dict] = {
        "temperature": lambda net, h: net.head(h) / 3,
        "log": lambda net, h: net.head(h).log_softmax(dim=1),
        "norm": lambda net, h: nn.functional.normalize(net.head(h)),
        "auxiliary": lambda net, h: (net.head(h), net.extra(h.relu().square()))[0],
        "shortcut": lambda net, h: net.head(h) + h[:, :10],
    }

    def __init__(self, how):
        super().__init__()
        self.extra, self.how = nn.Linear(12, 3), how

    def forward(self, x):
        return self.ENDS[self.how](self, self.body(x))


@pytest.mark.parametrize("how", Ends.ENDS)
def test_vectors_are_what_the_layer_is_given_that_makes_the_outputs(how):
    module = Ends(how).eval()
    model = adapt(FrozenEstimator(net_of(module).initialize()), CLASSES)
    if how == "shortcut":
        with pytest.raises(ValueError, match="outputs of Ends do not follow from its last Linear"):
            model.embedding(X)
        return
    with torch.no_grad():
        expected = module.body(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(model.embedding(X), expected, atol=1e-6)


def test_a_regressor_of_means_and_variances_is_seen_by_what_its_mean_is_given():
    class Both(MLP):
        def __init__(self):
            super().__init__(n_out=1)
            self.variance = nn.Linear(12, 1)

        def forward(self, x):
            h = self.body(x)
            return self.head(h).squeeze(1), self.variance(torch.cat([h[:, 6:], h[:, :6]], dim=1))

    net = NeuralNetRegressor(Both, **SETTINGS).initialize()
    with torch.no_grad():
        expected = net.module_.eval().body(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(adapt(FrozenEstimator(net)).embedding(X), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        ({"out": [1]}, TypeError, "embed got out of type list; give a path or an array"),
        ({"out": torch.zeros(200, 12)}, TypeError, "out of type Tensor; give a path or an array"),
        ({"dtype": int}, ValueError, "embed got dtype=int64; vectors are floats"),
        ({"dtype": bool, "out": "vectors.npy"}, ValueError, "embed got dtype=bool; vectors are"),
        ({"dtype": "f2", "out": np.zeros((200, 12))}, ValueError, "leave dtype out"),
        ({"out": np.broadcast_to(0.0, (200, 12))}, ValueError, "out that is read-only; open the"),
    ],
    ids=["list", "tensor", "integers", "bools in a file", "two dtypes", "read-only"],
)
def test_where_vectors_cannot_be_written_is_refused_before_a_pass(
    params, error, words, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    module, calls = MLP(), []
    module.register_forward_hook(lambda *_: calls.append(1))
    with pytest.raises(error, match=words):
        embed(module, X, **params)
    assert not calls and not list(tmp_path.iterdir())


class OneIsLarger(Dataset):
    def __init__(self, number):
        self.number = number

    def __len__(self):
        return 200

    def __getitem__(self, i):
        image = torch.from_numpy(IMAGES[i])
        return nn.functional.pad(image, (0, 1)) if i == self.number else image


@pytest.mark.parametrize("number", [30, 130], ids=["in training", "in the pass"])
def test_images_of_two_sizes_are_refused_in_words(number):
    words = r"the shapes \(1, 8, 8\) and \(1, 8, 9\); have all rows of one shape, in a Dataset by"
    with pytest.raises(ValueError, match=words):
        learner(CNN).fit(OneIsLarger(number), Y).query()


def test_images_of_two_sizes_in_a_validation_set_are_refused_in_words():
    valid = [(image, label) for image, label in zip(OneIsLarger(3), TRUTH, strict=False)]
    asked = learner(CNN, train_split=predefined_split(valid))
    with pytest.raises(ValueError, match=r"the shapes \(1, 8, 8\) and \(1, 8, 9\); have all rows"):
        asked.fit(IMAGES, Y)


@pytest.mark.parametrize("name", ["margin", "badge", "k_center", "embed"])
def test_a_batch_is_let_go_before_the_next_pass(name):
    made, n_alive = [], []
    net = net_of(MLP, batch_size=32).initialize()
    net.module_.register_forward_pre_hook(
        lambda *_: n_alive.append(sum(ref() is not None for ref in made))
    )
    net.module_.head.register_forward_hook(
        lambda _, inputs, output: made.extend(map(weakref.ref, (*inputs, output)))
    )
    if name == "embed":
        embed(net, X)
    else:
        ActiveLearner(FrozenEstimator(net), name, classes=range(10)).fit(X).query()
    assert n_alive == [0] * len(n_alive) and len(n_alive) > 6


class TwoConvolutions(nn.Module):
    def __init__(self, layout):
        super().__init__()
        convolutions = nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Conv2d(6, 8, 3)
        self.body = nn.Sequential(*convolutions, nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.2))
        self.head = nn.Linear(32, 10)
        self.to(memory_format=layout)

    def forward(self, x):
        return self.head(self.body(x))


@pytest.mark.parametrize("name", ["margin", "badge", "k_center", "bald", "adversarial_deepfool"])
def test_channels_may_come_last(name):
    picks = []
    for layout in (torch.contiguous_format, torch.channels_last):
        asked = learner(TwoConvolutions, name, module__layout=layout).fit(IMAGES, Y)
        assert asked.estimator_.module_.body[2].weight.is_contiguous(memory_format=layout)
        picks.append(asked.query(n_instances=5)[0].tolist())
    assert picks[0] == picks[1]
