"""Active learning in Label Studio: its people label, and the learner says what comes next."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_regressor

from ..data.labels import to_array
from ..data.rows import n_rows, one_row
from ..learner.questions import check_has_pool
from ..learner.starting import cold_query
from ..learner.trainer import is_stale, train
from ..pool.durable import DurableLedger
from ..pool.opening import is_kept_in, kept_up
from ..utils.checks import check_callback, check_path, checked_count, checked_number
from ..utils.locks import held
from .added import Added
from .label_studio_client import Client, NotDone, Unreachable
from .label_studio_order import Order
from .label_studio_tasks import answers_in, label_config, task_data
from .opinions import CANNOT_TELL, ROW, Answer, Form, data_of, shown_key
from .reconciling import bring

_TASKS_AT_ONCE = 500
_SHOWN_AT_ONCE = 50  # of what a function shows, such as whole images
_MARGIN = 5.0  # seconds: what was changed together need not become visible in that order
_LONGEST_PAUSE = 60.0
_MOST_FAILED = 5  # imports of the same rows, of which none came
_NAME = re.compile(r"""\sname\s*=\s*["']([^"']*)""")  # of a control, in a labelling interface


class Progress(NamedTuple):
    """What a look at the server brought, and what there is now."""

    n_new: int  # rows of which something else is said than before
    n_labeled: int  # to learn from
    n_left: int  # rows that may still be asked for
    version: str | None  # of the predictions that order the tasks
    notes: tuple[str, ...]  # what is to be known, in sentences

    def __str__(self) -> str:
        said = f"{self.n_labeled} labelled, {self.n_left} left"
        return "; ".join([said, *self.notes])


class LabelStudio:
    """A project of Label Studio whose tasks are served in the order of a learner's strategy.

    The pool's rows become tasks, what people say of these is recorded in the pool's file as it
    comes, and after each answer the learner learns and the next batch is put in order. All of it
    can be ended anywhere and begun again: what is there already is found on the server and in the
    file.

    Parameters
    ----------
    learner : ActiveLearner
        Fitted on a pool. Its strategy says what comes next, its `hold_out` which rows are to test
        on, mixed with the others.
    url : str
        Address of the server.
    project : int or str, default=None
        Number of a project, or the title of one, which is made if it is not there. None: the name
        of the pool's file.
    token : str
        A personal access token, from the server's account page.
    store : path, default=None
        A new file for a pool in memory; None: the pool has one (`Pool.open`).
    classes : array-like, default=None
        Labels to choose among, in their order. None: those of the pool, or of the learner.
    show : callable, default=None
        What annotators see of a row: ``row -> str or dict``. None: its text, its columns, or the
        address of its image.
    rows : callable, default=None
        Makes rows of what was added in Label Studio: ``list of dicts -> container``. None: as is
        done for text and frames; others are told of and left.
    label, comment : str, default=None
        Names of the controls of a project of yours. None: the only ones that may be meant.
    n_instances : int, default=20
        How many tasks are put in order.
    spares : int, default=20
        How many more, for who is quicker than the learner.
    refit_after : int, default=1
        After how many answers the learner learns.
    timeout : float, default=120
        Seconds to wait for an answer of the server.

    Raises
    ------
    ValueError
        If the pool is in memory and no store is given, if there are no classes to choose among, or
        others than the pool's, or if something is no address, no token or no number.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skactive import ActiveLearner, Pool
    >>> from skactive.annotate import LabelStudio
    >>> learner = ActiveLearner(LogisticRegression()).fit([[0.0], [1.0]], [0, 1])
    >>> LabelStudio(learner, "127.0.0.1:8080", token="...", store="labels.db")
    Traceback (most recent call last):
    ...
    ValueError: LabelStudio got url='127.0.0.1:8080'; write the address of the server, such as
    'http://127.0.0.1:8080'.
    """

    def __init__(
        self,
        learner: Any,
        url: str,
        project: int | str | None = None,
        *,
        token: str,
        store: Any = None,
        classes: Any = None,
        show: Callable[[Any], Any] | None = None,
        rows: Callable[[list[dict]], Any] | None = None,
        label: str | None = None,
        comment: str | None = None,
        n_instances: int = 20,
        spares: int = 20,
        refit_after: int = 1,
        timeout: float = 120.0,
    ) -> None:
        check_has_pool(learner, "LabelStudio")
        self.n_instances = checked_count(n_instances, "n_instances", "LabelStudio")
        self.spares = checked_count(spares, "spares", "LabelStudio", least=0)
        self.refit_after = checked_count(refit_after, "refit_after", "LabelStudio")
        timeout = checked_number(timeout, "timeout", "LabelStudio", 0, is_open=True)
        for name, given in (("show", show), ("rows", rows)):
            if given is not None and not callable(given):
                raise TypeError(f"LabelStudio got {name}={given!r}; give a function.")
        self.client = Client(url, token, timeout=timeout)
        self.learner, self.show, self.label, self.comment = learner, show, label, comment
        self.form = _form_of(learner, classes)
        self.pool = _durable(learner.pool_, store)
        self.wanted, self.project = project, 0  # what was asked for, and its number
        self.left: dict[tuple[int, str | None], str] = {}  # what could not be recorded, and why
        self._added = Added(learner, rows)
        self._people: dict[int, str] = {}
        self._forget()
        self._failed: str | None = None  # what the estimator says that cannot be fitted yet
        self._order = Order(self.client)
        self.planned: list[int] = []  # tasks that come next, in order
        self._n_waiting = 0  # rows of which something else is said since the learner learned

    def _forget(self) -> None:
        """Forget what is known of the server's tasks, which are read again."""
        self._row_of: dict[int, int] = {}  # of tasks
        self._tasks_of: dict[int, list[int]] = {}  # of rows; somebody may have made it twice
        self._said: dict[int, list[Answer]] = {}  # in tasks
        self._heard: dict[int, None] = {}  # rows of which this is not recorded yet
        self._updated: dict[int, str] = {}  # when tasks were changed last
        self._newest: str | None = None

    # The loop

    def follow(
        self,
        *,
        once: bool = False,
        every: float = 1.0,
        callback: Callable[[Progress], Any] | None = None,
    ) -> Progress:
        """Follow what people say, learn it, and put the next tasks in order, until Ctrl-C.

        While the server cannot be reached, it is tried again.

        Parameters
        ----------
        once : bool, default=False
            Whether to do all that is to be done now, and return.
        every : float, default=1
            Seconds between two looks.
        callback : callable, default=None
            Called with a `Progress` after the first look, and whenever there is something new.

        Returns
        -------
        Progress
            As after the last look.

        Raises
        ------
        ConnectionError
            If the server cannot be reached at the start.
        ValueError
            If several projects have the title, or the project has no such control.
        NotDone
            If the server refuses something (`skactive.annotate.label_studio_client`).
        BlockingIOError
            If somebody follows a project over this file already.
        """
        every = checked_number(every, "every", "follow", 0)
        check_callback(callback)
        path = self.pool.ledger.store.path

        def refusal(who: str) -> str:
            return f"{path!r} is followed in Label Studio already, by {who}; end that one first."

        # Two would make tasks twice, and put each other's out of order.
        with held(f"{path}.label-studio", refusal):
            return self._followed(once, every, callback or (lambda progress: None))

    def _followed(self, once: bool, every: float, told: Callable[[Progress], Any]) -> Progress:
        last = self.start()
        told(last)
        pause = every
        try:
            while not once:
                time.sleep(pause)
                try:
                    now, pause = self.look(), every
                except Unreachable as error:
                    now = last._replace(n_new=0, notes=(str(error),))
                    pause = min(max(2 * pause, 1.0), _LONGEST_PAUSE)
                if now.n_new or now.notes != last.notes:
                    told(now)
                last = now
        except KeyboardInterrupt:  # what was read is recorded, and the server keeps its order
            pass
        return last

    def start(self) -> Progress:
        """Find the project or make it, bring tasks and answers up to date, put tasks in order."""
        self._people = self.client.people()
        found = self._found_project()
        self._check_controls(found)
        self.project = found["id"]
        is_ordered = found.get("sampling") == "Uncertainty sampling"
        if not is_ordered or found.get("show_collab_predictions") is not False:
            # It empties model_version, and so comes first.
            settings = {"sampling": "Uncertainty sampling", "show_collab_predictions": False}
            self.client.change_project(self.project, **settings)
        self._forget()
        self.planned = []
        n_new = self._read_tasks()
        self._import(self._rows_to_ask())
        self._learn()
        self._publish()
        return self._progress(n_new)

    def look(self) -> Progress:
        """Read what changed on the server; learn and put tasks in order, if it is time."""
        n_new = self._read_tasks(self._newest)
        self.pool.refresh()
        self._n_waiting += n_new
        # Towards the end the plan is shorter than the spares: then its first task counts.
        n_first = max(len(self.planned) - self.spares, 1)
        is_used_up = not any(map(self._is_open, self.planned[:n_first]))
        if self._n_waiting >= self.refit_after or (is_used_up and self.planned):
            self._learn()
            self._publish()
        return self._progress(n_new)

    def _is_open(self, task: int) -> bool:
        return not self._said.get(task)

    def _progress(self, n_new: int) -> Progress:
        pool = self.pool
        version = self._order.version if self.planned else None
        notes = [f"not recorded: {why}" for why in list(self.left.values())[:3]]
        notes += [f"and {len(self.left) - 3} more"] * (len(self.left) > 3)
        notes += [f"not fitted yet: {self._failed}"] * (self._failed is not None)
        notes += self._added.notes
        return Progress(n_new, pool.n_labeled, len(self._rows_to_ask()), version, tuple(notes))

    def row_of(self, task: int) -> int:
        """Return the row that a task is of."""
        return self._row_of[task]

    # The project and its tasks

    def _found_project(self) -> dict[str, Any]:
        wanted = self.wanted
        if isinstance(wanted, int):
            return self.client.project(wanted)
        if wanted is None:
            path = self.pool.ledger.store.path.replace("\\", "/")
            wanted = f"skactive {path.rpartition('/')[2].rpartition('.')[0]}"
        found = self.client.projects_called(wanted)
        if len(found) > 1:
            numbers = ", ".join(str(each["id"]) for each in found)
            raise ValueError(
                f"LabelStudio got project={wanted!r}, which {len(found)} projects are called; give "
                f"the number of one of them: {numbers}."
            )
        if found:
            return self.client.project(found[0]["id"])
        return self.client.make_project(wanted, label_config(self.form, self._shown_key()))

    def _check_controls(self, project: Mapping[str, Any]) -> None:
        """Refuse names of controls that a project lacks: no answer would ever be read from them."""
        names = _NAME.findall(project.get("label_config") or "")
        for what in ("label", "comment"):
            wanted = getattr(self, what)
            if wanted is not None and wanted not in names:
                shown = ", ".join(map(repr, names)) or "none"
                raise ValueError(
                    f"LabelStudio got {what}={wanted!r}, which is no control of project "
                    f"{project['id']}; give one of {shown}, or leave {what} out."
                )

    def _shown_key(self) -> str:
        """Return what of a task's data is shown."""
        return shown_key(self._data([0])[0])

    def _data(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """Return what is shown of rows."""
        taken = self.pool.rows.take(np.array(rows, dtype=np.int64))
        if self.show is None:
            return data_of(taken)
        shown = [self.show(one_row(taken, at)) for at in range(n_rows(taken))]
        return [dict(each) if isinstance(each, Mapping) else {"text": each} for each in shown]

    def _rows_to_ask(self) -> np.ndarray:
        """Return the rows that nobody has answered, on both sides."""
        pool = self.pool
        tests = pool.test_questions(self.learner.max_test)
        return np.append(pool.unlabeled, tests)

    def _import(self, rows: Iterable[int]) -> None:
        """Make tasks of those rows that have none."""
        missing = [row for row in map(int, rows) if row not in self._tasks_of]
        n_failed = 0
        while missing:
            some = missing[: _TASKS_AT_ONCE if self.show is None else _SHOWN_AT_ONCE]
            data = [
                task_data(self._id_of(row), each)
                for row, each in zip(some, self._data(some), strict=True)
            ]
            try:
                tasks = self.client.import_tasks(self.project, data)
            except Unreachable:
                # They may be there, or come yet: what the server has is read until it stays so.
                self._read_until_still()
                n_failed = 0 if any(row in self._tasks_of for row in some) else n_failed + 1
                if n_failed == _MOST_FAILED:
                    raise
            else:
                if len(tasks) != len(some):
                    raise NotDone(
                        201, f"Label Studio made {len(tasks)} tasks of {len(some)} rows; look there"
                    )
                for task, row in zip(tasks, some, strict=True):
                    self._know(task, row)
            missing = [row for row in missing if row not in self._tasks_of]

    def _read_until_still(self) -> None:
        n = -1
        while n != len(self._row_of):
            n = len(self._row_of)
            time.sleep(self.client.patience)
            self._read_tasks()

    def _id_of(self, row: int) -> Any:
        ids = self.pool.ids
        return row if ids is None else ids[row]

    def _know(self, task: int, row: int) -> None:
        self._row_of[task] = row
        tasks = self._tasks_of.setdefault(row, [])
        if task not in tasks:
            tasks.append(task)
            tasks.sort()

    def _row_named(self, name: Any) -> int | None:
        """Return the row that a task says it is of."""
        pool = self.pool
        if pool.ids is None:
            is_row = isinstance(name, int) and not isinstance(name, bool) and 0 <= name < len(pool)
            return name if is_row else None
        if name is None or isinstance(name, str) != pool.ids.is_text:
            return None
        row = int(pool.ids.find([name])[0])
        return None if row < 0 else row

    # Answers

    def _read_tasks(self, since: str | None = None) -> int:
        """Read tasks, record what is said in them, and return of how many rows it is new."""
        newest, strange = self._newest, []
        for task in self.client.tasks(self.project, _a_little_before(since)):
            number, updated = task["id"], task["updated_at"]
            newest = updated if newest is None or updated > newest else newest
            if self._updated.get(number) == updated:
                continue
            row = self._row_of.get(number)
            if row is None:
                row = self._row_named(task["data"].get(ROW))
            if row is None:
                # Only behind it: another server may have another task of this number.
                row = self._added.row_of(task)
            if row is None:
                strange.append(task)
                continue
            self._hear(task, row)
        for each, new in self._added.take(strange):
            self._hear(each, new)
        n_new = 0
        for row in list(self._heard):
            n_new += self._record(row)
            del self._heard[row]  # not before: the connection may break at any task
        self._newest = newest
        return n_new

    def _hear(self, task: Mapping[str, Any], row: int) -> None:
        """Keep what is said in a task of a row, which is to be recorded."""
        annotations = task["annotations"]
        by = {each.get("completed_by") for each in annotations}
        if by - set(self._people) - {None}:
            self._people = self.client.people()
            self._people |= {who: f"user {who}" for who in by - set(self._people) - {None}}
        where = f"task {task['id']}"
        answers = answers_in(task, self._people, self.label, self.comment, ROW, where)
        self._said[task["id"]] = [each for each in answers if each.kind is not None]
        self._updated[task["id"]] = task["updated_at"]
        self._know(task["id"], row)
        self._heard[row] = None

    def _record(self, row: int) -> bool:
        """Let the pool say of a row what the server says; return whether it said something else."""
        last: dict[str | None, Answer] = {}
        said = [each for task in self._tasks_of[row] for each in self._said.get(task, ())]
        for each in sorted(said, key=lambda answer: answer.time or ""):
            last[each.annotator] = each
        wanted = {}
        for name, each in last.items():
            self.left.pop((row, name), None)
            if each.kind != CANNOT_TELL and each.label == () and self.form.kind != "several":
                continue  # sent without a choice
            try:
                label = None if each.kind == CANNOT_TELL else self.form.label(each.label)
            except ValueError as error:
                self.left[row, name] = f"what {name!r} said of {self._id_of(row)!r}: {error}"
                continue
            wanted[name] = each._replace(label=label)
        return bring(self.pool, row, wanted, self.project)

    # What comes next

    def _learn(self) -> None:
        """Train the learner, if there is something to learn; it may need more labels first."""
        if is_stale(self.learner):
            try:
                train(self.learner)
            except ValueError as error:
                if self.pool.n_labeled >= 10 * max(len(self.form.classes), 2):
                    raise
                self._failed = str(error)
            else:
                self._failed = None

    def _plan(self) -> list[int]:
        """Return the rows that come next."""
        n = self.n_instances + self.spares
        try:
            rows, _ = self.learner.query(n_instances=n)
        except ValueError:
            if hasattr(self.learner, "estimator_"):
                raise
            rows, _ = cold_query(self.learner, n)
        return rows.tolist()

    def _publish(self) -> None:
        """Put the next tasks in order: few predictions of a new version, and none of the others."""
        rows = self._plan()
        self._import(rows)
        tasks = [self._tasks_of[row][0] for row in rows]
        if not tasks or tasks == self.planned:
            self.planned, self._n_waiting = tasks, 0
            return
        try:
            version = self._order.imported(self.project, tasks)
        except NotDone as error:
            if error.status != 400:
                raise
            self._forget()  # a task was deleted there
            self._read_tasks()
            self._import(rows)
            tasks = [self._tasks_of[row][0] for row in rows]
            version = self._order.imported(self.project, tasks)
        self.client.change_project(self.project, model_version=version)
        self.planned, self._n_waiting = tasks, 0  # not before: what was broken off comes again
        self._order.delete_others(self.project)


def _a_little_before(moment: str | None) -> str | None:
    """Return a moment of the server's, a few seconds earlier."""
    if moment is None:
        return None
    earlier = datetime.fromisoformat(moment) - timedelta(seconds=_MARGIN)
    return earlier.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _durable(pool: Any, store: Any) -> Any:
    """Return a pool whose changes are in a file, refusing one that has none."""
    if store is not None:
        check_path(store, "store", "LabelStudio", "LabelStudio(..., store='labels.db')")
        if not is_kept_in(pool, store, "LabelStudio"):
            kept_up(pool, store)  # which makes it write through
    if not isinstance(pool.ledger, DurableLedger):
        raise ValueError(
            "LabelStudio got a learner whose pool is in memory, from which an interruption takes "
            "all; write store='labels.db', or fit the learner on Pool.open('labels.db', X)."
        )
    return pool


def _form_of(learner: Any, classes: Any) -> Form:
    """Return of which form the labels are, refusing none to choose among."""
    given = None if classes is None else to_array(classes).tolist()
    if is_regressor(learner.estimator):
        if given is not None:
            raise ValueError(
                f"LabelStudio got classes={given}, and {learner.estimator!r} learns numbers; leave "
                f"it out."
            )
        return Form("number", [])
    form, pool = Form.of(learner.pool_), learner.pool_
    if given is not None and pool.classes is not None and set(given) != set(form.classes):
        raise ValueError(
            f"LabelStudio got classes={given}, and the pool has {form.classes}; give these, in any "
            f"order."
        )
    if form.kind == "several":  # whose labels are columns, and are written by their names
        return form._replace(classes=given or form.classes)
    own = None if learner.classes is None else to_array(learner.classes).tolist()
    names = given or own or form.classes
    if not names:
        raise ValueError(
            "LabelStudio got no classes to choose among; write classes=[...], or "
            "ActiveLearner(..., classes=[...])."
        )
    return Form("one", names)
