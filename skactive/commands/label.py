"""Label rows on a page in the browser: texts, images, rows of a table."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..learner import ActiveLearner
from ..pool import Pool
from ..pool.storage import is_database
from .data import Data, read_data
from .features import embed_by_timm, file_of_timm
from .models import BRING_FEATURES
from .options import Subcommand, count, names, port, share
from .project import (
    MEDIAN,
    Project,
    as_setting,
    consensus_in,
    learner_of,
    pool_over,
    refuse_vectors,
    relative,
    remembered,
    rows_of,
    seen_from,
    strategy_in,
    with_features,
)
from .words import Usage, note, number_of

_EXAMPLES = (
    "skactive label reviews.csv --text review --classes positive,negative",
    "skactive label pictures/ --classes cat,dog --annotators ann,ben",
    "skactive label patients.csv --groups patient --classes yes,no --goal 300",
    "skactive label pool.jsonl --classes spam,ham --store spam.db",
    "skactive label reviews.csv --text review --numbers --store stars.db",
    "skactive label labels.db          # go on",
)
STAYS = ("text", "id", "groups", "several", "numbers", "hold_out")  # what a record keeps for good


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add what says which rows are labelled, and how."""
    add = parser.add_argument
    add("data", help="a .csv, .tsv or .jsonl file, a folder of images, or a record to go on with")
    add("--store", metavar="NAME.db", help="the record; by default labels.db")
    add("--classes", type=names, metavar="A,B", help="the labels that there are")
    add("--numbers", action="store_const", const=True, help="a label is a number: it is measured")
    add("--several", action="store_const", const=True, help="a row may have several labels")
    add("--text", metavar="COLUMN", help="the column of texts; without it rows are a table")
    add("--id", metavar="COLUMN", help="the column of ids; without it what is in a row is its id")
    add("--groups", metavar="COLUMN", help="what must not be both learned and tested: a patient")
    add("--annotators", type=names, metavar="ANN,BEN", help="who labels; most of them are right")
    add("--hold-out", type=share, help="share of rows to test on, by default .1; 0 for none")
    add("--model", metavar="MODULE:OBJECT", help="an estimator of your own")
    add("--embedding", metavar="FILE.npy", help="a vector for each row, in their order")
    add("--embed", metavar="timm:NAME", help="vectors of images by a net of timm")
    add("--strategy", help="which rows come first; by default auto: margin; of numbers k_center")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what may be given."""
    add_data(parser)
    add = parser.add_argument
    add("--goal", type=count, metavar="N", help="how many labels are wanted")
    add("--overlap", type=share, help="share of rows that two people label; of several, .1")
    add("--guidelines", metavar="FILE", help="what annotators can read, as text or Markdown")
    add("--port", type=port, default=8888, help="of the page, by default 8888; 0 is any free one")
    add("--host", default="127.0.0.1", help="where the page listens; by default this machine alone")
    add("--allowed-origin", action="append", default=[], metavar="URL", help="behind a proxy")
    add("--no-browser", action="store_true", help="print the link and open nothing")


def _run(args: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C."""
    from ..annotate import serve

    project, store, data, learner, model = prepared(args)
    note(f"{data.path}: {number_of(len(data), 'row')}; labels go to {store}.")
    note(f"Model: {model}. Strategy: {strategy_in(project)}.")
    if data.kind == "images" and project.model is project.embedding is None:
        note(BRING_FEATURES)
    note("Ctrl-C ends it; what was answered is kept.")
    with learner.pool_:
        serve(
            learner,
            classes=project.classes,
            guidelines=_guidelines(project, store),
            annotators=project.annotators,
            goal=project.goal,
            overlap=project.overlap,
            port=args.port,
            host=args.host,
            allowed_origins=args.allowed_origin,
            open_browser=not args.no_browser,
        )
    note(f"Ended. Go on by skactive label {store}, see how far it is by skactive status {store}.")
    return 0


def prepared(args: argparse.Namespace) -> tuple[Project, Path, Data, ActiveLearner, str]:
    """Return all that is labelled with, once a record has it; what is refused changes nothing."""
    goes_on = is_database(args.data)
    if goes_on and args.store is not None:
        raise Usage(f"{args.data} is a record, and --store is another; give one of them.")
    if args.store is not None and not is_database(args.store):  # or it would be taken for data
        raise Usage(f"--store is {args.store!r}; write a name that ends in .db, such as labels.db.")
    store = Path(args.data if goes_on else args.store or "labels.db")
    before = remembered(store)
    if before is None:
        project, data = _begun(args, store, goes_on)
    else:
        project, data = _gone_on(args, store, before, goes_on)
    for each in data.notes:
        note(each)
    refuse_vectors(project, data)
    _guidelines(project, store)  # which may not be there
    project = _with_vectors(args, project, store, data)
    is_new = not store.exists()
    if is_new:  # or a record would be left of what is refused
        learner_of(project, store, data, Pool(data.X, **_options(project, data)))
    pool = _new_pool(project, store, data) if before is None else pool_over(project, store, data)
    try:
        if before is not None and project.classes != before.classes:
            pool.name_classes(project.classes)
        learner, model = learner_of(project, store, data, pool)
        if project != before:
            pool.set(**as_setting(project))
    except BaseException:
        pool.close()
        raise
    return project, store, data, learner, model


