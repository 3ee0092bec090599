"""Simulate a part of the evidence: every data set, model and strategy, by the protocols.

They stand in docs/guide/evidence.md and docs/guide/evidence_regression.md.

Run with ``python benchmarks/evidence/simulate.py --shard 3/20 [--folder runs] [--models svc ...]
[--sets pima ...]``, one process a core. A shard is every twentieth repeat of everything. What is
interrupted goes on where it was; ``pack.py`` adds what was run to the files of ``results/``, and
what these have is not run again.
"""

from __future__ import annotations

import argparse
import os
import warnings
from pathlib import Path
from time import perf_counter

from pack import has_all, sets_of
from protocol import MODELS, REPEATS, TEST_SIZE, protocol_of

from skactive import compare_strategies


def repeats_of(shard: str | None) -> range:
    """Return the numbers of the repeats of a shard."""
    k, n = map(int, (shard or "1/1").split("/"))
    return range(k - 1, REPEATS, n)


def simulate(name: str, model: str, shard: str | None, folder: Path) -> None:
    """Simulate the repeats of a shard on one set with one model; their results go to a file."""
    protocol = protocol_of(model)
    X, y = protocol.data.load(name)
    part = (shard or "all").replace("/", "of")
    compare_strategies(
        protocol.models[model],
        X,
        y,
        protocol.strategies_for(model, X, y),
        budget=protocol.budget_of(y),
        n_instances=protocol.start_of(y),
        n_initial=protocol.start_of(y),
        initial=protocol.initial,
        n_repeats=REPEATS,
        test_size=TEST_SIZE,
        scoring=protocol.scoring,
        random_state=0,
        shard=shard,
        results=folder / f"{model}-{name}-{part}.jsonl",
        name=name,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shard", help="part of the repeats, such as 3/20 (all of them)")
    parser.add_argument("--folder", type=Path, default=Path("runs"))
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--sets", nargs="+", help="names of some of the sets (all of them)")
    options = parser.parse_args()
    known = {name for model in options.models for name in sets_of(model)}
    if options.sets and (unknown := set(options.sets) - known):
        parser.error(f"no such set: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    options.folder.mkdir(parents=True, exist_ok=True)
    os.environ["PYTHONWARNINGS"] = "ignore"
    warnings.simplefilter("ignore")  # models of few labels do not converge, and strategies tie
    for model in options.models:
        for name in sets_of(model):
            if options.sets and name not in options.sets:
                continue
            if has_all(name, model, repeats_of(options.shard)):
                continue
            begun = perf_counter()
            simulate(name, model, options.shard, options.folder)
            print(f"{model} on {name}: {perf_counter() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    main()
