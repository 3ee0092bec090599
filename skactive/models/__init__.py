"""Estimators as sources of arrays: probabilities, samples, standard deviations, embeddings."""

from .kinds import is_net, last_step, refusal, transforms_of
from .sklearn import Model

__all__ = ["Model", "is_net", "last_step", "refusal", "transforms_of"]
