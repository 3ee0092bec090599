"""Who answers: known labels, or a person at the keyboard."""

import math
import sys
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

import numpy as np

from ..data.frames import is_default_index, is_pandas
from ..data.labels import to_array
from ..data.multilabel import by_row, looks_multilabel
from ..data.rows import row_index
from ..data.tensors import as_array
from .keys import hints_of_several, labels_of

SHADES, PLAIN_SHADES = " ░▒▓█", " .:-=+*#%@"  # from dark to bright
MAX_COLUMNS, MAX_LINES = 64, 32  # of an image in the terminal
MAX_LISTED = 20  # classes in the menu
MAX_KEYS = 9  # one keystroke each
_BY_ID = (
    "Known got labels by id, which go with `run` over a pool whose rows have ids; write "
    "Known([labels[name] for name in names]), a label for each row in order."
)
NO_PICTURE = {"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"}  # matplotlib without a window


class Command(Enum):
    """What a person may say instead of a label."""

    SKIP = "skip"
    UNDO = "undo"
    QUIT = "quit"


class Known:
    """An oracle that knows all labels.

    Parameters
    ----------
    y : array-like of shape (n,), or dict of labels by id
        Label of every row of the pool; rows with the missing label are skipped. Of several labels a
        row, as `Pool` takes them. For `run` also by the ids of the pool's rows: those that have
        none there are skipped.

    Examples
    --------
    >>> from skactive import Known
    >>> Known(["cat", "dog", "cat"]).answer([2, 1], None)
    array(['cat', 'dog'], dtype=object)
    """

    def __init__(self, y) -> None:
        self.by_id = y if isinstance(y, dict) else None
        labels = y if self.by_id is None else []
        self.y = by_row(labels) if looks_multilabel(labels) else to_array(labels)
        self.given = y if is_pandas(y) else None

    def of_pool(self, pool) -> "Known":
        """Return what knows the labels in the order of a pool's rows, if they were given by id."""
        if self.by_id is None:
            return self
        if pool.ids is None:
            raise ValueError(_BY_ID)
        pool.numbers(list(self.by_id), "Known")  # refuses those that no row has
        return Known([self.by_id.get(name) for name in pool.ids])

    def answer(self, indices, rows) -> np.ndarray:
        """Return the labels of rows by their numbers, shape (k,); of rows the index alone counts.

        Raises
        ------
        ValueError
            If there is no label for a row, or one under its index that is not the row's.
        """
        if self.by_id is not None:
            raise ValueError(_BY_ID)
        indices = np.asarray(indices, dtype=np.intp)
        if len(indices) and indices.max() >= len(self.y):
            raise ValueError(
                f"Known has {len(self.y)} labels and was asked for that of row {indices.max()}; "
                f"give it one for every row."
            )
        index = row_index(rows)
        own = None if self.given is None else self.given.index
        if index is not None and own is not None and not is_default_index(own):
            pairs = list(zip(indices, own.take(indices).tolist(), index.tolist(), strict=True))
            other = next((pair for pair in pairs if pair[1] != pair[2]), None)
            if other is not None and index.isin(own).all():
                row, ours, theirs = other
                raise ValueError(
                    f"Known has the label of {ours!r} for row {row}, which by its index is "
                    f"{theirs!r}; write Known(y.loc[X.index]), or Known(y.to_numpy()) if they are "
                    f"in the right order as they stand."
                )
        return self.y[indices]


