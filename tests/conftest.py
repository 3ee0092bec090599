"""How hard Hypothesis searches (HYPOTHESIS_PROFILE: dev, ci, oldest or thorough), and --one-in."""

import os
from itertools import groupby

import pytest
from hypothesis import settings

# No deadlines: a first call pays for imports, and machines are shared.
settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, max_examples=30, derandomize=True)
# What other versions may break is seen in a few examples.
settings.register_profile("oldest", deadline=None, max_examples=10, derandomize=True)
settings.register_profile(
    "thorough", deadline=None, max_examples=500, stateful_step_count=50, print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


def pytest_addoption(parser):
    parser.addoption(
        "--one-in", type=int, default=1, help="of each test's cases run one in so many, from first"
    )


@pytest.hookimpl(trylast=True)  # of those that -m leaves
def pytest_collection_modifyitems(config, items):
    step = config.getoption("--one-in")
    if step > 1:
        tests = groupby(items, key=lambda item: item.nodeid.partition("[")[0])
        kept = [one for _, cases in tests for one in list(cases)[::step]]
        config.hook.pytest_deselected(items=list(set(items) - set(kept)))
        items[:] = kept
