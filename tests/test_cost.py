"""What a long selection says before it begins, and shows meanwhile."""

import re
import sys
import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skactive import ActiveLearner, selection
from skactive.selection import cost
from skactive.selection.blocks import Blocks
from skactive.selection.density import density
from skactive.selection.lloyd import Clusters
from skactive.strategies import Prefilter, Subpool
from skactive.utils import progress

N = 400
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 5))
PROBA = RNG.dirichlet(np.ones(3), size=N)
DOUBT = 1 - PROBA.max(axis=1)
SELECT = {
    "k_medoids": lambda **how: selection.k_medoids(X, 5, **how),
    "max_herding": lambda **how: selection.max_herding(X, 5, **how),
    "uncertainty_herding": lambda **how: selection.uncertainty_herding(
        X, 5, uncertainty=DOUBT, **how
    ),
    "prob_cover": lambda **how: selection.prob_cover(X, 5, **how),
    "k_means": lambda **how: selection.k_means(X, 5, **how),
    "typiclust": lambda **how: selection.typiclust(X, 5, **how),
    "ranked_batch": lambda **how: selection.ranked_batch(X, DOUBT, 5, **how),
    "bait": lambda **how: selection.bait(X, PROBA, 5, **how),
    "density": lambda **how: density(X, metric="euclidean"),
}
every_selection = pytest.mark.parametrize("who", SELECT)


def choose(who):
    return SELECT[who](candidates=np.arange(20, N), centers=[3, 8], rng=np.random.default_rng(1))


@pytest.fixture
def measured(monkeypatch):
    """Every selection is measured and told of, however short it is."""
    monkeypatch.setattr(cost, "LONG", -np.inf)
    monkeypatch.setattr(cost, "LITTLE_WORK", N)


@pytest.mark.filterwarnings("ignore::UserWarning")
@every_selection
def test_a_measurement_changes_no_choice(who, monkeypatch):
    plain = choose(who)
    monkeypatch.setattr(cost, "LITTLE_WORK", 2.0 * N)
    assert np.array_equal(choose(who), plain, equal_nan=True)


@every_selection
def test_one_warning_says_how_long_and_what_to_write(who, measured, monkeypatch):
    told = []
    monkeypatch.setattr(warnings, "warn", lambda text, **how: told.append(text))
    choose(who)
    named = "Density(metric='euclidean')" if who == "density" else repr(who)
    assert len([text for text in told if " on 400 rows " in text]) == 1
    named = re.escape(named)
    assert re.fullmatch(
        rf"{who} on 400 rows will take about \d+ \w+ here(, \d+ \w+ at most)?, by what a sample "
        rf"took; write Subpool\({named}, size=20_000\) or Prefilter\('margin', {named}\) from "
        rf"skactive.strategies, which look at a part of the rows.",
        told[-1],
    )


@every_selection
def test_little_work_is_neither_measured_nor_told(who, monkeypatch):
    monkeypatch.setattr(cost, "LONG", -np.inf)
    monkeypatch.setattr(cost, "perf_counter", None)  # which nobody asks
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        choose(who)


@every_selection
def test_a_bar_shows_how_far_it_is_once_it_takes_a_while(who, monkeypatch, capsys):
    monkeypatch.setattr(progress, "DELAY", -1.0)
    monkeypatch.setattr(sys.modules["skactive.selection.density"], "_TILE", (64, 16))
    choose(who)
    shown = capsys.readouterr().err
    assert "%" in shown or "passes" in shown
    monkeypatch.setattr(progress, "DELAY", 1e6)
    choose(who)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("who", ["max_herding", "k_medoids", "density"])
