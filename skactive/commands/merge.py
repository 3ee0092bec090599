"""Record answers that were given elsewhere: a CSV file, or what another tool wrote.

All of them are one operation of the record, which can be undone. Those that contradict what a row
has already are left out, told one by one, and the exit code is 1.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from .options import add_json, add_record
from .project import opened
from .words import counted, note, say, say_json

NAME, HELP = "import", "record answers that were given elsewhere"
EXAMPLES = (
    "skactive import labels.db answers.csv --annotator ann",
    "skactive import labels.db answers.csv --annotator ann --relabel",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what may be given."""
    add_record(parser)
    parser.add_argument("answers", help="a CSV file with columns id and label, or JSON of a tool")
    parser.add_argument("--annotator", help="who answered, where the file does not say")
    parser.add_argument(
        "--relabel", action="store_true", help="let rows take another label than they have"
    )
    parser.add_argument(
        "--from",
        dest="kind",
        choices=("csv", "jsonl", "label-studio", "prodigy", "doccano"),
        help="what wrote the file; by default it is told by what is in it",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Record them, and tell what was left out."""
    from ..annotate import formats

    _, _, pool = opened(args, read_only=False)
    with pool:
        table = formats.read(args.answers, args.kind)
        before = pool.n_operations
        left = pool.merge(table, **_columns(table, args), relabel=args.relabel)
        n_recorded = sum(len(operation.rows) for operation in pool.since(before))
    refused = _as_rows(left)
    if args.json:
        say_json({"recorded": n_recorded, "left_out": refused})
    else:
        say(f"{counted(n_recorded, 'row')} of {args.answers} recorded in {args.store}.")
        for each in refused:
            note(f"{each['id']}: it has {each['in_pool']!r}, the file {each['in_table']!r}.")
    if refused:
        note(f"{counted(len(refused), 'answer')} left out; write --relabel to let them count.")
    return 1 if refused else 0


def _columns(table: Any, args: argparse.Namespace) -> dict[str, Any]:
    """Return what the columns of a table are to a merge."""
    how: dict[str, Any] = {"annotator": args.annotator}
    names = list(table)
    if "annotator" in names and args.annotator is None:
        how = {"annotator_column": "annotator"}
    for name in ("comment", "seconds"):
        if name in names:
            how[f"{name}_column"] = name
    return how


def _as_rows(left: Any) -> list[dict[str, Any]]:
    """Return the lines of a table as dicts."""
    columns = {name: np.asarray(left[name]).tolist() for name in left}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
