"""Pools that are read block by block: memory, time by size, and parquet beside a bare pass.

Run with ``python benchmarks/scale.py [--rows 20000000] [--parquet-rows 5000000]``, five minutes on
two cores. Rows of 1 kB are made block by block and stored nowhere: 20,000,000 of them are 20 GB.
Printed are, for a quarter of the rows, half of them and all, the seconds of a query of 100 by
margin with logistic regression and the peak of memory of its process; and, of 20 columns in
parquet, what a query takes as a ratio to the bare pass that only reads and predicts.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
from pathlib import Path

import numpy as np
from _timing import print_table, print_threads, ratio, seconds
from sklearn.linear_model import LogisticRegression

from skactive import ActiveLearner, open_rows
from skactive.data import RowSource

BLOCK, WIDTH, MOST_MB, MOST_RATIO = 20_000, 250, 500, 1.3


class Made(RowSource):
    """Rows of 250 float32 that are made when they are read."""

    def __init__(self, n: int):
        self.n_blocks = n // BLOCK

    def block_sizes(self):
        return [BLOCK] * self.n_blocks

    def read_block(self, number):
        some = np.random.default_rng(number).normal(size=(1000, WIDTH)).astype(np.float32)
        block = np.tile(some, (BLOCK // 1000, 1))
        block[:, 0] += np.arange(BLOCK, dtype=np.float32) / BLOCK
        return block


def begun(rows, first, strategy="margin"):
    """Return a learner over rows that has learned of the first ones."""
    learner = ActiveLearner(LogisticRegression(), strategy, random_state=0).fit(rows)
    return learner.teach(np.arange(len(first)), (first[:, 0] > 0).astype(int))


def peak_mb() -> float:
    """Return the peak of memory of this process, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def measured(n: int) -> tuple[float, float]:
    """Return the seconds of a query over n made rows, and the peak of memory."""
    rows = Made(n)
    learner = begun(rows, rows.block(0)[:40])
    return seconds(lambda: learner.query(n_instances=100)), peak_mb()


def memory_and_time(n: int) -> bool:
    """Print what queries over pools of growing size take, each in a process of its own."""
    print(f"rows of 1 kB, by margin{'':<12} {'seconds':>9} {'rows/s':>11} {'peak MB':>9}")
    peak = 0.0
    for size in (n // 4, n // 2, n):
        with multiprocessing.get_context("spawn").Pool(1) as process:
            took, peak = process.apply(measured, (size,))
        print(f"{size:>35,} {took:9.1f} {size / took:11,.0f} {peak:9.0f}", flush=True)
    return peak < MOST_MB


def beside_a_bare_pass(n: int, repeats: int) -> bool:
    """Print what a query over parquet takes beside reading and predicting alone."""
    import pandas

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        for part in range(4):
            frame = pandas.DataFrame(
                rng.normal(size=(n // 4, 20)), columns=list("abcdefghijklmnopqrst")
            )
            frame.to_parquet(
                Path(folder) / f"part-{part}.parquet", row_group_size=50_000, index=False
            )
        rows = open_rows(folder)
        learner = begun(rows, rows.block(0).to_numpy()[:40])

        def bare():
            for number in range(len(rows.block_sizes())):
                learner.estimator_.predict_proba(rows.read_block(number))

        def query():
            learner.query(n_instances=100)

        return print_table(
            [(f"query of 100, {n:,} x 20 parquet / pass", ratio(query, bare, repeats), MOST_RATIO)]
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--parquet-rows", type=int, default=5_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print_threads()
    met = memory_and_time(options.rows)
    return 0 if beside_a_bare_pass(options.parquet_rows, options.repeats) and met else 1


if __name__ == "__main__":
    sys.exit(main())
