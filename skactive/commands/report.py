"""Write one HTML file to sign off: who labelled, how many, how far they agree, how good it is.

The file needs no other one and no network. It says what was measured on rows to test on, with its
interval, and by which versions.
"""

from __future__ import annotations

import argparse
import hashlib
import platform
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import sklearn

from ..learner import ActiveLearner
from ..pool import Pool
from ..utils.files import replacing
from ..utils.version import __version__
from .data import Data
from .drawing import bars, curve
from .options import Subcommand, add_record
from .project import Project, learner_of, opened, strategy_in
from .status import counts, in_words, worth_of
from .words import note, number_of

_EXAMPLES = (
    "skactive report labels.db",
    "skactive report labels.db -o reviews.html --title 'Reviews, first half'",
)
_BINS = 10  # of numbers
_POINTS = 10  # of the curve, each of which trains a model
_CSS = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}
h1{line-height:1.2}table{border-collapse:collapse;width:100%;display:block;overflow-x:auto}
td,th{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #8886;vertical-align:top}
th{font-weight:600}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
svg{width:100%;height:auto;font:13px system-ui,sans-serif;fill:currentColor}
svg .left{text-anchor:end}svg .mid{text-anchor:middle}svg .grid{stroke:#8886;fill:none}
svg .band{fill:#3b76c433}svg .line{fill:none;stroke:#3b76c4;stroke-width:2}
svg rect,svg circle{fill:#3b76c4}td{overflow-wrap:anywhere}
.sign{display:flex;gap:2rem;margin-top:3rem}.sign div{flex:1;border-top:1px solid;padding-top:.3rem}
@media print{body{margin:0;max-width:none}}
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what may be given."""
    add_record(parser)
    parser.add_argument("-o", "--output", metavar="FILE", help="by default report.html")
    parser.add_argument("--title", help="by default the name of the data")


def _run(args: argparse.Namespace) -> int:
    """Write it."""
    project, data, pool = opened(args)
    output = Path(args.output or "report.html")
    with pool:
        learner, model = learner_of(project, Path(args.store), data, pool)
        page = page_of(args.title or data.path.name, project, data, pool, learner, model)
    with replacing(output) as file:
        file.write(page.encode("utf-8", "backslashreplace"))
    note(f"{output} has the report of {args.store}.")
    return 0


def page_of(
    title: str, project: Project, data: Data, pool: Pool, learner: ActiveLearner, model: str
) -> str:
    """Return the report as one page."""
    told = counts(pool, project)
    parts = [
        f"<h1>{escape(title)}</h1>",
        _overview(told, project),
        "<h2>How good is the model?</h2>",
        *_quality(learner),
        *(_values(told, pool) if project.numbers else _classes(told, pool)),
        "<h2>Who labelled</h2>",
        *_people(told, pool),
        "<h2>How it was made</h2>",
        _made(project, data, pool, model),
        '<div class="sign"><div>Name</div><div>Date</div><div>Signature</div></div>',
    ]
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_CSS}</style></head>"
    )
    return f"{head}<body>{''.join(parts)}</body></html>"


def _overview(told: dict[str, Any], project: Project) -> str:
    goal = f", of {project.goal:,} wanted" if project.goal else ""
    rows = [
        ["Rows", told["rows"]],
        ["Labelled to learn by", told["labelled"]],
        ["Labelled to test on", told["held_out_labelled"]],
        [f"Labels in all{goal}", told["labelled"] + told["held_out_labelled"]],
        ["Skipped: nobody could tell", told["skipped"]],
        ["Not labelled", told["unlabelled"] + told["reserved"]],
    ]
    return _table(None, rows)


def _quality(learner: ActiveLearner) -> Iterable[str]:
    """Yield what the model is worth, and how it came to be."""
    found, why_not = worth_of(learner)
    if found is None:
        yield f"<p>Not known: {escape(str(why_not))}</p>"
        return
    yield (
        f"<p><strong>{escape(found['metric'])} {found['value']:.3f}</strong>, between "
        f"{found['low']:.3f} and {found['high']:.3f} at {100 * found['level']:g} %, by "
        f"{number_of(found['n'], 'test label')} ({escape(found['method'])}). These rows were "
        f"drawn by chance, "
        f"no model has learned them, and no strategy has chosen them.</p>"
    )
    past = learner.curve(n_points=_POINTS)
    if len(past.estimates) > 1:
        n_labels, values = past.n_labeled.tolist(), past.values.tolist()
        band = past.low.tolist(), past.high.tolist()
        yield curve(
            n_labels,
            values,
            *band,
            "Estimated score after each number of labels, with its interval",
        )
        yield "<p>The same of each earlier model, against the number of labels that it learned.</p>"


def _classes(told: dict[str, Any], pool: Pool) -> Iterable[str]:
    """Yield how many labels each class has, and what became of the classes."""
    yield "<h2>Classes</h2>"
    yield bars(told["classes"], "Number of labels to learn by, of each class")
    yield from _changes(pool)


def _values(told: dict[str, Any], pool: Pool) -> Iterable[str]:
    """Yield where the numbers lie."""
    yield "<h2>Values</h2>"
    yield f"<p>Labels to learn by: {in_words(told['values'])}.</p>"
    if told["labelled"]:
        times, edges = np.histogram(pool.y_labeled, bins=_BINS)
        names = [f"{low:.4g} to {high:.4g}" for low, high in pairwise(edges.tolist())]
        yield bars(
            dict(zip(names, times.tolist(), strict=True)),
            "Number of labels to learn by, of values in each range",
        )


def _changes(pool: Pool) -> Iterable[str]:
    """Yield how classes were renamed, merged and split."""
    undone = {n for operation in pool.history for n in operation.undone}
    rows = []
    for n, operation in enumerate(pool.history):
        if operation.kind == "classes":
            old, new = (", ".join(map(str, operation.detail[key])) for key in ("classes", "into"))
            back = " (undone)" if n in undone else ""
            rows.append([_time(operation.time), f"{old} became {new}{back}"])
    if rows:
        yield _table(["When", "What"], rows)
    else:
        yield "<p>They were not changed since labelling began.</p>"


def _people(told: dict[str, Any], pool: Pool) -> Iterable[str]:
    """Yield who labelled, and how far they agree; how good they are only where that is known."""
    head = ["Name", "Answers", "Skips", "Seconds (median)"]
    compared = [each for each in told["people"] if each["agreement"] is not None]
    head += ["Accuracy (estimated)", "Agreement"] if compared else []
    rows = []
    for each in told["people"]:
        sure = each["accuracy"] is not None
        accuracy = f"{each['accuracy']:.2f} [{each['low']:.2f}, {each['high']:.2f}]" if sure else ""
        seconds = "" if each["seconds"] is None else f"{each['seconds']:.1f}"
        agrees = "" if each["agreement"] is None else f"{each['agreement']:.2f}"
        name = each["annotator"] or "(no name)"
        row = [name, each["answers"], each["skips"], seconds]
        rows.append([*row, accuracy, agrees] if compared else row)
    yield _table(head, rows) if rows else "<p>Nobody yet.</p>"
    if "values" in told:
        yield "<p>Labels are measured, and agreement is counted of classes alone.</p>"
        return
    agreement = pool.agreement()
    if not np.isfinite(agreement.alpha):
        yield (
            "<p>No two people labelled the same rows, so that nothing is known of agreement, nor "
            "of how often anybody is right.</p>"
        )
        return
    yield f"<p>Krippendorff's alpha {agreement.alpha:.2f}: 1 always, 0 as chance would.</p>"
    pairs = [
        [f"{a or '(no name)'} and {b or '(no name)'}", n, f"{kappa:.2f}"]
        for (a, b), (kappa, n) in agreement.pairs.items()
    ]
    yield _table(["Who", "Rows of both", "Cohen's kappa"], pairs)


def _made(project: Project, data: Data, pool: Pool, model: str) -> str:
    """Return by what all of this was made, so that it can be made again."""
    history = pool.history
    versions = f"skactive {__version__}, scikit-learn {sklearn.__version__}, numpy "
    versions += f"{np.__version__}, scipy {scipy.__version__}, Python {platform.python_version()}"
    held = "none" if pool.hold_out is None else f"{pool.hold_out:.0%} of the rows, by a hash"
    if project.groups:
        held += f" of {project.groups!r}"
    rows = [
        ["Data", f"{data.path} ({_digest(data)})"],
        ["Model", model],
        ["Strategy", strategy_in(project)],
        ["Held out to test on", held],
        ["Label of a row", project.consensus or "what was said last"],
        [
            "Operations",
            f"{len(history):,}, from {_time(history[0].time)} to {_time(history[-1].time)}",
        ],
        ["Versions", versions],
        ["Written", _time(datetime.now(UTC).timestamp())],
    ]
    return _table(None, rows)


def _digest(data: Data) -> str:
    """Return what identifies the data: a file's SHA-256, or that of the names in a folder."""
    if data.path.is_dir():
        return f"SHA-256 of the names of its {len(data):,} images {data.order()}"
    return f"SHA-256 {hashlib.sha256(data.path.read_bytes()).hexdigest()}"


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _table(head: Sequence[str] | None, rows: Sequence[Sequence[Any]]) -> str:
    """Return rows as a table; without a head, the first cell of each is what the row is called."""
    lines = []
    if head is not None:
        sides = [_side(column) for column in zip(*rows, strict=True)]
        names = [f"<th{side}>{escape(each)}</th>" for each, side in zip(head, sides, strict=True)]
        lines.append(f"<tr>{''.join(names)}</tr>")
    for first, *cells in rows:
        name = f'<th scope="row">{escape(str(first))}</th>' if head is None else _cell(first)
        lines.append(f"<tr>{name}{''.join(map(_cell, cells))}</tr>")
    return f"<table>{''.join(lines)}</table>"


def _side(values: Iterable[Any]) -> str:
    """Return what sets a column of numbers, written or not, to the right."""
    told = [str(value) for value in values if value != ""]
    is_number = bool(told) and all(re.fullmatch(r"-?[\d.]+", value) for value in told)
    return ' class="n"' if is_number else ""


def _cell(value: Any) -> str:
    shown = f"{value:,}" if isinstance(value, int) else escape(str(value))
    return f"<td{_side([value])}>{shown}</td>"


REPORT = Subcommand(
    "report", "write one HTML file to sign off", __doc__, _EXAMPLES, _add_arguments, _run
)
