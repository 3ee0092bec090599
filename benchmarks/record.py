"""What a record costs: in a database one label, many at once, opening it; what many rows take.

    python benchmarks/record.py [--events 1000000] [--folder /tmp]

Times depend on the disk. So they stand beside what must be done in any case: a plain insert into an
SQLite file that is as careful, so many lines of it, reading them all; and an fsync, the least that
it takes to have something on the disk. What a pool promises is printed beside them; the exit
status is 1 if one is missed.
"""

from __future__ import annotations

import argparse
import math
import os
import sqlite3
import statistics
import sys
import tempfile
import tracemalloc
from io import FileIO
from pathlib import Path

import numpy as np
from _timing import print_table, ratio, seconds

from skactive import Pool

MOST_A_LABEL, MOST_FOR_MANY, MOST_TO_OPEN = 0.005, 2.0, 5.0  # seconds
MOST_OF_MANY_ROWS, MOST_BYTES = 0.005, 50e6
MANY, MANY_ROWS = 100_000, 200_000_000


def plain(path: Path) -> sqlite3.Connection:
    """Open a database with one table, which is on the disk after each commit."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE event (n INTEGER PRIMARY KEY, row, label, name)")
    return connection


def insert(connection: sqlite3.Connection, rows: range) -> None:
    """Insert lines in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    lines = ((row, row % 3, "ann") for row in rows)
    connection.executemany("INSERT INTO event (row, label, name) VALUES (?, ?, ?)", lines)
    connection.execute("COMMIT")


def fsync(file: FileIO) -> None:
    """Write a page, and wait until it is on the disk."""
    file.write(bytes(4096))
    os.fsync(file.fileno())


def over_many_rows() -> tuple[float, int]:
    """Median seconds of 1,000 labels in a pool of very many rows, and its most bytes."""
    X = np.broadcast_to(np.zeros((1, 1)), (MANY_ROWS, 1))
    rng, y = np.random.default_rng(0), np.arange(1000) % 3
    tracemalloc.start()
    pool, took = Pool(X), []
    for turn in range(50):
        rows = 1000 * rng.choice(MANY_ROWS // 1000, 1000, replace=False) + turn
        took.append(seconds(lambda rows=rows: pool.label(rows, y)))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return statistics.median(took), most


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--folder", help="on the disk that is measured")
    given = parser.parse_args()
    n_events, folder = given.events, given.folder
    X = np.zeros((n_events + 10 * MANY, 1))
    found = {}
    with (
        tempfile.TemporaryDirectory(dir=folder) as folder,
        open(Path(folder) / "page", "wb", buffering=0) as page,
    ):
        connection = plain(Path(folder) / "plain.db")
        pool = Pool.open(Path(folder) / "labels.db", X)
        free = iter(range(len(X)))

        def one() -> None:
            pool.label([next(free)], [1], annotator="ann")

        def many() -> None:
            rows = [next(free) for _ in range(MANY)]
            pool.label(rows, np.arange(MANY) % 3, annotator="ann")

        def table():
            times = ratio(one, lambda: fsync(page), 300)
            # No target: where an fsync takes no time, what is left is our own.
            yield "one label / one fsync", times, math.inf
            times = ratio(one, lambda: insert(connection, range(1)), 100)
            found["one label"] = times[1], MOST_A_LABEL
            yield "one label / one insert", times, 4.0
            times = ratio(many, lambda: insert(connection, range(MANY)), 3)
            found[f"{MANY:,} labels in a call"] = times[1], MOST_FOR_MANY
            yield f"{MANY:,} labels / as many inserts", times, 15.0
            while pool.ledger.now.n_events < n_events:
                many()
            many()  # after which all but these are in blocks
            pool.close()
            missing = pool.ledger.now.n_events - 4 * MANY - 101
            insert(connection, range(max(missing, 0)))

            def reopen() -> None:
                Pool.open(Path(folder) / "labels.db", X).close()

            def read() -> None:
                connection.execute("SELECT * FROM event").fetchall()

            times = ratio(reopen, read, 3)
            found[f"opening {n_events:,} events"] = times[1], MOST_TO_OPEN
            yield f"opening {n_events:,} events / reading as many lines", times, 3.0

        met = print_table(table())
        for what, (took, most) in found.items():
            met &= took <= most
            print(f"{what:<52} {1e3 * took:8.2f} ms, at most {1e3 * most:,.0f} ms")
        took = seconds(lambda: Pool.open(Path(folder) / "labels.db", X, read_only=True).close())
        print(f"{'to look at it':<52} {1e3 * took:8.2f} ms")
        connection.close()
    took, most = over_many_rows()
    what = f"1,000 labels among {MANY_ROWS:,} rows"
    print(f"{what:<52} {1e3 * took:8.2f} ms, at most {1e3 * MOST_OF_MANY_ROWS:,.0f} ms")
    what = "memory for 50 such calls"
    print(f"{what:<52} {most / 1e6:8.2f} MB, at most {MOST_BYTES / 1e6:,.0f} MB")
    met &= took <= MOST_OF_MANY_ROWS and most <= MOST_BYTES
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
