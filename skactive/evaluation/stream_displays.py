"""Pictures of streams: how good the predictions were, and what was spent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..budgets import checked_rate
from ..loops.stream_loop import StreamLog
from ..utils.checks import checked_count
from .displays import COLORS, DASHES, _axes


class StreamDisplay:
    """Score over time beside the budget that was spent, with drifts.

    Make one by `from_log`.

    Parameters
    ----------
    logs : dict of str to StreamLog
        Logs of `run_stream`, by name.
    scoring : str, default="score"
        What the scores are.

    Attributes
    ----------
    axes_ : ndarray of two matplotlib Axes
        Scores, and budget.
    figure_ : matplotlib Figure
        In which figure.
    lines_ : list of matplotlib Line2D
        The scores, in the order of `logs`.
    """

    def __init__(self, logs, *, scoring="score"):
        self.logs = logs
        self.scoring = scoring

    @classmethod
    def from_log(cls, log, *, scoring="score", axes=None, **kwargs):
        """Draw one log, or several.

        Parameters
        ----------
        log : StreamLog, or dict of str to StreamLog
            What `run_stream` returned; by name, where there are several.
        scoring : str, default="score"
            What the scores are, for the axis.
        axes : sequence of two matplotlib Axes, default=None
            Where to draw; None: a new figure.
        **kwargs : dict
            As `plot` takes them.

        Returns
        -------
        StreamDisplay
            Drawn.

        Raises
        ------
        TypeError
            If it is no log.
        """
        logs = dict(log) if isinstance(log, Mapping) else {"": log}
        wrong = [each for each in logs.values() if not isinstance(each, StreamLog)]
        if wrong or not logs:
            raise TypeError(
                f"from_log got {wrong[0] if wrong else log!r}; give what run_stream returned, or a "
                f"dict of such logs by name."
            )
        return cls(logs, scoring=scoring).plot(axes=axes, **kwargs)

    def plot(self, axes=None, *, smooth=1, budget=None):
        """Draw.

        Parameters
        ----------
        axes : sequence of two matplotlib Axes, default=None
            Where to draw; None: a new figure.
        smooth : int, default=1
            Over how many chunks scores are averaged, a chunk and those before it.
        budget : float, default=None
            A share of the rows to mark as the limit.

        Returns
        -------
        StreamDisplay
            Itself.

        Raises
        ------
        ValueError
            If `smooth` is no whole number of at least 1, or `budget` no share.
        """
        checked_count(smooth, "smooth", "plot", 1)
        if budget is not None:
            checked_rate(budget, "plot", "budget")
        if axes is None:
            ax, self.figure_ = _axes(None)
            ax.remove()
            self.axes_ = self.figure_.subplots(2, 1, sharex=True, height_ratios=(2, 1))
        else:
            self.axes_ = np.asarray(axes)
            self.figure_ = self.axes_[0].figure
        self.lines_, (top, bottom) = [], self.axes_
        for position, (name, log) in enumerate(self.logs.items()):
            style: dict[str, Any] = {
                "color": COLORS[position % len(COLORS)],
                "linestyle": DASHES[position % len(DASHES)],
            }
            scores = _smoothed(log, smooth)
            self.lines_ += top.plot(log.n_seen, scores, label=name, **style)
            bottom.plot(log.n_seen, log.spent, **style)
            seen = log.drifts > 0
            marks = {"marker": "v", "ls": "", "ms": 8, "mec": "k", "color": style["color"]}
            top.plot(log.n_seen[seen], scores[seen], zorder=3, **marks)
        if any(log.drifts.any() for log in self.logs.values()):
            top.plot([], [], label="drift seen", marker="v", ls="", ms=8, mec="k", color="w")
        if budget is not None:
            bottom.axhline(budget, color="0.6", lw=1, ls=":", label="budget")
            bottom.legend(loc="lower right", frameon=False)
        top.set(ylabel=self.scoring)
        bottom.set(xlabel="rows that passed", ylabel="labels per row", ylim=(0, None))
        if len(top.get_legend_handles_labels()[1]):
            top.legend(loc="lower right", frameon=False)
        return self


def _smoothed(log: StreamLog, n_chunks: int) -> np.ndarray:
    """Return scores over each chunk and those before it, n_chunks in all; NaN where none is."""
    weight = log.n_scored.astype(float)
    total = np.where(weight > 0, log.score, 0.0) * weight
    ones = np.ones(n_chunks)
    if len(log) == 0:  # of which numpy makes no average
        return total
    sums, weights = (np.convolve(each, ones)[: len(each)] for each in (total, weight))
    return np.divide(sums, weights, out=np.full(len(sums), np.nan), where=weights > 0)
