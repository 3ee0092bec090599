"""The loop: rows are asked for, labels are recorded at once, and nobody's answer is lost."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from snapshot import unchanged

from skactive import ActiveLearner, Known, Pool, Prompt, run
from skactive.loops import pool_loop
from skactive.loops.stopping import Budget, ConfidentPool, NoGain, StoppingRule

X, TRUTH = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
X.flags.writeable = TRUTH.flags.writeable = False
NUMBERED = np.arange(60, dtype=float)[:, None]
MAIL = [
    "win a prize now",
    "lunch at noon",
    "cheap pills without prescription",
    "the meeting is at three",
    "you are our winner",
    "send me the minutes",
]


def in_order(view, n):
    """A strategy that asks for the first rows that are left."""
    return view.candidates[:n]


def cold(estimator=None, **options):
    """A learner over numbered rows, none of which is labelled, that asks for them in order."""
    estimator = KNeighborsClassifier(1) if estimator is None else estimator
    return ActiveLearner(estimator, in_order, cold_start=in_order, random_state=0, **options).fit(
        NUMBERED
    )


def mail():
    """A learner over texts that asks for them in order."""
    estimator = make_pipeline(TfidfVectorizer(), LogisticRegression())
    return ActiveLearner(estimator, in_order, cold_start=in_order, random_state=0).fit(MAIL)


@pytest.fixture
def typing(monkeypatch):
    """Type lines at the prompt, raise the exceptions among them, then end; give the prompts."""

    def prepare(*lines):
        waiting, prompts = list(lines), []

        def read(prompt):
            prompts.append(prompt)
            if not waiting:
                raise EOFError
            line = waiting.pop(0)
            if isinstance(line, type):
                raise line
            return line

        monkeypatch.setattr("builtins.input", read)
        return prompts

    return prepare


def labeled(learner):
    """The labels so far: row number -> label."""
    pool = learner.pool_
    return dict(zip(pool.labeled.tolist(), pool.y_labeled.tolist(), strict=True))


def state(pool):
    """Everything that a pool says of its rows now."""
    return pool.y.tolist(), pool.y.dtype, pool.skipped.tolist(), dict(pool.reservations)


def learned(learner):
    """Whether the estimator is the one trained on the labels as they are now."""
    pool = learner.pool_
    by_hand = clone(learner.estimator)
    by_hand.fit(pool.X_labeled, pool.y_labeled)
    return np.array_equal(by_hand.predict(pool.X), learner.predict(pool.X))


# Known labels, and functions


@pytest.mark.parametrize("oracle", [Known(TRUTH), Known(TRUTH.tolist())])
def test_a_run_is_the_loop_one_writes_by_hand(oracle):
    rounds = []
    learner = ActiveLearner(LogisticRegression(), "margin", random_state=3).fit(X)
    got = run(
        learner,
        oracle,
        n_instances=8,
        stopping=50,
        callback=lambda now: rounds.append(now.pool_.labeled),
    )
    assert got is learner
    plain = ActiveLearner(LogisticRegression(), "margin", random_state=3).fit(X)
    by_hand = []
    while plain.pool_.n_labeled < 50:
        idx, _ = plain.query(n_instances=min(8, 50 - plain.pool_.n_labeled))
        plain.teach(idx, TRUTH[idx])
        by_hand.append(plain.pool_.labeled)
    assert [rows.tolist() for rows in rounds] == [rows.tolist() for rows in by_hand]
    np.testing.assert_array_equal(learner.predict_proba(X), plain.predict_proba(X))


def test_without_a_rule_the_loop_ends_when_no_row_is_left():
    asked = []

    def oracle(rows):
        asked.append(rows[:, 0].astype(int).tolist())
        return [row % 3 for row in asked[-1]]

    learner = run(cold(), oracle, n_instances=25)
    assert asked == [list(range(25)), list(range(25, 50)), list(range(50, 60))]
    assert labeled(learner) == {row: row % 3 for row in range(60)}


@pytest.mark.parametrize("missing", [-1, None, np.nan])
def test_rows_that_the_oracle_cannot_tell_are_skipped_and_not_asked_for_again(missing):
    asked = []

    def oracle(rows):
        asked.extend(rows[:, 0].astype(int).tolist())
        return [missing if row % 4 == 1 else row % 2 for row in asked[-len(rows) :]]

    learner = run(cold(), oracle, n_instances=7)
    assert asked == list(range(60))
    assert learner.pool_.skipped.tolist() == list(range(1, 60, 4))
    assert labeled(learner) == {row: row % 2 for row in range(60) if row % 4 != 1}


def test_known_labels_in_another_order_than_the_rows_are_refused_by_their_index():
    pd = pytest.importorskip("pandas")
    order = np.random.default_rng(0).permutation(60)
    rows, y = pd.DataFrame(NUMBERED).iloc[order], pd.Series(np.arange(60) % 3)
    estimator = KNeighborsClassifier(1)
    learner = ActiveLearner(estimator, in_order, cold_start=in_order, random_state=0).fit(rows)
    with unchanged(learner), pytest.raises(ValueError, match="run got labels in another order"):
        run(learner, Known(y), stopping=9)
    text = "Known has the label of 3 for row 0, which by its index is 4; write Known"
    with pytest.raises(ValueError, match=text):
        Known(y[[3, 4, 5]]).answer([0, 1], rows.loc[[4, 3]])
    assert Known(y[[3, 4, 5]]).answer([1, 0], rows.loc[[4, 3]]).tolist() == [1, 0]
    assert Known(y).answer([1], rows.loc[[4]]).tolist() == [1]  # a default index says nothing
    run(learner, Known(y.loc[rows.index]), stopping=9)
    assert labeled(learner) == {row: order[row] % 3 for row in range(9)}


def test_known_labels_may_have_holes():
    y = np.where(np.arange(60) < 50, np.arange(60) % 3, -1)
    with pytest.warns(UserWarning, match="run leaves out 10 rows whose label is -1"):
        learner = run(cold(), Known(y), n_instances=7)
    assert learner.pool_.skipped.tolist() == list(range(50, 60))
    assert learner.pool_.n_labeled == 50


@pytest.mark.parametrize("n_instances", [1, 10])
def test_known_labels_with_two_ways_to_say_that_there_is_none_are_refused_at_the_start(n_instances):
    y = np.where(np.arange(150) % 10 == 0, TRUTH, -1)
    learner = ActiveLearner(LogisticRegression(), random_state=0).fit(X, y)
    both = [-1, None, *TRUTH[2:]]
    with unchanged(learner), pytest.raises(ValueError, match="holds -1 in row 0 and None in row 1"):
        run(learner, Known(both), n_instances=n_instances)
    pool = learner.teach(np.flatnonzero(y == -1)[:2], [-1, None]).pool_  # of answers, both skip
    assert pool.n_skipped == 2


def test_known_labels_are_those_of_the_rows_numbers_whatever_the_order():
    learner = ActiveLearner(LogisticRegression(), "entropy", random_state=0).fit(X)
    run(learner, Known(TRUTH), n_instances=9, stopping=60)
    np.testing.assert_array_equal(learner.pool_.y_labeled, TRUTH[learner.pool_.labeled])


def test_an_object_that_answers_gets_row_numbers_and_rows():
    class Helpful:
        def answer(self, indices, rows):
            np.testing.assert_array_equal(rows[:, 0], indices)
            return indices % 2

    assert labeled(run(cold(), Helpful(), n_instances=3, stopping=7)) == {
        i: i % 2 for i in range(7)
    }


def test_a_callback_sees_the_learner_after_each_round_when_it_has_learned():
    seen = []

    def callback(learner):
        seen.append((learner.pool_.n_labeled, learned(learner)))

    run(cold(), Known(np.arange(60) % 3), n_instances=10, stopping=35, callback=callback)
    assert seen == [(10, True), (20, True), (30, True), (35, True)]


def test_reserved_rows_are_not_asked_for_and_stay_reserved():
    learner = cold()
    learner.pool_.reserve([0, 5, 59], "anna")
    asked = []

    def oracle(rows):
        asked.extend(rows[:, 0].astype(int).tolist())
        return rows[:, 0].astype(int) % 2

    run(learner, oracle, n_instances=4)
    assert asked == [row for row in range(60) if row not in (0, 5, 59)]
    assert dict(learner.pool_.reservations) == dict.fromkeys([0, 5, 59], ("anna",))


def test_where_every_row_is_labelled_nobody_is_asked():
    def oracle(rows):
        raise AssertionError("asked")

    learner = ActiveLearner(LogisticRegression()).fit(X, TRUTH)
    assert run(learner, oracle).pool_.n_labeled == 150
    assert run(learner, Prompt(show=oracle)).pool_.n_labeled == 150


# Budgets and other rules


class Never(StoppingRule):
    """A rule that never stops, and knows no end."""

    def should_stop(self, learner):
        return False


@pytest.mark.parametrize("n_instances", [1, 7, 100])
@pytest.mark.parametrize(
    "stopping",
    [
        30,
        np.int64(30),
        Budget(30),
        Budget(30) | Never(),
        Never() | Budget(40) | Budget(30),
        Budget(20) & Budget(30),
    ],
)
def test_a_budget_is_kept_exactly(stopping, n_instances):
    learner = run(cold(), Known(np.arange(60) % 3), n_instances=n_instances, stopping=stopping)
    assert learner.pool_.labeled.tolist() == list(range(30))


@given(
    st.lists(st.sampled_from([0, 1, -1]), min_size=60, max_size=60),
    st.integers(1, 70),
    st.integers(1, 9),
)
def test_a_budget_counts_labels_and_is_never_exceeded_even_for_a_moment(y, budget, n_instances):
    counts = []
    learner = run(
        cold(),
        Known(np.array(y)),
        n_instances=n_instances,
        stopping=budget,
        callback=lambda now: counts.append(now.pool_.n_labeled),
    )
    assert max(counts) == learner.pool_.n_labeled == min(budget, sum(label >= 0 for label in y))


def test_a_budget_that_is_spent_already_asks_for_nothing():
    learner = run(cold(), Known(np.arange(60) % 3), stopping=20, n_instances=5)
    assert run(learner, Known(TRUTH), stopping=20).pool_.n_labeled == 20
    assert run(learner, Known(TRUTH), stopping=10).pool_.n_labeled == 20


def test_a_rule_is_started_once_and_asked_before_each_question():
    calls = []

    class Rule(StoppingRule):
        def start(self, learner):
            calls.append("start")

        def should_stop(self, learner):
            calls.append(learner.pool_.n_labeled)
            return learner.pool_.n_labeled == 12

    run(cold(), Known(np.arange(60) % 3), n_instances=4, stopping=Rule())
    assert calls == ["start", 0, 4, 8, 12]


def test_a_rule_is_not_asked_when_no_row_is_left():
    calls = []

    class Rule(StoppingRule):
        def should_stop(self, learner):
            calls.append(learner.pool_.n_labeled)
            return False

    run(cold(), Known(np.arange(60) % 3), n_instances=30, stopping=Rule())
    assert calls == [0, 30]


def test_a_bar_shows_how_many_of_the_budget_are_asked(monkeypatch, capsys):
    monkeypatch.setattr("skactive.utils.progress.DELAY", -1.0)
    run(cold(), Known(np.arange(60) % 3), n_instances=5, stopping=20)
    shown = capsys.readouterr().err
    assert "asking" in shown
    assert "/20" in shown


# Interruptions


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, ZeroDivisionError])
def test_an_interrupted_function_keeps_the_labels_of_all_earlier_rounds_learned(error):
    def oracle(rows):
        if rows[0, 0] >= 12:
            raise error
        return rows[:, 0].astype(int) % 3

    learner = cold()
    with pytest.raises(error):
        run(learner, oracle, n_instances=4)
    assert labeled(learner) == {row: row % 3 for row in range(12)}
    assert learned(learner)
    run(learner, Known(np.arange(60) % 3), stopping=20)  # and it goes on
    assert labeled(learner) == {row: row % 3 for row in range(20)}


def test_labels_that_do_not_fit_the_rows_are_refused_and_nothing_of_that_round_is_kept():
    learner = cold()
    with pytest.raises(ValueError, match="got 3 labels for 4 rows"):
        run(learner, lambda rows: [0, 1, 0] if rows[0, 0] else [0, 1, 0, 1], n_instances=4)
    assert labeled(learner) == {0: 0, 1: 1, 2: 0, 3: 1}


def test_ctrl_c_while_the_estimator_is_fitted_keeps_the_labels_of_that_round_too():
    class Slow(GaussianNB):
        def fit(self, X, y):
            if len(y) == 12:
                raise KeyboardInterrupt
            return super().fit(X, y)

    learner = cold(estimator=Slow())
    with pytest.raises(KeyboardInterrupt):
        run(learner, Known(np.arange(60) % 3), n_instances=4)
    assert labeled(learner) == {row: row % 3 for row in range(12)}
    assert learner.estimator_.class_count_.sum() == 8


@pytest.mark.parametrize("end", ["q", "quit", KeyboardInterrupt, EOFError])
@pytest.mark.parametrize("n_answers", [0, 1, 4, 5, 6])
def test_whoever_stops_at_the_prompt_keeps_what_was_answered_learned(typing, end, n_answers):
    calls = []
    answers = [str(row % 2) for row in range(n_answers)]
    typing(*answers, end)
    learner = cold(classes=[0, 1])
    run(learner, Prompt(), n_instances=5, callback=lambda now: calls.append(now.pool_.n_labeled))
    assert labeled(learner) == {row: row % 2 for row in range(n_answers)}
    assert calls == ([5, n_answers] if n_answers >= 5 else [n_answers])
    if n_answers >= 2:
        assert learned(learner)
    else:
        assert not hasattr(learner, "estimator_")


def test_ctrl_c_while_a_row_is_shown_ends_the_loop_too(typing):
    def show(row):
        if row[0] == 3:
            raise KeyboardInterrupt

    typing("0", "1", "0", "1")
    assert labeled(run(cold(classes=[0, 1]), Prompt(show=show))) == {0: 0, 1: 1, 2: 0}


# A person's way through the rows


def test_skipped_rows_are_not_asked_for_again(typing):
    typing("0", "s", "1", "skip", "1")
    learner = run(cold(classes=[0, 1]), Prompt(show=lambda row: None))
    assert labeled(learner) == {0: 0, 2: 1, 4: 1}
    assert learner.pool_.skipped.tolist() == [1, 3]


def test_undo_reaches_back_across_batches(typing):
    shown = []
    typing("0", "1", "1", "u", "undo", "u", "u", "1", "0")
    learner = run(cold(classes=[0, 1]), Prompt(show=lambda row: shown.append(int(row[0]))))
    assert shown == [0, 1, 2, 3, 2, 1, 0, 0, 1, 2]
    assert labeled(learner) == {0: 1, 1: 0}
    assert learned(learner)


@pytest.mark.parametrize("n_instances", [1, 3])
def test_after_undo_everything_is_as_if_it_was_never_answered(typing, n_instances):
    def at_start():
        learner = cold()
        learner.pool_.reserve([4], "anna")
        learner.teach([50, 51, 52], [0, 1, 1])
        return learner

    typing("0", "q")
    once = run(at_start(), Prompt(), n_instances=n_instances)
    typing("0", "7", "7", "s", "undo", "u", "q")
    undone = run(at_start(), Prompt(), n_instances=n_instances)
    assert state(undone.pool_) == state(once.pool_)
    np.testing.assert_array_equal(undone.predict_proba(X[:, :1]), once.predict_proba(X[:, :1]))
    np.testing.assert_array_equal(undone.classes_, [0, 1])


def test_how_long_each_answer_took_is_kept(typing, monkeypatch):
    now = iter([10.0, 12.5, 13.0, 15.0, 16.0, 23.0, 30.0, 30.25])  # shown, answered, ...
    monkeypatch.setattr(pool_loop, "time", SimpleNamespace(monotonic=lambda: next(now)))
    typing("0", "u", "1", "s", "q")
    learner = run(cold(classes=[0, 1]), Prompt(show=lambda row: None), annotator="anna")
    table = learner.pool_.opinions
    assert [*table["seconds"]] == [1.0, 7.0]  # of what was taken back none
    assert [*table["kind"]] == ["opinion", "cannot tell"]
    assert [*table["annotator"]] == ["anna", "anna"]


def test_what_was_labelled_before_the_loop_is_not_undone(typing, capsys):
    learner = cold().teach([50, 51], [0, 1])
    typing("u", "1", "u", "u", "q")
    run(learner, Prompt())
    assert labeled(learner) == {50: 0, 51: 1}
    assert capsys.readouterr().out.count("There is nothing to undo.") == 2


def test_what_a_callback_did_to_the_pool_is_not_undone(typing, capsys):
    def callback(learner):
        if learner.pool_.n_reserved == 0:
            learner.pool_.reserve([40], "anna")

    typing("0", "u", "1", "u", "1", "q")
    learner = run(cold(classes=[0, 1]), Prompt(), callback=callback)
    assert dict(learner.pool_.reservations) == {40: ("anna",)}
    assert labeled(learner) == {0: 0, 1: 1}
    assert capsys.readouterr().out.count("There is nothing to undo.") == 1


@given(
    st.lists(st.sampled_from(["0", "1", "2", "s", "u", "u"]), max_size=25),
    st.integers(1, 4),
    st.sampled_from(["q", "end", "interrupt"]),
)
def test_whatever_is_typed_the_pool_holds_what_was_said_last(lines, n_instances, end):
    shown, waiting = [], [*lines, end]

    def read(prompt):
        if waiting[0] in ("end", "interrupt"):
            raise EOFError if waiting[0] == "end" else KeyboardInterrupt
        return waiting.pop(0)

    class Typed(Prompt):
        def ask(self, row, **options):
            return super().ask(row, **options, read=read)

    learner = cold(classes=[0, 1, 2])
    run(learner, Typed(show=lambda row: shown.append(int(row[0]))), n_instances=n_instances)
    answered = []
    for row, line in zip(shown, lines, strict=False):
        if line != "u":
            answered.append((row, line))
        elif answered:
            answered.pop()
    assert labeled(learner) == {row: int(line) for row, line in answered if line != "s"}
    assert learner.pool_.skipped.tolist() == sorted(r for r, line in answered if line == "s")
    if len(set(labeled(learner).values())) > 1:
        assert learned(learner)
    else:
        assert not hasattr(learner, "estimator_")


def test_a_person_is_told_the_row_how_much_is_done_and_how_much_is_left(typing, capsys):
    typing("spam", "spam", "s", "ham", "ham", "u", "2", "q")
    run(mail(), Prompt(), stopping=4)
    assert capsys.readouterr().out == (
        "\nRow 0: 0 labelled, at most 4 to go\n"
        "win a prize now\n"
        "'spam' is new; type it again to make it a class.\n"
        "\nRow 1: 1 labelled, at most 3 to go\n"
        "lunch at noon\n"
        "\nRow 2: 1 labelled, at most 3 to go\n"
        "cheap pills without prescription\n"
        "'ham' is new; type it again to make it a class.\n"
        "\nRow 3: 2 labelled, at most 2 to go\n"
        "the meeting is at three\n"
        "Row 2 was 'ham'; once more.\n"
        "\nRow 2: 1 labelled, at most 3 to go\n"
        "cheap pills without prescription\n"
        "'2' is none of 1 spam, a new name | s skip, u undo, q quit\n"
        "\nPool(6 rows: 1 labelled, 4 unlabelled, 0 reserved, 1 skipped)\n"
    )


def test_a_person_is_told_the_id_of_a_row_that_has_one(typing, capsys):
    typing("spam", "spam", "u", "q")
    pool = Pool(["win a prize now", "lunch"], ids=["a.eml", "b.eml"])
    run(mail().fit(pool), Prompt(), stopping=2)
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Row")]
    assert [line.split(":")[0] for line in told] == [
        *("Row a.eml", "Row b.eml", "Row a.eml was 'spam'; once more.", "Row a.eml"),
    ]


def test_the_key_of_a_class_stays_the_same_as_others_come_and_go(typing):
    prompts = typing("spam", "spam", "ham", "ham", "1", "a", "a", "u", "3", "3", "q")
    learner = run(mail(), Prompt(show=lambda row: None))
    menus = [prompt.partition(" | ")[0] for prompt in prompts]
    assert menus == [
        *["a name"] * 2,
        *["1 spam, a new name"] * 2,
        "1 spam, 2 ham, a new name",
        *["1 spam, 2 ham, a new name"] * 2,
        "1 spam, 2 ham, 3 a, a new name",
        *["1 spam, 2 ham, a new name"] * 3,
    ]
    assert labeled(learner) == {0: "spam", 1: "ham", 2: "spam"}


def test_numbers_that_are_classes_are_listed_in_their_order(typing):
    prompts = typing("7", "7", "3", "3", "5", "5", "q")
    learner = run(cold().teach([50], [9]), Prompt(show=lambda row: None))
    assert prompts[-1].startswith("3, 5, 7, 9, a new name | ")
    assert labeled(learner) == {50: 9, 0: 7, 1: 3, 2: 5}


def test_classes_that_the_learner_was_given_are_all_that_may_be_typed(typing, capsys):
    prompts = typing("3", "3", "1", "q")
    learner = run(cold(classes=[0, 1]), Prompt(show=lambda row: None))
    assert prompts[0] == "0, 1 | s skip, u undo, q quit: "
    assert capsys.readouterr().out.count("'3' is none of 0, 1 | ") == 2
    assert labeled(learner) == {0: 1}


def test_an_answer_that_the_pool_refuses_is_asked_for_again(typing, capsys):
    typing("None", "None", "cat", "cat", "cat", "q")
    learner = run(cold(), Prompt(show=lambda row: None))
    assert labeled(learner) == {0: "cat", 1: "cat"}
    assert 'y holds the text "None" in row 0;' in capsys.readouterr().out


def test_the_classes_of_a_prompt_and_those_so_far_are_all_that_the_pool_takes(typing):
    typing("1", "q")
    learner = cold()
    learner.teach([9], ["eel"])
    run(learner, Prompt(show=lambda row: None, classes=["fine", "complaint"]))
    assert labeled(learner) == {0: "fine", 9: "eel"}
    for slip, meant in (("Fine", "fine"), ("complaint ", "complaint")):
        with pytest.raises(ValueError, match=f"y holds '{slip}' in row 5, .* write '{meant}' for"):
            learner.teach([5], [slip])
    typing("2", "q")
    run(learner, Prompt(show=lambda row: None, classes=["fine", "eel"]))  # some of them
    assert labeled(learner) == {0: "fine", 1: "eel", 9: "eel"}


def test_classes_of_a_prompt_that_do_not_go_with_those_of_the_learner_are_refused():
    learner = cold()
    learner.teach([3, 7, 9], ["fine", "Fine", "spam"])
    prompt = Prompt(classes=["fine", "complaint"])
    with unchanged(learner), pytest.raises(ValueError, match="row 7 has the label 'Fine', where"):
        run(learner, prompt)
    named = cold(classes=["fine", "spam"])
    with unchanged(named), pytest.raises(ValueError, match=r"classes=\) names 'complaint', which"):
        run(named, prompt)
    with pytest.raises(ValueError, match="labels so far are text, got numbers"):
        run(learner, Prompt(classes=[0, 1]))


def test_the_labels_of_a_regressor_are_any_numbers(typing):
    prompts = typing("1.5", "much", "-2", "1e3", "s", "nan", "0", "q")
    learner = run(cold(estimator=Ridge()), Prompt(show=lambda row: None))
    assert labeled(learner) == {0: 1.5, 1: -2.0, 2: 1000.0, 4: 0.0}
    assert set(prompts) == {"a number | s skip, u undo, q quit: "}


def test_a_person_is_asked_until_the_rule_stops(typing):
    typing(*["0", "1"] * 10)
    learner = run(cold(classes=[0, 1]), Prompt(show=lambda row: None), n_instances=4, stopping=7)
    assert sorted(labeled(learner)) == list(range(7))


def test_a_person_can_go_on_with_a_saved_pool(typing, tmp_path):
    typing("0", "1", "q")
    first = run(cold(), Prompt(show=lambda row: None, classes=[0, 1]))
    first.pool_.save(tmp_path / "pool.npz")
    pool = Pool.load(tmp_path / "pool.npz", NUMBERED)
    learner = ActiveLearner(KNeighborsClassifier(1), in_order, cold_start=in_order).fit(pool)
    typing("1", "q")
    run(learner, Prompt(show=lambda row: None))
    assert labeled(learner) == {0: 0, 1: 1, 2: 1}


# Refusals


def test_what_is_no_learner_or_has_no_pool_is_refused():
    with pytest.raises(TypeError, match=r"^run got .*; give an ActiveLearner that is fitted on"):
        run(LogisticRegression(), Known(TRUTH))
    with pytest.raises(NotFittedError, match=r"^run came before fit; call fit\(X, y\) first\.$"):
        run(ActiveLearner(LogisticRegression()), Known(TRUTH))
    learner = ActiveLearner(LogisticRegression()).fit(X, TRUTH).without_pool()
    with pytest.raises(ValueError, match=r"^run needs the pool"):
        run(learner, Known(TRUTH))


@pytest.mark.parametrize("oracle", [Prompt, Known, None, TRUTH, "me"])
def test_what_does_not_answer_is_refused(oracle):
    with pytest.raises(
        TypeError, match=r"(?s)^oracle is .*; give Known\(y\), Prompt\(\), or a function that takes"
    ):
        run(cold(), oracle)


@pytest.mark.parametrize("stopping", ["never", 0.5, True, Budget, lambda learner: True])
def test_what_is_no_rule_is_refused(stopping):
    with pytest.raises(TypeError, match=r"^stopping is .*; give a rule such as Budget\(100\)"):
        run(cold(), Known(TRUTH), stopping=stopping)


@pytest.mark.parametrize("n_instances", [0, -1, 2.5, True])
def test_what_is_no_number_of_rows_is_refused(n_instances):
    with pytest.raises(ValueError, match=rf"n_instances={n_instances}; give a whole number of at"):
        run(cold(), Known(TRUTH), n_instances=n_instances)


def test_what_is_no_callback_is_refused_before_the_first_round():
    learner = cold()
    with pytest.raises(TypeError, match=r"^callback is 'print'; give a function that takes the le"):
        run(learner, Known(TRUTH), callback="print")
    assert len(learner.pool_.labeled) == 0


# An oracle that forgot its return


class Forgetful:
    """An oracle whose answers never arrive."""

    def answer(self, indices, rows):
        len(rows)


@pytest.mark.parametrize("oracle", [lambda rows: None, Forgetful()])
@pytest.mark.parametrize("n", [1, 4])
def test_an_oracle_that_returns_nothing_for_a_batch_is_refused_and_skips_no_row(oracle, n):
    learner, rounds = cold(), []
    rows = "1 row;" if n == 1 else "4 rows;"
    with pytest.raises(ValueError, match=f"the oracle returned None for {rows} return one label"):
        run(learner, oracle, n_instances=n, callback=rounds.append)
    assert (learner.pool_.n_labeled, learner.pool_.n_skipped, rounds) == (0, 0, [])


def test_none_in_a_list_skips_its_row_and_a_list_of_none_skips_all():
    learner = run(cold(), lambda rows: [None] * len(rows), n_instances=7)
    assert learner.pool_.n_skipped == 60
    answers = iter([[None, 1], [0]])
    learner = run(cold(), lambda rows: next(answers), n_instances=2, stopping=2)
    assert (labeled(learner), learner.pool_.skipped.tolist()) == ({1: 1, 2: 0}, [0])


# An estimator that cannot work yet


def parity(rows):
    """A label for each row, and the same whoever is asked."""
    return (rows[:, 0].astype(int) % 2).tolist()


def needs_five():
    """A classifier that cannot be fitted with fewer than five rows of each class."""
    return CalibratedClassifierCV(GaussianNB(), cv=5)


@pytest.mark.parametrize("estimator", [needs_five(), KNeighborsClassifier(5)])
def test_what_was_answered_reaches_the_callback_though_the_estimator_cannot_work_yet(estimator):
    learner, rounds = ActiveLearner(estimator, "margin", cold_start=in_order).fit(NUMBERED), []
    with pytest.warns(UserWarning, match="and is tried again after the next ones: ") as told:
        run(
            learner,
            parity,
            n_instances=4,
            stopping=20,
            callback=lambda now: rounds.append(now.pool_.n_labeled),
        )
    assert rounds == [4, 8, 12, 16, 20]
    assert learned(learner)
    # 4 and 8 labels are too few for the one, 4 for the other, which is asked before it knows 8.
    is_knn = isinstance(estimator, KNeighborsClassifier)
    said = ["could not be fitted with 4", "could not be fitted with 8"]
    said = ["could not answer with 4"] if is_knn else said
    # Scores that all tie, which the other one has for a while, are warned of too.
    failed = [str(each.message) for each in told if "is tried again" in str(each.message)]
    assert [text.split(" labels")[0].split(" ", 1)[1] for text in failed] == said


def test_the_third_round_in_a_row_that_fails_raises_what_the_estimator_said():
    learner, rounds = cold(needs_five()), []
    with (
        pytest.warns(UserWarning, match="CalibratedClassifierCV could not be fitted with"),
        pytest.raises(ValueError, match="less than 5 examples"),
    ):
        run(
            learner,
            parity,
            n_instances=2,
            callback=lambda now: rounds.append(now.pool_.n_labeled),
        )
    assert rounds == [2, 4, 6]
    assert labeled(learner) == dict(enumerate([0, 1] * 3))
    # Going on from there is another start, with three rounds of its own.
    run(learner, parity, n_instances=4, stopping=20)
    assert learned(learner)


class Mute(GaussianNB):
    """A classifier that answers nothing, and can be fitted on so many rows at most."""

    def __init__(self, most):
        super().__init__()
        self.most = most

    def fit(self, X, y):
        if len(X) > self.most:
            raise ValueError("too many rows")
        return super().fit(X, y)

    def predict_proba(self, X):
        raise ValueError("no answer")


@pytest.mark.parametrize("most", [2, 60])
def test_a_round_counts_once_whether_the_query_alone_fails_or_the_fit_too(most):
    learner, rounds = ActiveLearner(Mute(most), "margin", cold_start=in_order), []
    with (
        pytest.warns(UserWarning, match="Mute could not answer with 2 labels"),
        pytest.raises(ValueError, match="no answer"),
    ):
        run(
            learner.fit(NUMBERED),
            parity,
            n_instances=2,
            callback=lambda now: rounds.append(now.pool_.n_labeled),
        )
    assert rounds == [2, 4, 6]


class Moody(GaussianNB):
    """A classifier that cannot be fitted on two rows, six, ten and so on."""

    def fit(self, X, y):
        if len(X) % 4 == 2:
            raise ValueError("rows come in fours")
        return super().fit(X, y)


def test_failed_rounds_with_others_between_them_raise_nothing():
    with pytest.warns(UserWarning, match="Moody could not be fitted with 10 labels"):
        learner = run(cold(Moody()), parity, n_instances=2, stopping=12)
    assert learner.pool_.n_labeled == 12
    assert learned(learner)


def test_where_the_model_cannot_answer_a_budget_is_kept_exactly():
    learner = ActiveLearner(KNeighborsClassifier(5), "margin", cold_start=in_order).fit(NUMBERED)
    with pytest.warns(UserWarning, match="KNeighborsClassifier could not answer with 3 labels"):
        run(learner, parity, n_instances=3, stopping=4)
    assert learner.pool_.n_labeled == 4


def test_typed_answers_are_saved_though_the_estimator_cannot_be_fitted(typing, tmp_path):
    linear = CalibratedClassifierCV(LogisticRegression(), cv=5)
    estimator = make_pipeline(TfidfVectorizer(), linear)
    learner = ActiveLearner(estimator, in_order, cold_start=in_order, random_state=0).fit(MAIL * 5)
    typing(*("ham", "spam") * 5)
    with pytest.warns(UserWarning, match="Pipeline could not be fitted with 4 labels"):
        run(
            learner,
            Prompt(classes=["ham", "spam"]),
            n_instances=4,
            callback=lambda now: now.pool_.save(tmp_path / "pool.npz"),
        )
    assert Pool.load(tmp_path / "pool.npz", MAIL * 5).n_labeled == 10
    assert learner.predict(["win a prize now"]).shape == (1,)


class Broken(GaussianNB):
    """An estimator with an error of its own, which is no ValueError."""

    def fit(self, X, y):
        raise RuntimeError("out of memory")


def test_other_errors_are_raised_at_once_after_the_callback():
    learner, rounds = cold(Broken()), []
    with pytest.raises(RuntimeError, match="out of memory"):
        run(learner, parity, n_instances=4, callback=lambda now: rounds.append(now.pool_.n_labeled))
    assert rounds == [4]


def test_a_cold_start_that_fails_and_labels_that_are_none_are_raised_at_once():
    def fails(view, n):
        raise ValueError("no ideas")

    learner = ActiveLearner(GaussianNB(), in_order, cold_start=fails).fit(NUMBERED)
    with pytest.raises(ValueError, match="no ideas"):
        run(learner, parity)
    with pytest.raises(ValueError, match="teach got 1 labels for 4 rows"):
        run(cold(), lambda rows: [1], n_instances=4)


def test_a_rule_whose_model_cannot_answer_does_not_end_the_loop():
    rule = NoGain(NUMBERED, parity(NUMBERED), n_rounds=50) | Budget(18)
    with pytest.warns(UserWarning, match="KNeighborsClassifier could not answer with 3 labels"):
        learner = run(cold(KNeighborsClassifier(5)), parity, n_instances=3, stopping=rule)
    assert learner.pool_.n_labeled == 18


class Mistaken(StoppingRule):
    """A rule with an error of its own."""

    def should_stop(self, learner):
        return hasattr(learner, "estimator_") and self.n_left(learner) < 0

    def n_left(self, learner):
        if hasattr(learner, "estimator_"):
            raise ValueError("a slip in the rule")
        return 20


@pytest.mark.parametrize("estimator", [GaussianNB(), KNeighborsClassifier(1)])
@pytest.mark.parametrize("strategy", [in_order, "margin"])
@pytest.mark.filterwarnings("error:.*is tried again")
def test_an_error_of_a_rule_itself_passes_on_at_once(estimator, strategy):
    learner = ActiveLearner(estimator, strategy, cold_start=in_order).fit(NUMBERED)
    with pytest.raises(ValueError, match="^a slip in the rule$"):
        run(learner, parity, n_instances=4, stopping=Mistaken())
    assert labeled(learner) == dict(enumerate([0, 1] * 2))
    assert learned(learner)


def test_a_rule_that_asks_for_probabilities_which_the_model_cannot_give_is_borne_with():
    learner, rule = cold(Mute(60)), ConfidentPool() | Budget(50)
    with (
        pytest.warns(UserWarning, match="Mute could not answer with 2 labels"),
        pytest.raises(ValueError, match="no answer"),
    ):
        run(learner, parity, n_instances=2, stopping=rule)
    assert learner.pool_.n_labeled == 6


# Who answers


def test_the_annotator_is_kept_in_the_history(typing):
    learner = run(cold(), parity, n_instances=4, stopping=4, annotator="Bob")
    typing("0", "1")
    run(learner, Prompt(), n_instances=2, annotator="Ann")
    assert [op.annotator for op in learner.pool_.history] == [None, "Bob", "Ann", "Ann"]
    with pytest.raises(TypeError, match="run got the name 7 of type int"):
        run(learner, parity, annotator=7)


def test_keys_stand_in_the_order_of_the_learners_classes(typing):
    prompts = typing("1", "2")
    learner = run(cold(classes=["spam", "ham"]), Prompt(), n_instances=2)
    assert prompts[0].startswith("1 spam, 2 ham |")
    assert labeled(learner) == {0: "spam", 1: "ham"}
