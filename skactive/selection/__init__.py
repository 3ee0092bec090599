"""Arrays in, positions out: one file per algorithm."""

from skactive.selection.top import top

__all__ = ["top"]
