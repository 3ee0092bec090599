"""The layers of the package: a module imports only modules below its own."""

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "skactive"

# From the ground up, as docs/design.md lists them. A folder is one layer; its files may import one
# another. The package itself, skactive/__init__.py, stands above all.
ORDER = [
    "utils",
    "data",
    "scores",
    "statistics",
    "budgets",
    "pool",
    "selection",
    "models",
    "strategies",
    "learner",
    "loops",
    "evaluation",
    "testing",
    "annotate",
    "commands",
    "__main__",
]
# What any module may import at its top; everything else is imported where it is used, or never.
LIGHT = {*sys.stdlib_module_names, "numpy", "scipy", "sklearn", "skactive"}
# Modules that are imported only once there is a net, or a tensor.
TORCH = {
    "skactive.models.attacks",
    "skactive.models.checking",
    "skactive.models.fitting",
    "skactive.models.modules",
    "skactive.models.passes",
    "skactive.models.seeding",
    "skactive.models.serving",
    "skactive.models.torch",
    "skactive.selection.tensors",
}


def dotted_name(path):
    """``skactive/strategies/base.py`` as ``skactive.strategies.base``."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def read(path):
    """What the questions below are asked of: source, dotted name, whether it is a package."""
    return path.read_text(encoding="utf-8"), dotted_name(path), path.name == "__init__.py"


def imports(source, module, is_package=False):
    """Yield (dotted target, line, whether at the top) for each import in a module's source."""
    tree = ast.parse(source)
    top = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            up = node.level - is_package  # a package's own __init__ is one level nearer
            base = module.split(".")[: -up or None] if node.level else []
            base += node.module.split(".") if node.module else []
            targets = [".".join([*base, alias.name]) for alias in node.names]
        else:
            continue
        for target in targets:
            yield target, node.lineno, id(node) in top


def layer(target):
    """The layer that an import from skactive reads: its rank, the top for the package itself."""
    part = target.split(".")[1] if "." in target else ""
    return ORDER.index(part) if part in ORDER else len(ORDER)


def upward(source, module, is_package=False):
    """The imports of a module that lie above its own layer, as 'line: target'."""
    return [
        f"{line}: {target}"
        for target, line, _ in imports(source, module, is_package)
        if target.split(".")[0] == "skactive" and layer(target) > layer(module)
    ]


def private_sklearn(source, module, is_package=False):
    """The private scikit-learn names that a module imports, as 'line: target'."""
    return [
        f"{line}: {target}"
        for target, line, _ in imports(source, module, is_package)
        if target.split(".")[0] == "sklearn"
        and any(part.startswith("_") and not part.endswith("__") for part in target.split("."))
    ]


def heavy_at_top(source, module, is_package=False):
    """The packages a module imports at its top beyond the light ones, as 'line: target'."""
    has_torch = any(f"{module}.".startswith(f"{name}.") for name in TORCH)
    light = LIGHT | {"torch", "skorch"} if has_torch else LIGHT
    return [
        f"{line}: {target}"
        for target, line, at_top in imports(source, module, is_package)
        if at_top and target.split(".")[0] not in light
    ]


FILES = sorted(PACKAGE.rglob("*.py"))
every_module = pytest.mark.parametrize("path", FILES, ids=dotted_name)


@every_module
def test_every_module_has_its_place_in_the_order(path):
    name = dotted_name(path)
    assert name == "skactive" or name.split(".")[1] in ORDER


@every_module
def test_no_module_imports_upward(path):
    assert upward(*read(path)) == []


@every_module
def test_no_module_imports_private_names_of_scikit_learn(path):
    assert private_sklearn(*read(path)) == []


@every_module
def test_no_module_imports_an_optional_or_late_package_at_its_top(path):
    assert heavy_at_top(*read(path)) == []


@pytest.mark.parametrize(
    ("module", "is_package", "line"),
    [
        ("skactive.pool.pool", False, "from skactive.learner.learner import ActiveLearner"),
        ("skactive.pool.pool", False, "from ..learner import ActiveLearner"),
        ("skactive.pool.pool", False, "from .. import learner"),
        ("skactive.pool.pool", False, "import skactive.learner.learner"),
        ("skactive.pool.pool", False, "def late():\n    import skactive"),
        ("skactive.models.sklearn", False, "from ..strategies.view import View"),
        ("skactive.models", True, "from ..strategies import View"),
        ("skactive.pool.pool", False, "from skactive import ActiveLearner"),
    ],
)
def test_an_upward_import_is_seen_however_it_is_written(module, is_package, line):
    assert len(upward(line, module, is_package)) == 1


@pytest.mark.parametrize(
    ("module", "is_package", "line"),
    [
        ("skactive.learner.learner", False, "from .pool import Pool"),
        ("skactive.models.sklearn", False, "from .base import Model"),
        ("skactive.models", True, "from .sklearn import Model"),
        ("skactive.models.sklearn", False, "from .. import scores"),
        ("skactive", True, "from .testing import check_strategy"),
        ("skactive.data.labels", False, "from sklearn.base import clone"),
    ],
)
def test_an_import_from_below_or_beside_is_none_of_its_business(module, is_package, line):
    assert upward(line, module, is_package) == []


def test_private_and_heavy_imports_are_seen():
    assert private_sklearn("from sklearn.utils._tags import Tags", "skactive.pool.pool") == [
        "1: sklearn.utils._tags.Tags"
    ]
    assert private_sklearn("from sklearn.base import clone", "skactive.pool.pool") == []
    assert heavy_at_top("import pandas as pd", "skactive.pool.pool") == ["1: pandas"]
    assert heavy_at_top("import torch", "skactive.models.sklearn") == ["1: torch"]
    assert heavy_at_top("import torch", "skactive.selection.tensors.k_center") == []
    assert heavy_at_top("def frame():\n    import pandas", "skactive.pool.pool") == []
