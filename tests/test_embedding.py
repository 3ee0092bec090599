"""Where a learner's vectors come from, when they are computed, and what is refused."""

import pickle
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from snapshot import unchanged

from skactive import ActiveLearner, EachRound, Pool, SimulatedLearner, Strategy
from skactive.data.vectors import as_vectors
from skactive.learner.questions import kept_of, view_of

DIGITS, TRUTH = load_digits(return_X_y=True)
X = DIGITS[:120] / 16
Y = np.where(np.arange(120) < 30, TRUTH[:120], -1)
E = np.random.default_rng(0).normal(size=(120, 3))
SEEN = []
PRETRAINED = PCA(2).fit(X)


class Nearest(Strategy):
    """The candidates farthest from what is known, all of one question; it keeps what it saw."""

    rowwise = False
    reads = ("embedding",)

    def select(self, view, n):
        SEEN.append(view.embedding)
        order = np.argsort(-np.where(view.mask, view.center_distances(), -1.0), kind="stable")
        return order[:n]


class Counting:
    """A function of rows that counts how many it was shown."""

    def __init__(self):
        self.n_rows = 0

    def __call__(self, rows):
        self.n_rows += len(rows)
        return rows[:, :5] ** 2


def learner(embedding=None, estimator=None, **params):
    estimator = LogisticRegression() if estimator is None else estimator
    return ActiveLearner(estimator, Nearest(), embedding=embedding, random_state=0, **params)


def seen_by(asked, *args, **kwargs):
    asked.query(*args, n_instances=3, **kwargs)
    return SEEN[-1]


def nearest_squared(vectors, centers):
    gaps = vectors[:, None] - vectors[centers]
    return (gaps**2).sum(axis=2).min(axis=1)


# What it is


def test_numbers_that_are_objects_are_vectors_but_texts_and_other_objects_are_not():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": pandas.array([1, 2, 3], dtype="Int64"), "b": [0.5, 1.5, 2.5]})
    assert as_vectors(frame, "it", "numbers").tolist() == [[1, 0.5], [2, 1.5], [3, 2.5]]
    for rows, kind in (
        ([["1"], [2]], "str"),
        ([[0.5, "odd"]], "str"),
        ([[None], [{}]], "NoneType"),
        (["a"], "str"),
    ):
        rows = np.array(rows, dtype=object)
        with pytest.raises(ValueError, match=f"which it on rows of {kind} cannot give: it needs"):
            as_vectors(rows, "it", "numbers")


@pytest.mark.parametrize("given", [None, 3.0])
def test_an_embedding_that_gives_no_vectors_is_refused(given):
    fitted = learner(embedding=lambda rows: given).fit(X, Y)
    with pytest.raises(ValueError, match=f"the embedding gave {given}; it needs a vector for each"):
        fitted.query()


def test_by_default_rows_of_an_array_are_the_vectors_and_are_not_copied():
    assert np.shares_memory(seen_by(learner().fit(X, Y)), X)
    images = X.reshape(120, 8, 8)
    flat = make_pipeline(FunctionTransformer(flattened), LogisticRegression())
    assert (seen_by(learner(estimator=flat).fit(images, Y)) == X).all()


def flattened(images):
    return images.reshape(len(images), -1)


def test_by_default_a_pipeline_gives_what_its_last_step_sees_as_it_is_now():
    asked = learner(estimator=make_pipeline(StandardScaler(), LogisticRegression())).fit(X, Y)
    assert (seen_by(asked) == asked.estimator_[:-1].transform(X)).all()
    before = seen_by(asked)
    asked.teach(asked.query(n_instances=30)[0], TRUTH[asked.query(n_instances=30)[0]])
    assert (seen_by(asked) == asked.estimator_[:-1].transform(X)).all()
    assert not np.allclose(before, SEEN[-1])


def test_a_function_makes_the_vectors_once_for_a_pool_and_for_new_rows_alone_afterwards():
    function = Counting()
    asked = learner(function).fit(X, Y)
    assert (seen_by(asked) == X[:, :5] ** 2).all() and function.n_rows == 120
    idx, _ = asked.query(n_instances=5)
    asked.teach(idx, TRUTH[idx]).query()
    assert function.n_rows == 120
    outside = DIGITS[200:220] / 16
    assert (seen_by(asked, outside) == np.concatenate([outside, X])[:, :5] ** 2).all()
    assert function.n_rows == 140


