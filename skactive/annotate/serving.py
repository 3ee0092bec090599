"""`serve`: a page over a learner and its pool, in this process, until somebody ends it."""

from __future__ import annotations

import asyncio
import getpass
import html
import os
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from ..learner.learner import ActiveLearner
from ..learner.questions import kept_of
from ..pool.opening import is_kept_in, reader_of, write_through
from ..pool.pool import Pool
from ..utils.checks import check_path, checked_count
from .access import Access
from .app import make_app
from .connections import protocol
from .desk import Desk, refuse_unserved, text_of
from .items import Items
from .refused import needed
from .views import Views

_PATIENCE = 5.0  # seconds for requests to end
_AT_ONCE = 50  # connections that are taken before others are closed
MOST_PORT = 2**16 - 1
MOST_PORTS = 20  # that are tried in a notebook, whose own server often has the usual one
NOTEBOOKS = ("http://localhost:*", "http://127.0.0.1:*", "vscode-webview:")


def serve(
    learner: ActiveLearner,
    store: str | os.PathLike | None = None,
    *,
    show: Callable[[Any], Any] | None = None,
    classes: Sequence | None = None,
    guidelines: str | os.PathLike | None = None,
    annotators: Sequence[str] | None = None,
    goal: int | None = None,
    overlap: float = 0,
    port: int = 8888,
    open_browser: bool = True,
    host: str = "127.0.0.1",
    allowed_origins: Sequence[str] = (),
) -> Page | None:
    """Label in a browser, alone or with others: serve a page until Ctrl-C.

    Which rows come, in which order, decides the learner: its strategy, and its `hold_out`, whose
    test rows are mixed in. Every answer is in the pool's file before the page hears of it. A
    process beside this one trains meanwhile; the learner itself stays as it is, and learns what
    was labelled by ``learner.refit()``.

    Parameters
    ----------
    learner : ActiveLearner
        Fitted on its pool.
    store : str or path, default=None
        The file in which answers are kept, made if it is not there. None: that of the learner's
        pool, where `Pool.open` opened one.
    show : callable, default=None
        What people see of a row: ``show(row)`` returns text, a path, an image or a dict of these
        by name. None: text is shown as text, a path or an array as image or sound, the row of a
        frame as its fields.
    classes : list, default=None
        The classes in the order in which they are shown. None: as the learner names them.
    guidelines : str or path, default=None
        What people are told; a path is of a text file.
    annotators : list of str, default=None
        Who labels: each has a link of her own. None: one person, who has her name on this machine.
    goal : int, default=None
        How many rows are to be labelled; second opinions are asked for beyond it. None: all.
    overlap : float, default=0
        Share of the rows of which two people are asked, for learners with a consensus.
    port : int, default=8888
        Where the page is; 0 is any that is free.
    open_browser : bool, default=True
        Whether to open the page, where one person labels.
    host : str, default="127.0.0.1"
        Where the server listens. Another one than this machine's own lets others in who have a
        link; traffic is not encrypted.
    allowed_origins : list of str, default=()
        Where else the page may be opened, as "https://label.example.org": behind a proxy.

    Returns
    -------
    Page or None
        In a notebook the page, in a thread: it shows a link and a frame, and `close` ends it.

    Raises
    ------
    ValueError
        If the pool is in memory and no store is given, or the store belongs to other rows.
    OSError
        If the port is in use, or somebody serves a page over this store already.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skactive import ActiveLearner
    >>> from skactive.annotate import serve
    >>> texts = ["good", "bad", "so so"]
    >>> model = make_pipeline(TfidfVectorizer(), LogisticRegression())  # doctest: +SKIP
    >>> learner = ActiveLearner(model, classes=["no", "yes"]).fit(texts)  # doctest: +SKIP
    >>> serve(learner, "labels.db")  # doctest: +SKIP
    http://127.0.0.1:8888/?token=...
    """
    needed("starlette"), needed("uvicorn"), needed("cloudpickle")
    if not isinstance(learner, ActiveLearner):
        raise TypeError(f"serve got {learner!r}; give an ActiveLearner that is fitted on its pool.")
    if checked_count(port, "port", "serve", least=0) > MOST_PORT:
        raise ValueError(f"serve got port={port}; give a number from 0 to {MOST_PORT}.")
    is_notebook = _has_loop()
    if isinstance(annotators, str):
        raise TypeError(f"annotators is {annotators!r}; give a list: annotators=[{annotators!r}].")
    people = [_who()] if annotators is None else list(annotators)
    # All that can be refused before there is a file.
    refuse_unserved(learner, people, goal=goal, overlap=overlap)
    guidelines = text_of(guidelines)
    bound = _bound(host, port, MOST_PORTS if is_notebook else 1)
    try:
        _keep_in_file(learner, store)
        desk_of = {"classes": classes, "guidelines": guidelines, "goal": goal, "overlap": overlap}
        items = Items(learner.pool_.rows, show=show, ids=learner.pool_.ids)
        desk = Desk(learner, items, annotators=people, **desk_of)  # type: ignore[arg-type]
    except BaseException:
        bound.close()
        raise
    try:
        own = host, bound.getsockname()[1]
        frames = NOTEBOOKS if is_notebook else ()
        access = Access(desk.path, people, *own, allowed_origins, frames)
        page = Page(desk, access, bound)
    except BaseException:
        bound.close()
        desk.close()
        raise
    if is_notebook:
        return page
    with page, _ending():  # Ctrl-C may come before it waits
        page.tell()
        if open_browser and len(people) == 1:
            webbrowser.open(next(iter(page.links.values())))
        page.wait()
    return None


