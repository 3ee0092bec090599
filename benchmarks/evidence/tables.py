"""Tables and pictures of the evidence, from the files that ship with the repository.

Run with ``python benchmarks/evidence/tables.py [--models ridge ...] [--images docs/images]``, in a
minute. Only repeats that every set and strategy of a model have finished are read. Printed, in
Markdown: for each model and budget the mean rank of each strategy with Friedman's test, and against
random, and margin of classifiers, the mean gain, sets won, tied and lost, and Wilcoxon's test by
Holm; sets on which a strategy hurts; seconds of a query; of each protocol, gains over random, with
sets won, tied and lost, of all models. The pictures show mean ranks, one for each
protocol, with bars over those that do not differ.
"""

from __future__ import annotations

import argparse
from itertools import combinations
from pathlib import Path

import numpy as np
from pack import CEILING, NONE, load
from protocol import MODELS, PROTOCOLS, protocol_of
from scipy.stats import friedmanchisquare, rankdata, wilcoxon

from skactive.statistics import aulc, holm, paired_tests

LEVEL = 0.05


class Results:
    """The scores of one model: areas by set, strategy and repeat."""

    def __init__(self, model: str):
        found = load(model)
        self.model, self.sets = model, found["sets"].tolist()
        self.protocol = protocol_of(model)
        stored = self.protocol.sign * (found["scores"] / 10_000)
        scores = np.where(found["scores"] == NONE, np.nan, stored)
        # A strategy that a set has not at all is not one that is unfinished.
        begun = ~np.isnan(scores[..., 0])
        is_meant = begun.any(axis=2, keepdims=True)
        self.repeats = np.flatnonzero((begun | ~is_meant).all(axis=(0, 1)) & begun.any(axis=(0, 1)))
        names = found["strategies"].tolist()
        self.strategies = [name for name in names if name != CEILING]
        self.ceiling = scores[:, names.index(CEILING)][:, self.repeats, 0]
        kept = [names.index(name) for name in self.strategies]
        self.scores = scores[:, kept][:, :, self.repeats]
        self.seconds = found["seconds"][:, kept][:, :, self.repeats]
        self.n_labeled = found["n_labeled"].astype(float)

    def areas(self, rounds: int) -> tuple[list[str], np.ndarray]:
        """Return the sets that have so many rounds, and areas, (sets, strategies, repeats)."""
        has = np.flatnonzero(self.n_labeled[:, rounds - 1] > 0)
        shape = self.scores.shape[1:3]
        areas = [
            aulc(self.n_labeled[i, :rounds], self.scores[i, ..., :rounds].reshape(-1, rounds))
            for i in has
        ]
        return [self.sets[i] for i in has], np.array(areas).reshape(-1, *shape)


def wilcoxon_p(a: np.ndarray, b: np.ndarray) -> float:
    """Return the p-value of two strategies' means over sets, those apart that one has not."""
    gain = (a - b)[~np.isnan(a - b)]
    return 1.0 if not gain.any() else float(wilcoxon(gain).pvalue)


def ranks_of(means: np.ndarray) -> np.ndarray:
    """Return the rank of each strategy on each set, 1 the best, ties shared."""
    return np.array([rankdata(-row.round(6)) for row in means])


def ranking(results: Results, rounds: int) -> tuple[list[str], np.ndarray, float, np.ndarray]:
    """Return strategies that all sets have, mean ranks, Friedman's p, and p by pairs (Holm)."""
    _, areas = results.areas(rounds)
    means = areas.mean(axis=2)
    everywhere = np.flatnonzero(~np.isnan(means).any(axis=0))
    means = means[:, everywhere]
    pairs = list(combinations(range(len(everywhere)), 2))
    adjusted = holm([wilcoxon_p(means[:, i], means[:, j]) for i, j in pairs])
    p = np.ones((len(everywhere),) * 2)
    for (i, j), value in zip(pairs, adjusted, strict=True):
        p[i, j] = p[j, i] = value
    friedman = float(friedmanchisquare(*means.T).pvalue)
    names = [results.strategies[k] for k in everywhere]
    return names, ranks_of(means).mean(axis=0), friedman, p


