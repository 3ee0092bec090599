"""Checkpoints of nets in simulations: the files of a run are its own."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory, mkdtemp

from ..learner.training import nets_in
from ..utils.checks import is_instance

CHECKPOINTS = ("skorch.callbacks.Checkpoint", "skorch.callbacks.TrainEndCheckpoint")


@contextmanager
def own_folders(estimator) -> Iterator[None]:
    """Let the checkpoints of an estimator's nets write to folders that no other run writes to.

    Runs that go on at the same time would otherwise load one another's weights. A folder inside
    one that the user named stays; that of a checkpoint without a name is removed.
    """
    with ExitStack() as stack:
        folders: dict[str, str] = {}
        for checkpoint in _checkpoints(estimator):
            named = checkpoint.dirname
            if named not in folders and named:
                os.makedirs(named, exist_ok=True)
                folders[named] = mkdtemp(prefix="run-", dir=named)
            elif named not in folders:
                folders[named] = stack.enter_context(TemporaryDirectory(prefix="skactive-"))
            stack.callback(setattr, checkpoint, "dirname", named)
            checkpoint.dirname = folders[named]
        yield


def _checkpoints(estimator) -> list:
    """Return what the callbacks of an estimator's nets write to, and load from."""
    lists = [net.callbacks for net in nets_in(estimator) if isinstance(net.callbacks, list | tuple)]
    given = [each for callbacks in lists for each in callbacks]
    callbacks = [each[1] if isinstance(each, tuple) else each for each in given]
    loaded = [getattr(each, "checkpoint", None) for each in callbacks]  # of LoadInitState
    return [each for each in (*callbacks, *loaded) if is_instance(each, CHECKPOINTS)]