class Page:
    """A page that is being served, from a thread.

    Attributes
    ----------
    links : dict of str to str
        The link of each annotator, which proves her name.
    """

    _is_closed = False

    def __init__(self, desk: Desk, access: Access, bound: socket.socket) -> None:
        uvicorn = needed("uvicorn")
        self.desk, self.links = desk, access.links()
        self._reader: Any = reader_of(desk.pool)
        views = Views(self._reader, desk.items, desk.labels, desk.trained, goal=desk.goal)
        config = uvicorn.Config(
            make_app(desk, views, access),
            http=protocol(),
            backlog=_AT_ONCE,
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=int(_PATIENCE),
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([bound],), name="page", daemon=True
        )
        self._thread.start()

    def tell(self) -> None:
        """Print the links."""
        print(repr(self), flush=True)

    def wait(self) -> None:
        """Return once Ctrl-C is pressed, or the process is asked to end."""
        with _ending():
            while self._thread.is_alive():
                self._thread.join(0.5)  # without a limit, Windows would hear no Ctrl-C

    def close(self) -> None:
        """End the page and the training; what was answered is in the file."""
        self._server.should_exit = self._is_closed = True
        self._thread.join()
        self.desk.close()
        self._reader.close()

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if self._is_closed:
            return "The page is closed; call serve again."
        links = self.links.items()
        return "\n".join(link if len(links) == 1 else f"{name}: {link}" for name, link in links)

    def _repr_html_(self) -> str:
        if self._is_closed:  # no frame of a server that is gone
            return f"<p>{self!r}</p>"
        parts = []
        for name, link in self.links.items():
            parts.append(f'<a href="{html.escape(link)}" target="_blank">{html.escape(name)}</a>')
        # A cookie goes to a frame only if both are of one site, and notebooks are on localhost.
        first = html.escape(next(iter(self.links.values())).replace("127.0.0.1", "localhost", 1))
        style = "width: 100%; height: 640px; border: 1px solid #8888"
        return f'<p>{" · ".join(parts)}</p><iframe src="{first}" style="{style}"></iframe>'


@contextmanager
def _ending() -> Iterator[None]:
    """Go on behind it at Ctrl-C, and likewise when the process is asked to end (SIGTERM)."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    is_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, end) if is_main else None
    try:
        with suppress(KeyboardInterrupt):
            yield
    finally:
        if is_main:
            signal.signal(signal.SIGTERM, before)


def _keep_in_file(learner: ActiveLearner, store: str | os.PathLike | None) -> None:
    """Have a learner's pool in a file, so that no answer is lost."""
    pool: Pool = learner.pool_
    if store is None:
        return  # the desk refuses a pool in memory
    check_path(store, "store", "serve", "serve(learner, 'labels.db')")
    if is_kept_in(pool, store, "serve"):
        return
    path = os.path.abspath(os.fsdecode(store))
    if not (os.path.exists(path) and os.path.getsize(path)):
        write_through(pool, path)
        return
    kept = kept_of(learner)
    is_bare = kept.embedding.given is None and not (kept.params.aligned or kept.params.others)
    if pool.n_operations > 1 or not is_bare:
        more = "more than X and y" if pool.n_operations == 1 else "labels of its own"
        raise ValueError(
            f"{os.fspath(store)!r} is there already, and the learner came with {more}; fit it on "
            f"the file: learner.fit(Pool.open({os.fspath(store)!r}, X), ...)."
        )
    ids = None if pool.ids is None else pool.ids[np.arange(len(pool))]
    y = pool.y if pool.n_labeled_at_fit else None
    opened = Pool.open(path, pool.X, y, ids=ids, consensus=learner.consensus)
    try:
        learner.fit(opened)
    except BaseException:
        opened.close()
        raise


def _bound(host: str, port: int, tries: int) -> socket.socket:
    """Return a socket that listens on a port, or in a notebook on one of the next ones."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for each in range(port, min(port + tries, MOST_PORT + 1)):
        # Named, or asyncio would leave Nagle's algorithm on: 40 ms a click.
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        # Of a server that has just ended; on Windows it would let two servers share the port.
        if os.name != "nt":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, each))
            bound.listen()
        except socket.gaierror as error:
            bound.close()
            raise OSError(
                f"host {host!r} is no address of this machine ({error.strerror}); write "
                f"host='127.0.0.1', or '0.0.0.0' for all that it has."
            ) from error
        except OSError as error:
            bound.close()
            reason = error
        else:
            return bound
    raise OSError(
        f"port {port} of {host} cannot be used ({reason.strerror}); write port={port + 1} "
        f"(--port {port + 1}), or 0 for any that is free."
    ) from reason


def _has_loop() -> bool:
    """Tell whether this is a notebook, whose event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _who() -> str:
    """Return what the person at this machine is called."""
    with suppress(OSError, KeyError, ImportError):  # a container may know no names
        return getpass.getuser()
    return "me"
