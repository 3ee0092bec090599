"""
A search over strategies
========================

A strategy plays no part in fitting, so that in a plain search over ``ActiveLearner(strategy=...)``
all of them tie. :class:`skactive.SimulatedLearner` makes it count: its ``fit`` hides
the labels of the training rows, reveals them as the strategy asks, and stops at the budget. What
is searched is then a strategy together with the model that it asks for.
"""

# %%
# Handwritten digits, 100 labels. ``aulc_scorer`` scores the whole learning curve rather than its
# end: the mean accuracy over the budget, on rows of the fold that is left out.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.svm import SVC

from skactive import ActiveLearner, SimulatedLearner, aulc_scorer
from skactive.strategies import Subpool

X, y = load_digits(return_X_y=True)
learner = ActiveLearner(SVC(gamma=0.001))
simulated = SimulatedLearner(
    learner, budget=100, n_instances=10, keep_estimators=True, random_state=0
)
strategies = {
    "random": "random",
    "margin": "margin",
    "margin of a tenth": Subpool("margin", size=0.1),
}
costs = [0.5, 1, 10]
grid = {"learner__strategy": list(strategies.values()), "learner__estimator__C": costs}
folds = StratifiedKFold(5, shuffle=True, random_state=0)
search = GridSearchCV(simulated, grid, scoring=aulc_scorer("accuracy"), cv=folds, n_jobs=2)
search.fit(X, y)
print(search.best_params_)

# %%
# Each dot is a fold. All settings were tried on the same folds; with one start for each, the order
# of neighbours means little, and :func:`skactive.compare_strategies` is the place for tests.

results = search.cv_results_
scores = np.array([results[f"split{fold}_test_score"] for fold in range(folds.n_splits)])
looks = [("#000000", "s"), ("#0072B2", "o"), ("#D55E00", "^")]
figure, ax = plt.subplots(layout="constrained")
for shift, name, (color, marker) in zip([-0.2, 0, 0.2], strategies, looks, strict=True):
    chosen = [given is strategies[name] for given in results["param_learner__strategy"]]
    x = np.arange(len(costs)) + shift
    ax.plot(x, scores[:, chosen].mean(axis=0), marker, color=color, mfc="none", ms=11, label=name)
    ax.plot(x, scores[:, chosen].T, marker, color=color, ms=3, alpha=0.6)
ax.set_xticks(range(len(costs)), costs)
ax.set(xlabel="C of the SVC", ylabel="accuracy, mean over the budget")
ax.legend(title="mean of the folds", loc="lower right", frameon=False)
plt.show()
