"""Write what a record holds as a file for other tools: each answer that stands."""

from __future__ import annotations

import argparse
import sys

from ..annotate.formats import WRITABLE, write
from .options import Subcommand, add_record
from .project import opened
from .words import note, number_of

_EXAMPLES = (
    "skactive export labels.db --to csv -o labels.csv",
    "skactive export labels.db --to jsonl > labels.jsonl",
    "skactive export labels.db --to label-studio --all -o tasks.json",
)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what may be given."""
    add_record(parser)
    parser.add_argument("--to", choices=WRITABLE, default="csv", help="by default csv")
    parser.add_argument("--all", action="store_true", help="rows without an answer too")
    parser.add_argument("-o", "--output", metavar="FILE", help="by default it is printed")


def _run(args: argparse.Namespace) -> int:
    """Write it."""
    _, data, pool = opened(args)
    with pool:
        file = sys.stdout.buffer if args.output is None else args.output
        n = write(pool, file, args.to, X=data.X, unlabeled=args.all)
    sys.stdout.flush()
    note(f"{number_of(n, 'answer')} of {args.store}, {args.output or 'printed'}.")
    return 0


EXPORT = Subcommand(
    "export", "write the labels for other tools", __doc__, _EXAMPLES, _add_arguments, _run
)