@pytest.mark.parametrize("given", [False, True], ids=["function", "given"])
def test_where_rows_join_the_pool_vectors_and_distances_are_those_of_the_new_ones(
    given, monkeypatch
):
    import skactive.strategies.view as module

    computed, original = [], module.nearest_squared_distances

    def spied(vectors, centers, *, known=None):
        computed.append(len(vectors) if known is None else len(centers))
        return original(vectors, centers, known=known)

    monkeypatch.setattr(module, "nearest_squared_distances", spied)
    function, more = Counting(), DIGITS[200:215] / 16
    asked = learner(None if given else function)
    new = {"embedding": more[:5, :5] ** 2} if given else {}
    asked.fit(X, Y, **({"embedding": X[:, :5] ** 2} if given else {})).query()
    asked.query(more[:5], **new)
    n_before, computed[:] = function.n_rows, []
    asked.teach(more[:5], TRUTH[200:205], **new).query()
    new = {"embedding": more[5:, :5] ** 2} if given else {}
    asked.extend(more[5:], **new).query(n_instances=4)
    assert given or function.n_rows == n_before + 15
    assert computed == [5 + 30, 5, 10 + 35]  # new rows beside what was known; then 5 new centres
    vectors = np.concatenate([X, more])[:, :5] ** 2
    np.testing.assert_array_equal(SEEN[-1], vectors)
    distances, centers = view_of(asked)[0].center_distances(), asked.pool_.labeled
    np.testing.assert_allclose(distances, nearest_squared(vectors, centers), atol=1e-12)


def test_a_transformer_is_cloned_seeded_and_fitted_once_on_all_rows():
    pca = PCA(4, svd_solver="randomized")
    asked = learner(pca).fit(X, Y)
    first = seen_by(asked).copy()
    assert not hasattr(pca, "components_")
    np.testing.assert_allclose(first, PCA(4).fit_transform(X), atol=1e-6)
    asked.teach(asked.query()[0], [3])
    assert (seen_by(asked) == first).all()
    assert (seen_by(learner(pca).fit(X, Y)) == first).all()


def test_a_frozen_transformer_is_used_as_it_is():
    fitted = PCA(3).fit(DIGITS[500:] / 16)
    assert (seen_by(learner(FrozenEstimator(fitted)).fit(X, Y)) == fitted.transform(X)).all()


def test_texts_have_vectors_by_a_transformer_or_by_the_pipeline():
    texts = [f"{'abc'[i % 3] * 3} word{i % 7} word{i % 11}" for i in range(30)]
    y = np.where(np.arange(30) < 9, np.arange(30) % 3, -1)
    pipe = make_pipeline(TfidfVectorizer(), LogisticRegression())
    by_pipe = learner(estimator=pipe).fit(texts, y)
    assert sparse.issparse(seen_by(by_pipe))
    by_transformer = learner(TfidfVectorizer(), estimator=pipe).fit(texts, y)
    every = TfidfVectorizer().fit_transform(texts)
    assert abs(seen_by(by_transformer) - every).max() == 0


def test_given_vectors_go_with_the_rows_through_extend_teach_and_outside_queries():
    E = np.random.default_rng(0).normal(size=(160, 3))
    asked = learner().fit(X, Y, embedding=E[:120])
    assert np.shares_memory(seen_by(asked), E)
    asked.extend(DIGITS[120:130] / 16, embedding=E[120:130])
    assert (seen_by(asked) == E[:130]).all()
    outside = DIGITS[130:160] / 16
    assert (seen_by(asked, outside, embedding=E[130:]) == np.r_[E[130:], E[:130]]).all()
    asked.teach(outside[[4, 2]], TRUTH[[134, 132]], embedding=E[[134, 132]])
    assert (seen_by(asked) == np.r_[E[:130], E[[134, 132]]]).all()


def test_rows_that_joined_the_pool_without_their_vectors_are_noticed():
    asked = learner().fit(X, Y, embedding=E)
    asked.pool_.extend(DIGITS[120:125] / 16)
    with pytest.raises(ValueError, match="the pool has 125 rows, but vectors came for 120; add"):
        asked.query()
    by_function = learner(PCA(3)).fit(X, Y)
    asked = by_function.query() and by_function
    asked.pool_.extend(DIGITS[120:125] / 16)
    assert seen_by(asked).shape == (125, 3)


def test_a_score_of_single_rows_has_its_vectors_made_once_too():
    function = Counting()
    asked = ActiveLearner(
        LogisticRegression(), "expected_model_change", embedding=function, random_state=0
    ).fit(X, Y)
    asked.query()
    asked.teach(asked.query()[0], [5]).query()
    assert function.n_rows == 120


