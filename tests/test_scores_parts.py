"""Scores of rows that have parts: boxes, pixels, regions, keypoints, tokens."""

import tracemalloc

import naive_parts as naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from skactive import scores

pytestmark = pytest.mark.once

BY = ("least_confidence", "margin", "entropy")
REDUCE = ("max", "mean", "sum")
CLOSE = {"rtol": 1e-11, "atol": 1e-13}
reductions, doubts = st.sampled_from(REDUCE), st.sampled_from(BY)
empties = st.sampled_from([0.0, 1.0, -2.5])
unit = st.sampled_from([0.0, 1e-12, 0.25, 0.5, 1.0]) | st.floats(0, 1)


def close(found, expected):
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, **CLOSE)


def frozen(array, dtype=None):
    array = np.array(array, dtype=dtype)
    array.flags.writeable = False
    return array


@st.composite
def rows(draw):
    """The row of each part, in any order, and how many rows there are: some without parts."""
    n_rows = draw(st.integers(0, 5))
    row = draw(st.lists(st.integers(0, n_rows - 1), max_size=8)) if n_rows else []
    dtype = draw(st.sampled_from([np.intp, np.int8, np.uint64]))
    return frozen(row, dtype), n_rows


def distributions(draw, shape, dtype=np.float64):
    weights = draw(hnp.arrays(np.float64, shape, elements=unit))
    weights[weights.sum(axis=-1) == 0] = 1.0
    return frozen(weights / weights.sum(axis=-1, keepdims=True), dtype)


@st.composite
def parts(draw):
    """The row of each part, the number of rows, a number from 0 to 1 and a distribution of each."""
    row, n_rows = draw(rows())
    values = frozen(draw(hnp.arrays(np.float64, len(row), elements=unit)))
    dtype = draw(st.sampled_from([np.float64, np.float32]))
    proba = distributions(draw, (len(row), draw(st.integers(1, 4))), dtype)
    return row, n_rows, values, proba


# Parts of any kind


@given(parts(), reductions, empties)
def test_values_of_parts_are_reduced_as_by_their_twin(given_parts, reduce, empty):
    row, n_rows, values, _ = given_parts
    values = 4 * values - 3  # of either sign
    found = scores.over_parts(values, row, n_rows, reduce=reduce, empty=empty)
    close(found, naive.of_rows(values.tolist(), row.tolist(), n_rows, reduce, empty))


@given(parts(), doubts, reductions, empties)
def test_part_uncertainty_equals_its_twin(given_parts, by, reduce, empty):
    row, n_rows, values, proba = given_parts
    found = scores.part_uncertainty(proba, row, n_rows, by=by, reduce=reduce, empty=empty)
    each = [naive.doubt(p, by) for p in proba.astype(np.float64)]
    close(found, naive.of_rows(each, row.tolist(), n_rows, reduce, empty))
    found = scores.part_uncertainty(values, row, n_rows, by=by, reduce=reduce, empty=empty)
    each = [naive.doubt([p, 1 - p], by) for p in values.tolist()]
    close(found, naive.of_rows(each, row.tolist(), n_rows, reduce, empty))


@given(parts(), empties, reductions, st.sampled_from([0.0, 0.25, 1.0]), st.data())
def test_scores_of_objects_equal_their_twins(given_parts, empty, reduce, penalty, data):
    row, n_rows, values, _ = given_parts
    found = scores.objectness_least_confidence(values, row, n_rows, reduce=reduce, empty=empty)
    close(found, naive.of_rows((1 - values).tolist(), row.tolist(), n_rows, reduce, empty))
    numbers = data.draw(st.lists(st.integers(0, 2), min_size=len(row), max_size=len(row)))
    expected = naive.object_frequency(numbers, row.tolist(), n_rows, penalty)
    names = np.array(["cat", "dog", "owl"])[numbers] if numbers else []
    for kinds in (numbers, names, np.asarray(names, dtype=object)):
        close(scores.object_frequency(kinds, row, n_rows, penalty=penalty), expected)


