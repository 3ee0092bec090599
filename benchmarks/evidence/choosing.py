"""Would a bandit that chooses among strategies help? Two of them, on the sets of the evidence.

Run with ``python benchmarks/evidence/choosing.py [--repeats 5] [--most 3000] [--sets pima ...]``:
printed is what each has more than margin, and than random, in the area under the curve of balanced
accuracy with logistic regression, mean over the sets. Splits, first labels and rounds are made as
the protocol of docs/guide/evidence.md says; rows are at most `--most`.

- ``albl``: active learning by learning (Hsu and Lin 2015), EXP4.P over strategies, rewarded by the
  accuracy on all labels so far, each weighted by how improbable its choice was; by batches.
- ``tailor``: Thompson sampling over Beta distributions, each row by one strategy, rewarded by how
  rare the label turns out to be (the reward for imbalance of TAILOR, Zhang et al. 2023).
- ``rotation``: each row by the next of the strategies, without any learning.
- ``herding_first``: max_herding up to 3 n₀ labels, then margin.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
from protocol import CLASSES, TEST_SIZE
from scipy.stats import wilcoxon
from sets import chosen, load
from sklearn.base import clone
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split

from skactive import ActiveLearner
from skactive.statistics import aulc

ARMS = ["margin", "k_means", "max_herding", "cluster_margin", "random"]
FAILURE = 0.1  # of the bound of EXP4.P


class Fixed:
    """One strategy for all rounds, or one after another."""

    def __init__(self, *names, until=0):
        self.names, self.until = names, until

    def choose(self, ask, n, n_known, rng):
        return ask(self.names[-1] if n_known >= self.until else self.names[0])

    def learn(self, rows, labels, counts, accuracy):
        pass


class Rotation(Fixed):
    """Each row by the next strategy that has one which is not chosen yet."""

    def choose(self, ask, n, n_known, rng):
        return self.drawn(ask, (ARMS[i % len(ARMS)] for i in range(n)))

    def drawn(self, ask, names):
        self.by, lists = {}, {}
        for name in names:
            lists.setdefault(name, iter(ask(name)))
            self.by[next(row for row in lists[name] if row not in self.by)] = name
        return np.array(list(self.by))


class Tailor(Rotation):
    """Thompson sampling, by how rare the labels are that a strategy brings."""

    def __init__(self):
        self.beta = {name: [1.0, 1.0] for name in ARMS}

    def choose(self, ask, n, n_known, rng):
        draws = ({name: rng.beta(*self.beta[name]) for name in ARMS} for _ in range(n))
        return self.drawn(ask, (max(draw, key=draw.get) for draw in draws))

    def learn(self, rows, labels, counts, accuracy):
        for row, label in zip(rows, labels, strict=True):
            reward = min(counts.values()) / counts[label]
            self.beta[self.by[row]][0] += reward
            self.beta[self.by[row]][1] += 1 - reward


class ALBL:
    """EXP4.P over the strategies' own batches, by the importance-weighted accuracy."""

    def __init__(self, rounds):
        self.weights, self.least = (
            np.ones(len(ARMS)),
            np.sqrt(np.log(len(ARMS)) / len(ARMS) / rounds),
        )
        self.least = min(self.least, 1 / (2 * len(ARMS)))
        self.rounds, self.importance = rounds, {}

    def choose(self, ask, n, n_known, rng):
        share = self.weights / self.weights.sum()
        share = (1 - len(ARMS) * self.least) * share + self.least
        batches = [ask(name) for name in ARMS]
        rows = np.unique(np.concatenate(batches))
        advice = np.array([np.isin(rows, batch) / len(batch) for batch in batches])
        q = share @ advice
        picks = rng.choice(len(rows), n, replace=False, p=q / q.sum())
        self.advice, self.q, self.share = advice[:, picks], q[picks], share
        self.importance |= dict(zip(rows[picks].tolist(), 1 / q[picks], strict=True))
        return rows[picks]

    def learn(self, rows, labels, counts, accuracy):
        reward = accuracy(self.importance) * (self.advice / self.q).mean(axis=1)
        bound = np.sqrt(np.log(len(ARMS) / FAILURE) / (len(ARMS) * self.rounds))
        width = (self.advice / self.q).mean(axis=1) / np.maximum(self.share, self.least)
        self.weights = self.weights * np.exp(self.least / 2 * (reward + width * bound))
        self.weights /= self.weights.max()


