"""Does it help? Strategies side by side, on the same splits, starts and seeds."""

import copy
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone, is_classifier

from ._progress import progress
from .comparison import CEILING, Comparison, Run
from .fingerprints import fingerprint
from .labels import missing_mask, to_array
from .learner import ActiveLearner
from .models import refusal
from .results import ResultsFile, stored_settings
from .rows import Rows, check_rows, n_rows
from .simulation import simulate
from .strategies import Strategy
from .strategies.table import as_strategy
from .validation import draw_seed

DEFAULT_REPEATS = 10
DEFAULT_TEST_SIZE = 0.25


def compare_strategies(
    estimator,
    X,
    y,
    strategies,
    *,
    budget,
    n_instances=1,
    n_repeats=None,
    n_initial=None,
    initial=None,
    cv=None,
    test_size=None,
    X_test=None,
    y_test=None,
    scoring=None,
    n_jobs=None,
    random_state=None,
    results=None,
    name="data",
) -> Comparison:
    """Simulate several strategies on known labels, and compare what they are worth.

    Paired by design: in each repeat every strategy sees the same split, the same initial labels
    and the same seeds. Random, margin (where the estimator serves it) and the score with all
    labels, the ceiling, are always among them.

    Parameters
    ----------
    estimator : estimator or ActiveLearner
        What learns. A learner brings its own settings; its strategy is replaced.
    X : container of n rows
        Rows.
    y : array-like of shape (n,)
        Their labels; rows without one are never asked for nor tested on.
    strategies : list of (str or Strategy), or dict of str to (str, Strategy or callable)
        What is compared; a dict gives them names.
    budget, n_instances, n_initial, initial
        As `SimulatedLearner` takes them.
    n_repeats : int, default=None
        How often everything is repeated. None: 10, or the number of splits of `cv`.
    cv : int, cross-validator or iterable, default=None
        Splits, as scikit-learn takes them; with more repeats than splits they go round again.
    test_size : float or int, default=None
        Share or number of rows to test on, drawn anew in each repeat, stratified for classifiers.
        None: 0.25, unless `cv` or a test set is given.
    X_test, y_test : container of m rows, array-like of shape (m,), default=None
        One test set for all repeats.
    scoring : str, callable or None, default=None
        As scikit-learn takes it; None: the estimator's own score.
    n_jobs : int, default=None
        Processes, as joblib takes them.
    random_state : int or None, default=None
        Seed of all repeats. None: from the operating system, or from the results file.
    results : str or path, default=None
        File to which every finished run is appended, and from which an interrupted comparison
        goes on.
    name : str, default="data"
        Name of the data set, for `Comparison.concat`.

    Returns
    -------
    Comparison
        Curves and statistics.

    Raises
    ------
    ValueError
        If what is given does not fit together, or the results file holds another comparison.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skactive import compare_strategies
    >>> X, y = load_iris(return_X_y=True)
    >>> comparison = compare_strategies(
    ...     LogisticRegression(max_iter=500), X, y, ["entropy"], budget=30, n_instances=5,
    ...     n_repeats=3, random_state=0)
    >>> comparison.names
    ['random', 'margin', 'entropy']
    """
    template = _template(estimator)
    variants = _variants(strategies, template)
    X, y = check_rows(X, who="compare_strategies"), to_array(y)
    _check_test(cv, test_size, X_test, y_test)
    _check_repeats(n_repeats)
    if X_test is not None:
        X_test, y_test = _with_label(template, X_test, y_test)
    if isinstance(cv, Iterable) and not hasattr(cv, "split"):
        cv = [tuple(map(np.asarray, pair)) for pair in cv]
    if random_state is not None and not isinstance(random_state, (int, np.integer)):
        raise TypeError(
            f"random_state is {random_state!r}; a comparison that can be repeated needs an "
            f"integer, or None."
        )
    stored = None if results is None else stored_settings(results)
    if random_state is None and stored is not None:
        random_state = stored.get("random_state")
    seed = draw_seed(random_state)
    settings = {
        "estimator": _described(template),
        "budget": _plain(budget),
        "n_instances": _plain(n_instances),
        "n_initial": _plain(n_initial),
        "initial": _plain(initial),
        "test": _test_described(cv, test_size, X_test, y_test),
        "scoring": _named(scoring),
        "data": _digest(X, y),
        "dataset": name,
        "random_state": seed,
    }
    simulation = {key: settings[key] for key in ("budget", "n_instances", "n_initial", "initial")}
    shared = _Shared(X, y, X_test, y_test, scoring, name, simulation)
    tasks = [
        (variant, strategy, split)
        for split in _splits(template, shared, cv, test_size, n_repeats, seed)
        for variant, strategy in variants.items()
    ]
    file = None if results is None else ResultsFile(results, settings)
    runs = [] if file is None else _finished(file, variants, tasks)
    done = {(run.variant, run.repeat) for run in runs}
    tasks = [task for task in tasks if (task[0], task[2].repeat) not in done]
    for run in _parallel(template, shared, tasks, n_jobs):
        runs.append(run)
        if file is not None:
            file.append(run.to_json())
    return Comparison(runs, list(variants), _named(scoring) or "score")


