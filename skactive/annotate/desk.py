"""The desk behind the page: who is given which row, what she says of it, and how far it is."""

from __future__ import annotations

import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..data.row_numbers import is_among
from ..learner.learner import ActiveLearner
from ..learner.questions import check_has_pool
from ..pool.durable import DurableLedger
from ..pool.fold import HELD_OUT, RESERVED
from ..strategies.base import has_admit, name_of
from ..utils.checks import check_name, checked_count, checked_number
from ..utils.version import __version__
from .answers import Book, Own
from .cache import Cache, Predicted
from .dealing import Dealer
from .frames import Done
from .labels import Labels
from .refused import Refused
from .seen import LATELY, pace
from .views import Trained
from .worker import Worker

FIRST = 10.0  # seconds to wait for the first ranking


class Desk:
    """Deals rows to people and records what they say, while a process beside it trains.

    No web is in it: what it takes and gives is what JSON can hold. Any thread may call it.

    Parameters
    ----------
    learner : ActiveLearner
        Fitted on a pool in a file.
    items : Items
        The rows as cards.
    classes : list, default=None
        In the order in which they are shown. None: as the learner names them.
    guidelines : str or path, default=None
        What people are told; a path is of a text file.
    annotators : list of str
        Who may answer.
    goal : int, default=None
        How many rows are to be labelled; second opinions are asked for beyond it. None: all.
    overlap : float, default=0
        Share of the rows of which two people are asked.
    """

    def __init__(
        self,
        learner: ActiveLearner,
        items: Any,
        *,
        classes: Any = None,
        guidelines: str | os.PathLike | None = None,
        annotators: Sequence[str],
        goal: int | None = None,
        overlap: float = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        refuse_unserved(learner, annotators, goal=goal, overlap=overlap)
        _refuse_unkept(learner)
        self.learner, self.items, self.pool = learner, items, learner.pool_
        self.annotators, self.goal, self.clock = list(annotators), goal, clock
        self.guidelines = text_of(guidelines)
        self.path = Path(self.pool.ledger.store.path)
        uuid = self.pool.ledger.store.read(self.pool.ledger.store.head)[0]["uuid"]
        self.cache = Cache(str(self.path), uuid, self.pool.ids)
        try:
            self.labels = Labels(learner, classes)
            self.book = Book(self.pool, self.labels)
            self.dealer = Dealer(learner, overlap, clock)
            self._lock, self._ranked = threading.Lock(), threading.Event()
            self._mine = {name: len(self.pool.answered_by(name)) for name in self.annotators}
            self._paces: dict[str, deque[float]] = {
                name: deque(maxlen=LATELY) for name in self.annotators
            }
            self._last: Done | None = None
            self._model: Done | None = None  # the last that was fitted
            self._use(self.cache.ranking())
            self.worker = Worker(learner, self._wanted, self._take)
        except BaseException:
            self.cache.close()
            raise
        self.worker.start()

    def close(self) -> None:
        """End the training; what was answered is in the file already."""
        self.worker.close()
        self.cache.close()

    # What the page asks

    def setup(self, annotator: str) -> dict[str, Any]:
        """Return what the page shows to somebody whatever comes."""
        with self._lock:
            self._follow()
        return {
            "title": self.path.stem,
            "annotator": annotator,
            "kind": self.labels.kind,
            "classes": self.labels.shown(),
            "guidelines": self.guidelines,
            "goal": self.goal,
            "item_kind": self.items.kind,
            "annotators": self.annotators,
            "version": __version__,
        }

    def answer(self, annotator: str, request: dict[str, Any]) -> dict[str, Any]:
        """Record what somebody did, and return what comes next."""
        if request["want"] and not self._ranked.wait(FIRST):
            self._ranked.set()  # then by chance, and nobody waits again
        tab, have = request["tab"], request["have"]
        acknowledged, refused, back = [], [], None
        with self._lock:
            self._follow()
            self.dealer.renew(annotator, tab, have)
            for op in request["ops"]:
                try:
                    back = self._do(op, annotator, tab)
                except ValueError as error:
                    refused.append({"op": op["op"], "why": str(error)})
                else:
                    acknowledged.append(op["op"])
            rows = self._dealt(annotator, tab, have, back, request["want"])
            if request["leaving"]:
                self.dealer.leave(annotator, tab)
            answer = {
                "acknowledged": acknowledged,
                "refused": refused,
                "progress": self._progress(annotator),
                "notes": self._notes(),
                "done": self._is_done(annotator) and not (rows or have or back),
            }
        answer["cards"] = [self.items.card(row) for row in rows]
        answer["back"] = None if back is None else self._card_back(*back)
        return answer

    def guess(self, annotator: str, row: int) -> dict[str, Any]:
        """Return what the model makes of a row, where that spoils nothing."""
        with self._lock:
            last = self._model if self._last is None else self._last
            if not 0 <= row < len(self.pool):
                raise Refused(404, f"there is no row {row}.")
            if is_among(np.array([row]), self.pool.held_out)[0]:
                raise Refused(403, "this row is there to test the model on; say what you think.")
            if self.dealer.is_overlapping(row):
                raise Refused(403, "two people are asked about this row; say what you think.")
        if last is None or len(last.rows) == 0:
            raise Refused(403, "there is no model yet; it comes with more labels.")
        at = int(np.searchsorted(last.rows, row))
        if at == len(last.rows) or last.rows[at] != row:
            raise Refused(403, "the model has not looked at this row yet.")
        shares = [] if last.proba is None else last.proba[at].tolist()
        named = zip(last.classes, shares, strict=False)
        return {"label": last.said[at], "probabilities": [{"name": n, "p": p} for n, p in named]}

    # What others look at

    def trained(self) -> Trained:
        """Return what training has come to."""
        model = self._model
        return Trained(
            None if model is None else model.n_labeled,
            None if model is None else model.seconds,
            self._failed,
            self.worker.is_training,
            self.cache.models,
            self.said(),
        )

    @property
    def _failed(self) -> str | None:
        """A sentence, where the last training failed."""
        return self.worker.failed or (None if self._last is None else self._last.failed)

    def said(self) -> dict[int, Any]:
        """Return what the last model says of the rows that it looked at, as the page has labels."""
        last = self._last
        return {} if last is None else dict(zip(last.rows.tolist(), last.said, strict=True))

    # Inside

    def _follow(self) -> None:
        """Take in what others did to the file, a notebook say, before anything is done here."""
        try:
            self.pool.refresh()
        except ValueError as error:  # nothing here is wrong with what is sent: it may come again
            raise Refused(
                503, f"{error} Then serve the page again; answers wait for it."
            ) from error
        self.labels.follow()

    def _do(self, op: dict[str, Any], name: str, tab: str) -> tuple[int, Own | None] | None:
        """Record an operation; of one that takes back, return the row and what was said of it."""
        pool, book, row = self.pool, self.book, op["row"]
        if row is not None and not 0 <= row < len(pool):
            raise ValueError(f"there is no row {row}.")
        if op["kind"] == "undo":
            row, said = back = pool.together(lambda: book.take_back(op, name))
            now = book.own(row, name)
            self._mine[name] += (now is not None) - (said is not None)
            self.dealer.renew(name, tab, [row])
        else:
            back = None
            is_lent = self.dealer.let_in(row, name, tab)
            try:
                is_first = pool.together(lambda: book.record(op, name))
            except ValueError:
                if is_lent:
                    self.dealer.let_go(row, name)
                raise
            self._mine[name] += is_first
            if is_first:
                self._paces[name].append(self.clock())
            self.dealer.answered(row, name)
        self.worker.wake()
        return back

    def _dealt(
        self, name: str, tab: str, have: list[int], back: tuple[int, Any] | None, want: int
    ) -> list[int]:
        """Return the rows that somebody gets."""
        has = have if back is None else [*have, back[0]]
        rows = self.dealer.deal(name, tab, has, want, self._n_left)
        if self.dealer.is_running_out:
            self.worker.wake()
        return rows

    def _card_back(self, row: int, own: Own | None) -> dict[str, Any]:
        """Return a card that was taken back, with what was said of it."""
        card = self.items.card(row)
        if own is None:
            return card
        return card | {"answer": {"label": own.label, "comment": own.comment}}

    @property
    def _n_labeled(self) -> int:
        return self.pool.ledger.now.n_labels

    @property
    def _n_left(self) -> float:
        """How many rows are still to be labelled for the goal."""
        return math.inf if self.goal is None else max(0, self.goal - self._n_labeled)

    def _is_done(self, name: str) -> bool:
        """Tell whether nothing comes any more: others have no row that they might give back."""
        is_reached = self._n_left == 0 and not self.dealer.overlap
        return is_reached or not self.dealer.others_have(name)

    def _progress(self, name: str) -> dict[str, Any]:
        pool, tests = self.pool, 0
        if pool.hold_out is not None:  # of which those that are in hands are asked for no more
            tests = len(pool.test_questions(self.learner.max_test))
            tests += int(pool.ledger.now.counts[HELD_OUT + RESERVED])
        left = pool.n_unlabeled + pool.n_reserved + tests
        if self.goal is not None:
            left = int(self._n_left)
        return {
            "mine": self._mine[name],
            "labelled": self._n_labeled,
            "goal": self.goal,
            "left": left,
            "per_hour": pace(np.array(self._paces[name])),
        }

    def _notes(self) -> list[dict[str, str]]:
        """Return what people have to know of the training."""
        failed, notes = self._failed, []
        if failed is not None:
            text = f"{failed} Labelling goes on; the last model that worked chooses the rows."
            notes.append({"kind": "warning", "text": text})
        if self.dealer.is_spare:
            text = "Rows come by chance until the model has ranked them."
            notes.append({"kind": "info", "text": text})
        return notes

    # From the process beside

    def _wanted(self) -> np.ndarray:
        """Return the rows that people have in their hands."""
        with self._lock:
            return np.array([row for row, _ in self.dealer.out], dtype=np.int64)

    def _take(self, done: Done) -> None:
        """Take what a training brought."""
        is_model = len(done.rows) > 0 and (done.is_new or self._model is None)
        with self._lock:
            self._last = done
            self._model = done if is_model else self._model
            self._use(done.ranked)
        self.cache.keep_ranking(done.n, done.ranked)
        if is_model and len(done.tests):
            said = dict(zip(done.rows.tolist(), done.said, strict=True))
            tests = done.tests.tolist()
            answers = [said[row] for row in tests]
            self.cache.keep_model(Predicted(done.n, done.n_labeled, done.seconds, tests, answers))

    def _use(self, ranked: np.ndarray) -> None:
        """Deal by a ranking, if it is one."""
        if len(ranked):
            self.dealer.rank(ranked[ranked < len(self.pool)])
            self._ranked.set()


def _refuse_unkept(learner: ActiveLearner) -> None:
    """Refuse a learner whose pool cannot keep answers."""
    pool = learner.pool_
    if not isinstance(pool.ledger, DurableLedger):
        raise ValueError(
            "the learner's pool is in memory, where a crash would lose answers; write "
            "serve(learner, 'labels.db'), or fit it on Pool.open('labels.db', X)."
        )
    pool.ledger.store.check_may_write()


def refuse_unserved(
    learner: ActiveLearner, annotators: Sequence[str], *, goal: int | None, overlap: float
) -> None:
    """Refuse what cannot be served, and people who cannot be told apart."""
    check_has_pool(learner, "serve")
    if goal is not None:
        checked_count(goal, "goal", "serve", least=1)
    if has_admit(learner.strategy_):
        raise ValueError(
            f"{name_of(learner.strategy_)} decides as rows pass, and the page asks for rows of a "
            f"pool; give the learner a strategy that ranks them, such as 'margin'."
        )
    for name in annotators:
        check_name(name, "serve")
    if isinstance(annotators, str) or not annotators or len(set(annotators)) < len(annotators):
        raise ValueError(f"annotators is {annotators!r}; give a list of different names.")
    checked_number(overlap, "overlap", "serve", 0, 1)
    if overlap and (learner.pool_.consensus is None or len(annotators) < 2):
        raise ValueError(
            f"serve got overlap={overlap:g}, by which two people are asked about a row; write "
            f"annotators=['ann', 'ben'] and ActiveLearner(..., consensus='majority')."
        )


def text_of(guidelines: str | os.PathLike | None) -> str | None:
    """Return guidelines, which may be in a file."""
    if guidelines is None or isinstance(guidelines, str):
        return guidelines
    return Path(guidelines).read_text(encoding="utf-8")
