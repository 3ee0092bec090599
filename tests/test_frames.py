"""Frames of pandas in pieces: no column changes its type, and no category is lost."""

import itertools
import re

import numpy as np
import pytest
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skactive import ActiveLearner, Pool
from skactive.data.conform import conform
from skactive.data.rows import Rows, join

pd = pytest.importorskip("pandas")

TOWNS = ["York", "Bath", "Leeds", "Hull"]


def categorical(values, categories=None, ordered=False):
    return pd.Series(pd.Categorical(values, categories, ordered))


def categories_of(X):
    return X.dtype.categories.tolist()


# Categories


def test_categories_are_united_in_the_order_of_the_pool():
    like = categorical(["b", "d"], ["d", "b"])
    X = conform(categorical(["a", "b", None], ["a", "b", "c"]), like, "query")
    assert categories_of(X) == ["d", "b", "a", "c"]
    assert X.tolist()[:2] == ["a", "b"] and X.isna().tolist() == [False, False, True]


def test_equal_categories_in_another_order_get_the_codes_of_the_pool():
    like = categorical(["b", "a"], ["b", "a"])
    assert conform(categorical(["a", "b"]), like, "query").cat.codes.tolist() == [1, 0]


@pytest.mark.parametrize("empty", [0, 1])
def test_a_piece_without_any_category_takes_those_of_the_others(empty):
    parts = [categorical(["x", "y"]), categorical(["x"])]
    parts[empty] = categorical([None])
    X, like = parts
    assert categories_of(conform(X, like, "query")) == categories_of(parts[1 - empty])


def test_categories_that_are_numbers_are_united_as_numbers():
    X = conform(categorical([2.5, 1.0]), categorical([1, 2]), "query")
    assert categories_of(X) == [1, 2, 2.5] and X.tolist() == [2.5, 1]


def test_parts_with_other_categories_join_to_the_values_that_went_in():
    values = [["b", None], ["a", "b"], ["c", "a", "d"]]
    parts = [pd.DataFrame({"n": range(len(v)), "c": pd.Categorical(v)}) for v in values]
    pool = Pool(parts[0])
    for part in parts[1:]:
        pool.extend(part)
    whole, flat = pool.rows.whole(), [*values[0], *values[1], *values[2]]
    assert categories_of(whole["c"]) == ["b", "a", "c", "d"]
    assert whole["c"].astype(object).where(whole["c"].notna(), None).tolist() == flat
    for positions in itertools.permutations(range(7), 2):
        taken = pool.rows.take(positions)["c"].astype(object)
        assert taken.fillna("-").tolist() == [flat[at] or "-" for at in positions]
    assert categories_of(pool.rows.pattern["c"]) == ["b", "a", "c", "d"]
    assert categories_of(pool.rows.parts[0]["c"]) == ["b"]  # the frame of the caller is as it was


def test_whatever_is_taken_from_parts_has_the_categories_of_all():
    """Estimators that know categories by the dtype are asked as they were fitted."""
    values = [["b", "a"], ["c", "a"], ["d"]]
    rows = Rows(pd.DataFrame({"n": [0, 1], "c": pd.Categorical(values[0], values[0])}))
    for n, part in enumerate(values[1:], 1):
        assert categories_of(rows.take([0])["c"]) == ["b", "a", "c", "d"][: n + 1]
        rows.append(pd.DataFrame({"n": np.arange(len(part)), "c": pd.Categorical(part)}))
    for taken in (rows.take([1]), rows.take([4, 2]), rows.take([]), rows.slice(0, 2)):
        assert categories_of(taken["c"]) == ["b", "a", "c", "d"]
    assert rows.slice(0, 2)["c"].cat.codes.tolist() == [0, 1]
    assert rows.take([4, 3, 1])["c"].cat.codes.tolist() == [3, 1, 1]
    assert categories_of(rows.copy().slice(4, 5)["c"]) == ["b", "a", "c", "d"]
    series = Rows(categorical(["b"]), categorical(["a"]))
    assert series.slice(1, 2).cat.codes.tolist() == [1]


