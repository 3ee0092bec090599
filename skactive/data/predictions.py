"""What a model of objects or spans said, read from files: parts of rows, in flat arrays."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..utils.checks import is_number
from .arrays import as_mask
from .labels import nearest_class, objects
from .types import Floats, Positions

_GZIP = b"\x1f\x8b"  # how a compressed file begins


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model found in each of many rows, such as boxes in images: one entry for each part.

    Parts are in the order of the file, so that what you have beside it, such as class
    probabilities of each box, fits; rows without parts are rows all the same.

    Parameters
    ----------
    names : ndarray of object, shape (n_rows,)
        What rows are called: files of images, or tasks. ``names[chosen]`` are those to label.
    categories : ndarray of object, shape (n_categories,)
        What categories are called.
    row : ndarray of intp, shape (n_parts,)
        The position in `names` of the row that each part is in.
    category : ndarray of intp, shape (n_parts,)
        The position in `categories` of each part's category.
    score : ndarray of float64, shape (n_parts,)
        How sure the model is of each part, from 0 to 1.
    box : ndarray of float64, shape (n_parts, 4), or None
        Left, top, width and height in pixels, where the file has boxes of COCO.
    keypoints : ndarray of float64, shape (n_parts, K, 3), or None
        x and y in pixels, and what stands third (often a confidence), of COCO's keypoints.

    Examples
    --------
    >>> image = {"id": 7, "file_name": "a.jpg"}
    >>> found = read_coco([], {"images": [image], "categories": []})
    >>> found.n_rows, found.names, found.row
    (1, array(['a.jpg'], dtype=object), array([], dtype=int64))
    """

    names: NDArray[np.object_]
    categories: NDArray[np.object_]
    row: Positions
    category: Positions
    score: Floats
    box: Floats | None = None
    keypoints: Floats | None = None

    @property
    def n_rows(self) -> int:
        """How many rows there are, those without parts too."""
        return len(self.names)

    def where(self, keep: ArrayLike) -> Predictions:
        """Return some of the parts, of the same rows, as in ``found.where(found.score >= 0.5)``.

        Parameters
        ----------
        keep : array of bool, shape (n_parts,), or array of int
            Which parts to keep, as a mask or as positions.

        Returns
        -------
        Predictions
            Those parts, in their order.
        """
        keep = as_mask(keep, len(self.row), "keep")
        some = ("row", "category", "score", "box", "keypoints")
        of_parts = {name: getattr(self, name) for name in some}
        return replace(
            self, **{name: each[keep] for name, each in of_parts.items() if each is not None}
        )


def read_coco(
    results: str | os.PathLike | Sequence[Mapping[str, Any]],
    images: str | os.PathLike | Mapping[str, Any],
) -> Predictions:
    """Read a detector's results in COCO's format, with the file that names the images.

    Parameters
    ----------
    results : path, or list of dict
        The JSON file of results, or what is in it: a list, each with `image_id`, `category_id` and
        `score`; and all of them, or none, with a `bbox`; likewise `keypoints`.
    images : path, or dict
        The annotation file, or what is in it, of which `images` (`id` and `file_name`) and
        `categories` (`id` and `name`) are read: all images that the detector was shown, since
        nothing in the results tells of those in which it found nothing.

    Returns
    -------
    Predictions
        Rows are the images in the order of `images`, parts the results in their order.

    Raises
    ------
    ValueError
        If a result is of an image or a category that is not listed, a score is missing or outside
        0 to 1, or an image or a category is listed twice.

    Examples
    --------
    >>> images = [{"id": 7, "file_name": "a.jpg"}, {"id": 9, "file_name": "b.jpg"}]
    >>> listed = {"images": images, "categories": [{"id": 3, "name": "cat"}]}
    >>> results = [{"image_id": 9, "category_id": 3, "bbox": [2, 3, 10, 8], "score": 0.75}]
    >>> found = read_coco(results, listed)
    >>> found.names[found.row], found.categories[found.category], found.score
    (array(['b.jpg'], dtype=object), array(['cat'], dtype=object), array([0.75]))
    """
    who = "read_coco"
    told, listed = _loaded(results, who), _loaded(images, who)
    if not isinstance(listed, Mapping) or "images" not in listed or "categories" not in listed:
        raise ValueError(
            f"{who} got images= without 'images' and 'categories'; give COCO's annotation file, "
            f"which names them."
        )
    if isinstance(told, Mapping) or not isinstance(told, Sequence):
        raise ValueError(
            f"{who} got results that are {_kind(told)}; give a list of results, each with "
            f"image_id, category_id and score."
        )
    names, at_image = _listed(listed["images"], "file_name", "images", who)
    categories, at_category = _listed(listed["categories"], "name", "categories", who)

    def place(i: int) -> str:
        return f"result {i}"

    return Predictions(
        names=names,
        categories=categories,
        row=_places(told, "image_id", at_image, "images", who),
        category=_places(told, "category_id", at_category, "categories", who),
        score=_scores(_column(told, "score", who), place, who),
        box=_boxes(told, who),
        keypoints=_keypoints(told, who),
    )


