"""Every name of the reference is where the reference says."""

import importlib
from pathlib import Path

import pytest

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "api.rst"


def documented_names():
    """Yield the names that docs/api.rst lists."""
    inside = False
    for line in REFERENCE.read_text(encoding="utf-8").splitlines():
        if line.startswith(".. autosummary::"):
            inside = True
        elif line and not line.startswith(" "):
            inside = False
        elif inside and line.strip() and not line.strip().startswith(":"):
            yield line.strip()


@pytest.mark.parametrize("name", list(documented_names()))
def test_a_documented_name_can_be_imported(name):
    module, _, attribute = f"skactive.{name}".rpartition(".")
    if name.split(".")[0] == "data":
        pytest.importorskip("torch")
    assert hasattr(importlib.import_module(module), attribute)


def test_no_name_is_documented_twice():
    names = list(documented_names())
    assert len(set(names)) == len(names) > 100