def against(results: Results, rounds: int, baseline: str) -> dict[str, tuple]:
    """Return each strategy's mean gain, wins, ties, losses and p (Holm) against one of them."""
    _, areas = results.areas(rounds)
    means = areas.mean(axis=2)
    base = means[:, results.strategies.index(baseline)]
    others = [name for name in results.strategies if name != baseline]
    columns = [means[:, results.strategies.index(name)] for name in others]
    p_values = holm([wilcoxon_p(column, base) for column in columns])
    rows = {}
    for name, column, p in zip(others, columns, p_values, strict=True):
        gain = (column - base)[~np.isnan(column)].round(6)
        rows[name] = gain.mean(), (gain > 0).sum(), (gain == 0).sum(), (gain < 0).sum(), p
    return rows


def hurts(results: Results, rounds: int) -> dict[str, list[tuple[str, float]]]:
    """Return on which sets each strategy is worse than random, by how much: t test over repeats."""
    sets, areas = results.areas(rounds)
    base = results.strategies.index("random")
    found: dict[str, list[tuple[str, float]]] = {}
    for name, of_set in zip(sets, areas, strict=True):
        there = [k for k in range(len(of_set)) if k != base and not np.isnan(of_set[k]).any()]
        tests = [paired_tests(of_set[k], of_set[base]) for k in there]
        for k, test, p in zip(there, tests, holm([test.p_t for test in tests]), strict=True):
            if test.mean_difference < 0 and p < LEVEL:
                found.setdefault(results.strategies[k], []).append((name, test.mean_difference))
    return found