class Prompt:
    """A person at the keyboard, asked for one row at a time.

    It shows the row, reads a label by name or by key, and knows "skip", "undo" and "quit", or
    their first letters where no class has that name. The end of the input means "quit". A new name
    is asked for twice, so that a slip of the finger makes no class. Where rows have several labels,
    keys are typed one after the other ("13"), or names with semicolons between them; "0" says that
    a row has none of them, and an empty line says nothing.

    Parameters
    ----------
    show : callable, default=None
        Shows one row. None: `show_row`, which prints text, draws images (by matplotlib where it
        has a window or a notebook, else as blocks in the terminal), and lists a frame's columns.
    classes : array-like, default=None
        The labels to choose from, in the order of their keys; from `run` on, the pool takes these
        and those that it has alone. None: those that the learner knows and, unless it was given
        `classes`, new ones of the same kind (text, if there are none yet). For a regressor, any
        number is a label.

    Examples
    --------
    >>> from skactive import Prompt
    >>> answers = iter(["maybe", "2"])
    >>> prompt = Prompt(classes=["ham", "spam"])
    >>> prompt.ask("Win a prize!", read=lambda text: next(answers))
    Win a prize!
    'maybe' is none of 1 ham, 2 spam | s skip, u undo, q quit
    'spam'
    """

    def __init__(self, show: Callable[[Any], None] | None = None, classes=None) -> None:
        self.show = show
        self.classes = classes

    def ask(
        self,
        row,
        classes=None,
        *,
        new: bool = True,
        numbers: bool = False,
        multilabel: bool = False,
        read: Callable[[str], str] | None = None,
    ) -> Any:
        """Show a row and return its label, or the command that was given.

        Parameters
        ----------
        row : one row
            What to show.
        classes : array-like, default=None
            Labels so far, where the prompt was made without classes.
        new : bool, default=True
            Whether others may be typed, where the prompt was made without classes.
        numbers : bool, default=False
            Whether any number is a label, where the prompt was made without classes.
        multilabel : bool, default=False
            Whether a row has several of the labels, or none.
        read : callable, default=None
            Prompts for a line and returns it. None: ``input``.

        Returns
        -------
        label, set of labels or Command
            What the person said.
        """
        (self.show or show_row)(row)
        if self.classes is not None:
            classes, new, numbers = self.classes, False, False
        names = [] if classes is None else list(dict.fromkeys(to_array(classes).tolist()))
        answers, menu = _choices(names, new, numbers, multilabel)
        unsure = None
        while True:
            try:
                said = (read or input)(f"{menu}: ").strip()
            except EOFError:
                return Command.QUIT
            if said in answers:
                return answers[said]
            if multilabel:
                label = labels_of(said, names, _have_keys(names))
            else:
                label = _as_label(said, names, new, numbers)
            if label is None:
                print(f"{said!r} is none of {menu}")
            elif multilabel or numbers or label in names or said == unsure:
                return label
            else:
                print(f"{said!r} is new; type it again to make it a class.")
            unsure = said


def answer_of(oracle) -> Callable:
    """Return the function (row numbers, rows) -> labels of an oracle, refusing what is none.

    The function refuses None in place of the labels of a batch.
    """
    is_class = isinstance(oracle, type)
    has_answer = hasattr(oracle, "answer") and not is_class
    if not has_answer and (is_class or not callable(oracle)):
        raise TypeError(
            f"oracle is {oracle!r}; give Known(y), Prompt(), or a function that takes rows and "
            f"returns their labels."
        )

    def answer(indices, rows):
        labels = oracle.answer(indices, rows) if has_answer else oracle(rows)
        if labels is None:
            raise ValueError(
                f"the oracle returned None for {len(indices)} row{'s' * (len(indices) != 1)}; "
                f"return one label for each, in a list, and None in it for one that it cannot tell."
            )
        return labels

    return answer


def _choices(
    names: Sequence, new: bool, numbers: bool, multilabel: bool = False
) -> tuple[dict[str, Any], str]:
    """Return what may be typed with its meaning, and the menu."""
    answers: dict[str, Any] = {}
    listed = [str(name) for name in names]
    if _have_keys(names):
        answers = {str(key): name for key, name in enumerate(names, start=1)}
        listed = [f"{key} {name}" for key, name in enumerate(names, start=1)]
    answers.update((str(name).strip(), name) for name in names)
    if len(listed) > MAX_LISTED:
        listed[MAX_LISTED:] = [f"{len(listed) - MAX_LISTED} others"]
    if multilabel:
        listed += hints_of_several(names, _have_keys(names))
    elif numbers:
        listed = ["a number"]
    elif new:
        listed.append("a new name" if listed else "a name")
    commands = []
    for command in Command:
        word = command.value
        # A class may be called "skip", or "/skip": there is a spelling that none of them takes.
        words = (word[0], *("/" * strokes + word for strokes in range(len(answers) + 1)))
        free = [said for said in words if said not in answers]
        commands.append(f"{word[0]} {word}" if word[0] in free else free[0])
        answers.update((said, command) for said in free[:2])
    if multilabel:  # which are read by themselves: what is typed may be several
        answers = {said: each for said, each in answers.items() if isinstance(each, Command)}
    return answers, f"{', '.join(listed)} | {', '.join(commands)}"


def _have_keys(names: Sequence) -> bool:
    """Whether classes have keys: if they are few, and none reads as another's key."""
    is_text = all(isinstance(name, str) and _number(name) is None for name in names)
    return is_text and 0 < len(names) <= MAX_KEYS


