"""Record answers that were given elsewhere: a CSV file, or what another tool wrote.

All of them are one operation of the record, which can be undone; decisions are further ones.
Those that contradict what a row has already are left out, told one by one, and the exit code is 1.
"""

from __future__ import annotations

import argparse

import numpy as np

from ..annotate.formats import read, take_in
from ..annotate.reading import READABLE
from ..data.tables import Lines, parse_like
from .options import Subcommand, add_json, add_record
from .project import opened
from .status import lines_of
from .words import note, number_of, say, say_json

_EXAMPLES = (
    "skactive import labels.db answers.csv --annotator ann",
    "skactive import labels.db answers.csv --annotator ann --relabel",
)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what may be given."""
    add_record(parser)
    add = parser.add_argument
    add("answers", help="a CSV file with the columns id and label, or what another tool wrote")
    add("--annotator", help="who answered, where the file does not say")
    add("--relabel", action="store_true", help="let rows take another label than they have")
    add("--from", dest="kind", choices=READABLE, help="what wrote it; by default as it looks")
    add("--id", metavar="COLUMN", help="the column of ids, where it is not called id")
    add("--label", metavar="COLUMN", help="the column of labels, where it is not called label")
    add_json(parser)


def _run(args: argparse.Namespace) -> int:
    """Record them, and tell what was left out."""
    project, _, pool = opened(args, read_only=False)
    with pool:
        table = read(
            args.answers,
            args.kind,
            on=args.id,
            label=args.label,
            annotator=args.annotator,
            several=project.several,
            skip=pool.missing_label,
        )
        if project.numbers:
            table["label"] = _measured(table, args.answers)
        before = pool.n_operations
        left = take_in(pool, table, relabel=args.relabel)
        n_recorded = sum(len(operation.rows) for operation in pool.since(before))
    refused = lines_of(left)
    n_given = sum(kind is not None for kind in table["kind"])
    n_known = max(0, n_given - n_recorded - len(refused))
    if args.json:
        say_json({"recorded": n_recorded, "known": n_known, "left_out": refused})
    else:
        say(f"{number_of(n_recorded, 'row')} of {args.answers} recorded in {args.store}.")
        if not n_given:
            note(f"{args.answers} has no answer in it: no row has a label there.")
        elif n_known:
            note(f"Recorded already: {n_known:,} of {number_of(n_given, 'answer')}.")
        for each in refused:
            where = f"{table.unit} {each['line']}"
            note(
                f"{where}, {each['id']}: it has {each['in_pool']!r}, the file {each['in_table']!r}."
            )
    if refused:
        note(f"{number_of(len(refused), 'answer')} left out; write --relabel to let them count.")
    return 1 if refused else 0


def _measured(table: Lines, path: str) -> list[float | None]:
    """Return labels as numbers, of which some may be whole, refusing what is none."""
    parsed = parse_like(table["label"], np.zeros(0), also_new=True)
    if parsed.unknown:
        first = parsed.unknown[0]
        raise ValueError(
            f"{path} has the label {first.cell!r} in {table.unit} {table.numbers[first.position]}, "
            f"which is no number; write one, with a point, or nothing for no answer."
        )
    cells = zip(parsed.labels.tolist(), parsed.is_given.tolist(), strict=True)
    return [label if is_given else None for label, is_given in cells]


IMPORT = Subcommand(
    "import", "record answers that were given elsewhere", __doc__, _EXAMPLES, _add_arguments, _run
)
