"""Which skactive this is."""

from importlib import import_module


def version() -> str:
    """Return the version of the package, which stands above all rooms."""
    return import_module("skactive").__version__
