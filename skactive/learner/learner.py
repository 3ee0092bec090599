"""The learner: fit, query and teach around any scikit-learn estimator."""

import copy
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_html_repr, get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing

from ..data import labels as lab
from ..data.datasets import DatasetRows
from ..data.row_numbers import as_row_numbers, check_row_numbers, is_flat_numbers
from ..data.rows import check_rows, n_rows, take
from ..models.kinds import is_frozen, last_step
from ..pool.history import LABELED, SKIPPED
from ..pool.pool import Pool
from ..strategies import Strategy
from ..strategies.base import check_serves, choose, has_score, needs
from ..strategies.registry import as_strategy, default_strategy
from ..strategies.stream import passes
from ..strategies.view import View
from ..utils.checks import (
    check_estimator,
    check_n_instances,
    check_name,
    draw_seed,
    missing_to_total,
)
from .embedding import check_embedding, embedding_of
from .parameters import are_same, values_of
from .predicting import Predicting
from .questions import outside_rows, outside_view, pool_view
from .stream import ENOUGH, OUTSIDE, POOL, TICKETS, Stream, Streaming, begun, is_stream
from .stream_checks import NOT_GIVEN, check_taught, refuse_on_stream, refuse_scores, refuse_tickets
from .training import (
    FitParams,
    check_net_fit,
    check_update,
    maker_of_vectors,
    names_of_outputs,
    needs_codes,
    params_of,
    prepare_nets,
    seeded_clone,
    train,
)


