"""
Where is the maximum? Bayesian optimisation
===========================================

With a Gaussian process and expected improvement, the learner does not learn a function
everywhere: it looks for where the function is largest. Four measurements at random to start with,
then eight where the expected gain is largest.
"""

# %%
# The function, which in practice would be an experiment of hours, and a grid of places where it
# can be measured.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern

from skactive import ActiveLearner


def measure(x):
    """What a measurement would give."""
    return np.sin(3 * x) + 0.6 * np.cos(7 * x) - 0.1 * (x - 2) ** 2


X = np.linspace(0, 5, 400)[:, np.newaxis]
process = GaussianProcessRegressor(
    Matern(0.5, length_scale_bounds="fixed", nu=2.5), alpha=1e-6, normalize_y=True
)
learner = ActiveLearner(process, "expected_improvement", random_state=1).fit(X)

idx, rows = learner.query(n_instances=4)  # nothing is known yet: at random
learner.teach(idx, measure(rows[:, 0]))
start, asked = idx, []
for _ in range(8):
    idx, rows = learner.query()
    learner.teach(idx, measure(rows[:, 0]))
    asked.extend(idx)

truth = measure(X[:, 0])
pool = learner.pool_
best = pool.labeled[pool.y_labeled.argmax()]
print(f"largest measured: {truth[best]:.4f} at {X[best, 0]:.3f}")
print(f"largest there is: {truth.max():.4f} at {X[truth.argmax(), 0]:.3f}")

# %%
# The model with its doubt (two standard deviations), and what the next measurement promises. Where
# no maximum can be expected, the model stays vague: that is what saves measurements.

mean, std = learner.predict(X, return_std=True)
figure, (top, bottom) = plt.subplots(
    2, sharex=True, height_ratios=[3, 1], figsize=(7, 6), layout="constrained"
)
top.plot(X, truth, "k--", lw=1, label="function")
top.plot(X, mean, color="#0072B2", label="model")
top.fill_between(X[:, 0], mean - 2 * std, mean + 2 * std, color="#0072B2", alpha=0.2, lw=0)
top.plot(X[start], truth[start], "ks", mfc="none", ms=7, label="measured at random")
top.plot(X[asked], truth[asked], "o", color="#D55E00", label="asked for, by number")
for number, row in enumerate(asked, start=1):
    side = (5, 3) if number % 2 else (-10, 3)
    top.annotate(number, (X[row, 0], truth[row]), side, textcoords="offset points")
top.set(ylabel="y")
figure.legend(loc="outside upper center", ncols=4, frameon=False)
bottom.plot(X, np.exp(learner.scores()), color="#D55E00")  # scores are its logarithm
bottom.set(xlabel="x", ylabel="expected\nimprovement", ylim=(0, None))
plt.show()