@dataclass(frozen=True)
class _Shared:
    """What all runs have in common; sent to every worker."""

    X: Any
    y: np.ndarray
    X_test: Any
    y_test: Any
    scoring: Any
    dataset: str
    simulation: dict[str, Any]


@dataclass(frozen=True)
class _Split:
    """One repeat: its seed, the rows to ask for, and those to test on (None: they were given)."""

    repeat: int
    seed: int
    train: np.ndarray
    test: np.ndarray | None


def _template(estimator) -> ActiveLearner:
    """Return a learner of our own around an estimator, or like the one that was given."""
    if isinstance(estimator, ActiveLearner):
        return clone(estimator)
    return ActiveLearner(estimator)


def _variants(strategies, template: ActiveLearner) -> dict[str, Strategy | None]:
    """Return the strategies by name: random, margin, those that were asked for, the ceiling."""
    if not isinstance(strategies, dict):
        strategies = [strategies] if isinstance(strategies, str) else list(strategies)
        named: dict[str, Any] = {}
        for given in strategies:
            name = given if isinstance(given, str) else repr(as_strategy(given))
            if name in named:
                raise ValueError(f"{name} is among the strategies twice; give a dict with names.")
            named[name] = given
        strategies = named
    if CEILING in strategies:
        raise ValueError(f"{CEILING!r} is the name of the ceiling; give the strategy another.")
    variants: dict[str, Strategy | None] = {"random": as_strategy("random")}
    if refusal(template.estimator, "proba", "decision") is None:
        variants["margin"] = as_strategy("margin")
    for name, given in strategies.items():
        strategy = as_strategy(given)
        if _printed(strategy) != _printed(variants.get(name, strategy)):
            raise ValueError(
                f"{name!r} stands for {variants[name]!r}, not for {strategy!r}; give it another "
                f"name."
            )
        variants[name] = strategy
    variants[CEILING] = None
    return variants


def _check_test(cv, test_size, X_test, y_test) -> None:
    """Refuse test rows that are given in several ways, or by half."""
    if sum(part is not None for part in (cv, test_size, X_test)) > 1:
        raise ValueError("give one of cv=, test_size= or X_test= with y_test=, not several.")
    if (X_test is None) != (y_test is None):
        raise ValueError("X_test and y_test go together; give both.")


def _check_repeats(n_repeats) -> None:
    """Refuse what is no number of repeats."""
    if n_repeats is None:
        return
    if not isinstance(n_repeats, Integral) or isinstance(n_repeats, bool) or n_repeats < 1:
        raise ValueError(f"n_repeats is {n_repeats!r}; give a whole number of at least 1, or None.")


def _with_label(template: ActiveLearner, X, y) -> tuple[Any, np.ndarray]:
    """Return the rows that have a label, and their labels."""
    y = to_array(y)
    known = np.flatnonzero(~missing_mask(y, template._resolved_missing_label()))
    return Rows(check_rows(X, who="X_test")).take(known), y[known]


def _splits(
    template: ActiveLearner, shared: _Shared, cv, test_size, n_repeats, seed: int
) -> Iterator[_Split]:
    """Yield the repeats; rows without a label are always among those that train."""
    from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit, check_cv

    missing = missing_mask(shared.y, template._resolved_missing_label())
    known, hidden = np.flatnonzero(~missing), np.flatnonzero(missing)
    labels = shared.y[known]
    stratify = is_classifier(template.estimator)
    splits = []
    if cv is not None:
        splitter = check_cv(cv, labels.astype(str) if stratify else labels, classifier=stratify)
        if getattr(splitter, "random_state", seed) is None:  # shuffles by our seed, then
            splitter = copy.copy(splitter)
            splitter.random_state = seed
        splits = list(splitter.split(np.zeros((len(known), 1)), labels))
    for repeat in range(n_repeats or len(splits) or DEFAULT_REPEATS):
        own = int(np.random.SeedSequence([seed, repeat]).generate_state(1)[0])
        if shared.X_test is not None:
            yield _Split(repeat, own, np.arange(len(shared.y)), None)
            continue
        if splits:
            train, test = splits[repeat % len(splits)]
        else:
            kind = StratifiedShuffleSplit if stratify else ShuffleSplit
            drawn = kind(1, test_size=test_size or DEFAULT_TEST_SIZE, random_state=own)
            train, test = next(drawn.split(np.zeros((len(known), 1)), labels))
        yield _Split(repeat, own, np.union1d(known[train], hidden), known[test])


