"""
What four strategies put into one batch
=======================================

Twelve rows of one two-dimensional pool, as margin, k_center, BADGE and typiclust choose them. The
same eight rows are labelled in each panel (crosses), and the same model is fitted on them; its
boundary is the line.

Margin takes the most doubtful rows, which lie side by side on the boundary. K-center covers the
pool from its rim, doubtful or not. BADGE draws rows that are doubtful and apart. Typiclust takes
the middle of each cluster that has no label yet, and reads no model at all.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_blobs
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.linear_model import LogisticRegression

from skactive import ActiveLearner

X, cluster = make_blobs(600, centers=9, cluster_std=0.9, random_state=5)
truth = (cluster % 3 == 0).astype(int)

y = np.full(len(X), -1)
known = np.random.default_rng(1).choice(len(X), 8, replace=False)
y[known] = truth[known]

fig, axes = plt.subplots(2, 2, figsize=(8, 7.2), sharex=True, sharey=True, layout="constrained")
for ax, strategy in zip(axes.flat, ["margin", "k_center", "badge", "typiclust"], strict=True):
    learner = ActiveLearner(LogisticRegression(), strategy, random_state=0).fit(X, y)
    idx, rows = learner.query(n_instances=12)
    DecisionBoundaryDisplay.from_estimator(
        learner.estimator_, X, plot_method="contour", levels=[0.5], colors="0.4", ax=ax
    )
    ax.scatter(*X.T, s=9, c=np.where(truth, "#0072B2", "#E69F00"), alpha=0.35, linewidths=0)
    ax.scatter(*X[known].T, marker="x", c="k", label="labelled")
    ax.scatter(*rows.T, s=55, facecolors="none", edgecolors="k", label="asked for")
    ax.set(title=strategy, xlabel="", ylabel="", xticks=[], yticks=[])
axes[0, 0].legend(loc="lower left")
plt.show()
