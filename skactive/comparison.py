"""The result of a comparison: curves, statistics, and what may be concluded from them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from . import statistics as st

CEILING = "all labels"
MIN_REPEATS = 5  # for a verdict
LEVEL = 0.95


@dataclass
class Run:
    """One strategy on one split.

    Attributes
    ----------
    dataset, variant : str
        Names of the data set and of the strategy.
    repeat : int
        Which split.
    strategy : str
        The strategy as it prints.
    n_labeled : list of int, length T
        Labelled rows after each round.
    scores : list of float, length T
        Score on the test rows after each round.
    indices : list of lists of int
        Row numbers asked for in each round, of the whole data set.
    seconds : list of (float, float, float)
        Of fit, query and bookkeeping in each round.
    """

    dataset: str
    variant: str
    repeat: int
    strategy: str
    n_labeled: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    indices: list[list[int]] = field(default_factory=list)
    seconds: list[tuple[float, float, float]] = field(default_factory=list)

    def add(self, n_labeled: int, score: float, indices=(), seconds=(0.0, 0.0, 0.0)) -> None:
        """Add a round."""
        self.n_labeled.append(int(n_labeled))
        self.scores.append(float(score))
        self.indices.append(np.asarray(indices, dtype=np.int64).tolist())
        self.seconds.append(tuple(float(part) for part in seconds))

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Run":
        """Return the run that `to_json` gave."""
        return cls(**{**stored, "seconds": [tuple(part) for part in stored["seconds"]]})


class Comparison:
    """Strategies side by side: what `compare_strategies` returns.

    Parameters
    ----------
    runs : list of Run
        Finished runs.
    names : list of str
        Names of the strategies, in the order to show them.
    scoring : str
        What the scores are.

    Attributes
    ----------
    runs : list of Run
        Finished runs, ordered by data set, repeat and strategy.
    names : list of str
        Names of the strategies, without the ceiling.
    datasets : list of str
        Names of the data sets.
    scoring : str
        What the scores are.
    """

    def __init__(self, runs: Sequence[Run], names: Sequence[str], scoring: str = "score"):
        order = {name: position for position, name in enumerate([*names, CEILING])}
        self.datasets = list(dict.fromkeys(run.dataset for run in runs))
        place = {dataset: position for position, dataset in enumerate(self.datasets)}
        self.runs = sorted(
            runs, key=lambda run: (place[run.dataset], run.repeat, order[run.variant])
        )
        self.names = [name for name in names if name != CEILING]
        self.scoring = scoring
