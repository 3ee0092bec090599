"""What the benchmarks share: interleaved timing, a table of ratios, how many threads compute."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any

import threadpoolctl


def print_threads() -> None:
    """Print each BLAS with its threads, and the cores: small products take longer by several."""
    found = {
        f"{pool['internal_api']} {pool['version']} with {pool['num_threads']} thread(s)"
        for pool in threadpoolctl.threadpool_info()
        if pool["user_api"] == "blas"
    }
    print(f"BLAS: {', '.join(sorted(found)) or 'none'}; {os.cpu_count()} cores")


def seconds(call: Callable[[], Any]) -> float:
    """Wall time of one call."""
    start = perf_counter()
    call()
    return perf_counter() - start


def ratio(
    ours: Callable[[], Any], theirs: Callable[[], Any], repeats: int
) -> tuple[float, float, float]:
    """Median over pairs of runs of our time / their time, and the median seconds of each.

    The two run in turn, and which goes first alternates, so that a slow moment of the machine
    falls on both. One pair runs first, uncounted.
    """
    pairs = []
    for turn in range(repeats + 1):
        if turn % 2:
            other, own = seconds(theirs), seconds(ours)
        else:
            own, other = seconds(ours), seconds(theirs)
        pairs.append((own, other))
    counted = pairs[1:]
    return (
        statistics.median(own / other for own, other in counted),
        statistics.median(own for own, _ in counted),
        statistics.median(other for _, other in counted),
    )


def print_table(rows: Iterable[tuple[str, tuple[float, float, float], float]]) -> bool:
    """Print (what, result of `ratio`, target) as they come; whether every target is met."""
    met = True
    print(f"{'':<52} {'ratio':>7} {'target':>7} {'ours':>11} {'theirs':>11}")
    for what, (found, own, other), target in rows:
        verdict = "" if found <= target else "  missed"
        met &= found <= target
        print(
            f"{what:<52} {found:7.2f} {target:7.2f} {1e3 * own:8.1f} ms {1e3 * other:8.1f} ms"
            f"{verdict}",
            flush=True,
        )
    return met
