"""
A small convolutional net: which strategy pays?
===============================================

A skorch net goes where any classifier would. What is new is how much strategies see of it: margin
reads its probabilities, BALD asks how far 20 passes with dropout disagree, k_center looks at what
the last linear layer is given, and BADGE at the gradients of that layer. Here all of them choose
handwritten digits for the same net, five times over.
"""

# %%
# The images have one channel of 8 x 8 pixels. The net ends in logits, which skorch can tell by
# ``CrossEntropyLoss``. With ``train_split=None`` it learns from all labels; otherwise skorch keeps
# a fifth of them for validation.

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from skorch import NeuralNetClassifier
from torch import nn

from skactive import BudgetCurveDisplay, compare_strategies

X, y = load_digits(return_X_y=True)
X = (X / 16).astype("float32").reshape(-1, 1, 8, 8)


class CNN(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 16, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(32 * 4 * 4, 64),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Linear(64, 10),
        )


net = NeuralNetClassifier(
    CNN,
    criterion=nn.CrossEntropyLoss,
    optimizer=torch.optim.Adam,
    lr=0.005,
    batch_size=16,
    iterator_valid__batch_size=256,  # of passes over the pool
    max_epochs=30,
    iterator_train__shuffle=True,
    train_split=None,
    verbose=0,
)

# %%
# Twenty labels at random to start with, twenty more a round; random and margin are always compared.
# In each repeat all strategies have the same split, the same start and the same seeds, of weights
# and dropout too: nothing need be seeded by hand.

comparison = compare_strategies(
    net,
    X,
    y,
    ["bald", "badge", "k_center"],
    budget=100,
    n_instances=20,
    n_initial=20,
    n_repeats=5,
    scoring="accuracy",
    n_jobs=2,
    random_state=0,
)

# %%
# The curves are means over the repeats, the bands their 95 % intervals. The dotted line is a score
# that random reaches while it still rises; the arrow is what the best strategy saves there.

figure, ax = plt.subplots(figsize=(8, 5.5), layout="constrained")
BudgetCurveDisplay.from_comparison(comparison, target=comparison.default_target(), ax=ax)
plt.show()

# %%
# The same in figures: accuracy after each round, and what may be concluded.

curves = comparison.curves()
print("labels  ", *(f"{n:5}" for n in curves["random"][0]))
for name, (_, scores) in curves.items():
    print(f"{name:8}", *(f"{score:.3f}" for score in scores.mean(axis=0)))
print()
print(comparison.verdict())

# %%
# BALD scores images one by one, and the twenty on which the passes disagree most are much alike: a
# net that knows little learns less from them than from twenty at random. BADGE and k_center choose
# a batch as a whole, and end a little ahead of random; five repeats do not show that it is more
# than chance. ``StochasticBatch("bald")``, which draws a batch by its scores, is a cheap remedy. On
# other data, with other nets and other batches, the order may be another one.
