"""What is given, before it means anything: rows of any container, labels, vectors."""

from .datasets import Augmented, DatasetRows

__all__ = ["Augmented", "DatasetRows"]
