"""Predictions in files of COCO and of Label Studio: what is read, refused, and chosen by them."""

import copy
import gzip
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skactive import scores, select
from skactive.data import Predictions, read_coco, read_label_studio

pytestmark = pytest.mark.once

IMAGES = [
    {"id": 30, "file_name": "c.jpg", "width": 8, "height": 8},
    {"id": 10, "file_name": "sub/a.jpg"},
    {"id": 20, "file_name": "b.jpg"},
]
LISTED = {"images": IMAGES, "categories": [{"id": 9, "name": "dog"}, {"id": 2, "name": "cat"}]}
RESULTS = [
    {"image_id": 10, "category_id": 2, "bbox": [0, 0, 2, 2], "score": 0.5},
    {"image_id": 30, "category_id": 9, "bbox": [1.5, 0, 2, 2.25], "score": 1},
    {"image_id": 10, "category_id": 9, "bbox": [0, 0, 0, 0], "score": 0.25},
]


def region(labels, score=None, kind="rectanglelabels", control="box"):
    out = {"from_name": control, "to_name": "img", "type": kind, "value": {kind: labels}}
    return out if score is None else out | {"score": score}


def task(number, *results, score=None, version="v1", **data):
    prediction = {"result": list(results), "score": score, "model_version": version}
    return {"id": number, "data": {"image": f"{number}.jpg"} | data, "predictions": [prediction]}


TASKS = [
    task(7, region(["dog"], 0.5), region(["cat", "wet"], 0.25)),
    task(5),
    task(6, region(["cat"]), region(["cat"], 0.0), score=0.75),
]


def lists(found):
    return found.row.tolist(), found.categories[found.category].tolist(), found.score.tolist()


# COCO


def test_coco_results_are_read_in_their_order_with_images_in_which_nothing_was_found(tmp_path):
    paths = [tmp_path / "results.json", tmp_path / "images.json"]
    for path, what in zip(paths, (RESULTS, LISTED), strict=True):
        path.write_text(json.dumps(what))
    for given_as in ((RESULTS, LISTED), paths, map(str, paths), (tuple(RESULTS), LISTED)):
        found = read_coco(*given_as)
        assert found.names.tolist() == ["c.jpg", "sub/a.jpg", "b.jpg"] and found.n_rows == 3
        assert lists(found) == ([1, 0, 1], ["cat", "dog", "dog"], [0.5, 1.0, 0.25])
        assert found.box.tolist()[1] == [1.5, 0, 2, 2.25] and found.keypoints is None
        kinds = found.row.dtype, found.category.dtype, found.score.dtype, found.box.dtype
        assert kinds == (np.intp, np.intp, np.float64, np.float64)


def test_keypoints_of_coco_are_read_as_threes():
    results = [{"image_id": 10, "category_id": 2, "keypoints": [1, 2, 0.5, 3, 4, 1], "score": 0.5}]
    found = read_coco(results, LISTED)
    assert found.keypoints.tolist() == [[[1, 2, 0.5], [3, 4, 1]]] and found.box is None
    confidence = found.keypoints[:, :, 2]
    doubt = scores.keypoint_least_confidence(confidence, found.row, found.n_rows, empty=1)
    assert doubt.tolist() == [1, 0.25, 1]


def test_masks_alone_and_no_results_at_all_are_read():
    masks = [{"image_id": 10, "category_id": 2, "segmentation": {"counts": "0"}, "score": 0.5}]
    found = read_coco(masks, LISTED)
    assert lists(found) == ([1], ["cat"], [0.5]) and found.box is None
    found = read_coco([], LISTED)
    assert found.n_rows == 3 and lists(found) == ([], [], [])
    assert [each.dtype.kind for each in (found.row, found.category, found.score)] == list("iif")
    assert scores.object_frequency(found.category, found.row, found.n_rows).tolist() == [0, 0, 0]


def test_some_of_the_parts_are_of_the_same_rows():
    found = read_coco(RESULTS, LISTED).where([True, False, True])
    assert lists(found) == ([1, 1], ["cat", "dog"], [0.5, 0.25])
    assert found.n_rows == 3 and found.box.tolist() == [[0, 0, 2, 2], [0, 0, 0, 0]]
    sure = found.where(found.score >= 0.5)
    assert lists(sure) == ([1], ["cat"], [0.5]) and isinstance(sure, Predictions)
    assert lists(found.where([1])) == ([1], ["dog"], [0.25])
    with pytest.raises(ValueError, match=r"boolean mask of shape \(2,\)"):
        found.where([True])


