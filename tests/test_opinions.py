"""What several people say of a row: opinions, consensus, final words, undo by person."""

import threading

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from skactive import ActiveLearner, Pool

X = np.arange(12.0).reshape(-1, 1)
Y = [0, 1] + [-1] * 10


def first_word(rows, annotators, labels):
    """The label that was given first."""
    return labels[np.unique(rows, return_index=True)[1]]


def three_votes(consensus="majority"):
    """Rows 0 and 1 are of the start; three people answer, and disagree in rows 3 and 4."""
    pool = Pool(X, Y, consensus=consensus)
    pool.label([3, 4, 5], [0, 1, 1], annotator="ann")
    pool.label([3, 4, 5], [1, 0, 1], annotator="ben")
    pool.label([3, 4], [1, 0], annotator="cleo")
    return pool


@pytest.mark.parametrize(
    ("consensus", "labels"), [("majority", [1, 0, 1]), (first_word, [0, 1, 1])]
)
def test_a_label_is_what_the_consensus_makes_of_the_opinions(consensus, labels):
    pool = three_votes(consensus)
    assert pool.labeled.tolist() == [0, 1, 3, 4, 5]
    assert pool.y_labeled.tolist() == [0, 1, *labels]
    assert pool.y[3:6].tolist() == labels


def test_of_as_many_votes_the_first_counts_and_nobody_is_one_person():
    pool = Pool(X, Y, consensus="majority")
    pool.label(0, 1, annotator="ann")
    assert pool.y[0] == 0  # of the start, by nobody
    with pytest.raises(ValueError, match="row 0, which was labelled 0; to change it, pass relabel"):
        pool.label(0, 1)
    pool.label(0, 1, relabel=True)
    assert pool.y[0] == 1


def test_without_a_consensus_what_was_said_last_counts():
    pool = Pool(X, Y)
    pool.label(3, 0, annotator="ann")
    pool.label(3, 0, annotator="ben")
    with pytest.raises(ValueError, match="row 3, which is labelled 0; to change it, pass relabel"):
        pool.label(3, 1, annotator="cleo")
    pool.label(3, 1, annotator="cleo", relabel=True)
    assert pool.y[3] == 1
    assert pool.opinions["label"].tolist() == [0, 1, 0, 0, 1]


def test_with_a_consensus_only_ones_own_word_needs_relabel():
    pool = three_votes()
    n = pool.n_operations
    pool.label(4, 1, annotator="ann")  # as before
    assert pool.n_operations == n
    with pytest.raises(ValueError, match="row 4, which 'ann' labelled 1; to change it, pass rel"):
        pool.label(4, 0, annotator="ann")
    with pytest.raises(ValueError, match="got the missing label for row 4, which 'ann' labelled 1"):
        pool.label(4, None, annotator="ann")
    pool.label(3, 0, annotator="ben", relabel=True)
    assert pool.y[3] == 0


def test_who_cannot_tell_takes_no_label_away_and_is_in_the_table():
    pool = three_votes()
    pool.label([3, 6], [None, None], annotator="dora")
    assert (pool.y[3], pool.skipped.tolist()) == (1, [6])
    said = pool.opinions
    assert said["annotator"][said["kind"] == "cannot tell"].tolist() == ["dora", "dora"]
    assert pool.y_labeled.tolist() == [0, 1, 1, 0, 1]
    pool.label(6, 2, annotator="dora")
    assert pool.y[6] == 2


def test_a_decision_outranks_what_was_and_will_be_said():
    pool = three_votes()
    pool.decide([3, 7], [2, 2], annotator="rita")
    pool.label([3, 7], [1, 1], annotator="emil")
    assert pool.y[[3, 7]].tolist() == [2, 2]
    pool.undo(annotator="rita")
    assert pool.y[[3, 7]].tolist() == [1, 1]
    with pytest.raises(ValueError, match="decide got the missing label for row 3; a decision is a"):
        pool.decide(3, -1)


def test_what_is_said_of_a_decided_row_takes_it_no_digits():
    pool = Pool(X, consensus="majority")
    pool.decide(0, 0.5)
    pool.label(0, 1, annotator="ann")
    assert pool.y[0] == 0.5
    pool.set(consensus=None)
    assert pool.y[0] == 0.5


def test_a_row_that_is_decided_again_is_decided_once():
    pool = Pool(X, consensus="majority")
    for label in (0, 1):
        pool.decide(0, label)
        assert pool.opinions["label"].tolist() == [label]
    pool.undo(2)
    assert len(pool.opinions) == 0