def read_label_studio(
    tasks: str | os.PathLike | Sequence[Mapping[str, Any]],
    *,
    name: str | None = None,
    control: str | None = None,
    model_version: str | None = None,
) -> Predictions:
    """Read what a model predicted of Label Studio's tasks: regions, spans, keypoints, choices.

    Parameters
    ----------
    tasks : path, or list of dict
        A JSON file of tasks with their `predictions`, as they are imported, or what is in it; or
        the answer of ``/api/tasks?project=1&fields=all``. In an export predictions are mere
        numbers.
    name : str, default=None
        What of a task's `data` names it, such as "image"; None: its number, `id`.
    control : str, default=None
        The control of the labelling interface (`from_name`) whose results are read; None: the only
        one that labels anything. Texts, taxonomies and relations are no parts.
    model_version : str, default=None
        Whose predictions; None: the only ones there are. Of several of a task the last counts.

    Returns
    -------
    Predictions
        Rows are tasks. Each label of a result is a part, with the result's `score`, or else that of
        its prediction. `categories` are sorted; `box` and `keypoints` are None.

    Raises
    ------
    ValueError
        If a task has no prediction (of this model), a part no score from 0 to 1, two tasks have one
        name, or one of several controls or models has to be named.

    Examples
    --------
    >>> value = {"start": 0, "end": 4, "text": "Rome", "labels": ["place"]}
    >>> result = {"from_name": "label", "type": "labels", "value": value, "score": 0.75}
    >>> tasks = [
    ...     {"id": 5, "data": {"text": "Rome"}, "predictions": [{"result": [result]}]},
    ...     {"id": 6, "data": {"text": "And?"}, "predictions": [{"result": []}]},
    ... ]
    >>> found = read_label_studio(tasks)
    >>> found.names, found.row, found.categories[found.category], found.score
    (array([5, 6], dtype=object), array([0]), array(['place'], dtype=object), array([0.75]))
    """
    who = "read_label_studio"
    told = _loaded(tasks, who)
    if isinstance(told, Mapping) and "tasks" in told:  # an answer of the server
        told, n = told["tasks"], told.get("total", 0)
        if isinstance(told, Sequence) and is_number(n) and len(told) < n:
            raise ValueError(
                f"{who} got {len(told)} of {n} tasks; ask for &page_size=1000 and &page=2, and "
                f"give the tasks of all pages as one list."
            )
    if isinstance(told, Mapping) or not isinstance(told, Sequence):
        raise ValueError(f"{who} got tasks that are {_kind(told)}; give a list of tasks.")
    predictions = _predictions(told, model_version, who)
    row: list[int] = []
    labels: list[str] = []
    scores: list[Any] = []
    controls: dict[str, None] = {}
    for at, prediction in enumerate(predictions):
        results = prediction.get("result") or ()
        if not isinstance(results, list | tuple):
            raise ValueError(
                f"{who} got task {at} with a prediction whose result is {_kind(results)}; give a "
                f"list."
            )
        for result in results:
            found, chosen = _labels_of(result, at, who)
            if found is None:
                continue
            controls[found] = None
            if control is None or found == control:
                row += [at] * len(chosen)
                labels += chosen
                own = result.get("score")
                scores += [prediction.get("score") if own is None else own] * len(chosen)
    if controls and (control not in controls if control is not None else len(controls) > 1):
        write = nearest_class(str(control), list(controls)) or next(iter(controls))
        raise ValueError(
            f"{who} got control={control!r}, and results of {', '.join(map(repr, controls))}; "
            f"write control={write!r}."
        )
    categories = sorted(set(labels))
    codes = {label: code for code, label in enumerate(categories)}
    names = [_name_of(task, name, at, who) for at, task in enumerate(told)]
    _check_names(names, name or "id", "tasks", who)
    return Predictions(
        names=objects(names),
        categories=objects(categories),
        row=np.array(row, dtype=np.intp),
        category=np.array([codes[label] for label in labels], dtype=np.intp),
        score=_scores(scores, lambda i: f"a result of task {row[i]}", who),
    )