@given(st.permutations(range(3)), st.permutations(range(3)))
def test_the_order_of_either_file_changes_no_image_s_scores(of_results, of_images):
    found = read_coco(
        [RESULTS[i] for i in of_results], LISTED | {"images": [IMAGES[i] for i in of_images]}
    )
    frequency = scores.object_frequency(found.category, found.row, found.n_rows)
    doubt = scores.objectness_least_confidence(found.score, found.row, found.n_rows, empty=1.0)
    assert dict(zip(found.names, frequency, strict=True)) == {
        "c.jpg": 1, "sub/a.jpg": 2, "b.jpg": 0
    }  # fmt: skip
    assert dict(zip(found.names, doubt, strict=True)) == {
        "c.jpg": 0, "sub/a.jpg": 1.25, "b.jpg": 1
    }  # fmt: skip


def changed(what, *keys_and_value):
    """A copy in which one value is another; the key is left out where that is None."""
    what = copy.deepcopy(what)
    *keys, last, value = keys_and_value
    inner = what
    for key in keys:
        inner = inner[key]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return what


@pytest.mark.parametrize(
    ("results", "listed", "words"),
    [
        (changed(RESULTS, 1, "image_id", 31), LISTED, "result 1 with image_id 31.*of the 3 images"),
        (changed(RESULTS, 1, "image_id", [1]), LISTED, r"result 1 with image_id \[1\]"),
        (changed(RESULTS, 2, "category_id", 0), LISTED, "result 2 with category_id 0.*2 categ"),
        (changed(RESULTS, 2, "score", None), LISTED, "results of which number 2 has no score"),
        (changed(RESULTS, 0, "image_id", None), LISTED, "number 0 has no image_id"),
        (changed(RESULTS, 2, "score", 1.5), LISTED, "score 1.5 of result 2"),
        (changed(RESULTS, 1, "score", -0.5), LISTED, "score -0.5 of result 1"),
        (changed(RESULTS, 0, "score", math.nan), LISTED, "score nan of result 0"),
        (changed(RESULTS, 1, "score", True), LISTED, "score True of result 1"),
        (changed(RESULTS, 1, "score", "0.5"), LISTED, "score '0.5' of result 1"),
        (changed(RESULTS, 1, "bbox", None), LISTED, "number 1 has no bbox"),
        (changed(RESULTS, 1, "bbox", [1, 2, 3]), LISTED, "result 1 with bbox.*as many numbers"),
        (changed(RESULTS, 1, "bbox", [1, 2, 3, -4]), LISTED, "result 1 with bbox.*left, top"),
        (changed(RESULTS, 1, "bbox", [1, 2, 3, math.inf]), LISTED, "result 1 with bbox"),
        (changed(RESULTS, 1, "bbox", [1, 2, 3, "4"]), LISTED, "result 1 with bbox.*numbers"),
        (changed(RESULTS, 1, "bbox", [1, 2, 3, True]), LISTED, "result 1 with bbox.*numbers"),
        (changed(RESULTS, 1, "bbox", "1234"), LISTED, "result 1 with bbox.*numbers"),
        (changed(RESULTS, 1, "bbox", 4), LISTED, "result 1 with bbox 4"),
        ([RESULTS[0] | {"bbox": [1, 2, 3]}], LISTED, "left, top, width and height"),
        ([RESULTS[0] | {"keypoints": [1, 2]}], LISTED, "keypoints of 2 numbers each"),
        ([RESULTS[0] | {"keypoints": []}], LISTED, "keypoints of 0 numbers each"),
        (["a"], LISTED, "number 0 has no image_id"),
        ({"annotations": RESULTS}, LISTED, "results that are an object; give a list"),
        (3, LISTED, "results that are of type int"),
        (changed(RESULTS, 1, "image_id", True), LISTED, "result 1 with image_id True"),
        (changed(RESULTS, 1, "image_id", "7"), LISTED, r"'7', which is none.*\(as "),
        (RESULTS, changed(LISTED, "images", 1, "id", [1]), r"number 1 has the id \[1\]"),
        (RESULTS, changed(LISTED, "images", 1, "id", True), "number 1 has the id True"),
        (RESULTS, changed(LISTED, "images", 1, "id", math.nan), "number 1 has the id nan"),
        (RESULTS, changed(LISTED, "images", 1, "file_name", ["a"]), r"has the file_name \['a'\]"),
        (RESULTS, LISTED | {"images": None}, "images that are of type NoneType; give a list"),
        (RESULTS, LISTED | {"categories": {"a": 1}}, "categories that are an object; give a list"),
        (RESULTS, RESULTS, "give COCO's annotation file"),
        (RESULTS, changed(LISTED, "categories", None), "give COCO's annotation file"),
        (RESULTS, changed(LISTED, "images", 1, "id", 30), "images of which 2 have the id 30"),
        (RESULTS, changed(LISTED, "images", 1, "file_name", "b.jpg"), "have the file_name 'b.jpg'"),
        (RESULTS, changed(LISTED, "images", 1, "file_name", None), "number 1 has no file_name"),
        (RESULTS, changed(LISTED, "categories", 0, "name", "cat"), "categories of which 2 have"),
    ],
)
def test_what_is_no_result_is_refused_in_a_sentence(results, listed, words):
    with pytest.raises(ValueError, match=words):
        read_coco(results, listed)


