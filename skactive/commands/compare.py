"""Find out on rows that have labels whether a strategy would save some of them.

Each strategy is simulated several times, on the same splits; random and margin are always among
them. What comes out is a table, a verdict in words, and a picture of the learning curves.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from ..evaluation import BudgetCurveDisplay, Comparison, compare_strategies
from .data import Asked, Data, read_data
from .models import default_model, named_model
from .options import Subcommand, add_json, count, names
from .project import OF_NUMBERS
from .words import from_extra, note, number_of, say, say_json

_EXAMPLES = (
    "skactive compare reviews.csv --text review --target sentiment",
    "skactive compare patients.csv --target ill --ignore patient --strategies entropy,k_center",
    "skactive compare patients.csv --target ill --repeats 5 --budget 60 -o curves.png --json",
)
MOST_CLASSES = 50  # above which a target of numbers is taken for a measured one
_ROUNDS = 20


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what may be given."""
    add = parser.add_argument
    add("data", help="a .csv, .tsv or .jsonl file")
    add("--target", required=True, metavar="COLUMN", help="the column of labels")
    add("--text", metavar="COLUMN", help="the column of texts; without it rows are a table")
    add("--ignore", type=names, metavar="A,B", default=[], help="columns that are no features")
    besides = "besides random and margin; of numbers random, and by default k_center"
    add("--strategies", type=names, metavar="A,B", default=[], help=besides)
    add("--model", metavar="MODULE:OBJECT", help="an estimator of your own")
    add("--numbers", action="store_true", help="the target is measured, and is no class")
    add("--budget", type=count, metavar="N", help="labels at the end; by default 200, or half")
    add("--batch", type=count, metavar="N", help="labels a round; by default a 20th of the budget")
    add("--repeats", type=count, metavar="N", default=10, help="by default 10")
    add("--jobs", type=int, default=1, metavar="N", help="processes; -1 for all cores")
    add("--seed", type=int, default=0, help="by default 0")
    add("-o", "--output", metavar="FILE", help="the picture, by default comparison.png")
    add("--no-picture", action="store_true", help="write none, for which matplotlib is needed")
    add_json(parser)


def _run(args: argparse.Namespace) -> int:
    """Print the table and the verdict, and write the picture."""
    picture = None if args.no_picture else Path(args.output or "comparison.png")
    if picture is not None:
        from_extra("matplotlib", "plot")
        if not picture.absolute().parent.is_dir():
            raise FileNotFoundError(f"{picture} cannot be written: its folder is not there.")
    data = read_data(
        Path(args.data), Asked(args.text, target=args.target, ignored=tuple(args.ignore))
    )
    y = _target(data, args)
    for each in data.notes:
        note(each)
    compared = _compared(args, data, y)
    if picture is not None:
        _draw(compared, picture)
    if args.json:
        rows = [_row(each) for each in compared.summary()]
        said = {"strategies": rows, "verdict": compared.verdict(), "scoring": compared.scoring}
        say_json(said | {"picture": None if picture is None else str(picture)})
    else:
        say(compared.to_markdown())  # which ends with the verdict
    if picture is not None:
        note(f"The learning curves are in {picture}.")
    return 0


def _target(data: Data, args: argparse.Namespace) -> np.ndarray:
    """Return the labels: text, or numbers where they are measured."""
    cells = [cell.strip() for cell in data.others[args.target]]
    distinct = sorted(set(cells))
    if args.numbers:
        return np.array([_number(cell, args.target) for cell in cells])
    if len(distinct) > MOST_CLASSES:
        raise ValueError(
            f"{args.target!r} has {len(distinct):,} different values, such as {distinct[0]!r}; "
            f"write --numbers if it is measured, or give a column of classes."
        )
    if len(distinct) < 2:
        raise ValueError(f"{args.target!r} is {distinct[0]!r} throughout; give two classes.")
    return np.array(cells, dtype=object)


def _number(cell: str, name: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise ValueError(f"{name!r} has {cell!r}, which is no number; leave --numbers out.")
    return value


def _compared(args: argparse.Namespace, data: Data, y: np.ndarray) -> Comparison:
    if args.model is not None:
        model, name = named_model(args.model, numbers=args.numbers), args.model
    else:
        model, name = default_model(data.kind, numbers=args.numbers)
    n_train = int(0.75 * len(data))
    budget = args.budget or min(200, n_train // 2)
    batch = args.batch or max(1, budget // _ROUNDS)
    n_initial = min(max(batch, len(set(y)) if not args.numbers else 10), budget)
    note(
        f"{name}; {number_of(len(data), 'row')}, {number_of(args.repeats, 'repeat')}, "
        f"{n_initial} to {budget} labels by {batch}."
    )
    return compare_strategies(
        model,
        data.X,
        y,
        args.strategies or ([OF_NUMBERS] if args.numbers else ["random"]),
        budget=budget,
        n_instances=batch,
        n_initial=n_initial,
        n_repeats=args.repeats,
        n_jobs=args.jobs,
        random_state=args.seed,
        name=data.path.name,
    )


def _draw(compared: Comparison, picture: Path) -> None:
    """Write the learning curves as a picture."""
    matplotlib = from_extra("matplotlib", "plot")
    matplotlib.use("agg")  # whether there is a screen or not
    display = BudgetCurveDisplay.from_comparison(compared)
    display.figure_.savefig(picture, dpi=150)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of a summary as JSON holds it."""
    saving = row.pop("saving", None)
    told = {name: value.item() if hasattr(value, "item") else value for name, value in row.items()}
    if saving is not None:
        told |= {"saved_share": float(saving.share)}
    return told


COMPARE = Subcommand(
    "compare",
    "find out on labelled rows whether a strategy saves labels",
    __doc__,
    _EXAMPLES,
    _add_arguments,
    _run,
)
