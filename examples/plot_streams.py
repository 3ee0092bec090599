"""
Two streams that drift, at 5 labels in a hundred rows
=====================================================

Ten thousand rows pass in chunks of 50, and of any hundred rows the labels of five may be bought.
Left, the rule that gives the labels jumps three times; right, it turns slowly. Each row is
predicted before anything is learned of its chunk, so that the curves (means over 1,000 rows) are
accuracies on rows the model has not seen.

All three learn the last hundred labels alone. Random buys blindly; split buys a fifth of its budget
blindly and the rest where the model doubts, by a threshold that adapts; vessal buys what is
doubtful and unlike what it bought before. Random and split are watched by a drift detector, which
is shown the errors on rows that were bought blindly. A triangle marks where it saw a drift: the
model then begins again. At this budget it sees few errors, and split, of which it sees a fifth, is
carried through the drifts by its window rather than by the detector.
"""

import math

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skactive import ActiveLearner, StreamDisplay, run_stream
from skactive.strategies import RandomStream, SplitUncertainty, Vessal

N, CHUNK, N_START = 10_000, 50, 100


def abrupt(rng):
    """SEA (Street and Kim 2001): the threshold jumps; one label in ten is wrong."""
    X = rng.uniform(0, 10, size=(N_START + N, 3))
    threshold = np.repeat([8.0, 12.0, 7.0, 10.5], (N_START + N) // 4)
    y = (X[:, 0] + X[:, 1] <= threshold).astype(int)
    return X, np.where(rng.random(len(y)) < 0.1, 1 - y, y)


def gradual(rng):
    """A hyperplane that turns by half a circle; one label in twenty is wrong."""
    X = rng.normal(size=(N_START + N, 5))
    angle = np.linspace(0, np.pi, N_START + N)
    y = (np.cos(angle) * X[:, 0] + np.sin(angle) * X[:, 1] > 0).astype(int)
    return X, np.where(rng.random(len(y)) < 0.05, 1 - y, y)


class DDM:
    """Sees a drift where the error rate rises three deviations above its least (Gama 2004)."""

    def __init__(self):
        self.n, self.rate, self.least, self.drift_detected = 0, 0.0, math.inf, False

    def update(self, error):
        self.n += 1
        self.rate += (error - self.rate) / self.n
        spread = math.sqrt(self.rate * (1 - self.rate) / self.n)
        if self.n < 30:
            return
        if self.rate + spread < self.least:
            self.least, self.best = self.rate + spread, (self.rate, spread)
        self.drift_detected = self.rate + spread > self.best[0] + 3 * self.best[1]


strategies = {"random": RandomStream(0.05), "split": SplitUncertainty(0.05), "vessal": Vessal(0.05)}

fig, axes = plt.subplots(
    2, 2, figsize=(10, 5.5), sharex=True, sharey="row", height_ratios=(2, 1), layout="constrained"
)
for column, stream in zip(axes.T, (abrupt, gradual), strict=True):
    X, y = stream(np.random.default_rng(0))
    logs = {}
    for name, strategy in strategies.items():
        model = make_pipeline(StandardScaler(), LogisticRegression())
        learner = ActiveLearner(
            model,
            strategy,
            window=100,
            drift=DDM() if strategy.has_random_share else None,
            random_state=0,
        ).fit(X[:N_START], y[:N_START])
        cuts = range(N_START, len(X), CHUNK)
        chunks = ((X[cut : cut + CHUNK], y[cut : cut + CHUNK]) for cut in cuts)
        logs[name] = run_stream(learner, chunks)
        print(f"{stream.__name__:<8} {name:<7} {logs[name]}")
    StreamDisplay.from_log(logs, scoring="accuracy", axes=column, smooth=20, budget=0.05)
    column[0].set_title(stream.__name__)
    if stream is abrupt:
        for at in (1, 2, 3):
            column[0].axvline(at * (N_START + N) / 4 - N_START, color="0.8", lw=6, zorder=0)
for ax in axes[:, 1]:
    ax.set_ylabel("")
axes[0, 0].get_legend().remove()
axes[1, 0].get_legend().remove()
plt.show()
