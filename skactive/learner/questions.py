"""What a query looks at: what a learner keeps, and the pool, or rows from outside before it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import NotFittedError

from ..data.conform import conform
from ..data.datasets import DatasetRows
from ..data.frames import is_pandas
from ..data.ids import has_column, take_ids, without_column
from ..data.row_numbers import subset_mask
from ..data.rows import Rows, check_rows, n_rows, row_index, take
from ..data.sources import RowSource
from ..data.stores import as_source
from ..models import Model, is_net
from ..models.several import SeveralModel
from ..pool.log import Change
from ..pool.pool import Pool
from ..pool.tags import rows_tagged
from ..strategies.again import refuse_keeping_away
from ..strategies.base import Strategy, asks_again, choose, has_admit, has_score, name_of
from ..strategies.view import View
from ..utils.checks import draw_seed, warn
from .asked import interleaved, n_questions
from .embedding import EachRound, Embedding
from .fit_params import FitParams

OF_MINUS_ONE = (
    "write ActiveLearner(..., missing_label=None) if -1 is a class, and missing_label=-1 if not"
)


class Kept(NamedTuple):
    """What a learner keeps beside its pool, always replaced as a whole."""

    params: FitParams  # of ``fit``, for the pool's rows
    embedding: Embedding  # of the pool's rows
    stream: Any  # `Stream`: open tickets, drifts
    strategy: Strategy  # in use; of streams, the copy that runs
    planned: tuple[Change, int, Kept] | None = None  # what it becomes with this operation


class OfRows(NamedTuple):
    """What comes with rows that join the pool, besides labels and parameters of ``fit``."""

    vectors: Any = None  # an embedding
    groups: Any = None  # by which they are on the test side, or not
    ids: Any = None  # what they are called

    def take(self, known: np.ndarray, n: int) -> OfRows:
        """Return what belongs to some of n rows; what is not one for each is refused later."""
        parts = (part if part is None else check_rows(part, who="teach") for part in self)
        return OfRows(*(take(p, known) if p is not None and n_rows(p) == n else p for p in parts))


def kept_of(learner) -> Kept:
    """Return what a learner keeps, as of the operations that have happened to its pool.

    No one assignment replaces the pool and this. So what will be kept is planned before the pool
    changes, and counts from the moment at which the pool has changed.
    """
    kept = learner._kept
    if kept.planned is None:
        return kept
    change, at, after = kept.planned
    has_happened = learner.pool_.has_happened(change, at)
    return after if has_happened else kept._replace(planned=None)


def use(learner, strategy: Strategy) -> None:
    """Let a learner use another strategy from now on."""
    learner._kept = kept_of(learner)._replace(strategy=strategy)


def check_has_pool(learner, who: str) -> None:
    """Refuse to work without a pool."""
    if hasattr(learner, "pool_"):
        return
    if hasattr(learner, "estimator_"):
        raise ValueError(f"{who} needs the pool, which without_pool() left behind.")
    raise NotFittedError(f"{who} came before fit; call fit(X, y) first.")


def check_again(strategy: Strategy, pool: Pool, X=None) -> None:
    """Refuse a strategy that asks for labelled rows again where that would lead to nothing."""
    refuse_keeping_away(strategy)
    name = name_of(strategy)
    if has_admit(strategy):
        raise ValueError(
            f"{name} decides as rows of a stream pass, and got a strategy that asks for labelled "
            f"rows of a pool again; give it one that scores rows, such as 'margin'."
        )
    if X is not None:
        raise ValueError(
            f"{name} also asks for rows of the pool that are labelled already, and got X, rows "
            f"from outside; write query(n_instances=...)."
        )
    if pool.consensus is None:
        raise ValueError(
            f"{name} asks for rows again that are labelled, but with consensus=None the last label "
            f"of a row counts, and another one is refused; write ActiveLearner(..., "
            f"consensus='majority')."
        )


def view_of(
    learner, X=None, subset=None, random_state=None, embedding=None, strategy=None
) -> tuple[View, int]:
    """Return the view of a question to a learner, and the number of rows that it is about.

    For a `strategy` that asks again, labelled rows are candidates as well.
    """
    pool, estimator = learner.pool_.at_rest(), learner._fitted.estimator
    vectors = kept_of(learner).embedding
    # From what is known, not from what was asked: the same question has the same random numbers.
    seed = [pool.seed, pool.n_labeled, pool.n_skipped]
    if random_state is not None:
        seed += [1, draw_seed(random_state)]  # numpy takes a trailing 0 for nothing
    again = strategy is not None and asks_again(strategy)
    if again:
        check_again(strategy, pool, X)
        seed += [2, len(pool.opinions_on_labeled[0])]
    model = None if estimator is None else model_of(learner, seed, vectors.layer)
    embed = vectors.function
    if isinstance(embed, EachRound):  # at a cold start there is nothing yet that it could read
        embed = None if estimator is None else partial(embed, estimator)
    details: dict[str, Any] = {
        "model": model,
        "seed": seed,
        "round": pool.n_operations - 1,
        "embed": embed,
        "is_embedded": vectors.is_own,
        # Asked for only by a strategy that reads vectors: most do not.
        "memory": partial(vectors.memory, learner.estimator if estimator is None else estimator),
    }
    if X is not None:
        X = outside_rows(X, pool)
        if learner._last_query is None and learner._n_doubtful:
            # Who chooses among other rows from the first may know no row that is not labelled.
            warn(
                f"{learner._n_doubtful} of the {len(pool)} rows that fit got are not learned: "
                f'their label is -1, which by default means "not labelled"; {OF_MINUS_ONE}.'
            )
            learner._n_doubtful = 0  # of which it is told now
        if vectors.given is not None or embedding is not None:
            details["known"] = vectors.known_outside(embedding, Rows(X), len(pool))
        return outside_view(X, pool, subset, **details)
    if embedding is not None:
        raise ValueError(
            "query got embedding= without X; vectors of the pool's rows go to fit(X, y, "
            "embedding=...)."
        )
    known = {} if vectors.given is None else vectors.known(len(pool))
    if model is not None and learner.fit_unlabeled:
        # What a transductive model says of rows that it was fitted on is better than predict_proba.
        known |= model.fitted(len(pool))
    outside = "query(X_chunk)" if has_admit(learner.strategy_) else "query(X_pool, n_instances=...)"
    return pool_view(pool, subset, outside, again, known=known, **details)


def model_of(learner, seed=(0,), layer: str | None = None) -> Model:
    """Return a learner's fitted estimator as a source of arrays."""
    fitted = learner._fitted
    several = fitted.multilabel
    return adapt(fitted.estimator, fitted.classes, fitted.codes, several, seed=seed, layer=layer)