def _loaded(given: Any, who: str) -> Any:
    """Return what a JSON file holds, compressed by gzip or not; what is no path, as it is."""
    if not isinstance(given, str | os.PathLike):
        return given
    content = Path(given).read_bytes()
    try:
        if content.startswith(_GZIP):
            content = gzip.decompress(content)
        return json.loads(content)
    except (ValueError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{who} got {os.fspath(given)}, which is no JSON: {error}.") from error


def _kind(thing: Any) -> str:
    return "an object" if isinstance(thing, Mapping) else f"of type {type(thing).__name__}"


# COCO


def _listed(
    entries: Sequence[Mapping[str, Any]], called: str, what: str, who: str
) -> tuple[NDArray[np.object_], dict[Any, int]]:
    """Return the names of images or categories, and the place of each id."""
    if isinstance(entries, Mapping) or not isinstance(entries, Sequence):
        raise ValueError(f"{who} got {what} that are {_kind(entries)}; give a list of {what}.")
    ids, names = _column(entries, "id", who, what), _column(entries, called, who, what)
    _check_names(ids, "id", what, who)
    _check_names(names, called, what, who)
    return objects(names), {each: place for place, each in enumerate(ids)}


def _check_names(values: list[Any], key: str, what: str, who: str) -> None:
    """Refuse what calls nothing, or two things."""
    odd = next((i for i, each in enumerate(values) if not _is_name(each)), None)
    if odd is not None:
        raise ValueError(
            f"{who} got {what} of which number {odd} has the {key} {values[odd]!r}; give text or a "
            f"number."
        )
    twice, n = Counter(values).most_common(1)[0] if values else (None, 0)
    if n > 1:
        raise ValueError(f"{who} got {what} of which {n} have the {key} {twice!r}; give each once.")


def _is_name(value: Any) -> bool:
    return isinstance(value, str) or (is_number(value) and value == value)


def _column(
    entries: Sequence[Mapping[str, Any]], key: str, who: str, what: str = "results"
) -> list[Any]:
    """Return what entries have under a key, refusing those without."""
    try:
        return [each[key] for each in entries]
    except (KeyError, TypeError):
        lacks = (not isinstance(each, Mapping) or key not in each for each in entries)
        at = list(lacks).index(True)
        raise ValueError(f"{who} got {what} of which number {at} has no {key}; add it.") from None


def _places(
    results: Sequence[Mapping[str, Any]], key: str, at: dict[Any, int], what: str, who: str
) -> Positions:
    """Return where the image or the category of each result is listed."""
    ids = _column(results, key, who)
    is_plain = set(map(type, ids)) <= {int, str}  # by type, as there may be a million
    odd = next(
        (i for i, each in enumerate(ids) if not (is_plain or _is_name(each)) or each not in at),
        None,
    )
    if odd is not None:
        like = next(iter(at), None)
        raise ValueError(
            f"{who} got result {odd} with {key} {ids[odd]!r}, which is none of the {len(at)} "
            f"{what} that are listed (as {like!r}); give the file in which it is."
        )
    return np.array([at[each] for each in ids], dtype=np.intp)


def _scores(values: list[Any], place: Callable[[int], str], who: str) -> Floats:
    """Return scores from 0 to 1, refusing others."""

    def refuse(i: int) -> NoReturn:
        raise ValueError(
            f"{who} got the score {values[i]!r} of {place(i)}; give a number from 0 to 1."
        )

    if not set(map(type, values)) <= {int, float}:  # by type, as there may be a million
        for i, each in enumerate(values):
            if not is_number(each):
                refuse(i)
    scores = np.array(values, dtype=np.float64)
    is_wrong = ~((scores >= 0) & (scores <= 1))  # NaN, which compares as false, too
    if is_wrong.any():
        refuse(int(is_wrong.argmax()))
    return scores


def _boxes(results: Sequence[Mapping[str, Any]], who: str) -> Floats | None:
    """Return the box of each result, None where none has any."""
    if not any("bbox" in each for each in results):
        return None
    boxes = _table(_column(results, "bbox", who), "bbox", who)
    is_right = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] >= 0).all(axis=1)
    if boxes.shape[1] != 4 or not is_right.all():
        i = 0 if boxes.shape[1] != 4 else int(is_right.argmin())
        raise ValueError(
            f"{who} got result {i} with bbox {boxes[i].tolist()}; give left, top, width and height."
        )
    return boxes


