"""
From a detector's COCO file to the images to label
==================================================

A detector has looked at images, and what it found lies in a file of COCO's format. Which images
should somebody draw boxes in? Here the images are simulated, and so is the detector: it finds its
objects less surely where they stand out less, and is as often right as it says. So it is known
which of its boxes are wrong.
"""

import json
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

from skactive import scores, select
from skactive.data import read_coco

# %%
# Simulated images, 400 in six scenes, each of another colour: up to four discs and squares, which
# stand out more or less from what is behind them.
rng = np.random.default_rng(0)
N, SIZE = 400, 64
KINDS = ["disc", "square"]
colours = np.array(plt.colormaps["tab10"].colors)[:6]
scene, contrast = rng.integers(0, 6, N), rng.beta(2, 1, N)
y, x = np.mgrid[:SIZE, :SIZE]
images, objects = [], []  # of each object the image, the kind and the box
for i in range(N):
    image = 0.6 * colours[scene[i]] + rng.normal(0, 0.02, (SIZE, SIZE, 3))
    for corner in rng.permutation(4)[: rng.integers(0, 5)]:
        radius, kind = rng.integers(4, 10), rng.integers(2)
        left, top = [1, 9] + 32 * np.array(divmod(corner, 2)) + rng.integers(0, 22 - 2 * radius, 2)
        across, down = abs(x - left - radius), abs(y - top - radius)
        is_in = np.maximum(across, down) < radius if kind else np.hypot(across, down) < radius
        image[is_in] += 0.4 * contrast[i]
        objects.append((i, kind, [left, top, 2 * radius, 2 * radius]))
    images.append(image.clip(0, 1))

# %%
# The simulated detector writes what it found: how sure it is of each box depends on the contrast,
# and the box is of the right kind as often as that.
results, is_right = [], []
for i, kind, box in objects:
    score = round(float(rng.uniform(0.5, 1) * contrast[i] + 0.5 * (1 - contrast[i])), 3)
    is_right.append(rng.random() < score)
    said = kind if is_right[-1] else 1 - kind
    bbox = list(map(int, box))
    results.append({"image_id": i, "category_id": int(said), "bbox": bbox, "score": score})
is_right = np.array(is_right)
listed = {
    "images": [{"id": i, "file_name": f"scene{scene[i]}/{i:03}.png"} for i in range(N)],
    "categories": [{"id": i, "name": kind} for i, kind in enumerate(KINDS)],
}
folder = Path(tempfile.mkdtemp())
(folder / "results.json").write_text(json.dumps(results))
(folder / "images.json").write_text(json.dumps(listed))

# %%
# From here on it is your own file. The images come from the second one, since the results tell
# nothing of images in which nothing was found. Each box is as doubtful as the detector says,
# and an image as its boxes together: of the errors that it makes, so many are to be expected there.
found = read_coco(folder / "results.json", folder / "images.json")
doubt = scores.objectness_least_confidence(found.score, found.row, found.n_rows)
print(f"{len(found.row)} boxes in {found.n_rows} images, {(doubt == 0).sum()} without any")

# %%
# Twenty-four images that are doubtful and unlike one another. What makes them alike are vectors,
# here a few pixels; yours may come from the detector's own backbone.
embedding = np.array([image[::8, ::8].ravel() for image in images])
chosen = select("coral", scores=doubt, embedding=embedding, n_instances=24, random_state=0)
print("to label:", *found.names[chosen[:6]], "...")

# %%
# How many of the detector's errors are in them? Far more than in as many random images. The largest
# doubt alone finds a few more, but most of its images are of two scenes.
errors = np.bincount(found.row[~is_right], minlength=N)
largest = select("scores", scores=doubt, n_instances=24, random_state=0)
for name, rows in {"coral": chosen, "largest doubt": largest}.items():
    print(f"{name}: {errors[rows].sum()} of {errors.sum()} errors, {np.bincount(scene[rows])}")
print(f"random: {24 / N * errors.sum():.1f} expected")

# %%
# The first six that were chosen, and below them some whose boxes are the surest. Numbers are the
# detector's scores; where it took a disc for a square, or a square for a disc, the box is dashed.
has_boxes = np.flatnonzero(doubt > 0)
surest = has_boxes[np.argsort(doubt[has_boxes])[:6]]
fig, axes = plt.subplots(2, 6, figsize=(10, 3.9), layout="constrained")
for ax, i in zip(axes.flat, [*chosen[:6], *surest], strict=True):
    ax.imshow(images[i])
    for part in np.flatnonzero(found.row == i):
        (left, top, width, height), score = found.box[part], found.score[part]
        style = {"linestyle": "-" if is_right[part] else "--", "edgecolor": "white"}
        ax.add_patch(Rectangle((left - 0.5, top - 0.5), width, height, fill=False, **style))
        ax.text(left - 0.5, top - 2, f"{score:.2f}", color="white", fontsize=7)
    ax.set_title(found.names[i], fontsize=8)
    ax.set_axis_off()
plt.show()
