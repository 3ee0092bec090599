"""Nets on every kind of pool that they read: labels land on their rows, outside rows join them."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from nets import CNN, SETTINGS, digits, nn  # noqa: E402
from skorch import NeuralNetClassifier  # noqa: E402
from torch.utils.data import Dataset, StackDataset, Subset, TensorDataset  # noqa: E402

from skactive import ActiveLearner  # noqa: E402
from skactive.data.datasets import DatasetRows  # noqa: E402
from skactive.data.rows import check_rows, take  # noqa: E402
from skactive.strategies import Dropout, Subpool  # noqa: E402

N, N_KNOWN, BATCH = 80, 40, 4
X, CODES = digits(N, images=True)
WORDS = np.array([f"digit {code}" for code in range(10)])


class WronglyLabelled(Dataset):
    """Images whose labels are nonsense, and not to be used."""

    def __len__(self):
        return N

    def __getitem__(self, i):
        return torch.from_numpy(X[i]), 10**6


def memory_map(folder):
    """The images on disk, not to be written to."""
    np.save(folder / "X.npy", X)
    return np.load(folder / "X.npy", mmap_mode="r")


POOLS = {
    "array": lambda folder: X,
    "float64": lambda folder: X.astype(np.float64),
    "memory map": memory_map,
    "tensor": lambda folder: torch.from_numpy(X),
    "Dataset": lambda folder: WronglyLabelled(),
    "Subset": lambda folder: Subset(WronglyLabelled(), range(N)),
    "TensorDataset": lambda folder: TensorDataset(torch.from_numpy(X), torch.zeros(N)),
    "StackDataset": lambda folder: StackDataset(x=torch.from_numpy(X)),
}
STRATEGIES = {
    "margin": "margin",
    "k_center": "k_center",
    "badge": "badge",
    "bald": "bald",
    "adversarial_deepfool": "adversarial_deepfool",
    "dropout": Dropout("margin", n_passes=3),
    "subpool": Subpool("badge", 20),
}
LABELS = {
    "int": (range(10), np.where(np.arange(N) < N_KNOWN, CODES, -1), CODES),
    "text": (WORDS, np.where(np.arange(N) < N_KNOWN, WORDS[CODES], None), WORDS[CODES]),
}


def learner(strategy, classes):
    net = NeuralNetClassifier(CNN, criterion=nn.CrossEntropyLoss, train_split=None, **SETTINGS)
    return ActiveLearner(net, strategy, classes=classes, random_state=0)


def images(rows):
    """Rows as an array, whatever they are in."""
    if isinstance(rows, DatasetRows):
        return np.stack([np.asarray(row["x"] if isinstance(row, dict) else row) for row in rows])
    return np.asarray(rows, dtype=np.float32)


def served():
    """Cells of pools and strategies; an attack changes one tensor, not a dict."""
    for pool in POOLS:
        for strategy in STRATEGIES:
            if (pool, strategy) != ("StackDataset", "adversarial_deepfool"):
                yield pytest.param(pool, strategy, id=f"{pool}-{strategy}")


@pytest.mark.parametrize(("pool", "strategy"), list(served()))
def test_it_asks_as_on_an_array_and_labels_land_on_their_rows(pool, strategy, tmp_path):
    classes, y, truth = LABELS["text"]
    asked = learner(STRATEGIES[strategy], classes).fit(POOLS[pool](tmp_path), y)
    usual = learner(STRATEGIES[strategy], classes).fit(X, y)
    for _ in range(2):
        idx, rows = asked.query(n_instances=BATCH)
        np.testing.assert_array_equal(idx, usual.query(n_instances=BATCH)[0])
        np.testing.assert_array_equal(images(rows), X[idx])
        asked.teach(idx, truth[idx])
        usual.teach(idx, truth[idx])
    known = asked.pool_.labeled
    assert asked.pool_.y_labeled.tolist() == truth[known].tolist()
    np.testing.assert_array_equal(asked.predict_proba(X), usual.predict_proba(X))
    assert asked.predict(POOLS[pool](tmp_path)).tolist() == usual.predict(X).tolist()
    assert asked.score(POOLS[pool](tmp_path), truth) == usual.score(X, truth)


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("pool", POOLS)
def test_rows_from_outside_join_the_pool_with_their_labels(pool, labels, tmp_path):
    classes, y, truth = LABELS[labels]
    everything = POOLS[pool](tmp_path)
    inside, outside = (take(check_rows(everything), at) for at in np.split(np.arange(N), [60]))
    asked = learner("margin", classes).fit(inside, y[:60])
    idx, rows = asked.query(outside, n_instances=3)
    np.testing.assert_array_equal(images(rows), X[60 + idx])
    asked.teach(take(outside, idx), truth[60 + idx])
    assert len(asked.pool_) == 63
    np.testing.assert_array_equal(images(asked.pool_.rows.take([60, 61, 62])), X[60 + idx])
    assert asked.pool_.y_labeled[-3:].tolist() == truth[60 + idx].tolist()


@pytest.mark.parametrize("pool", ["Dataset", "TensorDataset"])
def test_labels_that_a_dataset_has_of_its_own_change_nothing(pool, tmp_path):
    _, y, _ = LABELS["int"]
    usual = learner("badge", range(10)).fit(X, y)
    asked = learner("badge", range(10)).fit(POOLS[pool](tmp_path), y)
    theirs, ours = usual.estimator_.module_.state_dict(), asked.estimator_.module_.state_dict()
    for name, weights in theirs.items():
        assert torch.equal(weights, ours[name]), name


def test_an_attack_on_a_dict_is_refused(tmp_path):
    _, y, _ = LABELS["int"]
    asked = learner("adversarial_deepfool", range(10)).fit(POOLS["StackDataset"](tmp_path), y)
    with pytest.raises(ValueError, match="change one tensor of numbers, but the module is given"):
        asked.query()