def test_labelled_rows_know_the_categories_of_the_whole_pool():
    pool = Pool(pd.DataFrame({"c": pd.Categorical(["b", "a", "a"])}), [1, 0, -1])
    pool.extend(pd.DataFrame({"c": pd.Categorical(["c", "a"])}))
    both = [categories_of(X["c"]) for X in (pool.X_labeled, pool.X_unlabeled)]
    assert both == [["a", "b", "c"]] * 2


def test_columns_of_one_name_keep_each_its_own_categories():
    def twice(*values):
        columns = [categorical(each).rename("c") for each in values]
        return pd.concat(columns, axis=1)

    X = conform(twice(["a"], ["z"]), twice(["b"], ["y"]), "query")
    assert [dtype.categories.tolist() for dtype in X.dtypes] == [["b", "a"], ["y", "z"]]


def test_a_learner_keeps_its_accuracy_whatever_categories_the_next_chunk_knows():
    """The column is chosen by its type: as plain text it would leave the model without a word."""
    rng = np.random.default_rng(0)

    def chunk(towns, n=40):
        towns = np.array(towns)[np.arange(n) % len(towns)]
        X = pd.DataFrame({"town": pd.Categorical(towns), "noise": rng.normal(size=n)})
        return X, np.isin(towns, ["York", "Hull"]).astype(int)

    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_include="category")),
        (StandardScaler(), make_column_selector(dtype_include="number")),
    )
    learner = ActiveLearner(make_pipeline(columns, LogisticRegression()), random_state=0)
    learner.fit(*chunk(TOWNS[:2]))
    for towns in (TOWNS[1:3], TOWNS[2:], TOWNS):
        X, y = chunk(towns)
        idx, rows = learner.query(X, n_instances=10)
        assert rows["town"].tolist() == X["town"].iloc[idx].tolist()
        learner.teach(X.iloc[idx], y[idx])
    assert categories_of(learner.pool_.rows.whole()["town"]) == ["Bath", "York", "Leeds", "Hull"]
    assert learner.score(*chunk(TOWNS)) == 1.0


# Types


def refusal(X, like):
    with pytest.raises(ValueError) as caught:
        conform(X, like, "query")
    return str(caught.value)


NAIVE = pd.Series(pd.to_datetime(["2026-01-01", "2026-01-02"]))
TEXTS = pd.Series(["1", "2"], dtype=object)
OTHER_TYPES = {
    "text in integers": (TEXTS, pd.Series([14, 15])),
    "integers in text": (pd.Series([14, 15]), TEXTS),
    "string and object": (TEXTS.astype("string"), TEXTS),
    "object and string": (TEXTS, TEXTS.astype("string")),
    "nullable and plain": (pd.Series([1, 2], dtype="Int64"), pd.Series([1, 2])),
    "plain and nullable": (pd.Series([1, 2]), pd.Series([1, 2], dtype="Int64")),
    "nullable with gaps": (pd.Series([1, None], dtype="Int64"), pd.Series([1, 2])),
    "nullable floats with gaps": (pd.Series([1.5, None], dtype="Float64"), pd.Series([1, 2])),
    "nullable floats": (pd.Series([1.5], dtype="Float64"), pd.Series([1, 2])),
    "nullable numbers": (pd.Series([1], dtype="Int64"), pd.Series([1.5], dtype="Float64")),
    "truth and numbers": (pd.Series([True, False]), pd.Series([1, 2])),
    "numbers and truth": (pd.Series([1, 0]), pd.Series([True, False])),
    "another zone": (NAIVE.dt.tz_localize("UTC"), NAIVE.dt.tz_localize("Europe/London")),
    "a zone and none": (NAIVE.dt.tz_localize("UTC"), NAIVE),
    "none and a zone": (NAIVE, NAIVE.dt.tz_localize("UTC")),
    "times and durations": (NAIVE - NAIVE[0], NAIVE),
    "categories and text": (TEXTS.astype("category"), TEXTS),
    "text and categories": (TEXTS, TEXTS.astype("category")),
    "categories of text and of numbers": (TEXTS.astype("category"), categorical([14, 15])),
    "nothing but missing values": (pd.Series([np.nan, np.nan]), TEXTS),
}


