"""A comparison in words and in Markdown tables: rows of a summary in, text out."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..statistics import Saving

MIN_REPEATS = 5  # for a verdict
ALPHA = 0.05
TESTS = ("p_t", "p_wilcoxon", "p_new")


def verdict(rows: Sequence[Mapping[str, Any]], n_repeats: int) -> str:
    """Return in words what the rows of a summary say against random."""
    others = [row for row in rows if row["strategy"] != "random"]
    if not others:
        return "No verdict: there is only random."
    if n_repeats < MIN_REPEATS:
        return (
            f"No verdict: {count_of_repeats(n_repeats)} tell{'s' * (n_repeats == 1)} too little; "
            f"compare with at least {MIN_REPEATS}."
        )
    return "\n".join(_in_words(row, n_repeats) for row in others)


def overall_verdict(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return in words what the rows over several data sets say against random."""
    if not rows:
        return "No verdict: there is only random."
    return "\n".join(_in_words_overall(row, fewest_for_wilcoxon(len(rows))) for row in rows)


def fewest_for_wilcoxon(n_tests: int) -> int:
    """Return with how many pairs Wilcoxon's test can reach ALPHA, corrected for so many tests.

    Examples
    --------
    >>> fewest_for_wilcoxon(1), fewest_for_wilcoxon(2)
    (6, 7)
    """
    return math.ceil(1 + math.log2(n_tests / ALPHA))  # at best, p is 2^(1 - pairs)


def count_of_repeats(n: int) -> str:
    """Return the number of repeats in words: "1 repeat", "5 repeats"."""
    return f"{n} repeat{'s' * (n != 1)}"


def heading(dataset: str, scoring: str, n_repeats: int, ceiling: tuple) -> str:
    """Return the heading of a data set's table."""
    return (
        f"**{dataset}**: {scoring}, {count_of_repeats(n_repeats)}; with all labels "
        f"{_interval(*ceiling)}"
    )


def summary_table(rows: Sequence[Mapping[str, Any]], target: float, axis: str = "labels") -> str:
    """Return the rows of a summary as a table."""
    head = [
        "strategy",
        "AULC [95 %]",
        "gain over random [95 %]",
        "p (t)",
        "p (Wilcoxon)",
        "p (new rows)",
        "win/tie/loss",
        f"{axis} to {target:.3f}",
        "saving against random [95 %]",
    ]
    return _table(head, [_cells(row) for row in rows])


def totals_table(
    names: Sequence[str], counts: Mapping[str, Sequence[int]], penalties: np.ndarray
) -> str:
    """Return wins, ties and losses over all data sets, and the pairwise penalty matrix."""
    head = ["strategy", "win/tie/loss", *(f"beats {name}" for name in names)]
    lines = []
    for i, name in enumerate(names):
        beats = ["" if i == j else f"{share:.2f}" for j, share in enumerate(penalties[i])]
        lines.append([name, "/".join(map(str, counts.get(name, ()))), *beats])
    return _table(head, lines)


def _in_words(row: Mapping[str, Any], n_repeats: int) -> str:
    """Return what one row of a summary says."""
    p, p_new, gain = row["p_t"], row["p_new"], row["gain"]
    if np.isnan(p):
        return (
            f"{row['strategy']}: no test, since in every repeat it differs from random by the "
            f"same {gain:+.4f} AULC."
        )
    size = f"{gain:+.4f} AULC, p = {p:.2g} by Holm over {count_of_repeats(n_repeats)}"
    said = f"{row['strategy']}: {_than_random(p, gain)} on these rows ({size})"
    if np.isnan(p_new):
        return f"{said}; of new rows, repeats with the same test rows say nothing."
    if p_new < ALPHA:
        return f"{said}, and on new ones (p = {p_new:.2g})."
    return f"{said}, {'not shown' if p < ALPHA else 'nor'} for new ones (p = {p_new:.2g})."


def _in_words_overall(row: Mapping[str, Any], fewest: int) -> str:
    """Return what one row over several data sets says."""
    n, p = row["n_datasets"], row["p_wilcoxon"]
    size = f"better on {row['wins']}, worse on {row['losses']}; mean gain {row['gain']:+.4f} AULC"
    if np.isnan(p):
        return (
            f"{row['strategy']}: no verdict over {n} data set{'s' * (n != 1)} ({size}); Wilcoxon's "
            f"test needs at least {fewest}."
        )
    said = f"{row['strategy']}: {_than_random(p, row['gain'])} over {n} data sets"
    return f"{said} ({size}; p = {p:.2g} by Wilcoxon's test and Holm)."


def _than_random(p: float, gain: float) -> str:
    """Return what a test found."""
    if p < ALPHA:
        return f"{'better' if gain > 0 else 'worse'} than random"
    return "no difference from random shown"


def _cells(row: Mapping[str, Any]) -> list[str]:
    """Return a row of a summary as text."""
    labels = f"{row['labels']:.0f}" if np.isfinite(row["labels"]) else "not reached"
    start = [row["strategy"], _interval(row["aulc"], row["aulc_low"], row["aulc_high"])]
    if row["strategy"] == "random":
        return [*start, "", "", "", "", "", labels, ""]
    return [
        *start,
        _interval(row["gain"], row["gain_low"], row["gain_high"], "+"),
        *("" if np.isnan(row[test]) else f"{row[test]:.2g}" for test in TESTS),
        f"{row['wins']}/{row['ties']}/{row['losses']}",
        labels,
        _short(row["saving"]),
    ]


def _interval(mean: float, low: float, high: float, sign: str = "") -> str:
    """Return a mean with its interval, where it has one."""
    if np.isnan(low):
        return f"{mean:{sign}.4f}"
    return f"{mean:{sign}.4f} [{low:{sign}.4f}, {high:{sign}.4f}]"


def _short(saving: Saving) -> str:
    """Return a saving as a cell of a table."""
    if np.isinf(saving.labels):
        return "not reached"
    if np.isinf(saving.labels_baseline):
        return "random does not reach it"
    share = f"{100 * saving.share:.0f} %"
    if np.isnan(saving.low):
        return share
    ends = [f"{100 * x:.0f} %" if np.isfinite(x) else "open" for x in (saving.low, saving.high)]
    return f"{share} [{', '.join(ends)}]"


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return lines of cells as a Markdown table."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows
    )
