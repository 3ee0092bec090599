"""
Does margin beat random on the digits?
======================================

Each strategy is simulated on the same splits, with the same first labels and the same seeds, until
it has 150 labels. The bands are 95 % intervals of the mean over repeats; the arrow shows how many
labels margin saves at the score that random reaches with three quarters of its labels.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from skactive import BudgetCurveDisplay, compare_strategies

X, y = load_digits(return_X_y=True)
comparison = compare_strategies(
    SVC(gamma=0.001, C=10),
    X,
    y,
    ["margin"],
    budget=150,
    n_instances=10,
    n_initial=20,
    n_repeats=8,
    random_state=0,
)
print(comparison.to_markdown())

# %%
# The curves, the score with all labels, and the saving:

BudgetCurveDisplay.from_comparison(comparison, target=comparison.default_target())
plt.show()
