"""
A folder of images, a frozen backbone, a new head
=================================================

The usual way to a classifier for images of your own: a network that was trained on other images is
frozen, and a small head on top of it learns your classes from few labels. Here the network knows
the digits 0 to 4, and the head is to learn 5 to 9 from a folder of PNG files: 20 images at random,
then batches of five from a random ten.

``python examples/plot_image_folder.py --ask`` has you answer, at the keyboard; otherwise the name
of an image's folder does.
"""

# %%
# First the files, written from scikit-learn's digits: one folder for each class, as people keep
# them.

import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from skorch import NeuralNetClassifier
from torch import nn
from torch.utils.data import Dataset, Subset

from skactive import ActiveLearner, BudgetCurveDisplay, Known, Prompt, compare_strategies, run
from skactive.loops import Budget, TargetScore
from skactive.strategies import Subpool

temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)
for digit in range(10):
    (folder / str(digit)).mkdir()
for number, (pixels, digit) in enumerate(zip(*load_digits(return_X_y=True), strict=True)):
    image = Image.fromarray((pixels * 15).astype(np.uint8).reshape(8, 8))
    image.save(folder / str(digit) / f"{number:04}.png")

# %%
# A Dataset reads an image when it is needed, and none before; these are small enough to be kept
# then. Its labels are for the old classes; skactive takes the images alone, and gets labels only
# from the oracle.


class Folders(Dataset):
    def __init__(self, names):
        self.paths = [path for name in names for path in sorted((folder / name).glob("*.png"))]
        self.images = {}

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, i):
        if i not in self.images:
            with Image.open(self.paths[i]) as image:
                pixels = np.asarray(image, dtype=np.float32) / 255
            self.images[i] = torch.from_numpy(pixels)[None]
        return self.images[i], int(self.paths[i].parent.name)


old, new = Folders("01234"), Folders("56789")

# %%
# The backbone learns the old digits, once, and is frozen. That part is plain skorch.

torch.manual_seed(0)
torch.set_num_threads(1)  # for images this small, more would only wait for one another
backbone = nn.Sequential(
    nn.Conv2d(1, 16, kernel_size=3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 32, kernel_size=3, padding=1),
    nn.ReLU(),
    nn.Flatten(),
)
settings = {
    "criterion": nn.CrossEntropyLoss,
    "optimizer": torch.optim.Adam,
    "iterator_train__shuffle": True,  # files come in the order of their classes
    "train_split": None,
    "verbose": 0,
}
trained = NeuralNetClassifier(
    nn.Sequential(backbone, nn.Linear(512, 5)), lr=0.003, batch_size=64, max_epochs=15, **settings
)
trained.fit(old, y=None)
frozen = backbone.requires_grad_(False)


# %%
# The head is one linear layer. It gets ``classes=``, so that it has a place for each of the new
# digits from the start.


class Transfer(nn.Module):
    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(512, 5)

    def forward(self, images):
        return self.head(self.backbone(images))


net = NeuralNetClassifier(
    Transfer, module__backbone=frozen, lr=0.005, batch_size=128, max_epochs=30, **settings
)
margin = Subpool("margin", size=10)
learner = ActiveLearner(net, margin, classes=range(5, 10), random_state=0)

# %%
# Now somebody is asked. 600 images are the pool, of which 20 at random have a label; a hundred
# others, labelled too, tell when the head is good enough. It ends with 97 % of these right, or at
# 80 labels.

names = np.array([int(path.parent.name) for path in new.paths])
order = np.random.default_rng(0).permutation(len(new))
pool, check, test = (Subset(new, part) for part in np.split(order, [600, 700]))
y = np.full(len(pool), -1)
y[:20] = names[pool.indices[:20]]
oracle = Prompt() if "--ask" in sys.argv else Known(names[pool.indices])
enough = Budget(80) | TargetScore(check, names[check.indices], target=0.97)

run(learner.fit(pool, y), oracle, n_instances=5, stopping=enough)
print(learner.pool_)
print(f"{learner.score(test, names[test.indices]):.1%} of {len(test)} further images are right")

# %%
# A hundred images are few: the rule stopped in a round that went well on them, by luck too, which
# the further images show.
#
# Was it worth the trouble? A comparison has the folders answer five times over, for each strategy.
# Random, and margin over all images instead of ten, take part without being named.

comparison = compare_strategies(
    learner,
    new,
    names,
    {"margin of 10": margin, "least confidence of 10": Subpool("least_confidence", size=10)},
    budget=80,
    n_instances=5,
    n_initial=20,
    n_repeats=5,
    scoring="accuracy",
    n_jobs=2,
    random_state=0,
)
temporary.cleanup()

target = 0.93
figure, ax = plt.subplots(figsize=(8, 5.5), layout="constrained")
BudgetCurveDisplay.from_comparison(comparison, target=target, ax=ax)
plt.show()

# %%
# Labels that each strategy needs for the same accuracy, and what that saves:

for row in comparison.summary(target):
    saving = row.get("saving", "")
    print(f"{row['strategy']:22} {row['labels']:5.0f} labels to {target:.0%}  {saving}")
print()
print(comparison.verdict())

# %%
# Five repeats are too few to be sure of any of these savings. Five of a random ten is not much of a
# choice: it gains half of what margin over all images does, which reads the whole folder in each
# round. Where the folder is too large for that, or a person waits for the next image, a random part
# is what can be afforded: as a rule a larger one than ten.
