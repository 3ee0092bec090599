"""The rooms of the package: how many, how tall, who may open which door."""

import ast
import re
from collections import defaultdict

import pytest
from test_layering import FILES, PACKAGE, dotted_name, imports, read

from skactive import Pool

MODULES = {dotted_name(path): path for path in FILES}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}
MOST_ENTRIES, MOST_LINES, MOST_LINES_OF_THE_LEARNER = 15, 600, 427


def folder(module):
    """The room of a module: its folder, or itself where it lies in the package alone."""
    return ".".join(module.split(".")[:2])


def file_of(target):
    """The module that an import reads, whether a module or a name in it is meant."""
    while target and target not in MODULES:
        target = target.rpartition(".")[0]
    return target


def arrows(named=None):
    """The modules that each module imports, those inside functions too."""
    out = {}
    for module, path in (named or MODULES).items():
        targets = (target for target, _, _ in imports(*read(path)))
        found = {file_of(target) for target in targets if target[:8] == "skactive"}
        out[module] = found - {module, ""}
    return out


def circles(graph):
    """The groups of modules that reach one another."""
    reach = {}
    for start in graph:
        seen, waiting = set(), [start]
        while waiting:
            for after in graph.get(waiting.pop(), ()):
                if after not in seen:
                    seen.add(after)
                    waiting.append(after)
        reach[start] = seen
    together = {frozenset(b for b in reach[a] if a in reach.get(b, ())) for a in graph}
    return sorted(sorted(group) for group in together if group)


def test_there_are_few_rooms():
    entries = {path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"}
    assert len(entries - {"__init__.py", "__main__.py", "py.typed"}) <= MOST_ENTRIES


def test_no_files_import_one_another_in_a_circle():
    # A package's own __init__ imports its files, which never import it.
    assert circles(arrows()) == []


def test_a_circle_is_seen():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [["b", "c"]]


@pytest.mark.parametrize("module", MODULES)
def test_no_module_is_long(module):
    most = MOST_LINES_OF_THE_LEARNER if module == "skactive.learner.learner" else MOST_LINES
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) < most


# Private doors


def is_private(name):
    return name.startswith("_") and not name.endswith("_")


def defined(tree):
    """The underscored names that a module defines: functions, classes, constants, attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


HOMES = defaultdict(set)
for _module, _tree in TREES.items():
    for _name in defined(_tree):
        if is_private(_name):
            HOMES[_name].add(folder(_module))


def private_doors(tree, module):
    """The underscored names of other rooms, or of other files, that a module uses."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.lineno}: {a.name}" for a in node.names if is_private(a.name))
        elif isinstance(node, ast.Attribute) and is_private(node.attr):
            homes = HOMES.get(node.attr, set())
            if homes and folder(module) not in homes:
                yield f"{node.lineno}: {node.attr}"


@pytest.mark.parametrize("module", MODULES)
def test_no_module_uses_underscored_names_of_another(module):
    assert list(private_doors(TREES[module], module)) == []


def test_a_private_door_is_seen():
    line = ast.parse("pool._ledger.states")
    assert list(private_doors(line, "skactive.learner.learner")) == ["1: _ledger"]
    assert list(private_doors(line, "skactive.pool.pool")) == []
    line = ast.parse("from .pool import _plain")
    assert list(private_doors(line, "skactive.pool.ledger")) == ["1: _plain"]


# Classes and names


def stubs(tree):
    """What classes declare without giving it, which their subclasses would have to."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        is_record = node.decorator_list or any(
            ast.unparse(base) in ("NamedTuple", "Protocol", "TypedDict") for base in node.bases
        )
        for part in node.body:
            if isinstance(part, ast.AnnAssign) and part.value is None and not is_record:
                yield f"{node.name}.{part.target.id}"


@pytest.mark.parametrize("module", MODULES)
def test_no_class_declares_what_its_subclasses_have(module):
    assert list(stubs(TREES[module])) == []


def names_of_types(tree):
    """Where a type is told by its name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and any(
            isinstance(part, ast.Attribute) and part.attr == "__name__"
            for part in (node.left, *node.comparators)
        ):
            yield f"{node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("module", MODULES)
def test_no_type_is_told_by_its_name(module):
    assert list(names_of_types(TREES[module])) == []


def test_every_public_name_means_one_thing():
    # selection/tensors does on a device what selection/ does in memory, under the same names.
    homes = defaultdict(list)
    for module, tree in TREES.items():
        if module.startswith("skactive.selection.tensors"):
            continue
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names = [node.name]
            elif isinstance(node, ast.Assign):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            else:
                continue
            for name in names:
                if not name.startswith("_"):
                    homes[name].append(module)
    assert {name: where for name, where in homes.items() if len(where) > 1} == {}


def test_what_a_pool_shows_is_for_users_or_for_other_rooms():
    outside = [path for name, path in MODULES.items() if folder(name) != "skactive.pool"]
    pages = [*(PACKAGE.parent / "docs").rglob("*.md"), PACKAGE.parent / "README.md"]
    text = "\n".join(path.read_text(encoding="utf-8") for path in [*outside, *pages])
    names = [name for name in dir(Pool) if callable(getattr(Pool, name)) and name[0] != "_"]
    assert [name for name in names if not re.search(rf"\b{name}\b", text)] == []
    assert not {"shown", "written", "filled", "parse", "names", "has_named"} & set(names)
