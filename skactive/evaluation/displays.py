"""Pictures: what labels bought, which rows were asked for, how a stream went."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from .. import statistics as st
from ..budgets import checked_rate
from ..data.rows import in_memory
from ..learner.inside import reach
from ..loops.stream_loop import StreamLog
from ..strategies.base import name_of
from ..utils.checks import checked_count
from .model_selection import scored_stages
from .provenance import name_of_scoring
from .simulation import SimulatedLearner
from .starts import axis_of

# Okabe and Ito's colours, which the colour-blind tell apart, each with a dash and a marker of its
# own, which tell the lines apart in grey.
COLORS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES = ("--", "-", "-.", (0, (3, 1, 1, 1, 1, 1)), (0, (5, 1)), ":", (0, (1, 1)))
MARKERS = ("s", "o", "^", "D", "v", "P", "X")
AXES = {"labels": "labelled rows", "answers": "answers", "cost": "cost of the answers"}
DRIFT: dict[str, Any] = {"marker": "v", "ls": "", "ms": 8, "mec": "k"}


class BudgetCurveDisplay:
    """Learning curves: score against the number of labels, of answers, or what these cost.

    Make one by `from_simulation` or `from_comparison`.

    Parameters
    ----------
    curves : dict of str to (ndarray of shape (T,), ndarray of shape (R, T))
        Numbers of labels, or what was spent, and scores of each repeat, by name.
    ceiling : ndarray of shape (R,), default=None
        Scores with all labels.
    scoring : str, default="score"
        Name of the score, for the axis.
    baseline : str, default="random"
        Name of the curve against which savings are marked.
    axis : {"labels", "answers", "cost"}, default="labels"
        What was spent.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Where it is drawn.
    lines_ : list of matplotlib Line2D
        The curves, in the order of `curves`.
    """

    def __init__(
        self,
        curves,
        *,
        ceiling=None,
        scoring: str = "score",
        baseline: str = "random",
        axis: str = "labels",
    ) -> None:
        self.curves = curves
        self.ceiling = ceiling
        self.scoring = scoring
        self.baseline = baseline
        self.axis = axis

    @classmethod
    def from_simulation(
        cls, simulated, X, y, *, scoring=None, name=None, ax=None, **kwargs
    ) -> Self:
        """Draw the learning curve of one simulation on test data; return the display.

        Parameters
        ----------
        simulated : SimulatedLearner, or a Pipeline or finished search that holds one
            Fitted with ``keep_estimators=True``.
        X, y : container of m rows, array-like of shape (m,)
            Test rows and their labels; rows without a label are left out.
        scoring : str, callable or None, default=None
            As scikit-learn takes it; None: the estimator's own score.
        name : str, default=None
            Name in the legend; None: the strategy.
        ax, **kwargs
            As `plot` takes them.
        """
        spent, scores = scored_stages(simulated, X, y, scoring)
        inner = reach(simulated, SimulatedLearner)[0]
        if name is None:
            name = name_of(inner.learner_.strategy_)
        said = {"scoring": name_of_scoring(scoring) or "score"}
        said["axis"] = axis_of(inner.budget, inner.annotators)
        return cls({name: (spent, scores[None])}, **said).plot(ax=ax, **kwargs)

    @classmethod
    def from_comparison(cls, comparison, *, dataset=None, ax=None, **kwargs) -> Self:
        """Draw the learning curves of a comparison, with bands and the ceiling; return the display.

        Parameters
        ----------
        comparison : Comparison
            What `compare_strategies` returned.
        dataset : str, default=None
            Name of the data set; None where there is only one.
        ax, **kwargs
            As `plot` takes them.
        """
        curves, ceiling = comparison.curves(dataset), comparison.ceiling(dataset)
        said = {"scoring": comparison.scoring, "axis": comparison.axis(dataset)}
        return cls(curves, ceiling=ceiling, **said).plot(ax=ax, **kwargs)

    def plot(self, ax=None, *, target=None, level=0.95) -> Self:
        """Draw, and return the display.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None: a new figure.
        target : float, default=None
            Score to mark, with what the best curve saves against the baseline there.
        level : float, default=0.95
            Level of the bands around means, where there are several repeats.
        """
        self.ax_, self.figure_ = _axes(ax)
        self.lines_ = []
        # The baseline has the first style wherever it stands, so that it looks alike everywhere.
        order = [self.baseline, *(name for name in self.curves if name != self.baseline)]
        for name, (n_labeled, scores) in self.curves.items():
            position = order.index(name)
            mean, low, high = st.mean_interval(scores, level)
            style = _style(position) | {
                "marker": MARKERS[position % len(MARKERS)],
                "markevery": max(1, len(n_labeled) // 8),  # a marker a round would hide the line
                "markersize": 5,
            }
            self.lines_ += self.ax_.plot(n_labeled, mean, label=name, **style)
            if len(scores) > 1:
                self.ax_.fill_between(n_labeled, low, high, color=style["color"], alpha=0.15, lw=0)
        if self.ceiling is not None:
            self.ax_.axhline(
                np.mean(self.ceiling), color="0.4", lw=1, ls=(0, (8, 4)), label="all labels"
            )
        if target is not None:
            self._mark(target)
        self.ax_.set(xlabel=AXES[self.axis], ylabel=self.scoring)
        self.ax_.legend(loc="lower right", frameon=False)
        return self

    def _mark(self, target: float) -> None:
        """Mark a score, and what the best curve saves there against the baseline."""
        line = self.ax_.axhline(target, color="0.6", lw=1, ls=":", label=f"target {target:.3g}")
        needed = {
            name: st.labels_to_reach(n_labeled, st.rising_mean(scores), target)
            for name, (n_labeled, scores) in self.curves.items()
        }
        base = needed.get(self.baseline, np.inf)
        best = min(needed, key=needed.__getitem__)
        if best == self.baseline or not np.isfinite(base):  # a share of infinity says nothing
            return
        self.ax_.annotate(
            "", (needed[best], target), (base, target), arrowprops={"arrowstyle": "->", "lw": 1.5}
        )
        share = 1 - needed[best] / base
        less = "costs {share:.0%} less" if self.axis == "cost" else "needs {share:.0%} fewer {axis}"
        line.set_label(f"target {target:.3g}: {best} {less.format(share=share, axis=self.axis)}")


class EstimateDisplay:
    """How good a learner's model was after each of its labels, by test rows that it never learned.

    Make one by `from_learner`.

    Parameters
    ----------
    curves : dict of str to EstimateCurve
        Curves, by name.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Where it is drawn.
    lines_ : list of matplotlib Line2D
        The curves, in the order of `curves`.
    """

    def __init__(self, curves) -> None:
        self.curves = curves

    @classmethod
    def from_learner(
        cls,
        learner,
        scoring=None,
        *,
        level=0.95,
        method: str = "auto",
        pos_label=None,
        n_points=20,
        name: str = "",
        **kwargs,
    ) -> Self:
        """Draw what `ActiveLearner.curve` says of a learner; return the display.

        Parameters
        ----------
        learner : ActiveLearner
            Fitted, with rows held out, some of which have a label.
        scoring, level, method, pos_label, n_points
            As `ActiveLearner.curve` takes them.
        name : str, default=""
            Name in the legend.
        **kwargs
            As `plot` takes them.
        """
        curve = learner.curve(scoring, level, method, pos_label=pos_label, n_points=n_points)
        return cls({name: curve}).plot(**kwargs)

    def plot(self, ax=None, *, target=None) -> Self:
        """Draw, and return the display.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None: a new figure.
        target : float, default=None
            Score to mark.
        """
        self.ax_, self.figure_ = _axes(ax)
        self.lines_, last = [], None
        for position, (name, curve) in enumerate(self.curves.items()):
            style, last = _style(position + 1), curve.estimates[-1]  # the first is a baseline's
            label = f"{name} ({last.n} test labels)" if name else f"{last.n} test labels"
            self.lines_ += self.ax_.plot(
                curve.n_labeled, curve.values, label=label, marker="o", markersize=4, **style
            )
            self.ax_.fill_between(
                curve.n_labeled, curve.low, curve.high, color=style["color"], alpha=0.15, lw=0
            )
        if target is not None:
            self.ax_.axhline(target, color="0.6", lw=1, ls=":", label=f"target {target:.3g}")
        self.ax_.set(xlabel="labels to learn from", ylabel=last.scoring if last else "")
        self.ax_.legend(loc="lower right", frameon=False)
        return self


class QueryDisplay:
    """Which rows were asked for, and when, in two dimensions.

    Make one by `from_simulation` or `from_learner`.

    Parameters
    ----------
    coordinates : ndarray of shape (n, 2)
        Where the rows of the pool are.
    batches : list of ndarray of int
        Row numbers asked for in each round; the first is the start.
    names : (str, str), default=("", "")
        Names of the two coordinates.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Where it is drawn.
    """

    def __init__(self, coordinates, batches, *, names: Any = ("", "")) -> None:
        self.coordinates = coordinates
        self.batches = batches
        self.names = names

    @classmethod
    def from_simulation(cls, simulated, X, *, ax=None) -> Self:
        """Draw what a simulation asked for; return the display.

        Parameters
        ----------
        simulated : SimulatedLearner
            Fitted.
        X : array of shape (n, d)
            The rows it was fitted on, or two coordinates of them. More than two columns are
            reduced by principal components.
        ax : matplotlib Axes, default=None
            Where to draw; None: a new figure.
        """
        coordinates, names = _plane(X)
        return cls(coordinates, simulated.query_indices_, names=names).plot(ax=ax)

    @classmethod
    def from_learner(cls, learner, X=None, *, ax=None) -> Self:
        """Draw what a learner was taught, by its pool's history; return the display.

        Parameters
        ----------
        learner : ActiveLearner
            Fitted.
        X : array of shape (n, d), default=None
            Coordinates of the pool's rows; None: the rows themselves. More than two columns are
            reduced by principal components.
        ax : matplotlib Axes, default=None
            Where to draw; None: a new figure.
        """
        pool = learner.pool_
        coordinates, names = _plane(in_memory(pool.X if X is None else X))
        labeled = pool.labeled_mask
        batches = [
            op.rows[labeled[op.rows]]  # what was skipped, or undone since, has no label to show
            for op in pool.history
            if op.kind in ("fit", "label", "extend")
        ]
        return cls(coordinates, batches, names=names).plot(ax=ax)

    def plot(self, ax=None) -> Self:
        """Draw into matplotlib Axes, or into a new figure; return the display."""
        self.ax_, self.figure_ = _axes(ax)
        x, y = np.asarray(self.coordinates).T
        self.ax_.scatter(x, y, s=8, color="0.75", lw=0, label="not asked for")
        start, later = self.batches[0], self.batches[1:]
        self.ax_.scatter(
            x[start], y[start], s=30, marker="s", facecolor="none", edgecolor="k", label="start"
        )
        if later:
            rows = np.concatenate(later)
            rounds = np.repeat(np.arange(1, len(later) + 1), [len(batch) for batch in later])
            dots = self.ax_.scatter(
                x[rows], y[rows], c=rounds, s=30, cmap="cividis", edgecolor="k", lw=0.4
            )
            self.figure_.colorbar(dots, ax=self.ax_, label="asked for in round")
        self.ax_.set(xlabel=self.names[0], ylabel=self.names[1])
        # Below the axes: within them, its markers would be taken for rows.
        self.ax_.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2, frameon=False)
        return self


class StreamDisplay:
    """Score over time beside the budget that was spent, with drifts.

    Make one by `from_log`.

    Parameters
    ----------
    logs : dict of str to StreamLog
        Logs of `run_stream`, by name.
    scoring : str, default="score"
        Name of the score, for the axis.

    Attributes
    ----------
    axes_, figure_ : ndarray of two matplotlib Axes, and Figure
        Scores and budget, and where they are drawn.
    lines_ : list of matplotlib Line2D
        The scores, in the order of `logs`.
    """

    def __init__(self, logs, *, scoring: str = "score") -> None:
        self.logs = logs
        self.scoring = scoring

    @classmethod
    def from_log(cls, log, *, scoring: str = "score", axes=None, **kwargs) -> Self:
        """Draw one log, or several; return the display.

        Parameters
        ----------
        log : StreamLog, or dict of str to StreamLog
            What `run_stream` returned; by name, where there are several.
        scoring : str, default="score"
            Name of the score, for the axis.
        axes, **kwargs
            As `plot` takes them.

        Raises
        ------
        TypeError
            If `log` is no log, nor a dict of logs.
        """
        logs = dict(log) if isinstance(log, Mapping) else {"": log}
        wrong = [each for each in logs.values() if not isinstance(each, StreamLog)]
        if wrong or not logs:
            raise TypeError(
                f"from_log got {wrong[0] if wrong else log!r}; give what run_stream returned, or a "
                f"dict of such logs by name."
            )
        return cls(logs, scoring=scoring).plot(axes=axes, **kwargs)

    def plot(self, axes=None, *, smooth=1, budget=None) -> Self:
        """Draw, and return the display.

        Parameters
        ----------
        axes : sequence of two matplotlib Axes, default=None
            Where to draw; None: a new figure.
        smooth : int, default=1
            Number of chunks over which scores are averaged: a chunk and those before it.
        budget : float, default=None
            Share of the rows to mark as the limit.

        Raises
        ------
        ValueError
            If `smooth` is no whole number of at least 1, or `budget` no share.
        """
        checked_count(smooth, "smooth", "plot", 1)
        if budget is not None:
            checked_rate(budget, "plot", "budget")
        axes, self.figure_ = _axes(axes, 2, sharex=True, height_ratios=(2, 1))
        self.lines_, self.axes_ = [], np.asarray(axes)
        top, bottom = self.axes_
        for position, (name, log) in enumerate(self.logs.items()):
            style, scores = _style(position), _smoothed(log, smooth)
            self.lines_ += top.plot(log.n_seen, scores, label=name, **style)
            bottom.plot(log.n_seen, log.spent, **style)
            seen = log.drifts > 0
            top.plot(log.n_seen[seen], scores[seen], zorder=3, **DRIFT, color=style["color"])
        if any(log.drifts.any() for log in self.logs.values()):
            # One entry of the legend for the drifts of all logs, in no log's colour.
            top.plot([], [], label="drift seen", **DRIFT, color="w")
        if budget is not None:
            bottom.axhline(budget, color="0.6", lw=1, ls=":", label="budget")
            bottom.legend(loc="lower right", frameon=False)
        top.set(ylabel=self.scoring)
        bottom.set(xlabel="rows that passed", ylabel="labels per row", ylim=(0, None))
        if top.get_legend_handles_labels()[1]:  # one log without a name needs no legend
            top.legend(loc="lower right", frameon=False)
        return self


def _axes(axes, n=1, **layout):
    """Return axes and their figure; if none are given, new ones: n, one above the other."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        message = "pictures need matplotlib; write pip install 'skactive[plot]'."
        raise ImportError(message) from error
    if axes is None:
        _, axes = plt.subplots(n, layout="constrained", **layout)
    return axes, np.ravel(axes)[0].figure


