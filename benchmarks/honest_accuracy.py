"""How honest the estimates of `ActiveLearner.estimate` are, and what the wrong ways would say.

Run with ``python benchmarks/honest_accuracy.py [--repeats 1000] [--sets digits texts noisy rare]``,
in parts with ``--first 500``, the number of the first repetition; ``--keep part.jsonl`` writes each
repetition down as it is done, and ``--join *.jsonl`` shows what files of parts hold, together.
Each repetition draws a pool of 1,400 rows with ``hold_out=0.2``, asks 50 questions a round by
margin sampling, and notes at 50, 100 and 200 test labels what is said of the model of that moment.
The truth is its accuracy on all rows that it could never have learned: the test side and rows
beside the pool. Sets: scikit-learn's digits (1,797 rows, so the 200 test labels are of 677 that
are the truth); made texts, 300 words, 8 topics; twenty numbers, 4 classes, one label in ten wrong;
and twenty numbers with 2 % positives. Models: ridge regression, logistic regression for the last
two. Printed are, with the number of test labels:

- coverage of 95 % intervals, bias with two standard errors, mean width;
- the same of the wrong ways: as many rows drawn from those that the strategy left over; the answers
  to its own questions, predicted before they were learned, of all rounds and of the last three;
- for rare positives, coverage of precision, recall and F1, also of a model that stays as it is,
  with the share that it calls positive read from so many held-out rows, or taken for known;
- accuracy after 200 answers with and without test questions among them;
- how often `AccuracyAtLeast` and others stop at models that stay as they are, first of all;
- false stops, at a target just above the best model of the run: of `AccuracyAtLeast`, of Wilson's
  lower end looked at in each round, and of the accuracy itself.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections import defaultdict
from pathlib import Path
from time import perf_counter

import numpy as np
from _timing import print_threads
from sklearn.datasets import load_digits, make_classification
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import f1_score, precision_score, recall_score

from skactive import ActiveLearner
from skactive.loops.assured import errors, looks
from skactive.statistics import clopper_pearson, rates, wilson

N_POOL, N_BESIDE, N_ROUND, SIZES = 1400, 4000, 50, (50, 100, 200)
RATES = {"precision": precision_score, "recall": recall_score, "f1": f1_score}


def digits(rng):
    """Handwritten digits, shuffled."""
    X, y = load_digits(return_X_y=True)
    order = rng.permutation(len(X))
    return X[order] / 16, y[order], RidgeClassifier()


def texts(rng):
    """Shares of words in texts of about 40 of them, by topic."""
    words = rng.dirichlet(np.full(300, 0.3), size=8)
    y = rng.choice(8, N_POOL + N_BESIDE, p=np.arange(8, 0, -1) / 36)
    mixed = 0.25 * words[y] + 0.75 * words.mean(axis=0)
    counts = rng.multinomial(40, mixed)
    return np.sqrt(counts / 40), y, RidgeClassifier()


def noisy(rng):
    """Four classes in twenty dimensions, one label in ten wrong."""
    made = {"n_informative": 8, "n_classes": 4, "flip_y": 0.1}
    X, y = make_classification(N_POOL + N_BESIDE, **made, random_state=rng.integers(2**31))
    return X, y, LogisticRegression()


def rare(rng):
    """Two classes, of which one has 2 % of the rows."""
    X, y = make_classification(
        N_POOL + N_BESIDE, weights=[0.98], flip_y=0.005, random_state=rng.integers(2**31)
    )
    return X, y, LogisticRegression()


def trial(make, seed: int, found: dict[str, list]) -> None:
    """Run one learner to 200 test labels, and one without test questions to 200 labels."""
    rng = np.random.default_rng([seed, 18])
    X, y, model = make(rng)
    pool, beside = X[:N_POOL], slice(N_POOL, None)
    start = start_of(y, rng)
    learner = ActiveLearner(model, "margin", hold_out=0.2, random_state=seed).fit(pool, start)
    side = np.append(learner.pool_.held_out, np.arange(len(y))[beside])
    asked_right, curve, plan = [], [], looks(200)
    n_start = learner.pool_.n_answered
    seen: dict[int, tuple] = {}
    while (n := len(learner.pool_.test_answers().rows)) < SIZES[-1] or not asked_right:
        idx, rows = learner.query(n_instances=N_ROUND)
        is_test = learner.pool_.held_out_mask[idx]
        asked_right.append(learner.predict(rows[~is_test]) == y[idx[~is_test]])
        learner.teach(idx, y[idx])
        n = len(learner.pool_.test_answers().rows)
        estimate, truth = learner.estimate(), learner.score(X[side], y[side])
        curve.append((estimate.value, n, truth))
        for size in plan:
            if n >= size and size not in seen:
                first = learner.pool_.test_answers().rows[:size]
                seen[size] = learner.score(X[first], y[first]), size, truth
        if n in SIZES:
            note(found, f"estimate {n}", estimate, truth)
            if hasattr(learner, "predict_proba"):
                note(found, f"ppi {n}", learner.estimate(method="ppi"), truth)
            left = rng.choice(learner.pool_.unlabeled, n)
            note(found, f"left over {n}", wilson(learner.score(X[left], y[left]), n), truth)
            for name, last in ("all rounds", 0), ("last three", -3):
                right = np.concatenate(asked_right[last:])
                note(found, f"own answers, {name} {n}", wilson(right.mean(), len(right)), truth)
            if make is rare:
                predicted = learner.predict(X[side])
                for name, score in RATES.items():
                    true = score(y[side], predicted, zero_division=0)
                    note(found, f"{name} {n}", learner.estimate(name), true)
        if learner.pool_.n_answered - n_start == 200:
            found["with test questions"].append(truth)
    stops(found, curve, list(seen.values()))
    plain = ActiveLearner(model, "margin", hold_out=0.2, max_test=0, random_state=seed)
    plain.fit(pool, start)
    for _ in range(200 // N_ROUND):
        idx, _ = plain.query(n_instances=N_ROUND)
        plain.teach(idx, y[idx])
    found["without"].append(plain.score(X[side], y[side]))


def start_of(y: np.ndarray, rng) -> np.ndarray:
    """Return the labels that a learner begins with: 20 at random, two of each class at least."""
    known = rng.choice(N_POOL, 20, replace=False)
    of_each = [rng.choice(np.flatnonzero(y[:N_POOL] == c), 2) for c in np.unique(y[:N_POOL])]
    start = np.full(N_POOL, -1)
    known = np.append(known, of_each)
    start[known] = y[known]
    return start


def note(found: dict[str, list], name: str, interval, truth: float) -> None:
    """Write down an estimate, beside the truth."""
    value, low, high = interval.value, interval.low, interval.high
    found[name].append((low <= truth <= high, value - truth, high - low))


def stops(found: dict[str, list], curve: list[tuple], seen: list[tuple]) -> None:
    """Write down which ways of looking would have stopped, where no model is good enough."""
    target = max(truth for *_, truth in curve) + 1e-6
    rounds = [(value, n) for value, n, _ in curve if n >= 20]
    exact = (
        clopper_pearson(value, n, 1 - 2 * error).low
        for (value, n, _), error in zip(seen, errors(0.05, len(seen)), strict=True)
    )
    found["stops AccuracyAtLeast"].append(any(low >= target for low in exact))
    found["stops Wilson"].append(any(wilson(value, n, 0.9).low >= target for value, n in rounds))
    found["stops accuracy"].append(any(value >= target for value, _ in rounds))


def flat(n_runs: int = 20_000) -> None:
    """Print how often ways of looking stop at a target of .9, by what a model is worth for good."""
    rng, plan, rounds = np.random.default_rng(0), looks(200), np.arange(20, 201, 6)
    print(f"stops at a target of .9, of {n_runs} runs to 200 test labels: {len(rounds)} rounds")

    def least(n: int, low) -> int:
        """Return with how many right answers of n the target is reached, or n + 1."""
        return next((k for k in range(n + 1) if low(k / n, n) >= 0.9), n + 1)

    may_err = dict(zip(plan, errors(0.05, len(plan)), strict=True))

    def exact(share: float, n: int) -> float:
        return clopper_pearson(share, n, 1 - 2 * may_err[n]).low

    ways = {
        "AccuracyAtLeast": (plan, exact),
        "Wilson each round": (rounds, lambda share, n: wilson(share, n, 0.9).low),
        "accuracy each round": (rounds, lambda share, n: share),
    }
    for accuracy in (0.899, 0.93, 0.95, 0.97):
        right = np.cumsum(rng.random((n_runs, 200)) < accuracy, axis=1)
        for name, (sizes, low) in ways.items():
            enough = np.array([least(int(n), low) for n in sizes])
            stopped = (right[:, np.asarray(sizes) - 1] >= enough).any(axis=1).mean()
            print(f"  a model of {accuracy:.3f}: {name:<20} {stopped:.3f}")


def flat_rates(n_runs: int = 1000) -> None:
    """Print how often intervals cover for a model that stays as it is, with 2 % positives."""
    rng, shares = np.random.default_rng(0), np.array([0.0066, 0.0034, 0.0134, 0.9766])
    tp, fp, fn, _ = shares
    truth = tp / (tp + fp), tp / (tp + fn), 2 * tp / (2 * tp + fp + fn)
    print(f"coverage where 2 % are positive, {n_runs} runs: precision, recall, F1 (and widths)")
    for n_held_out in 280, 2000:
        for n in SIZES:
            cells = rng.multinomial(n, shares, n_runs)
            others = rng.binomial(n_held_out - n, tp + fp, n_runs)
            share = (cells[:, 0] + cells[:, 1] + others) / n_held_out
            for called, n_rows in ("estimated", n_held_out), ("taken for known", None):
                made = [
                    rates(c, s, n_rows=n_rows, n_draws=2000)
                    for c, s in zip(cells, share, strict=True)
                ]
                ends = np.array([[(low, high) for _, low, high in each] for each in made])
                covered = ((ends[..., 0] <= truth) & (truth <= ends[..., 1])).mean(axis=0)
                widths = (ends[..., 1] - ends[..., 0]).mean(axis=0)
                said = "  ".join(f"{c:.3f} ({w:.2f})" for c, w in zip(covered, widths, strict=True))
                print(f"  {n:3} of {n_held_out:4} rows, share {called:<16} {said}")


def add(once: dict[str, list], found: dict[str, list]) -> None:
    """Add what one repetition found."""
    for name, values in once.items():
        found[name].extend(values)


def keep(path: Path, line: dict) -> None:
    """Write one repetition down, at the end of a file."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, default=lambda number: number.item()) + "\n")


