"""torch's rows: tensors on their device, Datasets as lazy rows of inputs without their labels."""

import itertools
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from skactive import ActiveLearner, Pool
from skactive.data.conform import conform
from skactive.data.datasets import Augmented, DatasetRows, is_dataset
from skactive.data.fingerprint import fingerprint
from skactive.data.rows import Rows, check_rows, join, row_bytes, take
from skactive.data.tensors import as_array, is_tensor

torch = pytest.importorskip("torch")
data = pytest.importorskip("torch.utils.data")

from devices import on_each_device  # noqa: E402

DTYPES = [
    getattr(torch, name)
    for name in (
        *("float64", "float32", "float16", "bfloat16", "complex64"),
        *("int64", "int32", "int8", "uint8", "bool"),
    )
]


class Digits(data.Dataset):
    """Item i is (input i, label), of inputs that are whatever a list holds."""

    def __init__(self, inputs, label="wrong"):
        self.inputs, self.label = list(inputs), label

    def __len__(self):
        return len(self.inputs)

    def __getitem__(self, i):
        if not 0 <= i < len(self):  # a position from the end would be none of skactive's
            raise IndexError(i)
        return self.inputs[i], self.label


class Unlabeled(Digits):
    """Item i is the input itself."""

    def __getitem__(self, i):
        return super().__getitem__(i)[0]


class Batched(Digits):
    """Reads many items at once, and counts how often."""

    reads = 0

    def __getitems__(self, indices):
        self.reads += 1
        return [self[i] for i in indices]


class Guarded(tuple):
    """An item whose label raises when it is looked at."""

    def __getitem__(self, i):
        assert i == 0, "the Dataset's own label was read"
        return super().__getitem__(i)

    def __iter__(self):
        raise AssertionError("the Dataset's own label was read")


class Secret(Digits):
    def __getitem__(self, i):
        return Guarded(super().__getitem__(i))


class Noisy(Digits):
    """Random augmentation: no two readings are equal."""

    def __getitem__(self, i):
        image, label = super().__getitem__(i)
        return image + torch.rand(()) / 2, label


def images(n, begin=0):
    return [torch.full((1, 2, 2), float(begin + i)) for i in range(n)]


def augmented(n):
    return Augmented(training=Noisy(images(n)), evaluation=Digits(images(n)))


# Tensors


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(5,), (5, 3), (5, 1, 2, 2)], ids=str)
def test_rows_of_a_tensor_are_those_of_the_equal_array(dtype, shape):
    X = torch.arange(int(np.prod(shape))).reshape(shape).to(dtype)
    array = as_array(X)
    positions = [4, 0, 0, 2]
    assert check_rows(X) is X
    assert torch.equal(take(X, positions), X[positions])
    assert take(X, positions).dtype == dtype
    rows = Rows(X[:2], X[2:])
    assert torch.equal(rows.take(positions), X[positions])
    assert torch.equal(rows.whole(), X)
    assert row_bytes(X) == X[0].numel() * X.element_size()
    assert fingerprint(Rows(X), positions) == fingerprint(Rows(array), positions)
    np.testing.assert_array_equal(array, np.array(X.tolist()))


def test_a_slice_of_a_tensor_is_a_view_and_what_is_taken_a_copy():
    X = torch.arange(10.0)
    rows = Rows(X)
    assert rows.slice(2, 5).data_ptr() == X[2:].data_ptr()
    assert rows.whole() is X
    rows.take([0, 1, 2])[:] = -1
    assert X.tolist() == list(range(10))


def test_positions_beyond_a_tensor_are_refused_before_torch_sees_them():
    for positions in ([0, 3], [-1]):
        with pytest.raises(IndexError, match=r"row (3|-1) is beyond the 3 rows"):
            take(torch.eye(3), positions)


def test_a_tensor_that_requires_a_gradient_is_taken_detached():
    X = torch.eye(3, requires_grad=True)
    rows = check_rows(X)
    assert not rows.requires_grad
    assert rows.data_ptr() == X.data_ptr()


