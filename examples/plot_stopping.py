"""
When would each rule have stopped?
==================================

While people label, nobody knows the accuracy on the rows without a label. Stopping rules watch what
can be seen: the number of labels, a small validation set, whether predictions still change, whether
the model is sure. Here such rules watch the same loop without stopping it, and we look up
afterwards where each would have.
"""

# %%
# Handwritten digits. ``Known`` answers as a person would, 20 rows at a time; a hundred rows more
# are labelled for validation, which some rules need and others do without.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skactive import ActiveLearner, BudgetCurveDisplay, Known, run
from skactive.loops import Budget, ConfidentPool, NoGain, StabilizedPredictions, TargetScore

X, y = load_digits(return_X_y=True)
X_pool, X_test, y_pool, y_test = train_test_split(X / 16, y, test_size=600, random_state=0)
X_check, X_test, y_check, y_test = train_test_split(X_test, y_test, train_size=100, random_state=0)

rules = {
    "Budget(400)": Budget(400),
    "TargetScore(0.93)": TargetScore(X_check, y_check, target=0.93),
    "NoGain": NoGain(X_check, y_check, n_rounds=5),
    "StabilizedPredictions": StabilizedPredictions(),
    "ConfidentPool(0.7)": ConfidentPool(0.7),
}

# %%
# A callback sees the learner after each round. Rules are started before the first question, and
# asked once a round.

learner = ActiveLearner(LogisticRegression(C=10, max_iter=500), "margin", random_state=0)
learner.fit(X_pool)
n_labeled, accuracy, stopped = [], [], {}
for rule in rules.values():
    rule.start(learner)


def watch(learner):
    """Note the accuracy, and which rules say stop."""
    n_labeled.append(learner.pool_.n_labeled)
    accuracy.append(learner.score(X_test, y_test))
    for name, rule in rules.items():
        if rule.should_stop(learner) and name not in stopped:
            stopped[name] = n_labeled[-1]


run(learner, Known(y_pool), n_instances=20, stopping=600, callback=watch)
for name in rules:
    if name in stopped:
        reached = accuracy[n_labeled.index(stopped[name])]
        print(f"{name:22} {stopped[name]:3} labels, accuracy {reached:.3f}")
    else:
        print(f"{name:22} not within 600 labels")

# %%
# The accuracy on the test rows, which no rule has seen, and below it how long each rule goes on:

figure, (curve, bars) = plt.subplots(
    2, sharex=True, height_ratios=[2, 1], figsize=(7, 6), layout="constrained"
)
curves = {"margin": (np.array(n_labeled), np.array([accuracy]))}
BudgetCurveDisplay(curves, scoring="accuracy on the test rows").plot(curve)
curve.set(xlabel="")
order = sorted(stopped, key=stopped.get, reverse=True)
drawn = bars.barh(order, [stopped[name] for name in order], color="0.7")
bars.bar_label(
    drawn, [f"{accuracy[n_labeled.index(stopped[name])]:.3f}" for name in order], padding=4
)
bars.set(xlabel="labelled rows")
plt.show()

# %%
# A hundred rows for validation are few: their accuracy is off by two or three points as likely as
# not, which is why ``TargetScore`` stops too early here. The rules that read no label see the whole
# pool instead.
#
# To stop by one of them, write ``run(..., stopping=StabilizedPredictions())``; rules combine, as in
# ``Budget(500) | StabilizedPredictions() & ConfidentPool(0.7)``.
