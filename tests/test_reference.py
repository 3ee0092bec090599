"""Every name of the reference is where the reference says."""

import importlib
import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"
REFERENCE = DOCS / "api.rst"
spec = importlib.util.spec_from_file_location("strategies_table", DOCS / "strategies_table.py")
strategies_table = importlib.util.module_from_spec(spec)
spec.loader.exec_module(strategies_table)


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


@pytest.mark.parametrize("page", strategies_table.PAGES, ids=lambda page: page.name)
def test_what_pages_say_of_strategies_is_what_their_classes_say(page):
    text = page.read_text(encoding="utf-8")
    assert strategies_table.BLOCK.search(text)
    assert strategies_table.updated(text) == text, "run python docs/strategies_table.py"


def test_every_strategy_is_exported_and_says_when_to_use_it_and_at_what_cost():
    from skactive import strategies
    from skactive.strategies.registry import ENTRIES

    abstract = {"Strategy", "StreamStrategy", "Committee", "Diverse", "Weighted", "Improvement"}
    abstract |= {"Uncertainty", "SeveralLabels"}
    public = (getattr(strategies, name) for name in strategies.__all__)
    classes = {
        cls for cls in public if isinstance(cls, type) and issubclass(cls, strategies.Strategy)
    }
    known = {cls for cls in ENTRIES if cls.__module__.startswith("skactive.")}
    assert {cls.__name__ for cls in classes - known} == abstract and known <= classes
    assert all(entry.use and entry.cost for entry in ENTRIES.values())