def test_a_bar_of_pairs_moves_with_each_tile(who, monkeypatch):
    """Where there are millions of candidates, all of them beside a few rows take half a minute."""
    module = sys.modules["skactive.selection." + ("density" if who == "density" else "coverage")]
    monkeypatch.setattr(module, "_TILE", (64, 16), raising=False)
    monkeypatch.setattr(module, "_TILE_ROWS", 64, raising=False)
    bars = []

    def shown(steps, total, description, unit):
        steps = list(steps)
        bars.append(([size for size, _ in steps], total))
        return [step for _, step in steps]

    monkeypatch.setattr(module, "progress", shown)
    choose(who)
    sizes, total = bars[0]
    assert sum(sizes) == total >= N * (N - 64) / 2 and max(sizes) <= 64 * 64


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_is_done_to_narrow_rows_beside_multiplications_counts(measured, monkeypatch):
    monkeypatch.setattr(cost, "LITTLE_WORK", 50.0 * N * 5)
    with pytest.warns(UserWarning, match="ranked_batch on 400 rows will take about"):
        selection.ranked_batch(X[:, :1], DOUBT, 5, rng=np.random.default_rng(0))
    with pytest.warns(UserWarning, match="k_means on 400 rows will take about"):
        selection.k_means(X[:, :1], 5, rng=np.random.default_rng(0))
    # Of six classes, each pick works on five times five entries for each row.
    monkeypatch.setattr(cost, "LITTLE_WORK", 50.0 * N * 10 * 25)
    proba = np.full((N, 6), 1 / 6)
    with pytest.warns(UserWarning, match="bait on 400 rows will take about"):
        selection.bait(X[:, :1], proba, 5, rng=np.random.default_rng(0))


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("fixed", [0.0, 0.5])
def test_what_samples_take_tells_what_all_rows_take(power, fixed, monkeypatch):
    """With a clock that goes by the work, the estimate is that work, less what is fixed."""
    clock, n_rows, told = [0.0], 10**7, []
    monkeypatch.setattr(cost, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(cost, "process_time", lambda: 2 * clock[0])
    monkeypatch.setattr(cost, "tell", lambda who, vectors, seconds, named: told.append(seconds))

    def work(n, n_steps):
        return fixed + 3e-6 * n**power * (1 + n_steps)

    def run(rows, n_steps):
        assert len(rows) < n_rows / 20 and len(np.unique(rows)) == len(rows) and n_steps <= 50
        clock[0] += work(len(rows), n_steps)

    mask = np.ones(n_rows, dtype=bool)
    how = {"size": n_rows, "power": power, "steps": lambda n: 1 + n}
    cost.foretell("it", np.empty((n_rows, 0)), mask, 200, run, pairs=cost.LITTLE_WORK, **how)
    assert told == pytest.approx([work(n_rows, 200)], rel=0.02)


def test_clusters_of_a_sample_tell_what_the_passes_over_all_rows_take(monkeypatch):
    clock, asked = [0.0], []
    monkeypatch.setattr(cost, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(cost, "process_time", lambda: 2 * clock[0])

    def lloyd(blocks, n_clusters, reach, rng, max_iterations):
        assert blocks.rows is None  # a copy: to gather them in each pass takes twice as long
        asked.append((blocks.n, n_clusters, max_iterations))
        clock[0] += 5.0 + 0.1 * max_iterations  # for seeds, and for each pass
        return Clusters(np.arange(blocks.n) % 7, np.zeros(blocks.n), max_iterations, unrest)

    monkeypatch.setattr(cost, "lloyd", lloyd)
    vectors = np.zeros((400_000, 8))
    # A sample that has settled after 30 passes; one whose means still move 100 times more than they
    # may takes 30 * 100 ** (1 / 2.6) passes, and of 300, which are the most, 230 are likely.
    for left, n_passes in ((0.0, 45), (100.0, 176.33), (1e5, 230)):
        unrest = left  # read by the function above
        told = cost.sampled_clusters(vectors, np.arange(400_000), 2000)
        seconds, longest, some, labels = told
        assert asked[-2:] == [(100_000, 2000, 2), (100_000, 2000, 30)]
        assert seconds == pytest.approx(5.2 + 0.1 * 4 * n_passes, rel=1e-3)
        assert longest == pytest.approx(5.2 + 0.1 * 4 * 300)
        assert len(some) == len(labels) == 100_000 and labels.max() == 6
    monkeypatch.setattr(cost, "LITTLE_WORK", 0.0)
    for n_clusters, n in ((20, 10_000), (100, 40_000), (1000, 100_000)):
        assert len(cost.sampled_clusters(vectors, np.arange(400_000), n_clusters).rows) == n


def test_who_may_settle_late_is_told_what_it_may_take_at_most(monkeypatch):
    told = []
    monkeypatch.setattr(warnings, "warn", lambda text, **how: told.append(text))
    vectors = np.zeros((1000, 2))
    for seconds, longest in ((46, 149), (135, 240), (29, 500), (50, 59), (100, None)):
        cost.tell("k_means", vectors, seconds, longest=longest)
    assert [text.split(" take ")[1].split(" by ")[0] for text in told] == [
        "about 46 seconds here, 2 minutes at most,",
        "about 2 minutes here, 4 minutes at most,",
        "about 2 minutes here,",
    ]


def test_the_time_to_cluster_and_a_sampled_radius_tell_what_prob_cover_takes(measured, monkeypatch):
    module, told, radii = sys.modules["skactive.selection.prob_cover"], [], []
    sampled = cost.sampled_clusters

    def slow(vectors, rows, n_clusters):
        return sampled(vectors, rows, n_clusters)._replace(seconds=5e4)

    def foretell_coverage(who, vectors, mask, n, known, choose, besides):
        told.append(besides)
        choose(np.arange(50), n, centers=np.zeros(0, dtype=int))

    monkeypatch.setattr(module, "sampled_clusters", slow)
    monkeypatch.setattr(module, "foretell_coverage", foretell_coverage)
    monkeypatch.setattr(module, "prob_cover", lambda *args, delta, **how: radii.append(delta))
    choose("prob_cover")
    blocks = Blocks(X, dtype=np.float64)
    labels = sampled(X, np.arange(N), 7).labels  # all rows are sampled; two centres and five picks
    limit = module.pure_limit(blocks, labels, 0.95, np.random.default_rng(0))
    assert told == [5e4] and radii == [pytest.approx(np.sqrt(limit) / blocks.scale)]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_pick_that_is_timed_again_begins_again(measured, monkeypatch):
    module, rated = sys.modules["skactive.selection.typiclust"], []
    mean_distances = module._Cluster._mean_distances

    def counted(cluster, places):
        rated.append(len(places))
        return mean_distances(cluster, places)

    monkeypatch.setattr(module._Cluster, "_mean_distances", counted)
    choose("typiclust")
    assert len(set(rated[:3])) == 1  # a second pick of the same cluster has bounds, and a row less


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_rows_that_are_all_alike_are_measured_too(measured):
    for n_clusters in (None, 2):
        picks = selection.prob_cover(
            np.ones((N, 5)), 5, n_clusters=n_clusters, rng=np.random.default_rng(0)
        )
        assert len(set(picks.tolist())) == 5


@pytest.mark.filterwarnings("error::UserWarning")
def test_the_lines_that_are_named_are_not_told_of(measured, monkeypatch):
    monkeypatch.setattr(cost, "LITTLE_WORK", 30.0**2 * 56)
    y = np.where(np.arange(N) < 4, np.arange(N) % 2, -1)
    for strategy in (Subpool("k_medoids", size=20), Prefilter("margin", "k_medoids", factor=5)):
        learner = ActiveLearner(LogisticRegression(), strategy, random_state=0).fit(X, y)
        learner.query(n_instances=3)
    learner.set_params(strategy="k_medoids").fit(X, y)
    with pytest.raises(UserWarning, match="k_medoids on 400 rows will take about"):
        learner.query(n_instances=3)


def test_wide_rows_that_are_few_are_measured_on_fewer(monkeypatch):
    sizes, rows = [], RNG.normal(size=(90, 6))
    monkeypatch.setattr(cost, "LITTLE_WORK", 1.0)
    foretold = cost.foretell

    def foretell(who, vectors, mask, n, run, **how):
        def counted(some, few):
            sizes.append((len(some), few))
            run(some, few)

        foretold(who, vectors, mask, n, counted, **how)

    monkeypatch.setattr("skactive.selection.coverage.foretell", foretell)
    assert len(selection.k_medoids(rows, 7, rng=np.random.default_rng(0))) == 7
    assert sizes == [(7, 3)] * 3 + [(14, 3)] * 3  # three times, as they are short
