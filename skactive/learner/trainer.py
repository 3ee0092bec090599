"""What is fitted, when, and on which rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_classifier, is_regressor

from ..data import labels as lab
from ..data.row_numbers import is_among
from ..models.kinds import is_frozen, is_net, last_step
from ..models.several import told_of_labels
from ..pool.log import Change
from ..pool.pool import Pool
from ..strategies.base import has_admit
from ..strategies.registry import default_strategy
from .fit_params import ABOUT_PARAMS, FitParams, taken_by, with_codes
from .questions import kept_of
from .several import lacking
from .training import (
    coded_weights,
    fit_on,
    give_codes,
    needs_codes,
    nets_in,
    params_of,
    prepare_nets,
    seeded_clone,
)

ENOUGH = 10  # labels since a drift, with which the model starts again


class Fitted(NamedTuple):
    """A fitted estimator and what its outputs mean, always replaced as a whole."""

    estimator: Any = None  # None: too few labels so far
    classes: np.ndarray | None = None  # of the columns of probabilities; None for regressors
    codes: np.ndarray | None = None  # labels that its 0 to k - 1 stand for; None: it sees labels
    seen: np.ndarray | None = None  # classes that it was told of, where it sees labels
    n_learned: int = 0  # operations of the pool that it has learned of
    n_rows: int = 0  # of the pool then
    learned: tuple[np.ndarray, np.ndarray] | None = None  # which were labelled then, and how
    multilabel: bool = False  # whether each class is a label of its own, which a row has or not

    @property
    def known(self) -> np.ndarray | None:
        """Classes that the estimator was told of; None for regressors."""
        return self.seen if self.codes is None else self.codes


# Parameters of a learner that say how it is trained.
HOW = ("estimator", "classes", "encode_labels", "fit_unlabeled", "update", "window")


@dataclass(frozen=True)
class Trainer:
    """What there is to learn, and the parameters that say how."""

    pool: Pool
    seed: int
    params: FitParams
    since: int  # operations before the labels that count: those before a drift do not
    is_stream: bool
    estimator: Any
    classes: Any
    encode_labels: Any
    fit_unlabeled: bool
    update: str
    window: int | None

    @cached_property
    def taught(self) -> np.ndarray:
        """The rows whose labels count, sorted."""
        return taught_rows(self.pool, self.window, self.since)

    def fitted(self, before: Fitted, inside: dict | None = None) -> Fitted:
        """Return the estimator fitted on the labels as they are now; with too few, none or the old.

        `inside` holds the parameters of the estimator and of those in it, if they are known.
        """
        pool, estimator, several = self.pool, self.estimator, self.pool.multilabel
        classes: Any = self._all_classes()
        if is_frozen(estimator):
            names = None if several else names_of_outputs(estimator, self.classes)
            return before._replace(
                estimator=estimator, classes=classes, codes=names, seen=None, multilabel=several
            )
        if self.missing(before) is not None:
            if len(self.taught) < pool.n_labeled:  # the old one serves until there are more
                return before._replace(classes=classes)
            return Fitted(classes=classes, multilabel=several)
        y = self._labels_of(self.taught)
        known = self._classes_to_know(y, classes)
        inside = params_of(estimator) if inside is None else inside
        codes, has_nets = known if self._encodes(inside) else None, nets_in(estimator, inside)
        estimator = seeded_clone(estimator, self.seed, inside)
        if codes is not None:
            is_all = pool.classes is not None
            weigh = partial(coded_weights, codes=codes, classes=classes, is_all=is_all)
            give_codes(estimator, inside, weigh)
        if has_nets:
            prepare_nets(estimator, None if known is None else len(known), codes, several)
        previous, rows = self._going_on(before, known)
        rows, X, y = self._to_learn(rows, codes)
        if len(y) == 0:  # partial_fit, and nothing is new
            estimator = previous
        else:
            told: Any = known if codes is None else np.arange(len(codes))
            if several:
                told = told_of_labels(estimator, len(classes))
            # What goes on must not draw the same numbers again: dropout, the order of batches.
            words = [self.seed] if previous is None else [self.seed, pool.n_operations]
            seed, params = words if has_nets else None, self.params.of(rows)
            if codes is not None:
                params = with_codes(params, codes, pool.missing_label, weigh)
            estimator = fit_on(estimator, previous, self.update, X, y, params, told, seed)
        seen = known if codes is None else None
        learned = pool.labeled, pool.y_labeled
        n = pool.n_operations
        return Fitted(estimator, classes, codes, seen, n, len(pool), learned, several)

    def is_stale(self, fitted: Fitted) -> bool:
        """Whether a fit now would learn something else."""
        if fitted.estimator is not None and self.missing(fitted) is not None:
            return True  # rows without a label joined those of one class
        pool = self.pool
        if self.fit_unlabeled and len(pool) > fitted.n_rows:
            return True
        touched = pool.labels_touched_since(fitted.n_learned)
        if fitted.learned is None:  # too few labels so far, or a frozen estimator: soon done
            return len(touched) > 0
        if pool.consensus is None:  # a label that went and came back may have another weight
            was_learned = is_among(touched, fitted.learned[0])
            return bool((was_learned | is_among(touched, pool.labeled)).any())
        entered, is_unlearned = self._since(fitted)
        return len(entered) > 0 or is_unlearned

    def _since(self, fitted: Fitted) -> tuple[np.ndarray, bool]:
        """Return the rows that got a label since a fit, and whether one is gone or another."""
        pool = self.pool
        before, labels = fitted.learned or (pool.labeled[:0], pool.y_labeled[:0])
        rows = pool.labels_touched_since(fitted.n_learned)
        if pool.consensus is not None:  # what is said of one row may change what counts elsewhere
            rows = np.union1d(before, pool.labeled)
        is_now, is_known = is_among(rows, pool.labeled), is_among(rows, before)
        both = rows[is_now & is_known]
        old, new = labels[np.searchsorted(before, both)], self._labels_of(both)
        same = old.shape == new.shape and np.all(old == new)  # labels merged: fewer columns
        return rows[is_now & ~is_known], bool((is_known & ~is_now).any() or not same)

    def check_fractions(self, change: Change) -> None:
        """Refuse a fraction for a classifier that learned whole numbers: no fit could follow."""
        labels = change.labels
        if labels is None or labels.dtype.kind != "f" or not is_classifier(self.estimator):
            return
        is_fraction = labels % 1 != 0
        if not is_fraction.any() or is_frozen(self.estimator):
            return
        so_far = self.pool.y_labeled
        knows_some = so_far.dtype.kind == "f" and (so_far % 1).any()
        if knows_some or self._encodes(params_of(self.estimator)):
            return
        at = is_fraction.argmax()
        raise ValueError(
            f"Unknown label type: y holds {labels[at]} for row {change.rows[at]}, where a "
            f"classifier learns whole numbers; write encode_labels=True in the learner if "
            f"{labels[at]} is a class."
        )

    def missing(self, fitted: Fitted) -> str | None:
        """Return what is missing before the estimator can be fitted, or None."""
        pool, taught = self.pool, self.taught
        if len(taught) == 0:
            return "no row is labelled yet; teach some of those that query proposes"
        if self._starts_afresh(fitted) and len(taught) < min(ENOUGH, self.window or ENOUGH):
            return f"after a drift {ENOUGH} labels are needed, of which {len(taught)} are there"
        # Where every row is labelled no other class can come, and one is fitted as it would be
        # without a learner; on a stream one can come at any time.
        has_more = pool.n_unlabeled or pool.n_reserved or len(taught) < pool.n_labeled
        if is_regressor(self.estimator) or not (has_more or self.is_stream):
            return None
        if pool.multilabel:
            return lacking(self.estimator, self._labels_of(taught), self._all_classes())
        seen = lab.sorted_classes(self._labels_of(taught))
        if len(seen) > 1:
            return None
        reason = f"only the class {seen.tolist()[0]!r} is labelled; teach a row of another"
        if pool.missing_label == -1 and seen.dtype.kind in "iuf" and pool.n_labeled_at_fit:
            reason += " (if -1 is a class rather than the missing label, pass missing_label=None)"
        return reason

    def _starts_afresh(self, fitted: Fitted) -> bool:
        """Whether a drift came since a fit: the next one goes on from nothing."""
        return 0 < self.since >= fitted.n_learned

    def _labels_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the labels of labelled rows."""
        labels = self.pool.y_labeled[np.searchsorted(self.pool.labeled, rows)]
        return labels.astype(np.int64) if self.pool.multilabel else labels

    def _to_learn(self, rows: np.ndarray, codes) -> tuple:
        """Return row numbers, None for all, with the rows and the labels that ``fit`` gets."""
        pool = self.pool
        if not self.fit_unlabeled:
            if pool.ids is not None:  # the same order however the file was sorted
                rows = rows[np.argsort(pool.ids.hashes[rows])]
            y = self._labels_of(rows)
            return rows, pool.rows.take(rows), y if codes is None else lab.encode(y, codes)
        y = pool.y
        if codes is not None:
            y = np.full(len(pool), -1)  # as semi-supervised estimators call the unlabelled
            y[pool.labeled] = lab.encode(pool.y_labeled, codes)
        return None, pool.X, y

    def _going_on(self, before: Fitted, known) -> tuple:
        """Return the estimator to go on with, None for a fresh start, and the rows to learn."""
        previous, fresh = before.estimator, (None, self.taught)
        is_fresh = self.update == "refit" or self._starts_afresh(before)
        if is_fresh or type(previous) is not type(self.estimator):
            return fresh
        told = before.known
        if known is not None and (told is None or not np.array_equal(known, told)):
            return fresh  # most estimators cannot take in a class later
        if self.update == "warm_start":
            return previous, self.taught
        entered, is_unlearned = self._since(before)
        # What partial_fit learned cannot be unlearned.
        return fresh if is_unlearned else (previous, entered)

    def _all_classes(self) -> np.ndarray | None:
        """Return the classes, named or seen; None for regressors."""
        if is_regressor(self.estimator):
            return None
        classes = self.pool.classes
        if self.pool.multilabel:
            return classes
        if classes is None:
            classes = lab.sorted_classes(self.pool.y_labeled)
        own = _own_classes(self.estimator, self.classes)
        if own is None:
            return classes
        return lab.sorted_classes(np.concatenate([own, classes])) if len(classes) else own

    def _classes_to_know(self, y: np.ndarray, classes: np.ndarray | None) -> np.ndarray | None:
        """Return the classes that the estimator is told of: all, or those seen."""
        # Nets have an output for every class, partial_fit takes their list; others see for
        # themselves.
        is_whole = self.update == "partial_fit" or hasattr(last_step(self.estimator), "module")
        is_whole |= self.pool.multilabel
        return classes if classes is None or is_whole else lab.sorted_classes(y)

    def _encodes(self, inside: dict) -> bool:
        """Whether the estimator, with these parameters, is given codes for the labels."""
        if self.pool.multilabel:  # of which each is 0 or 1
            return False
        if self.encode_labels != "auto":
            return bool(self.encode_labels)
        return self.fit_unlabeled or needs_codes(self.estimator, inside)


