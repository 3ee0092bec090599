"""
Several labels a row
====================

A display shows a digit by seven segments, each of which is lit or not: seven labels for every row.
The model sees the pixels of a handwritten digit and is to say which segments would be lit. A query
asks for all labels of a row.
"""

# %%
# Labels are a set of names for each row; an indicator matrix serves as well. A logistic regression
# for each label, whose learner asks by ``"margin"``: for the row with the label in most doubt.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from skactive import ActiveLearner, BudgetCurveDisplay, compare_strategies

SEGMENTS = ["abcdef", "bc", "abdeg", "abcdg", "bcfg", "acdfg", "acdefg", "abc", "abcdefg", "abcdfg"]
X, digit = load_digits(return_X_y=True)
X = X / 16
lit = [set(SEGMENTS[d]) for d in digit]

learner = ActiveLearner(OneVsRestClassifier(LogisticRegression()), random_state=0)
learner.fit(X, [*lit[:20], *[None] * (len(X) - 20)])
for _ in range(4):
    idx, rows = learner.query(n_instances=20)
    learner.teach(idx, [lit[i] for i in idx])
print(learner.pool_)

# %%
# The rows in most doubt, and how likely each segment is held to be lit.

idx, rows = learner.query(n_instances=6)
figure, axes = plt.subplots(2, len(idx), figsize=(9, 3.2), height_ratios=[3, 2])
for above, below, row, proba in zip(*axes, rows, learner.predict_proba(rows), strict=True):
    above.imshow(row.reshape(8, 8), cmap="gray_r")
    above.set_axis_off()
    below.bar(learner.classes_, proba, color=np.where(abs(proba - 0.5) < 0.2, "C1", "C0"))
    below.axhline(0.5, color="k", lw=0.5)
    below.set(ylim=(0, 1), yticks=[])
plt.show()

# %%
# Does it help? ``scoring="f1_micro"``, since the share of rows with all labels right moves late.
# The bands are 95 % intervals of the mean. Random and margin are always compared.

comparison = compare_strategies(
    OneVsRestClassifier(LogisticRegression()),
    X,
    lit,
    [],
    budget=120,
    n_instances=20,
    n_initial=20,
    n_repeats=6,
    scoring="f1_micro",
    n_jobs=2,
    random_state=0,
)
BudgetCurveDisplay.from_comparison(comparison)
plt.show()

# %%
# With several labels a row no strategy is sure to beat random, and so few repeats tell no gain
# as small as that on these digits: compare on labels that you have.

print(comparison.verdict())
