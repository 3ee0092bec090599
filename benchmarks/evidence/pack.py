"""Write what `simulate.py` has simulated into small files that ship with the repository.

Run with ``python benchmarks/evidence/pack.py FOLDER``. It adds the runs in the folder to what
``results/`` has, and writes one file for each model, ``results/MODEL.npz``: scores, or errors, in
ten-thousandths after each round, seconds of fits and of queries, by set, strategy and repeat, and
numbers of labels. Rounds that were not played have the score 65535; errors beyond 6.5534 are that.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from protocol import MODELS, REPEATS, protocol_of

from skactive.evaluation import Run
from skactive.evaluation.results import read_results

RESULTS = Path(__file__).parent / "results"
CEILING, NONE = "all labels", 65535


def order_of(model: str) -> list[str]:
    """Return the names of a model's curves, the ceiling last."""
    protocol = protocol_of(model)
    return [*protocol.baselines, *protocol.strategies[model], CEILING]


def sets_of(model: str) -> list[str]:
    """Return the names of the data sets of a model's protocol."""
    return list(protocol_of(model).data.chosen())


def runs_of(folder: Path, model: str) -> Iterator[Run]:
    """Yield the finished runs of one model in a folder."""
    for path in sorted(folder.glob(f"{model}-*.jsonl")):
        for stored in read_results(path)[1]:
            yield Run(**stored)


def empty(model: str) -> dict[str, np.ndarray]:
    """Return arrays in which nothing was played."""
    names, rounds = sets_of(model), protocol_of(model).rounds
    shape = len(names), len(order_of(model)), REPEATS
    return {
        "sets": np.array(names),
        "strategies": np.array(order_of(model)),
        "scores": np.full((*shape, rounds), NONE, np.uint16),
        "n_labeled": np.zeros((len(names), rounds), np.uint16),
        "n_train": np.zeros(len(names), np.uint16),
        "seconds": np.full((*shape, 2), np.nan, np.float32),
    }


def add(run: Run, arrays: dict[str, np.ndarray], model: str) -> None:
    """Put a run into its place."""
    which = sets_of(model).index(run.dataset)
    where = which, order_of(model).index(run.variant), run.repeat
    n = len(run.scores)
    scores = protocol_of(model).sign * np.array(run.scores)
    arrays["scores"][where][:n] = np.minimum(np.round(scores * 10_000), NONE - 1)
    arrays["seconds"][where] = np.sum(run.seconds, axis=0)[:2]
    arrays["n_train"][which] = run.n_train
    if run.variant != CEILING:
        arrays["n_labeled"][which, :n] = run.n_labeled


def load(model: str) -> dict[str, np.ndarray]:
    """Return the results of a model that ship with the repository."""
    path = RESULTS / f"{model}.npz"
    return dict(np.load(path)) if path.exists() else empty(model)


def has_all(name: str, model: str, repeats: range) -> bool:
    """Whether the results have all strategies of some repeats on a set."""
    protocol = protocol_of(model)
    begun = load(model)["scores"][sets_of(model).index(name), :, :, 0] != NONE
    wanted = {*protocol.baselines, CEILING}
    wanted.update(protocol.strategies_for(model, *protocol.data.load(name)))
    rows = [place for place, known in enumerate(order_of(model)) if known in wanted]
    return bool(begun[np.ix_(rows, repeats)].all())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    RESULTS.mkdir(exist_ok=True)
    for model in MODELS:
        if not any(folder.glob(f"{model}-*.jsonl")):
            continue
        arrays, n_runs = load(model), 0
        failed: dict[str, str] = defaultdict(str)
        for run in runs_of(folder, model):
            if run.failed:
                failed[f"{run.dataset}, repeat {run.repeat}, {run.variant}"] = run.failed
                continue
            add(run, arrays, model)
            n_runs += 1
        np.savez_compressed(RESULTS / f"{model}.npz", **arrays)
        played = (arrays["scores"][..., 0] != NONE).mean()
        print(f"{model}: {n_runs} runs added; {played:.1%} of all are there")
        for where, said in failed.items():
            print(f"  left out: {where}: {said}")


if __name__ == "__main__":
    main()
