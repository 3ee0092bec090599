"""The loop over a stream: predict, ask within the budget, learn, and keep a log."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sized
from typing import Any

import numpy as np
from sklearn.base import is_regressor

from ..data import labels as lab
from ..data.conform import conform
from ..data.ids import has_column, without_column
from ..data.rows import check_rows, n_rows, row_index
from ..learner.learner import ActiveLearner
from ..learner.questions import check_has_pool
from ..learner.stream import errors_of, n_passed
from ..strategies.base import has_admit
from ..strategies.stream import stream_twin
from ..utils.checks import check_callback, check_name
from ..utils.progress import one_by_one
from .oracles import Prompt, answer_of

LOG_COLUMNS = ("n_seen", "asked", "learned", "score", "n_scored", "spent", "drifts")


class StreamLog:
    """What happened on a stream, chunk by chunk.

    Attributes
    ----------
    n_seen : ndarray of shape (T,), int64
        Rows that had passed by the end of the chunk.
    asked : ndarray of shape (T,), int64
        Labels bought in it.
    learned : ndarray of shape (T,), int64
        Labels that came; fewer than `asked` if the oracle could not tell some.
    score : ndarray of shape (T,), float64
        Accuracy of predictions made before any label of the chunk was learned; for regressors,
        minus the mean absolute error. NaN if there was nothing to score, or no model yet.
    n_scored : ndarray of shape (T,), int64
        Rows that were scored.
    spent : ndarray of shape (T,), float64
        Labels bought so far, as a share of the rows so far.
    drifts : ndarray of shape (T,), int64
        Drifts that the labels of the chunk revealed.
    n_rows, n_asked : int
        Rows and bought labels of all chunks.

    Examples
    --------
    >>> log = StreamLog()
    >>> log.append(n_rows=100, asked=6, learned=5, score=0.8, n_scored=100)
    >>> log.append(n_rows=100, asked=4, learned=4, score=0.9, n_scored=100)
    >>> log
    StreamLog(2 chunks, 200 rows: 10 asked (5.0%), 9 learned, 0 drifts, score 0.850)
    >>> log.spent
    array([0.06, 0.05])
    """

    def __init__(self) -> None:
        self._chunks: list[dict[str, Any]] = []
        self.n_rows = 0
        self.n_asked = 0

    def append(self, n_rows, asked, learned=0, score=math.nan, n_scored=0, drifts=0) -> None:
        """Add a chunk: its own numbers, and the mean score of its rows."""
        self.n_rows += n_rows
        self.n_asked += asked
        spent = self.n_asked / max(self.n_rows, 1)
        values = (self.n_rows, asked, learned, score, n_scored, spent, drifts)
        self._chunks.append(dict(zip(LOG_COLUMNS, values, strict=True)))

    def amend(self, **values) -> None:
        """Set values of the last chunk that were not known when it was added."""
        self._chunks[-1].update(values)

    def __len__(self) -> int:
        return len(self._chunks)

    def __getattr__(self, name: str) -> np.ndarray:
        if name not in LOG_COLUMNS:
            raise AttributeError(f"{type(self).__name__} has no {name!r}.")
        is_float = name in ("score", "spent")
        return np.array([chunk[name] for chunk in self._chunks], dtype=float if is_float else int)

    @property
    def mean_score(self) -> float:
        """The mean score of all rows that were scored; NaN if none was."""
        scored = self.n_scored > 0
        if not scored.any():
            return math.nan
        return float(np.average(self.score[scored], weights=self.n_scored[scored]))

    def to_frame(self) -> Any:
        """Return the log as a pandas DataFrame, a row for each chunk."""
        import pandas as pd

        return pd.DataFrame({name: getattr(self, name) for name in LOG_COLUMNS})

    def __repr__(self) -> str:
        n_drifts = int(self.drifts.sum())
        share = f" ({self.n_asked / self.n_rows:.1%})" if self.n_rows else ""
        score = "" if math.isnan(self.mean_score) else f", score {self.mean_score:.3f}"
        return (
            f"StreamLog({len(self)} chunks, {self.n_rows:,} rows: {self.n_asked:,} asked{share}, "
            f"{int(self.learned.sum()):,} learned, {n_drifts} drift{'s' * (n_drifts != 1)}{score})"
        )


def run_stream(
    learner: ActiveLearner,
    chunks: Iterable,
    oracle=None,
    callback: Callable[[ActiveLearner], Any] | None = None,
    *,
    log: StreamLog | None = None,
    annotator: str | None = None,
) -> StreamLog:
    """Let a stream pass: predict each chunk, buy labels within the budget, and learn them.

    Parameters
    ----------
    learner : ActiveLearner
        Fitted, with a stream strategy; it learns in place.
    chunks : iterable
        Chunks of rows X, or pairs (X, y) of rows and their true labels, the missing label where
        there is none; a torch DataLoader gives such pairs. True labels score the predictions,
        before the learner knows any of them.
    oracle : Known or callable, default=None
        Who answers: a callable takes the rows that were bought and returns one label for each, the
        missing label where it cannot tell; `Known` has the labels of the whole stream in order,
        and to continue a stream needs its log. None: the true labels that come with the chunks.
    callback : callable, default=None
        Called with the learner after each chunk, also where its estimator could not be fitted.
    log : StreamLog, default=None
        A log to continue, which outlives whatever interrupts the loop. None: a new one.
    annotator : str, default=None
        Who answers; kept in the pool's history.

    Returns
    -------
    StreamLog
        What happened, chunk by chunk.

    Raises
    ------
    TypeError
        If the learner is no ActiveLearner, the oracle nothing that answers, `chunks` no iterable of
        chunks, the callback no function, `log` no log, or the annotator no text.
    ValueError
        If the strategy does not decide as rows pass, there is nobody to answer, or labels come in
        another order than their rows.

    Notes
    -----
    Where chunks come without labels, only bought rows are scored, before they are learned. A
    strategy that buys doubtful rows then scores lower than on the stream as a whole.

    Errors of the oracle are raised, as is Ctrl-C. Rows that were bought, and whose labels have not
    come, are in ``learner.tickets_``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skactive import ActiveLearner, run_stream
    >>> X, y = make_classification(2020, random_state=0)
    >>> learner = ActiveLearner(GaussianNB(), "split_uncertainty", random_state=0)
    >>> learner = learner.fit(X[:20], y[:20])
    >>> chunks = zip(np.split(X[20:], 20), np.split(y[20:], 20))
    >>> log = run_stream(learner, chunks)
    >>> len(log), log.n_rows, bool(log.asked.sum() <= 200)
    (20, 2000, True)
    """
    _check_parties(learner, chunks, oracle, callback, log, annotator)
    if log is None and n_passed(learner) and hasattr(oracle, "answer"):
        raise ValueError(
            f"{type(oracle).__name__} knows rows by their number in the stream, and "
            f"{n_passed(learner)} rows have passed this learner; give log=, the log so far, "
            f"to go on with that stream, or log=StreamLog() for another that begins."
        )
    log = StreamLog() if log is None else log
    answer = None if oracle is None else answer_of(oracle)
    total = len(chunks) if isinstance(chunks, Sized) else math.inf
    for chunk in one_by_one(chunks, total, "streaming", " chunks"):
        X, y = _parts(chunk, needs_labels=answer is None)
        given, tickets = _bought(learner, X, y, answer, log)
        try:
            _learn(learner, given, tickets, annotator, log)
        finally:  # what was answered can be saved, whatever comes of the training
            if callback is not None:
                callback(learner)
    return log


def _bought(learner: ActiveLearner, X, y, answer: Callable | None, log: StreamLog) -> tuple:
    """Let one chunk pass, and return labels and tickets of the rows that were bought.

    The log has what is known of the chunk, whatever interrupts.
    """
    start, n = log.n_rows, n_rows(check_rows(X, who="run_stream"))
    pool = learner.pool_
    if pool.ids is not None and not has_column(X, pool.id_column):
        raise ValueError(
            "run_stream got a chunk without ids, which the rows of the pool have; write frames "
            "with a column that is them, and its name in fit(X, y, ids=...)."
        )
    # Before the query, and so before the learner knows any label: a test first, then training.
    scored: dict[str, Any] = {} if y is None else _scored(learner, X, y, n)
    bought, rows, tickets = learner.query(X, return_tickets=True)
    # Logged before anyone answers: what is bought counts against the budget, answered or not.
    log.append(n_rows=n, asked=len(bought), **scored)
    if len(bought) == 0:
        return [], tickets
    given = lab.to_array(y)[bought] if answer is None else answer(start + bought, rows)
    if y is None:
        log.amend(**_scored(learner, rows, given, len(bought)))
    return given, tickets


def _learn(learner: ActiveLearner, given, tickets, annotator, log: StreamLog) -> None:
    """Learn the labels of the rows that were bought."""
    if len(tickets) == 0:
        return
    pool = learner.pool_
    n_labeled, n_drifts = pool.n_labeled, learner.n_drifts_
    try:
        learner.teach(y=given, ticket=tickets, annotator=annotator)
    finally:  # the labels are in the pool even if training fails
        log.amend(learned=pool.n_labeled - n_labeled, drifts=learner.n_drifts_ - n_drifts)


def _scored(learner: ActiveLearner, X, y, n: int) -> dict[str, Any]:
    """Return the score of predictions on rows with known labels, and the number of these."""
    index = row_index(check_rows(X))
    if index is not None:
        lab.check_order(y, index, who="run_stream")
    values, known = lab.parse(y, missing_label=learner.pool_.missing_label)
    if len(values) != n:
        raise ValueError(f"run_stream got {len(values)} labels for {n} rows; give one for each.")
    if not known.any() or not hasattr(learner, "estimator_"):
        return {"score": math.nan, "n_scored": 0}
    is_regression = is_regressor(learner.estimator)
    X = without_column(X, learner.pool_.id_column)
    rows = conform(X, learner.pool_.rows.pattern, "run_stream")  # columns in any order, as query
    predicted = np.asarray(learner.predict(rows)).reshape(n)
    wrong = float(np.mean(errors_of(values[known], predicted[known], is_regression)))
    return {"score": -wrong if is_regression else 1 - wrong, "n_scored": int(known.sum())}


def _parts(chunk, *, needs_labels: bool) -> tuple[Any, Any]:
    """Return the rows of a chunk, and their labels if it has them."""
    X, y = chunk, None
    if isinstance(chunk, tuple) or _is_batch(chunk):
        if len(chunk) != 2:
            raise ValueError(
                f"run_stream got a tuple of {len(chunk)}; give chunks of rows X, or pairs (X, y)."
            )
        X, y = chunk
    if y is None and needs_labels:
        raise ValueError(
            "run_stream got a chunk without labels, and no oracle; give pairs (X, y), or an oracle "
            "that answers for rows."
        )
    return X, y


def _is_batch(chunk) -> bool:
    """Whether a chunk is a list of rows and their labels, as torch's DataLoader gives."""
    # A list of two rows is a chunk too; labels are told by their one axis, of which rows have more.
    if not isinstance(chunk, list) or [getattr(part, "ndim", 0) for part in chunk[1:]] != [1]:
        return False
    return getattr(chunk[0], "ndim", 0) > 1 and len(chunk[0]) == len(chunk[1])


