"""
Looking for a maximum with few measurements
===========================================

With a Gaussian process and expected improvement, the learner does not learn a function everywhere:
it looks for where the function is largest. Five measurements at random to start with, ten more
where they promise the largest gain.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF

from skactive import ActiveLearner


def measure(x):
    """What a measurement would give."""
    return np.sin(3 * x) + 0.6 * np.cos(7 * x) - 0.1 * (x - 2) ** 2


X = np.linspace(0, 5, 400)[:, None]
learner = ActiveLearner(
    GaussianProcessRegressor(RBF(0.4, "fixed"), alpha=1e-6, normalize_y=True),
    "expected_improvement",
    random_state=0,
).fit(X)
idx, rows = learner.query(n_instances=5)  # nothing is known: at random
learner.teach(idx, measure(rows[:, 0]))
for _ in range(10):
    idx, rows = learner.query()
    learner.teach(idx, measure(rows[:, 0]))

best = learner.pool_.labeled[learner.pool_.y_labeled.argmax()]
print(f"largest measured: {measure(X[best, 0]):.4f} at {X[best, 0]:.3f}")
print(f"largest there is: {measure(X[:, 0]).max():.4f} at {X[measure(X[:, 0]).argmax(), 0]:.3f}")

# %%
# The model, its doubt (two standard deviations), and where it was measured:

mean, std = learner.predict(X, return_std=True)
figure, ax = plt.subplots(layout="constrained")
ax.plot(X, measure(X[:, 0]), "k--", lw=1, label="the function")
ax.plot(X, mean, color="#0072B2", label="the model")
ax.fill_between(X[:, 0], mean - 2 * std, mean + 2 * std, color="#0072B2", alpha=0.2, lw=0)
order = [op for op in learner.pool_.history if op.kind == "label"]
ax.plot(X[order[0].rows], order[0].after, "ks", mfc="none", label="at random")
later = np.concatenate([op.rows for op in order[1:]])
ax.plot(X[later], measure(X[later, 0]), "o", color="#D55E00", label="expected improvement")
ax.set(xlabel="x", ylabel="y")
ax.legend(frameon=False)
plt.show()
