"""
Who is right? Five annotators and no truth
==========================================

Five people label digits. Two of them are very good, two are fair, and one guesses a lot; nobody
knows which. Here they are simulated, so that we can look up afterwards whether their estimated
accuracies hold, and how many labels are right.
"""

# %%
# Each is right in so many of her answers, and else gives any other digit.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skactive import ActiveLearner, Pool

X, truth = load_digits(return_X_y=True)
X = X / 16
accuracy = {"Ann": 0.95, "Ben": 0.95, "Cleo": 0.8, "Dora": 0.8, "Emil": 0.6}
rng = np.random.default_rng(0)


def answer(name, rows):
    """Labels by one of them."""
    is_right = rng.random(len(rows)) < accuracy[name]
    return np.where(is_right, truth[rows], (truth[rows] + rng.integers(1, 10, len(rows))) % 10)


# %%
# They ask by turns, five rows at a time. ``reserve=True`` gives nobody a row that another one has,
# and ``overlap=0.5`` has half of the rows labelled by two.

estimator = LogisticRegression(max_iter=500)
learner = ActiveLearner(estimator, "margin", consensus="one_coin", random_state=0).fit(X)
for _ in range(30):
    for name in accuracy:
        idx, _ = learner.query(n_instances=5, annotator=name, overlap=0.5, reserve=True)
        learner.teach(idx, answer(name, idx), annotator=name, refit=False)
    learner.refit()

pool = learner.pool_
table = pool.annotators()
print(table.round(3).to_string(index=False))

# %%
# What each consensus makes of more and more opinions: 600 rows, all of which everybody labels in
# the end. With one opinion a row there is nothing to weigh. Of two who disagree, a majority takes
# the first; ``one_coin`` the better one.

rows = rng.choice(len(X), 600, replace=False)
turns = np.argsort(
    rng.random((len(rows), len(accuracy))), axis=1
)  # who labels a row first, second...
pools = {name: Pool(X, consensus=name) for name in ("majority", "one_coin")}
shares = {name: [] for name in pools}
for turn in turns.T:
    for number, who in enumerate(accuracy):
        own = rows[turn == number]
        given = answer(who, own)
        for each in pools.values():
            each.label(own, given, annotator=who)
    for name, each in pools.items():
        shares[name].append((each.y[rows] == truth[rows]).mean())
for name, right in shares.items():
    print(f"{name:9} labels right: {', '.join(f'{share:.3f}' for share in right)}")

# %%
# Left, the estimates with their intervals of 95 %, and what is true; right, the share of labels
# that are right:

figure, (people, labels) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
estimate = table["accuracy"]
bars = [estimate - table["low"], table["high"] - estimate]
people.errorbar(estimate, table["annotator"], xerr=bars, fmt="o", capsize=4, label="estimated")
people.plot(list(accuracy.values()), list(accuracy), "kx", markersize=9, label="in truth")
people.invert_yaxis()
people.set(xlabel="share of answers that are right")
people.legend()
for name, right in shares.items():
    labels.plot(range(1, 6), right, "o-", label=name)
labels.set(xlabel="opinions a row", ylabel="share of labels that are right", xticks=range(1, 6))
labels.legend()
plt.show()

# %%
# Nobody told the pool which labels are right: it found out from who agrees with whom. For a row
# that is in doubt, ask the best of those who have not seen it yet:

print(pool.query_annotators(pool.labeled[:3]))