def test_tensors_without_rows_to_take_are_refused_in_words():
    with pytest.raises(TypeError, match=r"query got a sparse tensor.*; write X\.to_dense\(\)"):
        check_rows(torch.eye(3).to_sparse(), "query")
    with pytest.raises(TypeError, match=r"fit got a tensor without dimension; write a tensor of"):
        check_rows(torch.tensor(3))
    nested = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged)
    with pytest.raises(TypeError, match=r"fit got a nested tensor, .*write X\.to_padded_tensor"):
        check_rows(nested)


def test_a_cut_of_a_tensor_is_pickled_without_what_it_was_cut_from():
    X = torch.arange(100_000.0)
    stored = pickle.dumps(Rows(X[10:20], X[::50_000]))
    assert len(stored) < 5000
    assert pickle.loads(stored).whole().tolist() == [*range(10, 20), 0, 50_000]


@pytest.mark.parametrize(
    ("X", "like", "expected"),
    [
        (np.ones((1, 2)), torch.zeros(1, 2), torch.tensor([[0, 0], [1, 1]]).double()),
        (np.ones((1, 2), ">f4"), torch.zeros(1, 2), torch.tensor([[0.0, 0], [1, 1]])),
        ([[1.5, 2]], torch.zeros(1, 2), torch.tensor([[0, 0], [1.5, 2]])),
        ([[1, 2]], torch.zeros(1, 2).bfloat16(), torch.tensor([[0, 0], [1, 2]]).bfloat16()),
        ([[True, False]], torch.zeros(1, 2), torch.tensor([[0.0, 0], [1, 0]])),
        ([[1.5, 2]], torch.zeros(1, 2, dtype=int), torch.tensor([[0, 0], [1.5, 2]]).double()),
        ([torch.ones(2).half()], torch.zeros(1, 2).half(), torch.tensor([[0, 0], [1, 1]]).half()),
        ([torch.ones(2).bfloat16()] * 2, torch.zeros(0, 2).bfloat16(), torch.ones(2, 2).bfloat16()),
        ([torch.tensor(1), torch.tensor(1.5)], torch.zeros(1), torch.tensor([0, 1, 1.5]).double()),
        ([], torch.zeros(1, 2), torch.zeros(1, 2)),
        (np.zeros((0, 2)), torch.zeros(1, 2), torch.zeros(1, 2)),
    ],
)
def test_arrays_and_lists_join_a_pool_of_tensors(X, like, expected):
    joined = join([like, conform(X, like, "extend")])
    torch.testing.assert_close(joined, expected, rtol=0, atol=0)


def test_an_array_that_may_not_be_written_to_joins_a_tensor_without_a_warning(recwarn):
    X = np.ones((2, 2))[::-1]
    X.flags.writeable = False
    assert conform(X, torch.zeros(1, 2), "extend").tolist() == [[1, 1], [1, 1]]
    assert len(recwarn) == 0


def test_tensors_join_a_pool_of_arrays_or_of_a_list():
    new = torch.ones(1, 2, dtype=torch.bfloat16)
    assert conform(new, np.zeros((1, 2)), "extend").tolist() == [[1, 1]]
    assert conform(list(new), np.zeros((1, 2)), "extend").tolist() == [[1, 1]]
    assert conform(new, [[0.0, 0.0]], "extend") == [[1.0, 1.0]]
    (row,) = conform(new, [np.zeros(2)], "extend")
    assert isinstance(row, np.ndarray)
    for X in (new, new.float().numpy()):
        (row,) = conform(X, [torch.zeros(2)], "extend")
        assert is_tensor(row)
        assert row.tolist() == [1, 1]