def join(paths: list[Path], found: dict[str, dict]) -> None:
    """Read repetitions from files of parts, each once."""
    seen = set()
    for path in paths:
        for line in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            which = line["set"], line["seed"]
            if line["set"] in found and which not in seen:
                seen.add(which)
                add(line["found"], found[line["set"]])


def show(found: dict[str, list]) -> None:
    """Print what was found on one set."""
    for name, values in found.items():
        array = np.array(values, dtype=float)
        error = array.std(axis=0, ddof=1) / np.sqrt(len(array))
        if array.ndim == 2:
            covered, bias, width = array.mean(axis=0)
            print(
                f"  {name:<30} coverage {covered:.3f}  bias {bias:+.4f} +- {2 * error[1]:.4f}  "
                f"width {width:.3f}"
            )
        elif name.startswith("stops"):
            print(f"  {name:<30} in {array.mean():.3f} of the runs")
        else:
            print(f"  accuracy after 200 answers {name:<20} {array.mean():.4f} +- {2 * error:.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    makers = {make.__name__: make for make in (digits, texts, noisy, rare)}
    parser.add_argument("--sets", nargs="+", choices=list(makers), default=list(makers))
    parser.add_argument("--keep", type=Path, metavar="FILE", help="write repetitions down here")
    parser.add_argument("--join", type=Path, nargs="+", metavar="FILE", help="show these, run none")
    options = parser.parse_args()
    found = {name: defaultdict(list) for name in options.sets}
    begun = perf_counter()
    if options.join:
        join(options.join, found)
    else:
        print_threads()
        warnings.simplefilter("ignore")
        flat()
        flat_rates()
        try:
            for seed in range(options.first, options.first + options.repeats):
                for name in options.sets:
                    once: dict[str, list] = defaultdict(list)
                    trial(makers[name], seed, once)
                    add(once, found[name])
                    if options.keep:
                        keep(options.keep, {"set": name, "seed": seed, "found": once})
        except KeyboardInterrupt:  # what there is, is shown
            pass
    for name in filter(found.get, options.sets):
        print(f"{name}: {len(found[name]['without'])} repetitions")
        show(dict(sorted(found[name].items(), key=lambda item: order_of(item[0]))))
    print(f"{perf_counter() - begun:.0f} s")


def order_of(name: str) -> tuple:
    """Return where a line belongs: by what it is about, and then by its number."""
    what, _, last = name.rpartition(" ")
    return (what, int(last)) if last.isdigit() else (name, 0)


if __name__ == "__main__":
    main()
