"""Pools over a database: what was recorded is there, whoever is killed, writes, or looks."""

from pathlib import Path

from hypothesis import settings
from hypothesis.stateful import rule
from test_machine_pool import IntPool, TextPool

from skactive import Pool

# The state machine of pools in memory, over a file that is closed and opened again


class DurableMachine:
    """A pool in a file; a copy of it goes into another."""

    n_files = 0

    def path(self):
        self.n_files += 1
        return Path(self.folder.name) / f"{self.n_files}.db"

    def made(self, X, y):
        self.opened = Pool.open(self.path(), X, y, **self.OPTIONS)
        return self.opened

    def teardown(self):
        super().teardown()
        if self.pool is not None:
            self.opened.close()

    def go_on_with(self, other):
        path = self.path()
        other.copy_to(path)
        super().go_on_with(other)
        self.opened.close()
        self.opened = Pool.open(path, self.make(range(len(self.model.state))))
        super().go_on_with(self.opened)

    @rule()
    def reopened(self):
        self.opened.close()
        path = Path(self.folder.name) / f"{self.n_files}.db"
        self.opened = Pool.open(path, self.make(range(len(self.model.state))))
        super().go_on_with(self.opened)


class DurableIntPool(DurableMachine, IntPool):
    pass


class DurableTextPool(DurableMachine, TextPool):
    pass


for machine in (DurableIntPool, DurableTextPool):
    machine.TestCase.settings = settings(stateful_step_count=30, max_examples=15)
TestDurableIntPool = DurableIntPool.TestCase
TestDurableTextPool = DurableTextPool.TestCase
