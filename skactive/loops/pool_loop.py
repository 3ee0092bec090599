"""The loop over a pool: ask, have it answered, learn."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sklearn.base import is_regressor

from ..data.labels import (
    AUTO,
    check_order,
    encode,
    folded,
    merge_dtype,
    missing_mask,
    named_classes,
    parse,
    sorted_classes,
    to_array,
)
from ..data.rows import one_row
from ..learner.learner import ActiveLearner
from ..learner.questions import check_again, check_has_pool, n_questions_left, n_tests_left
from ..learner.starting import cold_query, tell_of_minus_ones
from ..learner.teaching import Lesson, OfRows, Teacher, record
from ..learner.trainer import is_stale, train
from ..strategies.base import asks_again
from ..strategies.stream import passes
from ..utils.checks import check_callback, check_n_instances, check_name, check_path, warn
from ..utils.progress import progress
from .cost import CostBudget, check_paid
from .crowd import Crowd, WhoAnswers
from .oracles import Command, Known, Prompt, answer_of
from .stopping import Budget, StoppingRule, as_rule, n_to_ask

MOST_FAILED = 3  # rounds in a row, the last of which raises


def run(
    learner: ActiveLearner,
    oracle,
    *,
    n_instances: int = 1,
    stopping: StoppingRule | int | None = None,
    callback: Callable[[ActiveLearner], Any] | None = None,
    annotator: str | None = None,
    n_opinions: float = 1,
    whom: WhoAnswers | None = None,
    save: Any = None,
) -> ActiveLearner:
    """Ask and learn until a rule says stop, or no row is left.

    Labels are recorded as they come, so that no interruption loses any. While the estimator raises
    ValueError, as one does that needs more labels of each class, a warning says what it said, and
    asking goes on: by the last model that could be fitted, else by the learner's `cold_start`. The
    third round in a row that fails raises the error. Those of a stopping rule itself pass on.

    Parameters
    ----------
    learner : ActiveLearner
        Fitted on its pool; it learns in place.
    oracle : Known, Prompt, callable, or dict of these by name
        Who answers. A callable takes the rows and returns one label for each, the missing label
        where it cannot tell. Of several people, but for `Prompt`, nobody is asked twice about a
        row; a strategy that asks again gets an answer of somebody else.
    n_instances : int, default=1
        How many rows to ask for in each round.
    stopping : StoppingRule or int, default=None
        When to stop; a number stands for `Budget` of so many labels to learn from, and where
        several people are asked for `CostBudget` of so many answers. None: when no row is left.
        Where rows are held out, questions to test on come besides: of 100 answers
        ``100 * hold_out``.
    callback : callable, default=None
        Called with the learner after each round, also where its estimator could not be fitted.
    annotator : str, default=None
        Who answers; kept in the pool's history. Of several people, the dict has their names.
    n_opinions : float, default=1
        How many of several people are asked about each row; 1.2 is two of one row in five, and one
        of the others: those that ``query(overlap=0.2)`` asks for.
    whom : callable, default=None
        Who is asked: ``(pool, rows) -> names for each row``, best first, such as
        `Pool.query_annotators`. None: one after the other, in the order of the dict.
    save : str or path, default=None
        A file for the pool. One whose name ends in .db must be new, or the pool's own: the pool
        writes through it from here on, so that whoever is killed loses no answer (`Pool.open`).
        Another is written after each round (`Pool.save`).

    Returns
    -------
    ActiveLearner
        The learner that was given.

    Raises
    ------
    TypeError
        If the learner is no ActiveLearner, the oracle nothing that answers, `stopping` no rule,
        the callback no function, or the annotator no text.
    NotFittedError
        If the learner has no pool yet.

    Notes
    -----
    A person who quits, or presses Ctrl-C at the prompt, ends the loop; the answers so far are
    learned. Ctrl-C in a callable oracle is raised, as is any error there; the labels of all
    earlier rounds are in the pool, and learned.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skactive import ActiveLearner, Known, run
    >>> X, truth = load_iris(return_X_y=True)
    >>> learner = ActiveLearner(LogisticRegression(max_iter=500), random_state=0).fit(X)
    >>> run(learner, Known(truth), n_instances=5, stopping=30).pool_
    Pool(150 rows: 30 labelled, 120 unlabelled, 0 reserved, 0 skipped)
    """
    if not isinstance(learner, ActiveLearner):
        raise TypeError(f"run got {learner!r}; give an ActiveLearner that is fitted on its pool.")
    check_has_pool(learner, "run")
    passes(learner.strategy_, None)
    n_instances = check_n_instances(None, n_instances)
    rule = as_rule(stopping)
    if isinstance(oracle, Mapping) and isinstance(rule, Budget) and rule is not stopping:
        rule = CostBudget(rule.n_labels)
    if isinstance(oracle, Known):
        oracle = oracle.of_pool(learner.pool_)
    check_callback(callback)
    check_name(annotator, "run")
    crowd = _crowd_of(learner, oracle, annotator, n_opinions, whom)
    check_paid(rule, [annotator] if crowd is None else crowd.answers)
    answer = None if isinstance(oracle, Prompt) or crowd is not None else answer_of(oracle)
    if save is not None:
        check_path(save, "save", "run", "save='pool.db'")
    if isinstance(oracle, Known):
        if oracle.given is not None:
            check_order(oracle.given, learner.pool_.rows.index(), who="run")
        if learner.pool_.n_doubtful(oracle.y):
            parse(oracle.y, missing_label=AUTO)  # refused before any label is asked for
        tell_of_minus_ones(learner, oracle.y, "run")
    if rule is not None:  # which may refuse, so before the pool takes any classes
        rule.start(learner)
    if isinstance(oracle, Prompt) and oracle.classes is not None:
        _agree_on_classes(learner, oracle.classes)
    rounds = _Rounds(learner, rule, callback, crowd)
    if save is not None:
        from ..pool.opening import kept_up  # most loops need no database

        rounds.save = kept_up(learner.pool_, save)
    questions = rounds.questions(n_instances)
    if isinstance(oracle, Prompt):
        _Conversation(learner, oracle, rule, annotator).hold(questions, rounds)
        return learner
    for indices, rows in progress(questions, _n_to_go(learner, rule), "asking"):
        if crowd is not None:
            crowd.teach(learner, indices)
        elif answer is not None:
            learner.teach(indices, answer(indices, rows), refit=False, annotator=annotator)
        rounds.learn()
    return learner


def _crowd_of(learner: ActiveLearner, oracle, annotator, n_opinions, whom) -> Crowd | None:
    """Return several people who answer; None for one, refusing what is about several."""
    if isinstance(oracle, Mapping):
        if annotator is not None:
            raise ValueError(
                f"run got annotator={annotator!r} and several people, whose names the dict has; "
                f"leave it out."
            )
        return Crowd(oracle, learner.pool_, n_opinions, whom)
    if asks_again(learner.strategy_):
        check_again(learner.strategy_, learner.pool_)
        raise ValueError(
            f"run got one oracle and {learner.strategy_!r}, which asks for other people's opinions "
            f"on labelled rows; give several by name: run(learner, {{'ann': ..., 'ben': ...}})."
        )
    if n_opinions != 1 or whom is not None:
        got = f"n_opinions={n_opinions!r}" if n_opinions != 1 else "whom="
        raise ValueError(
            f"run got {got} and one oracle; give several by name: run(learner, {{'ann': ..., "
            f"'ben': ...}})."
        )
    return None


class _Rounds:
    """Asks and trains a learner, and bears with an estimator that cannot work yet."""

    def __init__(
        self, learner: ActiveLearner, rule: StoppingRule | None, callback, crowd: Crowd | None
    ):
        self.learner, self.rule, self.callback, self.crowd = learner, rule, callback, crowd
        self.save: Callable[[], None] = lambda: None
        self.n_failed = 0  # rounds in a row
        self.has_failed = False  # the round that runs

    def questions(self, n_instances: int) -> Iterator:
        """Yield (number of rows, what `query` returned) until it is time to stop."""
        learner = self.learner
        while most := min(n_instances, self.n_open()):
            self.has_failed = False
            n = None
            try:
                n = self._n_to_ask(most)
                question = self._ask(n) if n > 0 else None
            except ValueError as error:
                # Without an estimator nothing but the cold start was asked; a rule may ask it, or
                # raise an error of its own.
                if not hasattr(learner, "estimator_") or (n is None and _can_answer(learner)):
                    raise
                self._bear(error, "could not answer")
                n = min(most, _n_to_go(learner, self.rule))
                question = cold_query(learner, n) if n > 0 else None
            if question is None or len(question[0]) == 0:  # limits may leave no row
                return
            yield len(question[0]), question

    def n_open(self) -> int:
        """Return how many rows may be asked for."""
        to_test = n_tests_left(self.learner)
        if self.crowd is None:
            return self.learner.pool_.n_unlabeled + to_test
        return int(self.crowd.open_mask(self.learner).sum()) + to_test

    def _n_to_ask(self, most: int) -> int:
        """Return how many rows to ask for: each costs an answer, or several."""
        n_each = 1
        if self.crowd is not None and isinstance(self.rule, CostBudget):
            n_each = self.crowd.n_opinions
        return -(-n_to_ask(self.rule, self.learner, most * n_each) // n_each)

    def _ask(self, n: int) -> tuple:
        """Ask for n rows."""
        if self.crowd is None:
            return self.learner.query(n_instances=n)
        return self.crowd.ask(self.learner, n)

    def learn(self) -> None:
        """Train the learner on what was answered; call the callback whatever comes of that."""
        error = None
        try:
            if is_stale(self.learner):
                train(self.learner)
        except ValueError as failure:
            error = failure
        finally:
            self.save()
            if self.callback is not None:
                self.callback(self.learner)
        if error is not None:
            self._bear(error, "could not be fitted")
        elif not self.has_failed:
            self.n_failed = 0

    def _bear(self, error: ValueError, what: str) -> None:
        """Say what the estimator said, or raise it in the last round that may fail."""
        if not self.has_failed:
            self.n_failed += 1
        self.has_failed = True
        if self.n_failed == MOST_FAILED:
            raise error
        name, n = type(self.learner.estimator).__name__, self.learner.pool_.n_labeled
        warn(f"{name} {what} with {n} labels, and is tried again after the next ones: {error}")


def _can_answer(learner: ActiveLearner) -> bool:
    """Whether a learner's estimator says something of a row."""
    row = learner.pool_.rows.take([0])
    try:
        learner.predict(row)
        if hasattr(learner, "predict_proba"):
            learner.predict_proba(row)
    except ValueError:
        return False
    return True


