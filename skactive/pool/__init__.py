"""The pool: who is labelled, reserved or skipped, and since when."""

from .consensus import Agreement
from .history import Operation
from .pool import Pool

__all__ = ["Agreement", "Operation", "Pool"]
