"""Who answers: known labels, or a person at the keyboard."""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

import numpy as np

from .labels import sorted_classes, to_array

SHADES = " .:-=+*#%@"


class Command(Enum):
    """What a person may say instead of a label."""

    SKIP = "skip"
    UNDO = "undo"
    QUIT = "quit"


class Known:
    """An oracle that knows all labels.

    Parameters
    ----------
    y : array-like of shape (n,)
        Label of every row of the pool.

    Examples
    --------
    >>> from skactive import Known
    >>> Known(["cat", "dog", "cat"]).answer([2, 1], None)
    array(['cat', 'dog'], dtype=object)
    """

    def __init__(self, y):
        self.y = to_array(y)

    def answer(self, indices, rows) -> np.ndarray:
        """Return the labels of rows, by their numbers.

        Parameters
        ----------
        indices : array-like of int, shape (k,)
            Row numbers.
        rows : container of k rows
            Not looked at.

        Returns
        -------
        ndarray of shape (k,)
            Labels.
        """
        return self.y[np.asarray(indices)]


class Prompt:
    """A person at the keyboard, asked for one row at a time.

    Shows the row, reads a label by its name or its key, and knows "skip", "undo" and "quit" (or
    their first letters, where no class has that name). A name that is new is asked for twice,
    so that a slip of the finger makes no class.

    Parameters
    ----------
    show : callable, default=None
        Shows one row. None: text as it is, arrays of two dimensions (or three, with channels
        last) as images, by matplotlib where it has a window or a notebook, else as blocks in the
        terminal; anything else is printed.
    classes : array-like, default=None
        The labels to choose from. None: those seen so far, and new ones.

    Examples
    --------
    >>> from skactive import Prompt
    >>> answers = iter(["maybe", "2"])
    >>> prompt = Prompt(classes=["ham", "spam"])
    >>> prompt.ask("Win a prize!", read=lambda text: next(answers))
    Win a prize!
    'maybe' is none of 1 ham, 2 spam, skip, undo, quit.
    'spam'
    """

    def __init__(self, show: Callable[[Any], None] | None = None, classes=None):
        self.show = show
        self.classes = classes

    def ask(self, row, classes=None, read: Callable[[str], str] = input):
        """Show a row and return its label, or the command that was given.

        Parameters
        ----------
        row : one row
            What to show.
        classes : array-like, default=None
            Labels seen so far, where the prompt was made without classes.
        read : callable, default=input
            Prompts for a line and returns it.

        Returns
        -------
        label or Command
            What the person said; the end of the input means "quit".
        """
        (self.show or show_row)(row)
        is_open = self.classes is None
        known = classes if is_open else sorted_classes(to_array(self.classes))
        names = [] if known is None else np.asarray(known).tolist()
        answers, menu = _answers(names)
        unsure = None
        while True:
            try:
                said = read(f"{menu}: ").strip()
            except EOFError:
                return Command.QUIT
            if said in answers:
                return answers[said]
            if is_open and said:
                label = _as_label(said, names)
                if label is not None and unsure == said:
                    return label
                unsure = said
                if label is not None:
                    print(f"{said!r} is new; type it again to make it a class.")
                    continue
            print(f"{said!r} is none of {menu}.")


def _answers(names: Sequence) -> tuple[dict[str, Any], str]:
    """Return what may be typed, and the menu that says so."""
    answers: dict[str, Any] = {}
    for command in Command:
        answers[command.value] = answers[command.value[0]] = command
    with_keys = not any(str(name).isdigit() for name in names) and len(names) <= 9
    if with_keys:
        answers.update((str(key), name) for key, name in enumerate(names, start=1))
        items = [f"{key} {name}" for key, name in enumerate(names, start=1)]
    else:
        items = [str(name) for name in names]
    answers.update((str(name), name) for name in names)
    return answers, ", ".join([*items, *(command.value for command in Command)])


def _as_label(said: str, names: Sequence):
    """Return what was typed as a label of the kind of the others, or None if it is no such."""
    if not names or isinstance(names[0], str):
        return said
    for kind in (int, float):
        try:
            return kind(said)
        except ValueError:
            continue
    return None


def show_row(row) -> None:
    """Show one row: text as it is, an image as a picture, anything else printed.

    Parameters
    ----------
    row : str, ndarray or anything
        Arrays of shape (h, w) or (h, w, c) with c of 1, 3 or 4 are images.
    """
    image = np.asarray(row) if not isinstance(row, str) else np.empty(0)
    is_image = image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (1, 3, 4))
    if not is_image or image.dtype.kind not in "biuf":
        print(row)
    elif not _plotted(image):
        print(as_blocks(image))


def as_blocks(image: np.ndarray) -> str:
    """Return an image as lines of characters, dark to bright, at most 64 columns wide.

    Parameters
    ----------
    image : ndarray of shape (h, w) or (h, w, c)
        Numbers.

    Returns
    -------
    str
        Two characters for each pixel, which makes it about square.
    """
    grey = image.mean(axis=2) if image.ndim == 3 else image.astype(float)
    step = max(1, -(-grey.shape[1] // 32))
    grey = grey[::step, ::step]
    low, high = grey.min(), grey.max()
    level = (grey - low) / (high - low if high > low else 1.0) * (len(SHADES) - 1)
    lines = ["".join(SHADES[int(round(x))] * 2 for x in line).rstrip() for line in level]
    return "\n".join(lines)


def _plotted(image: np.ndarray) -> bool:
    """Show an image by matplotlib, if it is there and can show anything."""
    try:
        import matplotlib
        import matplotlib.pyplot as plt
    except ImportError:
        return False
    backend = matplotlib.get_backend().lower()
    if backend in {"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"}:
        return False
    plt.clf()
    plt.imshow(image.squeeze(), cmap="gray" if image.squeeze().ndim == 2 else None)
    plt.axis("off")
    plt.show(block=False)
    plt.pause(0.01)
    return True
