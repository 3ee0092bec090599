"""How a learner starts on a pool, and applies parameters that were set later."""

from typing import Any

import numpy as np
from sklearn.base import clone, is_regressor
from sklearn.utils import get_tags

from ..data.datasets import DatasetRows
from ..data.frames import is_pandas
from ..data.labels import (
    AUTO,
    count_minus_ones,
    is_auto,
    named_classes,
    resolve_missing_label,
    to_array,
)
from ..data.multilabel import has_several, looks_multilabel
from ..models import last_step
from ..pool.consensus import resolve
from ..pool.pool import Pool
from ..strategies.base import Strategy, asks_again, check_serves, has_admit, needs
from ..strategies.registry import as_strategy, check_labels_per_row, default_strategy
from ..strategies.stream import StreamStrategy
from ..utils.checks import check_estimator, checked_count, draw_seed, warn
from .embedding import check_embedding, embedding_of
from .fit_params import FitParams, check_net_fit, routed_with
from .parameters import are_same, values_of
from .questions import OF_MINUS_ONE, Kept, OfRows, asked, check_again, kept_of, model_of, view_of
from .several import check_several
from .stream import POOL, Stream
from .stream_checks import check_drift, check_window
from .trainer import Fitted, check_kind, train
from .training import check_update


def start(learner, X, y, of_rows: OfRows, fit_params: dict) -> None:
    """Give a learner its pool and fit its estimator, as `fit` does."""
    estimator, (embedding, groups, ids) = learner.estimator, of_rows
    strategy = strategy_of(learner, is_embedded=embedding is not None)
    if isinstance(X, Pool) and groups is not None:  # which has its own
        fit_params, groups = fit_params | {"groups": groups}, None
    routed, groups = routed_with(learner, groups, fit_params, "fit")
    known = X.seed if isinstance(X, Pool) else None
    seed = draw_seed(learner.random_state) if known is None else known
    pool = pool_of(learner, X, y, groups, ids, seed)
    check_labels(learner, pool, strategy, is_embedded=embedding is not None)
    if asks_again(strategy):
        check_again(strategy, pool)
    first = pool.rows.parts[0]
    if isinstance(first, DatasetRows):
        first.refuse_random("fit")
    if not pool.multilabel:
        check_kind(estimator, learner.classes, pool.y_labeled)
    has_index = any(map(is_pandas, routed.values()))
    params = FitParams(routed, len(pool), pool.rows.index() if has_index else None)
    params.refuse_other_lengths(len(pool), "fit")
    check_net_fit(estimator, first)
    strategy, stream = begun(strategy, seed), Stream().watching(learner.drift)
    vectors = embedding_of(pool.rows, embedding, learner.embedding, seed)
    # All that can be refused before a fit is refused by now. From here on the learner has the pool,
    # so that an error of the estimator's fit loses no label.
    before, pool_before = vars(learner).copy(), vars(pool).copy()
    pool.seed, kept = seed, Kept(params, vectors, stream, strategy)
    # Where nothing is labelled, that is what is meant.
    is_partly = pool.n_unlabeled and pool.n_labeled and X is not pool
    n_doubtful = pool.n_doubtful(y) if is_partly else 0
    vars(learner).update(pool_=pool, _kept=kept, _fitted=Fitted())
    vars(learner).update(_last_query=None, _n_doubtful=n_doubtful, _id_column=pool.id_column)
    train(learner)
    fitted = learner._fitted.estimator
    if fitted is None:
        return
    # Only a fitted estimator tells all that it can give.
    try:
        model_of(learner, layer=vectors.layer).check()
        check_serves(learner.strategy_, fitted, vectors.is_own, multilabel=pool.multilabel)
    except ValueError:
        learner.__dict__, pool.__dict__ = before, pool_before
        raise


