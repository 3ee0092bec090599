"""Does it help? Strategies side by side, on the same splits, starts and seeds."""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone, is_classifier

from ..data.labels import sorted_classes
from ..data.multilabel import has_several
from ..data.row_numbers import check_row_numbers
from ..data.rows import Rows
from ..learner.learner import ActiveLearner
from ..learner.several import check_several
from ..learner.starting import missing_label_for, tell_of_minus_ones
from ..loops.cost import CostBudget, check_paid
from ..models import refusal
from ..pool.pool import Pool
from ..strategies import Strategy
from ..strategies.base import FunctionStrategy, check_serves, name_of
from ..strategies.registry import as_strategy, check_labels_per_row
from ..strategies.stream import passes
from ..utils.checks import check_estimator, draw_seed, is_integer, warn
from ..utils.progress import one_by_one
from ..utils.scoring import check_score, score_of
from ..utils.threads import one_thread
from .checkpoints import own_folders
from .comparison import CEILING, Comparison, Run
from .provenance import as_json, digest_of_data, name_of_scoring, printed
from .results import ResultsFile, stored_settings
from .simulation import ON_A_STREAM, SimulatedLearner, simulate
from .splits import Split, check_test, make_splits
from .starts import axis_of, check_simulation, known_labels


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
    annotators=None,
    n_opinions: Any = 1,
    cv=None,
    test_size=None,
    X_test=None,
    y_test=None,
    scoring=None,
    n_jobs=None,
    random_state=None,
    results=None,
    shard=None,
    name: str = "data",
) -> Comparison:
    """Simulate several strategies on known labels, and compare their learning curves.

    In each repeat every strategy sees the same split, the same initial labels and the same seeds,
    so that repeats are paired. Random, margin (where the estimator serves it) and the score with
    all labels, the ceiling, are always among them. The estimator knows all classes from the start,
    so that every score can be computed. A repeat in which a strategy got too few labels to fit the
    estimator, say of one class alone, is left out for all, with a warning.

    Parameters
    ----------
    estimator : estimator or ActiveLearner
        What learns. A learner brings its settings, but for its strategy and its random_state.
    X, y : container of n rows, array-like of shape (n,)
        Rows and their labels; rows without a label are never asked for nor tested on.
    strategies : list of (str, Strategy or callable), or dict of str to these
        What is compared; a dict gives them names.
    budget : int, float or CostBudget
        Number of labels at the end; a float is a share of those in a split. With `annotators`,
        number of answers, over which curves are then drawn. A `loops.CostBudget` says what may be
        spent, and what an answer costs: by annotator, by row of X; curves are over the cost.
    n_instances : int, default=1
        Number of rows asked for in each round.
    n_initial : int, default=None
        Number of labels at the start, as for `SimulatedLearner`.
    initial : "stratified" or array-like of int, default=None
        Rows to start with, as for `SimulatedLearner`; row numbers only with `X_test`, since a
        split may put any row into the test set.
    n_repeats : int, default=None
        Number of repeats. None: 10, or the number of splits of `cv`.
    annotators : dict of str to float, default=None
        People who err, as for `SimulatedLearner`: the same ones for all strategies of a repeat.
        Rows to test on, and the ceiling, have the true labels. None: the true labels.
    n_opinions : float or dict of str to float, default=1
        How many of the annotators are asked about each row; 1.2 is two of one row in five. A dict
        has it by the name of a strategy, 1 for those that it does not name.
    cv : int, cross-validator or iterable, default=None
        Splits, as scikit-learn takes them: an iterable by row numbers of X, the others of the rows
        that have a label. With more repeats than splits they go round again, with other seeds.
    test_size : float or int, default=None
        Share or number of test rows, drawn anew in each repeat, stratified for classifiers. None:
        0.25, unless `cv` or a test set is given.
    X_test, y_test : container of m rows, array-like of shape (m,), default=None
        One test set for all repeats; rows without a label are left out.
    scoring : str, callable or None, default=None
        As scikit-learn takes it; None: the estimator's own score. "f1_micro" serves for several
        labels a row.
    n_jobs : int, default=None
        Number of processes, as joblib takes it. Each computes with one thread, so that results do
        not depend on their number.
    random_state : int or None, default=None
        Seed of all repeats. None: from the operating system, or from the results file.
    results : str or path, default=None
        File to which every finished run is appended, and from which an interrupted comparison
        goes on: runs in it are not simulated again. More repeats and other strategies join them.
    shard : str, default=None
        Which part of the repeats to simulate here, such as "3/16": every sixteenth, from the third
        on. Several machines, or nights, take one each, with a results file of its own, and
        `merge_results` joins these; `random_state` must be given. None: all repeats.
    name : str, default="data"
        Name of the data set, for `Comparison.concat`.

    Returns
    -------
    Comparison
        Curves and statistics.

    Raises
    ------
    TypeError
        If the estimator, a strategy, `cv`, `scoring` or `random_state` is no such thing.
    ValueError
        If parameters do not fit together, or the results file holds another comparison; the
        message names the settings that differ. Nothing has been simulated then. Or if no repeat
        could start.

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
    # Refusals first: a comparison runs for hours, and must not fail at its last strategy.
    template = _template(estimator)
    variants = _variants(strategies, template)
    check_score(template, scoring)
    check_test(cv, test_size, X_test, y_test)
    known = known_labels(template, X, y)
    tell_of_minus_ones(template, y, "a comparison")
    opinions = _opinions(n_opinions, variants)
    for strategy in filter(None, variants.values()):
        if known.multilabel:
            check_several(template, known, strategy)
        else:
            check_labels_per_row(strategy, multilabel=False)
    test = None if X_test is None else _test_set(template, X_test, y_test)
    seed = _seed(random_state, results)
    splits, how = make_splits(
        known,
        cv=cv,
        test_size=test_size,
        given=test is not None,
        n_repeats=n_repeats,
        stratify=is_classifier(template.estimator) and not known.multilabel,
        seed=seed,
    )
    splits = splits if shard is None else _part(splits, shard, random_state)
    simulation = {
        "budget": as_json(budget),
        "n_instances": as_json(n_instances),
        "n_initial": as_json(n_initial),
        "initial": _initial(initial, known, test),
        "annotators": annotators,
    }
    _check_simulations(template, known, splits, simulation, variants, opinions)
    settings = simulation | {
        "budget": printed(budget) if isinstance(budget, CostBudget) else simulation["budget"],
        "annotators": None if annotators is None else printed(annotators),
        "estimator": printed(template),
        "data": digest_of_data(known),
        "test": how if test is None else f"the test set {digest_of_data(test)}",
        "scoring": name_of_scoring(scoring),
        "dataset": name,
        "random_state": seed,
    }
    file = None if results is None else ResultsFile(results, settings)
    shared = _Shared(
        _with_classes(template, known, test), known.X, known.y, test, scoring, name, simulation
    )
    # Split by split, so that what is interrupted has whole repeats.
    tasks = [
        _Task(variant, strategy, opinions[variant], split)
        for split in splits
        for variant, strategy in variants.items()
    ]
    runs = _paired(list(_finished_and_new(shared, tasks, file, n_jobs)))
    return Comparison(runs, list(variants), name_of_scoring(scoring) or "score")


@dataclass(frozen=True)
class _Shared:
    """What all runs have in common; sent to every worker."""

    template: ActiveLearner
    X: Any
    y: np.ndarray
    test: Pool | None
    scoring: Any
    dataset: str
    simulation: dict[str, Any]


class _Task(NamedTuple):
    """One run to make."""

    variant: str
    strategy: Strategy | None  # None: the ceiling
    n_opinions: float
    split: Split

    @property
    def printed(self) -> str:
        """How it asks, in words that are the same in every process."""
        said = printed(self.strategy)
        return said if self.n_opinions == 1 else f"{said}, n_opinions={self.n_opinions:g}"


# What is given


def _template(estimator) -> ActiveLearner:
    """Return a learner around an estimator, or a copy of a learner; its strategy is set later."""
    if isinstance(estimator, SimulatedLearner):
        raise TypeError("estimator is a SimulatedLearner; give its learner, or what that wraps.")
    if not isinstance(estimator, ActiveLearner):
        check_estimator(estimator)
        return ActiveLearner(estimator, "random")
    check_estimator(estimator.estimator)
    return clone(estimator).set_params(strategy="random", random_state=None)


def _variants(strategies, template: ActiveLearner) -> dict[str, Strategy | None]:
    """Return the strategies by name: random, margin, those that are given, the ceiling."""
    variants: dict[str, Strategy | None] = {"random": as_strategy("random")}
    if refusal(template.estimator, "proba", "decision") is None:
        variants["margin"] = as_strategy("margin")
    for name, given in _by_name(strategies).items():
        strategy = as_strategy(given)
        if name == CEILING:
            raise ValueError(f"{name!r} is the name of the ceiling; give {strategy!r} another.")
        if printed(strategy) != printed(variants.get(name, strategy)):
            raise ValueError(
                f"{name!r} stands for {variants[name]!r}; give {strategy!r} another name."
            )
        passes(strategy, None, ON_A_STREAM)
        check_serves(strategy, template.estimator, template.embedding is not None)
        variants[name] = strategy
    return variants | {CEILING: None}


def _by_name(strategies) -> dict[str, Any]:
    """Return what was given as strategies by name; without a name, by how it prints."""
    if isinstance(strategies, dict):
        unnamed = [name for name in strategies if not isinstance(name, str)]
        if unnamed:
            raise TypeError(f"strategies has the name {unnamed[0]!r}; give names as text.")
        return strategies
    if isinstance(strategies, (str, Strategy)) or callable(strategies):
        strategies = [strategies]
    named: dict[str, Any] = {}
    for given in strategies:
        strategy = as_strategy(given)
        is_function = isinstance(strategy, FunctionStrategy)
        name = name_of(strategy) if is_function else printed(strategy)
        name = given if isinstance(given, str) else name
        if name in named:
            raise ValueError(f"{name} is among the strategies twice; give a dict with names.")
        named[name] = given
    return named


def _test_set(template: ActiveLearner, X, y) -> Pool:
    """Return the test rows with their labels."""
    several = {}
    if has_several(template.multilabel, None):
        several = {"multilabel": True, "classes": template.classes}
    test = Pool(X, y, missing_label=missing_label_for(template), **several)
    if test.n_labeled == 0:
        raise ValueError("y_test has no label; give the true label of at least one row.")
    return test


def _seed(random_state, results) -> int:
    """Return the seed of all repeats: as given, of the results file, or a new one."""
    if random_state is None:
        stored = None if results is None else stored_settings(results)
        return draw_seed(None) if stored is None else stored["random_state"]
    if not is_integer(random_state):
        raise TypeError(
            f"random_state is {random_state!r}; a comparison that can be repeated needs an "
            f"integer, or None."
        )
    if random_state < 0:
        raise ValueError(f"random_state is {random_state}; give an integer of at least 0.")
    return int(random_state)


def _part(splits: list[Split], shard, random_state) -> list[Split]:
    """Return every n-th repeat, as `shard` says: "k/n"."""
    found = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", shard) if isinstance(shard, str) else None
    k, n = map(int, found.groups()) if found else (1, 0)
    if k > n:
        raise ValueError(
            f"shard is {shard!r}; give a part and the number of parts, such as '3/16'."
        )
    if random_state is None:
        raise ValueError(
            f"shard={shard!r} needs a random_state that all parts share; give the same integer to "
            f"each."
        )
    if not splits[k - 1 :: n]:
        raise ValueError(
            f"shard={shard!r} has none of {len(splits)} repeats; give at most {len(splits)} parts."
        )
    return splits[k - 1 :: n]


def _initial(initial, known: Pool, test: Pool | None) -> str | list[int] | None:
    """Return the rows to start with as JSON takes them."""
    if initial is None or isinstance(initial, str):
        return initial
    if test is None:
        raise ValueError(
            "initial lists rows, which a split may put among those to test on; give X_test and "
            "y_test, initial='stratified', or None."
        )
    return check_row_numbers(initial, len(known), who="initial").tolist()


def _opinions(n_opinions, variants: dict[str, Strategy | None]) -> dict[str, float]:
    """Return of how many people each strategy asks the opinion."""
    if not isinstance(n_opinions, dict):
        return dict.fromkeys(variants, n_opinions)
    names = [name for name in variants if name != CEILING]
    unknown = [name for name in n_opinions if name not in names]
    if unknown:
        raise ValueError(
            f"n_opinions names {unknown[0]!r}, which is none of the strategies {names}; give some "
            f"of these names."
        )
    return dict.fromkeys(variants, 1.0) | n_opinions


def _check_simulations(
    template, known: Pool, splits: list[Split], simulation: dict, variants: dict, opinions: dict
) -> None:
    """Refuse now what the simulation of a split would refuse."""
    learner, budget = clone(template), simulation["budget"]
    if isinstance(budget, CostBudget):
        budget.check(Pool(np.zeros((len(known), 1))))
        check_paid(budget, simulation["annotators"] or [None])
    for split in splits:
        oracle = known_labels(template, split.train, known.y[split.train])
        for name, strategy in variants.items():
            if strategy is not None:
                learner.set_params(strategy=strategy)
                said = simulation | {"n_opinions": opinions[name], "seed": split.seed}
                check_simulation(learner, oracle, **said)


def _with_classes(template: ActiveLearner, known: Pool, test: Pool | None) -> ActiveLearner:
    """Return the learner with all classes named, so that it can be scored from the start."""
    if template.classes is not None or not is_classifier(template.estimator):
        return template
    labels = [known.y_labeled] + ([] if test is None else [test.y_labeled])
    return clone(template).set_params(classes=sorted_classes(np.concatenate(labels)))


# Runs


def _finished_and_new(
    shared: _Shared, tasks: list[_Task], file: ResultsFile | None, n_jobs
) -> Iterator[Run]:
    """Yield the runs in the file, then the others as they finish and join the file."""
    from joblib import Parallel, delayed

    done = set()
    for run in [] if file is None else _finished(file, tasks):
        done.add((run.variant, run.repeat))
        yield run
    tasks = [task for task in tasks if (task.variant, task.split.repeat) not in done]
    calls = (delayed(_made)(shared, task) for task in tasks)
    # Closing ends the workers on Ctrl-C.
    with closing(Parallel(n_jobs=n_jobs, return_as="generator_unordered")(calls)) as runs:
        for run in one_by_one(runs, len(tasks), "comparing", " runs"):
            if file is not None:
                file.append(asdict(run))
            yield run


def _finished(file: ResultsFile, tasks: list[_Task]) -> list[Run]:
    """Return the runs of a file that are wanted, refusing those of another strategy."""
    wanted = {(task.variant, task.split.repeat): task.printed for task in tasks}
    runs = [Run(**stored) for stored in file.runs]
    runs = [run for run in runs if (run.variant, run.repeat) in wanted]
    for run in runs:
        now = wanted[run.variant, run.repeat]
        if run.strategy != now:
            raise ValueError(
                f"{str(file.path)!r} holds runs of {run.strategy} under the name "
                f"{run.variant!r}, which is {now} now; give it another name."
            )
    return runs


def _paired(runs: list[Run]) -> list[Run]:
    """Leave out, for all strategies, repeats in which a run could not start, and say so."""
    failed = sorted((run.repeat, run.variant, run.failed) for run in runs if run.failed)
    if not failed:
        return runs
    repeats = sorted({repeat for repeat, _, _ in failed})
    kept = [run for run in runs if run.repeat not in repeats]
    repeat, variant, said = failed[0]
    if not kept:
        raise ValueError(f"no repeat could start; in repeat {repeat}, of {variant!r}: {said}")
    warn(
        f"left out for all strategies: {len(repeats)} of the {len({run.repeat for run in runs})} "
        f"repeats, in which a run could not start; in repeat {repeat}, of {variant!r}: {said}"
    )
    return kept


def _made(shared: _Shared, task: _Task) -> Run:
    """Simulate one strategy on one split; for the ceiling, learn all labels at once."""
    strategy, split = task.strategy, task.split
    learner = clone(shared.template).set_params(random_state=split.seed)
    rows, test = Rows(shared.X), shared.test
    X, y = rows.take(split.train), shared.y[split.train]
    if test is None:
        held_out = rows.take(split.test), shared.y[split.test]
    else:
        held_out = test.X_labeled, test.y_labeled
    run = Run(shared.dataset, task.variant, split.repeat, task.printed)
    run.n_train, run.n_test = split.n_train, 0 if split.test is None else len(split.test)
    # Sums by another number of threads have other last digits.
    with one_thread(), own_folders(learner.estimator):
        if strategy is None:
            learner.fit(X, y)
            run.add(learner.pool_.n_labeled, _test_score(shared, run, learner, held_out))
            return run
        learner.set_params(strategy=clone(strategy))
        budget = shared.simulation["budget"]
        run.axis = axis_of(budget, shared.simulation["annotators"])
        how = shared.simulation | {"n_opinions": task.n_opinions, "seed": split.seed}
        if isinstance(budget, CostBudget):
            how["budget"] = budget.of_rows(split.train)
        rounds = simulate(learner, X, y, **how)
        try:
            first = next(rounds)
        except ValueError as error:  # too few labels for the estimator, say of one class
            run.failed = str(error)
            return run
        for played in chain([first], rounds):
            seconds = (played.seconds_fit, played.seconds_query, played.seconds_bookkeeping)
            score = _test_score(shared, run, learner, held_out)
            run.add(played.n_labeled, score, split.train[played.indices], seconds, played.spent)
    return run


def _test_score(
    shared: _Shared, run: Run, learner: ActiveLearner, held_out: tuple[Any, Any]
) -> float:
    """Return the score of a learner on the test rows, refusing NaN."""
    score = score_of(learner, *held_out, scoring=shared.scoring)
    if np.isnan(score):
        raise ValueError(
            f"the score of {run.variant!r} is NaN with {learner.pool_.n_labeled} labels, in "
            f"repeat {run.repeat}; give another scoring=, or more rows to test on."
        )
    return score