class ActiveLearner(Streaming, Predicting, MetaEstimatorMixin, BaseEstimator):
    """A scikit-learn estimator that proposes which rows to label next, and learns their labels.

    `query` proposes rows, `teach` takes their labels; otherwise the learner behaves like the
    estimator it wraps.

    Parameters
    ----------
    estimator : estimator
        Any scikit-learn classifier or regressor, or a Pipeline that ends in one. It is cloned. In
        scikit-learn's ``FrozenEstimator`` it is used as it is, from zero labels on.
    strategy : str, Strategy or callable, default="auto"
        What decides which rows are worth a label: a name (see `get_strategy_names`), an instance,
        or a callable ``(view, n) -> positions``. "auto": margin for classifiers, std for
        regressors that give one, else random. A stream strategy decides as rows pass: see
        `query`.
    embedding : callable, transformer or str, default=None
        What diverse strategies look at: a function of rows, each by itself, that gives a vector
        for each; or a transformer, which is cloned and fitted once on all rows (in scikit-learn's
        ``FrozenEstimator`` it is used as it is); or the name of a layer of a skorch net, whose
        output it is. None: what the last linear layer of a net is given, or what the steps of a
        Pipeline make of the rows before its last, else the rows themselves. Vectors that are there
        already come with the rows, ``fit(X, y, embedding=E)``.
    cold_start : str, Strategy or callable, default="random"
        What decides while no estimator can be fitted: with no label, or with one class only. It
        can read X and its embedding alone: "random", "typiclust", "k_center", "k_means"...
    classes : array-like, default=None
        Labels that may come. Others are refused; probabilities have a column for each, 0 for
        those not seen yet. None: whatever comes.
    missing_label : int, float, str or None, default="auto"
        What counts as "not labelled" besides None, NaN and pandas.NA. "auto": -1 for classifiers,
        nothing more for regressors. None: nothing more, so that -1 is a label.
    encode_labels : bool or "auto", default="auto"
        Whether the estimator is given 0 to k-1 for the labels, and its predictions are decoded.
        "auto": for skorch, xgboost and lightgbm, and with `fit_unlabeled`.
    fit_unlabeled : bool, default=False
        Whether the estimator is given all rows, with -1 for the unlabelled, as
        LabelSpreading and SelfTrainingClassifier expect.
    update : {"refit", "warm_start", "partial_fit"}, default="refit"
        How it learns more labels: a fresh clone on all labelled rows; the same object, fitted
        again on all of them; or ``partial_fit`` on the new ones alone.
    window : int, default=None
        Learn only so many labels, those that were taught last; not with ``partial_fit`` nor
        `fit_unlabeled`. None: all. While they are of one class, the estimator stays as it was.
    drift : object, default=None
        Drift detector with ``update(error)`` and ``drift_detected``, as river has; copied. It is
        told the errors of the model on rows that a stream strategy bought blindly, before they
        are learned: 0 or 1, for regressors the absolute error. On drift the thresholds of the
        strategy start again, and the model is made anew of labels taught from then on; until
        these are ten, of two classes, the old one serves. None: no drift is looked for.
    random_state : int, RandomState, Generator or None, default=None
        Seed of all random choices, and of every ``random_state=None`` inside the estimator. None:
        from the operating system.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator; absent while there are too few labels.
    strategy_ : Strategy
        The strategy in use; of streams, the copy that runs.
    pool_ : Pool
        The rows and their labels.
    classes_ : ndarray of shape (C,)
        Classes, for classifiers.
    tickets_ : mapping of int to container of one row
        Open tickets: rows of a stream that were bought, and whose labels have not come.
    n_drifts_ : int
        How many drifts were seen.
    drift_ : object or None
        The copy of `drift` that runs.
    seed_ : int
        Seed from which all random numbers follow; saved with the pool.
    n_features_in_ : int
        Number of features, where rows have features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X is a frame with text column names.

    Examples
    --------
    With a pool, row numbers never shift:

    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skactive import ActiveLearner
    >>> X, truth = load_digits(return_X_y=True)
    >>> y = truth.copy()
    >>> y[20:] = -1  # 20 rows are labelled
    >>> learner = ActiveLearner(LogisticRegression(max_iter=500), "margin", random_state=0)
    >>> learner = learner.fit(X / 16, y)
    >>> for _ in range(5):
    ...     idx, rows = learner.query(n_instances=10)
    ...     learner = learner.teach(idx, truth[idx])
    >>> learner.pool_
    Pool(1797 rows: 70 labelled, 1727 unlabelled, 0 reserved, 0 skipped)

    In the style of modAL, the caller keeps the pool:

    >>> learner = ActiveLearner(LogisticRegression(max_iter=500), "entropy", random_state=0)
    >>> learner = learner.fit(X[:20] / 16, truth[:20])
    >>> X_pool, y_pool = X[20:] / 16, truth[20:]
    >>> idx, rows = learner.query(X_pool, n_instances=5)  # positions in X_pool
    >>> learner.teach(X_pool[idx], y_pool[idx]).pool_.n_labeled
    25
    """

    def __init__(
        self,
        estimator,
        strategy="auto",
        *,
        embedding=None,
        cold_start="random",
        classes=None,
        missing_label="auto",
        encode_labels="auto",
        fit_unlabeled=False,
        update="refit",
        window=None,
        drift=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.strategy = strategy
        self.embedding = embedding
        self.cold_start = cold_start
        self.classes = classes
        self.missing_label = missing_label
        self.encode_labels = encode_labels
        self.fit_unlabeled = fit_unlabeled
        self.update = update
        self.window = window
        self.drift = drift
        self.random_state = random_state

    # The loop

    def fit(self, X, y=None, *, embedding=None, **fit_params):
        """Take the pool, and fit the estimator on the rows that are labelled.

        Parameters
        ----------
        X : container of n rows, or Pool
            Every row that is known: array of any dimension, memmap, CSR or CSC matrix, pandas or
            polars frame, list. A `Pool`, built or loaded, goes on where it stands.
        y : array-like of shape (n,), default=None
            Labels, with the missing label (-1 for classifiers) where there is none. None: nothing
            is labelled.
        embedding : array-like or sparse matrix of shape (n, d), default=None
            A vector for each row, which diverse strategies look at.
        **fit_params : dict
            Passed to the estimator's ``fit``, each time. What has n entries belongs to the rows.

        Returns
        -------
        self
            The learner.

        Raises
        ------
        ValueError
            If X, y or a parameter of the learner cannot be used; nothing has changed then. What
            the estimator's ``fit`` raises passes unchanged; the labels are kept, and `refit`
            tries again.
        """
        strategy = self._checked_strategy(is_embedded=embedding is not None)
        routed = self._routed(fit_params)
        pool = self._pool_of(X, y)
        if isinstance(pool.rows.parts[0], DatasetRows):
            pool.rows.parts[0].refuse_random("fit")
        self._check_kind(pool.y_labeled)
        params = FitParams(routed, len(pool))
        check_net_fit(self.estimator, pool.rows.parts[0], params)
        seed = draw_seed(self.random_state) if pool.seed is None else pool.seed
        strategy, stream = begun(strategy, seed), Stream(self.drift)
        vectors = embedding_of(pool.rows, embedding, self.embedding, seed)
        before, seed_before = vars(self).copy(), pool.seed
        pool.seed = seed
        self.pool_, self.seed_, self.strategy_ = pool, seed, strategy
        self._params, self._embedding, self._last_query = params, vectors, None
        self._stream = stream
        self._forget()
        self._train()
        if hasattr(self, "estimator_"):
            try:
                self._model(layer=vectors.layer).check()
                check_serves(self.strategy_, self.estimator_, vectors.is_own)
            except ValueError:
                self.__dict__.clear()
                self.__dict__.update(before)
                pool.seed = seed_before
                raise
        return self

    def query(
        self,
        X=None,
        n_instances=None,
        *,
        n_total=None,
        subset=None,
        embedding=None,
        return_scores=False,
        return_tickets=False,
        random_state=None,
    ):
        """Propose rows to label.

        Asked twice, it answers the same: it changes nothing. With a stream strategy, X is a chunk
        of the stream: the rows that are bought are returned, as many as the budget admits, and
        count as bought; no row that was not is kept.

        Parameters
        ----------
        X : container of m rows, default=None
            Rows from outside the pool to choose among. None: the pool's unlabelled rows.
        n_instances : int, default=None
            How many rows; None: one. If fewer are left, those that are left.
        n_total : int, default=None
            Instead of `n_instances`: as many rows as are missing until so many are labelled or
            reserved; none if they are.
        subset : array-like of bool, shape (m,), or of int, default=None
            Rows that may be chosen, as a mask or as positions. None: all.
        embedding : array-like or sparse matrix of shape (m, d), default=None
            A vector for each row of X, where `fit` got one for each row of the pool.
        return_scores : bool, default=False
            Whether to return the scores as well.
        return_tickets : bool, default=False
            Of a stream, whether to return a ticket for each row, under which the learner keeps it
            until `teach` brings its label.
        random_state : int, default=None
            Varies the random choices, say for several chunks between two calls of `teach`.

        Returns
        -------
        indices : ndarray of shape (n_instances,), int64
            Row numbers in the pool, or positions in X if it is given; best first. Of a stream, in
            the order of X.
        rows : container of n_instances rows
            Those rows.
        scores : ndarray of shape (m,), float64
            Score of every candidate, higher is more worth a label, NaN elsewhere. Only with
            `return_scores`.
        tickets : ndarray of shape (n_instances,), int64
            One for each row. Only with `return_tickets`.

        Raises
        ------
        ValueError
            If the question cannot be answered; the message says what to write.
        """
        self._check_has_pool("query")
        n = check_n_instances(X, n_instances)
        if passes(self.strategy_, X):
            refuse_on_stream(
                self.strategy_,
                n_instances=n_instances,
                n_total=n_total,
                return_scores=return_scores,
                random_state=random_state,
            )
            return self._admit(X, subset, embedding, return_tickets)
        if return_tickets:
            refuse_tickets(self.strategy_)
        if n_total is not None:
            n_known = self.pool_.n_labeled + self.pool_.n_reserved
            n = missing_to_total(n_instances, n_total, n_known)
        view, n_rows_asked = self._view(X, subset, random_state, embedding)
        strategy = self._strategy_now()
        scores = self._scores(strategy, view)[:n_rows_asked] if return_scores else None
        positions = choose(strategy, view, n)
        rows = view.take(positions) if X is None else take(check_rows(X), positions)
        self._last_query = POOL if X is None else OUTSIDE
        return (positions, rows, scores) if return_scores else (positions, rows)

    def teach(
        self,
        X=None,
        y=NOT_GIVEN,
        *,
        ticket=None,
        refit=True,
        relabel=False,
        annotator=None,
        embedding=None,
        **fit_params,
    ):
        """Take the labels of the rows that the last query proposed, and learn them.

        Parameters
        ----------
        X : int, array-like of int of shape (k,), or container of k rows
            After a query over the pool: row numbers. After a query over rows from outside: the
            rows themselves, which join the pool. Not with `ticket`.
        y : label or array-like of shape (k,)
            Their labels. The missing label says that the annotator could not tell: the row is
            skipped, and not offered again until ``pool_.restore``; of a ticket, that none will
            come, and the row is forgotten.
        ticket : int or array-like of int of shape (k,), default=None
            Tickets that `query` gave out, for which these are the labels: some or all, in any
            order, also after other queries. Their rows join the pool.
        refit : bool, default=True
            Whether to train the estimator now; otherwise `refit` does it later.
        relabel : bool, default=False
            Whether labelled rows may take another label, or the missing label, which unlabels
            them.
        annotator : str, default=None
            Who gave the labels; kept in the pool's history.
        embedding : array-like or sparse matrix of shape (k, d), default=None
            A vector for each row from outside, where `fit` got one for each row of the pool.
        **fit_params : dict
            Passed to the estimator's ``fit``. What has k entries belongs to these rows.

        Returns
        -------
        self
            The learner.

        Raises
        ------
        ValueError
            If the labels cannot be recorded; nothing has changed then. What the estimator's
            ``fit`` raises passes unchanged: the labels are kept, the old estimator stays, and
            `refit` tries again.
        """
        self._check_has_pool("teach")
        check_name(annotator, "teach")
        check_taught(X, y, ticket, relabel)
        numbers = None if ticket is not None else as_row_numbers(X)
        if numbers is None and is_flat_numbers(X):
            numbers = check_row_numbers(X, len(self.pool_), who="teach")
        if ticket is not None:
            self._teach_tickets(ticket, y, annotator, self._routed(fit_params), embedding)
        elif numbers is None:
            self._teach_rows(X, y, annotator, self._routed(fit_params), relabel, embedding)
        elif embedding is not None:
            raise ValueError(
                "teach got row numbers and embedding=, which fit has for the pool's rows; leave "
                "it out."
            )
        else:
            self._teach_numbers(numbers, y, annotator, self._routed(fit_params), relabel)
        if refit and (fit_params or self._is_stale()):
            self._train()
        return self

    def refit(self):
        """Train the estimator on the labels as they are now.

        Parameters set since, of the learner and of its estimator, hold from here on.

        Returns
        -------
        self
            The learner.
        """
        self._check_has_pool("refit")
        vectors = self._embedding
        strategy = self._checked_strategy(is_embedded=vectors.given is not None)
        if not are_same(values_of(self.embedding), vectors.origin):
            given = None if vectors.given is None else vectors.given.whole()
            vectors = embedding_of(self.pool_.rows, given, self.embedding, self.seed_)
        strategy = begun(strategy, self.seed_, running=self.strategy_)
        if self.classes is not None:
            self.pool_.name_classes(self.classes)
        if self.drift is not self._stream.given:
            self._stream.watch(self.drift)
        self.strategy_, self._embedding = strategy, vectors
        self._train()
        return self

    def extend(self, X, y=None, *, embedding=None, **fit_params):
        """Add rows to the pool, with labels or without; learn those that have one.

        Parameters
        ----------
        X : container of m rows, like the pool's own
            New rows; their row numbers follow those of the pool.
        y : array-like of shape (m,), default=None
            Their labels, with the missing label where there is none.
        embedding : array-like or sparse matrix of shape (m, d), default=None
            A vector for each of them, where `fit` got one for each row of the pool.
        **fit_params : dict
            Values for the new rows of every parameter that `fit` got for its own.

        Returns
        -------
        self
            The learner.
        """
        self._check_has_pool("extend")
        change = self.pool_.plan_extend(X, y)
        self._check_kind(change.labels)
        new = FitParams(self._routed(fit_params), change.n_added)
        self._params.check_new_rows(new, "extend")
        vectors = self._embedding.extended(embedding, change.n_added, "extend")
        self.pool_.apply(change)
        self._params, self._embedding = self._params.extended(new), vectors
        if self._is_stale():
            self._train()
        return self

    def scores(self, X=None, *, embedding=None):
        """Return how much each row is worth a label.

        Parameters
        ----------
        X : container of m rows, default=None
            Rows from outside the pool; None: the rows of the pool.
        embedding : array-like or sparse matrix of shape (m, d), default=None
            A vector for each row of X, where `fit` got one for each row of the pool.

        Returns
        -------
        ndarray of shape (m,), float64
            Higher is more worth a label; NaN where a row is no candidate.

        Raises
        ------
        ValueError
            If the strategy chooses rows jointly.
        """
        self._check_has_pool("scores")
        if is_stream(self.strategy_):
            refuse_scores(self.strategy_)
        view, n_rows_asked = self._view(X, embedding=embedding)
        return self._scores(self._strategy_now(), view)[:n_rows_asked]

    def without_pool(self):
        """Return a copy for deployment, without the rows, that only predicts.

        Returns
        -------
        ActiveLearner
            Shares the fitted estimator.
        """
        self._fitted()
        other = copy.copy(self)
        for name in ("pool_", "_params", "_embedding", "_last_query", "_stream"):
            other.__dict__.pop(name, None)
        return other

    # Recording labels

    def _teach_numbers(self, numbers, y, annotator, given, relabel) -> None:
        """Record labels of rows of the pool."""
        if len(numbers) and self._last_query in (OUTSIDE, TICKETS):
            instead = "teach(X_pool[idx], y), with the rows themselves"
            if relabel:
                instead = "pool_.label(rows, y, relabel=True) and refit()"
            raise ValueError(
                f"teach got row numbers, but the last query was over rows from outside, which the "
                f"pool does not number; write {instead}."
            )
        change = self.pool_.plan_label(
            numbers, y, relabel=relabel, annotator=annotator, who="teach"
        )
        self._check_kind(change.labels)
        new = FitParams(given, len(numbers))
        self._params.check_given_rows(new, "teach")
        self.pool_.apply(change)
        self._params = self._params.replaced(new, numbers)

    def _teach_rows(self, X, y, annotator, given, relabel, embedding) -> None:
        """Record rows from outside with their labels."""
        X = check_rows(X, who="teach")
        if n_rows(X) == 0:
            self._teach_numbers(np.zeros(0, dtype=np.int64), y, annotator, given, relabel)
            return
        if self._last_query == TICKETS:
            raise ValueError(
                "teach got rows, but the last query gave out tickets, under which they are kept; "
                "write teach(y=y, ticket=tickets)."
            )
        if self._last_query != OUTSIDE:
            last = "the last query was over the pool" if self._last_query else "nothing was asked"
            raise ValueError(
                f"teach got rows, but {last}; write teach(idx, y) with row numbers of the pool, or "
                f"extend(X, y) to add rows."
            )
        if relabel:
            raise ValueError("relabel=True goes with row numbers; rows from outside are new.")
        change = self.pool_.plan_extend(
            X, y, missing=SKIPPED, merge=True, annotator=annotator, who="teach"
        )
        if len(change.rows) < change.n_added:
            raise ValueError("teach got y=None for rows from outside; give one label for each row.")
        self._record_rows(change, given, embedding, self._blindly_bought(change.added))
        self._stream.last = None  # these rows are taught

    def _record_rows(self, change, given, embedding, blind) -> None:
        """Record a change that adds rows, some of which were bought blindly."""
        self._check_kind(change.labels)
        new = FitParams(given, change.n_added)
        self._params.check_new_rows(new, "teach")
        vectors = self._embedding.extended(embedding, change.n_added, "teach")
        detector, n_before = self._watched(change, blind), self.pool_.n_operations
        self.pool_.apply(change)
        self._params, self._embedding = self._params.extended(new), vectors
        self._follow(detector, n_before)

    def _check_kind(self, labels: np.ndarray | None) -> None:
        """Refuse labels of another kind than the classes of an estimator that is used as it is."""
        own = getattr(self.estimator, "classes_", None) if is_frozen(self.estimator) else None
        if own is None or len(own) == 0 or self._names_of_outputs() is not None:
            return
        own, named = np.asarray(own), self._named()
        are_text = [each is not None and each.dtype.kind in "UO" for each in (own, named)]
        if named is not None and are_text[0] != are_text[1]:
            raise ValueError(
                f"the frozen estimator predicts classes such as {own.tolist()[0]!r}, but classes= "
                f"names {named.tolist()[0]!r}; name the classes that it predicts, or of a net one "
                f"for each output."
            )
        if labels is not None and len(labels):
            lab.merge_dtype(own.dtype, labels.dtype)

    def _named(self) -> np.ndarray | None:
        """Return the classes of the parameter, in the order in which they came, each once."""
        if self.classes is None:
            return None
        return lab.to_array(list(dict.fromkeys(lab.to_array(self.classes).tolist())))

    def _names_of_outputs(self) -> np.ndarray | None:
        """Return what was named for the outputs of a frozen net; see `names_of_outputs`."""
        if is_regressor(self.estimator):
            return None
        return names_of_outputs(self.estimator, self._named())

    # Training

    def _train(self, inside: dict | None = None) -> None:
        """Fit the estimator, which has these parameters inside, unless labels are too few."""
        pool = self.pool_
        classes = self._classes_of(pool.y_labeled)
        if is_frozen(self.estimator):
            self.estimator_, self._coded = self.estimator, self._names_of_outputs()
            self._keep_classes(classes)
            return
        taught = self._taught()
        if self._too_few_labels() is not None:
            if len(taught) == pool.n_labeled:  # otherwise the old one serves until there are more
                self._forget()
            self._keep_classes(classes)
            return
        y = pool.y_labeled[np.searchsorted(pool.labeled, taught)]
        known = self._classes_to_know(y, classes)
        inside = params_of(self.estimator) if inside is None else inside
        coded = known if self._encodes(inside) else None
        estimator = seeded_clone(self.estimator, self.seed_, inside)
        prepare_nets(estimator, None if known is None else len(known), coded)
        previous, rows = self._going_on(known)
        if previous is None:
            rows = taught
        if self.fit_unlabeled:
            rows, X, y = None, pool.X, pool.y
            if coded is not None:
                y = np.full(len(pool), -1)
                y[pool.labeled] = lab.encode(pool.y_labeled, coded)
        else:
            X = pool.rows.take(rows)
            y = y if previous is None else y[np.searchsorted(taught, rows)]
            y = y if coded is None else lab.encode(y, coded)
        if len(y):
            named = known if coded is None else np.arange(len(coded))
            params = self._params.of(rows)
            seed = [self.seed_] if previous is None else [self.seed_, pool.n_operations]
            self.estimator_ = train(estimator, previous, self.update, X, y, params, named, seed)
        self._coded, self._known_classes = coded, known
        self._n_learned, self._stream.starts_afresh = pool.n_operations, False
        self._keep_classes(classes)
        if isinstance(self.strategy, str) and self.strategy == "auto":
            # Only a fitted estimator tells for sure what it gives.
            self.strategy_ = default_strategy(self.estimator_, is_regressor(self.estimator))

    def _going_on(self, known):
        """Return the estimator to go on with and the rows to add, or None for a fresh start."""
        previous = getattr(self, "estimator_", None)
        is_fresh = self.update == "refit" or self._stream.starts_afresh
        if is_fresh or type(previous) is not type(self.estimator):
            return None, None
        if known is not None and not np.array_equal(known, self._known_classes):
            return None, None
        if self.update == "warm_start":
            return previous, self._taught()
        changes = self.pool_.since(self._n_learned)
        if any((op.states_before == LABELED).any() for op in changes):
            return None, None  # what was learned cannot be unlearned
        rows = np.unique(np.concatenate([op.rows for op in changes] or [self.pool_.labeled[:0]]))
        return previous, rows[self.pool_.labeled_mask[rows]]

    def _is_stale(self) -> bool:
        """Whether the estimator would be trained on something else now."""
        if hasattr(self, "estimator_") and self._too_few_labels() is not None:
            return True  # rows without a label joined those of one class
        return any(
            (op.states_before == LABELED).any()
            or (op.states_after == LABELED).any()
            or (op.n_added and self.fit_unlabeled)
            for op in self.pool_.since(self._n_learned)
        )

    def _forget(self) -> None:
        """Be without a fitted estimator."""
        for name in ("estimator_", "classes_"):
            self.__dict__.pop(name, None)
        self._coded, self._known_classes, self._n_learned = None, None, 0

    def _classes_of(self, y: np.ndarray) -> np.ndarray | None:
        """Return the classes, named or seen; None for regressors."""
        if is_regressor(self.estimator):
            return None
        classes = self.pool_.classes
        if classes is None:
            classes = lab.sorted_classes(y)
        is_own = is_frozen(self.estimator) and self._names_of_outputs() is None
        if is_own and hasattr(self.estimator, "classes_"):
            own = np.asarray(self.estimator.classes_)
            return lab.sorted_classes(np.concatenate([own, classes])) if len(classes) else own
        return classes

    def _keep_classes(self, classes: np.ndarray | None) -> None:
        """Keep the classes, which regressors do not have."""
        if classes is not None:
            self.classes_ = classes

    def _classes_to_know(self, y: np.ndarray, classes: np.ndarray | None) -> np.ndarray | None:
        """Return the classes that the estimator is told of: all, or those seen."""
        # Nets have an output for every class, partial_fit takes their list; others see for
        # themselves.
        is_whole = self.update == "partial_fit" or hasattr(last_step(self.estimator), "module")
        return classes if classes is None or is_whole else lab.sorted_classes(y)

    def _encodes(self, inside: dict) -> bool:
        """Whether the estimator, with these parameters, is given codes for the labels."""
        if self.encode_labels != "auto":
            return bool(self.encode_labels)
        return self.fit_unlabeled or needs_codes(self.estimator, inside)

    # Looking

    def _view(self, X=None, subset=None, random_state=None, embedding=None) -> tuple[View, int]:
        """Return the view of a question, and the number of rows that it is about."""
        pool = self.pool_
        seed = [self.seed_, pool.n_labeled, pool.n_skipped]
        if random_state is not None:
            seed += [1, draw_seed(random_state)]  # numpy takes a trailing 0 for nothing
        layer = self._embedding.layer
        model = self._model(seed, layer) if hasattr(self, "estimator_") else None
        details: dict[str, Any] = {"model": model, "seed": seed, "round": pool.n_operations - 1}
        maker = maker_of_vectors(getattr(self, "estimator_", self.estimator))
        if X is not None:
            X = outside_rows(X, pool)
            vectors = self._embedding.outside_details(embedding, n_rows(X), len(pool), maker=maker)
            return outside_view(X, pool, subset, **details, **vectors)
        if embedding is not None:
            raise ValueError(
                "query got embedding= without X; vectors of the pool's rows go to fit(X, y, "
                "embedding=...)."
            )
        details |= self._embedding.details(len(pool), maker=maker)
        if model is not None and self.fit_unlabeled:
            details["known"] |= model.fitted(len(pool))
        is_passing = is_stream(self.strategy_)
        outside = "query(X_chunk)" if is_passing else "query(X_pool, n_instances=...)"
        return pool_view(pool, subset, outside, **details)

    def _scores(self, strategy: Strategy, view: View) -> np.ndarray:
        """Return the scores of a strategy that has some."""
        if not has_score(strategy):
            raise ValueError(
                f"{type(strategy).__name__} chooses rows jointly and scores none alone; write "
                f"query(n_instances=...) without scores."
            )
        return view.score(strategy)

    def _strategy_now(self) -> Strategy:
        """Return the strategy for the next query."""
        return self.strategy_ if hasattr(self, "estimator_") else self._cold_strategy()

    # What was given

    def _checked_strategy(self, *, is_embedded: bool) -> Strategy:
        """Return the strategy, having refused parameters that do not go together."""
        check_estimator(self.estimator)
        check_update(self.estimator, self.update, self.fit_unlabeled)
        if self.encode_labels not in (True, False, "auto"):
            raise ValueError(
                f"encode_labels is {self.encode_labels!r}; give True, False or 'auto'."
            )
        check_embedding(self.embedding, self.estimator)
        strategy = self._resolved_strategy()
        check_serves(strategy, self.estimator, is_embedded or self.embedding is not None)
        self._check_stream(strategy)
        self._cold_strategy()
        return strategy

    def _resolved_strategy(self) -> Strategy:
        """Return a strategy of our own for what was given."""
        if isinstance(self.strategy, str) and self.strategy == "auto":
            return default_strategy(self.estimator, is_regressor(self.estimator))
        return clone(as_strategy(self.strategy))

    def _cold_strategy(self) -> Strategy:
        """Return the strategy for a cold start, refusing one that reads a model."""
        strategy = clone(as_strategy(self.cold_start))
        if is_stream(strategy):
            raise ValueError(
                f"cold_start={self.cold_start!r} decides as rows pass, and chooses from no pool; "
                f"leave it out, as a stream strategy buys blindly until there is a model."
            )
        for alternatives in needs(strategy):
            if "embedding" in alternatives:
                continue  # rows are vectors, or the learner's embedding makes them so
            raise ValueError(
                f"cold_start={self.cold_start!r} reads view.{alternatives[0]}, but at a cold start "
                f"no estimator is fitted; give one that reads X alone, such as 'random' or "
                f"'typiclust'."
            )
        return strategy

    def _pool_of(self, X, y) -> Pool:
        """Return the pool that was given, or one made of X and y."""
        missing = self._resolved_missing_label()
        if not isinstance(X, Pool):
            return Pool(X, y, missing_label=missing, classes=self.classes)
        if y is not None:
            raise ValueError("fit got a Pool and y; the pool has its labels, write fit(pool).")
        if X.missing_label != missing:
            raise ValueError(
                f"the pool's missing label is {X.missing_label!r}, the learner's is {missing!r}; "
                f"give both the same missing_label."
            )
        if self.classes is not None:
            X.name_classes(self.classes)
        return X

    def _resolved_missing_label(self):
        """Return the missing label besides None and NaN, or None."""
        return lab.resolve_missing_label(
            self.missing_label, regression=is_regressor(self.estimator)
        )

    def _routed(self, fit_params: dict) -> dict:
        """Return the parameters that the estimator's ``fit`` is to get."""
        if fit_params and get_config()["enable_metadata_routing"]:
            return process_routing(self, "fit", **fit_params).estimator.fit
        return fit_params

    def get_metadata_routing(self):
        """Return how metadata is routed to the estimator.

        Returns
        -------
        MetadataRouter
            `fit`, `teach` and `extend` route as the estimator's ``fit``.
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        mapping.add(caller="score", callee="score")
        router = MetadataRouter(owner=type(self).__name__)
        return router.add(estimator=self.estimator, method_mapping=mapping)

    def __sklearn_tags__(self):
        tags = copy.deepcopy(get_tags(self.estimator))
        tags.target_tags.multi_output = False
        tags.target_tags.required = False
        tags.array_api_support = False  # labels are kept in numpy
        if tags.classifier_tags is not None:
            tags.classifier_tags.multi_label = False
        return tags

    def _check_has_pool(self, who: str) -> None:
        """Refuse to work without a pool."""
        if hasattr(self, "pool_"):
            return
        if hasattr(self, "estimator_"):
            raise ValueError(f"{who} needs the pool, which without_pool() left behind.")
        raise NotFittedError(f"{who} came before fit; call fit(X, y) first.")

    def _too_few_labels(self) -> str | None:
        """Return what is missing before the estimator can be fitted, or None."""
        pool, taught = self.pool_, self._taught()
        if len(taught) == 0:
            return "no row is labelled yet; teach some of those that query proposes"
        if self._stream.starts_afresh and len(taught) < min(ENOUGH, self.window or ENOUGH):
            return f"after a drift {ENOUGH} labels are needed, of which {len(taught)} are there"
        has_more = pool.n_unlabeled or pool.n_reserved or len(taught) < pool.n_labeled
        if is_regressor(self.estimator) or not (has_more or is_stream(self.strategy_)):
            return None
        seen = lab.sorted_classes(pool.y_labeled[np.searchsorted(pool.labeled, taught)])
        if len(seen) > 1:
            return None
        reason = f"only the class {seen.tolist()[0]!r} is labelled; teach a row of another"
        if pool.missing_label == -1 and seen.dtype.kind in "iuf" and len(pool.history[0].rows):
            reason += " (if -1 is a class rather than the missing label, pass missing_label=None)"
        return reason

    # Display

    def _repr_html_(self) -> str:
        counts = self.pool_._repr_html_() if hasattr(self, "pool_") else ""
        return counts + estimator_html_repr(self)

    def _repr_mimebundle_(self, **kwargs) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}
