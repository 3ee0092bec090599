"""The classes of docs/guide/your_own_model.md: short, fresh each round, and as good as vectors."""

import ast
import logging
import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator

torch = pytest.importorskip("torch")

from skactive import ActiveLearner  # noqa: E402
from skactive.scores import bald  # noqa: E402
from skactive.testing import check_model  # noqa: E402

PAGE = Path(__file__).resolve().parents[1] / "docs" / "guide" / "your_own_model.md"
BLOCKS = re.findall(r"```python\n(import .*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
NEEDED = {"Loop": ("torch",), "Lit": ("lightning",), "Finetuned": ("transformers", "accelerate")}
SOURCES = {next(name for name in NEEDED if f"class {name}(" in block): block for block in BLOCKS}
WORDS = {"good": ["fine", "great", "lovely"], "bad": ["poor", "awful", "dull"], "so": ["okay"]}
each_recipe = pytest.mark.parametrize("name", NEEDED)


def recipe(name):
    """The class that the page shows, where what it needs is installed."""
    for package in NEEDED[name]:
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    space = {}
    exec(compile(SOURCES[name], str(PAGE), "exec"), space)
    return space[name]


def digits():
    X, y = load_digits(return_X_y=True)
    return (X[:240] / 16).astype(np.float32), y[:240] % 4


def texts():
    rng = np.random.default_rng(0)
    y = rng.choice(list(WORDS), 90)
    filler = ["the", "film", "was", "we", "saw", "it"]
    return [" ".join([*rng.choice(filler, 3), rng.choice(WORDS[label])]) for label in y], y


def tokenizer(rows):
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.trainers import WordLevelTrainer
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(WordLevel(unk_token="[UNK]"))
    words.pre_tokenizer = Whitespace()
    special = ["[PAD]", "[UNK]"]
    words.train_from_iterator(rows, WordLevelTrainer(special_tokens=special, show_progress=False))
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]")


def tiny_bert(n_classes):
    """A BERT of random weights: nothing is downloaded."""
    from transformers import BertConfig, BertForSequenceClassification

    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    sizes |= {"intermediate_size": 32, "vocab_size": 40, "max_position_embeddings": 16}
    return BertForSequenceClassification(BertConfig(num_labels=n_classes, **sizes))


def case(name):
    """An estimator, rows for it and all their labels."""
    cls = recipe(name)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    if name == "Finetuned":
        rows, y = texts()
        return cls(tiny_bert, tokenizer(rows)), rows, y
    X, y = digits()
    return cls(epochs=20 if name == "Loop" else 2), X, y


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Trainers write where they are called; the test's own generators are left alone."""
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    # A Trainer pins memory where there is a device, and other tests may have pretended one.
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self, *args: self)
    with torch.random.fork_rng(devices=[]):
        yield


def test_the_page_shows_each_recipe_once():
    assert set(SOURCES) == set(NEEDED) and len(BLOCKS) == len(NEEDED)


@each_recipe
def test_a_recipe_is_25_lines_of_the_users_own(name):
    (body,) = (
        node
        for node in ast.parse(SOURCES[name]).body
        if isinstance(node, ast.ClassDef) and node.name == name
    )
    lines = SOURCES[name].splitlines()[body.lineno - 1 : body.end_lineno]
    assert 15 < len([line for line in lines if line.strip()]) <= 25
    assert max(map(len, lines)) <= 100


def hidden(y):
    missing = -1 if y.dtype.kind == "i" else ""
    return np.where(np.arange(len(y)) < 30, y, missing)


@each_recipe
@pytest.mark.filterwarnings("ignore")
def test_badge_reads_what_the_net_embeds_in_each_round(name):
    estimator, X, y = case(name)
    learner = ActiveLearner(estimator, "badge", missing_label=hidden(y)[-1], random_state=0)
    learner.fit(X, hidden(y))
    seen = []
    for _ in range(2):
        fitted = learner.estimator_
        idx = learner.query(n_instances=6)[0]
        seen.append(np.asarray(fitted.embed(X)))
        # The twin is handed the vectors of this round, and a net that is not trained.
        twin = ActiveLearner(
            FrozenEstimator(fitted), "badge", missing_label=hidden(y)[-1], random_state=0
        )
        now = np.where(np.isin(np.arange(len(y)), learner.pool_.labeled), y, hidden(y)[-1])
        twin.fit(X, now, embedding=seen[-1])
        twin.pool_.seed = learner.pool_.seed
        assert idx.tolist() == twin.query(n_instances=6)[0].tolist()
        learner.teach(idx, y[idx])
    assert seen[0].shape == seen[1].shape and not np.allclose(*seen, atol=1e-3)


@each_recipe
@pytest.mark.filterwarnings("ignore")
def test_bald_scores_the_passes_that_the_net_makes(name):
    estimator, X, y = case(name)
    learner = ActiveLearner(estimator, "bald", missing_label=hidden(y)[-1], random_state=0)
    learner.fit(X, hidden(y))
    calls, passes = [], type(estimator).predict_samples

    def watched(self, X, n_passes):
        calls.append(np.asarray(passes(self, X, n_passes)))
        return calls[-1]

    type(estimator).predict_samples = watched
    scores = learner.scores()
    samples = np.concatenate(calls, axis=1)
    assert samples.shape == (20, len(X), len(set(y)))
    np.testing.assert_allclose(scores[30:], bald(samples)[30:], rtol=1e-5, atol=1e-7)
    assert np.isnan(scores[:30]).all() and scores[30:].std() > 0


@each_recipe
@pytest.mark.filterwarnings("ignore")
def test_a_recipe_keeps_the_contract(name):
    estimator, X, y = case(name)
    check_model(estimator, X[:40], y[:40])
