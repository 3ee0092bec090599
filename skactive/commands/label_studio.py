"""Label in Label Studio, in the order of a strategy, which learns as people answer.

Rows become tasks of a project; what people say there is recorded here, and after it the next
tasks are put in order. It can be ended by Ctrl-C, and begun again, at any point.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .label import add_data, prepared
from .options import Subcommand, count
from .project import strategy_of
from .words import note, number_of, say

_EXAMPLES = (
    "skactive label-studio reviews.csv --text review --classes positive,negative "
    "--url http://localhost:8080 --token-file token.txt",
    "skactive label-studio labels.db --url http://localhost:8080 --project 3 "
    "--token-file token.txt",
)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what may be given."""
    add = parser.add_argument
    add_data(parser)
    parser.set_defaults(goal=None, overlap=None)  # which its projects have settings for
    add("--url", required=True, help="the server, as http://localhost:8080")
    add("--project", metavar="N", help="its number or title; by default one is made")
    add("--token-file", required=True, metavar="FILE", help="a file with a personal access token")
    add("--batch", type=count, default=20, metavar="N", help="tasks put in order, by default 20")
    add("--once", action="store_true", help="do what is to be done now, and end")


def _run(args: argparse.Namespace) -> int:
    """Follow the project until Ctrl-C."""
    from ..annotate import LabelStudio
    from ..annotate.label_studio_client import NotDone

    token = _token(Path(args.token_file))
    if Path(args.data).is_dir():
        raise ValueError(
            "Label Studio shows images by their address, and a folder has none; write "
            "skactive.annotate.LabelStudio(..., show=function) in Python, which returns it."
        )
    project, store, data, learner, model = prepared(args)
    note(f"{data.path}: {number_of(len(data), 'row')}; labels go to {store}.")
    note(f"Model: {model}. Strategy: {strategy_of(project)}.")
    wanted = args.project
    with learner.pool_:
        studio = LabelStudio(
            learner,
            args.url,
            int(wanted) if wanted is not None and wanted.isdecimal() else wanted,
            token=token,
            classes=project.classes,
            n_instances=args.batch,
        )
        try:
            studio.follow(once=args.once, callback=lambda progress: say(str(progress)))
        except NotDone as error:  # the server's refusal is a sentence already
            raise ValueError(str(error)) from error
    return 0


def _token(path: Path) -> str:
    """Return the token that is in a file, which no list of processes shows."""
    token = path.read_text(encoding="utf-8").strip()
    if not token or len(token.split()) > 1:
        raise ValueError(f"{path} holds no token; copy one from the server's account page into it.")
    return token


LABEL_STUDIO = Subcommand(
    "label-studio",
    "label in Label Studio, in the order of a strategy",
    __doc__,
    _EXAMPLES,
    _add_arguments,
    _run,
)