def _parallel(template, shared: _Shared, tasks: list, n_jobs) -> Iterator[Run]:
    """Yield runs as they finish, showing progress."""
    from joblib import Parallel, delayed

    calls = (delayed(_run)(template, shared, *task) for task in tasks)
    runs = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(calls)
    yield from progress(((1, run) for run in runs), len(tasks), "comparing", unit=" runs")


def _run(template, shared: _Shared, variant: str, strategy: Strategy | None, split: _Split) -> Run:
    """Simulate one strategy on one split; for the ceiling, learn all labels at once."""
    from sklearn.metrics import check_scoring

    rows = Rows(shared.X)
    X, y = rows.take(split.train), shared.y[split.train]
    X_test, y_test = shared.X_test, shared.y_test
    if split.test is not None:
        X_test, y_test = rows.take(split.test), shared.y[split.test]
    learner = clone(template).set_params(random_state=split.seed)
    score = check_scoring(learner, shared.scoring)
    run = Run(shared.dataset, variant, split.repeat, _printed(strategy))
    if strategy is None:
        learner.fit(X, y)
        run.add(learner.pool_.n_labeled, score(learner, X_test, y_test))
        return run
    learner.set_params(strategy=clone(strategy))
    for played in simulate(learner, X, y, seed=split.seed, **shared.simulation):
        run.add(
            played.n_labeled,
            score(learner, X_test, y_test),
            split.train[played.indices],
            (played.seconds_fit, played.seconds_query, played.seconds_bookkeeping),
        )
    return run


def _finished(file: ResultsFile, variants: dict, tasks: list) -> list[Run]:
    """Return the runs of a file that are wanted, refusing those of another strategy."""
    wanted = {(variant, split.repeat) for variant, _, split in tasks}
    runs = [run for run in map(Run.from_json, file.runs) if (run.variant, run.repeat) in wanted]
    for run in runs:
        if run.strategy != _printed(variants[run.variant]):
            raise ValueError(
                f"{str(file.path)!r} holds runs of {run.strategy} under the name "
                f"{run.variant!r}, which is {variants[run.variant]!r} now; give it another name."
            )
    return runs


def _described(template: ActiveLearner) -> str:
    """Return a learner but for its strategy, in full."""
    return _printed(clone(template).set_params(strategy="auto"))


def _printed(value) -> str:
    """Return an object in full, without addresses, so that another process prints the same."""
    text = value.__repr__(N_CHAR_MAX=10**6) if isinstance(value, BaseEstimator) else repr(value)
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)


def _plain(value):
    """Return a number or array of numpy as JSON takes it, anything else as it is."""
    return value.tolist() if isinstance(value, (np.generic, np.ndarray)) else value


def _named(scoring) -> str | None:
    """Return the name of a scorer, the same in every process."""
    if scoring is None or isinstance(scoring, str):
        return scoring
    return getattr(scoring, "__name__", _printed(scoring))


def _test_described(cv, test_size, X_test, y_test) -> str:
    """Return which rows are tested on: how they are chosen, or what they are."""
    if X_test is not None:
        return _digest(X_test, y_test)
    if isinstance(cv, list):
        cv = hashlib.sha256(repr([[part.tolist() for part in pair] for pair in cv]).encode())
        return f"splits {cv.hexdigest()[:16]}"
    return f"cv={_printed(cv)}, test_size={test_size!r}"


def _digest(X, y) -> str:
    """Return a fingerprint of data: labels and at most 256 rows."""
    rows = Rows(check_rows(X))
    positions = np.linspace(0, n_rows(X) - 1, min(n_rows(X), 256)).round().astype(np.intp)
    labels = repr(to_array(y).tolist()).encode()
    return fingerprint(rows, positions)[:16] + hashlib.sha256(labels).hexdigest()[:16]