REFUSED = [
    (
        torch.eye(3),
        sp.eye(3, format="csr"),
        "extend: X is a torch tensor, the pool is a sparse matrix; "
        "write scipy.sparse.csr_matrix(X.numpy(force=True)).",
    ),
    (
        sp.eye(3, format="csr"),
        torch.eye(3),
        "extend: X is a sparse matrix, the pool is a torch tensor; "
        "write torch.as_tensor(X.toarray()).",
    ),
    (torch.eye(3), torch.eye(4), "extend: X has 3 columns, the pool has 4."),
    (np.eye(3), torch.eye(4), "extend: X has 3 columns, the pool has 4."),
    (torch.eye(3), np.eye(4), "extend: X has 3 columns, the pool has 4."),
    (torch.ones(3), torch.eye(3), "X has 1 dimension, the pool has 2; for a single row i write"),
    (
        torch.ones(1, 2, 2),
        torch.ones(1, 3, 3),
        "extend: X has rows of shape (2, 2), the pool has rows of shape (3, 3).",
    ),
    ([[1, 2], [3]], torch.eye(2), "extend: the rows of X differ in shape; write rows of one shape"),
    (
        [torch.ones(2), torch.ones(3)],
        torch.eye(2),
        "extend: the rows of X differ in shape; write rows of one shape",
    ),
    (
        np.array([["a", "b"]]),
        torch.eye(2),
        'extend: X has dtype <U1, the pool float32; write X.astype("float32").',
    ),
    (
        np.array([[1, None]]),
        torch.eye(2).bfloat16(),
        'extend: X has dtype object, the pool bfloat16; write X.astype("float32").',
    ),
    ([1.5], [torch.ones(2)], "extend: X is a single row, the pool has a list of rows; write [X]."),
    (
        np.eye(2),
        DatasetRows("ab"),
        "extend: X is an array, the pool is a torch Dataset; "
        "write torch.utils.data.StackDataset(X).",
    ),
    (["a"], DatasetRows("ab"), "X is a list, the pool is a torch Dataset; write torch.utils.data"),
    (torch.eye(2), DatasetRows("ab"), "write torch.utils.data.StackDataset(X)."),
    (sp.eye(2, format="csr"), DatasetRows("ab"), "StackDataset(X.toarray())."),
    (
        DatasetRows("ab"),
        np.eye(2),
        "extend: X is a torch Dataset, the pool is an array; write numpy.stack([x for x, _ in X]).",
    ),
    (DatasetRows("ab"), torch.eye(2), "tensor; write torch.stack([x for x, _ in X])."),
    (DatasetRows("ab"), ["a"], "the pool is a list; write [x for x, _ in X]."),
]


