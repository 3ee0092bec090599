"""
Does it help? Curves under a budget
===================================

How good is the model with 50 labels, with 100, with 150, and with how many labels does each way of
choosing rows get as far? :func:`skactive.compare_strategies` hides the labels of a data set and
reveals them as each strategy asks. In each repeat every strategy has the same split, the same first
labels and the same seeds, so that what differs is the strategy.
"""

# %%
# Handwritten digits: 20 labels at random to start with, ten more a round. Random and margin are
# always compared, so that none need be named; ``"all labels"`` is the score with everything known.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from skactive import BudgetCurveDisplay, compare_strategies
from skactive.strategies import Subpool

X, y = load_digits(return_X_y=True)
comparison = compare_strategies(
    SVC(gamma=0.001, C=10),
    X,
    y,
    {"margin of a tenth": Subpool("margin", size=0.1)},
    budget=150,
    n_instances=10,
    n_initial=20,
    n_repeats=10,
    scoring="accuracy",
    n_jobs=2,
    random_state=0,
)

# %%
# The curves are means over the repeats, the bands their 95 % intervals. The target is a score that
# random reaches while it still rises; the arrow goes from where random reaches it to where the best
# strategy does.

BudgetCurveDisplay.from_comparison(comparison, target=comparison.default_target())
plt.show()

# %%
# A mean gain is worth little without its interval. The area under the learning curve (AULC) is the
# mean accuracy over the budget; the tests are paired, by repeat.

print(comparison.verdict())
print()
for row in comparison.summary():
    if row["strategy"] != "random":
        print(f"{row['strategy']}: {row['saving']}")

# %%
# ``print(comparison.to_markdown())`` writes the whole table, ``comparison.to_frame()`` gives every
# round of every run. On data of your own the answer may be another one.