def test_without_a_consensus_a_decided_row_takes_no_other_label():
    pool = Pool(X, Y)
    pool.decide(0, 1, annotator="rita")
    with pytest.raises(ValueError, match="row 0, which was decided to be 1; write decide"):
        pool.label(0, 0, annotator="ann", relabel=True)
    pool.label(0, 1, annotator="ann")
    pool.decide(0, 0)
    assert pool.y[0] == 0
    pool.unlabel(0)
    pool.label(0, 1)
    assert pool.y[0] == 1


def test_undo_by_person_takes_back_her_last_word_alone():
    pool = three_votes()
    pool.reserve(9)
    pool.undo(annotator="ben")
    assert pool.y[[3, 4, 5]].tolist() == [0, 1, 1]  # ann's, who was first
    assert pool.reserved.tolist() == [9]
    with pytest.raises(ValueError, match=r"but 0 operations of 'ben' can be undone\.$"):
        pool.undo(annotator="ben")
    with pytest.raises(ValueError, match=r"of 'bem' can be undone; write annotator='ben'\.$"):
        pool.undo(annotator="bem")
    with pytest.raises(TypeError, match=r"got n='ben'; write undo\(annotator='ben'\)"):
        pool.undo("ben")


def test_what_a_person_took_away_comes_back_as_it_was():
    pool = Pool(X)
    pool.label(0, 1.5, annotator="ben")
    pool.label(0, None, relabel=True, annotator="ann")
    pool.label(1, 2, annotator="ben")
    assert pool.y_labeled.dtype.kind == "i"
    pool.undo(annotator="ann")
    assert pool.y_labeled.tolist() == [1.5, 2]


def test_text_that_a_person_took_away_does_not_come_back_beside_numbers():
    pool = Pool(X)
    pool.label(0, "a", annotator="ben")
    pool.label(0, None, relabel=True, annotator="ann")
    pool.label(1, 2, annotator="ben")
    with pytest.raises(ValueError, match="undo got n=1, but it brings text back beside numbers"):
        pool.undo(annotator="ann")
    pool.undo(2)
    assert pool.y_labeled.tolist() == ["a"]


def test_opinions_of_a_wider_dtype_count_once_there_is_a_vote():
    pool = Pool(X)
    pool.label(0, 1.5, annotator="ann")
    pool.label(0, 2, annotator="ben", relabel=True)
    assert pool.y_labeled.tolist() == [2]
    pool.consensus = "majority"
    assert pool.y_labeled.tolist() == [1.5]


def test_the_table_of_opinions_tells_who_what_and_when():
    pool = three_votes()
    pool.decide(3, 1, annotator="rita")
    table = pool.opinions
    assert list(table)[:3] == ["id", "annotator", "label"]
    third = table[table["id"] == 3]
    assert third["annotator"].tolist() == ["ann", "ben", "cleo", "rita"]
    assert third["label"].tolist() == [0, 1, 1, 1]
    assert third["kind"].tolist() == ["opinion"] * 3 + ["final"]
    at = [pool.history[number].time for number in (1, 2, 3, 4)]
    moments = pd.to_datetime(np.round(np.array(at) * 1e6), unit="us", utc=True)
    assert (third["time"].to_numpy() == moments.to_numpy()).all()
    assert Pool(X).opinions.shape == (0, 7)


def test_agreement_is_of_the_opinions_that_stand():
    pool = Pool(np.zeros((3, 1)), consensus="majority")
    pool.label([0, 1, 2], [0, 1, 1], annotator="ann")
    pool.label([0, 1, 2], [0, 1, 0], annotator="ben")  # Krippendorff's alpha of this: 4 / 9
    pool.label(2, None, annotator="cleo")
    assert pool.agreement().alpha == pytest.approx(4 / 9)
    assert pool.agreement().pairs == {("ann", "ben"): (pytest.approx(0.4), 3)}
    pool.label(2, 1, annotator="ben", relabel=True)
    assert pool.agreement().alpha == 1


def test_opinions_keep_how_long_they_took_and_what_was_remarked(tmp_path):
    pool = Pool(X, Y)
    pool.label([0, 3, 4], [0, 1, 0], seconds=[9.5, 0, None], comment="hurried")
    pool.label(3, 1, annotator="ben", seconds=1.5)
    pool.label(5, None, annotator="ben", comment=["too dark"])
    pool.label(6, 1, annotator="ben")
    pool.save(tmp_path / "pool.npz")
    for each in (pool, Pool.load(tmp_path / "pool.npz", X)):
        table = each.opinions
        told = zip(
            table["id"], table["seconds"].fillna(-1), table["comment"].fillna(""), strict=True
        )
        assert [*told][2:] == [
            (3, 0.0, "hurried"),
            (3, 1.5, ""),
            (4, -1.0, "hurried"),
            (5, -1.0, "too dark"),
            (6, -1.0, ""),
        ]
        assert table["comment"].isna().tolist()[:2] == [True, True]  # row 0 had this label already


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"seconds": -1}, "label got seconds=-1; give a number from 0 on, or None"),
        ({"seconds": [1, float("inf")]}, "label got seconds=inf; give a number from 0 on, or None"),
        ({"seconds": "soon"}, "label got seconds='soon'; give a number from 0 on"),
        ({"seconds": True}, "label got seconds=True; give a number from 0 on"),
        ({"seconds": [1]}, "label got 1 seconds for 2 rows; give one for each, or one for all"),
        ({"comment": 3}, "label got comment=3; give text, or None"),
        ({"comment": ["a", "b", "c"]}, "label got 3 comment for 2 rows; give one for each"),
    ],
)
def test_notes_that_are_none_are_refused(given, text):
    pool = Pool(X, Y)
    with pytest.raises(ValueError, match=text):
        pool.label([3, 4], [0, 1], **given)
    assert pool.n_operations == 1


