"""Which score of a detector's boxes finds the images in which it errs? Simulated, with known truth.

Run with ``python benchmarks/objects.py [--repeats 20] [--images 5000]``; half a minute on one core.
No image is drawn: a world is images with places, each with an objectness and class probabilities,
from which it is drawn what is there. Places of an objectness above .2 are the detector's boxes.
Its errors are boxes where nothing is, boxes of the wrong class, and objects without a box. In the
first world the detector is calibrated; in the second it says .94 where .75 is right, and so on
(logits times 2.5); in the third it is calibrated, and for each four objects there is a fifth that
is nowhere among its places, half of these in images in which it finds nothing.

Printed is the share of all errors that are in the first tenth of images, as each score sorts them,
and the share in the images that a tenth of the work pays for, where an image takes as long as one
object, and every object in it as long again; with standard errors over repeats. At the end, seconds
for a million boxes beside a loop over them, and for a file of COCO with as many.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit, softmax

from skactive import scores, select
from skactive.data import read_coco

N_CLASSES, REPORTED, TENTH = 5, 0.2, 0.1


class World(NamedTuple):
    """What a detector says of images, and how often it errs in each."""

    row: np.ndarray
    objectness: np.ndarray
    proba: np.ndarray
    errors: np.ndarray  # of each image
    objects: np.ndarray  # in each image, found or not


def drawn(rng: np.random.Generator, n: int, sharpness: float = 1.0, unseen: float = 0.0) -> World:
    """Draw images, and what a detector says that multiplies logits by its sharpness."""
    # Images differ in how many places they have and in how hard these are, not one by the other.
    crowd = rng.gamma(1.5, 2.0, n)
    clear = rng.gamma(4.0, 0.6, n)
    row = np.repeat(np.arange(n), rng.poisson(crowd))
    truth = expit(clear[row] * rng.normal(0.0, 1.2, len(row)))
    proba = softmax(clear[row, None] * rng.normal(0.0, 1.2, (len(row), N_CLASSES)), axis=1)
    is_there = rng.random(len(row)) < truth
    kind = (rng.random(len(row))[:, None] > np.cumsum(proba, axis=1)[:, :-1]).sum(axis=1)
    is_box = truth > REPORTED
    is_wrong = is_box & (~is_there | (kind != proba.argmax(axis=1)))
    errors = np.bincount(row[is_wrong | (is_there & ~is_box)], minlength=n)
    objects = np.bincount(row[is_there], minlength=n)
    if unseen:
        n_unseen = int(unseen * objects.sum())
        empty = np.flatnonzero(np.bincount(row[is_box], minlength=n) == 0)
        at = np.where(
            rng.random(n_unseen) < 0.5, rng.choice(empty, n_unseen), rng.integers(0, n, n_unseen)
        )
        errors, objects = (each + np.bincount(at, minlength=n) for each in (errors, objects))
    said = softmax(sharpness * np.log(proba[is_box]), axis=1)
    return World(row[is_box], expit(sharpness * logit(truth[is_box])), said, errors, objects)


def scored(world: World) -> dict[str, np.ndarray]:
    """Return the scores of all images by the name of the score."""
    row, objectness, proba, n = world.row, world.objectness, world.proba, len(world.errors)
    kinds = proba.argmax(axis=1)
    out = {"object_frequency": scores.object_frequency(kinds, row, n)}
    for reduce in ("sum", "mean", "max"):
        out[f"objectness_least_confidence, {reduce}"] = scores.objectness_least_confidence(
            objectness, row, n, reduce=reduce
        )
    for by in ("least_confidence", "margin", "entropy"):
        for reduce in ("sum", "mean", "max"):
            out[f"part_uncertainty, {by}, {reduce}"] = scores.part_uncertainty(
                proba, row, n, by=by, reduce=reduce
            )
    squares = (1 - scores.margin(proba)) ** 2
    out["squared margin, sum"] = scores.over_parts(squares, row, n, reduce="sum")
    wrong = 1 - objectness * proba.max(axis=1)
    out["1 - objectness x class, sum"] = scores.over_parts(wrong, row, n, reduce="sum")
    out["1 - objectness x class, mean"] = scores.over_parts(wrong, row, n, reduce="mean")
    for reduce in ("sum", "mean"):
        name = f"1 - objectness x class, {reduce}, empty=1"
        out[name] = scores.over_parts(wrong, row, n, reduce=reduce, empty=1.0)
    return out


def found(world: World, order: np.ndarray) -> tuple[float, float]:
    """Return the share of errors in a tenth of the images, and in a tenth of the work."""
    errors, work = world.errors[order], 1 + world.objects[order]
    first = int(TENTH * len(order))
    paid = np.searchsorted(np.cumsum(work), TENTH * work.sum())
    return errors[:first].sum() / errors.sum(), errors[:paid].sum() / errors.sum()


WORLDS = {
    "calibrated": {},
    "too sure": {"sharpness": 2.5},
    "objects unseen": {"unseen": 0.25},
}


def table(n: int, repeats: int) -> dict[str, np.ndarray]:
    """Return (repeats, worlds, 2) shares by the name of the score."""
    shares: dict[str, list] = {}
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        worlds = [drawn(rng, n, **how) for how in WORLDS.values()]
        by_world = [{"random": rng.random(n)} | scored(world) for world in worlds]
        for name in by_world[0]:
            orders = (
                select("scores", scores=each[name], n_instances=n, random_state=seed)
                for each in by_world
            )
            told = [found(world, order) for world, order in zip(worlds, orders, strict=True)]
            shares.setdefault(name, []).append(told)
    return {name: np.array(told) for name, told in shares.items()}


def seconds() -> None:
    """Print how long a million boxes take, beside a loop over the boxes."""
    rng = np.random.default_rng(0)
    n, n_rows = 1_000_000, 100_000
    row, objectness = rng.integers(0, n_rows, n), rng.random(n)
    proba = rng.dirichlet(np.ones(N_CLASSES), n)
    start = time.perf_counter()
    sums, counts = [0.0] * n_rows, [0] * n_rows
    for i, value in zip(row.tolist(), objectness.tolist(), strict=True):
        sums[i] += 1 - value
        counts[i] += 1
    loop = time.perf_counter() - start
    print(f"\nseconds for {n:,} boxes in {n_rows:,} images; a loop that adds them takes {loop:.2f}")
    for name, call in {
        "objectness_least_confidence": lambda: scores.objectness_least_confidence(
            objectness, row, n_rows
        ),
        "part_uncertainty": lambda: scores.part_uncertainty(proba, row, n_rows),
        "object_frequency": lambda: scores.object_frequency(row % 80, row, n_rows),
    }.items():
        start = time.perf_counter()
        call()
        print(f"{name:32} {time.perf_counter() - start:.3f}")
    results = [
        {"image_id": i, "category_id": i % 80, "bbox": [8.5, 8.5, 20.0, 20.0], "score": score}
        for i, score in zip(row.tolist(), objectness.round(4).tolist(), strict=True)
    ]
    listed = {
        "images": [{"id": i, "file_name": f"{i}.jpg"} for i in range(n_rows)],
        "categories": [{"id": i, "name": str(i)} for i in range(80)],
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.json"
        path.write_text(json.dumps(results))
        del results
        start = time.perf_counter()
        json.loads(path.read_bytes())
        print(f"{'json.loads of a file of COCO':32} {time.perf_counter() - start:.1f}")
        start = time.perf_counter()
        read_coco(path, listed)
        print(f"{'read_coco':32} {time.perf_counter() - start:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--images", type=int, default=5000)
    options = parser.parse_args()
    world = drawn(np.random.default_rng(0), options.images)
    print(
        f"{options.images} images, {len(world.row) / options.images:.1f} boxes and "
        f"{world.objects.mean():.1f} objects in each, {world.errors.mean():.2f} errors; "
        f"{options.repeats} repeats\n"
    )
    print("| score | " + " | ".join(f"{each}: images | work" for each in WORLDS) + " |")
    print("|---|" + "---|---|" * len(WORLDS))
    largest = 0.0
    for name, shares in table(options.images, options.repeats).items():
        mean = shares.mean(axis=0)
        errors = shares.std(axis=0, ddof=1) / np.sqrt(len(shares))
        largest = max(largest, float(errors.max()))
        print(f"| {name} | " + " | ".join(f"{100 * each:.0f}" for each in mean.ravel()) + " |")
    print(f"\nper cent of all errors; standard errors at most {100 * largest:.1f}")
    seconds()


if __name__ == "__main__":
    main()