def renew(learner) -> None:
    """Apply the parameters of a learner as they are now and fit again, as `refit` does."""
    pool, kept = learner.pool_, kept_of(learner)
    vectors, stream = kept.embedding, kept.stream
    strategy = strategy_of(learner, is_embedded=vectors.given is not None)
    check_labels(learner, pool, strategy, is_embedded=vectors.given is not None)
    if not are_same(values_of(learner.embedding), vectors.origin):
        given = None if vectors.given is None else vectors.given.whole()
        vectors = embedding_of(pool.rows, given, learner.embedding, pool.seed)
    strategy = begun(strategy, pool.seed, running=kept.strategy)
    if learner.drift is not stream.given:
        stream = stream.watching(learner.drift)
    check_hold_out(learner, pool)
    # Those that were named before keep the names that they were given since.
    if learner.classes is not None and not _has_named(pool, learner.classes):
        pool.name_classes(learner.classes)
    if pool.consensus != learner.consensus:
        pool.set(consensus=learner.consensus)
    learner._kept = Kept(kept.params, vectors, stream, strategy)
    train(learner)


def _has_named(pool: Pool, classes: Any) -> bool:
    """Tell whether these classes were named last, whatever they are called since."""
    if pool.multilabel:  # in an order of their own
        named = to_array(classes)
    else:
        named = named_classes(classes, missing_label=pool.missing_label)
    return pool.named is not None and named.tolist() == pool.named[0].tolist()


def strategy_of(learner, *, is_embedded: bool) -> Strategy:
    """Return a learner's strategy, refusing parameters that do not go together.

    `is_embedded` says whether vectors came with the rows.
    """
    estimator, given = learner.estimator, learner.strategy
    check_estimator(estimator)
    check_update(estimator, learner.update, learner.fit_unlabeled)
    if learner.encode_labels not in (True, False, "auto"):
        raise ValueError(f"encode_labels is {learner.encode_labels!r}; give True, False or 'auto'.")
    has_several(learner.multilabel, None)
    checked_count(learner.max_test, "max_test", "the learner", least=0)
    resolve(learner.consensus)
    check_embedding(learner.embedding, estimator)
    if isinstance(given, str) and given == "auto":
        strategy = default_strategy(estimator, is_regressor(estimator))
    else:
        strategy = clone(as_strategy(given))
    check_serves(strategy, estimator, is_embedded or learner.embedding is not None)
    if learner.window is not None:
        check_window(learner)
    if learner.drift is not None:
        check_drift(learner, strategy)
    cold_strategy(learner.cold_start)
    return strategy


def cold_strategy(given) -> Strategy:
    """Return the strategy for a cold start, refusing one that reads a model."""
    strategy = clone(as_strategy(given))
    if has_admit(strategy):
        raise ValueError(
            f"cold_start={given!r} decides as rows pass, and chooses from no pool; leave it out, "
            f"as a stream strategy buys blindly until there is a model."
        )
    for alternatives in needs(strategy):
        if "embedding" in alternatives:
            continue  # rows are vectors, or the learner's embedding makes them so
        raise ValueError(
            f"cold_start={given!r} reads view.{alternatives[0]}, but at a cold start no estimator "
            f"is fitted; give one that reads X alone, such as 'random' or 'typiclust'."
        )
    return strategy


def cold_query(learner, n: int) -> tuple:
    """Return what a query over the pool returns, by the cold start, whatever is fitted."""
    view, _ = view_of(learner)
    positions = asked(learner, cold_strategy(learner.cold_start), view, n)
    learner._last_query = POOL
    return positions, view.take(positions)


def begun(strategy: Strategy, seed: int, running: Strategy | None = None) -> Strategy:
    """Return a strategy ready to be asked; of streams, `running` if its parameters are the same."""
    if not isinstance(strategy, StreamStrategy):
        return strategy
    if running is not None and are_same(values_of(strategy), values_of(running)):
        return running
    return strategy.reset(np.random.default_rng([seed, *b"stream"]))


def missing_label_of(learner):
    """Return what a learner takes for "not labelled" besides None and NaN, or None."""
    return resolve_missing_label(learner.missing_label, regression=is_regressor(learner.estimator))


