"""Label in Label Studio, in the order of a strategy, which learns as people answer.

Rows become tasks of a project; what people say there is recorded here, and after it the next
tasks are put in order. It can be ended by Ctrl-C, and begun again, at any point.
"""

from __future__ import annotations

import argparse
from base64 import b64encode
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .data import Data
from .features import upright
from .label import add_data, prepared
from .options import Subcommand, count
from .project import remembered, seen_from, strategy_in
from .words import Usage, note, number_of, say

_SIDE = 1024  # pixels
_MANY = 500  # images, of about 100 KB each
_EXAMPLES = (
    "skactive label-studio reviews.csv --text review --classes positive,negative "
    "--url http://localhost:8080 --token-file token.txt",
    "skactive label-studio pictures/ --classes cat,dog --url http://localhost:8080 "
    "--token-file token.txt",
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
    add(
        "--image-url",
        metavar="URL",
        help="where browsers find the folder of images; by default "
        "each is sent whole, in at most 1,024 pixels",
    )
    add("--token-file", required=True, metavar="FILE", help="a file with a personal access token")
    add("--batch", type=count, default=20, metavar="N", help="tasks put in order, by default 20")
    add("--once", action="store_true", help="do what is to be done now, and end")


def _run(args: argparse.Namespace) -> int:
    """Follow the project until Ctrl-C."""
    from ..annotate import LabelStudio
    from ..annotate.label_studio_client import NotDone

    token = _token(Path(args.token_file))
    if args.image_url is not None and not _is_folder(Path(args.data)):
        raise Usage(
            f"--image-url is for a folder of images, and {args.data} is none; leave it out."
        )
    project, store, data, learner, model = prepared(args)
    note(f"{data.path}: {number_of(len(data), 'row')}; labels go to {store}.")
    note(f"Model: {model}. Strategy: {strategy_in(project)}.")
    show = _shown(data, args.image_url)
    wanted = args.project
    with learner.pool_:
        studio = LabelStudio(
            learner,
            args.url,
            int(wanted) if wanted is not None and wanted.isdecimal() else wanted,
            token=token,
            classes=project.classes,
            show=show,
            n_instances=args.batch,
        )
        try:
            studio.follow(once=args.once, callback=lambda progress: say(str(progress)))
        except NotDone as error:  # the server's refusal is a sentence already
            raise ValueError(str(error)) from error
    return 0


def _is_folder(path: Path) -> bool:
    """Whether the rows are images in a folder, or those of a record are."""
    before = remembered(path) if path.suffix == ".db" else None
    return (path if before is None else seen_from(before.data, path)).is_dir()


def _shown(data: Data, prefix: str | None) -> Callable[[Any], dict[str, str]] | None:
    """Return what makes of a path what Label Studio shows; None: rows are no images."""
    if data.kind != "images":
        return None
    if prefix is None:
        if len(data) > _MANY:
            note(
                f"{len(data):,} images go to the server whole, which is slow; put the folder where "
                f"browsers reach it, and write --image-url and its address there."
            )
        return lambda path: {"image": _as_address(str(path))}
    start = prefix if prefix.endswith(("/", "=")) else f"{prefix}/"
    names = dict(zip(data.X, data.ids, strict=True))
    return lambda path: {"image": start + quote(names[path])}


def _as_address(path: str) -> str:
    """Return an image that is its own address, in a size for the screen."""
    image, buffer = upright(path, (_SIDE, _SIDE)), BytesIO()
    image.thumbnail((_SIDE, _SIDE))
    image.save(buffer, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{b64encode(buffer.getvalue()).decode()}"


def _token(path: Path) -> str:
    """Return the token that is in a file, which no list of processes shows."""
    token = path.read_text(encoding="utf-8-sig").strip()  # as editors of Windows write it
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
