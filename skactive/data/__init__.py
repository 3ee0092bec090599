"""What is given, before it means anything: rows of any container, labels, vectors."""

from .datasets import Augmented, DatasetRows
from .ids import Ids

__all__ = ["Augmented", "DatasetRows", "Ids"]