def _check_parties(learner, chunks, oracle, callback, log, annotator) -> None:
    """Refuse what no stream can pass by, before any row is bought."""
    if not isinstance(learner, ActiveLearner):
        raise TypeError(f"run_stream got {learner!r}; give an ActiveLearner that is fitted.")
    check_has_pool(learner, "run_stream")
    strategy = learner.strategy_
    if not has_admit(strategy):
        raise ValueError(
            f"run_stream got a learner whose strategy, {strategy!r}, chooses from rows that stay; "
            f"give one that decides as rows pass, such as {stream_twin(strategy)}."
        )
    if hasattr(chunks, "shape") or not isinstance(chunks, Iterable):
        raise TypeError(
            f"chunks is a {type(chunks).__name__}; give an iterable of chunks, such as "
            f"numpy.array_split(X, 100), or of pairs (X, y)."
        )
    if isinstance(oracle, Prompt):
        raise TypeError(
            "run_stream does not wait for a person; write query(X_chunk, return_tickets=True), and "
            "teach(y=y, ticket=tickets) when the labels are there."
        )
    check_callback(callback)
    check_name(annotator, "run_stream")
    if log is not None and not isinstance(log, StreamLog):
        raise TypeError(
            f"log is {log!r}; give what an earlier run_stream returned, or StreamLog()."
        )
