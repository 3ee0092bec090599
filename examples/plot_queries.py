"""
What does margin ask for?
=========================

Two strategies on a pool of two dimensions: random spreads its questions over all rows, margin soon
asks along the borders between the classes. Dark dots were asked for early, bright ones late.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression

from skactive import ActiveLearner, QueryDisplay, SimulatedLearner

X, y = make_blobs(600, centers=[[-2, 0], [2, 0], [0, 3]], cluster_std=1.1, random_state=0)

figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
for ax, strategy in zip(axes, ["random", "margin"], strict=True):
    simulated = SimulatedLearner(
        ActiveLearner(LogisticRegression(), strategy), budget=70, n_instances=5, random_state=0
    ).fit(X, y)
    QueryDisplay.from_simulation(simulated, X, ax=ax)
    ax.set_title(f"{strategy}: accuracy {simulated.score(X, y):.3f} with 70 labels")
plt.show()
