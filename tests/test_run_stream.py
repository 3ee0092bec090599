"""The loop over a stream: its log is that of a loop by hand, and nothing bought is lost."""

import pickle
import sys

import numpy as np
import pandas as pd
import pytest
import selection_data as data
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.naive_bayes import GaussianNB

from skactive import ActiveLearner, Known, Prompt, StreamDisplay, StreamLog, run, run_stream
from skactive.strategies import BADGE, Margin, Random, RandomStream, SplitUncertainty

N, SIZE = 400, 40
ROWS = data.gaussian(N + 40, 4, seed=1)
TRUTH = (ROWS[:, 0] + 0.5 * np.sin(3 * ROWS[:, 1]) > 0).astype(int)
X0, Y0, X, Y = ROWS[:40], TRUTH[:40], ROWS[40:], TRUTH[40:]
Y = np.where(np.arange(N) < 200, Y, 1 - Y)  # a drift
for array in (X0, Y0, X, Y):
    array.flags.writeable = False
PAIRS = list(zip(np.split(X, N // SIZE), np.split(Y, N // SIZE), strict=True))
CHUNKS = [rows for rows, _ in PAIRS]


class TooManyErrors:
    """A drift detector that sees a drift where most of the last labels were wrong."""

    def __init__(self):
        self.seen, self.drift_detected = [], False

    def update(self, error):
        self.seen = [*self.seen, error][-10:]
        self.drift_detected = sum(self.seen) > 6


def learner_of(strategy=None, estimator=None, y=Y0, **options):
    strategy = SplitUncertainty(0.2, 20, share=0.5) if strategy is None else strategy
    estimator = GaussianNB() if estimator is None else estimator
    return ActiveLearner(estimator, strategy, random_state=0, **options).fit(X0, y)


def answers(rows):
    """The labels of rows, found by what they are."""
    return [Y[np.flatnonzero((X == row).all(axis=1))[0]] for row in np.asarray(rows)]


def by_hand(learner, with_truth):
    """The log that a loop by hand would keep."""
    log, asked = {name: [] for name in COLUMNS}, 0
    for start in range(0, N, SIZE):
        chunk, truth = X[start : start + SIZE], Y[start : start + SIZE]
        right = learner.predict(chunk) == truth
        idx, rows = learner.query(chunk)
        asked += len(idx)
        n_drifts = learner.n_drifts_
        learner.teach(rows, truth[idx])
        scored = right if with_truth else right[idx]
        log["n_seen"].append(start + SIZE)
        log["asked"].append(len(idx))
        log["learned"].append(len(idx))
        log["score"].append(scored.mean() if len(scored) else np.nan)
        log["n_scored"].append(len(scored))
        log["spent"].append(asked / (start + SIZE))
        log["drifts"].append(learner.n_drifts_ - n_drifts)
    return log


COLUMNS = ["n_seen", "asked", "learned", "score", "n_scored", "spent", "drifts"]


@pytest.mark.parametrize(
    ("chunks", "oracle", "with_truth"),
    [
        (PAIRS, None, True),
        (PAIRS, answers, True),
        (PAIRS, Known(Y), True),
        (CHUNKS, answers, False),
        (iter(CHUNKS), Known(Y), False),
    ],
    ids=["pairs", "pairs, a function", "pairs, known", "rows, a function", "an iterator, known"],
)
def test_the_log_is_that_of_a_loop_by_hand(chunks, oracle, with_truth):
    learner, plain = learner_of(drift=TooManyErrors()), learner_of(drift=TooManyErrors())
    log, expected = run_stream(learner, chunks, oracle), by_hand(plain, with_truth)
    assert len(log) == N // SIZE and learner.n_drifts_ > 0
    for name in COLUMNS:
        assert getattr(log, name).tolist() == pytest.approx(expected[name], nan_ok=True), name
    np.testing.assert_array_equal(learner.predict_proba(X), plain.predict_proba(X))
    n_scored = np.array(expected["n_scored"])
    mean = np.nansum(np.array(expected["score"]) * n_scored) / n_scored.sum()
    assert log.mean_score == pytest.approx(mean, rel=1e-12)
    assert (log.n_rows, log.n_asked) == (N, sum(expected["asked"]))
    pd.testing.assert_frame_equal(
        log.to_frame(), pd.DataFrame(expected), check_dtype=False, rtol=1e-12
    )


def test_before_there_is_a_model_nothing_is_scored():
    learner = learner_of(RandomStream(0.1, 20), y=np.full(40, -1))
    log = run_stream(learner, PAIRS)
    is_cold = np.isnan(log.score)
    assert is_cold[0] and not is_cold[-1]
    assert log.n_scored.tolist() == np.where(is_cold, 0, SIZE).tolist()


@pytest.mark.parametrize("oracle", [None, Known(Y)])
def test_columns_may_come_in_another_order(oracle):
    names = [f"column {j}" for j in range(X.shape[1])]
    frames = [pd.DataFrame(chunk, columns=names) for chunk in CHUNKS]
    logs = []
    for order in (names, names[::-1]):
        learner = ActiveLearner(GaussianNB(), "split_uncertainty", random_state=0)
        learner = learner.fit(pd.DataFrame(X0, columns=names), Y0)
        chunks = [frame[order] for frame in frames]
        pairs = chunks if oracle else zip(chunks, np.split(Y, len(CHUNKS)), strict=True)
        logs.append(run_stream(learner, pairs, oracle).to_frame())
    assert logs[0].equals(logs[1])


def test_rows_without_a_label_are_neither_scored_nor_learned():
    half = [(rows, np.where(np.arange(SIZE) % 2, truth, -1)) for rows, truth in PAIRS]
    learner = learner_of()
    log = run_stream(learner, half)
    assert (log.n_scored == SIZE // 2).all()
    assert 0 < log.learned.sum() < log.asked.sum()
    assert learner.pool_.n_labeled == 40 + log.learned.sum() == len(learner.pool_)
    assert not learner.tickets_


def test_regressors_are_scored_by_their_mean_absolute_error():
    learner = learner_of(RandomStream(0.1, 20), LinearRegression())
    first = -np.abs(learner.predict(CHUNKS[0]) - PAIRS[0][1]).mean()
    assert run_stream(learner, PAIRS).score[0] == pytest.approx(first, rel=1e-12)


def test_the_callback_is_called_with_the_learner_after_each_chunk():
    seen, log = [], StreamLog()
    learner = learner_of()
    got = run_stream(learner, PAIRS, None, lambda now: seen.append((now, len(log))), log=log)
    assert got is log
    assert seen == [(learner, n) for n in range(1, 11)]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_interrupted_by_the_oracle_what_was_bought_is_kept_and_the_run_goes_on(error):
    def oracle(rows):
        if log.n_rows == 5 * SIZE:
            raise error
        return answers(rows)

    learner, log = learner_of(), StreamLog()
    with pytest.raises(error):
        run_stream(learner, CHUNKS, oracle, log=log)
    assert len(log) == 5
    assert log.learned[-1] == 0 < log.asked[-1] == len(learner.tickets_)
    assert learner.pool_.n_labeled == 40 + log.learned.sum()
    rows = np.concatenate(list(learner.tickets_.values()))
    learner.teach(y=answers(rows), ticket=list(learner.tickets_))
    run_stream(learner, CHUNKS[5:], Known(Y), log=log)
    whole = learner_of()
    expected = run_stream(whole, PAIRS)
    assert log.asked.tolist() == expected.asked.tolist()
    np.testing.assert_array_equal(learner.predict_proba(X), whole.predict_proba(X))


def test_a_stream_that_goes_on_with_known_labels_needs_its_log():
    learner, log = learner_of(), StreamLog()
    run_stream(learner, CHUNKS[:5], Known(Y), log=log)
    loaded, n_labeled = pickle.loads(pickle.dumps(learner)), learner.pool_.n_labeled
    with pytest.raises(ValueError, match=r"Known knows rows by .*200 rows have .*give log="):
        run_stream(loaded, CHUNKS[5:], Known(Y))
    assert loaded.pool_.n_labeled == n_labeled
    run_stream(loaded, CHUNKS[5:], Known(Y), log=log)
    whole = learner_of()
    expected = run_stream(whole, PAIRS)
    np.testing.assert_array_equal(loaded.pool_.y, whole.pool_.y)
    assert log.asked.tolist() == expected.asked.tolist()
    run_stream(loaded, CHUNKS[:1], Known(Y), log=StreamLog())  # another stream


def test_labels_in_another_order_than_their_rows_are_refused():
    frame, labels = pd.DataFrame(X), pd.Series(Y)
    learner = ActiveLearner(GaussianNB(), "stream_random", random_state=0)
    learner.fit(pd.DataFrame(X0), Y0)
    with pytest.raises(ValueError, match="order"):
        run_stream(learner, [(frame, labels[::-1])])
    with pytest.raises(ValueError, match="order"):
        run_stream(learner, [frame], lambda rows: labels[rows.index[::-1]])
    assert learner.pool_.n_labeled == 40
    run_stream(learner, [(frame, labels)])
    assert (learner.pool_.y[40:] == Y[learner.pool_.X.index[40:]]).all()


def test_chunks_without_rows_change_nothing():
    learner, twin = learner_of(), learner_of()
    empty = (X[:0], Y[:0])
    log = run_stream(learner, [empty, *PAIRS[:3], empty, *PAIRS[3:], empty])
    expected = run_stream(twin, PAIRS)
    assert log.asked[log.n_scored > 0].tolist() == expected.asked.tolist()
    assert (log.spent[0], log.mean_score) == (0, expected.mean_score)
    assert len(run_stream(learner_of(), [X[:0]], answers)) == 1


def test_a_list_of_rows_and_labels_is_a_pair_as_of_a_loader():
    log = run_stream(learner_of(), [list(pair) for pair in PAIRS])
    assert log.score.tolist() == run_stream(learner_of(), PAIRS).score.tolist()


def test_labels_that_came_before_training_failed_are_in_the_log():
    class Fragile(GaussianNB):
        def fit(self, X, y, sample_weight=None):
            if len(y) > 60:
                raise RuntimeError("no luck")
            return super().fit(X, y)

    learner, log, seen = learner_of(estimator=Fragile()), StreamLog(), []
    with pytest.raises(RuntimeError, match="no luck"):
        run_stream(learner, PAIRS, None, lambda now: seen.append(now.pool_.n_labeled), log=log)
    assert log.learned.sum() == log.asked.sum() == learner.pool_.n_labeled - 40 > 20
    assert seen == (40 + np.cumsum(log.learned)).tolist()  # the callback can save the last ones too


def test_an_oracle_that_returns_nothing_loses_no_bought_row():
    learner, log = learner_of(), StreamLog()
    with pytest.raises(ValueError, match=r"the oracle returned None for \d+ rows?;"):
        run_stream(learner, CHUNKS, lambda rows: None, log=log)
    assert len(learner.tickets_) == log.asked[-1] > 0
    assert learner.pool_.n_labeled == 40


def test_the_annotator_of_a_stream_is_kept_in_the_history():
    learner = learner_of()
    run_stream(learner, PAIRS[:2], annotator="Bob")
    assert {op.annotator for op in learner.pool_.history[1:]} == {"Bob"}
    with pytest.raises(TypeError, match="run_stream got the name 7 of type int"):
        run_stream(learner, PAIRS, annotator=7)


@pytest.mark.parametrize("chunks", [CHUNKS, iter(CHUNKS)], ids=["a list", "an iterator"])
def test_a_stream_that_takes_long_shows_how_far_it_is(chunks, monkeypatch, capsys):
    monkeypatch.setattr("skactive.utils.progress.DELAY", -1.0)
    run_stream(learner_of(), chunks, Known(Y))
    assert "streaming" in capsys.readouterr().err


def test_a_log_says_what_happened():
    log = StreamLog()
    assert repr(log) == "StreamLog(0 chunks, 0 rows: 0 asked, 0 learned, 0 drifts)"
    assert np.isnan(log.mean_score) and log.score.dtype == float and log.asked.dtype == int
    log.append(1000, asked=50, learned=49, score=0.5, n_scored=10, drifts=1)
    log.append(200, asked=10, score=0.8, n_scored=20)
    assert (
        repr(log)
        == "StreamLog(2 chunks, 1,200 rows: 60 asked (5.0%), 49 learned, 1 drift, score 0.700)"
    )
    with pytest.raises(AttributeError, match="StreamLog has no 'scores'"):
        _ = log.scores


# Refusals


@pytest.mark.parametrize(
    ("strategy", "name"),
    [
        ("random", "'stream_random'"),
        (Random(), "'stream_random'"),
        ("margin", r"'variable_uncertainty' or Quantile\(Margin\(\)\)"),
        (Margin(), r"'variable_uncertainty' or Quantile\(Margin\(\)\)"),
        (lambda view, n: view.candidates[:n], "'split_uncertainty' or 'vessal'"),
    ],
)
def test_a_strategy_that_chooses_from_a_pool_is_refused_with_the_name_to_use(strategy, name):
    learner = ActiveLearner(GaussianNB(), strategy).fit(X0, Y0)
    with pytest.raises(ValueError, match=f"chooses from rows that stay; .* such as {name}"):
        run_stream(learner, PAIRS)


def test_badge_has_no_twin_on_a_stream_but_vessal():
    from sklearn.linear_model import LogisticRegression

    learner = ActiveLearner(LogisticRegression(), BADGE()).fit(X0, Y0)
    with pytest.raises(ValueError, match="such as 'split_uncertainty' or 'vessal'"):
        run_stream(learner, PAIRS)


def test_the_loop_over_a_pool_refuses_a_stream_strategy():
    with pytest.raises(ValueError, match=r"write query\(X_chunk\), or run_stream\(learner"):
        run(learner_of(y=np.where(np.arange(40) < 20, Y0, -1)), Known(Y0))
    with pytest.raises(ValueError, match=r"write query\(X_chunk\), or run_stream\(learner"):
        run(learner_of(), Known(Y0))  # though no row is left to ask for


@pytest.mark.parametrize(
    ("chunks", "oracle", "error", "sentence"),
    [
        (X, answers, TypeError, r"chunks is a ndarray; give an iterable of chunks, such as numpy"),
        (5, answers, TypeError, r"chunks is a int; give an iterable"),
        (CHUNKS, None, ValueError, r"a chunk without labels, and no oracle; give pairs \(X, y\)"),
        (PAIRS, "margin", TypeError, r"oracle is 'margin'; give Known\(y\)"),
        (PAIRS, Prompt(), TypeError, r"does not wait for a person; .*return_tickets=True"),
        ([(X, None)], None, ValueError, r"a chunk without labels, and no oracle; give pairs"),
        ([(X, Y, Y)], None, ValueError, r"a tuple of 3; give chunks of rows X, or pairs"),
        ([(X, Y[:5])], None, ValueError, r"run_stream got 5 labels for 400 rows"),
        (CHUNKS, Known(Y[:90]), ValueError, r"Known has 90 labels and was asked for that of row"),
        (CHUNKS, lambda rows: [1], ValueError, r"got 1 labels for \d rows"),
        ([CHUNKS[0], CHUNKS[1][:, :3]], Known(Y), ValueError, r"query: .*3.*4"),
    ],
)
def test_what_is_no_stream_is_refused(chunks, oracle, error, sentence):
    learner = learner_of()
    with pytest.raises(error, match=sentence):
        run_stream(learner, chunks, oracle)


def test_pairs_without_labels_are_answered_as_rows_are():
    pairs = ((chunk, None) for chunk in CHUNKS)
    log, expected = (run_stream(learner_of(), each, answers) for each in (pairs, CHUNKS))
    assert log.to_frame().equals(expected.to_frame())


def test_what_is_no_callback_or_log_is_refused_before_a_row_is_bought():
    learner = learner_of()
    with pytest.raises(TypeError, match=r"callback is 'print'; give a function that takes the"):
        run_stream(learner, PAIRS, callback="print")
    with pytest.raises(TypeError, match=r"log is \[\]; give what an earlier run_stream"):
        run_stream(learner, PAIRS, log=[])
    assert learner.strategy_.budget_.n_passed == 0


def test_what_is_no_fitted_learner_is_refused():
    with pytest.raises(TypeError, match=r"run_stream got GaussianNB\(\); give an ActiveLearner"):
        run_stream(GaussianNB(), PAIRS)
    with pytest.raises(NotFittedError, match="run_stream came before fit"):
        run_stream(ActiveLearner(GaussianNB(), "stream_random"), PAIRS)


# Pictures


@pytest.fixture
def plt():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    yield pyplot
    pyplot.close("all")


def test_a_picture_shows_scores_beside_budget_and_marks_drifts(plt):
    logs = {
        "split": run_stream(learner_of(drift=TooManyErrors()), PAIRS),
        "random": run_stream(learner_of(RandomStream(0.1, 20)), PAIRS),
    }
    display = StreamDisplay.from_log(logs, scoring="accuracy", smooth=2, budget=0.2)
    top, bottom = display.axes_
    assert [line.get_label() for line in display.lines_] == ["split", "random"]
    for line, log, spent in zip(display.lines_, logs.values(), bottom.lines, strict=False):
        np.testing.assert_array_equal(line.get_xdata(), log.n_seen)
        expected = [log.score[0], *(log.score[1:] + log.score[:-1]) / 2]
        np.testing.assert_allclose(line.get_ydata(), expected)
        np.testing.assert_array_equal(spent.get_ydata(), log.spent)
    marks = [line for line in top.lines if line.get_marker() == "v" and len(line.get_xdata())]
    at = [line.get_xdata().tolist() for line in marks]
    assert at == [logs["split"].n_seen[logs["split"].drifts > 0].tolist()] and at[0]
    assert top.get_ylabel() == "accuracy" and display.figure_ is top.figure
    styles = {(line.get_color(), line.get_linestyle()) for line in display.lines_}
    assert len({style for _, style in styles}) == 2


def test_one_log_is_drawn_where_it_is_asked_for_with_gaps_where_nothing_was_scored(plt):
    log = StreamLog()
    log.append(10, asked=0)
    log.append(10, asked=1, score=0.5, n_scored=10)
    log.append(10, asked=1)
    _, axes = plt.subplots(2)
    display = StreamDisplay.from_log(log, axes=axes)
    assert display.axes_.tolist() == axes.tolist()
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), [np.nan, 0.5, np.nan])
    smoothed = StreamDisplay.from_log(log, smooth=2).lines_[0].get_ydata()
    np.testing.assert_array_equal(smoothed, [np.nan, 0.5, 0.5])


def test_a_log_of_a_stream_that_has_not_begun_is_drawn_empty(plt):
    assert StreamDisplay.from_log(StreamLog(), smooth=3).lines_[0].get_ydata().size == 0


@pytest.mark.parametrize("budget", [0, 5, "all"])
def test_a_budget_that_is_no_share_is_not_drawn(budget):
    with pytest.raises(ValueError, match=f"plot got budget={budget!r}; give the share of the rows"):
        StreamDisplay.from_log(StreamLog(), budget=budget)


@pytest.mark.parametrize("log", [{}, {"split": [0.5]}, 3])
def test_what_is_no_log_is_not_drawn(log):
    with pytest.raises(TypeError, match="give what run_stream returned"):
        StreamDisplay.from_log(log)


@pytest.mark.parametrize("smooth", [0, 1.5])
def test_an_average_over_no_whole_number_of_chunks_is_refused(smooth):
    log = StreamLog()
    log.append(10, asked=0)
    with pytest.raises(ValueError, match=f"smooth={smooth}; give a whole number of at least 1"):
        StreamDisplay.from_log(log, smooth=smooth)


def test_without_matplotlib_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install 'skactive\[plot\]'"):
        StreamDisplay.from_log(StreamLog())
