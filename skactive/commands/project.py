"""What a record remembers of its commands: where the rows are, and how they are labelled.

It is a setting of the record, so that a file that is moved, copied or sent has it.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..annotate.added import added_rows
from ..learner import ActiveLearner
from ..pool import Pool
from ..pool.people import medians
from ..pool.renumbering import RowsAreGone
from ..pool.store import Store
from .data import Asked, Data, read_data
from .features import LookedUp, check_file_of_vectors
from .models import default_model, named_model, on_vectors
from .words import Usage, note

SETTING = "project"
MEDIAN = "median"  # of numbers, what one_coin is of classes
OF_NUMBERS = "k_center"  # the strategy, if none is named


@dataclass(frozen=True)
class Project:
    """How the rows of a record are found and labelled."""

    data: str  # as seen from the folder of the record
    text: str | None = None
    id: str | None = None
    groups: str | None = None
    features: list[str] | None = None  # columns of a table; those that join later are none
    classes: list[str] | None = None
    several: bool = False
    numbers: bool = False  # labels are measured
    consensus: str | None = None
    hold_out: float = 0.0
    model: str | None = None
    embedding: str | None = None  # a file, as seen from the folder of the record
    timm: str | None = None
    order: str | None = None  # of the rows for which the vectors were made
    strategy: str = "auto"
    goal: int | None = None
    overlap: float = 0.0
    annotators: list[str] | None = None
    guidelines: str | None = None  # a file, likewise

    def asked(self) -> Asked:
        """Return what is asked of the data file."""
        seen = None if self.features is None else tuple(self.features)
        return Asked(self.text, self.id, self.groups, features=seen)


def remembered(store: Path) -> Project | None:
    """Return what a record remembers; None: it has not been labelled by a command yet."""
    if not store.exists():
        return None
    opened = Store(store, read_only=True)
    try:
        told = [
            value for name, value, _ in opened.read(lambda: opened.settings(0)) if name == SETTING
        ]
    finally:
        opened.close()
    if not told:
        return None
    known = {field.name for field in fields(Project)}
    if set(told[-1]) - known:
        raise ValueError(f"{store} was labelled by a later skactive; update skactive.")
    return Project(**told[-1])


def project_of(store: Path) -> Project:
    """Return what a record remembers, refusing a file that is none, or remembers nothing."""
    if not store.exists():
        raise FileNotFoundError(
            f"{store} is not there; give the record that skactive label made, such as labels.db."
        )
    project = remembered(store)
    if project is None:
        raise ValueError(
            f"{store} was not made by skactive label, so that it does not say where its rows are; "
            f"write skactive label DATA --store {store} once, or open it in Python."
        )
    return project


def relative(path: Path, store: Path) -> str:
    """Return a path as seen from the folder of a record, so that both may move together."""
    try:
        return Path(os.path.relpath(path, store.absolute().parent)).as_posix()
    except ValueError:  # on another drive of Windows
        return path.absolute().as_posix()


def seen_from(path: str, store: Path) -> Path:
    """Return the path that a record has, as seen from here."""
    found = Path(os.path.normpath(store.absolute().parent / path))
    try:
        return Path(os.path.relpath(found))
    except ValueError:
        return found


def rows_of(project: Project, store: Path, data: str | None = None) -> Data:
    """Return the rows of a record, from where it has them or from where they have moved to."""
    path = seen_from(project.data, store) if data is None else Path(data)
    if data is None and not path.exists():
        raise FileNotFoundError(
            f"{path}, which {store} labels, is not there; write --data and where it is now "
            f"(to skactive label, that in place of the record)."
        )
    rows = read_data(path, project.asked())
    rows.extend(added_rows(store))
    return rows


def pool_over(project: Project, store: Path, data: Data, *, read_only: bool = False) -> Pool:
    """Return the pool of a record that is there, over its rows."""
    groups = data.others[project.groups] if project.groups else None
    consensus = consensus_in(project)
    try:
        return Pool.open(
            store,
            data.X,
            ids=data.ids,
            groups=groups,
            consensus=consensus,
            read_only=read_only,
        )
    except RowsAreGone as error:
        raise ValueError(
            f"{data.path} lacks {error.told(str(store))}; put back what was removed (rows that "
            f"nobody answered may go, but for those that a page or skactive next has given out), "
            f"or if it is another file, write --data and where the right one is (to skactive "
            f"label, that in place of the record)."
        ) from error


def opened(args: Any, *, read_only: bool = True) -> tuple[Project, Data, Pool]:
    """Return what a command about a record works on: its project, rows and pool."""
    store = Path(args.store)
    project = project_of(store)
    data = rows_of(project, store, args.data)
    for each in data.notes:
        note(each)
    return project, data, pool_over(project, store, data, read_only=read_only)


def with_features(project: Project, store: Path, data: Data) -> Project:
    """Return a project that knows for which rows its vectors were made."""
    if project.embedding is None:
        return project
    check_file_of_vectors(seen_from(project.embedding, store), len(data))
    return replace(project, order=data.order())


def estimator_for(project: Project, store: Path, data: Data) -> tuple[Any, str]:
    """Return the estimator of a project, and what it is called."""
    labels = {"several": project.several, "numbers": project.numbers}
    if project.model is not None:
        return named_model(project.model, numbers=project.numbers), project.model
    if project.embedding is None:
        return default_model(data.kind, **labels)
    path = seen_from(project.embedding, store)
    if not path.exists():
        raise FileNotFoundError(f"{path}, the vectors of {store}, is not there; put it back.")
    if project.order != data.order():
        raise ValueError(
            f"{data.path} has other rows, or another order, than when {path} was made for it; make "
            f"the vectors anew, in the order of its rows, and give them to skactive label by "
            f"--embedding or --embed."
        )
    check_file_of_vectors(path, len(data))
    features = LookedUp(str(path.absolute()), [str(row) for row in data.X])
    return on_vectors(features, **labels)


def strategy_in(project: Project) -> str:
    """Return which rows come first.

    "auto" is random for most regressors; for numbers `k_center` was ahead of it on six sets of six
    (docs/guide/strategies.md). It looks at what our own models make of rows.
    """
    by_itself = project.strategy == "auto" and project.model is None
    return OF_NUMBERS if project.numbers and by_itself else project.strategy


def consensus_in(project: Project) -> Any:
    """Return whose word counts of several people: what pools take."""
    return median if project.consensus == MEDIAN else project.consensus


def median(rows: np.ndarray, people: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the median of what was measured of each distinct row.

    Examples
    --------
    >>> people = np.array(["ann", "ann", "ben", "eve"])
    >>> median(np.array([3, 0, 3, 3]), people, np.array([1.0, 5, 2, 9]))
    array([5., 2.])
    """
    distinct, of = np.unique(rows, return_inverse=True)
    return medians(values, of, len(distinct))


def learner_of(project: Project, store: Path, data: Data, pool: Pool) -> tuple[ActiveLearner, str]:
    """Return a learner on a pool as a project has it, and what its estimator is called."""
    model, name = estimator_for(project, store, data)
    strategy, consensus = strategy_in(project), consensus_in(project)
    learner = ActiveLearner(model, strategy, consensus=consensus, random_state=0)
    return learner.fit(pool), name


def as_setting(project: Project) -> dict[str, Any]:
    """Return a project as a record keeps it."""
    return {SETTING: asdict(project)}


def refuse_vectors(project: Project, data: Data) -> None:
    """Refuse vectors where they cannot be looked up."""
    if project.embedding is None and project.timm is None:
        return
    if data.kind == "table":
        raise Usage(
            "--embedding is for texts and images; the columns of a table are its features already."
        )
    if project.timm is not None and data.kind != "images":
        raise Usage("--embed is for images; give vectors of texts by --embedding file.npy.")
