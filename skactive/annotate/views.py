"""What people see of the whole, how far it is and what was said: from a reader of the pool's file.

It has a connection of its own, and never the pool that answers are recorded in: a look at two
hundred thousand of them delays no click.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from tempfile import TemporaryFile
from threading import Lock
from typing import IO, Any, NamedTuple

import numpy as np
from scipy.special import ndtri

from ..pool.past import first_alike
from ..pool.pool import Pool
from ..statistics.estimates import Interval, bootstrap, effective_n, wilson
from . import formats
from .items import Items
from .refused import Refused
from .seen import Answered

PAGE_SIZE = 50  # rows of the review at once
MOST_POINTS = 40  # of the curve
EXTRACT = 400  # characters of a text in a list
LEAST_TO_ESTIMATE = 10  # test labels that are measured numbers
CONFIDENCE, TARGET = 0.95, 0.9
LEAST_TO_BE_SURE = 10  # test labels by which a model can be said to be too bad
QUICK = 0.1  # seconds: one looks whenever it takes less
REST_FOR = 5.0  # times as long as it takes beyond that, before one looks again


class Trained(NamedTuple):
    """What training has come to, as the desk tells it."""

    trained_on: int | None = None  # labels that the model has learned; None: there is no model
    seconds: float | None = None  # that this took
    failed: str | None = None  # a sentence, where the last training failed
    training: bool = False  # whether another one is under way
    # What each model says of the test rows, oldest first: n, the operations of the record that it
    # had learned of, n_labeled, rows and said, labels of these rows as the page has them
    models: Sequence[Any] = ()
    guesses: Mapping[int, Any] = {}  # what the model says of rows, likewise


class Views:
    """What the page shows besides cards: how far it is, and what was said.

    Parameters
    ----------
    pool : Pool
        Opened for this alone, as ``Pool.open(path, X, read_only=True)``.
    items : Items
        The rows as cards.
    labels : Labels
        What labels are on the page.
    trained : callable
        Returns what training has come to, as `Trained`.
    goal : int, default=None
        How many rows are to be labelled.
    """

    def __init__(
        self,
        pool: Pool,
        items: Items,
        labels: Any,
        trained: Callable[[], Trained],
        *,
        goal: int | None = None,
    ) -> None:
        self.pool, self.items, self.labels = pool, items, labels
        self.trained, self.goal = trained, goal
        self._lock = Lock()
        self._seen: Answered | None = None
        self._rest = 0.0  # until when what was seen is new enough
        self._estimated: tuple[Any, list[dict], dict | None] | None = None

    def status(self) -> dict[str, Any]:
        """Return how far it is, how good the model is, and how far people agree."""
        trained = self.trained()
        with self._lock:
            seen = self._look()
            curve, estimate = self._estimates(seen, trained.models)
        numbers = self.labels.kind == "number"
        several, n_open = seen.agreeing, len(seen.open)
        agreement = None
        if len(several.rows) and not numbers:
            value = 1 - float(several.differ.mean())
            agreement = {"value": value, "n": len(several.rows)}
        return {
            "labelled": seen.n_labeled,
            "unlabelled": seen.n_unlabeled,
            "skipped": seen.n_skipped,
            "goal": self.goal,
            "people": _people(seen, numbers),
            "classes": [] if numbers else self._classes(seen),
            "curve": curve,
            "estimate": estimate,
            "sure": sure(estimate, self.pool.n_held_out),
            "agreement": agreement,
            "disagreements": n_open,
            "model": {
                "trained_on": trained.trained_on,
                "seconds": trained.seconds,
                "failed": trained.failed,
                "training": trained.training,
            },
        }

    def rows(
        self,
        *,
        label: str | None = None,
        annotator: str | None = None,
        only: str | None = None,
        before: int | None = None,
    ) -> dict[str, Any]:
        """Return rows with what was said of them, those that were answered last first.

        Parameters
        ----------
        label : str, default=None
            Only rows that have this class.
        annotator : str, default=None
            Only rows of which she has said something.
        only : {"disagreements", "model", "skipped", "comments"}, default=None
            Only rows of which people say different things, of which the model says another thing,
            which nobody could tell, or of which something is remarked.
        before : int, default=None
            Where the last answer ended.
        """
        guesses = self.trained().guesses
        with self._lock:
            seen = self._look()
            shown = np.ones(len(seen.rows), dtype=bool)
            if before is not None:
                shown &= seen.keys < before
            if label is not None:
                shown &= seen.has_label(lambda one: self._is_of(one, label))
            if annotator is not None:
                shown &= seen.said_by(annotator)
            if only is not None:
                shown &= self._chosen(seen, only, guesses)
            at = np.flatnonzero(shown)
            page = at[:PAGE_SIZE]
            lines = [self._line(seen, row, guesses) for row in seen.rows[page].tolist()]
        is_more = len(at) > len(page)
        return {"rows": lines, "before": int(seen.keys[page[-1]]) if is_more else None}

    def export(self, to: str) -> IO[bytes]:
        """Return a file of all that was said, in a format; it is gone once it is closed."""
        file = TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
        try:
            with self._lock:
                self._refresh()
                formats.write(self.pool, file, to, X=self.pool.X)
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return file

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self.pool.close()

    # What was said

    def _look(self) -> Answered:
        """Return what is there now, or was a moment ago where looking takes long."""
        start = time.monotonic()
        if self._seen is not None and start < self._rest:
            return self._seen
        self._refresh()
        if self._seen is None or self._seen.n != self.pool.n_operations:
            self._seen = Answered(self.pool)
        now = time.monotonic()
        self._rest = now + REST_FOR * (now - start - QUICK)
        return self._seen

    def _refresh(self) -> None:
        """Take in what was recorded; what cannot be is said, until the page is served again."""
        try:
            self.pool.refresh()
        except ValueError as error:
            raise Refused(503, str(error)) from error

    def _is_of(self, label: Any, name: str) -> bool:
        """Whether a label of the pool is, or holds, what the page calls so."""
        shown = self.labels.of_pool(label)
        return name in shown if isinstance(shown, list) else str(shown) == name

    def _chosen(self, seen: Answered, only: str, guesses: Mapping[int, Any]) -> np.ndarray:
        """Return a mask of rows of one kind."""
        if only == "comments":
            return seen.has_comment()
        if only == "disagreements":
            return np.isin(seen.rows, seen.open)
        if only == "skipped":
            return np.isin(seen.rows, seen.skipped)
        own = zip(seen.labeled.tolist(), [] if seen.labels is None else seen.labels, strict=True)
        other = [
            row
            for row, label in own
            if row in guesses and self.labels.of_pool(label) != guesses[row]
        ]
        return np.isin(seen.rows, np.array(other, dtype=np.int64))

    def _line(self, seen: Answered, row: int, guesses: Mapping[int, Any]) -> dict[str, Any]:
        """Return a row of the review."""
        card, of_pool = self.items.card(row), self.labels.of_pool
        if len(text := card.get("text", "")) > EXTRACT:
            more = len(text) - EXTRACT + card.get("more", 0)
            card |= {"text": text[:EXTRACT], "more": more}
        answers = [one | {"label": of_pool(one["label"])} for one in seen.answers_of(row)]
        return {
            "row": row,
            "id": card["id"],
            "card": card,
            "label": of_pool(seen.label_of(row)),
            "answers": answers,
            "model": guesses.get(row),
        }

    def _classes(self, seen: Answered) -> list[dict[str, Any]]:
        """Return how many rows have each class, in the order of the page."""
        labels, counts = seen.label_counts()
        found = {str(name): 0 for name in self.labels.names}
        for label, n in zip(labels.tolist(), counts.tolist(), strict=True):
            found[str(label)] = n
        return [{"name": name, "n": n} for name, n in found.items()]

    # How good the model is

    def _estimates(self, seen: Answered, models: Sequence[Any]) -> tuple[list[dict], dict | None]:
        """Return what each model is worth, all by the same test labels, and the last one."""
        last = models[-1].n if models else None
        if self._estimated is None or self._estimated[0] != (seen.n, last, len(models)):
            curve = self._curve(models)
            now = None
            if curve:
                metric = "R²" if self.labels.kind == "number" else "accuracy"
                now = {"metric": metric} | {k: v for k, v in curve[-1].items() if k != "n_labelled"}
            self._estimated = (seen.n, last, len(models)), curve, now
        _, curve, now = self._estimated
        points = [{k: v for k, v in point.items() if k != "n_test"} for point in curve]
        return points, now

    def _curve(self, models: Sequence[Any]) -> list[dict[str, Any]]:
        pool = self.pool
        counted = pool.test_answers()
        since = first_alike(pool)  # before, classes were called otherwise
        models = [model for model in models if model.n >= since]
        if len(models) > MOST_POINTS:
            at = np.linspace(0, len(models) - 1, MOST_POINTS).round().astype(int)
            models = [models[i] for i in at.tolist()]
        truth = self._truth(counted.rows)
        groups = dict(zip(truth, counted.groups, strict=True)) if counted.groups is not None else {}
        points = []
        for model in models:
            said = [(row, one) for row, one in zip(model.rows, model.said, strict=True)]
            said = [(row, one) for row, one in said if row in truth]
            found = self._worth(said, truth, groups)
            if found is not None:
                value, low, high = (None if math.isinf(end) else float(end) for end in found)
                point = {"estimate": value, "low": low, "high": high, "n_test": len(said)}
                points.append({"n_labelled": int(model.n_labeled)} | point)
        return points

    def _truth(self, rows: np.ndarray) -> dict[int, Any]:
        """Return the labels of test rows that count, as the page has them."""
        if len(rows) == 0:
            return {}
        seen = self._seen
        return {row: self.labels.of_pool(seen.label_of(row)) for row in rows.tolist()}  # type: ignore[union-attr]

    def _worth(self, said: list, truth: Mapping[int, Any], groups: Mapping) -> Interval | None:
        """Return accuracy, or R² of numbers, with its interval; None: too little is known."""
        of = np.array([groups[row] for row, _ in said]) if groups else None
        if self.labels.kind == "number":
            return _explained([truth[row] for row, _ in said], [one for _, one in said], of)
        if not said:
            return None
        right = np.array([truth[row] == one for row, one in said], dtype=float)
        n = len(right) if of is None else effective_n(right, of)
        return wilson(float(right.mean()), n, CONFIDENCE)


def _people(seen: Answered, numbers: bool) -> list[dict[str, Any]]:
    """Return what each person has done, by name; measured numbers are hardly ever the same."""
    lines = [
        dict(zip(seen.people, line, strict=True))
        for line in zip(*seen.people.values(), strict=True)
    ]
    for line in lines:
        if numbers or math.isnan(line["agreement"]):
            line["agreement"] = None
    return sorted(lines, key=lambda line: (line["annotator"] is None, line["annotator"] or ""))


def _explained(truth: list, said: list, groups: np.ndarray | None) -> Interval | None:
    """Return R² with its interval, by resampling."""
    y, predicted = np.array(truth, dtype=float), np.array(said, dtype=float)
    if len(y) < LEAST_TO_ESTIMATE or np.ptp(y) == 0:
        return None

    def score(at: np.ndarray) -> float:
        spread = ((y[at] - y[at].mean()) ** 2).sum()
        return 1 - ((y[at] - predicted[at]) ** 2).sum() / spread if spread else math.nan

    return bootstrap(score, len(y), CONFIDENCE, groups=groups)


def sure(estimate: Mapping[str, Any] | None, n_held_out: int) -> str | None:
    """Say what it would take to be sure that a model is right on 90 %; None: there is nothing.

    Examples
    --------
    >>> now = {"metric": "accuracy", "estimate": 0.95, "low": 0.863, "high": 0.983, "n_test": 60}
    >>> sure(now, 500)
    'To be sure of 90 %, about 79 more test labels are needed, if the model stays as good.'
    """
    if estimate is None or estimate["metric"] != "accuracy":
        return None
    share, n = estimate["estimate"], estimate["n_test"]
    goal = f"{100 * TARGET:.0f} %"
    if estimate["low"] >= TARGET:
        return f"With 95 % confidence, the model is right on {goal} or more."
    if n < LEAST_TO_BE_SURE:
        return None  # whatever they say, a few more may say another thing
    if share <= TARGET:
        return f"To be sure of {goal} the model has to become better; more test labels do not help."
    # From there on Wilson's interval for the share leaves the target out.
    z = float(ndtri(0.5 + CONFIDENCE / 2))
    enough = math.ceil(z**2 * TARGET * (1 - TARGET) / (share - TARGET) ** 2)
    if enough > n_held_out:
        return f"To be sure of {goal} takes more test rows than are held out ({n_held_out:,})."
    return (
        f"To be sure of {goal}, about {max(1, enough - n):,} more test labels are needed, if the "
        f"model stays as good."
    )