def _style(position: int) -> dict[str, Any]:
    """Return colour and dash of the line at a position."""
    return {"color": COLORS[position % len(COLORS)], "linestyle": DASHES[position % len(DASHES)]}


def _plane(X) -> tuple[np.ndarray, tuple[str, str]]:
    """Return rows in two dimensions, and the names of these."""
    columns = getattr(X, "columns", None)
    X = X.toarray() if hasattr(X, "toarray") else np.asarray(X)
    X = X.reshape(len(X), -1)
    if X.shape[1] == 2:
        return X, ("", "") if columns is None else (str(columns[0]), str(columns[1]))
    if X.shape[1] < 2:
        raise ValueError("a picture needs rows of at least two numbers; give X= coordinates.")
    from sklearn.decomposition import PCA

    plane = PCA(2, random_state=0)
    points = plane.fit_transform(X)
    first, second = plane.explained_variance_ratio_
    return points, (f"component 1 ({first:.0%})", f"component 2 ({second:.0%})")


def _smoothed(log: StreamLog, n_chunks: int) -> np.ndarray:
    """Return scores over each chunk and those before it, n_chunks in all; NaN where none is."""
    weight = log.n_scored.astype(float)
    # A chunk without a score is NaN, which would spread over all sums that it is in.
    total = np.where(weight > 0, log.score, 0.0) * weight
    ones = np.ones(n_chunks)
    if len(log) == 0:  # numpy convolves nothing empty
        return total
    sums, weights = (np.convolve(each, ones)[: len(each)] for each in (total, weight))
    return np.divide(sums, weights, out=np.full(len(sums), np.nan), where=weights > 0)