# Learners


def taught(update):
    learner = ActiveLearner(GaussianNB(), "margin", consensus="majority", update=update).fit(X, Y)
    return learner.teach([5, 6], [0, 1], annotator="ann")


@pytest.mark.parametrize("update", ["refit", "partial_fit"])
def test_a_learner_is_stale_where_an_opinion_changes_what_counts(update):
    learner = taught(update)
    before = learner.estimator_
    learner.teach(5, 1, annotator="ben")  # a tie: the first counts still
    assert learner.estimator_ is before
    learner.teach(5, 1, annotator="cleo")
    assert learner.pool_.y[5] == 1
    afresh = GaussianNB().fit(X[[0, 1, 5, 6]], [0, 1, 1, 1])
    np.testing.assert_allclose(learner.predict_proba(X), afresh.predict_proba(X))
    learner.pool_.undo(annotator="ben")
    learner.teach(7, 1, annotator="ben")
    afresh = GaussianNB().fit(X[[0, 1, 5, 6, 7]], [0, 1, 0, 1, 1])
    np.testing.assert_allclose(learner.predict_proba(X), afresh.predict_proba(X))


def trusted(rows, annotators, labels):
    """What the one says who has said most: an opinion of one row changes others."""
    names, counts = np.unique(annotators.astype(str), return_counts=True)
    is_best = annotators.astype(str) == names[counts.argmax()]
    out = first_word(rows, annotators, labels)
    out[np.isin(np.unique(rows), rows[is_best])] = labels[is_best][np.argsort(rows[is_best])]
    return out


@pytest.mark.parametrize("update", ["refit", "partial_fit"])
def test_a_learner_notices_that_other_rows_changed_than_those_it_was_taught(update):
    learner = ActiveLearner(GaussianNB(), "margin", consensus=trusted, update=update).fit(X, Y)
    learner.teach([3, 4], [0, 0], annotator="ann")
    learner.teach([3, 4], [1, 1], annotator="ben")
    learner.teach(5, 0, annotator="cleo")  # and so all of that is learned
    assert learner.pool_.y[[3, 4]].tolist() == [0, 0]
    learner.teach(8, 1, annotator="ben")  # who has said most from now on
    assert learner.pool_.y[[3, 4]].tolist() == [1, 1]
    afresh = GaussianNB().fit(X[[0, 1, 3, 4, 5, 8]], [0, 1, 1, 1, 0, 1])
    np.testing.assert_allclose(learner.predict_proba(X), afresh.predict_proba(X))


@pytest.mark.parametrize("began", ["fit", "label"])
def test_an_opinion_that_does_not_count_keeps_its_fraction_beside_whole_labels(began):
    pool = Pool([[0]], [2.5] if began == "fit" else None, missing_label=-1)
    if began == "label":
        pool.label(0, 2.5)
    pool.label(0, 1, relabel=True, annotator="Ada")
    assert pool.y.tolist() == [1]
    assert list(pool.opinions["label"]) == [2.5, 1]
    pool.rename_class(2.5, 7)
    assert list(pool.opinions["label"]) == [7, 1]


def test_pool_and_learner_have_the_same_consensus():
    pool = three_votes()
    with pytest.raises(ValueError, match=r"the learner's is None; .* ActiveLearner\(\.\.\., cons"):
        ActiveLearner(GaussianNB()).fit(pool)
    learner = ActiveLearner(GaussianNB(), consensus="majority").fit(pool)
    assert learner.pool_ is pool
    learner.set_params(consensus=first_word).refit()
    assert pool.y[3] == 0
    with pytest.raises(ValueError, match="consensus is 'most'; write None"):
        Pool(X, consensus="most")


def test_what_a_consensus_returns_is_held_against_the_rows_when_it_is_read():
    pool = three_votes(lambda rows, annotators, labels: labels)
    with pytest.raises(ValueError, match=r"returned the shape \(10,\) for 5 rows"):
        _ = pool.y_labeled
    assert pool.labeled.tolist() == [0, 1, 3, 4, 5]
    learner = ActiveLearner(LogisticRegression(), consensus=pool.consensus)
    with pytest.raises(ValueError, match=r"returned the shape \(10,\) for 5 rows"):
        learner.fit(pool)


