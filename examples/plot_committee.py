"""
Where does a committee disagree?
================================

Three models of different kinds learn from the same labels. Where they vote alike, a label would
tell little; ``vote_entropy`` asks where they do not. A committee of different models is a
``VotingClassifier``, and the learner needs to know nothing more.
"""

# %%
# Two measurements of the wines of three growers; nine wines are labelled at the start.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_wine
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skactive import ActiveLearner, Known, run
from skactive.scores import vote_entropy

data, truth = load_wine(return_X_y=True, as_frame=True)
X, truth = data[["alcohol", "flavanoids"]].to_numpy(), truth.to_numpy()
start = np.concatenate([np.flatnonzero(truth == grower)[:3] for grower in range(3)])
y = np.full(len(truth), -1)
y[start] = truth[start]

members = [
    ("bayes", GaussianNB()),
    ("neighbours", KNeighborsClassifier(3)),
    ("logistic", LogisticRegression()),
]
committee = make_pipeline(StandardScaler(), VotingClassifier(members, voting="soft"))
learner = ActiveLearner(committee, "vote_entropy", random_state=0).fit(X, y)

# %%
# Dark is where the members vote differently: two to one in grey, each for another class in black.
# Shapes stand for growers, and labelled wines are filled; before and after twenty questions.


def draw(learner, ax):
    """Draw the votes over the plane, and the rows that are labelled."""
    low, high = X.min(axis=0) - 0.2, X.max(axis=0) + 0.2
    a, b = np.meshgrid(np.linspace(low[0], high[0], 200), np.linspace(low[1], high[1], 200))
    scaler, voting = learner.estimator_[0], learner.estimator_[-1]
    plane = scaler.transform(np.column_stack([a.ravel(), b.ravel()]))
    votes = np.array([member.predict(plane) for member in voting.estimators_])
    doubt = vote_entropy(votes, 3).reshape(a.shape)
    ax.contourf(a, b, doubt, levels=[0, 0.3, 0.9, 1.2], cmap="Greys")
    for grower, marker in enumerate("o^s"):
        rows = np.flatnonzero(truth == grower)
        ax.scatter(*X[rows].T, s=14, marker=marker, color="w", edgecolor="0.3", lw=0.6)
        rows = np.intersect1d(rows, learner.pool_.labeled)
        ax.scatter(*X[rows].T, s=34, marker=marker, color="#E69F00", edgecolor="k", lw=0.8)
    ax.set(xlabel="alcohol", ylabel="flavanoids", title=f"{learner.pool_.n_labeled} labels")


figure, axes = plt.subplots(1, 2, figsize=(10, 4.5), sharey=True, layout="constrained")
draw(learner, axes[0])
run(learner, Known(truth), n_instances=2, stopping=29)
draw(learner, axes[1])
plt.show()
