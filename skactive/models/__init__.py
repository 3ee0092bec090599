"""Estimators as sources of arrays: probabilities, samples, standard deviations, embeddings."""

from .kinds import BROUGHT, BY_MEMBER, is_net, last_step, refusal, transforms_of
from .sklearn import Model

__all__ = ["BROUGHT", "BY_MEMBER", "Model", "is_net", "last_step", "refusal", "transforms_of"]