def test_a_simulation_takes_vectors_that_come_with_the_rows():
    simulated = SimulatedLearner(learner(), budget=40, n_initial=30, n_instances=5, random_state=0)
    simulated.fit(X, TRUTH[:120], embedding=E)
    assert SEEN[-1] is E or np.shares_memory(SEEN[-1], E)


def test_a_loaded_pool_is_given_its_vectors_again():
    E = np.random.default_rng(0).normal(size=(120, 3))
    pool = Pool(X, Y)
    assert (seen_by(learner().fit(pool, embedding=E)) == E).all()


def test_refit_takes_an_embedding_that_was_set_since_and_keeps_one_that_was_not():
    asked = learner(PCA(4)).fit(X, Y)
    first = seen_by(asked)
    assert seen_by(asked.refit()) is first
    assert seen_by(asked.set_params(embedding__n_components=2).refit()).shape == (120, 2)
    assert seen_by(asked.set_params(embedding=None).refit()).shape == (120, 64)


def scaled(n_components):
    steps = StandardScaler(), PCA(n_components), LogisticRegression()
    return make_pipeline(*steps).fit(DIGITS / 16, TRUTH)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (FrozenEstimator(scaled(3)), FrozenEstimator(scaled(8))),
        (FrozenEstimator(scaled(3)), LogisticRegression()),
        (LogisticRegression(), FrozenEstimator(scaled(3))),
        (make_pipeline(StandardScaler(), LogisticRegression()), LogisticRegression()),
    ],
    ids=["frozen to frozen", "frozen to plain", "plain to frozen", "pipeline to plain"],
)
def test_vectors_and_distances_of_another_estimator_are_not_kept(before, after):
    asked, fresh = learner(estimator=before).fit(X, Y), learner(estimator=after).fit(X, Y)
    asked.query(n_instances=5)
    asked.set_params(estimator=after).query(n_instances=5)  # by the old one still
    idx, _ = asked.refit().query(n_instances=5)
    np.testing.assert_array_equal(idx, fresh.query(n_instances=5)[0])
    np.testing.assert_array_equal(SEEN[-1], SEEN[-2])
    assert SEEN[-1] is not SEEN[-2]


def times(w):
    return FunctionTransformer(lambda rows, w: rows @ np.asarray(w), kw_args={"w": w})


W = np.random.default_rng(1).normal(size=(2, 64, 40))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (FrozenEstimator(PCA(3).fit(X)), FrozenEstimator(PCA(3).fit(X**2))),
        (times(W[0]), times(W[1])),
        (times(W[0].tolist()), times(W[1].tolist())),
    ],
    ids=["frozen", "arrays that look alike", "lists"],
)
def test_refit_knows_an_embedding_by_its_values_not_by_what_it_shows(before, after):
    asked = learner(before).fit(X, Y)
    first = seen_by(asked)
    second = seen_by(asked.set_params(embedding=after).refit())
    assert second.shape == first.shape and not np.allclose(first, second)
    assert seen_by(asked.refit()) is second


# At a cold start


def test_at_a_cold_start_the_rows_or_their_given_vectors_can_be_read():
    E = np.random.default_rng(0).normal(size=(120, 3))
    for params, vectors in (({}, X), ({"embedding": E}, E)):
        cold = ActiveLearner(LogisticRegression(), cold_start=Nearest()).fit(X, **params)
        assert seen_by(cold) is not None and (SEEN[-1] == vectors).all()
    cold = ActiveLearner(LogisticRegression(), cold_start=Nearest()).fit(["one", "two"])
    with pytest.raises(ValueError, match="a cold start on rows of str_? cannot give: it needs"):
        cold.query()


# Distances


@pytest.mark.parametrize("embedding", [None, PCA(4)], ids=["rows", "pca"])
def test_distances_to_what_is_known_follow_labels_reservations_and_their_undoing(embedding):
    asked = learner(embedding).fit(X, Y)

    def check():
        vectors = seen_by(asked)
        view, _ = view_of(asked)
        centers = np.union1d(asked.pool_.labeled, asked.pool_.reserved)
        np.testing.assert_allclose(
            view.center_distances(), nearest_squared(vectors, centers), atol=1e-9
        )

    check()
    idx, _ = asked.query(n_instances=4)
    asked.teach(idx, TRUTH[idx])
    check()
    asked.pool_.reserve([50, 60], name="ada")
    check()
    asked.pool_.release([50])
    check()
    asked.pool_.undo(2)
    check()
    asked.extend(DIGITS[120:130] / 16)
    check()


