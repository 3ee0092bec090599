"""
Choosing 200 rows from predictions and embeddings in files
==========================================================

The model may be anywhere: in another framework, on another machine, of last week. What it said
about the pool lies in two files, probabilities and embeddings, and `skactive.select` chooses from
these alone. Files that are mapped are read in chunks.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

import skactive

# %%
# Someone else's work: a model of the first 100 digits, and what it says of all 1797.
X, truth = load_digits(return_X_y=True)
folder = Path(tempfile.mkdtemp())
model = LogisticRegression(max_iter=1000).fit(X[:100] / 16, truth[:100])
np.save(folder / "proba.npy", model.predict_proba(X / 16))
np.save(folder / "embedding.npy", PCA(20).fit_transform(X).astype(np.float32))

# %%
# Ours: 200 rows that are doubtful and unlike one another, and none of those that are labelled. With
# the seed given, the choice is the same tomorrow.
proba = np.load(folder / "proba.npy", mmap_mode="r")
embedding = np.load(folder / "embedding.npy", mmap_mode="r")
chosen = skactive.select(
    "badge", proba=proba, embedding=embedding, labeled=range(100), n_instances=200, random_state=0
)
np.savetxt(folder / "to_label.txt", chosen, fmt="%d")
print(chosen[:10], "...")

# %%
# Where they lie, on the first two components.
doubt = 1 - np.asarray(proba).max(axis=1)
fig, ax = plt.subplots(layout="constrained")
points = ax.scatter(*embedding[:, :2].T, c=doubt, s=12, cmap="Greys", vmin=-0.2)
ax.scatter(*embedding[chosen, :2].T, s=30, facecolors="none", edgecolors="#D55E00", label="chosen")
fig.colorbar(points, label="1 - largest probability")
ax.set(xlabel="first component", ylabel="second component")
ax.legend()
plt.show()
