"""
Ask again, or ask new?
======================

Five people label digits, and err. A budget of 400 answers may go to 400 rows, to 133 rows that
three people look at, or to second opinions where labels are in doubt. What is best for the model?
"""

# %%
# People who err: ``Noisy.crowd`` makes them of the true labels. Each gives the true label of a row
# with the probability that is told, and the same answer whenever asked.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skactive import ActiveLearner, run
from skactive.loops import CostBudget, Noisy
from skactive.statistics import mean_interval
from skactive.strategies import ActiveLab

warnings.simplefilter("ignore")  # of the solver, on few rows
X, y = load_digits(return_X_y=True)
accuracy = {"ann": 0.95, "ben": 0.95, "cleo": 0.8, "dora": 0.8, "emil": 0.6}
budgets = [100, 200, 300, 400]
ways = {
    "one opinion each": {"strategy": "margin"},
    "three opinions each": {"strategy": "margin", "n_opinions": 3},
    "ActiveLab": {"strategy": ActiveLab()},
    "the best two people": {"strategy": "margin", "names": ["ann", "ben"]},
}

# %%
# In each of three repeats, other rows are left for testing and people err on other rows. A number
# as ``stopping`` counts answers, further opinions included; the loop goes on where it stopped.


def played(seed, strategy, n_opinions=1, names=tuple(accuracy)):
    """Return the accuracy, and the share of right labels, at each budget."""
    X_pool, X_test, truth, y_test = train_test_split(X / 16, y, stratify=y, random_state=seed)
    people = Noisy.crowd(truth, {name: accuracy[name] for name in names}, seed)
    model = LogisticRegression(max_iter=500)
    learner = ActiveLearner(model, strategy, consensus="majority", random_state=seed).fit(X_pool)
    out = []
    for budget in budgets:
        n = 20 // n_opinions
        run(learner, people, n_instances=n, n_opinions=n_opinions, stopping=CostBudget(budget))
        pool = learner.pool_
        right = (pool.y_labeled == truth[pool.labeled]).mean()
        out.append((learner.score(X_test, y_test), right))
    return np.array(out)


results = {name: np.array([played(seed, **way) for seed in range(3)]) for name, way in ways.items()}
for name, values in results.items():
    score, right = values.mean(axis=0)[-1]
    print(f"{name:20} accuracy {score:.3f}, {right:.0%} of the labels right")

# %%
# Three opinions each make good labels, of too few rows: the model is worse. ActiveLab asks again
# where a label is in doubt alone, so that its labels get as good without that. And nothing helps
# the model as much as to ask those who know.

figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharex=True, layout="constrained")
for place, (axis, label) in enumerate(
    zip(axes, ["accuracy", "share of labels right"], strict=True)
):
    for name, values in results.items():
        mean, low, high = mean_interval(values[:, :, place])
        (line,) = axis.plot(budgets, mean, marker="o", label=name)
        axis.fill_between(budgets, low, high, alpha=0.12, color=line.get_color(), linewidth=0)
    axis.set(xlabel="answers", ylabel=label)
axes[0].set_ylim(bottom=0.7, top=1)
axes[1].set_ylim(bottom=0.6, top=1)
axes[1].legend(loc="lower right")
plt.show()