def _agree_on_classes(learner: ActiveLearner, given) -> None:
    """Let a pool take the classes of a prompt, and those that it has, and no others from now on."""
    pool = learner.pool_
    if is_regressor(learner.estimator):
        return
    if pool.multilabel:
        names = pool.classes.tolist()
        if sorted(map(str, to_array(given).tolist())) != sorted(map(str, names)):
            raise ValueError(
                f"Prompt(classes=) names {to_array(given).tolist()}, where rows have the labels "
                f"{names}; name these, in any order."
            )
        return
    named = named_classes(given, missing_label=pool.missing_label)
    known = sorted_classes(pool.y_labeled) if pool.classes is None else pool.classes
    if len(known):
        merge_dtype(known.dtype, named.dtype)
    if pool.classes is not None:
        new = named[encode(named, known) == -1].tolist()
        if new:
            raise ValueError(
                f"Prompt(classes=) names {new[0]!r}, which the learner's classes= does not; name "
                f"it there too, or leave it out."
            )
        return
    by_folded = {folded(name): name for name in named.tolist()}
    for label in set(known.tolist()) - set(named.tolist()):
        if folded(label) in by_folded:  # a slip, in the table that the labels came from
            row = pool.labeled[pool.y_labeled == label][0]
            raise ValueError(
                f"row {row} has the label {label!r}, where Prompt(classes=) names "
                f"{by_folded[folded(label)]!r}; relabel such rows, or name both."
            )
    pool.name_classes([*named.tolist(), *known.tolist()])


