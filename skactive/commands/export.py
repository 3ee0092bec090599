"""Write what a record holds as a file for other tools."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from .options import add_record
from .project import opened
from .words import note

NAME, HELP = "export", "write the labels for other tools"
ENDINGS = {
    "csv": ".csv",
    "jsonl": ".jsonl",
    "label-studio": ".json",
    "prodigy": ".jsonl",
    "doccano": ".jsonl",
}
EXAMPLES = (
    "skactive export labels.db --to csv -o labels.csv",
    "skactive export labels.db --to jsonl > labels.jsonl",
    "skactive export labels.db --to label-studio -o tasks.json",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what may be given."""
    add_record(parser)
    parser.add_argument("--to", choices=ENDINGS, default="csv", help="the format, by default csv")
    parser.add_argument("-o", "--output", metavar="FILE", help="by default it is printed")


def run(args: argparse.Namespace) -> int:
    """Write it."""
    from ..annotate import formats

    _, data, pool = opened(args)
    with pool:
        if args.output is not None:
            formats.write(pool, args.output, args.to, X=data.X)
            note(f"{args.output} has the labels of {args.store}.")
            return 0
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"labels{ENDINGS[args.to]}"
            formats.write(pool, file, args.to, X=data.X)
            written = file.read_bytes()
    sys.stdout.buffer.write(written)
    sys.stdout.buffer.flush()
    return 0
