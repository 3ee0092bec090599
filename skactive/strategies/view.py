"""The view: all that a strategy may look at, computed when it is first read, and once."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ..data.arrays import as_positions, check_vectors, join_vectors
from ..data.chance import uniform_by_row
from ..data.frames import is_pandas
from ..data.labels import check_order
from ..data.rows import Rows
from ..data.tables import column_of, entries_of
from ..data.tensors import as_array, is_tensor
from ..data.vectors import Memory
from ..models import BY_MEMBER, Model
from ..scores import likeliest_errors, likeliest_label_errors
from ..selection.distances import nearest_squared_distances
from ..utils.checks import unmasked
from ..utils.progress import progress
from .reading import Reading


def _read_of_model(what: str) -> property:
    """Return an attribute that the model is asked for, of all rows, when it is first read."""
    return property(lambda view: view._read(what))


class Opinions(NamedTuple):
    """What people said of labelled rows: three aligned arrays, in the order in which they did."""

    rows: np.ndarray  # positions in a view, several times where several people said something
    annotators: np.ndarray
    labels: np.ndarray


class Centers(NamedTuple):
    """What a strategy may know of a pool besides its rows."""

    labeled: np.ndarray
    reserved: np.ndarray
    y_labeled: np.ndarray | None
    classes: np.ndarray | None = None  # that were named; those of a model are its own
    multilabel: bool = False
    opinions_on_labeled: tuple | None = None


class View:
    """Rows, labels and model as a strategy sees them.

    A view spans all rows without copying them; what the model says of them is computed on
    demand. A rowwise strategy is shown one chunk at a time, and sees that chunk as the whole.

    Attributes
    ----------
    mask : ndarray of shape (n,), bool
        Which rows may be chosen.
    round : int
        How many operations the pool has seen since it was made.
    proba : ndarray of shape (n, C)
        Probabilities of the classes; where `multilabel`, of each label, shape (n, L).
    decision : ndarray of shape (n,) or (n, C)
        The estimator's decision function.
    prediction : ndarray of shape (n,)
        Predicted labels or values; where `multilabel`, bool, shape (n, L).
    value : ndarray of shape (n,), float64
        Predicted values; of regressors alone.
    std : ndarray of shape (n,)
        Standard deviations of the predicted values.
    samples : ndarray of shape (S, n, C)
        Probabilities by each member of an ensemble.
    value_samples : ndarray of shape (S, n)
        Values by each member of an ensemble of regressors.
    """

    def __init__(
        self,
        rows: Rows,
        mask: np.ndarray,
        *,
        pool=None,
        offset: int = 0,
        model: Model | None = None,
        seed: Sequence[int] = (0,),
        round: int = 0,
        chunk_rows: int | None = None,
        known: dict[str, Any] | None = None,
        embed=None,
        memory: Callable[[], Memory | None] = lambda: None,
        is_embedded: bool = False,
        numbers: np.ndarray | None = None,
        hashes: np.ndarray | None = None,
    ) -> None:
        self._reading = Reading(rows, model, embed, is_embedded, chunk_rows)
        self.mask = mask
        self.round = round
        self._pool = pool
        self._offset = offset  # of the pool's row 0 among the rows
        self._seed = seed
        self._numbers = numbers  # of the rows, where they are not 0 to n - 1
        self._hashes = hashes  # of the rows' ids, by number; None: they have none
        self._known: dict[str, Any] = {} if known is None else known
        self._memory_of = memory
        self._scores: dict[int, tuple] = {}  # by id, with the strategy: else that id may be reused
        self._is_part = False  # whether it is a chunk, which knows nothing of the other rows
        self._whole: tuple[View, np.ndarray] | None = None  # what was narrowed, and to which rows
        self._distances: Memory | None = None  # to centres, of a view that has reserved some rows

    def __len__(self) -> int:
        return len(self._reading.rows)

    # What is known

    @cached_property
    def X(self):
        """The n rows, in the container that was given; joined where there are several."""
        return self._reading.rows.slice(0, len(self))

    def take(self, positions) -> Any:
        """Return the rows at positions."""
        return self._reading.rows.take(positions)

    @cached_property
    def candidates(self) -> np.ndarray:
        """Positions that may be chosen, sorted."""
        return np.flatnonzero(self.mask)

    @property
    def labeled(self) -> np.ndarray:
        """Positions of labelled rows; not for rowwise strategies."""
        self._refuse_part("labeled", "set rowwise = False in its class")
        return self._pool.labeled + self._offset

    @property
    def reserved(self) -> np.ndarray:
        """Positions of reserved rows; not for rowwise strategies."""
        self._refuse_part("reserved", "set rowwise = False in its class")
        return self._pool.reserved + self._offset

    @property
    def centers(self) -> np.ndarray:
        """Positions of rows that are labelled or reserved, sorted: batches keep away from them."""
        return np.union1d(self.labeled, self.reserved)

    @property
    def multilabel(self) -> bool:
        """Whether rows have several labels, of which `classes` are the names."""
        return getattr(self._pool, "multilabel", False)

    @property
    def y_labeled(self) -> np.ndarray:
        """Labels of the labelled rows, in their order; of several a row, bool, shape (m, L)."""
        labels = self._pool.y_labeled
        if labels is None:
            raise ValueError(
                "the strategy reads view.y_labeled; give select y_labeled=, one label for each "
                "labelled row."
            )
        return labels.astype(bool) if self.multilabel else labels

    @property
    def opinions(self) -> Opinions:
        """What everybody said of the labelled rows; not for rowwise strategies."""
        self._refuse_part("opinions", "set rowwise = False in its class")
        said = self._pool.opinions_on_labeled
        if said is None:
            raise ValueError(
                "the strategy reads view.opinions, which only a Pool has; write "
                "ActiveLearner(estimator, ...) instead of select."
            )
        return Opinions(said[0] + self._offset, *said[1:])

    @property
    def classes(self) -> np.ndarray | None:
        """Classes, shape (C,), in the order of the columns of `proba`; None for regressors."""
        if self.multilabel:  # which have their names before there is a model
            return self._pool.classes
        return getattr(self._reading.model, "classes", None)

    @property
    def n_classes(self) -> int | None:
        """How many classes there are: those of the model, else those that `classes=` names."""
        if self.classes is not None:
            return len(self.classes)
        if "proba" in self._known:  # from arrays alone
            return self._known["proba"].shape[1]
        named = None if self._pool is None else self._pool.classes
        return None if named is None else len(named)

    @property
    def estimator(self) -> Any:
        """The fitted estimator; None during a cold start."""
        return getattr(self._reading.model, "estimator", None)

    # Random numbers

    @cached_property
    def rng(self) -> np.random.Generator:
        """A generator that starts the same for the same question; not for rowwise strategies."""
        self._refuse_part("rng", "use view.row_random(), or set rowwise = False in its class")
        return np.random.default_rng(self._seed)

    def row_random(self, positions=None) -> np.ndarray:
        """Return one uniform number in [0, 1) for each row, or for those at positions.

        It is a hash of the question and of the row's id, or number: the same for any chunks, and
        by ids for rows in any order.
        """
        numbers = positions
        if self._numbers is not None:
            numbers = self._numbers if positions is None else self._numbers[positions]
        elif positions is None:
            numbers = np.arange(len(self))
        if self._hashes is not None:
            numbers = self._hashes[numbers]
        return uniform_by_row(numbers, self._seed)

    def positions_of(self, rows) -> np.ndarray:
        """Return the positions of rows by their numbers: their positions in the whole view."""
        if self._numbers is None:
            return as_positions(rows, len(self), "rows")
        rows = as_positions(rows, np.iinfo(np.intp).max, "rows").tolist()
        at = {number: position for position, number in enumerate(self._numbers.tolist())}
        absent = [row for row in rows if row not in at]
        if absent:
            raise ValueError(
                f"the strategy reads row {absent[0]}, which is not among the {len(self)} rows "
                f"that it is shown."
            )
        return np.array([at[row] for row in rows])

    # What the model says

    proba = _read_of_model("proba")
    decision = _read_of_model("decision")
    prediction = _read_of_model("prediction")
    value = _read_of_model("value")
    std = _read_of_model("std")
    samples = _read_of_model("samples")
    value_samples = _read_of_model("value_samples")

    @property
    def vectors(self) -> Any:
        """Rows as vectors like `embedding`; of a net on a device, a tensor there.

        Functions of `skactive.selection` that take tensors choose where these are.
        """
        if "embedding" not in self._known:
            vectors = self._read_vectors()
            if not is_tensor(vectors):
                vectors = check_vectors(vectors, who="the strategy")
            self._known["embedding"] = vectors
        return self._known["embedding"]

    @property
    def is_too_large(self) -> bool:
        """Whether vectors of all rows would take more memory than `config_context` allows."""
        return "embedding" not in self._known and self._reading.is_too_much()

    def vector_blocks(self) -> Iterator:
        """Go through the vectors of all rows, some at a time, of which nothing is kept."""
        return map(_on_host, self._reading.vectors(0, len(self)))

    @property
    def embedding(self) -> np.ndarray:
        """Rows as vectors, an array or CSR matrix of shape (n, d).

        By the learner's `embedding`, else as the estimator's last step sees them.
        """
        return _on_host(self.vectors)

    @property
    def gradient_vectors(self) -> tuple:
        """Factors like those of `gradient`; of a net on a device, tensors there."""
        if "gradient" not in self._known:
            model = self._reading.model
            # A linear model's layer is given the embedding; that of an MLP or a net, its own. Both
            # factors come from an estimator of the user's own that brings them.
            is_embedding = self._reading.is_embedded or (model is not None and model.is_linear)
            features = self.vectors if is_embedding else self._read("features")
            is_regression = model is not None and model.classes is None
            errors_of = likeliest_label_errors if self.multilabel else likeliest_errors
            errors = None if is_embedding else self._known.get("errors")
            if errors is None:
                errors = np.ones((len(self), 1)) if is_regression else errors_of(self.proba)
            self._known["gradient"] = errors, features
        return self._known["gradient"]

    @property
    def gradient(self) -> tuple[np.ndarray, np.ndarray]:
        """Factors of the gradient of the loss in the weights of the last, linear layer.

        With the likeliest label: the errors of the probabilities, shape (n, C), and what the layer
        was given, shape (n, d). For regressors, the gradient of the prediction: ones come first.
        """
        errors, features = self.gradient_vectors
        return errors, _on_host(features)

    def perturbation(self, attack: str, **options) -> np.ndarray:
        """Return the L2 length of the least change of each row that flips its prediction.

        In units of the rows; infinity where none was found. `attack` is "deepfool" or "bim".
        """
        return self._reading.perturbation(attack, **options)

    def with_dropout(self, n_passes: int) -> "View":
        """Return this view with so many passes with dropout as `samples`, `proba` their mean."""
        if not self.gives("dropout"):
            reason = self._reading.fitted("dropout").refusal("dropout")
            raise ValueError(f"the strategy reads {reason}")
        model = self._reading.fitted("dropout").with_dropout(n_passes)
        of_model = {"proba", "samples", "prediction", "gradient"}
        known = {k: v for k, v in self._known.items() if k not in of_model}
        whole = self._whole and (self._whole[0].with_dropout(n_passes), self._whole[1])
        return self._copy(_reading=replace(self._reading, model=model), _known=known, _whole=whole)

    def center_distances(self) -> np.ndarray:
        """Return the squared distance of each row to the nearest of `centers`; none: infinity.

        It is kept from round to round where the embedding does not depend on the model, so that
        only the distances to new labels are computed. Not to be written to.
        """
        memory = self._distances or self._memory_of_distances()
        vectors, centers = self.embedding, self.centers
        new, known = memory.since(centers)
        if known is not None and len(known) < len(self):
            # Rows joined the pool: they alone are measured against the centres of before.
            rows = np.r_[np.arange(len(known), len(self)), memory.centers]
            positions = np.arange(len(self) - len(known), len(rows))
            joined = nearest_squared_distances(vectors[rows], positions)
            known = np.append(known, joined[: positions[0]])
        if known is None or len(new):
            known = nearest_squared_distances(vectors, new, known=known)
            known.flags.writeable = False
            memory.centers, memory.distances = centers, known
        return known

    def gives(self, what: str) -> bool:
        """Whether the model can give `what`: "proba", "decision", "std", "samples"..."""
        return what in self._known or self._reading.gives(what)

    # Scores

    def score(self, strategy) -> np.ndarray:
        """Return a strategy's scores of the candidates, shape (n,), NaN elsewhere.

        Raises
        ------
        ValueError
            If a candidate's score is NaN, or the shape is wrong.
        NotImplementedError
            If the strategy has no score: it chooses rows jointly.
        """
        known = self._scores.get(id(strategy))
        if known is not None:
            return known[1]
        scores = np.full(len(self), np.nan)
        if strategy.rowwise:
            reads = [what for part in strategy.reads for what in np.atleast_1d(part)]
            if self._reading.embed is not None and not {"embedding", "gradient"}.isdisjoint(reads):
                # Of all rows at once: chunks would each make theirs, and nothing would be kept
                # for the next question.
                _ = self.embedding
            for part, positions, kept in self.chunks(reads):
                chunk = _check_scores(strategy, strategy.score(part), part, kept)
                scores[positions] = chunk if kept is None else np.where(kept, chunk, np.nan)
        else:
            whole = _check_scores(strategy, strategy.score(self), self, self.mask)
            scores[self.mask] = whole[self.mask]
        self._scores[id(strategy)] = (strategy, scores)
        return scores

    def restrict(self, positions) -> "View":
        """Return this view with those of its candidates alone that are at these positions."""
        mask = np.zeros_like(self.mask)
        mask[positions] = self.mask[positions]
        other = self._copy(mask=mask)
        other.__dict__.pop("candidates", None)  # cached, of the mask before
        return other

    def narrowed(self, positions) -> "tuple[View, np.ndarray]":
        """Return a view of these candidates and the centres, and where its rows are in this one.

        It has no other rows: they are the population, and nothing is computed of the rest.
        """
        rows = np.union1d(positions, self.centers)
        other = self.part(self.take(rows), rows)
        labeled, reserved = (np.searchsorted(rows, at) for at in (self.labeled, self.reserved))
        said = self._pool.opinions_on_labeled
        if said is not None:
            said = np.searchsorted(rows, said[0] + self._offset), *said[1:]
        whole, at = self._whole or (self, slice(None))
        narrow = other._copy(  # a chunk would know no centres, and be read in one piece
            _reading=replace(other._reading, chunk_rows=self._reading.chunk_rows),
            mask=self.restrict(positions).mask[rows],
            _pool=Centers(
                labeled,
                reserved,
                self._pool.y_labeled,
                self._pool.classes,
                self.multilabel,
                said,
            ),
            _is_part=False,
            _whole=(whole, np.arange(len(whole))[at][rows]),
        )
        return narrow, rows

    def reserving(self, positions) -> "View":
        """Return this view with some of its candidates reserved, which are centres from then on."""
        pool, own = self._pool, Memory()
        own.__dict__.update((self._distances or self._memory_of_distances()).__dict__)
        said = pool.labeled, pool.reserved, pool.y_labeled, pool.classes, self.multilabel
        centers = Centers(*said, pool.opinions_on_labeled)
        reserved = np.union1d(pool.reserved, np.asarray(positions) - self._offset)
        mask = self.mask.copy()
        mask[positions] = False
        other = self._copy(mask=mask, _pool=centers._replace(reserved=reserved), _distances=own)
        other.__dict__.pop("candidates", None)
        return other

    @property
    def whole(self) -> "View":
        """What this view was `narrowed` from: itself, if it was not."""
        return self if self._whole is None else self._whole[0]

    def column(self, name: str | int, who: str) -> np.ndarray:
        """Return a column of the rows, by its name in a frame or its number in an array."""
        return np.concatenate([column_of(X, name, who) for X in self._reading.rows.parts])

    def of_pool(self, values, who: str) -> np.ndarray:
        """Return entries of the view's rows, of an array with one for each row of the pool."""
        if is_pandas(values):
            check_order(values, self.whole._reading.rows.index(), who=who, name="the array")
        values, n = entries_of(values, who), len(self.whole)
        if self._offset or len(values) != n:
            of = "rows from outside the pool" if self._offset else f"{n} rows"
            raise ValueError(
                f"{who} got {len(values)} entries for {of}; give one for each row of the pool, or "
                f"a column or a function of rows."
            )
        return values if self._numbers is None else values[self._numbers]

    def of_numbers(self, numbers) -> "View":
        """Return a view of rows by their numbers, of those too that `narrowed` has left out."""
        at = self.whole.positions_of(numbers)
        return self.whole.part(self.whole.take(at), at)

    # How it is computed

    def _copy(self, **changes) -> "View":
        """Return this view with other attributes; it has scored nothing yet."""
        other = View.__new__(View)
        other.__dict__.update(self.__dict__ | {"_scores": {}} | changes)
        return other

    def _refuse_part(self, name: str, advice: str) -> None:
        """Refuse what a chunk of rows does not know."""
        if self._is_part:
            raise AttributeError(
                f"a rowwise strategy read view.{name}, but it sees one chunk of rows at a time; "
                f"{advice}."
            )

    def _read(self, what: str):
        """Return what the model says of all rows, computed in chunks, kept for the next read."""
        if what not in self._known:
            self._known = self._reading.read(what) | self._known
        return self._known[what]

    @cached_property
    def _memory(self) -> Memory | None:
        """What is kept of the pool's vectors; None where these change with the model."""
        return self._memory_of()

    def _memory_of_distances(self) -> Memory:
        """Return what is kept of distances from round to round; nothing of rows from outside."""
        return self._memory if self._memory is not None and self._offset == 0 else Memory()

    def _read_vectors(self):
        """Return all rows as vectors; those of the pool from memory where they are there."""
        memory, n = self._memory, len(self) - self._offset
        if memory is None:
            whole, rows = self._whole or (self, None)
            return whole._read_vectors()[rows] if whole._keeps() else self._embedded(0, len(self))
        if memory.n_rows < n:  # rows joined the pool
            new = self._embedded(self._offset + memory.n_rows, len(self))
            memory.keep(join_vectors([memory.vectors, new] if memory.n_rows else [new]))
        if self._offset == 0:
            return memory.vectors
        return join_vectors([self._embedded(0, self._offset), memory.vectors])

    def _keeps(self) -> bool:
        """Whether vectors of all rows are in memory, or cost so much that they are to be there."""
        if self._memory is None or self._offset:
            return False
        return self._reading.embed is not None or self._memory.n_rows == len(self)

    def _embedded(self, start: int, stop: int):
        """Return consecutive rows as vectors."""
        known = self._reading.embedded(start, stop)
        vectors = known.pop("embedding")
        if stop - start == len(self):  # what came with them is kept only if it is of all rows
            self._known = known | self._known
        return vectors

    def chunks(self, reads: list[str]) -> Iterator[tuple]:
        """Yield views of chunks, the positions of their rows, and a mask of those that count.

        The mask is None where all of them do.
        """
        rows, step = self._reading.rows, self._reading.n_chunk_rows(reads)

        def parts():
            for cut in (slice(*ends) for ends in rows.cuts(step)):
                mask = self.mask[cut]
                n_candidates = int(np.count_nonzero(mask))
                size = cut.stop - cut.start
                if n_candidates == 0:
                    continue
                # A slice is not copied, gathered rows are: that pays once the model would spend
                # more than half of its time on rows that are no candidates.
                if 2 * n_candidates < size:
                    positions = cut.start + np.flatnonzero(mask)
                    part = self.part(rows.some(positions), positions)
                    yield size, (part, positions, None)
                else:
                    part = self.part(rows.some(cut), cut)
                    yield size, (part, cut, None if n_candidates == size else mask)

        if len(self) > step:
            yield from progress(parts(), len(self), "scoring")
        else:  # a bar would have nothing to show
            yield from (part for _, part in parts())

    def part(self, X, at) -> "View":
        """Return a view of some rows alone, which knows what this view knows of them."""
        if self._numbers is not None:
            numbers = self._numbers[at]
        else:
            numbers = np.arange(at.start, at.stop) if isinstance(at, slice) else at
        part = self._copy(
            _reading=replace(self._reading, rows=Rows(X), chunk_rows=max(len(numbers), 1)),
            mask=np.ones(len(numbers), dtype=bool),
            _known={name: _at(name, values, at) for name, values in self._known.items()},
            _numbers=numbers,
            _offset=0,
            _memory=None,
            _is_part=True,
            _whole=None,
        )
        for name in ("X", "candidates", "rng"):  # cached, of all rows
            part.__dict__.pop(name, None)
        return part


def _at(name: str, values, at):
    """Return what is known of some rows, of what is known of all."""
    if isinstance(values, tuple):
        return tuple(part[at] for part in values)
    return values[:, at] if name in BY_MEMBER else values[at]


def _on_host(vectors):
    """Return vectors as an array or a CSR matrix, wherever they are."""
    return as_array(vectors) if is_tensor(vectors) else vectors


def _check_scores(strategy, scores, view: View, mask: np.ndarray | None) -> np.ndarray:
    """Return scores as floats, one for each row, none of the candidates' NaN."""
    name = type(strategy).__name__
    scores = unmasked(scores, "scores", f"a query by {name}", np.float64)
    if scores.shape != (len(view),):
        raise ValueError(
            f"{name}.score gave an array of shape {scores.shape} for {len(view)} rows; give one "
            f"number for each row of the view."
        )
    with np.errstate(invalid="ignore"):  # infinities of both signs sum to NaN too
        is_suspect = np.isnan(scores.sum())
    if is_suspect and np.isnan(scores if mask is None else scores[mask]).any():
        raise ValueError(f"{name}.score gave NaN for a candidate; every candidate needs a number.")
    return scores
