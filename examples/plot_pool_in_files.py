"""
A pool that stays in its files
==============================

Half a million rows in parquet files, of which one row group is in memory at a time: the learner
chooses, learns and predicts as it would in memory. The rows are made here, so that the example
needs no download; :doc:`/guide/my_data_does_not_fit` has the rest, from one big CSV to a source of
one's own.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

import skactive

# %%
# Five files, as a colleague might have left them.
folder = Path(tempfile.mkdtemp())
rng = np.random.default_rng(0)
for part in range(5):
    frame = pd.DataFrame(rng.normal(size=(100_000, 2)), columns=["length", "width"])
    frame["sample"] = np.arange(len(frame)) + part * len(frame)
    frame.to_parquet(folder / f"part-{part}.parquet", row_group_size=25_000)


def expert(rows):
    """Someone who knows: inside a ring, or not."""
    return (np.hypot(rows["length"], rows["width"]) < 1).astype(int)


# %%
# Opened, not loaded. The column of samples names the rows, and is no feature.
rows = skactive.open_rows(folder)
print(rows)
model = make_pipeline(PolynomialFeatures(2), LogisticRegression())
learner = skactive.ActiveLearner(model, "margin", random_state=0).fit(rows, ids="sample")

# %%
# Ten labels at random to begin with, then nine rounds of ten, each one pass over the files.
asked = []
for _ in range(10):
    idx, found = learner.query(n_instances=10)
    asked.append(found)
    learner.teach(idx, expert(found))
asked = pd.concat(asked)

# %%
# What was asked for lies along the ring; accuracy is that over all rows, read file by file.
predicted = learner.predict(rows)
truth = np.concatenate([expert(rows.block(i)) for i in range(len(rows.block_ends))])
print(f"accuracy over {len(rows)} rows: {(predicted == truth).mean():.3f}")

fig, ax = plt.subplots(layout="constrained")
some = rows.block(0)[:3000]
ax.scatter(some["length"], some["width"], s=4, color="0.8", label="some of the pool")
points = ax.scatter(asked["length"], asked["width"], s=18, c=np.arange(100), cmap="viridis")
fig.colorbar(points, label="number of the question")
ax.add_patch(plt.Circle((0, 0), 1, fill=False, color="#D55E00", label="what the expert sees"))
ax.set(xlabel="length", ylabel="width", aspect="equal", xlim=(-3, 3), ylim=(-3, 3))
ax.legend(loc="upper right")
plt.show()