def _as_label(said: str, names: Sequence, new: bool, numbers: bool):
    """Return what was typed as a label of the others' kind, or None if it is no such label."""
    number = _number(said)
    if numbers:
        return number
    if number in names:  # 1 for 1.0, or for True
        return names[list(names).index(number)]
    if not new or not said:
        return None
    kind = type(names[0]) if names else str
    if kind is str:  # a number would be a slip of the finger among the keys
        return None if number is not None and _have_keys(names) else said
    if number is None or kind is bool or (kind is int and not number.is_integer()):
        return None
    return kind(number)


def _number(said: str) -> float | None:
    """Return the finite number that was typed, or None."""
    try:
        number = float(said)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def show_row(row) -> None:
    """Show one row: text as it is, an image as a picture, a frame's row by its columns.

    Arrays of shape (h, w), (h, w, c) or (c, h, w) with c of 1, 3 or 4 are images.
    """
    image = as_image(row)
    if hasattr(row, "items"):
        print("\n".join(f"{name}: {value}" for name, value in row.items()))
    elif image is None:
        print(row)
    elif not _plotted(image):
        print(as_blocks(image, SHADES if _can_print(SHADES) else PLAIN_SHADES))


def as_image(row) -> np.ndarray | None:
    """Return a row as an image of shape (h, w) or (h, w, c), or None if it is no image."""
    if not (hasattr(row, "__array__") or hasattr(row, "__array_interface__")):
        return None
    image = as_array(row)
    if image.dtype.kind not in "biuf" or image.size == 0 or image.ndim not in (2, 3):
        return None
    if image.ndim == 2 or image.shape[2] in (3, 4):
        return image
    # Asked only now: where both could be channels, the last axis is.
    if image.shape[0] in (1, 3, 4):
        image = np.moveaxis(image, 0, 2)
    return image if image.shape[2] in (1, 3, 4) else None


def as_blocks(image: np.ndarray, shades: str = SHADES) -> str:
    """Return an image as lines of characters, dark to bright, at most 64 wide and 32 lines.

    Examples
    --------
    >>> print(as_blocks(np.array([[9, 0, 9], [0, 5, 0], [9, 0, 9]]), ".-#"))
    ##..##
    ..--..
    ##..##
    """
    grey = image.astype(float) if image.ndim == 2 else image[..., :3].mean(axis=2)  # no alpha
    grey = _shrunk(np.where(np.isfinite(grey), grey, 0.0))
    low, high = grey.min(), grey.max()
    level = (grey - low) / (high - low if high > low else 1.0) * (len(shades) - 1)
    # Two characters a pixel, since a character is about twice as high as wide.
    lines = ["".join(shades[x] * 2 for x in line) for line in level.round().astype(int).tolist()]
    return "\n".join(line.rstrip() for line in lines)


def _shrunk(grey: np.ndarray) -> np.ndarray:
    """Average squares of pixels, so that an image fits into the terminal."""
    height, width = grey.shape
    step = max(1, math.ceil(2 * width / MAX_COLUMNS), math.ceil(height / MAX_LINES))
    tops, lefts = np.arange(0, height, step), np.arange(0, width, step)
    # Squares at the edges may be smaller, so each is divided by its own area.
    sums = np.add.reduceat(np.add.reduceat(grey, tops, axis=0), lefts, axis=1)
    areas = np.outer(np.diff(tops, append=height), np.diff(lefts, append=width))
    return sums / areas


def _can_print(text: str) -> bool:
    """Whether the terminal has these characters."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _within_bounds(image: np.ndarray) -> np.ndarray:
    """Return an image with colours that are drawn as they are: others would be cut off.

    Normalised ones are below 0 too. Bounds are 0 and 1 for floats, 0 and 255 for integers.
    """
    finite, top = image[np.isfinite(image)].astype(float), 1 if image.dtype.kind == "f" else 255
    low, high = finite.min(initial=0), finite.max(initial=top)
    if image.dtype.kind == "b" or (low == 0 and high == top):
        return image
    colours, alpha = image[..., :3], image[..., 3:]
    opaque = top if alpha.max(initial=0) <= top else high
    return np.dstack([(colours - low) / (high - low), alpha / opaque])


def _plotted(image: np.ndarray) -> bool:
    """Show an image by matplotlib, if it is there and can show anything."""
    try:
        import matplotlib
        import matplotlib.pyplot as plt
    except ImportError:
        return False
    if matplotlib.get_backend().lower() in NO_PICTURE:
        return False
    figure = plt.figure("skactive", clear=True)  # one window, not one for each row
    axes = figure.add_subplot()
    axes.imshow(_within_bounds(image) if image.ndim == 3 else image, cmap="gray")
    axes.set_axis_off()
    plt.show(block=False)
    plt.pause(0.01)  # nothing is drawn before the window's events are handled
    return True
