"""What a user's type checker sees: py.typed, and annotations of all that is public.

`make lint` checks `typed_user.py` as strictly as a user may; what takes longer is here, and slow.
"""

import importlib
import importlib.util
import inspect
import os
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
import typed_user

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("annotate", "evaluation", "learner", "loops", "models", "pool", "scores", "selection")
PACKAGES += ("statistics", "strategies", "data")
pytestmark = pytest.mark.once  # our own words


def functions_of(cls):
    """The public functions that a class of ours, or a base of it, defines, and its `__init__`."""
    for base in cls.__mro__:
        for name, value in vars(base).items():
            if base.__module__.startswith("skactive") and (name[0] != "_" or name == "__init__"):
                value = getattr(value, "__func__", value)  # of a class method
                value = getattr(value, "fget", value)
                yield inspect.unwrap(getattr(value, "fn", value))  # of available_if


def public_functions():
    """All functions that a user may call, by their names."""
    for package in ("skactive", *(f"skactive.{name}" for name in PACKAGES)):
        module = importlib.import_module(package)
        for name in module.__all__:
            public = getattr(module, name)
            for function in functions_of(public) if inspect.isclass(public) else (public,):
                ours = getattr(function, "__module__", "").startswith("skactive")
                if inspect.isfunction(function) and ours and function.__name__ != "<lambda>":
                    yield f"{function.__module__}.{function.__qualname__}", function


def test_every_public_function_says_what_comes_back():
    functions = dict(public_functions())
    assert len(functions) > 300
    # A property that is made by a function has that function's word.
    made = {name for name in functions if "<locals>" in name}
    assert [
        n for n in functions.keys() - made if "return" not in functions[n].__annotations__
    ] == []


def test_no_default_tells_a_type_checker_a_type_that_is_too_narrow():
    # Pyright takes a default that is no None for the type of its parameter.
    narrow = [
        (name, parameter.name)
        for name, function in public_functions()
        for parameter in inspect.signature(function).parameters.values()
        if parameter.annotation is parameter.empty
        and parameter.default is not parameter.empty
        and not (parameter.default is None or isinstance(parameter.default, int | float))
    ]
    assert narrow == []


def test_the_package_says_that_it_is_typed():
    assert files("skactive").joinpath("py.typed").is_file()


def test_the_script_of_a_user_that_is_type_checked_also_runs(capsys, monkeypatch):
    pytest.importorskip("pandas")
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    typed_user.main()
    assert "| margin |" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_a_strict_type_checker_accepts_the_script_of_a_user(checker, tmp_path):
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file=",
        "--ignore-missing-imports",
    ]
    command += ["--follow-imports=silent", f"--cache-dir={tmp_path}"]
    if checker == "pyright":
        command = [shutil.which("pyright") or "", "--pythonpath", sys.executable]
    if not command[0] or (checker == "mypy" and importlib.util.find_spec("mypy") is None):
        pytest.skip(f"{checker} is not installed")
    environment = os.environ | {"MYPYPATH": str(ROOT)}
    script = str(ROOT / "tests" / "typed_user.py")
    result = subprocess.run(
        [*command, script], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout
