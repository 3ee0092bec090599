"""The obvious twin of batch_bald: every joint label, one at a time."""

import itertools

import numpy as np


def entropy(p):
    p = np.asarray(p)
    return float(-sum(x * np.log(x) for x in p if x > 0))


def joint_information(samples, batch):
    """I(y_1 ... y_b; model) by all joint labels of the batch."""
    n_samples, _, n_classes = samples.shape
    joint = [
        np.mean([np.prod([samples[s, row, c] for row, c in zip(batch, labels, strict=True)])
                 for s in range(n_samples)])
        for labels in itertools.product(range(n_classes), repeat=len(batch))
    ]  # fmt: skip
    own = np.mean([sum(entropy(samples[s, row]) for row in batch) for s in range(n_samples)])
    return entropy(joint) - own


def steps(samples, picks, mask, reserved=()):
    """For each pick, the information of the batch with each row that could have joined."""
    batch, found = list(reserved), []
    for pick in picks:
        found.append(
            {
                int(row): joint_information(samples, [*batch, int(row)])
                for row in np.flatnonzero(mask)
                if row not in batch
            }
        )
        batch.append(int(pick))
    return found