def test_distances_that_are_known_are_not_computed_again(monkeypatch):
    import skactive.strategies.view as module

    asked_for = []
    original = module.nearest_squared_distances

    def spied(vectors, centers, *, known=None):
        asked_for.append(len(centers))
        return original(vectors, centers, known=known)

    monkeypatch.setattr(module, "nearest_squared_distances", spied)
    asked = learner().fit(X, Y)
    idx, _ = asked.query(n_instances=4)
    asked.query()
    asked.teach(idx, TRUTH[idx]).query()
    assert asked_for == [30, 4]


def test_without_centres_every_distance_is_infinite():
    cold = ActiveLearner(LogisticRegression(), cold_start=Nearest()).fit(X)
    assert np.isinf(view_of(cold)[0].center_distances()).all()


def test_what_is_kept_between_questions_is_neither_shown_nor_pickled():
    asked = learner(PCA(4)).fit(X, Y)
    with unchanged(asked, but=("_last_query",)):
        first, _ = asked.query(n_instances=10)
    again = pickle.loads(pickle.dumps(asked))
    assert kept_of(again).embedding.memory(None).vectors is None
    assert (again.query(n_instances=10)[0] == first).all()


# How many


def test_n_total_asks_for_as_many_as_are_missing():
    asked = learner().fit(X, Y)
    assert len(asked.query(n_total=34)[0]) == 4
    asked.pool_.reserve([40, 41])
    assert len(asked.query(n_total=34)[0]) == 2
    assert len(asked.query(n_total=20)[0]) == 0
    assert len(asked.query(DIGITS[200:220] / 16, n_total=35)[0]) == 3


# Refusals


class NotOneForEach(PCA):
    """A transformer that forgets a row."""

    def transform(self, X):
        return super().transform(X)[1:]


HOLED = np.where(np.arange(360).reshape(120, 3) == 61, np.nan, E)


@pytest.mark.parametrize(
    ("params", "error", "text"),
    [
        ({"embedding": "avgpool"}, ValueError, "embedding='avgpool' names a layer of a net"),
        ({"embedding": PCA}, TypeError, "embedding is the class PCA; write PCA(), an instance."),
        ({"embedding": E}, TypeError, "belongs to the data; write fit(X, y, embedding=E)"),
        ({"embedding": 3}, TypeError, "embedding is 3; give a callable rows -> vectors"),
    ],
    ids=["layer", "class", "array", "number"],
)
def test_what_is_no_embedding_is_refused_before_anything_is_fitted(params, error, text):
    asked = learner(**params)
    with unchanged(asked), pytest.raises(error) as info:
        asked.fit(X, Y)
    assert text in str(info.value)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (E[:100], "fit got embedding with 100 rows for 120 rows of X; give one row for each."),
        (HOLED, "fit got embedding with NaN or infinity in row 20; every row needs finite"),
        (E.ravel()[:120], "fit got embedding of shape (120,); give two dimensions"),
    ],
    ids=["rows", "nan", "shape"],
)
def test_vectors_that_do_not_fit_the_rows_are_refused_and_nothing_changes(given, text):
    asked = learner().fit(X, Y)
    with unchanged(asked), pytest.raises(ValueError) as info:
        asked.fit(X[:120], Y, embedding=given)
    assert text in str(info.value)


def test_vectors_given_twice_are_refused():
    with pytest.raises(ValueError, match="and the learner has one of its own"):
        learner(PCA(2)).fit(X, Y, embedding=E)


def test_vectors_of_new_rows_come_if_and_only_if_the_pool_has_its_own():
    new = DIGITS[120:123] / 16
    plain, given = learner().fit(X, Y), learner().fit(X, Y, embedding=E)
    for asked, call, text in (
        (plain, lambda: plain.query(embedding=E), "query got embedding= without X"),
        (plain, lambda: plain.query(new, embedding=E[:3]), "but fit got none for the pool's"),
        (plain, lambda: plain.extend(new, embedding=E[:3]), "extend got embedding= for its rows"),
        (given, lambda: given.query(new), "query got rows without embedding=, which fit got"),
        (given, lambda: given.extend(new), "extend got rows without embedding="),
        (given, lambda: given.extend(new, embedding=E[:3, :2]), "of 2 columns, the pool's has 3"),
        (given, lambda: given.extend(new, embedding=E[:2]), "with 2 rows for 3 rows of X"),
        (given, lambda: given.teach([50], [1], embedding=E[:1]), "teach got row numbers and emb"),
        (plain, lambda: plain.query(n_instances=3, n_total=40), "n_instances=3 and n_total=40"),
        (plain, lambda: plain.query(n_total=0), "n_total=0; give a whole number of at least 1"),
    ):
        with unchanged(asked), pytest.raises(ValueError) as info:
            call()
        assert text in str(info.value)


