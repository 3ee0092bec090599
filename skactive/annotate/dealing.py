"""Which row comes next, and who has which in her hands.

Nothing here grows with the rows or the labels: a click looks at the rows that are out, a handful,
and at the next ones of a ranking.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from heapq import heapify, heappop, heappush
from secrets import token_hex
from typing import Any, NamedTuple

import numpy as np

from ..data.chance import uniform_by_row
from ..learner.asked import places_of_tests
from ..learner.learner import ActiveLearner
from ..pool import plans
from ..pool.fold import LABELED, RESERVED, SKIPPED, UNLABELED
from ..pool.log import RESERVE, Change
from ..pool.people import overlap_chance
from ..pool.pool import Pool
from ..strategies.base import asks_again

LEASE = 600.0  # seconds without a sign of life, after which a tab's rows are given to others
SILENT = 60.0  # after which they are given to another tab of the same person, if she has no other
# After a tab was closed, when they are given to others: it may be on its way back, when it was
# reloaded, and says so once a minute at least.
LEAVING = 90.0
_TOKEN = "page "  # begins those of reservations, which are told from a colleague's file by it
_SPARE = (*b"spare",)


class Held(NamedTuple):
    """Who has a row in her hands, and until when she may be silent."""

    tab: str | None  # None: the page began anew since, and the tab has not said so yet
    until: float


class Dealer:
    """Deals rows, reserved in the pool under the name of who gets them.

    Parameters
    ----------
    learner : ActiveLearner
        Whose pool it is, and whose test side, consensus and strategy count.
    overlap : float
        Share of the rows of which two people are asked.
    """

    def __init__(self, learner: ActiveLearner, overlap: float, clock: Any = time.monotonic) -> None:
        self.learner, self.overlap, self.clock = learner, overlap, clock
        self.pool: Pool = learner.pool_
        self.is_again = asks_again(learner.strategy_)
        self.out: dict[tuple[int, str], Held] = {}
        self.ranked: np.ndarray = np.zeros(0, dtype=np.int64)
        self.is_spare = False  # whether it was drawn, as there was none
        self._at: dict[str, int] = {}  # of the ranking, what comes next
        self._second: dict[str, list[tuple[float, int]]] = {}  # for second opinions, by chance
        self._find_held()

    def _find_held(self) -> None:
        """Take over what was dealt before the page began anew."""
        ledger, until = self.pool.ledger, self.clock() + LEASE
        ledger.follow()
        for row, names in list(ledger.slots.names.items()):
            for name in names:
                if name is not None and self._is_of_page(row, name):
                    self.out[row, name] = Held(None, until)

    def _is_of_page(self, row: int, name: str) -> bool:
        """Tell whether a row was dealt, and not handed out in a file, or reserved in Python."""
        ledger, log = self.pool.ledger, self.pool.ledger.log
        at = int(ledger.last_events(np.array([row]))[0])
        while at >= 0:
            is_hers = log.people[log.names.array[at]] == name
            if is_hers and log.events.array[at] == RESERVE:
                token = ledger.store.token_of(int(log.operations.array[at]))  # type: ignore[attr-defined]
                return (token or "").startswith(_TOKEN)
            at = int(log.previous.array[at])
        return False

    # What tabs say

    def renew(self, name: str, tab: str, have: Sequence[int]) -> None:
        """Take in that a tab is there, and which rows it has."""
        until, names = self.clock() + LEASE, self.pool.ledger.follow().names
        for key, held in list(self.out.items()):
            if key[1] == name and held.tab == tab:
                self.out[key] = Held(tab, until)
        gone = []
        for row in have:
            is_hers = name in names.get(row, ())
            if is_hers and ((row, name) in self.out or self._is_of_page(row, name)):
                self.out[row, name] = Held(tab, until)
            elif 0 <= row < len(self.pool):
                gone.append(row)
        if gone:  # they were released meanwhile
            self.keep(gone, name, tab)

    def leave(self, name: str, tab: str) -> None:
        """Take in that a tab was closed."""
        until = self.clock() + LEAVING
        for key, held in self.out.items():
            if key[1] == name and held.tab == tab:
                self.out[key] = Held(tab, until)

    def keep(self, rows: Sequence[int], name: str, tab: str) -> None:
        """Reserve for somebody those of the rows that nobody has taken or answered."""

        def kept() -> None:
            self._hold([row for row in rows if self._state(row) == UNLABELED], name, tab)

        self.pool.together(kept)

    def _hold(self, rows: Sequence[int], name: str, tab: str) -> None:
        """Reserve rows for somebody, in the pool and for one of her tabs."""
        numbers, until = np.array(rows, dtype=np.int64), self.clock() + LEASE
        self._apply(plans.reserve(self.pool, numbers, name))
        for row in rows:
            self.out[row, name] = Held(tab, until)

    def let_in(self, row: int, name: str, tab: str) -> bool:
        """Reserve a row for somebody too whose answer comes late; False: nobody else has it."""

        def is_of_others() -> bool:
            held = self.pool.ledger.follow().names.get(row)
            return held is not None and name not in held and None not in held

        def reserved() -> bool:
            if is_of_others():
                self._hold([row], name, tab)
            return (row, name) in self.out

        return is_of_others() and self.pool.together(reserved)

    def let_go(self, row: int, name: str) -> None:
        """Release a row of somebody whose answer was refused."""
        self.pool.together(lambda: self._release([row], name))
        self.out.pop((row, name), None)

    def answered(self, row: int, name: str) -> None:
        """Take in that somebody has answered a row, of which a second person may be asked."""
        self.out.pop((row, name), None)
        self._offer_again(row)

    def _offer_again(self, row: int) -> None:
        """Let people be asked for a second opinion of a row, if it is for one."""
        if self.is_overlapping(row):
            for heap in self._second.values():  # who has answered it is passed over
                heappush(heap, (self._chance(row), row))

    # What comes next

    def rank(self, rows: np.ndarray) -> None:
        """Take a new ranking."""
        self.ranked, self._at, self.is_spare = rows, {}, False

    @property
    def is_running_out(self) -> bool:
        """Whether half of the ranking has been dealt."""
        return 2 * max(self._at.values(), default=0) >= len(self.ranked)

    def deal(
        self, name: str, tab: str, have: Sequence[int], want: int, left: float = math.inf
    ) -> list[int]:
        """Return rows for a tab, at most so many: those it lost, and new ones, reserved.

        At most as many are out as are `left` to label; second opinions come beyond them.
        """
        if want == 0:
            return []
        self._release_expired(name)
        try:
            return self.pool.together(lambda: self._dealt(name, tab, set(have), want, left))
        except BaseException:  # nobody got what was chosen
            self._second.pop(name, None)
            self._at = {}
            raise

    def _dealt(self, name: str, tab: str, has: set[int], want: int, left: float) -> list[int]:
        now = self.clock()
        own = {row: held for (row, who), held in self.out.items() if who == name}
        gone = [row for row in own if not self._is_still_hers(row, name)]
        self._release(gone, name)
        for row in gone:
            del own[row], self.out[row, name]
        # Its answer to the last request was lost; or nobody has heard of the tab that had them.
        rows = [row for row, held in own.items() if held.tab == tab or held.until <= now]
        rows = [row for row in rows if row not in has and (left > 0 or self._state(row) == LABELED)]
        rows = rows[:want]
        room = left - self._n_coming(has.union(rows))
        rows += self._new(name, want - len(rows), has.union(own), room)
        if not rows and not has and left > 0:  # her other tabs have the rest
            heard = now + LEASE - SILENT
            rows = [row for row, held in own.items() if held.until <= heard][:want]
        self._hold(rows, name, tab)
        return rows

    def _n_coming(self, here: set[int]) -> int:
        """Return how many rows are about to get their first label: those here, and with others."""
        heard = self.clock() + LEASE - 2 * SILENT  # who was not heard of for so long may be away
        out = {row for (row, _), held in self.out.items() if held.until > heard or row in here}
        states = self.pool.ledger.follow().states_of(np.array(sorted(out), dtype=np.int64))
        return int(np.isin(states, (UNLABELED, RESERVED)).sum())

    def _is_still_hers(self, row: int, name: str) -> bool:
        """Tell whether somebody is still to answer a row that she had in her hands."""
        if name not in self.pool.ledger.follow().names.get(row, ()):
            return False
        state = self._state(row)  # others may have answered or skipped it, late
        return state != SKIPPED and (state != LABELED or bool(self.overlap) or self.is_again)

    def _release_expired(self, name: str) -> None:
        """Release what others have in tabs that have not been heard of for long."""
        now, late = self.clock(), defaultdict(list)
        for (row, who), held in self.out.items():
            if who != name and held.until <= now:
                late[who].append(row)
        for who, rows in late.items():
            self.pool.together(lambda who=who, rows=rows: self._release(rows, who))
            for row in rows:
                del self.out[row, who]
                self._offer_again(row)

    def _release(self, rows: list[int], name: str) -> None:
        names = self.pool.ledger.follow().names
        held = np.array([row for row in rows if name in names.get(row, ())], dtype=np.int64)
        self._apply(plans.move(self.pool, "release", held, name))

    def _new(self, name: str, n: int, but: set[int], room: float) -> list[int]:
        """Return rows that nobody has, in the order in which a query would ask for them.

        At most so many as there is room for are none that a second person is asked about.
        """
        chosen: list[int] = []
        for source, most in ((self._seconds(name), n), (self._mixed(name, chosen), room)):
            stop = min(n, len(chosen) + most)
            with closing(source):
                while len(chosen) < stop and (row := next(source, None)) is not None:
                    if row not in but and row not in chosen and self._may_have(row, name):
                        chosen.append(row)
        return chosen

    def _seconds(self, name: str) -> Generator[int]:
        """Yield rows of which a second person is asked, and keep those that may come back."""
        if not self.overlap:
            return
        if name not in self._second:
            rows = self.pool.for_second_opinions(name, self.overlap)
            self._second[name] = [(self._chance(row), row) for row in rows.tolist()]
            heapify(self._second[name])
        heap, waiting = self._second[name], []
        try:
            while heap:
                entry = heappop(heap)
                if self._is_out(entry[1]):
                    waiting.append(entry)
                else:
                    yield entry[1]
        finally:
            for entry in waiting:
                heappush(heap, entry)

    def _mixed(self, name: str, chosen: list[int]) -> Generator[int]:
        """Yield rows of the ranking, and at their share those to test on."""
        share, first, n = self.pool.hold_out, len(chosen), self.pool.n_answered
        ranked, tests = self._ranked(name), iter(())
        if share is not None:
            tests = iter(self.pool.test_questions(self.learner.max_test).tolist())
        while True:
            row, before = None, n + len(chosen) - first
            if share is not None and len(places_of_tests(before, 1, share)):
                row = next(tests, None)
            if row is None:
                row = next(ranked, None)
            if row is None:
                break
            yield row
        yield from tests  # too few rows are left to learn from

    def _ranked(self, name: str) -> Iterator[int]:
        """Yield the rows of the ranking that may be asked for, and then all that are left."""
        while (row := self._next_of_ranking(name)) is not None:
            yield row
        if self.pool.n_unlabeled == 0:
            return
        # There is no ranking, or it is used up: all by chance, until another one comes.
        rows = self.pool.unlabeled
        chance = uniform_by_row(rows, (self.pool.seed or 0, *_SPARE))
        self.rank(rows[np.argsort(chance)])
        self.is_spare = True
        while (row := self._next_of_ranking(name)) is not None:
            yield row

    def _next_of_ranking(self, name: str) -> int | None:
        # Of a strategy that asks again, somebody's own rows are for others.
        whose = name if self.is_again else ""
        for at in range(self._at.get(whose, 0), len(self.ranked)):
            row = int(self.ranked[at])
            if self._may_have(row, name):
                self._at[whose] = at + 1
                return row
        self._at[whose] = len(self.ranked)
        return None

    def _may_have(self, row: int, name: str) -> bool:
        """Tell whether somebody may be given a row that nobody has."""
        state = self._state(row)
        if state != LABELED:
            return state == UNLABELED
        return self._is_for_second(row, name) or (self.is_again and self._is_again(row, name))

    def _is_for_second(self, row: int, name: str) -> bool:
        """Tell whether one other person alone has labelled a row, and nobody has it."""
        if not self.overlap or self._state(row) != LABELED or self._is_out(row):
            return False
        said = self.pool.said_of(np.array([row]))
        names = [who for who in said["annotator"] if who is not None]
        return len(names) == 1 and names[0] != name and said["kind"].tolist() == ["opinion"]

    def _is_again(self, row: int, name: str) -> bool:
        """Tell whether a strategy that asks again may ask somebody about a labelled row."""
        if self._is_out(row):
            return False
        said = self.pool.said_of(np.array([row]))
        return name not in said["annotator"] and "final" not in said["kind"]

    def _is_out(self, row: int) -> bool:
        return row in self.pool.ledger.follow().names

    def _state(self, row: int) -> int:
        return int(self.pool.ledger.follow().states_of(np.array([row]))[0])

    def _chance(self, row: int) -> float:
        rows = np.array([row])
        return float(overlap_chance(rows, self.pool.ids, self.pool.seed)[0])

    def others_have(self, name: str) -> bool:
        """Tell whether somebody else has a row in her hands."""
        return any(who != name for _, who in self.out)

    def is_overlapping(self, row: int) -> bool:
        """Tell whether two people are asked about a row."""
        return bool(self.overlap) and self._chance(row) < self.overlap

    def _apply(self, change: Change) -> None:
        self.pool.apply(change._replace(token=f"{_TOKEN}{token_hex(8)}"))
