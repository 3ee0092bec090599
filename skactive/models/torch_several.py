"""Arrays from skorch nets that learned several labels a row, an output for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import torch
from numpy.typing import NDArray
from skorch.utils import to_numpy
from torch import Tensor

from .checking import check_label_proba
from .kinds import SOME_ROWS
from .modules import of_each_label
from .torch import TorchModel


class SeveralTorchModel(TorchModel):
    """Arrays of a fitted net with a probability for each label; see `TorchModel`."""

    multilabel = True

    def prediction(self, X) -> NDArray:
        """Return which labels rows are predicted to have, bool, shape (n, L)."""
        return self.proba(X) > 0.5

    def _reader(self) -> Callable[[Tensor], Tensor]:
        """Return the function that makes outputs the probability of each label."""
        read = super()._reader()
        return lambda outputs: of_each_label(read(outputs))

    def _checked(self, predicted: Tensor) -> NDArray:
        """Return probabilities as an array."""
        values = to_numpy(predicted)
        check_label_proba(values, len(self.classes))
        return values

    def _judge(self, predicted: Tensor, made: Tensor) -> None:
        """Find out whether predictions are the sigmoid of what the last linear layer made."""
        check_label_proba(to_numpy(predicted[:SOME_ROWS]), len(self.classes))
        is_each = made.shape == predicted.shape
        made, predicted = made[:SOME_ROWS].to(predicted.dtype), predicted[:SOME_ROWS]
        self._scale = float(is_each and torch.allclose(made.sigmoid(), predicted, atol=1e-5))

    def _refuse_gradient(self) -> NoReturn:
        """Say why there is no gradient of a last layer."""
        raise ValueError(
            f"the strategy reads view.gradient, which {type(self.passes.module).__name__} cannot "
            f"give: its predictions are not the sigmoid of what its last Linear layer gives."
        )