@pytest.mark.parametrize(("X", "like", "text"), REFUSED)
def test_rows_that_do_not_join_torch_s_are_refused_with_the_line_to_write(X, like, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        conform(X, like, "extend")


def test_the_line_that_a_refusal_writes_makes_a_dataset_that_joins():
    for X in (np.eye(2), torch.eye(2), np.eye(2).tolist()):
        new = conform(data.StackDataset(X), DatasetRows(Digits(images(3))), "extend")
        assert [list(map(float, row)) for row in new] == [[1, 0], [0, 1]]


@on_each_device
def test_rows_of_a_tensor_stay_on_its_device(device):
    X = torch.arange(12.0, device=device).reshape(6, 2)
    rows = Rows(X, conform(X[:2].cpu(), X, "extend"), conform(np.ones((1, 2)), X, "extend"))
    assert {rows.take([7, 0, 8]).device, rows.whole().device, rows.slice(1, 3).device} == {X.device}
    assert rows.take([7, 0, 8]).tolist() == [[2, 3], [0, 1], [1, 1]]
    assert conform(X, np.eye(2), "extend").tolist() == X.tolist()
    assert fingerprint(Rows(X), [1, 5]) == fingerprint(Rows(X.cpu().numpy()), [1, 5])
    with pytest.raises(IndexError, match="row 6 is beyond the 6 rows"):
        take(X, [6])
    assert (X + 1).sum().item() == 78  # the device still answers


# Datasets as lazy rows


@st.composite
def keys(draw, n):
    """A slice, positions with repeats and from the end, or a mask, of n rows."""
    ends = st.none() | st.integers(-n - 2, n + 2)
    slices = st.builds(slice, ends, ends, st.sampled_from([None, 1, 2, -1, -3]))
    arrays = st.lists(st.integers(-n, n - 1), max_size=8) if n else st.just([])
    masks = st.lists(st.booleans(), min_size=n, max_size=n)
    return draw(
        st.one_of(
            slices,
            arrays,
            arrays.map(lambda numbers: np.array(numbers, dtype=int)),
            arrays.map(lambda numbers: torch.tensor(numbers, dtype=int)),
            masks.map(lambda mask: np.array(mask, dtype=bool)),
        )
    )


@given(st.data())
def test_subsets_and_joins_of_rows_compose_as_those_of_an_array(d):
    sizes = d.draw(st.lists(st.integers(0, 6), min_size=1, max_size=4))
    begins = np.cumsum([0, *sizes])
    kinds = d.draw(st.lists(st.sampled_from([Digits, Unlabeled, Batched]), min_size=4, max_size=4))
    arrays = [np.arange(a, b) for a, b in itertools.pairwise(begins)]
    pool = [
        (DatasetRows(kind(array.tolist())), array)
        for kind, array in zip(kinds, arrays, strict=False)
    ]
    for _ in range(d.draw(st.integers(1, 5))):
        if d.draw(st.booleans()):
            rows, array = d.draw(st.sampled_from(pool))
            key = d.draw(keys(len(array)))
            pool.append(
                (
                    rows[key],
                    array[key]
                    if isinstance(key, slice | np.ndarray)
                    else array[as_array(key).astype(int)],
                )
            )
        else:
            parts = d.draw(st.lists(st.sampled_from(pool), min_size=1, max_size=3))
            pool.append((join([rows for rows, _ in parts]), np.concatenate([a for _, a in parts])))
        rows, array = pool[-1]
        assert len(rows) == len(array)
        assert list(rows) == array.tolist()
        assert rows.__getitems__(range(len(rows))) == array.tolist()
        assert [rows.with_labels(-array)[i] for i in range(len(rows))] == [(v, -v) for v in array]


def test_nothing_is_read_until_a_row_is_asked_for():
    read = []

    class Counted(Digits):
        def __getitem__(self, i):
            read.append(i)
            return super().__getitem__(i)

    rows = check_rows(Counted(range(1000)))
    pool = Rows(rows[:600], rows[600:])
    part = join([pool.take([900, 3, 5]), pool.slice(100, 200), pool.whole()])
    assert row_bytes(part) == 1
    assert (repr(part), len(part)) == ("DatasetRows(1103 of 1000 rows of Counted)", 1103)
    assert read == []
    assert (part[0], part[-1]) == (900, 999)
    assert read == [900, 999]


def test_a_dataset_that_has_grown_joins_the_rows_it_had_before():
    digits = Digits("abc")
    before = check_rows(digits)
    digits.inputs.append("d")
    after = check_rows(digits)
    assert list(join([before, after])) == [*"abc", *"abcd"]
    assert list(join([after, before])) == [*"abcd", *"abc"]


def test_slices_that_go_on_as_one_cost_no_memory():
    rows = DatasetRows(range(10**9))
    halves = join([rows[: 10**8], rows[10**8 :][: 10**8]])
    assert len(pickle.dumps(halves)) < 1000
    assert halves[-1] == 2 * 10**8 - 1
    other = join([rows, DatasetRows(range(5))])[10**7 :]
    assert len(pickle.dumps(other)) < 1000
    assert (other[0], other[-6], other[-5]) == (10**7, 10**9 - 1, 0)


@pytest.mark.parametrize(
    "key", [[0, 5], [-6], np.array([7]), [0.5], [[0, 1]], [True], np.array([True] * 6)]
)
def test_keys_that_name_no_rows_are_index_errors(key):
    with pytest.raises(IndexError, match=r"beyond the 5 rows|write integers in one dimension"):
        DatasetRows("abcde")[key]


def test_a_number_beyond_the_rows_is_an_index_error_and_a_key_of_text_a_type_error():
    rows = DatasetRows("abcde")
    for subset in (rows, rows[[1, 2, 0, 4, 3]]):
        with pytest.raises(IndexError):
            subset[5]
        assert (subset[-5], subset[np.int8(0)], subset[torch.tensor(0)]) == (subset[0],) * 3
    with pytest.raises(TypeError):
        rows["a"]
    with pytest.raises(TypeError):
        rows[0.5]


def test_the_input_is_the_first_of_a_pair_and_else_the_item():
    def first(item):
        return check_rows(Unlabeled([item]))[0]

    image = torch.eye(2)
    assert first((image, 3)) is image
    assert first([image, 3]) is image
    assert first((image,)) is image
    assert first(image) is image
    tokens = {"input_ids": image, "mask": image}
    assert first(tokens) is tokens
    assert first((tokens, 3)) is tokens
    assert first("text") == "text"


def test_a_dataset_s_own_labels_are_never_looked_at():
    rows = check_rows(Secret(images(6)))
    part = join([rows[3:], rows[[0, 2]]])
    assert [int(row.max()) for row in part] == [3, 4, 5, 0, 2]
    y = np.arange(5)
    assert [label for _, label in data.DataLoader(part.with_labels(y), batch_size=None)] == [*y]
    assert {label for _, label in data.DataLoader(part.for_passes(), batch_size=None)} == {0}
    part.refuse_random()
    fingerprint(Rows(part), [0, 1])


def test_a_fingerprint_of_a_dataset_does_not_depend_on_its_labels_or_its_tensors():
    right = fingerprint(Rows(check_rows(Digits(images(6), label=1))), [1, 4])
    assert fingerprint(Rows(check_rows(Secret(images(6)))), [1, 4]) == right
    arrays = [image.numpy().astype("f8") for image in images(6)]
    assert fingerprint(Rows(check_rows(Unlabeled(arrays))), [1, 4]) == right
    assert fingerprint(Rows(check_rows(Digits(images(6)[::-1]))), [1, 4]) != right


def test_dicts_of_tensors_are_fingerprinted_by_value():
    def tokens(at=0):
        ids = torch.zeros(2000, dtype=int)
        ids[1000] = at  # where the text of a tensor would say "..."
        return [{"ids": ids, "mask": ids.bool()}, {"ids": ids}]

    def printed(rows):
        return fingerprint(Rows(check_rows(Unlabeled(rows))), [0, 1])

    swapped = [dict(reversed(row.items())) for row in tokens()]
    renamed = [{"other": row["ids"]} for row in tokens()]
    assert printed(tokens()) == printed(tokens()) == printed(swapped)
    assert len({printed(tokens()), printed(tokens(5)), printed(renamed)}) == 3


def test_pictures_are_fingerprinted_and_compared_by_value():
    picture = pytest.importorskip("PIL.Image")

    def pictures(value):
        return DatasetRows([picture.new("L", (4, 4), value) for _ in range(3)])

    pictures(3).refuse_random()
    assert fingerprint(Rows(pictures(3)), [0]) == fingerprint(Rows(pictures(3)), [0])
    assert fingerprint(Rows(pictures(3)), [0]) != fingerprint(Rows(pictures(4)), [0])


def test_items_are_read_together_where_the_dataset_offers_it():
    dataset = Batched(images(10))
    rows = DatasetRows(dataset)[::-1]
    assert [int(row.max()) for row in rows.__getitems__([0, 5, 1])] == [9, 4, 8]
    assert dataset.reads == 1
    inputs, labels = next(iter(data.DataLoader(rows.with_labels(np.arange(10)), batch_size=4)))
    assert inputs[:, 0, 0, 0].tolist() == [9, 8, 7, 6]
    assert labels.tolist() == [0, 1, 2, 3]
    assert dataset.reads == 2


def test_subsets_and_concatenations_are_taken_apart():
    digits = Digits(range(10))
    both = data.ConcatDataset([digits, data.Subset(digits, [7, 8]), Unlabeled("ab")])
    rows = check_rows(data.Subset(both, [0, 10, 13, -1]))
    assert list(rows) == [0, 7, "b", "b"]
    assert repr(rows) == "DatasetRows(4 of 12 rows of Digits and 1 more)"
    assert list(check_rows(data.Subset(digits, torch.tensor([4, 2])))) == [4, 2]
    assert list(check_rows(data.random_split(digits, [7, 3])[1])) != []


def test_a_subset_of_another_class_is_read_as_it_is():
    class Doubled(data.Subset):
        def __getitem__(self, i):
            return 2 * super().__getitem__(i)[0]

        def __getitems__(self, indices):
            return [self[i] for i in indices]

    assert list(check_rows(Doubled(Digits(range(10)), [4, 2]))) == [8, 4]


def test_a_skorch_dataset_is_read_as_its_inputs():
    dataset = pytest.importorskip("skorch.dataset").Dataset
    X = np.arange(6.0).reshape(3, 2)
    for y in (None, np.array([5, 6, 7])):
        assert np.array_equal(np.stack(list(check_rows(dataset(X, y)))), X)


def test_the_rows_say_in_a_line_what_they_are():
    rows = check_rows(Digits(range(60)))
    assert repr(rows) == "DatasetRows(60 rows of Digits)"
    assert repr(rows[5:9]) == "DatasetRows(4 of 60 rows of Digits)"
    assert repr(check_rows(Digits("a"))) == "DatasetRows(1 row of Digits)"
    assert repr(check_rows(augmented(4))) == "DatasetRows(4 rows of Noisy)"


def test_datasets_whose_items_have_no_numbers_are_refused():
    class Endless(data.IterableDataset):
        def __iter__(self):
            return iter(())

        def __len__(self):
            return 3

    class Uncounted(data.Dataset):
        def __getitem__(self, i):
            return i

    for dataset in (Endless(), Uncounted(), data.Subset(Endless(), [0])):
        text = r"fit got a (Endless|Uncounted), a torch Dataset whose items have no row numbers;"
        with pytest.raises(TypeError, match=text + " write one with __getitem__ and __len__"):
            check_rows(dataset)
    with pytest.raises(TypeError, match="Augmented got a Endless for evaluation; write a Dataset"):
        Augmented(Digits("abc"), Endless())


def test_only_datasets_and_their_rows_are_datasets():
    assert is_dataset(Digits("a"))
    assert is_dataset(DatasetRows("a"))
    assert is_dataset(augmented(1))
    assert not is_dataset(torch.eye(2))
    assert not is_dataset([1])


# What torch and skorch make of them


@pytest.mark.parametrize("workers", [0, 2])
def test_a_dataloader_reads_rows_in_order(workers):
    rows = join([check_rows(Digits(images(7))), check_rows(Unlabeled(images(5, begin=7)))])
    loader = data.DataLoader(rows, batch_size=5, num_workers=workers)
    assert torch.cat(list(loader))[:, 0, 0, 0].tolist() == list(range(12))
    pairs = data.DataLoader(rows.with_labels(np.arange(12)), batch_size=5, num_workers=workers)
    for inputs, labels in pairs:
        assert inputs[:, 0, 0, 0].tolist() == labels.tolist()


def test_rows_pairs_and_augmented_are_pickled_with_their_dataset():
    rows = check_rows(Augmented(Digits("abcde"), Digits("vwxyz")))[[3, 1]]
    for twin in map(pickle.loads, map(pickle.dumps, (rows, rows, rows.with_labels([5, 6]).rows))):
        assert list(twin) == ["y", "w"]
    pairs = pickle.loads(pickle.dumps(rows.with_labels([5, 6])))
    assert isinstance(pairs, data.Dataset)
    assert (pairs[0], pairs[1], len(pairs)) == (("d", 5), ("b", 6), 2)
    both = pickle.loads(pickle.dumps(Augmented(Digits("abc"), Digits("xyz"))))
    assert isinstance(both, Augmented)
    assert isinstance(both, data.Dataset)
    assert (both[0][0], both.evaluation[0][0]) == ("a", "x")


def test_a_pickle_is_read_in_a_process_that_has_not_imported_torch(tmp_path):
    pairs = check_rows(data.TensorDataset(torch.arange(3))).with_labels([5, 6, 7])
    (tmp_path / "pairs").write_bytes(pickle.dumps(pairs))
    code = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb'))[2])"
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "pairs"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["(tensor(2),", "np.int64(7))"]


def test_skorch_takes_the_pairs_and_the_rows_alike():
    skorch = pytest.importorskip("skorch")
    net = skorch.NeuralNetClassifier(
        torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 3)),
        criterion=torch.nn.CrossEntropyLoss,
        max_epochs=2,
        train_split=None,
        verbose=0,
    )
    rows = check_rows(Secret(images(12)))
    y = np.arange(12) % 3
    pairs = rows.with_labels(y)
    assert skorch.utils.is_dataset(pairs)
    assert skorch.utils.is_dataset(rows.for_passes())
    assert net.get_dataset(pairs) is pairs
    net.fit(pairs, y)
    expected = net.predict_proba(torch.stack(images(12)))
    np.testing.assert_allclose(net.predict_proba(rows.for_passes()), expected)
    np.testing.assert_allclose(net.predict_proba(rows), expected)


