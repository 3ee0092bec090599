"""The learner: fit, query and teach around any scikit-learn estimator."""

import copy
from typing import Any, Self

from ..data.rows import check_rows, take
from ..strategies.base import Strategy, has_admit
from ..strategies.stream import passes
from ..utils.checks import check_n_instances, check_name
from .asking import Whom, ask, n_asked
from .estimating import Tested
from .fit_params import routed_with
from .predicting import Predictor, fitted_estimator
from .questions import asked, check_has_pool, kept_of, scores_of, use, view_of
from .starting import cold_strategy, renew, start
from .stream import OUTSIDE, POOL, buy, of_stream
from .stream_checks import refuse_on_stream, refuse_scores, refuse_tickets
from .teaching import NOT_GIVEN, OfRows, check_taught, record
from .trainer import is_stale, train, what_is_missing


class ActiveLearner(Tested, Predictor):
    """A scikit-learn estimator that proposes which rows to label next, and learns their labels.

    `query` proposes rows, `teach` takes their labels; otherwise the learner behaves like the
    estimator it wraps.

    Parameters
    ----------
    estimator : estimator
        Any scikit-learn classifier or regressor, or a Pipeline that ends in one; cloned. In
        scikit-learn's ``FrozenEstimator`` it is used as it is, from zero labels on.
    strategy : str, Strategy or callable, default="auto"
        What decides which rows are worth a label: a name (see `get_strategy_names`), an instance,
        or a callable ``(view, n) -> positions``. "auto": margin for classifiers, std for
        regressors with ``return_std``, else random. Stream strategies decide as rows pass.
    embedding : callable, transformer or str, default=None
        What diverse strategies look at: a function that makes a vector of each row, by itself and
        once; one that reads the fitted estimator, in `EachRound`; a transformer, cloned and fitted
        once on all rows (in ``FrozenEstimator``: used as it is); or a layer's name of a skorch net.
        None: the input of a net's last linear layer, or of a Pipeline's last step, else the rows.
        Vectors that you have already come with the rows: ``fit(X, y, embedding=E)``.
    cold_start : str, Strategy or callable, default="random"
        What decides while the estimator cannot be fitted, with no label or one class only. It can
        read X and its embedding alone: "random", "typiclust", "k_center", "k_means"...
    classes : array-like, default=None
        Labels that may come; others are refused. Probabilities have a column for each, 0 for
        those not seen yet. None: any label may come.
    missing_label : int, float, str or None, default="auto"
        What counts as "not labelled" besides None, NaN and pandas.NA. "auto": -1 for classifiers,
        nothing more for regressors. None: nothing more, so that -1 is a label.
    multilabel : bool or "auto", default="auto"
        Whether rows have several labels, as for `Pool`. "auto": if `y` looks so.
    consensus : "majority", "one_coin", callable or None, default=None
        What a row's label is by the opinions of several people, as for `Pool`.
    hold_out : float, default=None
        Share of the rows to test on, as for `Pool`, and of the questions that ask for these; their
        labels are never learned, and `estimate` reads them. None: none, or as a pool has it.
    max_test : int, default=200
        How many labels to test on `query` asks for, where rows are held out.
    encode_labels : bool or "auto", default="auto"
        Whether the estimator is given 0 to k-1 for the labels, and its predictions are decoded.
        "auto": for skorch, xgboost and lightgbm, and with `fit_unlabeled`.
    fit_unlabeled : bool, default=False
        Whether the estimator is given all rows, with -1 for the unlabelled, as LabelSpreading and
        SelfTrainingClassifier expect.
    update : {"refit", "warm_start", "partial_fit"}, default="refit"
        How it learns more labels: a fresh clone on all labelled rows; a copy that goes on, fitted
        again on all of them; or one that goes on by ``partial_fit`` on the new ones alone.
    window : int, default=None
        Learn only this many labels, those taught last; not with ``partial_fit`` nor
        `fit_unlabeled`. While they are of one class, the estimator stays as it was. None: all.
    drift : object, default=None
        Drift detector with ``update(error)`` and ``drift_detected``, as river has; copied. It sees
        the model's errors (0 or 1; of regressors absolute) on rows that a stream strategy bought
        blindly, before they are learned. On drift thresholds start again, and a new model learns
        what is taught from then on; until that is ten, of two classes, the old one serves.
    random_state : int, RandomState, Generator or None, default=None
        Seed of all random choices, and of each ``random_state=None`` in the estimator. None: any.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator; absent while there are too few labels.
    strategy_ : Strategy
        The strategy in use; of streams, the copy that runs.
    pool_ : Pool
        The rows and their labels.
    classes_ : ndarray of shape (C,)
        Classes, for classifiers; of several labels a row, their names.
    tickets_ : mapping of int to container of one row
        Open tickets, oldest first: rows of a stream that were bought and have no label yet.
    n_drifts_ : int
        Number of drifts seen.
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
        strategy: Any = "auto",
        *,
        embedding=None,
        cold_start: Any = "random",
        classes=None,
        missing_label: Any = "auto",
        multilabel: Any = "auto",
        consensus=None,
        hold_out=None,
        max_test=200,
        encode_labels: Any = "auto",
        fit_unlabeled=False,
        update: str = "refit",
        window=None,
        drift=None,
        random_state=None,
    ) -> None:
        super().__init__(estimator, missing_label)
        self.strategy = strategy
        self.embedding = embedding
        self.cold_start = cold_start
        self.classes = classes
        self.multilabel = multilabel
        self.consensus = consensus
        self.hold_out = hold_out
        self.max_test = max_test
        self.encode_labels = encode_labels
        self.fit_unlabeled = fit_unlabeled
        self.update = update
        self.window = window
        self.drift = drift
        self.random_state = random_state

    def fit(self, X, y=None, *, embedding=None, groups=None, ids=None, **fit_params) -> Self:
        """Take the pool, fit the estimator on the labelled rows, and return the learner.

        Parameters
        ----------
        X : container of n rows, or Pool
            All rows: an array of any dimension, memmap, CSR or CSC matrix, pandas or polars frame,
            list. A `Pool`, built or loaded, goes on where it stands.
        y : array-like of shape (n,), default=None
            Labels, with the missing label (-1 for classifiers) where there is none. None: none yet.
        embedding : array-like or sparse matrix of shape (n, d), default=None
            A vector for each row, which diverse strategies look at.
        groups : array-like of int or str of shape (n,), default=None
            What must not be on both sides of `hold_out`; without it, one of the `fit_params`.
        ids : str or array-like of shape (n,), default=None
            What rows are called, as for `Pool`; a column of that name is no feature, here or later.
        **fit_params : dict
            Passed to the estimator's ``fit``, each time. What has n entries belongs to the rows.

        Raises
        ------
        ValueError
            If X, y or a parameter of the learner cannot be used; nothing has changed then. Errors
            of the estimator's ``fit`` pass unchanged; the labels stay, and `refit` tries again.
        """
        start(self, X, y, OfRows(embedding, groups, ids), fit_params)
        return self

    def query(
        self,
        X=None,
        n_instances=None,
        *,
        n_total=None,
        subset=None,
        embedding=None,
        annotator=None,
        overlap=None,
        reserve=False,
        return_scores=False,
        return_tickets=False,
        random_state=None,
    ) -> tuple[Any, ...]:
        """Propose rows to label.

        Asked twice, it answers the same: it changes nothing, but for `reserve`. Of a pool that
        holds out rows, that share of the questions is for these. With a stream strategy, X is a
        chunk of the stream: the rows that the budget admits are returned and count as bought; the
        others are not kept.

        Parameters
        ----------
        X : container of m rows, default=None
            Rows from outside the pool to choose among. None: the pool's unlabelled rows.
        n_instances : int, default=None
            How many rows; None: one. If fewer are left, those that are left.
        n_total : int, default=None
            Instead: as many rows as are missing until so many are labelled or reserved, and those
            to test on besides.
        subset : array-like of bool, shape (m,), or of int, or str, default=None
            Rows that may be chosen, as a mask, as positions, or by a tag of the pool. None: all.
        embedding : array-like or sparse matrix of shape (m, d), default=None
            A vector for each row of X, where `fit` got one for each row of the pool.
        annotator : str, default=None
            Who is asked. What is reserved for her comes first.
        overlap : float, default=None
            Share of rows of which two people are asked, for learners with a consensus: those of
            which one other person gave a label come next. None: none.
        reserve : bool, default=False
            Whether to reserve the rows in the same step, for `annotator`: such as nobody has, she
            herself neither, even if other processes ask meanwhile.
        return_scores : bool, default=False
            Whether to return the scores as well.
        return_tickets : bool, default=False
            Of a stream, whether to return tickets, under which rows are kept until `teach`.
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
            With `return_scores`: higher is more worth a label, NaN where a row is no candidate.
        tickets : ndarray of shape (n_instances,), int64
            With `return_tickets`: one for each row.
        """
        check_has_pool(self, "query")
        n = check_n_instances(X, n_instances)
        if has_admit(self.strategy_) and passes(self.strategy_, X):
            given = n_instances, n_total, return_scores, random_state, annotator, overlap, reserve
            refuse_on_stream(self.strategy_, *given)
            return buy(self, X, subset, embedding, return_tickets)
        if return_tickets:
            refuse_tickets(self.strategy_)
        if annotator is not None or overlap is not None or reserve:
            whom = Whom.checked(self.pool_, X, annotator, overlap, reserve, n_total)
            how = {"random_state": random_state, "embedding": embedding}
            return ask(self, whom, n_instances, n_total, subset, return_scores, **how)
        if n_total is not None:
            n = n_asked(self.pool_, n_instances, n_total)
        strategy = self._strategy_now()
        view, n_rows_asked = view_of(self, X, subset, random_state, embedding, strategy)
        scores = (scores_of(strategy, view, n_rows_asked),) if return_scores else ()
        positions = asked(self, strategy, view, n, X, subset, n_total is not None)
        rows = view.take(positions) if X is None else take(check_rows(X), positions)
        self._last_query = POOL if X is None else OUTSIDE  # teach refuses the other kind of X
        return positions, rows, *scores

    def teach(
        self,
        X=None,
        y: Any = NOT_GIVEN,
        *,
        ids=None,
        ticket=None,
        refit=True,
        relabel=False,
        annotator=None,
        embedding=None,
        groups=None,
        **fit_params,
    ) -> Self:
        """Take the labels of the rows that the last query proposed, learn them, return the learner.

        Parameters
        ----------
        X : int, array-like of int of shape (k,), or container of k rows
            After a query over the pool: row numbers. After a query over rows from outside: the
            rows themselves, which join the pool. Not with `ticket`.
        y : label or array-like of shape (k,)
            Their labels. The missing label says that the annotator could not tell: the row is
            skipped, and not offered until ``pool_.restore``; that of a ticket is forgotten.
        ids : str, int or array-like of shape (k,), default=None
            Alone, ids of rows of the pool, instead of numbers. With rows from outside or tickets,
            their ids, where the pool's rows have some and no column is them.
        ticket : int or array-like of int of shape (k,), default=None
            Tickets that `query` gave out: some or all, in any order. Their rows join the pool.
        refit : bool, default=True
            Whether to train the estimator now; otherwise `refit` does it later.
        relabel : bool, default=False
            Whether labelled rows may take another label, or the missing label, which unlabels them.
        annotator : str, default=None
            Who gave the labels; kept in the pool's history.
        embedding, groups : array-like of k entries, default=None
            Vectors and groups of rows from outside, where `fit` got them for the pool's rows.
        **fit_params : dict
            Passed to the estimator's ``fit``, now and at each later fit until it is given again;
            what it does not take is refused. What has k entries belongs to these rows.

        Raises
        ------
        ValueError
            If the labels cannot be recorded; nothing has changed then. Errors pass as in `fit`.
        """
        check_has_pool(self, "teach")
        check_name(annotator, "teach")
        check_taught(X, y, ids, ticket, relabel)
        params, groups = routed_with(self, groups, fit_params, "teach")
        given = X, y, ticket, relabel, annotator, params, OfRows(embedding, groups, ids)
        record(self, lambda teacher: teacher.lesson(*given))
        if refit and (fit_params or is_stale(self)):
            train(self)
        return self

    def refit(self) -> Self:
        """Train the estimator on the labels as they are now, and return the learner.

        Parameters set since, of the learner and of its estimator, hold from here on.
        """
        check_has_pool(self, "refit")
        renew(self)
        return self

    def extend(self, X, y=None, *, embedding=None, groups=None, ids=None, **fit_params) -> Self:
        """Add rows to the pool, learn the labels of those that have one, and return the learner.

        Parameters
        ----------
        X : container of m rows, like the pool's own
            New rows; their row numbers follow those of the pool.
        y : array-like of shape (m,), default=None
            Their labels, with the missing label where there is none.
        embedding, groups, ids : array-like of m entries, default=None
            Vectors, groups and ids of them, where `fit` got them for the pool's rows.
        **fit_params : dict
            Values for the new rows of every parameter that `fit` got for its own; see `teach`.
        """
        check_has_pool(self, "extend")
        params, groups = routed_with(self, groups, fit_params, "extend")
        record(self, lambda tutor: tutor.extension(X, y, params, OfRows(embedding, groups, ids)))
        if is_stale(self):
            train(self)
        return self

    def scores(self, X=None, *, embedding=None) -> Any:
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
        check_has_pool(self, "scores")
        if has_admit(self.strategy_):
            refuse_scores(self.strategy_)
        strategy = self._strategy_now()
        view, n_rows_asked = view_of(self, X, embedding=embedding, strategy=strategy)
        return scores_of(strategy, view, n_rows_asked)

    def without_pool(self) -> Self:
        """Return a copy for deployment that only predicts: no rows, the same fitted estimator."""
        fitted_estimator(self)
        other, seed = copy.copy(self), self.seed_
        for name in ("pool_", "_kept", "_last_query", "_n_doubtful"):
            other.__dict__.pop(name, None)
        other._seed, other._fitted = seed, self._fitted._replace(learned=None)
        return other

    strategy_ = property(lambda self: kept_of(self).strategy, use, doc="The strategy in use.")
    tickets_ = of_stream("tickets", "Open tickets: the row that each is for, oldest first.")
    n_drifts_ = of_stream("n_drifts", "Number of drifts seen.")
    drift_ = of_stream("detector", "The drift detector that runs, a copy of the one given.")

    @property
    def seed_(self) -> int:
        """Seed from which all random numbers follow."""
        return self.pool_.seed if hasattr(self, "pool_") else self._seed

    def _strategy_now(self) -> Strategy:
        """Return the strategy for the next query."""
        is_cold = self._fitted.estimator is None
        return cold_strategy(self.cold_start) if is_cold else self.strategy_

    def __getstate__(self):
        return super().__getstate__() | ({"_kept": kept_of(self)} if hasattr(self, "pool_") else {})

    def _why_not_fitted(self) -> str:
        """Return which labels are missing, as the end of a sentence."""
        return what_is_missing(self) if hasattr(self, "pool_") else super()._why_not_fitted()

    def _rows_like(self):
        """Return rows of the pool."""
        return self.pool_.rows.pattern
