"""Several people who answer: whose turn it is, and people who err, for simulations."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ..data.chance import other_draw, uniform_by_row
from ..data.labels import AUTO, encode, parse, sorted_classes
from ..data.multilabel import looks_multilabel
from ..learner.questions import tests_in
from ..pool.people import overlap_chance
from ..pool.pool import Pool
from ..strategies.base import asks_again
from ..utils.checks import check_name, checked_number, draw_seed
from .oracles import Known, Prompt, answer_of

WhoAnswers = Callable[[Pool, np.ndarray], Any]


class Noisy:
    """An oracle that errs: the true label with some probability, else another class.

    Who errs on a row gives the same wrong label again, whenever asked; another seed is another
    person, who errs on other rows.

    Parameters
    ----------
    y : array-like of shape (n,)
        True label of every row of the pool; of rows with the missing label it cannot tell.
    accuracy : float or dict of class to float
        Probability of the true label; a dict has one for each class.
    random_state : int, RandomState, Generator or None, default=None
        Seed of the person.
    missing_label : int, float, str or None, default="auto"
        What counts as "no label" in y, as for `Pool`.

    Examples
    --------
    >>> import numpy as np
    >>> from skactive.loops import Noisy
    >>> truth = ["cat", "dog"] * 50
    >>> ann = Noisy(truth, {"cat": 1.0, "dog": 0.6}, random_state=0)
    >>> (ann.answer(np.arange(0, 100, 2), None) == "cat").all()
    np.True_
    >>> int((ann.answer(np.arange(1, 100, 2), None) == "dog").sum())
    34
    >>> ann
    Noisy(labels of 100 rows, accuracy={'cat': 1.0, 'dog': 0.6}, random_state=0)

    Several people at once, each with a seed that follows from her name:

    >>> sorted(Noisy.crowd(truth, {"ann": 0.9, "ben": 0.7}, random_state=0))
    ['ann', 'ben']
    """

    def __init__(self, y, accuracy, random_state=None, missing_label: Any = AUTO) -> None:
        if looks_multilabel(y):
            raise ValueError(
                "Noisy got y with several labels a row, and errs in one; give a function that "
                "returns a set of names for each row."
            )
        values, self._known = parse(y, missing_label=missing_label)
        labels = values[self._known]
        if labels.dtype.kind == "f" and (labels != np.round(labels)).any():
            raise ValueError(
                "Noisy got measured numbers, of which none is another class; give labels of "
                "classes, or a function that adds noise."
            )
        self.classes = sorted_classes(labels)
        self._codes = encode(values, self.classes)
        self._accuracy, self._given = self._checked(accuracy), accuracy
        self.seed = draw_seed(random_state)

    def __repr__(self) -> str:
        n = int(self._known.sum())
        return f"Noisy(labels of {n} rows, accuracy={self._given!r}, random_state={self.seed})"

    def _checked(self, accuracy) -> np.ndarray:
        """Return the accuracy for each class."""
        names = self.classes.tolist()
        if not isinstance(accuracy, dict):
            return np.full(len(names), checked_number(accuracy, "accuracy", "Noisy", 0, 1))
        if set(accuracy) != set(names):
            raise ValueError(
                f"Noisy got accuracies of {list(accuracy)}, where y has {names}; give one for each "
                f"of these."
            )
        return np.array([checked_number(accuracy[c], "accuracy", "Noisy", 0, 1) for c in names])

    @classmethod
    def crowd(
        cls, y, accuracies, random_state=None, missing_label: Any = AUTO
    ) -> dict[str, "Noisy"]:
        """Return people by name, of a dict that has the accuracy of each."""
        if not isinstance(accuracies, Mapping):
            raise TypeError(
                f"Noisy.crowd got accuracies={accuracies!r}; give a dict of names, such as "
                f"{{'ann': 0.9, 'ben': 0.7}}."
            )
        nameless = [name for name in accuracies if not isinstance(name, str)]
        if nameless:
            raise TypeError(f"a crowd got the name {nameless[0]!r}; give text, such as 'ann'.")
        seed = draw_seed(random_state)
        return {
            name: cls(y, accuracy, np.random.default_rng([seed, *name.encode()]), missing_label)
            for name, accuracy in accuracies.items()
        }

    def answer(self, indices, rows) -> np.ndarray:
        """Return the labels that this person gives rows, by their numbers, shape (k,)."""
        indices = np.asarray(indices, dtype=np.intp)
        is_none = (indices < 0) | (indices >= len(self._codes))
        if is_none.any():
            raise ValueError(
                f"Noisy has {len(self._codes)} labels and was asked for that of row "
                f"{indices[is_none][0]}; give it one for every row."
            )
        is_known, codes = self._known[indices], self._codes[indices]
        uniform = uniform_by_row(indices, [self.seed])
        # One of the others, by its place among them.
        other = np.floor(other_draw(uniform) * max(len(self.classes) - 1, 1)).astype(np.intp)
        other += other >= codes
        errs = (uniform >= self._accuracy[codes]) & (len(self.classes) > 1)
        labels = self.classes[np.where(is_known, np.where(errs, other, codes), 0)]
        if not is_known.all():
            labels = labels.astype(object)
            labels[~is_known] = None
        return labels


class Crowd:
    """People by name, who answer in turn, or those whom a function names; nobody twice of a row."""

    def __init__(
        self,
        oracles: Mapping[str, Any],
        pool: Pool,
        n_opinions: float = 1,
        whom: WhoAnswers | None = None,
        who: str = "run",
    ):
        if not oracles:
            raise ValueError(f"{who} got a dict without people; give one at least, by name.")
        self.answers: dict[str, Callable] = {}
        for name, oracle in oracles.items():
            check_name(name, who)
            if isinstance(oracle, Prompt):
                raise TypeError(
                    f"run got a Prompt for {name!r} among several people, but there is one "
                    f"keyboard; write run(learner, Prompt(), annotator={name!r})."
                )
            self.answers[name] = answer_of(
                oracle.of_pool(pool) if isinstance(oracle, Known) else oracle
            )
        self.pool, self.whom = pool, whom
        checked_number(n_opinions, "n_opinions", who, 1)
        self.n_opinions = int(np.ceil(n_opinions))  # at most
        self._share = n_opinions + 1 - self.n_opinions  # of rows about which so many are asked
        if self.n_opinions > len(self.answers):
            raise ValueError(
                f"{who} got n_opinions={n_opinions} of {len(self.answers)} people; give it no more "
                f"than there are."
            )
        if self.n_opinions > 1 and pool.consensus is None:
            raise ValueError(
                f"{who} got n_opinions={n_opinions}, but with consensus=None the last label of a "
                f"row counts, and another one is refused; write ActiveLearner(..., "
                f"consensus='majority')."
            )
        if whom is not None and not callable(whom):
            raise TypeError(
                f"run got whom={whom!r}; give a function (pool, rows) that returns names for each "
                f"row, best first, or None."
            )
        self._turn = 0

    def said(self) -> dict[str, np.ndarray]:
        """Return masks of the rows of which each person has said something, shape (n,)."""
        masks = {name: np.zeros(len(self.pool), dtype=bool) for name in self.answers}
        for name, mask in masks.items():
            mask[self.pool.answered_by(name)] = True
        return masks

    def open_mask(self, learner) -> np.ndarray:
        """Return which rows may be asked for: of labelled ones, those left to any of the people."""
        mask = self.pool.unlabeled_mask
        if asks_again(learner.strategy_) and hasattr(learner, "estimator_"):
            mask |= self.pool.open_mask & ~np.logical_and.reduce([*self.said().values()])
        return mask

    def ask(self, learner, n: int) -> tuple:
        """Ask for n rows; where labelled ones may be asked for, for none of which all have spoken.

        Returns what `query` does.
        """
        if not asks_again(learner.strategy_):
            return learner.query(n_instances=n)
        subset = self.open_mask(learner)
        subset[tests_in(learner)] = True
        return learner.query(n_instances=n, subset=subset)

    def teach(self, learner, indices: np.ndarray) -> None:
        """Have rows answered by those whose turn it is, and record that."""
        for name, part in self.shares(indices):
            labels = self.answers[name](part, self.pool.rows.take(part))
            learner.teach(part, labels, refit=False, annotator=name)

    def shares(self, indices: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """Yield names and the rows that each is asked about next, the first opinions first."""
        asked = self._people_of(indices.tolist())
        for place in range(self.n_opinions):
            rows: dict[str, list[int]] = {}
            for row, people in zip(indices.tolist(), asked, strict=True):
                if place < len(people):
                    rows.setdefault(people[place], []).append(row)
            for name, numbers in rows.items():
                yield name, np.array(numbers, dtype=np.int64)

    def _people_of(self, rows: list[int]) -> list[list[str]]:
        """Return who is asked about each row."""
        said, names = self.said(), list(self.answers)
        chance = overlap_chance(np.array(rows, dtype=np.int64), self.pool.ids, self.pool.seed)
        n_opinions = (self.n_opinions - (chance >= self._share)).tolist()
        if self.whom is not None:
            listed = list(self.whom(self.pool, np.array(rows, dtype=np.int64)))
            self._check_listed(listed, len(rows))
        asked = []
        for at, row in enumerate(rows):
            if self.whom is None:
                order = names[self._turn % len(names) :] + names[: self._turn % len(names)]
            else:
                order = listed[at]
            people = [name for name in order if not said[name][row]][: n_opinions[at]]
            self._turn += len(people)
            if self.whom is not None and not people:
                raise ValueError(
                    f"whom names {order} for row {row}, all of whom said something of it already; "
                    f"name others as well."
                )
            asked.append(people)
        return asked

    def _check_listed(self, listed: list[list[str]], n: int) -> None:
        """Refuse what a function of the user's named."""
        if len(listed) != n:
            raise ValueError(f"whom returned {len(listed)} lists of names for {n} rows; give {n}.")
        alone = [names for names in listed if isinstance(names, str)]
        if alone:
            raise ValueError(
                f"whom names {alone[0]!r} for a row, where a list of names is expected, best "
                f"first; write [{alone[0]!r}]."
            )
        unknown = [name for names in listed for name in names if name not in self.answers]
        if unknown:
            raise ValueError(
                f"whom names {unknown[0]!r}, who is none of {list(self.answers)}; name some of "
                f"these."
            )