def test_labels_that_are_not_as_many_as_the_rows_are_refused():
    with pytest.raises(ValueError, match="with_labels got 2 labels for 3 rows; give one each"):
        check_rows(Digits("abc")).with_labels([0, 1])


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ([1, 0], [1, 0]),
        (np.array([0.5, 1], dtype="f4"), torch.tensor([0.5, 1])),
        (np.array([[0.5], [1]]), torch.tensor([[0.5], [1]]).double()),
        (torch.tensor([3, 4]), torch.tensor([3, 4])),
    ],
)
def test_labels_reach_a_batch_with_their_dtype(y, expected):
    _, labels = next(iter(data.DataLoader(check_rows(Digits([7, 8])).with_labels(y), 2)))
    torch.testing.assert_close(labels, torch.as_tensor(expected), rtol=0, atol=0)


# Random augmentation


def test_an_augmented_dataset_is_random_in_training_and_in_nothing_else():
    rows = join([check_rows(augmented(5)), check_rows(data.Subset(augmented(9), [8, 7]))])
    plain = [0, 1, 2, 3, 4, 8, 7]
    for _ in range(2):
        assert [row.max().item() for row in rows] == plain
        assert [row.max().item() for row, _ in data.DataLoader(rows.for_passes(), None)] == plain
    first, second = (
        [row.max().item() for row, _ in data.DataLoader(rows.with_labels(plain), None)]
        for _ in range(2)
    )
    assert first != second
    assert np.floor(first).tolist() == plain
    rows.refuse_random()
    assert fingerprint(Rows(rows), [0, 6]) == fingerprint(Rows(rows), [0, 6])


