"""Checkpoints of nets in simulations: the files of a run are its own."""

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from ..learner.training import nets_in
from ..utils.checks import is_instance

CHECKPOINTS = ("skorch.callbacks.Checkpoint", "skorch.callbacks.TrainEndCheckpoint")
WHERE = "(dirname|fn_prefix|f_[a-z_]*[a-z])"  # what of a checkpoint says where files lie


@contextmanager
def own_folders(estimator) -> Iterator[None]:
    """Let the checkpoints of an estimator's nets write to folders that no other run writes to.

    Runs that go on at the same time would otherwise load one another's weights. A folder inside
    one that the user named stays; that of a checkpoint without a name is removed.
    """
    places = _places(estimator)
    for holder, name in places:
        if not name.endswith("dirname"):
            _refuse_outside(holder, name)
    with ExitStack() as stack:
        folders: dict[str, str] = {}
        for holder, name in places:
            if name.endswith("dirname"):
                named = getattr(holder, name)
                if named not in folders:
                    folders[named] = _own_folder(named, stack)
                stack.callback(setattr, holder, name, named)
                setattr(holder, name, folders[named])
        yield


def _own_folder(named: str, stack: ExitStack) -> str:
    """Make a folder inside the one that is named, or one that goes with the stack."""
    if not named:
        return stack.enter_context(TemporaryDirectory(prefix="skactive-"))
    os.makedirs(named, exist_ok=True)
    return mkdtemp(prefix="run-", dir=named)


def _places(estimator) -> list[tuple[Any, str]]:
    """Return what says where checkpoints lie: each object and its attribute.

    A net's ``callbacks__NAME__dirname`` counts for more than the callback's own.
    """
    of_nets = [
        (net, name)
        for net in nets_in(estimator)
        for name in vars(net)
        if re.fullmatch(rf"callbacks__.+__{WHERE}", name)
    ]
    of_checkpoints = [
        (each, name)
        for each in _checkpoints(estimator)
        for name in vars(each)
        if re.fullmatch(WHERE, name)
    ]
    return of_nets + of_checkpoints


def _refuse_outside(holder, name: str) -> None:
    """Refuse a file that lies outside its folder, which every run would write to."""
    path = getattr(holder, name)
    if isinstance(path, str) and (os.path.isabs(path) or os.pardir in Path(path).parts):
        raise ValueError(
            f"{type(holder).__name__} got {name}={path!r}, a file that all runs would write to; "
            f"write its name alone, and where it lies as dirname."
        )


def _checkpoints(estimator) -> list:
    """Return what the callbacks of an estimator's nets write to, and load from."""
    lists = [net.callbacks for net in nets_in(estimator) if isinstance(net.callbacks, list | tuple)]
    given = [each for callbacks in lists for each in callbacks]
    callbacks = [each[1] if isinstance(each, tuple) else each for each in given]
    loaded = [getattr(each, "checkpoint", None) for each in callbacks]  # of LoadInitState
    return [each for each in (*callbacks, *loaded) if is_instance(each, CHECKPOINTS)]
