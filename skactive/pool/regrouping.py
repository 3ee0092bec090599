"""What changes of classes would change: refused here, where they make no sense."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..data.labels import merge_dtype, nearest_class, parse, sorted_classes
from ..data.multilabel import refuse_unfit
from .facts import Facts
from .log import CLOSE, NOTHING, Change
from .standing import all_said


def rename_class(pool: Facts, old: Any, new: Any) -> Change:
    """Return what `Pool.rename_class` would change."""
    known = _classes_of(pool)
    (old,) = _known(pool, known, [old], "rename_class")
    (new,) = _names(pool, known, [new], "rename_class")
    if new in known.tolist():
        raise ValueError(
            f"rename_class got the new name {new!r}, which is a class already; write "
            f"merge_classes([{old!r}], into={new!r}) if they are one."
        )
    return _change(pool, known, [old], [new])


def merge_classes(pool: Facts, classes: Any, into: Any) -> Change:
    """Return what `Pool.merge_classes` would change."""
    known = _classes_of(pool)
    classes = _known(pool, known, classes, "merge_classes")
    (into,) = _names(pool, known, [into], "merge_classes")
    if not set(classes) - {into}:
        raise ValueError(
            f"merge_classes got no class but {into!r} itself; give those that become {into!r}."
        )
    return _change(pool, known, classes, [into])


def split_class(pool: Facts, name: Any, into: Any) -> Change:
    """Return what `Pool.split_class` would change."""
    if pool.multilabel:
        raise ValueError(
            "split_class got a pool with several labels a row, of which there are no more than it "
            "began with; begin another with classes= for all of them."
        )
    known = _classes_of(pool)
    (name,) = _known(pool, known, [name], "split_class")
    into = _names(pool, known, into, "split_class")
    if len(into) < 2:
        raise ValueError(
            f"split_class got into={into}; give at least two classes, or write rename_class."
        )
    rows, labels = pool._all_labels()
    return _change(pool, known, [name], into, rows[labels.astype(object) == name])


def _classes_of(pool: Facts) -> np.ndarray:
    """Return the labels that are accepted, or where any are, those that somebody gave."""
    classes = pool.classes
    return sorted_classes(pool.ledger.read(all_said)[1]) if classes is None else classes


def _names(pool: Facts, known: np.ndarray, given: Any, who: str) -> list:
    """Return names of classes, sorted and each once, refusing what is none."""
    for name in given if isinstance(given, list) else ():
        if isinstance(name, list | tuple | np.ndarray):
            raise TypeError(f"{who} got {name!r} for one class; write its name alone.")
    names, is_name = parse(given, missing_label=pool.missing_label)
    if not is_name.all():
        raise ValueError(f"{who} got the missing label; give names of classes.")
    if pool.multilabel:
        merge_dtype(known.dtype, names.dtype)
        for name in names.tolist():
            refuse_unfit(name)
        return sorted(set(names.tolist()))
    for dtype in (known.dtype if len(known) else None, pool.ledger.now.dtype):
        if dtype is not None and (dtype is not pool.ledger.now.dtype or pool.ledger.now.n_labels):
            merge_dtype(dtype, names.dtype)
    return sorted(set(names.tolist()))


def _known(pool: Facts, known: np.ndarray, given: Any, who: str) -> list:
    """Return names of known classes, sorted and each once, refusing others."""
    there = known.tolist()
    for name in (names := _names(pool, known, given, who)):
        if name not in there:
            near = nearest_class(name, there)
            instead = f"write {near!r}" if near else "give one of them"
            raise ValueError(
                f"{who} got {name!r}, which is no class; the classes are {there}; {instead}."
            )
    return names


def _change(
    pool: Facts, known: np.ndarray, classes: Sequence, into: Sequence, rows: np.ndarray = NOTHING
) -> Change:
    """Return what becomes of classes; the rows of one that is split are asked for again."""
    detail: dict[str, list] = {
        "classes": list(classes),
        "into": list(into),
        "gone": [name for name in classes if name not in into],
        "new": [name for name in into if name not in known.tolist()],
    }
    if pool.multilabel:
        ones = {*classes, *into}
        detail["columns"] = [at for at, name in enumerate(known.tolist()) if name in ones]
    return Change("classes", rows, CLOSE, detail=detail)
