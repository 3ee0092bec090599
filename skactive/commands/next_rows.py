"""Say which rows to label next, for another front end.

What it says changes nothing, unless it is told to reserve the rows; answers come back by
skactive import.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .data import Data
from .options import Subcommand, add_json, add_record, count
from .project import learner_of, opened
from .words import Usage, note, say, say_json

_EXAMPLES = (
    "skactive next labels.db -n 20",
    "skactive next labels.db -n 20 --json",
    "skactive next labels.db -n 20 --annotator ann --reserve",
)
_WIDE = 80  # characters of a row that are shown


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what may be given."""
    add_record(parser)
    parser.add_argument("-n", type=count, default=10, metavar="N", help="how many, by default 10")
    parser.add_argument("--annotator", help="who is asked; what is reserved for her comes first")
    parser.add_argument(
        "--reserve",
        action="store_true",
        help="keep them for --annotator, so that nobody else is asked",
    )
    add_json(parser)


def _run(args: argparse.Namespace) -> int:
    """Print them, best first."""
    if args.reserve and args.annotator is None:
        raise Usage("--reserve needs a name; write --annotator and for whom.")
    project, data, pool = opened(args, read_only=not args.reserve)
    with pool:
        learner, _ = learner_of(project, Path(args.store), data, pool)
        how: dict[str, Any] = {}
        if args.annotator is not None:
            how = {"annotator": args.annotator, "reserve": args.reserve}
            how |= {"overlap": project.overlap or None}
        numbers, _ = learner.query(n_instances=args.n, **how)
    rows = [{"id": data.ids[i], **content(data, i)} for i in numbers.tolist()]
    if args.json:
        say_json(rows)
        return 0
    if not rows:
        note("No row is left to label.")
    for row in rows:
        shown = " ".join(
            " | ".join(str(each) for name, each in row.items() if name != "id").split()
        )
        say(f"{row['id']}\t{shown if len(shown) <= _WIDE else shown[: _WIDE - 3] + '...'}")
    return 0


def content(data: Data, i: int) -> dict[str, Any]:
    """Return what a row has, as JSON holds it."""
    if data.kind == "text":
        return {"text": data.X[i]}
    if data.kind == "images":
        return {"path": str(data.X[i])}
    row = data.X.iloc[i]
    return {str(name): _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    plain = value.item() if hasattr(value, "item") else value
    return None if plain != plain else plain


NEXT = Subcommand("next", "say which rows to label next", __doc__, _EXAMPLES, _add_arguments, _run)
