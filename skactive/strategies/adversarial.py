"""Strategies that ask where the smallest change of a row changes its prediction."""

import math

import numpy as np

from ..utils.checks import checked_count, is_number
from .base import Strategy
from .registry import register


@register("adversarial_bim", "as `adversarial_deepfool`, cruder", cost="a backward pass a step")
class AdversarialBIM(Strategy):
    r"""Shortest perturbation by small steps along the signs of the gradient [1]_ [2]_.

    :math:`x` becomes :math:`x + \varepsilon \operatorname{sign} \nabla_x L` until another class is
    predicted, with L the cross-entropy of the class that was predicted first.

    Parameters
    ----------
    step : float, default=0.05
        How far each value moves in a step, in units of the net's inputs: the default is for values
        that vary by about 1. Rows that change within the same number of steps often tie; smaller
        steps tell them apart.
    max_steps : int, default=50
        Rows whose prediction has not changed after so many steps come last.

    References
    ----------
    .. [1] Kurakin, Goodfellow and Bengio (2017). Adversarial examples in the physical world. ICLR
       workshop.
    .. [2] Zhan, Wang, Huang, Xiong, Dou and Chan (2022). A comparative survey of deep active
       learning. arXiv:2203.13450.
    """

    reads = ("input_gradient",)

    def __init__(self, step=0.05, max_steps=50) -> None:
        self.step = step
        self.max_steps = max_steps

    def score(self, view) -> np.ndarray:
        """Return minus the length of the perturbation, in units of the net's inputs."""
        name = type(self).__name__
        if not is_number(self.step) or not 0 < self.step < math.inf:
            raise ValueError(
                f"{name} got step={self.step!r}; give a finite number above 0, in units of the "
                f"inputs."
            )
        checked_count(self.max_steps, "max_steps", name)
        return -view.perturbation("bim", step=self.step, max_steps=self.max_steps)


@register(
    "adversarial_deepfool",
    "close to a boundary in the inputs",
    cost="O(nC²d); nets: backward passes",
)
class AdversarialDeepFool(Strategy):
    r"""Shortest perturbation by DeepFool [1]_, to the nearest boundary step by step [2]_.

    Each step is :math:`\min_c (f_y - f_c) / \|\nabla f_c - \nabla f_y\|` long, with y the predicted
    class. For a linear model the first step is the exact distance.

    Parameters
    ----------
    max_steps : int, default=50
        Rows whose prediction has not changed after so many steps come last.
    n_candidates : int, default=10
        How many classes are looked at in each step, those of the largest logits.

    References
    ----------
    .. [1] Moosavi-Dezfooli, Fawzi and Frossard (2016). DeepFool: a simple and accurate method to
       fool deep neural networks. CVPR.
    .. [2] Ducoffe and Precioso (2018). Adversarial active learning for deep networks: a margin
       based approach. arXiv:1802.09841.
    """

    reads = ("perturbation",)

    def __init__(self, max_steps=50, n_candidates=10) -> None:
        self.max_steps = max_steps
        self.n_candidates = n_candidates

    def score(self, view) -> np.ndarray:
        """Return minus the length of the perturbation, in units of the model's inputs."""
        for name in ("max_steps", "n_candidates"):
            checked_count(getattr(self, name), name, type(self).__name__)
        return -view.perturbation(
            "deepfool", max_steps=self.max_steps, n_candidates=self.n_candidates
        )
