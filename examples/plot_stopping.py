"""
When is it time to stop?
========================

Nobody knows the accuracy on the rows that are not labelled. Two rules that need no labels of their
own watch the same simulation: one stops when successive models agree on 2,000 rows or fewer, one
when no row is in doubt.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skactive import ActiveLearner, BudgetCurveDisplay, SimulatedLearner
from skactive.stopping import ConfidentPool, StabilizedPredictions

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
learner = ActiveLearner(LogisticRegression(max_iter=500), "margin")
settings = {"n_instances": 20, "random_state": 0}

whole = SimulatedLearner(learner, budget=600, keep_estimators=True, **settings)
display = BudgetCurveDisplay.from_simulation(whole.fit(X_train, y_train), X_test, y_test)

rules = {
    "predictions settled": (StabilizedPredictions(), ":"),
    "no row below 0.45": (ConfidentPool(0.45), "--"),
}
for name, (rule, dash) in rules.items():
    stopped = SimulatedLearner(learner, budget=600, stopping=rule, **settings)
    n_labeled = stopped.fit(X_train, y_train).n_labeled_[-1]
    print(f"{name}: {n_labeled} labels, accuracy {stopped.score(X_test, y_test):.3f}")
    display.ax_.axvline(n_labeled, color="0.3", ls=dash, label=f"{name}: {n_labeled} labels")
display.ax_.legend(loc="lower right", frameon=False)
plt.show()
