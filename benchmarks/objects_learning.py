"""Does a detector learn more from images that are chosen by its boxes? Digits on pages.

Run with ``python benchmarks/objects_learning.py [--repeats 40] [--jobs 1]``; a minute on one core.
Images are made of scikit-learn's digits: nine cells, of which none to all hold a digit, more or
less noisy by image, and the others clutter, halves of two digits. The detector is a logistic
regression that looks at each cell: ten digits, or nothing. It starts from ten random images out of
350 and is given ten more in each round, with everything that is in them. Its boxes are cells of
which it says that something is there. Printed is its mean average precision (mAP, macro over the
digits) in 100 other images, in which no threshold has a part, when 60 images are labelled, and when
200 objects are, whatever the number of images (between rounds by interpolation), as means over
repeats, with standard errors of the differences to random images.
"""

from __future__ import annotations

import argparse
import warnings
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from skactive import scores, select

N_POOL, N_TEST, N_CELLS, FIRST, BATCH, LAST = 350, 100, 9, 10, 10, 240
NOTHING, AT_IMAGES, AT_OBJECTS = 10, 60, 200


class Pages(NamedTuple):
    """Images of nine cells: pixels of each cell, and the digit in it, or nothing."""

    cells: np.ndarray  # (n, 9, 64)
    digits: np.ndarray  # (n, 9)


def drawn(rng: np.random.Generator, n: int, pixels: np.ndarray, truth: np.ndarray) -> Pages:
    """Draw images of some digits; how many are in one, and how noisy it is, differs."""
    is_digit = rng.random((n, N_CELLS)) < rng.beta(1, 1.5, (n, 1))
    which = rng.integers(0, len(pixels), (n, N_CELLS))
    other = rng.integers(0, len(pixels), (n, N_CELLS))
    clutter = np.concatenate([pixels[which][..., :32], pixels[other][..., 32:]], axis=2)
    cells = np.where(is_digit[..., None], pixels[which], clutter[:, :, ::-1][:, ::-1])
    cells = cells + rng.gamma(2.0, 1.5, (n, 1, 1)) * rng.normal(size=cells.shape)
    return Pages(cells / 16, np.where(is_digit, truth[which], NOTHING))


def chosen_by(way: str, proba: np.ndarray, labeled: np.ndarray, seed: int) -> np.ndarray:
    """Return the next images, by what the detector says of each cell: (n, 9, 11)."""
    name, _, reduce = way.partition(", ")
    n = len(proba)
    objectness = 1 - proba[..., NOTHING]
    row, cell = np.nonzero(objectness > 0.5)
    found = objectness[row, cell]
    of_digits = proba[row, cell, :NOTHING] / found[:, None]
    wanted = {"labeled": labeled, "n_instances": BATCH, "random_state": seed}
    if name == "random":
        return select("scores", scores=np.zeros(n), **wanted)
    if name == "object_frequency":
        doubt = scores.object_frequency(of_digits.argmax(axis=1), row, n)
    elif name == "objectness":
        doubt = scores.objectness_least_confidence(found, row, n, reduce=reduce)
    else:
        by = "margin" if name == "coral" else name
        doubt = scores.part_uncertainty(of_digits, row, n, by=by, reduce=reduce)
    if name == "coral":  # vectors: how many of each digit the detector sees in an image
        return select("coral", scores=doubt, embedding=proba.sum(axis=1), **wanted)
    return select("scores", scores=doubt, **wanted)


WAYS = [
    "random",
    "object_frequency",
    *(f"objectness, {each}" for each in ("sum", "mean", "max")),
    *(f"{by}, {each}" for by in ("margin", "entropy") for each in ("sum", "mean", "max")),
    "coral, sum",
    "coral, mean",
]


def probabilities(model: LogisticRegression, pages: Pages) -> np.ndarray:
    """Return what the detector says of all cells: (n x 9, 11), 0 for what it has not seen yet."""
    proba = np.zeros((pages.digits.size, NOTHING + 1))
    proba[:, model.classes_] = model.predict_proba(pages.cells.reshape(-1, 64))
    return proba


def played(seed: int) -> list[list[float]]:
    """Return the precision at so many images, and at so many objects, of each way."""
    warnings.simplefilter("ignore")  # of the solver, and of digits that are not seen yet
    rng = np.random.default_rng(seed)
    X, y = load_digits(return_X_y=True)
    order = rng.permutation(len(X))
    pool = drawn(rng, N_POOL, X[order[:1200]], y[order[:1200]])
    test = drawn(rng, N_TEST, X[order[1200:]], y[order[1200:]])
    n_objects = (pool.digits != NOTHING).sum(axis=1)
    first = rng.choice(N_POOL, FIRST, replace=False)
    out = []
    for way in WAYS:
        labeled, images, objects, precision = first, [], [], []
        while True:
            known = pool.digits[labeled].ravel()
            model = LogisticRegression(max_iter=200, C=0.3)
            model.fit(pool.cells[labeled].reshape(-1, 64), known)
            said = probabilities(model, test)
            is_digit = test.digits.ravel()[:, None] == np.arange(NOTHING)
            precision.append(average_precision_score(is_digit, said[:, :NOTHING]))
            images.append(len(labeled))
            objects.append(n_objects[labeled].sum())
            if images[-1] >= AT_IMAGES and (objects[-1] >= AT_OBJECTS or images[-1] >= LAST):
                break
            proba = probabilities(model, pool).reshape(N_POOL, N_CELLS, NOTHING + 1)
            more = chosen_by(way, proba, labeled, len(labeled))
            labeled = np.concatenate([labeled, more])
        out.append(
            [np.interp(AT_IMAGES, images, precision), np.interp(AT_OBJECTS, objects, precision)]
        )
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=40)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    parallel = Parallel(n_jobs=options.jobs)
    told = np.array(parallel(delayed(played)(seed) for seed in range(options.repeats)))
    print(f"| score | mAP at {AT_IMAGES} images | gain | mAP at {AT_OBJECTS} objects | gain |")
    print("|---|---|---|---|---|")
    for at, way in enumerate(WAYS):
        gain = told[:, at] - told[:, 0]
        error = gain.std(axis=0, ddof=1) / np.sqrt(len(gain))
        cells = [
            f"{told[:, at, i].mean():.3f} | {gain[:, i].mean():+.3f} ({error[i]:.3f})"
            for i in range(2)
        ]
        print(f"| {way} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
