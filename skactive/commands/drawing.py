"""Pictures as SVG, which a page holds whole: a curve with its band, bars."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_LEAST = -1.0  # R² has no end below, and that of few labels is anything
_WIDE, _HIGH, _LEFT, _LOW = 640, 260, 52, 34  # pixels: the picture, and room for its axes


def curve(
    x: Sequence[float], y: Sequence[float], low: Sequence[float], high: Sequence[float], names: str
) -> str:
    """Return a curve over a band, whose heights are at most 1, and cut below -1."""
    low, y, high = ([min(max(each, _LEAST), 1) for each in values] for values in (low, y, high))
    bottom = min(0.0, *low)
    first, last = x[0], max(x[-1], x[0] + 1)

    def at(a: float, b: float) -> str:
        across = _LEFT + (a - first) / (last - first) * (_WIDE - _LEFT - 12)
        return f"{across:.1f},{10 + (1 - b) / (1 - bottom) * (_HIGH - _LOW - 10):.1f}"

    band = [at(a, b) for a, b in zip(x, high, strict=True)]
    band += reversed([at(a, b) for a, b in zip(x, low, strict=True)])
    line = " ".join(at(a, b) for a, b in zip(x, y, strict=True))
    grid = []
    for mark in filter(lambda mark: mark >= bottom, (-1.0, -0.5, 0.0, 0.25, 0.5, 0.75, 1.0)):
        start, end = at(first, mark), at(last, mark)
        across, down = start.split(",")
        grid.append(f'<path class="grid" d="M{start} L{end}"/>')
        grid.append(
            f'<text x="{float(across) - 8}" y="{float(down) + 4}" class="left">{mark:g}</text>'
        )
    for value in {first, last}:
        across = at(value, bottom).split(",")[0]
        grid.append(f'<text x="{across}" y="{_HIGH - 12}" class="mid">{value:g}</text>')
    dots = "".join(
        '<circle r="3" cx="{}" cy="{}"/>'.format(*dot.split(",")) for dot in line.split()
    )
    return _picture(
        _HIGH,
        names,
        f'{"".join(grid)}<polygon class="band" points="{" ".join(band)}"/>'
        f'<polyline class="line" points="{line}"/>{dots}',
    )


def bars(counts: dict[str, int], names: str) -> str:
    """Return a bar for each name, as long as its count says."""
    most, rows = max([1, *counts.values()]), []
    for i, (name, n) in enumerate(counts.items()):
        wide, down = (_WIDE - 260) * n / most, 8 + 26 * i
        shown = name if len(name) <= 24 else f"{name[:23]}…"
        rows.append(
            f'<text x="172" y="{down + 15}" class="left">{escape(shown)}</text>'
            f'<rect x="180" y="{down}" width="{wide:.1f}" height="20"/>'
            f'<text x="{186 + wide:.1f}" y="{down + 15}">{n:,}</text>'
        )
    return _picture(16 + 26 * len(counts), names, "".join(rows))


def _picture(high: int, names: str, inside: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDE} {high}" role="img" aria-label="{escape(names)}">{inside}</svg>'
    )