@given(parts(), st.booleans(), empties)
def test_sequence_least_confidence_equals_its_twin(given_parts, normalized, empty):
    row, n_rows, values, proba = given_parts
    best = proba.astype(np.float64).max(axis=1, initial=0)
    of_predicted = frozen(np.maximum(values, 1e-6))
    for given_as, each in ((proba, np.minimum(best, 1)), (of_predicted, of_predicted)):
        found = scores.sequence_least_confidence(
            given_as, row, n_rows, normalized=normalized, empty=empty
        )
        twin = naive.sequence_least_confidence
        close(found, twin(each.tolist(), row.tolist(), n_rows, normalized, empty))


@given(parts(), reductions, reductions, empties, st.integers(1, 3), st.data())
def test_keypoint_least_confidence_equals_its_twin(given_parts, of_object, reduce, empty, k, data):
    row, n_rows, _, _ = given_parts
    confidence = frozen(data.draw(hnp.arrays(np.float32, (len(row), k), elements=st.just(0.5))))
    confidence = frozen(
        confidence * data.draw(hnp.arrays(np.float64, (len(row), k), elements=unit))
    )
    found = scores.keypoint_least_confidence(
        confidence, row, n_rows, of_object=of_object, reduce=reduce, empty=empty
    )
    each = [naive.TOGETHER[of_object]((1 - of).tolist()) for of in confidence]
    close(found, naive.of_rows(each, row.tolist(), n_rows, reduce, empty))


ALL = {
    "over_parts": lambda row, n, v, p, c: scores.over_parts(v, row, n, reduce="mean", empty=0.5),
    "max": lambda row, n, v, p, c: scores.over_parts(v, row, n, reduce="max"),
    "uncertainty": lambda row, n, v, p, c: scores.part_uncertainty(p, row, n),
    "frequency": lambda row, n, v, p, c: scores.object_frequency(c, row, n),
    "objectness": lambda row, n, v, p, c: scores.objectness_least_confidence(v, row, n, empty=1),
    "sequence": lambda row, n, v, p, c: scores.sequence_least_confidence(p, row, n),
    "normalized": lambda row, n, v, p, c: scores.sequence_least_confidence(
        p, row, n, normalized=True
    ),
    "keypoints": lambda row, n, v, p, c: scores.keypoint_least_confidence(p, row, n),
}
each_score = pytest.mark.parametrize("score", ALL.values(), ids=ALL)


@each_score
@given(given_parts=parts(), data=st.data())
def test_the_order_of_parts_makes_no_difference_and_rows_may_be_renumbered(
    score, given_parts, data
):
    row, n_rows, values, proba = given_parts
    kinds = np.arange(len(row)) % 2
    before = score(row, n_rows, values, proba, kinds)
    order = np.array(data.draw(st.permutations(range(len(row)))), dtype=np.intp)
    close(score(row[order], n_rows, values[order], proba[order], kinds[order]), before)
    numbers = np.array(data.draw(st.permutations(range(n_rows))), dtype=np.intp)
    renumbered = score(numbers[row], n_rows, values, proba, kinds)
    close(renumbered[numbers], before)


@each_score
@given(given_parts=parts(), cut=st.integers(0, 5))
def test_images_may_be_scored_in_two_lots(score, given_parts, cut):
    row, n_rows, values, proba = given_parts
    row, cut = row.astype(np.intp), min(cut, n_rows)
    kinds = np.arange(len(row)) % 2
    lots = [
        score(row[is_in] - start, n, values[is_in], proba[is_in], kinds[is_in])
        for is_in, start, n in ((row < cut, 0, cut), (row >= cut, cut, n_rows - cut))
    ]
    close(np.concatenate(lots), score(row, n_rows, values, proba, kinds))


@given(parts(), st.data())
def test_a_less_certain_box_never_makes_an_image_more_certain(given_parts, data):
    row, n_rows, values, _ = given_parts
    less = values * data.draw(hnp.arrays(np.float64, len(row), elements=unit))
    for reduce in REDUCE:
        before = scores.objectness_least_confidence(values, row, n_rows, reduce=reduce)
        after = scores.objectness_least_confidence(less, row, n_rows, reduce=reduce)
        assert (after >= before - 1e-12).all()
    for normalized in (False, True):
        shares = [
            scores.sequence_least_confidence(
                np.maximum(each, 1e-9), row, n_rows, normalized=normalized
            )
            for each in (values, less)
        ]
        assert (shares[1] >= shares[0] - 1e-12).all()