def _n_to_go(learner: ActiveLearner, rule: StoppingRule | None) -> int:
    """Return the most rows that may still be asked for, those to test on included."""
    left = math.inf if rule is None else rule.n_left(learner)
    if left >= learner.pool_.n_unlabeled:
        return learner.pool_.n_unlabeled + n_tests_left(learner)
    return n_questions_left(learner, int(left))


def _said_so_far(pool) -> str:
    """Return how many answers there are, by what they are for, as a prompt shows it."""
    said = f"{pool.n_labeled} labelled"
    return said if pool.hold_out is None else f"{said}, {_n_tests(pool)} to test on"


def _label_of(pool, row: int) -> Any:
    """Return the label of a row, on whichever side it is; None: it has none."""
    if pool.labeled_mask[row]:
        label = pool.y[[row]]
    elif pool.held_out_mask[row]:
        label = pool.y_held_out[pool.held_out == row]
    else:
        return None
    if pool.multilabel:
        is_known, names = label[0, 0] != -1, pool.classes
        return names[label[0] == 1].tolist() if is_known else None
    return None if missing_mask(label, pool.missing_label)[0] else label.tolist()[0]


def _n_tests(pool) -> int:
    """Return how many test rows have a label."""
    answers = pool.test_answers()
    return len(answers.rows) + answers.n_waiting


