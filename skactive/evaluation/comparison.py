"""The result of a comparison: curves, statistics, and what may be concluded from them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import statistics as st
from . import report

CEILING = "all labels"
LEVEL = 0.95


@dataclass
class Run:
    """One strategy on one split, of values that JSON gives back as they were.

    Attributes
    ----------
    dataset, variant : str
        Names of the data set and of the strategy.
    repeat : int
        Number of the split.
    strategy : str
        The strategy as it prints.
    n_labeled : list of int, length T
        Labelled rows after each round.
    scores : list of float, length T
        Score on the test rows after each round.
    indices : list of lists of int
        Row numbers asked for in each round, of the whole data set.
    seconds : list of lists of 3 floats
        Seconds of fit, query and bookkeeping in each round.
    n_train, n_test : int
        Rows that could be asked for, and rows of this split that it was tested on; 0 where all
        repeats share their test rows.
    failed : str
        Why there is no round: what the estimator said of the first labels. Otherwise empty.
    axis : {"labels", "answers", "cost"}
        Over what its curve is drawn.
    spent : list of float, length T
        Answers after each round, or what they have cost; empty where that is `n_labeled`.
    """

    dataset: str
    variant: str
    repeat: int
    strategy: str
    n_labeled: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    indices: list[list[int]] = field(default_factory=list)
    seconds: list[list[float]] = field(default_factory=list)
    n_train: int = 0
    n_test: int = 0
    failed: str = ""
    axis: str = "labels"
    spent: list[float] = field(default_factory=list)

    @property
    def grid(self) -> list:
        """Where its curve has its points: numbers of labels or of answers, or costs."""
        return self.n_labeled if self.axis == "labels" else self.spent

    def add(
        self,
        n_labeled: int,
        score: float,
        indices: Any = (),
        seconds: Any = (0.0, 0.0, 0.0),
        spent=None,
    ) -> None:
        """Add a round."""
        if self.axis != "labels":
            self.spent.append(float(spent))
        self.n_labeled.append(int(n_labeled))
        self.scores.append(float(score))
        self.indices.append(np.asarray(indices, dtype=np.int64).tolist())
        self.seconds.append([float(part) for part in seconds])


class Comparison:
    """Strategies side by side: what `compare_strategies` returns.

    Methods take the name of a data set as `dataset`; None is enough if there is only one.

    Parameters
    ----------
    runs : list of Run
        Finished runs: of "random" and the ceiling ("all labels") on each data set, and of each
        other strategy on some, all of them in the same repeats.
    names : list of str
        Names of the strategies, in the order to show them.
    scoring : str
        Name of the score.

    Raises
    ------
    ValueError
        If a run has another name, or the repeats are not the same for all strategies.

    Attributes
    ----------
    runs : list of Run
        Finished runs, ordered by data set, repeat and strategy.
    names : list of str
        Names of the strategies, without the ceiling.
    datasets : list of str
        Names of the data sets.
    scoring : str
        Name of the score.
    """

    def __init__(self, runs: Sequence[Run], names: Sequence[str], scoring: str = "score") -> None:
        order = {name: position for position, name in enumerate([*names, CEILING])}
        unnamed = [run.variant for run in runs if run.variant not in order]
        if unnamed:
            raise ValueError(f"there is a run of {unnamed[0]!r}, which names does not list.")
        self.datasets = list(dict.fromkeys(run.dataset for run in runs))
        place = {dataset: position for position, dataset in enumerate(self.datasets)}
        self.runs = sorted(
            runs, key=lambda run: (place[run.dataset], run.repeat, order[run.variant])
        )
        self.names = [name for name in names if name != CEILING]
        self.scoring = scoring
        for dataset in self.datasets:
            _check_repeats(self._grouped(dataset), dataset)

    @classmethod
    def concat(cls, comparisons: Sequence["Comparison"]) -> "Comparison":
        """Return one comparison over the data sets of several, whose names differ.

        Raises
        ------
        ValueError
            If there are none, or two have a data set of the same name, or different scores.
        """
        comparisons = list(comparisons)
        if not comparisons:
            raise ValueError("there are no comparisons; give at least one.")
        datasets = [name for part in comparisons for name in part.datasets]
        twice = sorted({name for name in datasets if datasets.count(name) > 1})
        if twice:
            raise ValueError(
                f"the data set {twice[0]!r} comes twice; give each comparison another name=."
            )
        scorings = sorted({part.scoring for part in comparisons})
        if len(scorings) != 1:
            raise ValueError(f"scores differ ({', '.join(scorings)}); compare by one scoring=.")
        names = dict.fromkeys(name for part in comparisons for name in part.names)
        runs = [run for part in comparisons for run in part.runs]
        return cls(runs, list(names), scorings[0])

    # Arrays

    def curves(self, dataset: str | None = None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Return the learning curves of each strategy: labels (T,) and scores (R, T) by repeat.

        Where repeats differ in their numbers of labels, scores are interpolated. Where several
        people answer, or a `CostBudget` is spent, answers or their cost stand for labels, here and
        everywhere: see `axis`.
        """
        grouped = self._grouped(dataset)
        return {name: _aligned(runs) for name, runs in grouped.items() if name != CEILING}

    def axis(self, dataset: str | None = None) -> str:
        """Return over what curves are drawn: "labels", "answers" or "cost"."""
        return self._grouped(dataset)["random"][0].axis

    def ceiling(self, dataset: str | None = None) -> np.ndarray:
        """Return the scores with all labels, shape (R,)."""
        return np.array([run.scores[-1] for run in self._grouped(dataset)[CEILING]])

    def aulc(self, dataset: str | None = None) -> dict[str, np.ndarray]:
        """Return the normalised areas under the learning curves of each strategy, shape (R,).

        In each repeat over the range that the curves of all strategies have.
        """
        grouped = self._grouped(dataset)
        del grouped[CEILING]
        areas = [_areas(runs) for runs in zip(*grouped.values(), strict=True)]
        return dict(zip(grouped, np.transpose(areas), strict=True))

    def default_target(self, dataset: str | None = None) -> float:
        """Return a score that random reaches while it still rises.

        What it has with half of its labels, but not before the first quarter of the curve, or after
        four fifths of its rise, if that is less: on a plateau the number of labels hangs on noise
        alone.
        """
        n_labeled, scores = self.curves(dataset)["random"]
        mean = st.rising_mean(scores)
        first, last = n_labeled[0], n_labeled[-1]
        # A curve that begins past half would have its first score for a target, reached by all.
        half = np.interp(max(last / 2, first + (last - first) / 4), n_labeled, mean)
        return float(min(half, mean[0] + 0.8 * (mean[-1] - mean[0])))

    def win_tie_loss(self) -> dict[str, tuple[int, int, int]]:
        """Return how often each strategy was better than, equal to, and worse than random.

        By the area under the learning curve: in how many repeats, or, of several data sets, on how
        many of them in the mean.
        """
        if len(self.datasets) > 1:
            rows = self.overall()
            return {row["strategy"]: (row["wins"], row["ties"], row["losses"]) for row in rows}
        areas = self.aulc()
        others = [name for name in areas if name != "random"]
        return {name: st.win_tie_loss(areas[name], areas["random"]) for name in others}

    def penalty_matrix(self) -> tuple[list[str], np.ndarray]:
        """Return the pairwise penalty matrix of Ash et al. (2020), summed over data sets.

        Returns
        -------
        names : list of str
            Strategies.
        matrix : ndarray of shape (n, n)
            Entry (i, j): the share of the curve, until random saturates, on which i beats j
            significantly, summed over data sets.
        """
        total = np.zeros((len(self.names), len(self.names)))
        for dataset in self.datasets:
            batch = _batch(self._grouped(dataset))
            names, matrix = st.penalty_matrix(self.curves(dataset), random="random", batch=batch)
            where = [self.names.index(name) for name in names]
            total[np.ix_(where, where)] += matrix
        return list(self.names), total

    # Tables

    def summary(
        self, target: float | None = None, dataset: str | None = None
    ) -> list[dict[str, Any]]:
        """Return a row of statistics for each strategy.

        Parameters
        ----------
        target : float, default=None
            Score to reach. None: `default_target`.

        Returns
        -------
        list of dict
            "strategy"; "aulc", "aulc_low", "aulc_high": mean area and its 95 % interval;
            "gain", "gain_low", "gain_high": mean difference from random, paired, with intervals
            that hold for all strategies together; "p_t", "p_wilcoxon": paired tests against random
            on these rows, by Holm's correction; "new_low", "new_high", "p_new": interval and test
            for new rows; "labels": number of labels, or of answers, or their cost, at which the
            mean curve reaches the target;
            "saving": a `statistics.Saving` against random; "wins", "ties", "losses" against
            random; "seconds": of query, fit and bookkeeping, mean over repeats.

        Notes
        -----
        An interval that leaves out 0 has a p-value below 0.05: the intervals are Bonferroni's,
        which Holm's correction never contradicts. "p_wilcoxon" is NaN where so few repeats cannot
        bring it below 0.05, whatever they say: below six for one strategy.
        """
        areas, curves = self.aulc(dataset), self.curves(dataset)
        grouped = self._grouped(dataset)
        if target is None:
            target = self.default_target(dataset)
        ratio = _ratio(grouped["random"])
        rows: list[dict[str, Any]] = []
        for name, (n_labeled, scores) in curves.items():
            mean, low, high = st.mean_interval(areas[name], LEVEL)
            row = {
                "strategy": name,
                "aulc": float(mean),
                "aulc_low": float(low),
                "aulc_high": float(high),
                "labels": st.labels_to_reach(n_labeled, st.rising_mean(scores), target),
                "seconds": _mean_seconds(grouped[name]),
            }
            if name != "random":
                row |= _gain(areas[name], areas["random"], len(curves) - 1, ratio)
                row["saving"] = st.saving(
                    *curves[name],
                    curves["random"][1],
                    target,
                    n_labeled_baseline=curves["random"][0],
                    level=LEVEL,
                    rng=np.random.default_rng(0),  # so that a table prints alike twice
                )
            rows.append(row)
        # All strategies are held against one baseline, so their p-values are corrected together.
        _correct([row for row in rows if row["strategy"] != "random"], "p_t", "p_wilcoxon", "p_new")
        return rows

    def overall(self) -> list[dict[str, Any]]:
        """Return a row for each strategy over all data sets, of which each counts once.

        Returns
        -------
        list of dict
            "strategy"; "n_datasets": on how many it ran; "gain": mean over them of its mean
            difference from random; "wins", "ties", "losses": on how many of them that is above,
            at or below 0; "p_wilcoxon": Wilcoxon's signed rank test of these differences, by Holm's
            correction, NaN where so few data sets cannot bring it below 0.05.
        """
        areas = [self.aulc(dataset) for dataset in self.datasets]
        rows: list[dict[str, Any]] = []
        others = [name for name in self.names if name != "random"]
        for name in others:
            both = [(part[name], part["random"]) for part in areas if name in part]
            means, baseline = np.array([[a.mean(), b.mean()] for a, b in both]).T
            compared = _gain(means, baseline, len(others), None)
            kept = {key: compared[key] for key in ("gain", "wins", "ties", "losses", "p_wilcoxon")}
            rows.append({"strategy": name, "n_datasets": len(both)} | kept)
        _correct(rows, "p_wilcoxon")
        return rows

    def verdict(self, dataset: str | None = None) -> str:
        """Return in words, a line for each strategy, what may be concluded against random.

        Of one data set: on its rows, and for new ones. With fewer than five repeats it says that
        there is no verdict. Of several, unless one is named: over all, of which each counts once.
        """
        if dataset is None and len(self.datasets) > 1:
            return report.overall_verdict(self.overall())
        return report.verdict(self.summary(dataset=dataset), len(self.ceiling(dataset)))

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with a line for every round of every run.

        Columns are dataset, strategy, repeat, n_labeled, spent (answers, or what these cost, where
        that is no number of labels), score, seconds_fit, seconds_query, seconds_bookkeeping and
        indices.
        """
        import pandas as pd

        columns = ["dataset", "strategy", "repeat", "n_labeled", "spent", "score"]
        columns += ["seconds_fit", "seconds_query", "seconds_bookkeeping", "indices"]
        rows = [
            (run.dataset, run.variant, run.repeat, n_labeled, spent, score, *seconds, indices)
            for run in self.runs
            for n_labeled, spent, score, seconds, indices in zip(
                run.n_labeled, run.grid, run.scores, run.seconds, run.indices, strict=True
            )
        ]
        return pd.DataFrame(rows, columns=columns)

    def to_markdown(self, target: float | None = None) -> str:
        """Return heading, `summary` and verdict of every data set in Markdown.

        Several data sets are followed by their totals: wins, ties and losses, the pairwise penalty
        matrix, and the verdict over all. `target` is that of `summary`.
        """
        parts = [self._markdown(dataset, target) for dataset in self.datasets]
        if len(self.datasets) > 1:
            names, matrix = self.penalty_matrix()
            table = report.totals_table(names, self.win_tie_loss(), matrix)
            parts += [f"**all {len(self.datasets)} data sets**", table, self.verdict()]
        return "\n\n".join(parts)

    def _repr_markdown_(self) -> str:
        return self.to_markdown()

    def __repr__(self) -> str:
        repeats = report.count_of_repeats(len(self.ceiling(self.datasets[0])))
        return (
            f"Comparison({', '.join(self.names)}; {repeats} on {', '.join(self.datasets)}; "
            f"{self.scoring})"
        )

    def _markdown(self, dataset: str, target: float | None) -> str:
        """Return the summary of one data set."""
        if target is None:
            target = self.default_target(dataset)
        rows, ceiling = self.summary(target, dataset), self.ceiling(dataset)
        interval = st.mean_interval(ceiling, LEVEL)
        heading = report.heading(dataset, self.scoring, len(ceiling), interval)
        table = report.summary_table(rows, target, self.axis(dataset))
        words = report.verdict(rows, len(ceiling))
        return "\n\n".join([heading, table, words])

    def _grouped(self, dataset: str | None) -> dict[str, list[Run]]:
        """Return the runs of a data set by strategy, in the order of repeats."""
        if dataset is None:
            if len(self.datasets) > 1:
                raise ValueError(f"name the data set: one of {', '.join(self.datasets)}.")
            dataset = self.datasets[0]
        if dataset not in self.datasets:
            raise ValueError(f"no data set {dataset!r}; there is {', '.join(self.datasets)}.")
        grouped: dict[str, list[Run]] = {}
        for run in self.runs:
            if run.dataset == dataset:
                grouped.setdefault(run.variant, []).append(run)
        return grouped


def _check_repeats(grouped: dict[str, list[Run]], dataset: str) -> None:
    """Refuse runs on a data set that are not paired by their repeats."""
    for name in ("random", CEILING):
        if name not in grouped:
            raise ValueError(
                f"there is no run of {name!r} on {dataset!r}; all are held against it."
            )
    axes = sorted({run.axis for name, runs in grouped.items() for run in runs if name != CEILING})
    if len(axes) > 1:
        raise ValueError(
            f"the curves on {dataset!r} are over {' and '.join(axes)}; give runs over one of these."
        )
    repeats = [run.repeat for run in grouped["random"]]
    for name, runs in grouped.items():
        own = [run.repeat for run in runs]
        if own != repeats or len(set(own)) < len(own):
            raise ValueError(
                f"{name!r} has the repeats {own} on {dataset!r}, 'random' has {repeats}; give one "
                f"run for each repeat, the same for all."
            )


def _aligned(runs: list[Run]) -> tuple[np.ndarray, np.ndarray]:
    """Return curves on common numbers of labels: those of any run that lie within all runs."""
    # A cold start may last longer in one repeat than in another, so runs start differently.
    grids = [np.array(run.grid) for run in runs]
    low, high = max(grid[0] for grid in grids), min(grid[-1] for grid in grids)
    common = np.unique(np.concatenate(grids))
    common = common[(common >= low) & (common <= high)]
    if len(common) == 0:
        raise ValueError(
            f"the runs of {runs[0].variant!r} on {runs[0].dataset!r} have no number of "
            f"{runs[0].axis} in common: one starts with {low:g}, another ends with {high:g}."
        )
    curves = [np.interp(common, grid, run.scores) for grid, run in zip(grids, runs, strict=True)]
    return common, np.array(curves)


def _areas(runs: Sequence[Run]) -> list[float]:
    """Return the areas below the curves of one repeat, over the range that all of them have."""
    grids = [np.array(run.grid, dtype=float) for run in runs]
    low, high = max(grid[0] for grid in grids), min(grid[-1] for grid in grids)
    if low > high:
        last, first = (
            next(run.variant for run, grid in zip(runs, grids, strict=True) if grid[at] == end)
            for at, end in ((-1, high), (0, low))
        )
        raise ValueError(
            f"in repeat {runs[0].repeat} {last!r} ends with {high:g} {runs[0].axis}, and {first!r} "
            f"starts with {low:g}; give a larger budget, or fewer initial labels."
        )
    areas = []
    for run, grid in zip(runs, grids, strict=True):
        points = np.unique([low, *grid[(grid > low) & (grid < high)], high])
        areas.append(float(st.aulc(points, np.interp(points, grid, run.scores))))
    return areas


def _batch(grouped: dict[str, list[Run]]) -> float | None:
    """Return the most common batch size; cold starts and last rounds have others."""
    steps = [np.diff(run.grid) for runs in grouped.values() for run in runs]
    sizes, counts = np.unique(np.concatenate(steps), return_counts=True)
    return float(sizes[counts.argmax()]) if len(sizes) else None


def _ratio(runs: list[Run]) -> float | None:
    """Return how many rows are tested on for each to train on; None: the test rows are shared."""
    if not all(run.n_train and run.n_test for run in runs):
        return None
    return float(np.mean([run.n_test / run.n_train for run in runs]))


def _gain(areas: np.ndarray, baseline: np.ndarray, n_tests: int, ratio) -> dict[str, Any]:
    """Compare one of n strategies with the baseline by their paired areas under the curves."""
    level = 1 - (1 - LEVEL) / n_tests  # together, the intervals of all have the level
    tests = st.paired_tests(areas, baseline, level=level, ratio=ratio)
    wins, ties, losses = st.win_tie_loss(areas, baseline)
    can_tell = len(areas) >= report.fewest_for_wilcoxon(n_tests)
    return {
        "gain": tests.mean_difference,
        "gain_low": tests.low,
        "gain_high": tests.high,
        "p_t": tests.p_t,
        "p_wilcoxon": tests.p_wilcoxon if can_tell else np.nan,
        "new_low": tests.low_new,
        "new_high": tests.high_new,
        "p_new": tests.p_new,
        "wins": wins,
        "ties": ties,
        "losses": losses,
    }


def _correct(rows: list[dict[str, Any]], *tests: str) -> None:
    """Correct the p-values of each test for the number of rows, by Holm."""
    for test in tests:
        adjusted = st.holm([row[test] for row in rows])
        for row, p in zip(rows, adjusted.tolist(), strict=True):
            row[test] = p


def _mean_seconds(runs: list[Run]) -> dict[str, float]:
    """Return the mean seconds of fit, query and bookkeeping over a whole run."""
    totals = np.mean([np.sum(run.seconds, axis=0) for run in runs], axis=0)
    return dict(zip(("fit", "query", "bookkeeping"), totals.tolist(), strict=True))