def missing_label_for(learner):
    """Return a learner's missing label as a pool takes it: "auto" where -1 may be a class."""
    missing = missing_label_of(learner)
    is_open = is_auto(learner.missing_label) and getattr(learner, "classes", None) is None
    return AUTO if is_open and missing == -1 else missing


def tell_of_minus_ones(learner, y, who: str) -> None:
    """Warn of labels of -1 that a call leaves out, where -1 may be a class."""
    is_open = is_auto(missing_label_for(learner)) and not looks_multilabel(y)
    n_lost = count_minus_ones(y) if is_open else 0
    if n_lost:
        warn(
            f"{who} leaves out {n_lost} rows whose label is -1, which by default means "
            f'"not labelled"; {OF_MINUS_ONE}.'
        )


def pool_of(learner, X, y, groups, ids, seed: int) -> Pool:
    """Return the pool that ``fit`` was given, or one made of X and y."""
    missing, classes = missing_label_of(learner), learner.classes
    if not isinstance(X, Pool):
        return Pool(
            X,
            y,
            ids=ids,
            missing_label=missing_label_for(learner),
            classes=classes,
            multilabel=learner.multilabel,
            consensus=learner.consensus,
            hold_out=learner.hold_out,
            groups=groups,
            random_state=seed,
        )
    if ids is not None:
        raise ValueError("fit got a Pool and ids=; the pool has its ids, write fit(pool).")
    if y is not None:
        raise ValueError("fit got a Pool and y; the pool has its labels, write fit(pool).")
    if X.missing_label != missing:
        raise ValueError(
            f"the pool's missing label is {X.missing_label!r}, the learner's is {missing!r}; "
            f"give both the same missing_label."
        )
    if X.consensus != learner.consensus:
        raise ValueError(
            f"the pool's consensus is {X.consensus!r}, the learner's is {learner.consensus!r}; "
            f"give both the same, ActiveLearner(..., consensus=...) and Pool(..., consensus=...)."
        )
    check_hold_out(learner, X)
    if classes is not None:
        X.name_classes(classes)
    return X


def check_labels(learner, pool: Pool, strategy: Strategy, *, is_embedded: bool) -> None:
    """Refuse what does not go with as many labels a row as there are."""
    is_said = not isinstance(learner.multilabel, str)  # "auto" is the only text that comes here
    if pool.multilabel and is_said and not learner.multilabel:
        raise ValueError(
            "the learner has multilabel=False, but rows of the pool have several labels; leave it "
            "out, or give a pool with one label a row."
        )
    if pool.multilabel:
        check_several(learner, pool, strategy, is_embedded=is_embedded)
    elif is_said and learner.multilabel:
        raise ValueError(
            "the learner has multilabel=True, but the pool has one label a row; write "
            "Pool(X, y, multilabel=True, classes=[...]), or leave it out."
        )
    elif not get_tags(last_step(learner.estimator)).target_tags.single_output:
        raise TypeError(
            f"estimator is {learner.estimator!r}, which learns several targets of a row, and a row "
            f"has one label here; give what is inside it, or where rows have several labels, a set "
            f"of names for each in y, or multilabel=True and classes=[...]."
        )
    else:
        check_labels_per_row(strategy, multilabel=False)


def check_hold_out(learner, pool: Pool) -> None:
    """Refuse a share of rows to test on that is not the pool's."""
    if learner.hold_out is None or learner.hold_out == pool.hold_out:
        return
    share = f"hold_out={learner.hold_out!r}"
    if pool.hold_out is None:
        raise ValueError(
            f"the learner has {share}, but the pool holds out no rows; write "
            f"pool.begin_hold_out({learner.hold_out!r}) first, or Pool(X, y, {share})."
        )
    raise ValueError(
        f"the learner has {share}, but the pool holds out {pool.hold_out:g} of its rows, which "
        f"stay; write hold_out=None for these."
    )