def test_a_file_that_is_no_json_is_named(tmp_path):
    path = tmp_path / "results.json"
    path.write_text("image_id,score\n")
    with pytest.raises(ValueError, match=r"results\.json, which is no JSON: Expecting value"):
        read_coco(path, LISTED)
    path.write_bytes(gzip.compress(b"[]")[:-4])
    with pytest.raises(ValueError, match=r"results\.json, which is no JSON: Compressed file ended"):
        read_coco(path, LISTED)
    with pytest.raises(FileNotFoundError):
        read_label_studio(tmp_path / "tasks.json")


def test_a_compressed_file_is_read_as_what_it_holds(tmp_path):
    path = tmp_path / "results.json.gz"
    path.write_bytes(gzip.compress(json.dumps(RESULTS).encode()))
    np.testing.assert_array_equal(read_coco(path, LISTED).score, read_coco(RESULTS, LISTED).score)


# Label Studio


def test_predictions_of_label_studio_are_read_label_by_label(tmp_path):
    path = tmp_path / "tasks.json"
    path.write_text(json.dumps(TASKS))
    for tasks in (TASKS, path, str(path)):
        found = read_label_studio(tasks)
        assert found.names.tolist() == [7, 5, 6] and found.box is None
        assert lists(found) == (
            [0, 0, 0, 2, 2],
            ["dog", "cat", "wet", "cat", "cat"],
            [0.5, 0.25, 0.25, 0.75, 0.0],  # the fourth has none of its own, only its prediction's
        )
        assert found.categories.tolist() == ["cat", "dog", "wet"]
    answer = {"total_predictions": 3, "total": 3, "tasks": TASKS}
    assert lists(read_label_studio(answer)) == lists(read_label_studio(TASKS))
    assert read_label_studio(TASKS, name="image").names.tolist() == ["7.jpg", "5.jpg", "6.jpg"]


@pytest.mark.parametrize("kind", ["labels", "keypointlabels", "polygonlabels", "choices"])
def test_spans_keypoints_and_choices_are_read_as_boxes_are(kind):
    note = {"from_name": "note", "type": "textarea", "value": {"text": ["?"]}}
    relation = {"from_id": "a", "to_id": "b", "type": "relation", "direction": "right"}
    results = note, region(["dog"], 0.5, kind), relation
    assert lists(read_label_studio([task(1, region("dog", 0.5, kind))]))[1] == ["dog"]
    found = read_label_studio([task(1, *results), task(2)])
    assert lists(found) == ([0], ["dog"], [0.5]) and found.n_rows == 2


def test_the_control_and_the_model_are_named_where_there_are_several():
    other = region(["day"], 0.125, "choices", "time")
    tasks = [task(7, region(["dog"], 0.5), other), task(5)]
    with pytest.raises(ValueError, match=r"control=None, and results of 'box', 'time'; write cont"):
        read_label_studio(tasks)
    assert lists(read_label_studio(tasks, control="time")) == ([0], ["day"], [0.125])
    with pytest.raises(ValueError, match=r"control='tine'.*write control='time'\.$"):
        read_label_studio(tasks, control="tine")
    newer = [dict(each, predictions=each["predictions"] * 1) for each in TASKS]
    for each in newer:
        later = task(0, region(["owl"], 1.0), version="v2")["predictions"]
        each["predictions"] = each["predictions"] + later
    with pytest.raises(ValueError, match=r"models 'v1', 'v2'; write model_version='v2'"):
        read_label_studio(newer)
    assert lists(read_label_studio(newer, model_version="v2"))[1] == ["owl"] * 3
    assert lists(read_label_studio(newer, model_version="v1")) == lists(read_label_studio(TASKS))


