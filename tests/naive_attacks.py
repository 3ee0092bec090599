"""The obvious twins of the attacks: one row at a time, one class at a time, plain loops."""

import math

import pytest

torch = pytest.importorskip("torch")


def deepfool(forward, x, max_steps=50, overshoot=0.02, n_candidates=10):
    return torch.stack(
        [_deepfool_row(forward, row, max_steps, overshoot, n_candidates) for row in x]
    )


def bim(forward, x, step=0.05, max_steps=50):
    return torch.stack([_bim_row(forward, row, step, max_steps) for row in x])


def _deepfool_row(forward, row, max_steps, overshoot, n_candidates):
    moved = torch.zeros_like(row)
    predicted = None
    for n_steps in range(max_steps + 1):
        point = (row + (1 + overshoot) * moved).requires_grad_()
        logits = forward(point[None])[0]
        predicted = int(logits.argmax()) if predicted is None else predicted
        others = [c for c in range(len(logits)) if c != predicted]
        if any(logits[c] >= logits[predicted] for c in others):
            return moved.norm()
        if n_steps == max_steps:
            break
        own = _gradient(logits[predicted], point)
        nearest, direction = math.inf, None
        for c in sorted(others, key=lambda c: -logits[c].item())[:n_candidates]:
            normal = _gradient(logits[c], point) - own
            if not float(normal.norm()) > 0:
                continue
            distance = (logits[predicted] - logits[c]).item() / float(normal.norm())
            if distance < nearest:
                nearest, direction = distance, normal / normal.norm()
        if direction is None:
            break
        moved = moved + nearest * direction
    return torch.tensor(math.inf, dtype=row.dtype)


def _bim_row(forward, row, step, max_steps):
    moved = torch.zeros_like(row)
    predicted = None
    for n_steps in range(max_steps + 1):
        point = (row + moved).requires_grad_()
        logits = forward(point[None])
        predicted = logits[0].argmax() if predicted is None else predicted
        if any(
            logits[0, c] >= logits[0, predicted] for c in range(logits.shape[1]) if c != predicted
        ):
            return moved.norm()
        if n_steps == max_steps:
            break
        loss = torch.nn.functional.cross_entropy(logits, predicted[None])
        moved = moved + step * _gradient(loss, point).sign()
    return torch.tensor(math.inf, dtype=row.dtype)


def _gradient(value, point):
    return torch.autograd.grad(value, point, retain_graph=True)[0]