@given(parts(), st.sampled_from([0.0, 0.25, 1.0]))
def test_one_more_object_adds_one_or_the_penalty(given_parts, penalty):
    row, n_rows, _, _ = given_parts
    kinds = np.arange(len(row)) % 2
    if n_rows:
        before = scores.object_frequency(kinds, row, n_rows, penalty=penalty)
        more = np.append(row.astype(np.intp), 0)
        after = scores.object_frequency(np.append(kinds, 1), more, n_rows, penalty=penalty)
        gain = penalty if (kinds[row == 0] == 1).any() else 1.0
        close(after - before, [gain] + [0.0] * (n_rows - 1))


def test_scores_of_lightly_are_those_of_its_documentation():
    # Its example: "one object with an uncertainty_entropy of 0.9 and the other of 0.5" give 0.9.
    assert scores.over_parts([0.9, 0.5], [0, 0], 1, reduce="max").tolist() == [0.9]
    # Lightly's own code, on an image with two cats and a dog, one with a cat, one with nothing:
    # 1 + .25 + 1, 1, 0, stretched to [.9, 1]; and 1 - mean(scores), 0 for nothing.
    frequency = scores.object_frequency([0, 0, 1, 0], [0, 0, 0, 1], 3)
    stretched = 0.9 + 0.1 * (frequency - frequency.min()) / np.ptp(frequency)
    close(stretched, [1.0, 0.9 + 0.1 / 2.25, 0.9])
    four = [0.9, 0.8, 0.1, 0.6]
    found = scores.objectness_least_confidence(four, [0, 0, 0, 1], 3, reduce="mean")
    close(found, [0.4, 0.4, 0.0])


def test_what_the_refusal_of_sigmoids_says_to_write_puts_the_doubtful_first():
    sigmoids, row = np.array([[0.9, 0.9], [0.5, 0.0], [0.99, 0.01]]), [0, 1, 2]
    found = scores.over_parts(scores.label_least_confidence(sigmoids), row, 3)
    close(found, [0.1, 0.5, 0.01])


def test_of_a_calibrated_detector_the_sum_is_the_number_of_wrong_boxes_to_expect():
    rng = np.random.default_rng(0)
    row, objectness = rng.integers(0, 50, 200_000), rng.random(200_000)
    wrong = np.bincount(row[rng.random(200_000) > objectness], minlength=50)
    expected = scores.objectness_least_confidence(objectness, row, 50)
    spread = np.sqrt(np.bincount(row, objectness * (1 - objectness)))
    assert abs((wrong - expected) / spread).max() < 4  # standard deviations


def test_long_texts_have_a_least_confidence_of_one_and_the_normalised_score_of_a_short_one():
    row = np.repeat([0, 1], [2, 100_000])
    best = np.full(len(row), 0.75)
    found = scores.sequence_least_confidence(best, row, 2)
    close(found, [1 - 0.75**2, 1.0])
    assert found[1] == 1.0
    close(scores.sequence_least_confidence(best, row, 2, normalized=True), [-np.log(0.75)] * 2)


def test_a_sure_text_scores_what_is_left_and_no_negative_zero():
    found = scores.sequence_least_confidence([1.0, 1 - 1e-15], [0, 1], 2)
    assert str(found[0]) == "0.0" and found[1] == pytest.approx(1e-15, rel=0.12)
    sure = scores.sequence_least_confidence([[1.0, 0.0]], [0], 1, normalized=True)
    assert str(sure[0]) == "0.0"


# Pixels and regions


@st.composite
def segmented(draw):
    """Images (H, W, C) and their maps of regions, of several sizes."""
    n_classes = draw(st.integers(1, 3))
    images, regions = [], []
    dtype = draw(st.sampled_from([np.float64, np.float32]))
    for _ in range(draw(st.integers(0, 3))):
        shape = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
        images.append(distributions(draw, (*shape, n_classes), dtype))
        numbers = hnp.arrays(np.int16, shape, elements=st.sampled_from([-1, 0, 3, 700]))
        regions.append(frozen(draw(numbers)))
    return images, regions