def test_a_function_that_does_not_give_a_vector_for_each_row_is_refused():
    asked = learner(NotOneForEach(2)).fit(X, Y)
    with pytest.raises(ValueError, match="the embedding gave 119 vectors for 120 rows; it must"):
        asked.query()
    names = learner(lambda rows: np.array(["a"] * len(rows))).fit(X, Y)
    with pytest.raises(ValueError, match="the embedding on rows of str_? cannot give"):
        names.query()


# By the estimator of each round


def leaves(forest, rows):
    """In which leaf of each tree a row ends."""
    return forest.apply(rows).astype(float)


def test_vectors_by_the_estimator_are_those_of_each_round():
    forest = RandomForestClassifier(5, max_depth=4)
    asked = learner(EachRound(leaves), forest).fit(X, Y)
    first = seen_by(asked)
    np.testing.assert_array_equal(first, asked.estimator_.apply(X))
    asked.teach(chosen := asked.query(n_instances=30)[0], TRUTH[chosen])
    second = seen_by(asked)
    np.testing.assert_array_equal(second, asked.estimator_.apply(X))
    assert (first != second).any()
    outside = seen_by(asked, X[:10] + 0.5)
    np.testing.assert_array_equal(outside[:10], asked.estimator_.apply(X[:10] + 0.5))


def test_vectors_by_the_estimator_are_the_rows_at_a_cold_start():
    asked = learner(EachRound(leaves), RandomForestClassifier(5), cold_start=Nearest()).fit(X)
    np.testing.assert_array_equal(seen_by(asked), X)


def test_vectors_by_a_frozen_estimator_are_made_once():
    calls, forest = [], RandomForestClassifier(5, random_state=0).fit(X, TRUTH[:120])

    def counted(estimator, rows):
        calls.append(len(rows))
        return leaves(estimator, rows)

    asked = learner(EachRound(counted), FrozenEstimator(forest)).fit(X, Y)
    for _ in range(2):
        np.testing.assert_array_equal(seen_by(asked), forest.apply(X))
    assert calls == [120]


def test_a_gradient_may_be_that_of_vectors_by_the_estimator():
    asked = ActiveLearner(RandomForestClassifier(5), "badge", embedding=EachRound(leaves))
    asked.set_params(random_state=0).fit(X, Y)
    _, features = view_of(asked)[0].gradient
    np.testing.assert_array_equal(features, asked.estimator_.apply(X))


def test_what_is_asked_each_round_goes_on_after_a_pickle_and_a_clone():
    asked = learner(EachRound(leaves), RandomForestClassifier(5)).fit(X, Y)
    chosen = asked.query(n_instances=5)[0]
    for other in (pickle.loads(pickle.dumps(asked)), clone(asked).fit(X, Y), asked.refit()):
        np.testing.assert_array_equal(other.query(n_instances=5)[0], chosen)


def test_a_plain_function_that_reads_what_is_trained_is_warned_of():
    text = "reads a fitted RandomForestClassifier, but it is asked once for the pool"
    forest = RandomForestClassifier(5)
    asked = learner(estimator=forest)
    for function in (
        lambda rows: asked.estimator_.apply(rows),
        lambda rows: leaves(forest, rows),
        lambda rows: leaves(later.estimator_, rows),  # noqa: F821
    ):
        with pytest.warns(UserWarning, match=text):
            asked.set_params(embedding=function).fit(X, Y)


@pytest.mark.parametrize(
    ("embedding", "estimator"),
    [
        (lambda rows: rows[:, :3], None),
        (lambda rows: PRETRAINED.transform(rows), None),
        (EachRound(leaves), RandomForestClassifier(5)),
        (Counting(), None),
        (PCA(2), None),
    ],
    ids=["rows", "pretrained", "each round", "object", "transformer"],
)
def test_what_reads_nothing_that_is_trained_is_not_warned_of(embedding, estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        learner(embedding, estimator).fit(X, Y)


def test_each_round_wants_a_function():
    text = r"^EachRound got 'body.0'; give a function \(estimator, X\) -> vectors\."
    with pytest.raises(TypeError, match=text):
        learner(EachRound("body.0")).fit(X, Y)
