"""
Diverse batches of sparse text
==============================

Distances between word counts say little: most texts share no word at all. ``embedding=`` takes a
transformer for what diverse strategies look at, here 20 components of a truncated SVD of the tf-idf
weights. It is fitted once on the whole pool, labelled or not; the estimator still learns from the
sparse words themselves.

The texts are made here, of eight topics with words of their own, so that nothing is downloaded.
"""

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skactive import ActiveLearner, BudgetCurveDisplay, compare_strategies

rng = np.random.default_rng(0)
common = [f"word{i}" for i in range(600)]
vocabulary = [[f"topic{t}word{i}" for i in range(60)] for t in range(8)]
share = np.array([0.3, 0.2, 0.15, 0.12, 0.1, 0.06, 0.04, 0.03])
topic = rng.choice(8, size=1500, p=share)
texts = [
    " ".join([*rng.choice(common, 30), *rng.choice(vocabulary[t], rng.integers(4, 12))])
    for t in topic
]

# %%
# A pool of texts without a label, and a first batch from it.
pipe = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10))
svd = make_pipeline(TfidfVectorizer(), TruncatedSVD(20))
learner = ActiveLearner(pipe, "k_center", embedding=svd, cold_start="k_center", random_state=0)
idx, _ = learner.fit(texts).query(n_instances=16)
print("topics in the first batch:", np.bincount(topic[idx], minlength=8))

# %%
# Whether that pays, a comparison tells: five paired repeats, batches of
# 20 up to 200 labels.
comparison = compare_strategies(
    ActiveLearner(pipe, embedding=svd),
    np.array(texts, dtype=object),
    topic,
    ["k_center", "badge"],
    budget=200,
    n_instances=20,
    n_initial=20,
    n_repeats=5,
    scoring="balanced_accuracy",
    random_state=0,
    name="texts",
)
print(comparison.to_markdown())
BudgetCurveDisplay.from_comparison(comparison)