def adapt(
    estimator,
    classes=None,
    coded=None,
    multilabel: bool = False,
    *,
    seed: Sequence[int] = (0,),
    layer: str | None = None,
) -> Model:
    """Return the `Model` that reads arrays from a fitted estimator.

    `classes` are in the order of the columns to give, None for regressors. `coded` holds the labels
    for which the integers 0..k-1 stood when it was fitted; None: it was fitted on labels as they
    are. With `multilabel`, `classes` are the names of its outputs, each of a label that a row has
    or not. What is drawn in passes follows from `seed`. A net's embedding is the output of the
    layer called `layer`; None: the input of its last linear layer.
    """
    if not is_net(estimator):
        return (SeveralModel if multilabel else Model)(estimator, classes, coded, seed=seed)
    from ..models.torch import SeveralTorchModel, TorchModel  # torch is there, since a net is

    of_nets = SeveralTorchModel if multilabel else TorchModel
    return of_nets(estimator, classes, coded, seed=seed, layer=layer)


def scores_of(strategy: Strategy, view: View, n: int) -> np.ndarray:
    """Return a strategy's scores of the first n rows of a view, refusing where it has none."""
    if not has_score(strategy):
        raise ValueError(
            f"{type(strategy).__name__} chooses rows jointly and scores none alone; write "
            f"query(n_instances=...) without scores."
        )
    return view.score(strategy)[:n]


