"""What `import skactive` loads; how long it takes is measured by benchmarks/import_time.py."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Of these, the first-level subpackages are compared too: they are where the weight is.
SPLIT = {"scipy", "sklearn"}


def loaded(statement):
    """The packages that a statement loads in a new interpreter, without the standard library."""
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    names = set()
    for module in result.stdout.split():
        root, *rest = module.split(".")
        if root not in sys.stdlib_module_names:
            names.add(".".join([root, *rest[:1]]) if root in SPLIT else root)
    return names


def test_importing_skactive_loads_no_package_that_sklearn_base_does_not():
    assert loaded("import skactive") - loaded("import sklearn.base") == {"skactive"}


def test_the_comparison_sees_a_heavy_subpackage_and_a_light_package():
    extra = loaded("import sklearn.linear_model, tqdm") - loaded("import sklearn.base")
    assert {"sklearn.linear_model", "tqdm"} <= extra