def test_a_dataset_s_own_evaluation_side_is_used_and_a_flag_of_that_name_is_not():
    noisy = Noisy(images(3))
    noisy.evaluation = Digits(images(3))
    check_rows(noisy).refuse_random()
    subset = data.Subset(Noisy(images(3)), [2, 1])
    subset.evaluation = Digits(images(2, begin=10))
    assert [row.max().item() for row in check_rows(subset)] == [10, 11]
    flagged = Digits(images(3))
    flagged.evaluation = True
    assert [row.max().item() for row in check_rows(flagged)] == [0, 1, 2]


def test_sides_of_different_lengths_are_refused():
    text = "the evaluation side of Augmented has 2 items, the training side 3; write two Datasets"
    with pytest.raises(ValueError, match=text):
        Augmented(Digits("abc"), Digits("ab"))
    broken = Digits("abc")
    broken.evaluation = Digits("ab")
    with pytest.raises(ValueError, match="the evaluation side of Digits has 2 items"):
        check_rows(broken)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda noise: noise,
        lambda noise: {"pixels": noise},
        lambda noise: ([noise], 3),
        lambda noise: noise.numpy(),
        lambda noise: f"{noise}",
        lambda noise: np.array([noise.item(), None], dtype=object),
        lambda noise: noise.expand(3)[: int(3 * noise)],
    ],
)
def test_rows_that_differ_when_read_again_are_refused(wrap):
    class Wrapped(Noisy):
        def __getitem__(self, i):
            return wrap(super().__getitem__(i)[0])

    torch.manual_seed(0)
    rows = check_rows(Wrapped([torch.tensor(0.2 * (i % 3)) for i in range(30)]))
    text = (
        r"fit got DatasetRows\(30 rows of Wrapped\), of which row \d+ differs .*; "
        r"write Augmented\(training=\.\.\., evaluation=\.\.\.\)"
    )
    with pytest.raises(ValueError, match=text):
        rows.refuse_random()


