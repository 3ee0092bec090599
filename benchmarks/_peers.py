"""Other libraries' selection on the same arrays as ours: only what chooses, no training.

A peer that is not installed is left out. What they need is in the extra ``bench``.
"""

from __future__ import annotations

import importlib.util
import pickle
import sys
import warnings
from collections.abc import Callable

import numpy as np

LCMD = "LargestClusterMaxDistSelectionMethod"


def has(name: str) -> bool:
    """Whether a package is installed."""
    return importlib.util.find_spec(name) is not None


def _bmdal():
    """Import bmdal_reg's selection methods, shimming what keeps them from importing."""
    # utils.py imports dill for saving experiments, which choosing rows does not do; and
    # selection.py writes np.Inf, which numpy 2 calls np.inf.
    sys.modules.setdefault("dill", pickle)
    if not hasattr(np, "Inf"):
        np.Inf = np.inf  # noqa: NPY201
    from bmdal_reg.bmdal import selection

    return selection


def k_center(X: np.ndarray, centers: np.ndarray, k: int) -> dict[str, Callable[[], object]]:
    """The core-set greedy of scikit-activeml, small-text and bmdal_reg (torch)."""
    calls: dict[str, Callable[[], object]] = {}
    if has("skactiveml"):
        from skactiveml.pool._core_set import k_greedy_center

        y = np.full(len(X), np.nan)
        y[centers] = 0
        calls["scikit-activeml"] = lambda: k_greedy_center(X, y, batch_size=k, random_state=0)
    if has("small_text"):
        from small_text.query_strategies.coresets import greedy_coreset

        others = np.setdiff1d(np.arange(len(X)), centers)
        calls["small-text"] = lambda: greedy_coreset(
            X, others, centers, k, distance_metric="euclidean", batch_size=10_000
        )
    if has("bmdal_reg"):
        calls["bmdal_reg"] = lambda: bmdal("MaxDistSelectionMethod", (X,), centers, k)
    return calls


def lcmd(
    factors: tuple[np.ndarray, ...], centers: np.ndarray, k: int
) -> dict[str, Callable[[], object]]:
    """The largest cluster's farthest row of bmdal_reg (factored, torch)."""
    if not has("bmdal_reg"):
        return {}
    return {"bmdal_reg": lambda: bmdal(LCMD, factors, centers, k)}


def badge(errors: np.ndarray, features: np.ndarray, k: int) -> dict[str, Callable[[], object]]:
    """D^2 sampling on gradients by scikit-activeml, small-text and bmdal_reg (factored, torch)."""
    calls: dict[str, Callable[[], object]] = {}
    if has("skactiveml"):
        calls["scikit-activeml"] = lambda: _activeml_badge(errors, features, k)
    if has("small_text"):
        calls["small-text"] = lambda: _small_text_badge(errors, features, k)
    if has("bmdal_reg"):
        calls["bmdal_reg"] = lambda: bmdal(
            "KmeansppSelectionMethod", (errors, features), np.zeros(0, dtype=int), k
        )
    return calls


def batch_bald(samples: np.ndarray, k: int) -> dict[str, Callable[[], object]]:
    """BatchBALD of scikit-activeml, with 1,000 joint labels; 10,000 would take 16 GB here."""
    if not has("skactiveml"):
        return {}
    from skactiveml.pool._bald import batch_bald as activeml

    # It writes into what it is given.
    return {
        "scikit-activeml": lambda: activeml(samples.copy(), k, n_MC_samples=1000, random_state=0)
    }


def bald(samples: np.ndarray) -> dict[str, Callable[[], object]]:
    """BALD of scikit-activeml: its batch_bald for one row."""
    if not has("skactiveml"):
        return {}
    from skactiveml.pool._bald import batch_bald as activeml

    return {"scikit-activeml": lambda: activeml(samples.copy(), 1, n_MC_samples=1, random_state=0)}


def bmdal(method: str, factors: tuple, centers: np.ndarray, k: int) -> np.ndarray:
    """Return places among the others that a method of bmdal_reg selects, by vectors or products."""
    import torch

    selection = _bmdal()
    data, maps = [], []
    for factor in factors:
        data.append(selection.TensorFeatureData(torch.from_numpy(factor)))
        maps.append(selection.IdentityFeatureMap(factor.shape[1]))
    if len(factors) == 1:
        features = selection.Features(maps[0], data[0])
    else:
        joint = selection.ListFeatureData(data)
        features = selection.Features(selection.ProductFeatureMap(maps), joint)
    known = np.zeros(factors[0].shape[0], dtype=bool)
    known[centers] = True
    pool, train = (features[torch.from_numpy(np.flatnonzero(mask))] for mask in (~known, known))
    chooser = getattr(selection, method)(pool, train, sel_with_train=len(centers) > 0, verbosity=0)
    return chooser.select(k).numpy()


def _activeml_badge(errors: np.ndarray, features: np.ndarray, k: int) -> list[int]:
    """Run scikit-activeml's Badge by a classifier that says what was computed beforehand."""
    from skactiveml.base import SkactivemlClassifier
    from skactiveml.pool import Badge

    class Known(SkactivemlClassifier):
        def __init__(self):
            super().__init__(classes=list(range(errors.shape[1])))

        def fit(self, X, y):
            return self

        def predict_proba(self, X):
            proba = errors.copy()
            proba[np.arange(len(proba)), errors.argmin(axis=1)] += 1
            return proba

    y = np.full(len(features), np.nan)
    return Badge(random_state=0).query(features, y, Known(), fit_clf=False, batch_size=k)


def _small_text_badge(errors: np.ndarray, features: np.ndarray, k: int) -> np.ndarray:
    """Run small-text's k-means++ on gradients as it builds them, of full width."""
    from small_text.utils.clustering import init_kmeans_plusplus_safe

    gradients = (errors[:, :, None] * features[:, None]).reshape(len(features), -1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return init_kmeans_plusplus_safe(
            gradients,
            k,
            x_squared_norms=np.linalg.norm(gradients, axis=1),
            random_state=np.random.RandomState(0),
        )[1]