@given(segmented(), doubts, reductions, st.sampled_from([1.0, 0.5, 0.1, 0.34]))
def test_pixel_uncertainty_equals_its_twin(images_and_regions, by, reduce, share):
    images, _ = images_and_regions
    share = 1.0 if reduce == "max" else share
    found = scores.pixel_uncertainty(iter(images), by=by, reduce=reduce, share=share)
    twin = [naive.pixel_uncertainty(image.astype(float), by, reduce, share) for image in images]
    close(found, twin)


@given(segmented(), doubts, reductions)
def test_region_uncertainty_equals_its_twin(images_and_regions, by, reduce):
    images, regions = images_and_regions
    found = scores.region_uncertainty(iter(images), iter(regions), by=by, reduce=reduce)
    expected = [
        (score, at, number, size)
        for at, (image, numbers) in enumerate(zip(images, regions, strict=True))
        for number, (score, size) in sorted(
            naive.region_uncertainty(image.astype(float), numbers, by, reduce).items()
        )
    ]
    for values, column in zip(found, zip(*expected, strict=True), strict=bool(expected)):
        np.testing.assert_allclose(values, column, **CLOSE)
    assert all(len(values) == len(expected) for values in found)
    assert [values.dtype.kind for values in found] == ["f", "i", "i", "i"]


@given(segmented(), doubts)
def test_regions_sum_up_to_their_image_and_an_image_of_one_region_scores_as_it(
    images_and_regions, by
):
    images, regions = images_and_regions
    cut = scores.region_uncertainty(images, [abs(each) for each in regions], by=by, reduce="sum")
    sums = scores.over_parts(cut.score, cut.row, len(images), reduce="sum")
    close(sums, scores.pixel_uncertainty(images, by=by, reduce="sum"))
    one = scores.region_uncertainty(images, [0 * each for each in regions], by=by)
    close(one.score, scores.pixel_uncertainty(images, by=by))


def test_images_given_whole_score_as_one_by_one_and_as_tensors():
    rng = np.random.default_rng(0)
    images = rng.dirichlet(np.ones(3), size=(2, 4, 5)).astype(np.float32)
    regions = np.arange(20).reshape(4, 5)[None] // [[[6]], [[4]]]
    whole = scores.pixel_uncertainty(images, by="entropy")
    assert whole.tolist() == scores.pixel_uncertainty(list(images), by="entropy").tolist()
    found = scores.region_uncertainty(images, regions)
    again = scores.region_uncertainty(images.tolist(), (each for each in regions))
    for a, b in zip(found, again, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    torch = pytest.importorskip("torch")
    tensors = torch.tensor(images, requires_grad=True)
    assert scores.pixel_uncertainty(tensors, by="entropy").tolist() == whole.tolist()
    heatmaps = torch.tensor(images).to(torch.bfloat16)
    assert len(scores.multi_peak_entropy(heatmaps)) == 2


def test_parts_are_given_as_tensors_with_a_gradient_and_in_bfloat16():
    torch = pytest.importorskip("torch")
    proba, row = torch.tensor([[0.5, 0.5], [0.75, 0.25], [1.0, 0.0]]), torch.tensor([0, 0, 1])
    for of_net in (proba.clone().requires_grad_(), proba.to(torch.bfloat16)):
        sure = of_net[:, 0]
        assert scores.part_uncertainty(of_net, row, 2).tolist() == [1.5, 0]
        assert scores.sequence_least_confidence(of_net, row, 2).tolist() == [0.625, 0]
        assert scores.over_parts(sure, row, 2).tolist() == [1.25, 1]
        assert scores.objectness_least_confidence(sure, row, 2).tolist() == [0.75, 0]
        assert scores.keypoint_least_confidence(of_net, row, 2).tolist() == [1, 0.5]
    assert scores.object_frequency(torch.tensor([1, 1, 2]), row, 2).tolist() == [1.25, 1]


def test_images_from_a_generator_are_in_memory_one_at_a_time():
    shape, n = (256, 256, 4), 8
    n_bytes = np.prod(shape) * 8

    def images():
        for _ in range(n):
            yield np.full(shape, 0.25)

    regions = (np.zeros(shape[:2], dtype=int) for _ in range(n))
    scores.pixel_uncertainty(np.full((1, 2, 2, 1), 1.0))
    for score in (
        lambda: scores.pixel_uncertainty(images(), share=0.1),
        lambda: scores.region_uncertainty(images(), regions),
        lambda: scores.multi_peak_entropy(images()),
    ):
        tracemalloc.start()
        score()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 5 * n_bytes


# Keypoints


@st.composite
def heatmaps(draw):
    """Heatmaps (K, H, W) with plateaus, negative numbers and empty ones."""
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 6)))
    levels = st.sampled_from([-1.0, 0.0, 0.1, 0.125, 0.5, 1.0, 30.0])
    return frozen(draw(hnp.arrays(np.float64, shape, elements=levels)))


