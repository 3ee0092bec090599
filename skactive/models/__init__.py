"""Estimators as sources of arrays: probabilities, samples, standard deviations, embeddings."""

from collections.abc import Sequence

from .base import refusal
from .kinds import is_net, last_step
from .sklearn import Model

__all__ = ["Model", "adapt", "is_net", "last_step", "refusal"]


def adapt(
    estimator, classes=None, coded=None, *, seed: Sequence[int] = (0,), layer: str | None = None
) -> Model:
    """Return the `Model` that reads arrays from a fitted estimator.

    `classes` are in the order of the columns to give, None for regressors. `coded` holds the labels
    for which the integers 0..k-1 stood when it was fitted; None: it was fitted on labels as they
    are. The masks of dropout follow from `seed`. A net's embedding is the output of the layer
    called `layer`; None: the input of its last linear layer.
    """
    if not is_net(estimator):
        return Model(estimator, classes, coded)
    from .torch import TorchModel  # torch is there, since a net is

    return TorchModel(estimator, classes, coded, seed=seed, layer=layer)