def _begun(args: argparse.Namespace, store: Path, goes_on: bool) -> tuple[Project, Data]:
    """Return a new project as the options say."""
    if goes_on:
        raise FileNotFoundError(
            f"{store} is no record of skactive label; give the data to label first."
        )
    if args.numbers and (args.classes or args.several):
        raise Usage("--numbers has no classes; leave it or --classes and --several out.")
    if not (args.classes or args.numbers):
        raise Usage(
            "--classes is missing; write the labels that there are, --classes yes,no, or --numbers "
            "if they are measured."
        )
    if args.groups is not None and args.hold_out == 0:
        raise Usage("--groups keeps groups out of the test rows, and --hold-out 0 has none.")
    if args.classes and len(args.classes) < 2:
        raise Usage(f"--classes has {args.classes[0]!r} alone; give at least two.")
    path = Path(args.data)
    project = Project(
        data=relative(path, store),
        text=args.text,
        id=args.id,
        groups=args.groups,
        classes=args.classes,
        several=bool(args.several),
        numbers=bool(args.numbers),
        hold_out=0.1 if args.hold_out is None else args.hold_out,
    )
    data = read_data(path, project.asked())
    if data.kind == "text":
        project = replace(project, text=data.features[0])
    elif data.kind == "table":
        project = replace(project, features=data.features)
    return _changed(args, project, store), data


def _gone_on(
    args: argparse.Namespace, store: Path, before: Project, goes_on: bool
) -> tuple[Project, Data]:
    """Return a project as it was, with what may change as the options say."""
    for name in STAYS:
        given, was = getattr(args, name), getattr(before, name)
        if given is not None and given != was:
            option = f"--{name.replace('_', '-')}"
            got = option if given is True else f"{option} {given}"
            begun = f"without {option}" if was is None or was is False else f"with {option} {was}"
            raise Usage(
                f"{store} was begun {begun}, got {got}; leave {option} out, or "
                f"begin another record by --store."
            )
    was = seen_from(before.data, store)
    if not goes_on and was.exists() and not was.samefile(args.data):
        raise ValueError(
            f"{store} labels {was}; write --store and another name for the labels of {args.data}."
        )
    data = rows_of(before, store, None if goes_on else args.data)
    project = replace(before, data=relative(data.path, store))
    if args.classes and before.numbers:
        raise Usage(
            f"{store} was begun with --numbers, which have no classes; leave --classes out."
        )
    if args.classes:
        project = replace(project, classes=args.classes)
    return _changed(args, project, store), data


def _changed(args: argparse.Namespace, project: Project, store: Path) -> Project:
    """Return a project with the options that may change from one session to the next."""
    told: dict[str, Any] = {
        name: getattr(args, name)
        for name in ("annotators", "goal", "overlap", "strategy")
        if getattr(args, name) is not None
    }
    ways = [name for name in ("model", "embedding", "embed") if getattr(args, name) is not None]
    if len(ways) > 1:
        raise Usage(f"--{ways[0]} and --{ways[1]} were given; give one of them.")
    if ways:
        told |= {"model": args.model, "embedding": None, "timm": None}
    if args.embedding is not None:
        told["embedding"] = relative(Path(args.embedding), store)
    if args.embed is not None:
        source, _, name = args.embed.partition(":")
        if source != "timm" or not name:
            raise Usage(f"--embed is {args.embed!r}; write timm:NAME, say timm:resnet18.")
        told["timm"] = name
    if getattr(args, "guidelines", None) is not None:
        told["guidelines"] = relative(Path(args.guidelines), store)
    project = replace(project, **told)
    are_several = project.annotators is not None and len(project.annotators) > 1
    if are_several and args.overlap is None and project.consensus is None:
        project = replace(project, overlap=0.1)
    # A second opinion counts for nothing without one; who labels alone has none.
    if are_several or project.overlap:
        project = replace(project, consensus=MEDIAN if project.numbers else "one_coin")
    return project


def _with_vectors(args: argparse.Namespace, project: Project, store: Path, data: Data) -> Project:
    """Return a project whose vectors are those of the rows as they are."""
    if args.embedding is not None:
        return with_features(project, store, data)
    if project.timm is None:
        return project
    file = file_of_timm(project.timm, store)
    if project.order != data.order() or not file.exists():
        embed_by_timm(project.timm, data.X, file)
    return with_features(replace(project, embedding=relative(file, store)), store, data)


def _options(project: Project, data: Data) -> dict[str, Any]:
    """Return the options of a new pool."""
    return {
        "ids": data.ids,
        "classes": project.classes,
        "multilabel": True if project.several else "auto",
        "missing_label": None if project.numbers else "auto",
        "consensus": consensus_in(project),
        "hold_out": project.hold_out or None,
        "groups": data.others[project.groups] if project.groups else None,
    }


def _new_pool(project: Project, store: Path, data: Data) -> Pool:
    return Pool.open(store, data.X, **_options(project, data))


def _guidelines(project: Project, store: Path) -> str | None:
    """Return what annotators can read."""
    if project.guidelines is None:
        return None
    path = seen_from(project.guidelines, store)
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"--guidelines {path} is not there; give a file of text."
        ) from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8; save it so.") from error


LABEL = Subcommand(
    "label", "label rows on a page in the browser", __doc__, _EXAMPLES, _add_arguments, _run
)
