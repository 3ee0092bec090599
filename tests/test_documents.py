"""What documents say of files: every module has its line in the design, every file is there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "skactive"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DESIGN = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
FLOOR = re.compile(r"^\| (\d+) \| \[?`([a-z_]+)(?:/|\.py)`")
CODE = re.compile(r"`([\w./]+)`")
WRITTEN = {"quickstart.png", "evidence.png", "docs/_build/html"}  # by examples and by make docs


def room(path):
    """The folder of a module, or itself where it stands alone."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


ROOMS = {
    room(path) for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem[0] != "_"
}


def rooms_of(target):
    """The room that an import leads to, if any."""
    package, *parts = target.split(".")
    return ROOMS.intersection(parts[:1] if package == PACKAGE.name else [])


@cache
def needed(name):
    """The rooms from which a room imports."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        if path == PACKAGE / "__init__.py" or room(path) != name:
            continue
        parts = path.relative_to(ROOT).with_suffix("").parts
        package = parts[:-1]  # of which a leading dot speaks, in an __init__ too
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                base = package[: len(package) - node.level + 1] if node.level else ()
                module = ".".join([*base, *filter(None, [node.module])])
                for alias in node.names:
                    found |= rooms_of(f"{module}.{alias.name}")
    return found - {name}


@cache
def floor(name):
    """How far a room stands above the ground: one more than the highest from which it imports."""
    return 1 + max(map(floor, needed(name)), default=0)


def section(name):
    """What the design says of one folder."""
    return DESIGN.partition(f"\n### {name}\n")[2].partition("\n## ")[0].partition("\n### ")[0]


def test_the_design_gives_every_room_its_floor():
    told = {found[2]: int(found[1]) for found in map(FLOOR.match, DESIGN.splitlines()) if found}
    assert told == {name: floor(name) for name in ROOMS}


def exported_from(folder):
    """The files from which a folder exports names."""
    tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
    return {f"{node.module}.py" for node in tree.body if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("name", sorted(name for name in ROOMS if (PACKAGE / name).is_dir()))
def test_the_design_names_every_module_of_a_room_and_no_other(name):
    modules = {path.name for path in (PACKAGE / name).rglob("*.py") if path.stem != "__init__"}
    named = set(re.findall(r"`([a-z0-9_]+\.py)`", section(name)))
    # The reference lists algorithms and strategies: a new one is at home in fewer places.
    told = exported_from(PACKAGE / name) if name in ("selection", "strategies") else set()
    assert named <= modules <= named | told


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_is_there(page):
    named = set(CODE.findall(page.read_text(encoding="utf-8")))
    files = {name for name in named if re.search(r"/|\.(py|md|json|png|rst)$", name)} - WRITTEN
    places = (ROOT, PACKAGE, page.parent)
    known = {path.name for path in (*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py"))}
    lost = {n for n in files if not any((place / n).exists() for place in places)} - known
    assert lost == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_builds_a_learner_that_cannot_be_pickled(page):
    assert "FunctionTransformer(lambda" not in page.read_text(encoding="utf-8")
