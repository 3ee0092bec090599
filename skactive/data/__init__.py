"""What is given, before it means anything: rows of any container, labels, vectors."""

from .datasets import Augmented, DatasetRows
from .ids import Ids
from .predictions import Predictions, read_coco, read_label_studio
from .sources import RowSource

__all__ = [
    "Augmented",
    "DatasetRows",
    "Ids",
    "Predictions",
    "RowSource",
    "read_coco",
    "read_label_studio",
]