@given(
    st.lists(heatmaps(), max_size=3),
    st.integers(1, 3),
    st.sampled_from([0.1, 0.0, -5.0]),
    reductions,
)
def test_multi_peak_entropy_equals_its_twin(images, radius, lowest, reduce):
    found = scores.multi_peak_entropy(iter(images), radius=radius, lowest=lowest, reduce=reduce)
    close(found, [naive.multi_peak_entropy(each, radius, lowest, reduce) for each in images])


@given(heatmaps(), st.integers(1, 3))
def test_a_turned_or_mirrored_heatmap_has_the_same_peaks(each, radius):
    turned = [each, each[:, ::-1], each.swapaxes(1, 2), each[::-1]]
    found = scores.multi_peak_entropy(turned, radius=radius)
    close(found, [found[0]] * 4)


def test_two_places_that_are_as_likely_have_the_entropy_of_a_coin_each():
    def spot(at):
        points = np.zeros((64, 64))
        points[at] = 1.0
        return ndimage.gaussian_filter(points, 2) / ndimage.gaussian_filter(points, 2).max()

    one, two = spot((20, 20)), np.maximum(spot((20, 20)), spot((44, 50)))
    found = scores.multi_peak_entropy([[one, one], [one, two], [two, two]])
    close(found, [0.0, np.log(2), 2 * np.log(2)])
    # exp(1) and exp(.5): the paper's softmax of heights
    weaker = np.maximum(spot((20, 20)), 0.5 * spot((44, 50)))
    q = 1 / (1 + np.exp(-0.5))
    expected = -q * np.log(q) - (1 - q) * np.log(1 - q)
    close(scores.multi_peak_entropy([[weaker]]), [expected])


# Refusals

