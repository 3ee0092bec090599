"""
What do random and margin ask for?
==================================

The same pool, the same ten labels at the start, forty questions: random spreads them over all rows,
margin asks along the border between the classes. The earlier a row was asked for, the darker it is.
"""

# %%
# Two measurements of each tumour, so that there is a plane to draw.

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skactive import ActiveLearner, QueryDisplay, SimulatedLearner

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X = X[["worst perimeter", "worst texture"]]

figure, axes = plt.subplots(1, 2, figsize=(10, 4.5), sharey=True, layout="constrained")
for ax, strategy in zip(axes, ["random", "margin"], strict=True):
    estimator = make_pipeline(StandardScaler(), LogisticRegression())
    learner = ActiveLearner(estimator, strategy)
    simulated = SimulatedLearner(learner, budget=50, n_instances=4, random_state=0).fit(X, y)
    QueryDisplay.from_simulation(simulated, X, ax=ax)
    DecisionBoundaryDisplay.from_estimator(
        simulated.learner_.estimator_,
        X,
        ax=ax,
        plot_method="contour",
        response_method="predict_proba",
        levels=[0.5],
        colors="k",
        linewidths=1,
    )
    score = simulated.score(X, y)
    ax.set_title(f"{strategy}: {score:.1%} of all rows right with 50 labels")
plt.show()

# %%
# The line is the border of the model at the end. One run is not evidence: what margin gains, and
# how certain that is, takes repeats to tell, as in
# :ref:`sphx_glr_auto_examples_plot_budget_curves.py`.