def pool_view(pool: Pool, subset, outside: str, again: bool, **details) -> tuple[View, int]:
    """Return the view of a query over the pool, and the number of rows that it is about.

    A pool whose rows all came with a label is refused, unless they may be asked for `again`;
    `outside` is what to write instead.
    """
    # A pool that was used up gives no rows; one that never had any is a mistake in the call.
    if pool.n_unlabeled == 0 and not again and not pool.was_ever_unlabeled:
        raise ValueError(
            f"no row of the pool was ever without a label; write {outside} to choose among other "
            f"rows."
        )
    mask = pool.unlabeled_mask | pool.open_mask if again else pool.unlabeled_mask
    if subset is not None:
        given = subset_of(pool, subset)
        mask &= given
        if given.any() and not mask.any():
            warn(
                "none of the rows in subset may be asked for; they are labelled, reserved, skipped "
                "or held out."
            )
    hashes = None if pool.ids is None else pool.ids.hashes
    return View(pool.rows, mask, pool=pool, hashes=hashes, **details), len(pool)


def subset_of(pool: Pool, subset) -> np.ndarray:
    """Return a mask of the rows of a pool in a subset, given as a mask, as numbers or by a tag."""
    if isinstance(subset, str):
        subset = rows_tagged(pool.tags, subset, "query")
    return subset_mask(subset, len(pool), pool.rows.index() if is_pandas(subset) else None)


def is_pool(X, pool: Pool) -> bool:
    """Whether X is the rows of the pool themselves, or a frame with the ids of all of them."""
    column, first = pool.id_column, pool.rows.parts[0]
    if X is first:
        return True
    if isinstance(first, RowSource) and without_column(as_source(X), column) == first:
        return True  # the same rows, opened twice
    has_ids = has_column(X, column) and n_rows(X) == len(pool)
    return has_ids and take_ids(X, column, "query")[1] == pool.ids


def outside_rows(X, pool: Pool):
    """Return rows from outside in a container like the pool's, refusing the pool's own, or none."""
    if is_pool(X, pool):
        raise ValueError("query got the pool itself; write query(n_instances=...).")
    X = without_column(check_rows(X, who="query"), pool.id_column)
    X = conform(X, pool.rows.pattern, "query")
    if n_rows(X) == 0:
        raise ValueError("query got X without rows; give at least one.")
    if isinstance(X, DatasetRows):
        X.refuse_random("query")
    return X


def outside_view(X, pool: Pool, subset, **details) -> tuple[View, int]:
    """Return the view of a query over rows from outside, and the number of these rows.

    X is as `outside_rows` gives it. The rows of the pool follow, so that a strategy can keep away
    from what is labelled; nothing is copied for that.
    """
    n = n_rows(X)
    rows = Rows(X, *pool.rows.parts)
    mask = np.zeros(len(rows), dtype=bool)
    mask[:n] = True if subset is None else subset_mask(subset, n, row_index(X))
    return View(rows, mask, pool=pool, offset=n, **details), n


def asked(
    learner, strategy: Strategy, view: View, n: int, X=None, subset=None, to_learn: bool = False
) -> np.ndarray:
    """Return n positions that a question is answered with; with `to_learn` n besides tests.

    Over a pool that holds out a share of its rows, that share of the questions is for testing.
    """
    pool: Pool = learner.pool_
    share = pool.hold_out
    if X is not None or share is None:
        return choose(strategy, view, n)
    chosen, tests = partial(choose, strategy, view), tests_in(learner, subset)
    before = pool.n_answered
    return interleaved(chosen, tests, n, before=before, share=share, to_learn=to_learn)


def tests_in(learner, subset=None) -> np.ndarray:
    """Return the test rows to ask for next: of the order, what comes before the first outside."""
    pool: Pool = learner.pool_
    tests = pool.test_questions(learner.max_test)
    if subset is None or len(tests) == 0:
        return tests
    inside = subset_of(pool, subset)[tests]
    return tests if inside.all() else tests[: inside.argmin()]


def n_tests_left(learner) -> int:
    """Return how many questions to test on are left."""
    return 0 if learner.pool_.hold_out is None else len(tests_in(learner))


def n_questions_left(learner, n: int, most: int | None = None) -> int:
    """Return how many questions a learner asks until it has n more labels to learn from.

    At most `most`, where that is given.
    """
    pool: Pool = learner.pool_
    total = n
    if pool.hold_out is not None and n > 0:
        total = n_questions(n, pool.n_answered, pool.hold_out, len(tests_in(learner)))
    return total if most is None else min(total, most)
