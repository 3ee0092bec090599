"""Labels of a pool as the page has them, names and numbers, and back."""

from __future__ import annotations

from typing import Any
from unicodedata import category, normalize

import numpy as np
from sklearn.base import is_regressor

from ..data.labels import plain, sorted_classes
from ..data.multilabel import names_in
from ..learner.learner import ActiveLearner
from ..pool.pool import Pool
from .protocol import MOST_NAME, is_half


class Labels:
    """What may be said of a row.

    Parameters
    ----------
    learner : ActiveLearner
        Fitted on its pool.
    classes : list, default=None
        In the order in which the page shows them. None: as the learner names them.
    """

    def __init__(self, learner: ActiveLearner, classes: Any = None) -> None:
        self.pool: Pool = learner.pool_
        self.kind = "several" if self.pool.multilabel else "one"
        if is_regressor(learner.estimator):
            self.kind = "number"
            if classes is not None:
                raise ValueError(
                    f"serve got classes={list(classes)!r}, and {learner.estimator!r} learns "
                    f"numbers; leave it out."
                )
        own = classes if classes is not None else learner.classes
        self.names = {} if self.kind == "number" else _named(self.pool, own)

    def follow(self) -> None:
        """Take in that classes were renamed, merged or divided; others stay where they are."""
        if self.kind == "number":
            return
        known = self._columns().tolist()
        if len(known) == len(self.names) and set(known) == set(self.names.values()):
            return
        new = iter([name for name in known if name not in self.names.values()])
        order = [own if own in known else next(new, None) for own in self.names.values()]
        self.names = _by_name([*(name for name in order if name is not None), *new])

    def shown(self) -> list[dict[str, str | None]]:
        """Return the classes with their keys: 1 to 9, or the character that a name is."""
        own = {name for name in self.names if len(name) == 1 and name.isprintable()}
        free = [key for key in "123456789" if key not in own]
        keys = iter([*free, *[None] * len(self.names)])
        return [{"name": name, "key": name if name in own else next(keys)} for name in self.names]

    def of_page(self, label: Any) -> Any:
        """Return what the pool calls a label of the page, refusing by ValueError what is none."""
        if self.kind == "number":
            if isinstance(label, bool) or not isinstance(label, int | float):
                raise ValueError(f"the label {label!r} is no number; give one.")
            return float(label)
        if self.kind == "one":
            return self._known(label)
        if not isinstance(label, list):
            raise ValueError(f"the label is {label!r}; give a list of names, which may be empty.")
        return {self._known(name) for name in label}

    def of_pool(self, label: Any) -> Any:
        """Return a label of the pool as the page has it; None: none."""
        if label is None:
            return None
        if self.kind == "several":
            return [str(name) for name in names_in(label, self._columns())]
        return plain(label) if self.kind == "number" else str(plain(label))

    def _columns(self) -> np.ndarray:
        columns = self.pool.classes
        return np.zeros(0) if columns is None else columns

    def _known(self, name: Any) -> Any:
        if not isinstance(name, str) or name not in self.names:
            raise ValueError(
                f"{name!r} is none of the classes {', '.join(self.names)}; reload the page if they "
                f"were changed."
            )
        return self.names[name]


def _named(pool: Pool, given: Any) -> dict[str, Any]:
    """Return the classes of a pool by what the page calls them, and let it take no others."""
    own = pool.classes
    if own is None:
        seen = sorted_classes(pool.y_labeled) if pool.n_labeled else np.zeros(0)
        names = list(dict.fromkeys([*([] if given is None else given), *seen.tolist()]))
        if len(names) < 2:
            raise ValueError(
                f"the page needs to know the classes, and there {'is' if names else 'are'} "
                f"{', '.join(map(repr, names)) or 'none'}; write serve(..., classes=['a', 'b'])."
            )
        pool.name_classes(names)
        own = pool.classes
    known = [] if own is None else own.tolist()
    order = known if given is None else [plain(name) for name in given]
    if sorted(map(str, order)) != sorted(map(str, known)):
        raise ValueError(
            f"serve got classes={order}, and the pool has {known}; give these, in any order."
        )
    by_name = _by_name(known)
    if len({_as_seen(name) for name in by_name}) < len(known):
        raise ValueError(f"two of the classes {known} look the same on the page; rename one.")
    for name in by_name:
        if not _as_seen(name) or len(name) > MOST_NAME or any(map(is_half, name)):
            raise ValueError(
                f"the class {name[:100]!r} cannot be shown on the page; rename it: names are text "
                f"of 1 to {MOST_NAME:,} characters."
            )
    return {str(name): by_name[str(name)] for name in order}


def _by_name(classes: list) -> dict[str, Any]:
    """Return classes by what the page calls them."""
    return {str(name): name for name in classes}


def _as_seen(name: str) -> str:
    """Return a name without what makes no difference to who reads it on a page."""
    words = " ".join(normalize("NFC", name).split())
    return "".join(each for each in words if category(each) not in ("Cc", "Cf"))
