"""Who answers: known labels, and a person who types and looks at rows."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.datasets import load_digits

from skactive import Known, Prompt
from skactive.loops.oracles import Command, as_blocks, as_image, show_row

COMMANDS = [("s", Command.SKIP), ("u", Command.UNDO), ("q", Command.QUIT)]
COMMANDS += [(command.value, command) for command in Command]


class Script:
    """A reader that types lines one after another, and keeps what it was prompted with."""

    def __init__(self, *lines):
        self.lines, self.prompts = list(lines), []

    def __call__(self, prompt):
        self.prompts.append(prompt)
        if not self.lines:
            raise EOFError
        return self.lines.pop(0)


def said(*lines, classes=None, given=None, **options):
    """What a prompt returns when these lines are typed; refuses lines that were left over."""
    script = Script(*lines)
    answer = Prompt(show=lambda row: None, classes=classes).ask(None, given, read=script, **options)
    assert script.lines == []
    return answer


def menu(classes=None, given=None, **options):
    """What a prompt says may be typed."""
    script = Script()
    Prompt(show=lambda row: None, classes=classes).ask(None, given, read=script, **options)
    (prompt,) = script.prompts
    return prompt


# Known labels


@pytest.mark.parametrize("y", [[5, 6, 7], (5, 6, 7), np.array([5, 6, 7])])
def test_known_labels_are_given_by_row_number(y):
    assert Known(y).answer(np.array([2, 0]), None).tolist() == [7, 5]
    assert Known(y).answer([], None).tolist() == []


def test_known_labels_of_a_series_go_by_position():
    pd = pytest.importorskip("pandas")
    assert Known(pd.Series(["a", "b", "c"], index=[2, 1, 0])).answer([0, 1], None).tolist() == [
        "a",
        "b",
    ]


# Names and keys


def test_a_class_is_given_by_its_name_or_its_key():
    assert said("ham", classes=["ham", "spam"]) == "ham"
    assert said("1", classes=["ham", "spam"]) == "ham"
    assert said(" 2 ", classes=["ham", "spam"]) == "spam"


def test_keys_follow_the_order_in_which_the_classes_were_given():
    assert menu(["spam", "ham", "eggs"]) == "1 spam, 2 ham, 3 eggs | s skip, u undo, q quit: "
    assert said("2", classes=["spam", "ham", "eggs"]) == "ham"
    assert said("1", given=["spam", "ham"]) == "spam"


def test_a_class_given_twice_is_one():
    assert menu(["a", "b", "a"]).startswith("1 a, 2 b | ")


@pytest.mark.parametrize("line", ["0", "3", "Ham", "ha", "", "1.0", "-1"])
def test_what_is_neither_is_asked_for_again(line, capsys):
    assert said(line, "1", classes=["ham", "spam"]) == "ham"
    assert capsys.readouterr().out == (
        f"{line!r} is none of 1 ham, 2 spam | s skip, u undo, q quit\n"
    )


def test_digits_that_are_classes_mean_themselves():
    for digit in range(10):
        assert said(str(digit), classes=range(10)) == digit
        assert said(str(digit), given=np.arange(10)) == digit
        assert said(str(digit), classes=[str(name) for name in range(10)]) == str(digit)
    assert menu(range(3)) == "0, 1, 2 | s skip, u undo, q quit: "


@pytest.mark.parametrize(
    "classes", [[3, 1, 2], ["3", "1", "2"], ["b", "1"], ["-1", "a"], [0.5, 2.0]]
)
def test_there_are_no_keys_where_one_could_be_taken_for_another_class(classes):
    listed = ", ".join(str(name) for name in np.asarray(classes).tolist())
    assert menu(classes) == f"{listed} | s skip, u undo, q quit: "
    for name in np.asarray(classes).tolist():
        assert said(str(name), classes=classes) == name


def test_numbers_may_be_typed_in_other_ways():
    assert said("1", classes=[0.0, 1.0]) == 1.0
    assert said("1.0", classes=[0, 1]) == 1
    assert type(said("1.0", classes=[0, 1])) is int
    assert said("1", classes=[False, True]) is True
    assert said("False", classes=[False, True]) is False


def test_ten_classes_have_no_keys():
    names = [f"class {letter}" for letter in "abcdefghij"]
    assert menu(names[:9]).startswith("1 class a, 2 class b, ")
    assert menu(names).startswith("class a, class b, ")
    assert said("1", "class a", classes=names) == "class a"


def test_many_classes_are_not_all_listed_but_all_may_be_typed():
    names = [f"species {number}" for number in range(200)]
    assert menu(names).startswith("species 0, species 1, ")
    assert menu(names).endswith("species 19, 180 others | s skip, u undo, q quit: ")
    assert said("species 199", classes=names) == "species 199"


# Commands


@pytest.mark.parametrize(("line", "command"), COMMANDS)
def test_a_command_is_given_by_its_word_or_its_first_letter(line, command):
    assert said(line, classes=["ham", "spam"]) is command
    assert said(line) is command
    assert said(line, numbers=True) is command
    assert said("0.5", line, classes=[1, 2]) is command


def test_the_end_of_the_input_means_quit():
    assert said(classes=["ham", "spam"]) is Command.QUIT
    assert said("maybe") is Command.QUIT


def test_ctrl_c_passes_on():
    def read(prompt):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Prompt(show=lambda row: None).ask(None, read=read)


@pytest.mark.parametrize(
    ("name", "listed", "typed"),
    [
        ("s", "skip, u undo, q quit", "skip"),
        ("skip", "s skip, u undo, q quit", "s"),
        ("u", "s skip, undo, q quit", "undo"),
        ("quit", "s skip, u undo, q quit", "q"),
    ],
)
def test_a_class_named_like_a_command_comes_first_and_the_command_keeps_a_word(name, listed, typed):
    classes = [name, "other"]
    assert menu(classes) == f"1 {name}, 2 other | {listed}: "
    assert said(name, classes=classes) == name
    assert isinstance(said(typed, classes=classes), Command)


def test_a_command_of_which_both_words_are_classes_takes_a_stroke():
    classes = ["s", "skip", "stay"]
    assert menu(classes) == "1 s, 2 skip, 3 stay | /skip, u undo, q quit: "
    assert said("s", classes=classes) == "s"
    assert said("skip", classes=classes) == "skip"
    assert said("/skip", classes=classes) is Command.SKIP


@given(st.lists(st.sampled_from(["s", "skip", "u", "undo", "q", "quit", "/skip", "a", "1", "2"])))
def test_whatever_the_classes_are_called_all_can_be_said_and_so_can_all_commands(classes):
    script = Script()
    prompt = Prompt(show=lambda row: None, classes=classes)
    prompt.ask(None, read=script)
    commands = script.prompts[0].removesuffix(": ").partition(" | ")[2].split(", ")
    for name in classes:
        assert said(name, classes=classes) == name
    found = [said(listed.split()[0], classes=classes) for listed in commands]
    assert found == list(Command)


# New names


def test_a_new_name_is_typed_twice(capsys):
    assert said("eggs", "eggs", given=["ham", "spam"]) == "eggs"
    assert capsys.readouterr().out == "'eggs' is new; type it again to make it a class.\n"


def test_a_slip_of_the_finger_makes_no_class():
    assert said("spma", "spam", given=["ham", "spam"]) == "spam"
    assert said("eggs", "egg", "eggs", "2", given=["ham", "spam"]) == "spam"
    assert said("eggs", "", "eggs", "eggs", given=["ham", "spam"]) == "eggs"


def test_a_number_among_keys_makes_no_class(capsys):
    assert said("3", "3", "1", given=["ham", "spam"]) == "ham"
    assert "is new" not in capsys.readouterr().out


def test_the_first_class_of_all_is_text():
    assert said("7", "7") == "7"
    assert said("7", "7", given=[]) == "7"
    assert menu() == "a name | s skip, u undo, q quit: "


@pytest.mark.parametrize(
    ("given_", "line", "label"),
    [([0, 1], "2", 2), ([0, 1], "-3", -3), ([0.5, 1.0], "2", 2.0), (["1", "2"], "3", "3")],
)
def test_a_new_label_is_of_the_kind_of_the_others(given_, line, label):
    got = said(line, line, given=given_)
    assert got == label
    assert type(got) is type(label)


@pytest.mark.parametrize(
    ("given_", "line"),
    [
        ([0, 1], "two"),
        ([0, 1], "1.5"),
        ([0, 1], "nan"),
        ([0.5], "inf"),
        ([0.5], "x"),
        ([True], "2"),
    ],
)
def test_what_is_of_another_kind_makes_no_class(given_, line, capsys):
    assert said(line, line, "q", given=given_) is Command.QUIT
    assert capsys.readouterr().out.count(f"{line!r} is none of ") == 2


def test_no_new_name_comes_in_where_the_classes_are_given():
    assert said("eggs", "eggs", "1", classes=["ham"]) == "ham"
    assert said("eggs", "eggs", "1", given=["ham"], new=False) == "ham"
    assert said("eggs", "eggs", "1", classes=["ham"], given=["spam"], new=True) == "ham"


def test_for_a_regressor_any_finite_number_is_a_label_at_once():
    assert said("2", numbers=True) == 2.0
    assert said("-1e-3", numbers=True) == -0.001
    assert said("nan", "inf", "two", "", "2", numbers=True) == 2.0
    assert said("2", "3", classes=[1, 3], numbers=True) == 3  # ratings, say


# What is shown


def shown(row, capsys):
    """What the prompt prints of a row."""
    capsys.readouterr()
    show_row(row)
    return capsys.readouterr().out


def test_text_is_shown_as_it_is(capsys):
    assert shown("two\nlines", capsys) == "two\nlines\n"
    assert shown(np.str_("ham"), capsys) == "ham\n"


def test_a_vector_is_printed(capsys):
    assert shown(np.array([1.5, 2.0]), capsys) == "[1.5 2. ]\n"
    assert shown([1, 2], capsys) == "[1, 2]\n"
    assert shown([[1, 2], [3]], capsys) == "[[1, 2], [3]]\n"
    assert shown(3, capsys) == "3\n"


def test_a_sparse_row_is_printed(capsys):
    assert "2.5" in shown(sp.csr_matrix([[0.0, 2.5, 0.0]]), capsys)


def test_a_row_of_a_frame_is_shown_by_its_columns(capsys):
    assert shown({"age": 31, "city": "Rome"}, capsys) == "age: 31\ncity: Rome\n"
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"age": [31, 40], "text": ["a" * 200, "b"]})
    assert shown(frame.iloc[0], capsys) == f"age: 31\ntext: {'a' * 200}\n"


def test_an_image_is_shown_as_blocks(capsys):
    image = load_digits().images[0]
    assert shown(image, capsys) == (
        "    ░░▓▓▒▒\n"
        "    ▓▓██▓▓██░░\n"
        "  ░░██░░  ▓▓▒▒\n"
        "  ░░▓▓    ▒▒▒▒\n"
        "  ░░▒▒    ▒▒▒▒\n"
        "  ░░▓▓    ▓▓▒▒\n"
        "  ░░██░░▓▓▓▓\n"
        "    ▒▒▓▓▓▓\n"
    )


def test_a_terminal_without_block_characters_gets_plain_ones(monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii", newline="\n")
    monkeypatch.setattr(sys, "stdout", out)
    show_row(np.array([[0, 9], [5, 0]]))
    out.flush()
    assert out.buffer.getvalue() == b"  @@\n++\n"


def test_what_is_an_image():
    for shape, expected in [
        ((8, 8), (8, 8)),
        ((8, 9, 3), (8, 9, 3)),
        ((8, 9, 4), (8, 9, 4)),
        ((8, 9, 1), (8, 9, 1)),
        ((3, 8, 9), (8, 9, 3)),
        ((1, 8, 9), (8, 9, 1)),
        ((4, 8, 9), (8, 9, 4)),
        ((3, 9, 3), (3, 9, 3)),
    ]:
        assert as_image(np.zeros(shape)).shape == expected
    for row in (
        np.zeros(8),
        np.zeros((8, 8, 2)),
        np.zeros((2, 8, 8, 3)),
        np.zeros((0, 8)),
        np.array([["a"]]),
        np.zeros((2, 2), dtype=complex),
        [[1, 2], [3, 4]],
        "text",
    ):
        assert as_image(row) is None


def test_channels_first_are_the_same_picture_as_channels_last():
    image = np.random.default_rng(0).integers(0, 256, (5, 6, 3))
    np.testing.assert_array_equal(as_image(np.moveaxis(image, 2, 0)), image)


def test_images_of_pil_are_images():
    image = pytest.importorskip("PIL.Image").fromarray(np.eye(4, dtype=np.uint8) * 255)
    np.testing.assert_array_equal(as_image(image), np.eye(4) * 255)


def test_a_picture_is_drawn_from_dark_to_bright():
    ramp = np.arange(5)[None, :] * 10 - 7
    assert as_blocks(ramp) == "  ░░▒▒▓▓██"
    assert as_blocks(ramp[:, ::-1]) == "██▓▓▒▒░░"
    assert as_blocks(np.arange(4).reshape(2, 2), "abcd") == "aabb\nccdd"
    assert as_blocks(np.array([[False, True]])) == "  ██"
    assert as_blocks(np.array([[0, 255]], dtype=np.uint8)) == "  ██"


def test_colours_become_grey_and_transparency_is_left_out():
    image = np.zeros((1, 3, 4))
    image[0, :, :3] = [[0, 0, 0], [3, 0, 0], [2, 2, 2]]
    image[0, :, 3] = [9, 0, 0]
    assert as_blocks(image, "012") == "001122"
    assert as_blocks(image[..., :3], "012") == "001122"
    assert as_blocks(image[..., 1:2], "012") == "000022"


@pytest.mark.parametrize("value", [0, 7, -1.5, np.nan])
def test_a_constant_picture_is_blank(value):
    assert as_blocks(np.full((3, 4), value)) == "\n\n"


def test_pixels_without_a_value_are_zero():
    assert as_blocks(np.array([[np.nan, 4.0, np.inf]])) == "  ██"


@given(
    hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=200),
        elements=st.floats(-1e6, 1e6),
        fill=st.just(0.0),
    )
)
def test_a_picture_is_at_most_64_columns_wide_and_32_lines_high(image):
    lines = as_blocks(image).split("\n")
    assert max(map(len, lines)) <= 64
    assert len(lines) <= 32
    height, width = image.shape
    step = max(1, -(-width // 32), -(-height // 32))
    assert len(lines) == -(-height // step)


def test_a_large_picture_is_averaged_over_squares():
    image = np.zeros((64, 48))
    image[:32, :24] = 8
    image[0, 47] = 4  # a quarter of its square of four
    lines = as_blocks(image, "012345678").split("\n")
    assert len(lines) == 32
    assert lines[0] == "8" * 24 + "0" * 22 + "11"
    assert lines[15] == "8" * 24 + "0" * 24
    assert lines[31] == "0" * 48


def test_a_square_cut_off_by_the_edge_is_averaged_over_what_there_is():
    image = np.zeros((1, 33))
    image[0, [0, 1, 32]] = 8
    assert as_blocks(image, "012345678") == "88" + "0" * 30 + "88"


def test_the_row_is_shown_by_the_function_that_was_given(capsys):
    seen = []
    Prompt(show=seen.append).ask("a row", read=Script())
    assert seen == ["a row"]
    assert capsys.readouterr().out == ""


# matplotlib


def test_matplotlib_without_a_window_is_not_used(monkeypatch, capsys):
    plt = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.setattr("matplotlib.get_backend", lambda: "agg")
    before = plt.get_fignums()
    assert shown(np.eye(2), capsys) == "██\n  ██\n"
    assert plt.get_fignums() == before


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("shape", [(5, 6), (5, 6, 1), (1, 5, 6), (5, 6, 3), (3, 5, 6), (5, 6, 4)])
def test_matplotlib_with_a_window_shows_the_picture_in_a_figure_of_its_own(
    monkeypatch, capsys, shape, dtype
):
    plt = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.setattr("matplotlib.get_backend", lambda: "QtAgg")
    paused = []
    monkeypatch.setattr(plt, "show", lambda block: paused.append(block))
    monkeypatch.setattr(plt, "pause", paused.append)
    mine, axes = plt.subplots()
    axes.plot([1, 2])
    image = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    try:
        for _ in range(2):  # the figure is used again
            assert shown(image, capsys) == ""
        assert axes.lines  # what the user draws is left alone
        assert plt.get_figlabels().count("skactive") == 1
        (only,) = plt.figure("skactive").axes
        (drawn,) = only.images
        values = np.asarray(drawn.get_array(), dtype=float)
        expected = as_image(image).astype(float)
        if dtype is np.float32 and expected.ndim == 3:
            expected = expected / expected.max()
        np.testing.assert_allclose(values, expected.squeeze(), rtol=1e-6)
        assert paused == [False, 0.01, False, 0.01]
    finally:
        plt.close("skactive")
        plt.close(mine)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (np.linspace(-2, 3, 27).reshape(3, 3, 3), np.linspace(0, 1, 27)),
        (np.linspace(-2, 0.5, 27).reshape(3, 3, 3), np.linspace(0, 2.5 / 3, 27)),
        (np.linspace(0, 1, 27).reshape(3, 3, 3), np.linspace(0, 1, 27)),
        (np.arange(27).reshape(3, 3, 3) * 1000, np.arange(27) / 26),  # 16 bits
        (np.arange(27).reshape(3, 3, 3) - 10, (np.arange(27)) / 265),
    ],
)
def test_colours_beyond_what_matplotlib_draws_are_scaled_not_cut_off(monkeypatch, image, expected):
    plt = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.setattr("matplotlib.get_backend", lambda: "QtAgg")
    monkeypatch.setattr(plt, "show", lambda block: None)
    monkeypatch.setattr(plt, "pause", lambda seconds: None)
    alpha = np.full((3, 3, 1), 1.0 if image.dtype.kind == "f" else 255, dtype=image.dtype)
    try:
        for given in (image, np.dstack([image, alpha])):
            show_row(given)
            (drawn,) = plt.figure("skactive").axes[0].images
            values = np.asarray(drawn.get_array(), dtype=float)
            np.testing.assert_allclose(values[..., :3].ravel(), expected, atol=1e-12)
            assert (values[..., 3:] == 1).all()
    finally:
        plt.close("skactive")


def test_without_matplotlib_images_are_blocks(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert shown(np.eye(2), capsys) == "██\n  ██\n"


def test_a_person_at_a_real_terminal_labels_and_leaves(tmp_path):
    code = (
        "from sklearn.neighbors import KNeighborsClassifier\n"
        "from skactive import ActiveLearner, Prompt, run\n"
        "first = lambda view, n: view.candidates[:n]\n"
        "learner = ActiveLearner(KNeighborsClassifier(1), first, cold_start=first)\n"
        "learner.fit([[0.0], [1.0], [2.0], [3.0]])\n"
        "run(learner, Prompt(classes=['ham', 'spam']))\n"
        "print(learner.pool_.labeled.tolist(), learner.pool_.y_labeled.tolist())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input="1\nspam\nundo\n1\ns\n",
        cwd=Path(__file__).resolve().parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith("[0, 1] ['ham', 'ham']\n")
    assert done.stdout.count("1 ham, 2 spam | s skip, u undo, q quit: ") == 6
    assert done.stderr == ""