# Files and threads


def test_files_keep_opinions_and_the_name_of_the_consensus(tmp_path):
    pool = three_votes()
    pool.decide(4, 1, annotator="rita")
    pool.save(tmp_path / "pool.npz")
    loaded = Pool.load(tmp_path / "pool.npz", X)
    assert loaded.consensus == "majority"
    assert loaded.y.tolist() == pool.y.tolist()
    pd.testing.assert_frame_equal(loaded.opinions, pool.opinions)
    assert Pool.load(tmp_path / "pool.npz", X, consensus=None).y[3] == 1
    assert Pool.load(tmp_path / "pool.npz", X, consensus=first_word).y[3] == 0


def test_a_function_is_given_again_where_a_pool_is_loaded(tmp_path):
    three_votes(first_word).save(tmp_path / "pool.npz")
    with pytest.raises(ValueError, match="saved with the consensus first_word, a function, which"):
        Pool.load(tmp_path / "pool.npz", X)
    assert Pool.load(tmp_path / "pool.npz", X, consensus=first_word).y[3] == 0
    with pytest.raises(ValueError, match="consensus is 3; write None"):
        Pool.load(tmp_path / "pool.npz", X, consensus=3)


def test_whoever_reads_while_others_vote_sees_one_moment():
    n = 200
    pool = Pool(np.zeros((n, 1)), consensus="majority")
    pool.label(range(n), [0] * n, annotator="ann")
    wrong, is_over = [], threading.Event()

    def read():
        while not is_over.is_set():
            labels = pool.y_labeled
            table = pool.opinions
            if len(set(labels.tolist())) > 1:  # each vote is of all rows
                wrong.append(labels)
            if len(set(np.bincount(table["id"]).tolist())) > 1:
                wrong.append(table)

    reader = threading.Thread(target=read)
    reader.start()
    for vote in range(60):
        pool.label(range(n), [vote % 2] * n, annotator=f"voter {vote % 5}", relabel=True)
    is_over.set()
    reader.join()
    assert wrong == []
    assert pool.y_labeled.tolist() == [0] * n  # three of six each, and ann was first


def test_a_database_keeps_opinions_tags_classes_and_the_consensus(tmp_path):
    path = tmp_path / "pool.db"
    with Pool.open(path, X, Y, consensus="majority", classes=[0, 1, 2]) as pool:
        pool.label([3, 4], [0, 1], annotator="ann", seconds=2, comment="hurried")
        pool.label(3, 1, annotator="ben")
        pool.label(3, 1, annotator="cleo")
        pool.tag([3, 9], "sharp")
        pool.rename_class(1, 7)
        said = pool.opinions
    with Pool.open(path, X) as pool:
        assert (pool.consensus, pool.y[[3, 4]].tolist()) == ("majority", [7, 7])
        assert pool.classes.tolist() == [0, 2, 7]
        assert pool.tagged("sharp").tolist() == [3, 9]
        pd.testing.assert_frame_equal(pool.opinions, said)
        learner = ActiveLearner(GaussianNB(), consensus="majority").fit(pool)
        learner.set_params(consensus=first_word).refit()
        assert pool.y[3] == 0
    with pytest.raises(ValueError, match="saved with the consensus first_word, a function, which"):
        Pool.open(path, X)
    with Pool.open(path, X, consensus=first_word) as pool:
        assert pool.y[3] == 0


def test_opinions_name_rows_by_their_ids():
    pool = Pool(X, Y, ids=[f"img {row}" for row in range(len(X))])
    pool.label([5, 3], [0, 1], annotator="ann")
    assert pool.opinions["id"].tolist() == ["img 0", "img 1", "img 3", "img 5"]


@pytest.mark.parametrize("n_asked", [1, 3, 8])
def test_notes_are_found_whether_few_or_many_of_the_answers_have_one(n_asked):
    for noted in ([2], [0, 2, 5], range(8)):
        pool = Pool(np.arange(8.0)[:, None], consensus="majority")
        for row in range(8):
            took = float(row) if row in noted else None
            pool.label([row], ["a"], seconds=took, comment="hm" if row == 2 else None)
        events = pool.ledger.last_events(np.arange(8)[::-1][-n_asked:])
        seconds, comments = pool.ledger.log.notes_of(events)
        rows = list(range(8))[::-1][-n_asked:]
        assert seconds.tolist() == pytest.approx(
            [row if row in noted else np.nan for row in rows], nan_ok=True
        )
        assert comments.tolist() == ["hm" if row == 2 else None for row in rows]
