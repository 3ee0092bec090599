"""Scores of rows that have parts, written as their formulae are: one row, one part at a time."""

import math
from collections import Counter

TOGETHER = {"max": max, "sum": math.fsum, "mean": lambda v: math.fsum(v) / len(v)}


def of_rows(values, row, n_rows, reduce, empty):
    """Reduce the values of each row's parts."""
    by_row = [[v for v, at in zip(values, row, strict=True) if at == i] for i in range(n_rows)]
    return [TOGETHER[reduce](each) if each else empty for each in by_row]


def doubt(p, by):
    """How doubtful a distribution is."""
    if by == "entropy":
        return -math.fsum(x * math.log(x) for x in p if x > 0)
    first, second = [*sorted(map(float, p), reverse=True), 0.0][:2]
    return 1 - first if by == "least_confidence" else 1 - (first - second)


def object_frequency(category, row, n_rows, penalty):
    out = []
    for i in range(n_rows):
        kinds = Counter(c for c, at in zip(category, row, strict=True) if at == i)
        out.append(sum(1 + penalty * (n - 1) for n in kinds.values()))
    return out


def sequence_least_confidence(best, row, n_rows, normalized, empty):
    """`best` is the probability of the predicted label of each token."""
    out = []
    for i in range(n_rows):
        of_text = [p for p, at in zip(best, row, strict=True) if at == i]
        if not of_text:
            out.append(empty)
        elif normalized:
            out.append(-math.fsum(map(math.log, of_text)) / len(of_text))
        else:
            out.append(1 - math.prod(of_text))
    return out


def peaks(heatmap, radius, lowest):
    """Heights of the peaks of one heatmap: connected pixels that none around them exceeds."""
    height, width = heatmap.shape
    top = set()
    for y in range(height):
        for x in range(width):
            around = heatmap[
                max(y - radius, 0) : y + radius + 1, max(x - radius, 0) : x + radius + 1
            ]
            if heatmap[y, x] > lowest and heatmap[y, x] >= around.max():
                top.add((y, x))
    found = []
    while top:
        waiting = [top.pop()]
        found.append(float(heatmap[waiting[0]]))
        while waiting:
            y, x = waiting.pop()
            touching = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & top
            top -= touching
            waiting += touching
    return found


def multi_peak_entropy(heatmaps, radius, lowest, reduce):
    """The score of one image, heatmaps (K, H, W)."""
    entropies = []
    for heatmap in heatmaps:
        weights = [math.exp(h) for h in peaks(heatmap, radius, lowest)]
        entropies.append(doubt([w / sum(weights) for w in weights], "entropy") if weights else 0.0)
    return TOGETHER[reduce](entropies)


def pixel_uncertainty(image, by, reduce, share):
    """The score of one image (H, W, C)."""
    doubts = sorted((doubt(p, by) for line in image for p in line), reverse=True)
    return TOGETHER[reduce](doubts[: math.ceil(share * len(doubts))])


def region_uncertainty(image, regions, by, reduce):
    """Score and size of each region of one image, by number."""
    doubts = {}
    for line, numbers in zip(image, regions, strict=True):
        for p, number in zip(line, numbers, strict=True):
            if number >= 0:
                doubts.setdefault(int(number), []).append(doubt(p, by))
    return {number: (TOGETHER[reduce](doubts[number]), len(doubts[number])) for number in doubts}