def test_rows_that_stay_the_same_are_accepted_though_they_are_made_anew():
    class Own:
        pass

    rows = [[torch.tensor(np.nan), np.array(["t", None], dtype=object), 0.5, None, "t"], {"a": ()}]

    class Fresh(Digits):
        def __getitem__(self, i):
            return [[*pickle.loads(pickle.dumps(rows)), Own()], "label"]

    check_rows(Fresh(range(3))).refuse_random()
    check_rows(Digits([]))[:0].refuse_random()


# Pools and learners


POOLS = {
    "tensor": lambda X: torch.tensor(X),
    "Dataset": lambda X: Secret(torch.tensor(X)),
    "augmented Dataset": lambda X: Augmented(
        training=Noisy(torch.tensor(X)), evaluation=Secret(torch.tensor(X))
    ),
}


@pytest.mark.parametrize("make", POOLS.values(), ids=POOLS)
def test_a_pool_over_torch_s_rows_labels_extends_and_is_resumed(make, tmp_path):
    X = np.arange(24.0).reshape(12, 2)
    pool = Pool(make(X))
    pool.label([3, 11], ["cat", "dog"])
    assert np.array_equal(np.stack([as_array(row) for row in pool.X_labeled]), X[[3, 11]])
    pool.extend(make(X[:2] + 100), ["cat", None])
    assert pool.labeled.tolist() == [3, 11, 12]
    assert len(pool) == len(pool.X) == 14
    assert as_array(pool.X[12]).tolist() == [100, 101]
    pool.save(tmp_path / "pool")
    whole = np.concatenate([X, X[:2] + 100])
    again = Pool.load(tmp_path / "pool", make(whole))
    assert again.y_labeled.tolist() == ["cat", "dog", "cat"]
    for other in (whole[::-1].copy(), whole[:13], whole + 1):
        with pytest.raises(ValueError):
            Pool.load(tmp_path / "pool", make(other))


