"""
One pass over a pool on disk
============================

A pool too large for memory lies in a file, and is read once, in chunks. Vessal decides about each
row as it passes, and keeps only those that it chooses: 100 of 50,000, exactly, since it is told
both numbers. It chooses what the model doubts and what is unlike the rows that it has, so the rare
kinds get more of the labels than their share of the pool.

Nine tenths of the rows are of one kind. On the left is what vessal chose, on the right as many rows
drawn at random; both models are then fitted on the labels of those. To choose, no more than a chunk
is ever in memory. Nothing is learned on the way here: the labels are asked for at the end,
as for a batch; a learner that may learn in between does better still.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score

from skactive import ActiveLearner
from skactive.strategies import Vessal

N, K, CHUNK = 50_000, 100, 2_000

rng = np.random.default_rng(0)
kind = rng.choice(4, size=N, p=[0.91, 0.03, 0.03, 0.03])
centres = np.array([[0, 0], [3, 0], [0, 3], [3, 3]]) - 1.5
start = np.concatenate([np.flatnonzero(kind == each)[:1] for each in range(4)])

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "pool.npy"
    np.save(path, centres[kind] + rng.normal(scale=0.8, size=(N, 2)))  # once

    pool = np.load(path, mmap_mode="r")  # nothing is read yet
    strategy = Vessal(total=K, length=N)
    learner = ActiveLearner(LogisticRegression(), strategy, random_state=0)
    learner = learner.fit(pool[start], kind[start])
    chosen = []
    for first in range(0, N, CHUNK):
        idx, rows = learner.query(pool[first : first + CHUNK])
        chosen.append(first + idx)
    picks = {"vessal": np.concatenate(chosen), "random": rng.choice(N, K, replace=False)}
    X = np.array(pool)  # for the picture, and to see how good the models are
    del pool

fig, axes = plt.subplots(1, 2, figsize=(9, 4.6), sharex=True, sharey=True, layout="constrained")
colors = np.array(["#999999", "#0072B2", "#D55E00", "#009E73"])
for ax, (name, rows) in zip(axes, picks.items(), strict=True):
    known = np.concatenate([start, rows])
    model = LogisticRegression().fit(X[known], kind[known])
    score = balanced_accuracy_score(kind, model.predict(X))
    counts = np.bincount(kind[rows], minlength=4)
    ax.scatter(*X[::25].T, s=3, c=colors[kind[::25]], alpha=0.3, linewidths=0)
    ax.scatter(*X[rows].T, s=28, c=colors[kind[rows]], edgecolors="k", linewidths=0.7)
    ax.set(title=f"{name}: balanced accuracy {score:.2f}", xticks=[], yticks=[])
    ax.set_xlabel("chosen of each kind: " + ", ".join(map(str, counts)))
    print(f"{name}: {len(rows)} rows, {counts.tolist()} of each kind, {score:.3f}")
plt.show()
