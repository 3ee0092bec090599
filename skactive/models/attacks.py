"""Adversarial attacks on a net, in batches: how far a row must move to be predicted otherwise."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor

NO_GRADIENT = (
    "the net's output has no gradient in its inputs (they are detached, rounded or looked up on "
    "the way), which adversarial strategies need; use another strategy, such as 'margin'."
)
# Of DeepFool: the shortest step, in roundings of the point, and how far beyond a step the net is
# asked, as a share of it.
_MIN_ROUNDINGS = 8
_OVERSHOOT = 0.02


def deepfool(
    forward: Callable[[Tensor], Tensor], x: Tensor, *, max_steps: int = 50, n_candidates: int = 10
) -> Tensor:
    """Return lengths of perturbations that change predictions, as `AdversarialDeepFool` does, (n,).

    A length is 0 where two classes tie, and infinite where `max_steps` change nothing. `forward`
    gives logits, shape (n, C), C >= 2, each row's for itself: a net in evaluation mode. After each
    step the net is asked a little beyond it; that does not count in the length.

    Examples
    --------
    >>> weights = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> deepfool(lambda x: x @ weights.T, torch.tensor([[3.0, 1.0], [1.0, 1.0]]))
    tensor([1.4142, 0.0000])
    """
    step = partial(_to_nearest_boundary, n_candidates=n_candidates)
    return _flip_lengths(forward, x, step, max_steps, reach=1.0 + _OVERSHOOT)


def bim(
    forward: Callable[[Tensor], Tensor], x: Tensor, *, step: float = 0.05, max_steps: int = 50
) -> Tensor:
    """Return lengths of perturbations that change predictions, as `AdversarialBIM` does, (n,).

    `step` is in units of `x`; the rest is as for `deepfool`.

    Examples
    --------
    >>> weights = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> bim(lambda x: x @ weights.T, torch.tensor([[3.0, 1.0], [1.0, 1.0]]), step=0.75)
    tensor([2.1213, 0.0000])
    """
    return _flip_lengths(forward, x, partial(_along_signs, length=float(step)), max_steps)


def has_gradient(forward: Callable[[Tensor], Tensor], x: Tensor) -> bool:
    """Whether some row, or its mirror image, or one near 0, has a gradient that is not zero."""
    with torch.inference_mode(False), torch.enable_grad():
        # Units that are dead, or saturated, at the one have a gradient at another; what is rounded
        # or detached has none anywhere.
        for scale in (1.0, -1.0, 1e-3):
            points = (scale * x).detach().requires_grad_()
            logits = forward(points.clone())
            steepness = _gaps(logits, logits.argmax(dim=1)).logsumexp(dim=1)
            if _gradient(steepness, points, is_last=True).any():
                return True
    return False


def _flip_lengths(forward, x, step_from, max_steps: int, reach: float = 1.0) -> Tensor:
    """Move rows step by step until their predictions change; return how far each has come.

    ``step_from(points, gaps)`` gives a step for each row and whether there is one; the net is
    asked `reach` times as far as the sum of a row's steps, so that a boundary is crossed and not
    just met.
    """
    if not x.is_floating_point():
        raise ValueError(
            f"inputs of {x.dtype} cannot be perturbed little by little, as adversarial strategies "
            f"do; give floats, or for token ids use another strategy, such as 'margin'."
        )
    # In half precision the sum of many short steps would stand still.
    dtype = torch.promote_types(x.dtype, torch.float32)
    # Passes over a pool have autograd off, and so it has to be switched on here.
    with torch.inference_mode(False), torch.enable_grad():
        lengths = torch.full((len(x),), torch.inf, dtype=dtype, device=x.device)
        start, predicted = x.detach(), None
        moved, rows = torch.zeros_like(start, dtype=dtype), torch.arange(len(x), device=x.device)
        n_steps = 0
        while len(rows):
            points = (start + reach * moved).to(x.dtype).requires_grad_()
            with torch.set_grad_enabled(n_steps < max_steps), _differentiating(n_steps):
                logits = forward(points.clone())  # which a first layer may then write to
            if predicted is None:
                predicted = _checked_logits(logits, len(x)).argmax(dim=1)
            gaps = _gaps(logits, predicted)
            # Rows at which another class is as likely have arrived, those that tie at once too.
            is_flipped = gaps.amax(dim=1) >= 0
            lengths[rows[is_flipped]] = _norms(moved[is_flipped])
            if n_steps == max_steps:
                break
            is_going = ~is_flipped
            # One backward pass costs more than one forward, and takes all rows of the graph: where
            # many have arrived, it is faster to ask the others anew first.
            if 4 * is_flipped.sum() < len(rows):
                steps, has_step = step_from(points, gaps)
                moved, is_going = moved + steps, is_going & has_step
                n_steps += 1
            start, moved, rows = start[is_going], moved[is_going], rows[is_going]
            predicted = predicted[is_going]
    return lengths


def _to_nearest_boundary(points, gaps, n_candidates: int) -> tuple[Tensor, Tensor]:
    """Return steps to the nearest boundary of the linearized net, and which rows have one."""
    nearest = torch.full_like(gaps[:, 0], torch.inf)
    steps = torch.zeros_like(points)
    n_ranks = min(n_candidates, gaps.shape[1] - 1)
    # A shorter step might round away, and then all steps after it would too.
    shortest = _MIN_ROUNDINGS * torch.finfo(points.dtype).eps * _norms(points.detach())
    # By rank and not by class: rows have other classes near them, but share each backward pass.
    for rank, ranked in enumerate(gaps.topk(n_ranks, dim=1).values.unbind(dim=1), start=1):
        normal = _gradient(ranked, points, is_last=rank == n_ranks)
        norm = _norms(normal)
        # Infinite or NaN, and so never the nearest, where the gradient is zero or is none.
        distance = torch.maximum(-ranked.detach() / norm, shortest)
        is_nearer = distance < nearest
        nearest = torch.where(is_nearer, distance, nearest)
        step = normal * _beside(distance / norm, points)
        steps = torch.where(_beside(is_nearer, points), step, steps)
    return steps, nearest < torch.inf


def _along_signs(points, gaps, length: float) -> tuple[Tensor, Tensor]:
    """Return steps along the signs of the loss's gradient, and which rows have one."""
    # The cross-entropy of the predicted class is log(1 + exp(t)) with t what is differentiated
    # here. Its gradient is a positive multiple of that of t, but rounds to 0 for a confident net.
    signs = _gradient(gaps.logsumexp(dim=1), points, is_last=True).sign()
    return length * signs, signs.flatten(1).abs().sum(dim=1) > 0  # which NaN is not