def test_a_pool_of_a_tensor_is_loaded_over_the_equal_array(tmp_path):
    X = np.arange(24.0).reshape(12, 2)
    Pool(torch.tensor(X)).save(tmp_path / "pool")
    assert len(Pool.load(tmp_path / "pool", X)) == 12


def test_a_learner_asks_for_the_same_rows_of_a_tensor_as_of_an_array():
    X, truth = load_iris(return_X_y=True)
    y = np.where(np.arange(150) % 25 == 0, truth, -1)
    asked = []
    for rows_of in (np.asarray, torch.tensor):
        learner = ActiveLearner(LogisticRegression(max_iter=500), "margin", random_state=0)
        learner.fit(rows_of(X), y)
        for _ in range(3):
            idx, rows = learner.query(n_instances=4)
            assert type(rows) is type(rows_of(X))
            np.testing.assert_array_equal(rows, X[idx])
            learner.teach(idx, truth[idx])
            asked.append(idx.tolist())
        idx, rows = learner.query(rows_of(X[:50]), n_instances=2)
        learner.teach(rows, truth[idx])
        learner = pickle.loads(pickle.dumps(learner))
        asked.append([*idx.tolist(), *learner.query(n_instances=3)[0].tolist()])
        asked.append(learner.predict_proba(rows_of(X)).tolist())
    assert asked[:5] == asked[5:]