def _keypoints(results: Sequence[Mapping[str, Any]], who: str) -> Floats | None:
    """Return x, y and a third number of each keypoint, None where no result has any."""
    if not any("keypoints" in each for each in results):
        return None
    table = _table(_column(results, "keypoints", who), "keypoints", who)
    if table.shape[1] == 0 or table.shape[1] % 3 or not np.isfinite(table).all():
        raise ValueError(
            f"{who} got keypoints of {table.shape[1]} numbers each; give three finite numbers of "
            f"each keypoint."
        )
    return table.reshape(len(table), -1, 3)


def _table(rows: list[Any], name: str, who: str) -> Floats:
    """Return as many numbers of each result as a table."""
    widths = [len(each) if isinstance(each, Sequence) else -1 for each in rows]
    odd = next((i for i, width in enumerate(widths) if width != widths[0] or width < 0), None)
    if odd is not None:
        raise ValueError(
            f"{who} got result {odd} with {name} {rows[odd]!r}, which is no list as long as that "
            f"of the first; give as many numbers of each result."
        )
    if not set(map(type, chain.from_iterable(rows))) <= {int, float}:
        i = next((i for i, each in enumerate(rows) if not all(map(is_number, each))), None)
        if i is not None:
            raise ValueError(f"{who} got result {i} with {name} {rows[i]!r}; give numbers.")
    return np.array(rows, dtype=np.float64)


# Label Studio


def _predictions(
    tasks: Sequence[Mapping[str, Any]], model_version: str | None, who: str
) -> list[Mapping[str, Any]]:
    """Return the prediction of each task that counts."""
    made: list[list[Mapping[str, Any]]] = []
    versions: list[Any] = []
    for at, task in enumerate(tasks):
        predictions = (task.get("predictions") or []) if isinstance(task, Mapping) else []
        if not isinstance(predictions, list | tuple):
            raise ValueError(
                f"{who} got task {at} with predictions that are {_kind(predictions)}; give a list."
            )
        if not all(isinstance(each, Mapping) for each in predictions):
            raise ValueError(
                f"{who} got task {at} with predictions {predictions!r}, which are mere numbers, as "
                f"in an export; get the tasks by /api/tasks?project=1&fields=all."
            )
        for each in predictions:
            if each.get("model_version") not in versions:
                versions.append(each.get("model_version"))
        made.append(list(predictions))
    if model_version is None and len(versions) > 1:
        told = ", ".join(map(repr, versions))
        raise ValueError(
            f"{who} got predictions of the models {told}; write model_version={versions[-1]!r}."
        )
    out = []
    for at, predictions in enumerate(made):
        known = [
            each
            for each in predictions
            if model_version is None or each.get("model_version") == model_version
        ]
        if not known:
            of = "" if model_version is None else f" of the model {model_version!r}"
            raise ValueError(
                f"{who} got task {at} without a prediction{of}; leave it out, or, where the model "
                f"found nothing, write {{'result': []}}."
            )
        out.append(known[-1])
    return out


def _labels_of(result: Any, at: int, who: str) -> tuple[str | None, list[str]]:
    """Return the control that gave a result, None where it labels nothing, and its labels."""
    if not isinstance(result, Mapping):
        raise ValueError(
            f"{who} got task {at} with a result that is {_kind(result)}; give objects with "
            f"from_name, type and value."
        )
    kind = str(result.get("type"))
    value = result.get("value")
    if not (kind.endswith("labels") or kind == "choices") or not isinstance(value, Mapping):
        return None, []
    labels = value.get(kind) or ()
    if isinstance(labels, str):
        labels = [labels]
    if not isinstance(labels, list | tuple) or not all(map(_is_name, labels)):
        raise ValueError(f"{who} got task {at} with {kind} {labels!r}; give a list of names.")
    return str(result.get("from_name")), [*map(str, labels)]


def _name_of(task: Mapping[str, Any], name: str | None, at: int, who: str) -> Any:
    """Return what a task is called."""
    if name is None:
        if "id" not in task:
            keys = list(_data_of(task))
            raise ValueError(
                f"{who} got task {at} without id; write name={keys[0] if keys else 'image'!r}, to "
                f"call tasks by their data."
            )
        return task["id"]
    data = _data_of(task)
    if name not in data:
        near = nearest_class(name, list(data)) or next(iter(data), "image")
        raise ValueError(f"{who} got task {at} without {name!r} in its data; write name={near!r}.")
    return data[name]


def _data_of(task: Mapping[str, Any]) -> Mapping[str, Any]:
    data = task.get("data")
    return data if isinstance(data, Mapping) else {}
