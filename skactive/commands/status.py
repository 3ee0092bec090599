"""Say how far labelling has come: how many, who, which classes."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from ..data.labels import plain
from ..learner import ActiveLearner
from ..pool import Pool
from .options import Subcommand, add_json, add_record
from .project import Project, learner_of, opened
from .words import number_of, say, say_json

_EXAMPLES = (
    "skactive status labels.db",
    "skactive status labels.db --estimate",
    "skactive status labels.db --json",
)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what may be given."""
    add_record(parser)
    parser.add_argument(
        "--estimate", action="store_true", help="train the model, and say how good it is"
    )
    add_json(parser)


def _run(args: argparse.Namespace) -> int:
    """Print it."""
    project, data, pool = opened(args)
    with pool:
        told = {"record": args.store, "data": str(data.path), "goal": project.goal} | counts(
            pool, project
        )
        if args.estimate:
            learner, told["model"] = learner_of(project, Path(args.store), data, pool)
            told["estimate"], told["no_estimate"] = worth_of(learner)
    if args.json:
        say_json(told)
    else:
        say("\n".join(_lines(told)))
    return 0


def counts(pool: Pool, project: Project) -> dict[str, Any]:
    """Return what a pool counts, as plain values."""
    labels, numbers = pool.y_labeled, project.numbers
    told: dict[str, Any] = {
        "rows": len(pool),
        "labelled": pool.n_labeled,
        "unlabelled": pool.n_unlabeled,
        "reserved": pool.n_reserved,
        "skipped": pool.n_skipped,
        "held_out": pool.n_held_out,
        "held_out_labelled": _n_tested(pool),
        "classes": {} if numbers else _per_class(pool, labels),
        "people": people(pool, numbers),
    }
    if numbers:  # of which hardly two are equal
        quartiles = np.quantile(labels, [0, 0.5, 1]).tolist() if len(labels) else [None] * 3
        values = dict(zip(("least", "median", "most"), quartiles, strict=True))
        return told | {"values": values, "agreement": None}
    alpha = float(pool.agreement().alpha)
    return told | {"agreement": alpha if np.isfinite(alpha) else None}


def _n_tested(pool: Pool) -> int:
    """Return how many test rows have a label."""
    if pool.hold_out is None:
        return 0
    answers = pool.test_answers()
    return len(answers.rows) + answers.n_waiting


def _per_class(pool: Pool, labels: np.ndarray) -> dict[str, int]:
    """Return how many labelled rows, not held out, have each class."""
    classes = pool.classes
    if pool.multilabel and classes is not None:
        return {str(name): int(n) for name, n in zip(classes, labels.sum(axis=0), strict=True)}
    names = np.unique(labels) if classes is None else classes
    times = Counter(labels.tolist())  # none are labels of another kind
    return {str(plain(name)): times[plain(name)] for name in names}


def people(pool: Pool, numbers: bool = False) -> list[dict[str, Any]]:
    """Return what is known of everybody who answered.

    How often somebody is right is told only if others labelled some of her rows: it is a guess
    from agreement. Measured numbers hardly ever agree to the digit: of them it is not told.
    """
    known = [
        {name: None if value != value else value for name, value in line.items()}
        for line in lines_of(pool.annotators())
    ]
    unknown = dict.fromkeys(("accuracy", "low", "high", "agreement"))
    return [row | unknown if numbers or row["agreement"] is None else row for row in known]


def lines_of(table: Any) -> list[dict[str, Any]]:
    """Return the lines of a table, a frame or a dict of arrays, as plain values by column."""
    columns = {name: np.asarray(table[name]).tolist() for name in table}
    return [dict(zip(columns, line, strict=True)) for line in zip(*columns.values(), strict=True)]


def worth_of(learner: ActiveLearner) -> tuple[dict[str, Any] | None, str | None]:
    """Return how good a model is by the test rows, or why that is not known."""
    try:
        found = learner.estimate()
    except ValueError as error:  # too few test labels, or too few to fit
        return None, " ".join(str(error).split())
    names = ("metric", "value", "low", "high", "n", "level", "method")
    values = (found.scoring, *(getattr(found, name) for name in names[1:]))
    return dict(zip(names, values, strict=True)) | {"sentence": str(found)}, None


def in_words(values: dict[str, Any]) -> str:
    """Return between which numbers the labels lie."""
    if values["median"] is None:
        return "none yet"
    return "{least:g} to {most:g}, median {median:g}".format(**values)


def _lines(told: dict[str, Any]) -> list[str]:
    goal = f" of {told['goal']:,} wanted" if told["goal"] else ""
    held = told["held_out"]
    lines = [
        f"{told['record']}: {told['labelled'] + told['held_out_labelled']:,} labels{goal}, "
        f"{number_of(told['rows'], 'row')} in {told['data']}",
        f"  to learn by  {told['labelled']:,} labelled, {told['unlabelled']:,} left, "
        f"{told['skipped']:,} skipped, {told['reserved']:,} reserved",
    ]
    if held:
        lines.append(f"  to test on   {told['held_out_labelled']:,} labelled of {held:,}")
    if "values" in told:
        lines.append(f"  values       {in_words(told['values'])}")
    else:
        classes = ", ".join(f"{name} {n:,}" for name, n in told["classes"].items())
        lines.append(f"  classes      {classes}")
    for each in told["people"]:
        agrees = each["agreement"]
        lines.append(
            f"  {each['annotator'] or '(no name)'}: {number_of(each['answers'], 'answer')}, "
            f"{number_of(each['skips'], 'skip')}"
            + ("" if agrees is None else f", agrees with others in {agrees:.0%}")
        )
    if told["agreement"] is not None:
        lines.append(f"  agreement    alpha {told['agreement']:.2f}")
    if "estimate" in told:
        found = told["estimate"]
        lines.append(f"  model        {found['sentence'] if found else told['no_estimate']}")
    return lines


STATUS = Subcommand(
    "status", "say how far labelling has come", __doc__, _EXAMPLES, _add_arguments, _run
)