class _Conversation:
    """Ask a person row by row; every answer is recorded at once, and can be taken back."""

    def __init__(self, learner: ActiveLearner, prompt: Prompt, rule, annotator: str | None):
        self.learner, self.prompt, self.rule, self.annotator = learner, prompt, rule, annotator
        self.given: list[int] = []  # rows answered so far, for undo
        self.names: list = []  # classes, in an order that keeps their keys

    def hold(self, questions: Iterator, rounds: _Rounds) -> None:
        """Ask and learn batch by batch, until the person quits or there are no more questions."""
        pool = self.learner.pool_
        for _, (indices, _) in questions:
            # The fit comes after the batch: after each answer the person would have to wait.
            goes_on = self._ask_each(indices.tolist())
            n_operations = pool.n_operations
            rounds.learn()
            if pool.n_operations > n_operations:
                self.given.clear()  # undo would revert what the callback did
            if not goes_on:
                break
        print(f"\n{pool!r}")
        if pool.hold_out is not None:
            n, n_tests = pool.n_labeled, _n_tests(pool)
            print(f"{n + n_tests} labels in all: {n} to learn from, {n_tests} to test on")

    def _ask_each(self, waiting: list[int]) -> bool:
        """Ask for each row of a batch; return whether to go on."""
        pool = self.learner.pool_
        while waiting:
            row = waiting[0]
            to_go = _n_to_go(self.learner, self.rule)
            print(f"\nRow {self._name(row)}: {_said_so_far(pool)}, at most {to_go} to go")
            shown = time.monotonic()
            try:
                said = self.prompt.ask(one_row(pool.rows.take([row]), 0), **self._expected())
            except KeyboardInterrupt:
                print()  # the terminal shows ^C, without a new line
                return False
            if said is Command.QUIT:
                return False
            if said is Command.UNDO:
                self._take_back(waiting)
            elif self._record(row, None if said is Command.SKIP else said, shown):
                self.given.append(waiting.pop(0))
        return True

    def _record(self, row: int, label, shown: float) -> bool:
        """Record an answer; return whether the pool takes it, and tell the person why if not."""
        seconds = round(time.monotonic() - shown, 2)
        try:
            record(self.learner, lambda teacher: self._lesson(teacher, row, label, seconds))
        except ValueError as error:
            print(error)
            return False
        return True

    def _lesson(self, teacher: Teacher, row: int, label, seconds: float) -> Lesson:
        """Plan an answer, as `teach` does, with how long it took."""
        lesson = teacher.lesson([row], [label], None, False, self.annotator, {}, OfRows())
        change: Any = lesson.change
        notes = {0: (seconds, None)} if len(change.rows) else {}
        return lesson._replace(change=change._replace(notes=notes))

    def _take_back(self, waiting: list[int]) -> None:
        """Undo the last answer; its row is asked for again, before those that wait."""
        if not self.given:
            print("There is nothing to undo.")
            return
        pool = self.learner.pool_
        row = self.given.pop()
        label = _label_of(pool, row)
        was = "skipped" if label is None else repr(label)
        pool.undo()
        print(f"Row {self._name(row)} was {was}; once more.")
        waiting.insert(0, row)

    def _name(self, row: int) -> Any:
        """Return what the person knows a row by: its id, which the row itself need not show."""
        ids = self.learner.pool_.ids
        return row if ids is None else ids[row]

    def _expected(self) -> dict[str, Any]:
        """Return what the person may say, as parameters of `Prompt.ask`."""
        pool = self.learner.pool_
        if is_regressor(self.learner.estimator):
            return {"numbers": True}
        if pool.multilabel:
            return {"classes": pool.classes, "multilabel": True}
        if pool.classes is not None:  # sorted, where the learner's may have an order of their own
            given = self.learner.classes
            is_given = given is not None and set(given) == set(pool.classes.tolist())
            return {"classes": given if is_given else pool.classes, "new": False}
        seen = sorted_classes(pool.y_labeled).tolist()
        # In the order in which they came: a class that sorts first would shift all others' keys.
        still = [name for name in self.names if name in seen]
        self.names = still + [name for name in seen if name not in still]
        if pool.y_labeled.dtype.kind != "O":
            self.names = seen  # numbers have no keys
        return {"classes": self.names}
