"""Training beside the page: a process that is told what is new, and replaced when it dies."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from ..learner.learner import ActiveLearner
from ..pool.log import Change
from ..pool.pool import Pool
from .frames import Done, Task, packed, receive, send

REST = 0.3  # seconds between two trainings at least, so that quick ones leave the machine its air
MOST_REST = 5.0  # seconds; they take half of the time at most, up to this
_PATIENCE = 5.0  # seconds for a process to end by itself
MOST_DEAD = 3  # processes in a row that died of a task; the next one waits for another label


class Worker:
    """Keeps a process busy with what a pool gains, from a thread of its own.

    Parameters
    ----------
    learner : ActiveLearner
        Fitted on its pool; the process gets a copy, and then what is recorded since.
    wanted : callable
        Returns the rows of which a guess is wanted, an array.
    take : callable
        Called with each `Done`.
    """

    def __init__(
        self,
        learner: ActiveLearner,
        wanted: Callable[[], np.ndarray],
        take: Callable[[Done], None],
    ) -> None:
        self.learner, self.wanted, self.take = learner, wanted, take
        self.failed: str | None = None  # a sentence about the process that died
        self.is_training = False
        self._asked, self._closed = threading.Event(), threading.Event()
        self._process: subprocess.Popen | None = None
        self._known = 0  # operations that the process has been told of
        self._n_dead = 0
        self._refuse_what_cannot_be_sent()
        self._thread = threading.Thread(target=self._run, name="training", daemon=True)

    def start(self) -> None:
        """Begin with what there is."""
        self._asked.set()
        self._thread.start()

    def wake(self) -> None:
        """Say that there is something new to learn, or that rows are running out."""
        self._asked.set()

    def close(self) -> None:
        """End the process, whatever it does."""
        self._closed.set()
        self._asked.set()
        process = self._process
        if process is not None:
            _end(process)
        if self._thread.is_alive():
            self._thread.join(_PATIENCE)

    def _refuse_what_cannot_be_sent(self) -> None:
        """Refuse a learner that cannot be copied to another process."""
        try:
            packed(self.learner)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise ValueError(
                f"the learner cannot be sent to the process that trains it: {error}. Keep what is "
                f"open (files, locks, generators) out of its estimator and its rows."
            ) from error

    def _run(self) -> None:
        try:
            self._go_on()
        finally:
            self.is_training = False
            if self._process is not None:
                _shut(self._process)
            if not self._closed.is_set():  # by an error, which the terminal shows
                self.failed = "Training has ended. Labels are safe; begin the page again."

    def _go_on(self) -> None:
        while True:
            self._asked.wait()
            if self._closed.is_set():
                return
            self._asked.clear()
            start, self.is_training = time.monotonic(), True
            try:
                done = self._done()
                if done is not None:
                    self.take(done)
            except Exception as error:  # noqa: BLE001 - whatever it is, this thread goes on
                self._give_up(error)
            self.is_training = False
            took = time.monotonic() - start
            self._closed.wait(min(max(REST, took), MOST_REST))

    def _done(self) -> Done | None:
        """Return what came of the next task; None: the process died, or is closed."""
        try:
            process = self._living()
            changes, n = changes_since(self.learner.pool_, self._known)
            send(process.stdin, Task(changes, self.wanted()))
            self._known = n
            done: Done = receive(process.stdout)
        except (EOFError, OSError):
            self._bury()
            return None
        self.failed, self._n_dead = None, 0
        return done

    def _living(self) -> subprocess.Popen:
        """Return the process, a new one where it is not there any more."""
        process = self._process
        if process is not None:
            if process.poll() is None:
                return process
            _shut(process)
        try:
            self._process = process = _begun()
        except OSError as error:
            self.failed = f"No process that trains the model can be started: {error}."
            raise
        if hasattr(os, "waitid"):
            threading.Thread(target=_end_what_is_left, args=(process.pid,), daemon=True).start()
        if self._closed.is_set():  # meanwhile
            _end(process)
        send(process.stdin, self.learner)
        self._known = receive(process.stdout)
        return process

    def _give_up(self, error: Exception) -> None:
        """End a process from which comes what cannot be used."""
        traceback.print_exception(error)
        process, self._process = self._process, None
        if process is not None:
            _end(process)
            _shut(process)
        self.failed = (
            f"What the training brought cannot be used ({type(error).__name__}, as the terminal "
            f"shows). Labels are safe; it is tried again with the next label."
        )

    def _bury(self) -> None:
        """Say of what a process died, and let another one try, unless it seems to be the task."""
        process, self._process = self._process, None
        if process is None:
            return
        code = _end(process, _PATIENCE)  # it is about to
        _shut(process)
        if self._closed.is_set():
            return
        self._n_dead += 1
        told = f"signal {-code}" if code < 0 else f"exit status {code}"
        why = "; the system ends what takes too much memory so" if code == -9 else ""
        self.failed = (
            f"The process that trains the model died ({told}{why}). Labels are safe; another one "
            f"tries {'again' if self._n_dead < MOST_DEAD else 'with the next label'}."
        )
        if self._n_dead < MOST_DEAD:
            self._asked.set()


def changes_since(pool: Pool, start: int) -> tuple[list[Change], int]:
    """Return what was recorded after so many operations, and how many there are now."""
    now, log = pool.ledger.now, pool.ledger.log
    changes = []
    for n in range(start, now.n_operations):
        change = log.change(n, now.n_operations, now.n_events)
        if change.undone and n in log.dtypes:  # of the labels that it brought back
            change = change._replace(dtype=np.dtype(log.dtypes[n]))
        changes.append(change)
    return changes, now.n_operations


def _begun() -> subprocess.Popen:
    """Return a new process, which finds the modules that this one finds.

    It has a group of its own: Ctrl-C in the terminal is for the page, and what an estimator starts
    ends with it.
    """
    more: dict[str, Any] = {"start_new_session": True}
    if os.name == "nt":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.BELOW_NORMAL_PRIORITY_CLASS  # type: ignore[attr-defined]
        more = {"creationflags": flags}
    path = os.pathsep.join(os.path.abspath(each) for each in sys.path)
    return subprocess.Popen(
        [sys.executable, "-m", "skactive.annotate.work"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
        **more,
    )


def _end_what_is_left(pid: int) -> None:
    """Once a process has died, end what it started: that would keep its pipe open for ever."""
    with suppress(ChildProcessError):  # somebody else has seen to it
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # its number is still its own
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def _end(process: subprocess.Popen, patience: float = 0.0) -> int:
    """End a process with all that it started, unless it does so by itself; nothing is in it."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(patience)
    if os.name == "nt":
        process.kill()
    else:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def _shut(process: subprocess.Popen) -> None:
    """Close this end of the pipes of a process, from the thread alone that reads them."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):  # what was not sent yet has nobody to read it
                pipe.close()