def choosers(start, rounds):
    fixed = {name: Fixed(name) for name in ARMS}
    made = {"albl": ALBL(rounds), "tailor": Tailor(), "rotation": Rotation()}
    return fixed | made | {"herding_first": Fixed("max_herding", "margin", until=3 * start)}


def curve(chooser, X, y, X_test, y_test, first, rounds, seed):
    """Return the scores after each round, the start being the first."""
    rng = np.random.default_rng(seed)
    known = np.full(len(y), -1)
    known[first] = y[first]
    learner = ActiveLearner(clone(CLASSES.models["logistic"]), random_state=seed).fit(X, known)
    scores, n = [], len(first)

    def ask(name):
        return learner.set_params(strategy=name).refit().query(n_instances=n)[0]

    def accuracy(importance):
        rows = np.array(list(importance))
        weights = np.array(list(importance.values()))
        return np.average(learner.predict(X[rows]) == y[rows], weights=weights)

    for _ in range(rounds):
        scores.append(balanced_accuracy_score(y_test, learner.predict(X_test)))
        if len(scores) == rounds:
            break
        rows = chooser.choose(ask, n, learner.pool_.n_labeled, rng)
        learner.teach(rows, y[rows])
        counts = dict(zip(*np.unique(learner.pool_.y_labeled, return_counts=True), strict=True))
        chooser.learn(rows, y[rows], counts, accuracy)
    return np.array(scores)


def first_rows(y, n, rng):
    """Return n rows at random, the classes taking turns."""
    order = rng.permutation(len(y))
    turn = np.empty(len(y), dtype=int)
    for label in np.unique(y):
        turn[order[y[order] == label]] = np.arange(np.sum(y == label))
    return order[np.argsort(turn[order], kind="stable")][:n]


def areas_of(name, repeats, most):
    """Return a set's mean areas under the curve by chooser, at each budget that it reaches."""
    X, y = load(name)
    y = np.unique(y, return_inverse=True)[1]
    start, found = CLASSES.start_of(y), {}
    rounds = CLASSES.budget_of(y) // start
    for repeat in range(repeats):
        rng = np.random.default_rng(repeat)
        split = train_test_split(X, y, test_size=TEST_SIZE, stratify=y, random_state=repeat)
        X_train, X_test, y_train, y_test = split
        first = first_rows(y_train, start, rng)
        for chooser, policy in choosers(start, rounds).items():
            scores = curve(policy, X_train, y_train, X_test, y_test, first, rounds, repeat)
            for budget, n in CLASSES.budgets.items():
                if n <= rounds:
                    area = aulc(start * np.arange(1, n + 1.0), scores[None, :n])[0]
                    found.setdefault((budget, chooser), []).append(area)
    return {key: np.mean(areas) for key, areas in found.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--most", type=int, default=3000, help="rows of a set")
    parser.add_argument("--sets", nargs="+")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    names = [name for name in options.sets or chosen() if len(load(name)[1]) <= options.most]
    found = []
    for name in names:
        found.append(areas_of(name, options.repeats, options.most))
        print(f"{name}: {len(found)} of {len(names)}", flush=True)
    for budget in CLASSES.budgets:
        sets = [areas for areas in found if (budget, "margin") in areas]
        print(f"\n| {budget}, {len(sets)} sets | beside margin | won | p | beside random |")
        print("| --- | --- | --- | --- | --- |")
        for chooser in choosers(1, 20):
            gains = np.array([a[budget, chooser] - a[budget, "margin"] for a in sets])
            over = np.mean([a[budget, chooser] - a[budget, "random"] for a in sets])
            p = wilcoxon(gains).pvalue if gains.any() else 1.0
            print(
                f"| {chooser} | {gains.mean():+.4f} | {(gains > 0).sum()} | {p:.3f} | {over:+.4f} |"
            )


if __name__ == "__main__":
    main()
