"""Labels and names of people as whole numbers, on which functions of opinions compute."""

import numpy as np
from numpy.typing import NDArray

from ..data.labels import encode, sorted_classes


def label_codes(labels: NDArray) -> NDArray[np.intp]:
    """Return labels as whole numbers, the same for the same label, or set of labels."""
    if labels.ndim == 2:
        sets = map(bytes, labels.astype(np.int8, order="C"))
        labels = np.fromiter(sets, dtype=object, count=len(labels))
    return encode(labels, sorted_classes(labels))


def name_codes(annotators: NDArray) -> tuple[list[str | None], NDArray[np.intp]]:
    """Return the distinct names, sorted, None last, and each one's place among them."""
    given = annotators.tolist()
    names = sorted(set(given), key=lambda name: (name is None, name or ""))
    codes = {name: code for code, name in enumerate(names)}
    return names, np.fromiter(map(codes.__getitem__, given), dtype=np.intp, count=len(given))
