"""What a selection from a large pool will take, told before it begins, by what samples took."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from time import perf_counter, process_time
from typing import NamedTuple

import numpy as np

from ..data.arrays import row_width
from ..data.types import Mask, Positions, Vectors
from ..utils.checks import warn
from .blocks import Blocks
from .lloyd import MAX_ITERATIONS, Clusters, lloyd

LITTLE_WORK = 2e10  # multiplications: at most about a minute, which is not worth a measurement
_BESIDES = 50  # multiplications take as long as what else is done to a pair of rows
LONG = 60.0  # seconds, from which on a selection is told to be long
_FIRST_ROWS = 1000  # of the first sample; the next ones are twice as large each
_ENOUGH = 0.3  # seconds between two samples that tell what a row takes
_SHORT = 0.1  # seconds: what takes less scatters, and is done again
_SHARE = 40  # of the whole time: what a sample takes at most
_FEW_STEPS = 50  # the most that are made on a sample
_LEAST_CLUSTERED = 4000  # rows of a sample that is clustered
_ROWS_A_CLUSTER = 400  # of it: with fewer, clusters settle sooner than those of all rows
_ITERATIONS = 20  # of k-means, as few as it may take
_WATCHED = 30  # passes over a sample, after which its means move as those of all rows do
_SLOWING = 2.6  # how many times as many passes all rows take: this root of the unrest then
_LIKELY = 230  # passes at most, as told: of those that would make more than 300, some settle sooner

_is_sample: ContextVar[bool] = ContextVar("is_sample", default=False)  # not measured itself

OnSample = Callable[[Positions, int], object]


def foretell(
    who: str,
    vectors: Vectors,
    mask: Mask,
    n: int,
    run: OnSample,
    *,
    pairs: float,
    size: float,
    power: int = 1,
    steps: Callable[[int], float] = float,
    named: str | None = None,
    besides: float = 0.0,
) -> None:
    """Warn where a selection will take long, by what it takes for samples of the candidates.

    ``run(rows, n)`` selects n of some rows. The selection works on `pairs` of rows at least; where
    these are few nothing is measured. Its time grows with `size` to the `power`, and with
    ``steps(n)``; `besides` are seconds for something else. `named` is what to write, where `who` is
    not.
    """
    if _is_little(pairs, vectors):
        return
    rng, rows = np.random.default_rng(len(mask)), np.flatnonzero(mask)
    most = len(rows) / _SHARE ** (1 / power)
    n_sampled = int(np.clip(most / 2, 2, _FIRST_ROWS))
    few, before = min(n, n_sampled // 2, _FEW_STEPS), None
    while True:
        some = np.sort(rng.choice(rows, n_sampled, replace=False))
        took = seconds_of(partial(run, some, few))
        if before is not None and (took - before > _ENOUGH or 2 * n_sampled > most):
            break
        before, n_sampled = took, 2 * n_sampled
    a_row = max(took - before, 0.0) / (n_sampled**power - (n_sampled / 2) ** power)
    rest = a_row * (size**power - n_sampled**power) * steps(n) / steps(few)
    tell(who, vectors, took + rest + besides, named)


class Sampled(NamedTuple):
    """A sample of rows that is clustered, and how many seconds all of them will take for that."""

    seconds: float
    longest: float  # if they do not settle before k-means gives up
    rows: Positions
    labels: Positions


def sampled_clusters(vectors: Vectors, rows: Positions, n_clusters: int) -> Sampled | None:
    """Return how long rows take to cluster, by a sample of them; None: not long."""
    if _is_little(float(len(rows)) * n_clusters * _ITERATIONS, vectors):
        return None
    rng, n = np.random.default_rng(len(rows)), max(len(rows) // _SHARE, _LEAST_CLUSTERED)
    n = min(max(n, min(_ROWS_A_CLUSTER * n_clusters, len(rows) // 4)), len(rows))
    some = np.sort(rng.choice(rows, n, replace=False))
    sample = vectors[some]  # a copy: picked from all in each pass, few rows take twice as long
    found: list[Clusters] = []

    def run(most: int) -> None:
        own = np.random.default_rng(n)
        found.append(lloyd(Blocks(sample), n_clusters, np.full(n, np.inf), own, most))

    # The first passes, with what comes before them, tell what that takes.
    before, took = seconds_of(partial(run, 2)), seconds_of(partial(run, _WATCHED))
    few, clusters = found[0], found[-1]
    a_pass = max(took - before, 0.0) / max(clusters.n_passes - few.n_passes, 1) * len(rows) / n
    seconds, longest = (
        before + a_pass * passes for passes in (passes_of_all(clusters), MAX_ITERATIONS)
    )
    return Sampled(seconds, longest, some, clusters.labels)


def _is_little(pairs: float, vectors: Vectors) -> bool:
    """Return whether work on pairs of rows is not worth a measurement, or is one itself."""
    return pairs * (row_width(vectors) + _BESIDES) < LITTLE_WORK or _is_sample.get()


def passes_of_all(clusters: Clusters) -> float:
    """Return how many passes all rows will take, by those of a sample of them.

    Examples
    --------
    >>> nothing = np.zeros(0)
    >>> passes_of_all(Clusters(nothing, nothing, 30, 10.0**4))
    230.0
    """
    if clusters.unrest <= 1:
        return 1.5 * clusters.n_passes  # all rows settle a little later
    return float(min(_LIKELY, clusters.n_passes * clusters.unrest ** (1 / _SLOWING)))


def tell(
    who: str,
    vectors: Vectors,
    seconds: float,
    named: str | None = None,
    longest: float | None = None,
) -> None:
    """Warn of what a selection will take, and may take at most, where that is long."""
    longest = seconds if longest is None else longest
    if min(2 * seconds, longest) < LONG:  # it may be twice as long as a sample tells
        return
    named = repr(who) if named is None else named
    most = f", {duration(longest)} at most" if duration(longest) != duration(seconds) else ""
    warn(
        f"{who} on {vectors.shape[0]:,} rows will take about {duration(seconds)} here{most}, by "
        f"what a sample took; write Subpool({named}, size=20_000) or Prefilter('margin', {named}) "
        f"from skactive.strategies, which look at a part of the rows."
    )


def duration(seconds: float) -> str:
    """Return a time in words, to a digit or two.

    Examples
    --------
    >>> duration(95), duration(3.2 * 3600), duration(2e6)
    ('2 minutes', '3 hours', '23 days')
    """
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 1.5 * size:
            return f"{round(seconds / size)} {unit}"
    return f"{round(seconds)} seconds"


def seconds_of(call: Callable[[], object]) -> float:
    """Return how many seconds a call takes: the less of those that pass and of the processor's.

    Beside other programs more seconds pass, and several threads take more of the processor's. What
    is short scatters: the least of three.
    """
    least, token = np.inf, _is_sample.set(True)
    try:
        for _ in range(3):
            start, busy = perf_counter(), process_time()
            call()
            least = min(least, perf_counter() - start, process_time() - busy)
            if least > _SHORT:
                break
    finally:
        _is_sample.reset(token)
    return least