@contextmanager
def _differentiating(n_steps: int) -> Iterator[None]:
    """Refuse, at the first step, a net that fails when its outputs are differentiated."""
    try:
        yield
    except torch.cuda.OutOfMemoryError:
        raise
    except RuntimeError as error:  # of x.numpy(), and of what has no derivative
        if n_steps:
            raise
        raise ValueError(NO_GRADIENT) from error


def _gradient(values, points, is_last: bool) -> Tensor:
    """Return the gradient of each row's value with respect to that row alone."""
    gradient = None
    # No row's value depends on another row: the gradient of the sum holds the gradient of each.
    if values.requires_grad:
        (gradient,) = torch.autograd.grad(
            values.sum(), points, retain_graph=not is_last, allow_unused=True
        )
    if gradient is None:
        raise ValueError(NO_GRADIENT)
    return gradient


def _gaps(logits, predicted) -> Tensor:
    """Return each class's logit minus that of the predicted class, for which it is -inf."""
    column = predicted.unsqueeze(1)
    return (logits - logits.gather(1, column)).scatter(1, column, -math.inf)


def _norms(vectors) -> Tensor:
    """Return the L2 length of each row of any shape."""
    return torch.linalg.vector_norm(vectors.flatten(1), dim=1)


def _beside(values, points) -> Tensor:
    """Reshape one value per row so that it broadcasts against rows of any shape."""
    return values.reshape(-1, *[1] * (points.ndim - 1))


def _checked_logits(logits, n: int) -> Tensor:
    """Return logits, or refuse what are not."""
    if logits.ndim != 2 or logits.shape[0] != n or logits.shape[1] < 2:
        raise ValueError(
            f"forward gave shape {tuple(logits.shape)} for {n} rows; it must give logits of shape "
            f"({n}, C), with two columns for two classes."
        )
    if not (logits < math.inf).all():  # minus infinity is the logarithm of a probability of 0
        raise ValueError("forward gave NaN or infinite logits; every class needs a number.")
    return logits
