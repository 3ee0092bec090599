"""A progress bar for work that turns out to take more than a few seconds."""

from collections.abc import Iterable, Iterator
from time import monotonic

DELAY = 3.0  # seconds before a bar is shown


def progress(
    steps: Iterator[tuple[int, object]], total: float, description: str, unit: str = " rows"
) -> Iterator:
    """Yield the second of each pair (size, step), showing how much of `total` is done.

    A total of infinity is one that is not known. tqdm is imported only once the work has taken
    `DELAY` seconds.
    """
    start, done, bar = monotonic(), 0, None
    try:
        for size, step in steps:
            yield step
            done += size
            if bar is not None:
                bar.update(size)
            elif done < total and monotonic() - start > DELAY:
                from tqdm.auto import tqdm

                bar = tqdm(total=total, initial=done, desc=description, unit=unit, leave=False)
    finally:
        if bar is not None:
            bar.close()


def one_by_one(items: Iterable, total: float, description: str, unit: str = " rows") -> Iterator:
    """Yield items, showing how many of `total` are done."""
    return progress(((1, item) for item in items), total, description, unit)


def by_slices(slices: Iterable[slice], total: float, description: str) -> Iterator[slice]:
    """Yield slices, showing how many of `total` rows they have covered."""
    return progress(((each.stop - each.start, each) for each in slices), total, description)
