"""The house in order: what can be counted of it."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def script(name):
    """A script of benchmarks/, as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# The learner: a query passes through few modules, and its public calls fit on a few screens.


def test_a_query_by_margin_passes_through_at_most_15_modules_and_the_loop_through_fewer_than_37():
    walked = script("walk").walk()
    assert len(walked["query"]) <= 15, walked["query"]
    assert len(walked["together"]) < 37, walked["together"]


def test_the_module_of_the_learner_has_fewer_than_430_lines():
    source = ROOT / "skactive" / "learner" / "learner.py"
    assert len(source.read_text(encoding="utf-8").splitlines()) < 430