def table(heads: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def told(row: tuple) -> list[str]:
    """Return a comparison as cells: the gain, bold where it is significant, and the counts."""
    gain, wins, ties, losses, p = row
    said = f"{gain:+.4f}"
    return [f"**{said}**" if p < LEVEL else said, f"{wins}/{ties}/{losses}", f"{p:.2g}"]


def print_model(results: Results) -> None:
    """Print the tables of one model."""
    print(f"\n## {results.model}: {len(results.repeats)} repeats\n")
    heads = ["strategy", "mean rank"]
    baselines = results.protocol.baselines
    for baseline in baselines:
        heads += [f"gain over {baseline}", "win/tie/loss", "p"]
    for said, rounds in results.protocol.budgets.items():
        names, mean_ranks, friedman, _ = ranking(results, rounds)
        ranked = dict(zip(names, mean_ranks, strict=True))
        over = {name: against(results, rounds, name) for name in baselines}
        rows = [
            [name, f"{ranked[name]:.1f}" if name in ranked else ""]
            + [
                cell
                for rows in over.values()
                for cell in (told(rows[name]) if name in rows else ["", "", ""])
            ]
            for name in sorted(results.strategies, key=lambda name: ranked.get(name, np.inf))
        ]
        n_sets = len(results.areas(rounds)[0])
        print(f"**{said}**: {n_sets} sets; Friedman's p = {friedman:.2g}\n\n{table(heads, rows)}\n")
    print_harm(results)
    print_costs(results)


def print_summary(every: list[Results]) -> None:
    """Print how far strategies are ahead of random with each model of a protocol."""
    protocol = every[0].protocol
    names = dict.fromkeys(name for results in every for name in results.strategies[1:])
    for said, rounds in protocol.budgets.items():
        found = [against(results, rounds, "random") for results in every]
        cells = {
            name: [" ".join(told(rows[name])[:2]) if name in rows else "" for rows in found]
            for name in names
        }
        heads = [f"ahead of random, {said}", *(results.model for results in every)]
        print(table(heads, [[name, *row] for name, row in cells.items()]) + "\n")


def print_harm(results: Results) -> None:
    """Print on how many sets each strategy is worse than random, and where most."""
    rows: dict[str, list[str]] = {name: [] for name in results.strategies if name != "random"}
    for rounds in results.protocol.budgets.values():
        found = hurts(results, rounds)
        for name, cells in rows.items():
            where = sorted(found.get(name, []), key=lambda pair: pair[1])
            worst = f" ({where[0][0]} {where[0][1]:+.3f})" if where else ""
            cells.append(f"{len(where)}{worst}")
    heads = ["worse than random on", *results.protocol.budgets]
    print(table(heads, [[name, *cells] for name, cells in rows.items()]) + "\n")


def print_costs(results: Results) -> None:
    """Print what fits and queries of a whole simulation take, mean over sets, and at most."""
    rows = []
    for at, name in enumerate(results.strategies):
        of_sets = results.seconds[:, at]
        is_there = ~np.isnan(of_sets).all(axis=(1, 2))  # not all sets have all strategies
        fit, query = np.nanmean(of_sets[is_there], axis=1).T
        rows.append([name, f"{fit.mean():.2f}", f"{query.mean():.2f}", f"{query.max():.1f}"])
    heads = ["seconds a simulation", "fits", "queries", "queries, the slowest set"]
    print(table(heads, rows) + "\n")


def draw(every: list[Results], path: Path) -> None:
    """Draw mean ranks by model and budget; a bar covers strategies of which no two differ."""
    import matplotlib.pyplot as plt

    budgets, baselines = every[0].protocol.budgets, every[0].protocol.baselines
    size = len(budgets), len(every)
    figure, axes = plt.subplots(*size, figsize=(5.2 * size[1], 3.4 * size[0]), squeeze=False)
    for column, results in enumerate(every):
        for (said, rounds), ax in zip(budgets.items(), axes[:, column], strict=True):
            names, mean_ranks, _, p = ranking(results, rounds)
            draw_ranks(ax, names, mean_ranks, p, baselines)
            ax.set_title(f"{results.model}, up to {said}", fontsize=10)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def draw_ranks(ax, names: list[str], mean_ranks: np.ndarray, p: np.ndarray, baselines) -> None:
    """Draw one critical difference diagram: a dot for each strategy, the best at the top."""
    order = np.argsort(mean_ranks, kind="stable")
    y = np.arange(len(order))
    colors = ["tab:red" if names[k] in baselines else "tab:blue" for k in order]
    ax.scatter(mean_ranks[order], y, c=colors, s=18, zorder=3)
    ax.set_yticks(y, [names[k] for k in order], fontsize=8)
    ax.invert_yaxis()
    ax.set_xlabel("mean rank", fontsize=8)
    ax.grid(axis="x", alpha=0.3)
    for n, (first, last) in enumerate(cliques(p[np.ix_(order, order)] >= LEVEL)):
        at = mean_ranks.max() + 0.25 * (n + 1)
        ax.plot([at, at], [first - 0.2, last + 0.2], color="black", lw=2.5, solid_capstyle="butt")


def cliques(is_alike: np.ndarray) -> list[tuple[int, int]]:
    """Return the longest runs of ranked strategies of which no two differ, as first and last."""
    n, runs = len(is_alike), []
    for first in range(n):
        last = first
        while last + 1 < n and is_alike[first : last + 2, first : last + 2].all():
            last += 1
        if last > first and not (runs and runs[-1][1] >= last):
            runs.append((first, last))
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, help="folder for the picture")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    options = parser.parse_args()
    every = [Results(model) for model in options.models]
    every = [results for results in every if len(results.repeats)]
    for results in every:
        print_model(results)
    for protocol in PROTOCOLS:
        of_protocol = [results for results in every if results.protocol is protocol]
        if of_protocol:
            print_summary(of_protocol)
        if of_protocol and options.images:
            draw(of_protocol, options.images / f"evidence_ranks_{protocol.name}.png")


if __name__ == "__main__":
    main()