@pytest.mark.parametrize(("X", "like"), OTHER_TYPES.values(), ids=OTHER_TYPES)
@pytest.mark.parametrize("in_frame", [False, True])
def test_what_is_refused_joins_once_the_line_is_written(X, like, in_frame):
    if in_frame:
        X, like = (pd.DataFrame({"n": [0.5] * len(each), "c": each}) for each in (X, like))
    said = refusal(X, like)
    assert ("in column 'c'" in said) == in_frame
    line = re.search(r"; write (.*)\.$", said)[1]
    if "timedelta" not in said:  # which no line makes into a time
        names = {"X": X.copy()}
        exec(line if " = " in line else f"X = {line}", {}, names)
        whole = join([like, conform(names["X"], like, "query")])
        columns = [whole["c"], like["c"]] if in_frame else [whole, like]
        is_wider = "categor" in said or "float64" in line
        assert columns[0].dtype == columns[1].dtype or in_frame or is_wider
        assert not in_frame or whole["n"].tolist() == [0.5] * len(whole)


def test_the_sentence_names_the_column_and_both_types():
    like = pd.DataFrame({"a": [1, 2], "b": [True, False]})
    assert refusal(like.astype({"a": object}), like) == (
        "query: X has object in column 'a' where the pool has int64; "
        "write X.astype({'a': 'int64'})."
    )
    assert refusal(like.astype({"b": object}), like).endswith(
        "the pool has bool; write X.astype({'b': 'boolean'}).astype({'b': 'bool'})."
    )
    assert refusal(NAIVE.dt.tz_localize("UTC"), NAIVE).endswith(
        f"where the pool has {NAIVE.dtype}; write X = X.dt.tz_localize(None)."
    )


@pytest.mark.parametrize(
    ("new", "old"),
    [((["a"], ["a", "b"], True), (["a"], ["b", "a"], True)), ((["a"],), (["a"], ["a"], True))],
)
def test_categories_with_an_order_must_be_the_same(new, old):
    said = refusal(categorical(*new), categorical(*old))
    is_ordered = len(new) == 3
    assert f"X has {'' if is_ordered else 'un'}ordered category ['a'" in said
    assert "where the pool has ordered category [" in said
    assert said.endswith("write one pandas.CategoricalDtype([...], ordered=True) for both.")
    same = conform(categorical(*old), categorical(*old), "query")
    assert same.dtype.ordered and categories_of(same) == old[1]


def test_plain_numbers_join_as_those_of_arrays_do():
    X = pd.DataFrame({"a": np.array([1, 2], np.int8), "b": [0.5, np.nan]})
    like = pd.DataFrame({"a": [1.5, 2], "b": [1, 2]})
    assert conform(X, like, "query") is X
    assert Rows(like, X).whole()["b"].tolist()[:3] == [1, 2, 0.5]


def test_a_refused_chunk_leaves_the_pool_as_it_was():
    X = pd.DataFrame({"a": [1, 2, 3], "c": pd.Categorical(["x", "y", "x"])})
    learner = ActiveLearner(LogisticRegression()).fit(X[["a"]], [0, 1, -1])
    with pytest.raises(ValueError, match=r"query: X has object in column 'a'"):
        learner.query(X[["a"]].astype(object))
    with pytest.raises(ValueError, match=r"extend: X has object in column 'a'"):
        learner.extend(X[["a"]].astype(object))
    assert len(learner.pool_) == 3 and learner.pool_.n_operations == 1
