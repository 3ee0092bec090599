"""The pool: who is labelled, reserved or skipped, and since when."""

from .history import Operation
from .pool import Pool

__all__ = ["Operation", "Pool"]
