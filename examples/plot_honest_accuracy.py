"""
How good is my model?
=====================

A strategy asks for difficult rows, so the rows that it leaves are easy, and no accuracy measured on
either says what a model is worth. With ``hold_out=0.2`` one question in five is for rows that were
set apart beforehand and are never learned. Here is what they say while labels come, beside the
truth, which nobody would know, and beside what the rows left over say.
"""

# %%
# Handwritten digits; ``Known`` answers as a person would, 20 rows at a time. A third of the rows is
# put aside for the truth.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from skactive import ActiveLearner, EstimateDisplay, Known, run
from skactive.loops import AccuracyAtLeast

X, y = load_digits(return_X_y=True)
X_pool, X_new, y_pool, y_new = train_test_split(X / 16, y, test_size=600, random_state=0)
learner = ActiveLearner(SVC(C=10), "margin", hold_out=0.2, random_state=0).fit(X_pool)

n_labeled, truth, left_over = [], [], []


def look(learner):
    """Note what the model is worth in truth, and on the rows that are left."""
    pool = learner.pool_
    if hasattr(learner, "estimator_"):
        n_labeled.append(pool.n_labeled)
        truth.append(learner.score(X_new, y_new))
        left_over.append(learner.score(pool.X_unlabeled, y_pool[pool.unlabeled]))


run(learner, Known(y_pool), n_instances=20, stopping=400, callback=look)
print(learner.estimate())

# %%
# All models of the past are estimated by the same test labels; the band is the 95 % interval of
# each. The rows that are left promise too much from early on.

figure, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
display = EstimateDisplay.from_learner(learner, name="estimate", ax=ax)
ax.plot(n_labeled, truth, color="k", ls="--", label="truth, on 600 new rows")
ax.plot(n_labeled, left_over, color="#D55E00", ls="-.", label="on the rows left over")
ax.set_ylim(0.75, 1.005)
ax.legend(loc="lower right", frameon=False)
plt.show()

# %%
# A rule that stops at an accuracy looks at few numbers of test labels, which are set beforehand. At
# a model below 90 % it stops with a probability of at most 5 %.

again = ActiveLearner(SVC(C=10), "margin", hold_out=0.2, random_state=0).fit(X_pool)
run(again, Known(y_pool), n_instances=20, stopping=AccuracyAtLeast(0.9))
print(f"{again.pool_.n_labeled} labels to learn from: {again.estimate()}")
print(f"truth: {np.round(again.score(X_new, y_new), 3)}")