def trainer_of(learner, pool: Pool | None = None) -> Trainer:
    """Return the trainer of a learner, with its parameters as they are now.

    None: over its pool at rest, to which others may do what they like meanwhile.
    """
    pool = learner.pool_.at_rest() if pool is None else pool
    how = {name: getattr(learner, name) for name in HOW}
    params, _, stream, strategy, _ = kept_of(learner)
    is_stream = has_admit(strategy)
    return Trainer(pool, learner.seed_, params, stream.since, is_stream, **how)


def train(learner, inside: dict | None = None) -> None:
    """Fit a learner's estimator, unless labels are too few; `inside` as in `Trainer.fitted`."""
    kept = kept_of(learner)
    try:
        fitted = trainer_of(learner).fitted(learner._fitted, inside)
    except ABOUT_PARAMS as error:
        # A parameter that fit does not take would fail every fit to come.
        params = kept.params.without(error, taken_by(learner))
        learner._kept = kept._replace(params=params)
        raise
    if fitted.estimator is not learner._fitted.estimator:
        kept = kept._replace(params=kept.params.after_fit())
    is_auto = isinstance(learner.strategy, str) and learner.strategy == "auto"
    if is_auto and fitted.estimator is not None:
        # Only a fitted estimator tells for sure what it gives.
        strategy = default_strategy(fitted.estimator, is_regressor(learner.estimator))
        kept = kept._replace(strategy=strategy)
    vars(learner).update(_fitted=fitted, _kept=kept)