MIXED = np.array([0.5, 1.5], dtype=object)
P, ROW = np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([0, 1])
IMAGE = np.array([[[0.5, 0.25, 0.25], [1.0, 0.0, 0.0]]])  # (1, 2, 3)
of = scores.over_parts
objectness, sequence = scores.objectness_least_confidence, scores.sequence_least_confidence
pixels, regions_of, keypoints = (
    scores.pixel_uncertainty,
    scores.region_uncertainty,
    scores.keypoint_least_confidence,
)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: of([1.0], [0, 1], 2), ValueError, "values of 1 parts and row of 2"),
        (lambda: of([1.0, 2.0], [[0, 1]], 2), ValueError, r"row of shape \(1, 2\)"),
        (lambda: of([1.0, 2.0], [0, 2], 2), ValueError, "positions from 0 to 2"),
        (lambda: of([1.0, 2.0], [0, -1], 2), ValueError, "positions from -1 to 0"),
        (lambda: of([1.0, 2.0], [0.0, 1.0], 2), TypeError, "integer positions"),
        (lambda: of([1.0, 2.0], [True, False], 2), TypeError, "integer positions"),
        (lambda: of([1.0, np.nan], ROW, 2), ValueError, "nan at part 1"),
        (lambda: of([np.inf, 1.0], ROW, 2), ValueError, "inf at part 0"),
        (lambda: of(["a", "b"], ROW, 2), ValueError, "give a number for each part"),
        (lambda: of(P, ROW, 2), ValueError, r"values of shape \(2, 2\)"),
        (lambda: of(np.ma.array([1.0, 2], mask=[0, 1]), ROW, 2), ValueError, "masked"),
        (lambda: of([1.0, 2.0], np.ma.array(ROW, mask=[0, 1]), 2), ValueError, "masked"),
        (lambda: of([1.0, 2.0], ROW, 2, reduce="median"), ValueError, "'sum', 'mean' or 'max'"),
        (lambda: of([1.0, 2.0], ROW, 2, reduce=np.max), ValueError, "'sum', 'mean' or 'max'"),
        (lambda: of([1.0, 2.0], ROW, 2, empty=np.nan), ValueError, "empty=nan"),
        (lambda: of([1.0, 2.0], ROW, 2, empty=None), ValueError, "empty=None"),
        (lambda: of([], [], True), ValueError, "n_rows=True"),
        (lambda: of([], [], -1), ValueError, "n_rows=-1"),
        (lambda: scores.part_uncertainty(P, ROW, 2, by="BALD"), ValueError, "give 'least_conf"),
        (lambda: scores.part_uncertainty(P / 2, ROW, 2), ValueError, "label_least_confidence"),
        (lambda: scores.part_uncertainty(P, [0], 2), ValueError, "proba of 2 parts and row of 1"),
        (lambda: scores.part_uncertainty([1.5, 0], ROW, 2), ValueError, "1.5 at part 0"),
        (lambda: scores.part_uncertainty(P[0], ROW[:1], 2), ValueError, "proba of 2 parts"),
        (lambda: objectness([3.0, -2.0], ROW, 2), ValueError, "3 at part 0.*expit"),
        (lambda: objectness([0.5, -0.1], ROW, 2), ValueError, "-0.1 at part 1"),
        (lambda: objectness(["a", "b"], ROW, 2), ValueError, "objectness"),
        (lambda: scores.object_frequency([0], ROW, 2), ValueError, r"category of shape \(1,\)"),
        (lambda: scores.object_frequency([0, np.nan], ROW, 2), TypeError, "whole numbers or names"),
        (lambda: scores.object_frequency(["a", None], ROW, 2), TypeError, "whole numbers or names"),
        (lambda: scores.object_frequency(MIXED, ROW, 2), TypeError, "whole numbers or names"),
        (lambda: scores.object_frequency([0, 1], ROW, 2, penalty=2), ValueError, "penalty=2"),
        (lambda: scores.object_frequency([0, 1], ROW, 2, penalty=-1), ValueError, "penalty=-1"),
        (lambda: sequence([0.0, 0.5], ROW, 2), ValueError, "proba 0 at part 0"),
        (lambda: sequence(P / 2, ROW, 2), ValueError, "sums to one"),
        (lambda: sequence(P, ROW, 2, normalized="yes"), TypeError, "normalized='yes'"),
        (lambda: sequence(P, [0], 2), ValueError, "proba of 2 parts"),
        (lambda: sequence([0.5, 1.25], ROW, 2), ValueError, "1.25 at part 1"),
        (lambda: sequence(["a", "b"], ROW, 2), ValueError, "a number for each part"),
        (lambda: sequence(P[None], ROW, 2), ValueError, r"shape \(1, 2, 2\)"),
        (lambda: sequence([-0.5, 0.5], ROW, 2), ValueError, "-0.5 at part 0"),
        (lambda: keypoints(P, [0], 2), ValueError, r"confidence of shape \(2, 2\)"),
        (lambda: keypoints(P[0], ROW, 2), ValueError, r"confidence of shape \(2,\)"),
        (lambda: keypoints(P * 2, ROW, 2), ValueError, "2 at part 2"),
        (lambda: keypoints(P[:, :0], ROW, 2), ValueError, "confidence of each keypoint"),
        (lambda: keypoints(P, ROW, 2, of_object="min"), ValueError, "of_object='min'"),
        (lambda: pixels(IMAGE), ValueError, r"write proba\[None\]"),
        (lambda: pixels(P), ValueError, r"give \(n, H, W, C\)\.$"),
        (lambda: pixels([IMAGE, P]), ValueError, r"image 1 of shape \(2, 2\)"),
        (lambda: pixels([np.moveaxis(IMAGE, 2, 0)]), ValueError, r"moveaxis\(proba, 0, -1\)"),
        (lambda: pixels([IMAGE / 2]), ValueError, "pixels of image 0.*sum 0.5"),
        (lambda: pixels([IMAGE * np.nan]), ValueError, "pixels of image 0"),
        (lambda: pixels([np.ma.array(IMAGE, mask=IMAGE == 1)]), ValueError, "masked"),
        (lambda: pixels([IMAGE[:0]]), ValueError, r"shape \(0, 2, 3\)"),
        (lambda: pixels([IMAGE], share=0), ValueError, "share=0"),
        (lambda: pixels([IMAGE], share=1.5), ValueError, "share=1.5"),
        (lambda: pixels([IMAGE], reduce="max", share=0.5), ValueError, "reads one pixel"),
        (lambda: pixels([IMAGE], by="max"), ValueError, "by='max'"),
        (lambda: regions_of([IMAGE], []), ValueError, "proba of more than 0 images"),
        (lambda: regions_of([], [[[0, 0]]]), ValueError, "regions of more than 0 images"),
        (lambda: regions_of([IMAGE], [[0, 0]]), ValueError, r"regions of image 0 of shape \(2,\)"),
        (lambda: regions_of([IMAGE], [[[0.0, 0]]]), ValueError, "an integer for each pixel"),
        (lambda: regions_of([IMAGE], [np.zeros((1, 2), bool)]), ValueError, "an integer"),
        (lambda: regions_of([IMAGE], [np.zeros((1, 2), np.uint64)]), ValueError, "an integer"),
        (lambda: regions_of([IMAGE], np.zeros((1, 2), int)), ValueError, r"write regions\[None\]"),
        (lambda: scores.part_uncertainty([1.0000001], [0], 1), ValueError, "1.0000001 at part 0"),
        (lambda: pixels(3), TypeError, "proba of type int"),
        (lambda: regions_of([IMAGE], None), TypeError, "regions of type NoneType"),
        (lambda: scores.multi_peak_entropy(None), TypeError, "heatmaps of type NoneType"),
        (lambda: scores.multi_peak_entropy(IMAGE), ValueError, r"write heatmaps\[None\]"),
        (lambda: scores.multi_peak_entropy([IMAGE * np.nan]), ValueError, "NaN or infinity"),
        (lambda: scores.multi_peak_entropy([IMAGE[0]]), ValueError, r"shape \(K, H, W\)"),
        (lambda: scores.multi_peak_entropy([IMAGE], radius=0), ValueError, "radius=0"),
        (lambda: scores.multi_peak_entropy([IMAGE], lowest="a"), ValueError, "lowest='a'"),
        (lambda: scores.multi_peak_entropy([IMAGE], reduce="a"), ValueError, "reduce='a'"),
    ],
)
def test_what_cannot_be_scored_is_refused_in_a_sentence(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_without_any_part_rows_have_the_value_of_rows_without_parts():
    none, n = np.zeros(0, dtype=int), 3
    for found in (
        of([], none, n, empty=0.5),
        objectness([], none, n, empty=0.5),
        scores.part_uncertainty(np.zeros((0, 4)), none, n, empty=0.5),
        scores.part_uncertainty([], none, n, empty=0.5),
        sequence(np.zeros((0, 4)), none, n, empty=0.5),
        keypoints(np.zeros((0, 17)), none, n, empty=0.5),
        keypoints([], none, n, empty=0.5),
    ):
        assert found.tolist() == [0.5] * 3
    assert scores.object_frequency([], none, n).tolist() == [0.0] * 3
    assert of([], none, 0).shape == pixels([]).shape == scores.multi_peak_entropy([]).shape == (0,)
    assert [len(each) for each in regions_of([], [])] == [0] * 4
