"""What arrays are called in the signatures of functions of arrays."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]
Mask = NDArray[np.bool_]
Vectors = Any  # ndarray (N, d) of any real dtype, or CSR