def is_stale(learner) -> bool:
    """Whether a fit of a learner's estimator now would learn something else."""
    return trainer_of(learner).is_stale(learner._fitted)


def what_is_missing(learner) -> str:
    """Return why a learner that has a pool cannot predict."""
    reason = trainer_of(learner).missing(learner._fitted)
    if reason is None:
        reason = (
            "the estimator could not be fitted, or labels came since; call refit(), and mend what "
            "an error of it says"
        )
    return f"cannot predict yet: {reason}"


def taught_rows(pool: Pool, window: int | None, since: int = 0) -> np.ndarray:
    """Return the rows that were labelled last, at most `window` of them, sorted.

    Only labels after the first `since` operations count; a relabelled row was labelled then.
    """
    if window is None and since == 0:
        return pool.labeled
    return np.sort(pool.labeled_lately(since, window))


def named(classes) -> np.ndarray | None:
    """Return the classes of the parameter, in the order in which they came, each once."""
    if classes is None:
        return None
    return lab.to_array(list(dict.fromkeys(lab.to_array(classes).tolist())))


def names_of_outputs(estimator, classes) -> np.ndarray | None:
    """Return the labels that `classes` names for the outputs of a frozen net, in their order.

    None where nothing is named, or the net knows its classes, and not as codes of those named.
    """
    names = named(classes)
    if is_regressor(estimator) or names is None or not (is_frozen(estimator) and is_net(estimator)):
        return None
    own = getattr(estimator, "classes_", None)
    if own is None or len(own) == 0:
        return names
    own = np.asarray(own)
    if own.dtype.kind not in "iu" or own.min() < 0 or own.max() >= len(names):
        return None
    # Integers are codes of the names, or labels among them; where they may be both, and it makes a
    # difference, they are labels.
    labels = names.tolist()
    are_labels = set(own.tolist()) <= set(labels)
    return None if are_labels and [labels[i] for i in own] != own.tolist() else names


def check_kind(estimator, classes, labels: np.ndarray | None) -> None:
    """Refuse labels of another kind than the classes of an estimator that is used as it is."""
    own, names = _own_classes(estimator, classes), named(classes)
    if own is None or len(own) == 0:
        return
    are_text = [each is not None and each.dtype.kind in "UO" for each in (own, names)]
    if names is not None and are_text[0] != are_text[1]:
        raise ValueError(
            f"the frozen estimator predicts classes such as {own.tolist()[0]!r}, but classes= "
            f"names {names.tolist()[0]!r}; name the classes that it predicts, or of a net one "
            f"for each output."
        )
    if labels is not None and len(labels):
        lab.merge_dtype(own.dtype, labels.dtype)


def _own_classes(estimator, classes) -> np.ndarray | None:
    """Return the classes that a frozen estimator predicts by itself; None where it has no say."""
    own = getattr(estimator, "classes_", None) if is_frozen(estimator) else None
    is_named = own is None or names_of_outputs(estimator, classes) is not None
    return None if is_named else np.asarray(own)