def test_of_several_predictions_of_one_model_the_last_counts():
    twice = changed(TASKS, 1, "predictions", TASKS[1]["predictions"] + TASKS[0]["predictions"])
    assert lists(read_label_studio(twice))[0] == [0, 0, 0, 1, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("tasks", "options", "words"),
    [
        (changed(TASKS, 1, "predictions", [20748]), {}, r"task 1 with predictions \[20748\]"),
        (changed(TASKS, 1, "predictions", []), {}, r"task 1 without a prediction; leave it out"),
        (changed(TASKS, 1, "predictions", None), {}, "task 1 without a prediction"),
        (TASKS, {"model_version": "v3"}, "task 0 without a prediction of the model 'v3'"),
        (
            changed(TASKS, 2, "predictions", 0, "score", None),
            {},
            "score None of a result of task 2",
        ),
        (changed(TASKS, 0, "predictions", 0, "result", 0, "score", 50), {}, "score 50 of a result"),
        (changed(TASKS, 0, "id", None), {}, "task 0 without id; write name='image'"),
        (TASKS, {"name": "imag"}, "task 0 without 'imag' in its data; write name='image'"),
        (changed(TASKS, 1, "id", TASKS[0]["id"]), {}, "tasks of which 2 have the id"),
        (changed(TASKS, 1, "id", [1]), {}, r"number 1 has the id \[1\]"),
        (changed(TASKS, 1, "data", "image", {}), {"name": "image"}, "number 1 has the image {}"),
        (changed(TASKS, 1, "data", "b.jpg"), {"name": "image"}, "task 1 without 'image'"),
        (changed(TASKS, 1, "predictions", 3), {}, "task 1 with predictions that are of type int"),
        (changed(TASKS, 0, "predictions", 0, "result", 3), {}, "task 0 .* result is of type int"),
        (changed(TASKS, 0, "predictions", 0, "result", [3]), {}, "a result that is of type int"),
        (
            changed(TASKS, 0, "predictions", 0, "result", 0, "value", {"rectanglelabels": 5}),
            {},
            "task 0 with rectanglelabels 5; give a list of names",
        ),
        ({"task": TASKS}, {}, "tasks that are an object; give a list"),
        ({"tasks": TASKS, "total": 4}, {}, "3 of 4 tasks; ask for &page_size=1000"),
        ({"tasks": 3}, {"name": "image"}, "of type int; give a list of tasks"),
        (3, {}, "of type int; give a list of tasks"),
    ],
)
def test_what_is_no_prediction_is_refused_in_a_sentence(tasks, options, words):
    with pytest.raises(ValueError, match=words):
        read_label_studio(tasks, **options)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_files_are_read_in_what_editors_and_shells_write(encoding, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(RESULTS), encoding=encoding)
    assert read_coco(path, LISTED).score.tolist() == read_coco(RESULTS, LISTED).score.tolist()


@pytest.mark.parametrize("answer", [{"tasks": []}, {"tasks": [], "total": None}])
def test_an_answer_that_does_not_tell_its_total_is_read(answer):
    assert read_label_studio(answer).n_rows == 0


def test_no_tasks_and_no_results_are_no_parts():
    assert read_label_studio([]).n_rows == 0
    found = read_label_studio([task(1), task(2)], control="box")
    assert found.n_rows == 2 and lists(found) == ([], [], [])


# From a file to file names


def test_the_most_doubtful_images_are_selected_by_name_and_none_that_are_labelled():
    found = read_coco(RESULTS, LISTED)
    doubt = scores.objectness_least_confidence(found.score, found.row, found.n_rows)
    chosen = select("scores", scores=doubt, n_instances=1)
    assert found.names[chosen].tolist() == ["sub/a.jpg"]
    unseen = scores.objectness_least_confidence(found.score, found.row, found.n_rows, empty=2.0)
    assert found.names[select("scores", scores=unseen)].tolist() == ["b.jpg"]
    at = found.names.tolist().index("b.jpg")
    again = select("scores", scores=unseen, labeled=[at], n_instances=1)
    assert found.names[again].tolist() == ["sub/a.jpg"]


def test_coral_over_scores_of_images_spreads_and_leaves_out_what_is_sure():
    rng = np.random.default_rng(0)
    row, score = np.repeat(np.arange(40), 3), rng.random(120)
    score[row >= 20] = 1.0  # half of the images are sure
    doubt = scores.objectness_least_confidence(score, row, 40)
    embedding = np.repeat(rng.normal(size=(20, 2)), 2, axis=0)  # each two are copies
    chosen = select("coral", scores=doubt, embedding=embedding, n_instances=8, random_state=0)
    assert chosen.max() < 20 and len(set((chosen // 2).tolist())) == 8
    assert chosen[0] == doubt.argmax()
