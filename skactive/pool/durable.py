"""Pools over a database: each change is in the file before it is in memory."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from ..data.fingerprint import portrait
from ..data.ids import Ids
from ..data.labels import merge_dtype, objects, plain
from ..data.multilabel import is_multilabel
from ..data.rows import Rows
from . import files
from .blocks import LOG_BLOCK, block_of_lines
from .classes import is_split
from .ledger import Found, Ledger
from .lines import Extent, Written, change_of, digest_of_setting, keyed, written
from .log import KINDS, Change
from .renumbering import Placed
from .store import Store
from .test_side import HoldOut

_SAMPLED = 128  # of the rows that join, by which they are known again


class Mark(NamedTuple):
    """How far a file goes."""

    digest: bytes  # of its last operation
    n_events: int  # those of rows that the pool lacks included
    ids: Ids | None  # of the rows that were touched, by their keys; None: rows have none

    def extent(self, n: int) -> Extent:
        """Return how far it goes, with n operations."""
        return Extent(n, self.n_events, 0 if self.ids is None else len(self.ids))


class DurableLedger(Ledger):
    """A ledger whose log is in a database; what it has in memory follows from the file.

    Rows with ids have keys in the file, in the order in which they were touched. In memory a row is
    its number in the X that was given: it is renamed where lines are written and read.
    """

    def __init__(
        self,
        store: Store,
        placed: Placed,
        mark: Mark,
        leaves_out: bool = False,
        dtype: np.dtype | None = None,
    ) -> None:
        n, n_events = len(placed.log.kinds.array), len(placed.log.rows.array)
        super().__init__(placed.rows, placed.log, n, n_events, placed.ids)
        self.store = store
        self._start = start = store.head()[1]  # on which the digest of the first setting stands
        self._marks = {n: mark}  # after so many operations
        # What is said of rows that the pool lacks is left out, or refused; of the file's labels,
        # those of such rows included, there is one kind, and `dtype` is theirs.
        self._leaves_out, own = leaves_out, placed.ids
        self._lacks = own is not None and bool((own.find(mark.ids) < 0).any())
        self._dtype = dtype if self._lacks else None
        self._blocked = Extent(0, 0, 0)  # at least as much is in blocks
        self._sent: tuple[bytes, Change] | None = None  # what is being written, and its digest
        self._n_settings, self._setting = 0, start
        self.function: Any = None  # the consensus, where it is one
        self._told: dict[str, Any] = {}
        self._take_settings()

    def with_store(self, store: Store, placed: Placed) -> DurableLedger:
        """Return one that reads the same file by another connection; not while others write."""
        mark = self._marks[self.now.n_operations]
        ledger = DurableLedger(store, placed, mark, self._leaves_out, self._dtype)
        ledger.told()  # which the pool has
        return ledger

    def changed(self, work: Callable[[], Found]) -> Found:
        """Return what some work returns; before it comes what others wrote."""
        self.store.check_may_write()

        def alone() -> Found:
            self._take_in()
            return work()

        return self.store.write(alone)

    def refresh(self) -> None:
        """Take in what others wrote."""
        self.store.read(self._take_in)

    def close(self) -> None:
        """Close the file."""
        self.store.close()

    def commit(self, change: Change) -> None:
        """Write a change to the file, and make it happen."""
        planned_at = self.now.n_operations

        def write() -> None:
            self._take_in()
            if self.now.n_operations != planned_at:
                raise ValueError(
                    "others wrote to the pool's file after this change was planned; nothing of it "
                    "is recorded. Call again."
                )
            self._write_down(change)

        self.store.check_may_write()
        try:
            self.store.write(write)
        except BaseException:
            self.store.cancel()  # or what is not kept would be taken in
            self._catch_up()
            raise

    def _write_down(self, change: Change) -> None:
        change, _ = self.sided(change)
        change = change._replace(time=time.time() if change.time is None else change.time)
        now, n = self.now, self.now.n_operations
        mark = self._marks[n]
        self._refuse_lacking(change, mark)
        dtype, exact = self.with_dtype(change)
        if dtype is not None and self._dtype is not None and not is_multilabel(dtype):
            self._dtype = dtype = merge_dtype(self._dtype, dtype)
            if exact.labels is not None:
                exact = exact._replace(labels=exact.labels.astype(dtype))
        sample = None
        if isinstance(change.added, Rows) and mark.ids is None:
            joined = Rows(*now.rows.parts, *change.added.parts)
            sample = sample_of(joined, len(now.rows), len(joined), change.rows)
        lines, new = written_after(mark, exact, dtype, n, self._ids, sample)
        self.store.append([(lines, new.digest)])
        blocked = fill_block(self.store, self._blocked, mark.extent(n), [lines])
        self._marks = {n: mark, n + 1: new}
        self._sent = new.digest, change
        self.store.commit()
        self._blocked = blocked
        super().commit(change)
        self._sent = None

    def _refuse_lacking(self, change: Change, mark: Mark) -> None:
        """Refuse what would be about rows too that the file knows and the pool lacks."""
        if not self._lacks or mark.ids is None:
            return
        if change.ids is not None:
            joining = change.ids[len(self.now.rows) :]
            is_known = mark.ids.find(joining) >= 0
            if is_known.any():
                raise ValueError(
                    f"{change.kind} got {joining[is_known.argmax()]!r}, of which the file knows "
                    f"already; open it with that row in X."
                )
        is_of_all = change.kind == "hold_out" or is_split(change)
        if is_of_all or any(map(self._is_of_others, change.undone)):
            call = "split_class" if change.kind == "classes" else change.kind
            raise ValueError(
                f"{call} would be about rows too that the file knows and X lacks; open it "
                f"with all of its rows."
            )

    def _is_of_others(self, n: int) -> bool:
        """Tell whether operation n may have touched rows that the pool lacks."""
        log, now = self.log, self.now
        span = log.span(n, now.n_operations, now.n_events)
        count = self.store.n_events_of(n, self._marks[now.n_operations].n_events)
        return KINDS[log.kinds.array[n]] == "classes" or bool(count > span.stop - span.start)

    def _catch_up(self) -> None:
        """Take in what is in the file already, whatever kept memory from it."""
        if self._sent is not None:
            with suppress(OSError, ValueError):  # then the next call takes it in
                self.store.read(self._take_in)

    def _take_in(self) -> None:
        """Apply what is in the file and not in memory yet."""
        now = self.now
        count, last = self.store.last()
        mark = self._marks[now.n_operations]
        if count < now.n_operations or (count == now.n_operations and last != mark.digest):
            raise ValueError(
                f"{self.store.path!r} was written over by other means, and no longer holds what it "
                f"held; open it again with Pool.open."
            )
        if count > now.n_operations:
            for lines, digest in self.store.since(mark.extent(now.n_operations)):
                self._apply(lines, digest)
        self._take_settings()

    def _apply(self, lines: Written, digest: bytes) -> None:
        n = lines.operation.n
        mark, ids = self._marks[n], self._marks[n].ids
        if lines.digest(mark.digest) != digest:
            raise ValueError(f"{self.store.path!r} is damaged in operation {n}.")
        if ids is not None:
            ids = ids.extended(objects([name for _, _, name in lines.rows]))
        if self._sent is not None and digest == self._sent[0]:  # before an interrupt
            change = self._sent[1]
        elif lines.operation.n_added:
            raise ValueError(
                f"{self.store.path!r} has gained {lines.operation.n_added} rows from another "
                f"process; open it again with Pool.open, and all of its rows."
            )
        else:
            change = self._renamed(lines, ids)
        self._marks = {n: mark, n + 1: Mark(digest, mark.n_events + len(lines.events), ids)}
        super().commit(change)

    def _renamed(self, lines: Written, ids: Ids | None) -> Change:
        """Return the change that others wrote, whose rows are called by their numbers."""
        keys, own = np.array([event[2] for event in lines.events], dtype=np.int64), self.now.ids
        if ids is None or own is None:
            numbers = np.where(keys < len(self.now.rows), keys, -1)
        else:
            numbers = own.find(ids[keys])
        is_lacking = numbers < 0
        if is_lacking.any() and not self._leaves_out:
            key = int(keys[is_lacking.argmax()])
            raise ValueError(
                f"another process wrote of row {key if ids is None else ids[key]!r}, which X "
                f"lacks; open the file again with Pool.open, and all of its rows."
            )
        change = change_of(
            lines._replace(
                events=[
                    (*event[:2], number, *event[3:])
                    for event, number in zip(lines.events, numbers.tolist(), strict=True)
                    if number >= 0
                ]
            )
        )
        side = HoldOut.of(change.detail)
        if own is not None and side is not None and side.is_by_group:
            raise ValueError(
                "another process began to hold out rows by their groups; open the file again with "
                "Pool.open(path, X, groups=...), one for each row."
            )
        if is_lacking.any() and change.detail is None:
            change = change._replace(detail={"dropped": int(is_lacking.sum())})
        self._lacks |= bool(is_lacking.any())
        if lines.operation.dtype is not None and self._lacks:
            self._dtype = np.dtype(lines.operation.dtype)
        return change

    # What is set for the pool as a whole

    def keep(self, settings: Mapping[str, Any]) -> None:
        """Write settings to the file; of one that is only read they are kept in memory."""
        if self.store.read_only:
            return

        def write() -> None:
            for name, value in settings.items():
                self.store.keep(name.removeprefix("_"), setting_as_json(value), self._start)
            self.store.commit()

        self.store.write(write)

    def told(self) -> dict[str, Any]:
        """Return what was set in the file since this was asked."""
        told, self._told = self._told, {}
        return told

    def _take_settings(self) -> None:
        for name, value, digest in self.store.settings(self._n_settings):
            self._setting = digest_of_setting(self._setting, name, value)
            if self._setting != digest:
                raise ValueError(f"{self.store.path!r} is damaged in its setting {name!r}.")
            self._n_settings += 1
            key = "_seed" if name == "seed" else name
            self._told[key] = _from_json(name, value)
        # A function is not in the file: whoever has one goes on with it.
        if "consensus" in self._told:
            named = self._told["consensus"]
            self.function = self._told.pop("consensus") if isinstance(named, dict) else None


def written_after(
    mark: Mark,
    change: Change,
    dtype: np.dtype | None,
    n: int,
    own: Ids | None,
    sample: str | None,
) -> tuple[Written, Mark]:
    """Return the lines of a change as operation n of a file, and how far it goes with them."""
    change, ids = keyed(change, own, mark.ids)
    rows: list[tuple] = []
    if ids is not None and mark.ids is not None:
        start = len(mark.ids)
        rows = [(start + place, n, name) for place, name in enumerate(ids[start:].tolist())]
    lines = written(change, dtype, n, mark.n_events, sample, rows)
    new = Mark(lines.digest(mark.digest), mark.n_events + len(lines.events), ids)
    return lines, new


def append_all(
    store: Store,
    changes: Iterable[tuple[Change, np.dtype | None, str | None]],
    mark: Mark,
    own: Ids | None,
) -> Mark:
    """Write changes with their dtypes and samples as the first operations of a file.

    Returns how far it goes then. One by one they would take twice as long.
    """
    pending: list[tuple[Written, bytes]] = []
    before, end = mark.extent(0), mark.extent(0)

    def write() -> None:
        store.append(pending)
        if before.n:  # the first operation is in no block
            fill_block(store, before, before, [lines for lines, _ in pending])
        pending.clear()

    for n, (change, dtype, sample) in enumerate(changes):
        lines, mark = written_after(mark, change, dtype, n, own, sample)
        pending.append((lines, mark.digest))
        end = mark.extent(n + 1)
        if n == 0 or end.size - before.size >= LOG_BLOCK:
            write()
            before = end
    write()
    return mark


def fill_block(store: Store, done: Extent, before: Extent, new: Sequence[Written]) -> Extent:
    """Put what was written since the last block into one, if it is much by now.

    Of what comes behind `before`, in a transaction that is open, these are the lines. So much at
    least is in blocks already as `done` says; it returns how much is then.
    """
    end = Extent(
        before.n + len(new),
        before.n_events + sum(len(lines.events) for lines in new),
        before.n_keys + sum(len(lines.rows) for lines in new),
    )
    if end.size - done.size >= LOG_BLOCK:
        done = store.blocked()  # others may have filled one
    if end.size - done.size < LOG_BLOCK:
        return done
    old = [lines for lines, _ in store.since(done, before)]
    store.append_block(block_of_lines([*old, *new]).packed(), end)
    return end


def sample_of(rows: Rows, start: int, stop: int, labeled: np.ndarray) -> str:
    """Return how some of the rows look that joined, and some of the labelled ones among them."""
    n, m = stop - start, len(labeled)
    of_all = start + np.linspace(0, n - 1, min(n, _SAMPLED)).round().astype(np.intp)
    of_labeled = np.linspace(0, m - 1, min(m, _SAMPLED)).round().astype(np.intp)
    at = np.union1d(of_all, labeled[of_labeled])
    return json.dumps(portrait(rows, at) | {"n_rows": stop})


def setting_as_json(value: Any) -> Any:
    """Return what is set for a pool as JSON holds it."""
    if isinstance(value, tuple):  # named classes, and after how many operations
        return setting_as_json(value[0]) | {"after": value[1]}
    if isinstance(value, np.ndarray):
        return {"classes": value.tolist(), "classes_dtype": value.dtype.str}
    return files.consensus_name(plain(value))


def _from_json(name: str, value: Any) -> Any:
    """Return what was set, from JSON."""
    if name == "named" and value is not None:
        return np.array(value["classes"], dtype=np.dtype(value["classes_dtype"])), value["after"]
    return value
