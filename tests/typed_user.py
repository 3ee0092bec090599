"""A user's script, which `make lint` types strictly and `tests/test_typing.py` runs.

Lines that end in `type: ignore` are slips that mypy must see: one that it accepts fails the lint.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skactive import (
    ActiveLearner,
    Comparison,
    Known,
    LabeledKFold,
    Pool,
    SimulatedLearner,
    Strategy,
    View,
    compare_strategies,
    get_strategy_names,
    query,
    run,
    select,
    teach,
)
from skactive.loops import Budget
from skactive.strategies import KCenter, Margin, Prefilter


class Doubt(Strategy):
    """A strategy of one's own."""

    reads = ("proba",)

    def score(self, view: View) -> np.ndarray:
        """Return how doubtful each row is."""
        doubt: np.ndarray = 1 - view.proba.max(axis=1)
        return doubt


def by_hand(X: np.ndarray, truth: np.ndarray) -> ActiveLearner:
    """Fit, ask and teach."""
    y = truth.copy()
    y[10:-10] = -1
    learner = ActiveLearner(LogisticRegression(), Prefilter(KCenter(), factor=3), random_state=0)
    learner = learner.fit(X, y)
    idx, _rows = learner.query(n_instances=5)
    _idx, _rows, scores = learner.set_params(strategy=Doubt()).refit().query(return_scores=True)
    print(scores.shape, learner.scores().mean())
    learner = learner.teach(idx, truth[idx], annotator="Ann").extend(X[:2], truth[:2])
    print(learner.score(X, truth), learner.predict(X)[:3], learner.predict_proba(X).shape)
    pipe = make_pipeline(StandardScaler(), ActiveLearner(LogisticRegression())).fit(X, y)
    idx, _rows = query(pipe, n_instances=2)
    teach(pipe, idx, truth[idx])
    return learner.without_pool()


def with_a_pool(X: np.ndarray, truth: np.ndarray, folder: Path) -> float:
    """Label a pool, keep it in a file, and say how good the model is."""
    pool = Pool(X, classes=[0, 1, 2], hold_out=0.3, random_state=0)
    pool.label([0, 60, 120], [0, 1, 2], annotator="Ann")
    pool.skip(1)
    pool.tag([3, 4], "odd")
    pool.save(folder / "pool.zip")
    again = Pool.load(folder / "pool.zip", X)
    count: int = again.n_labeled
    rows: np.ndarray = again.unlabeled
    print(count, len(rows), again.X_labeled.shape, again.history[0].kind)
    learner = ActiveLearner(LogisticRegression(), "margin").fit(again)
    learner = run(learner, Known(truth), n_instances=10, stopping=Budget(60))
    estimate = learner.estimate()
    print(estimate.low, estimate.high, estimate.n, learner.curve().values)
    with Pool.open(folder / "labels.db", X) as shared:
        shared.label(5, 0)
    return float(estimate.value)


def compared(X: np.ndarray, truth: np.ndarray) -> Comparison:
    """Compare strategies, and simulate one."""
    learner = ActiveLearner(LogisticRegression(), Margin())
    simulated = SimulatedLearner(learner, budget=30, n_instances=10, random_state=0).fit(X, truth)
    n_labeled: np.ndarray = simulated.n_labeled_
    print(n_labeled, simulated.score(X, truth), get_strategy_names()[:2])
    names: list[str | Strategy] = ["margin", Doubt()]
    found = compare_strategies(
        LogisticRegression(), X, truth, names, budget=30, n_instances=10, n_repeats=2
    )
    print(found.verdict(), found.to_markdown(target=0.9))
    for train, test in LabeledKFold(2).split(X, truth):
        print(len(train), len(test))
    return found


def without_a_learner(X: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Choose rows by arrays alone."""
    model = LogisticRegression().fit(X, truth)
    return select("margin", n_instances=3, proba=model.predict_proba(X))


def on_a_page(learner: ActiveLearner, folder: Path) -> dict[str, str]:
    """Let others label."""
    from skactive.annotate import serve

    page = serve(learner, folder / "labels.db", annotators=["Ann", "Bo"], open_browser=False)
    if page is None:
        return {}
    with page:
        return page.links


def slips(learner: ActiveLearner, pool: Pool) -> None:
    """What mypy must refuse."""
    learner.query(n_instance=5)  # type: ignore[call-arg]
    pool.label([1])  # type: ignore[call-arg]
    print(pool.n_labelled)  # type: ignore[attr-defined]
    learner.estimate().interval()  # type: ignore[attr-defined]
    names: list[str] = get_strategy_names()[0]  # type: ignore[assignment]
    print(names)


def main() -> None:
    """Run all but the slips and the page, which is served by tests of its own."""
    X, truth = map(np.asarray, load_iris(return_X_y=True))
    by_hand(X, truth)
    with TemporaryDirectory() as folder:
        print(with_a_pool(X, truth, Path(folder)))
    compared(X, truth)
    print(without_a_learner(X, truth))


if __name__ == "__main__":
    main()
