"""Every example in docstrings and pages runs; those of an absent optional package are skipped."""

import importlib.util
import os
import re

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")  # examples that draw need no screen
for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(threads, "1")  # pytest-xdist runs one process a core

OPTIONAL = ("lightgbm", "matplotlib", "pandas", "polars", "skorch", "torch", "xgboost")
ABSENT = [name for name in OPTIONAL if importlib.util.find_spec(name) is None]
# Modules that are imported only where there is a net, or a tensor on a device.
collect_ignore_glob = (
    [
        "skactive/selection/tensors/*",
        "skactive/models/fitting.py",
        "skactive/models/modules.py",
        "skactive/models/serving.py",
        "skactive/models/torch.py",
    ]
    if {"torch", "skorch"} & set(ABSENT)
    else []
)


def pytest_collection_modifyitems(items):
    for item in items:
        if not isinstance(item, pytest.DoctestItem):
            continue
        source = "".join(example.source for example in item.dtest.examples)
        for name in ABSENT:
            if re.search(rf"^\s*(import|from) {name}\b", source, re.MULTILINE):
                item.add_marker(pytest.mark.skip(reason=f"the examples need {name}"))
