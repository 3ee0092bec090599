"""The pool's state machine with a test side, which the model knows from plain Python."""

import numpy as np
import test_machine_pool as plain
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
from naive_hold_out import group_number, is_taken

from skactive import Pool

SHARE, SEED = 0.4, 7


class SidedModel(plain.Model):
    """The model, and which rows are held out."""

    def __init__(self):
        self.stays = None  # rows that had a label as the test side began; None: there is no side
        self.by_group = False
        self.known = {}  # row -> whether it is held out, which does not change
        super().__init__()

    def came_with_an_answer(self, number):
        joined = 0
        for _, _, acts, m in self.calls:
            joined += m
            if number < joined:
                return any(row == number for row, *_ in acts)

    def begin(self, by_group):
        plain.refuse_if(self.stays is not None)
        self.stays = {n for n in self.row if self.came_with_an_answer(n)} | set(self.label)
        self.by_group, self.known = by_group, {}

    def begin_later(self):
        self.begin(False)
        self.calls.append(("hold_out", None, [], 0))

    def is_held(self, number):
        if self.stays is None:
            return False
        if number not in self.known:
            self.known[number] = self.is_on_the_test_side(number)
        return self.known[number]

    def is_on_the_test_side(self, number):
        if self.by_group:
            trained = {row // 3 for row in self.stays}
            return number // 3 not in trained and is_taken(group_number(number // 3), SHARE, SEED)
        stays = number in self.stays or self.came_with_an_answer(number)
        return not stays and is_taken(number, SHARE, SEED)

    def undo(self, n, annotator):
        undone = self.can_be_undone(annotator)
        if type(n) is int and 1 <= n <= len(undone):
            plain.refuse_if(any(self.calls[number][0] == "hold_out" for number in undone[:n]))
        return super().undo(n, annotator)


class Grouped(Pool):
    """A pool of rows that say who they are, three to a group."""

    def __init__(self, X, y=None, **options):
        super().__init__(X, y, groups=self.groups_of(X), **options)

    def extend(self, X, y=None, **options):
        try:
            groups = self.groups_of(X)
        except (AttributeError, IndexError, TypeError):  # what is no such row is refused
            groups = [0]
        return super().extend(X, y, groups=groups, **options)

    def groups_of(self, X):
        return [int(number) // 3 for number in plain.ids_of(X)]


class SidedPool(plain.PoolMachine):
    """Drives a pool that holds out rows, from the start or from later on."""

    VALUES = (0, 1, 2, 7, -5, 300, 2.5)
    MISSING = (-1, None, plain.NAN)
    OTHER = "0"
    OPTIONS = {"missing_label": -1}  # noqa: RUF012
    HOLE = -1
    MODEL = SidedModel
    BY_GROUP = False

    def follow(self, kind, *args, **details):
        if kind == "fit" and "hold_out" in self.OPTIONS:
            self.model.begin(self.BY_GROUP)
        super().follow(kind, *args, **details)

    @precondition(lambda machine: machine.pool and machine.model.stays is None)
    @rule(how=st.sampled_from([SHARE, SHARE, SHARE, 0, 1.5, "0.4", None]))
    def begin_hold_out(self, how):
        self.step(
            "hold_out",
            lambda: plain.refuse_if(how != SHARE) or self.model.begin_later(),
            lambda: self.pool.begin_hold_out(how, random_state=SEED),
        )

    @precondition(lambda machine: machine.pool and machine.model.stays is not None)
    @rule(share=st.sampled_from([SHARE, 0.1]))
    def begin_again(self, share):
        self.step("hold_out", self.refused, lambda: self.pool.begin_hold_out(share))

    def refused(self):
        plain.refuse_if(True)

    @plain.has(plain.FREE)
    @rule(positions=plain.SEEDS)
    def positions_among_the_unlabeled(self, positions):
        free = self.in_state(plain.FREE)
        positions = list(dict.fromkeys(p % len(free) for p in positions if free))
        assert self.pool.to_dataset(positions).tolist() == [free[i] for i in positions]

    def in_state(self, state):
        return [row for row in self.model.rows(state) if not self.model.is_held(row)]

    @invariant()
    def agrees_with_the_model(self):
        if self.pool is None:
            return
        pool, model = self.pool, self.model
        held = [row for row in model.row if model.is_held(row)]
        masks = [getattr(pool, f"{state}_mask") for state in (*plain.STATES, "held_out")]
        assert (np.sum(masks, axis=0) == 1).all()
        assert np.flatnonzero(masks[-1]).tolist() == held
        assert pool.n_held_out == len(held)
        for state, mask in zip(plain.STATES, masks, strict=False):
            assert np.flatnonzero(mask).tolist() == self.in_state(state)
            assert getattr(pool, f"n_{state}") == len(self.in_state(state))
        expected = [self.HOLE if row in held else self.label_of(row) for row in model.row]
        assert pool.y.tolist() == expected
        assert {row: set(names) for row, names in pool.reservations.items()} == model.name
        entry = {
            row: (state, model.row[row].latest, pool.reservations.get(row, ()))
            for row, state in model.state.items()
        }
        assert entry == self.replay
        if self.eager:
            self.read_sorted()
        self.in_agreement = True

    def label_of(self, row):
        return self.model.label.get(row, self.HOLE)

    @rule()
    def read_sorted(self):
        pool = self.pool
        for state in plain.STATES:
            assert getattr(pool, state).tolist() == self.in_state(state)
        labeled = self.in_state(plain.LABELED)
        assert pool.y_labeled.tolist() == [self.model.label[row] for row in labeled]
        assert plain.ids_of(pool.X_labeled) == labeled
        assert plain.ids_of(pool.X_unlabeled) == self.in_state(plain.FREE)
        held = [row for row in self.model.row if self.model.is_held(row)]
        assert pool.held_out.tolist() == held == plain.ids_of(pool.X_held_out)
        assert pool.y_held_out.tolist() == [self.label_of(row) for row in held]


class FromTheStart(SidedPool):
    OPTIONS = {"missing_label": -1, "hold_out": SHARE, "random_state": SEED}  # noqa: RUF012


class ByGroup(FromTheStart):
    BY_GROUP = True
    POOL = Grouped


for machine in (SidedPool, FromTheStart, ByGroup):
    machine.TestCase.settings = plain.SHORT
TestSidedPool = SidedPool.TestCase
TestFromTheStart = FromTheStart.TestCase
TestByGroup = ByGroup.TestCase
