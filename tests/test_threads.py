"""How many threads compute, while it lasts and afterwards."""

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from threading import Event

import numpy as np
import pytest
import threadpoolctl
from sklearn.base import BaseEstimator, ClassifierMixin

from skactive import ActiveLearner, SimulatedLearner, selection
from skactive.evaluation.simulation import Round, _by_threads
from skactive.utils.threads import LITTLE, few_threads, one_thread


def blas_threads():
    """The numbers of threads of the BLAS libraries that are there."""
    pools = threadpoolctl.threadpool_info()
    return {pool["num_threads"] for pool in pools if pool["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def three_threads():
    """Three threads as if by the environment, unless the BLAS library cannot be told how many."""
    controller = threadpoolctl.ThreadpoolController().select(user_api="blas")
    before = [library.num_threads for library in controller.lib_controllers]
    set_threads(controller, [3] * len(before))
    if blas_threads() != {3}:
        pytest.skip("this BLAS has one thread only")
    yield
    set_threads(controller, before)


def set_threads(controller, numbers):
    """Set numbers of threads; not as a limit, which would hold against other Python threads'."""
    for library, n_threads in zip(controller.lib_controllers, numbers, strict=True):
        library.set_num_threads(n_threads)
        getattr(library, "clear_controlling_thread", lambda: None)()  # threadpoolctl 3.8


def cross(limited, is_limited):
    """Have two Python threads limited, of which the second comes and leaves after the first."""
    first_is_in, second_is_in, first_is_out = Event(), Event(), Event()

    def first():
        with limited():
            first_is_in.set()
            assert second_is_in.wait(10)
        first_is_out.set()

    with ThreadPoolExecutor() as executor:
        done = executor.submit(first)
        assert first_is_in.wait(10)
        with limited():
            assert is_limited()
            second_is_in.set()
            assert first_is_out.wait(10)
        done.result()


def test_little_work_has_one_thread_and_much_has_all():
    with few_threads(LITTLE):
        assert blas_threads() == {1}
    assert blas_threads() == {3}
    with few_threads(2 * LITTLE):
        assert blas_threads() == {3}


def test_an_error_gives_the_threads_back():
    with pytest.raises(KeyError), few_threads(1.0):
        raise KeyError
    assert blas_threads() == {3}
    with few_threads(1.0):
        assert blas_threads() == {1}


def test_who_comes_second_and_leaves_last_gives_all_threads_back(monkeypatch):
    """Older threadpoolctl gives back, to all Python threads, what it found."""
    found = [3]

    class Library:
        @contextmanager
        def limit(self, limits, user_api):
            before, found[0] = found[0], limits
            yield
            found[0] = before

    monkeypatch.setattr("skactive.utils.threads._blas", Library)
    cross(lambda: few_threads(1.0), lambda: found == [1])
    assert found == [3]


@pytest.mark.parametrize("is_first_all", [False, True])
def test_little_work_and_a_whole_run_in_two_python_threads_bring_back_all_threads(is_first_all):
    """Each may come first, and leave first."""
    is_in, is_done = Event(), Event()
    before = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]

    def other():
        with few_threads(1.0) if is_first_all else one_thread():
            is_in.set()
            assert is_first_all or is_done.wait(10)

    with ThreadPoolExecutor() as executor:
        if is_first_all:  # who comes second is out before
            with one_thread():
                executor.submit(other).result()
                assert blas_threads() == {1}
        else:
            with few_threads(1.0):
                done = executor.submit(other)
                assert not is_in.wait(0.2)  # it waits for the little work
            assert is_in.wait(10)
            with few_threads(1.0):
                pass
            is_done.set()
            done.result()
    assert [pool["num_threads"] for pool in threadpoolctl.threadpool_info()] == before


def test_whole_runs_in_two_python_threads_bring_back_all_threads():
    cross(one_thread, lambda: blas_threads() == {1})
    assert blas_threads() == {3}


def test_runs_inside_runs_and_little_work_inside_them_leave_one_thread_until_the_end():
    with one_thread():
        with one_thread(), few_threads(1.0):
            assert blas_threads() == {1}
        assert blas_threads() == {1}
    assert blas_threads() == {3}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_process_that_is_forked_in_the_middle_does_not_wait_for_ever():
    is_in, is_over = Event(), Event()

    def other():
        with few_threads(1.0):
            is_in.set()
            is_over.wait(10)

    with ThreadPoolExecutor() as executor:
        executor.submit(other)
        assert is_in.wait(10)
        child = os.fork()
        if child == 0:
            signal.alarm(10)
            with one_thread():
                os._exit(7)
        is_over.set()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


@pytest.mark.parametrize("function", ["d2_sampling", "k_center"])
@pytest.mark.parametrize(("little", "expected"), [(LITTLE, 1), (2.0 * 100 * 5 * 11, 1), (1e4, 3)])
def test_a_few_rows_are_chosen_with_one_thread(function, little, expected, monkeypatch):
    seen = []
    monkeypatch.setattr("skactive.utils.threads.LITTLE", little)

    def watched(call):
        def calling(*args, **options):
            seen.append(blas_threads())
            return call(*args, **options)

        return calling

    d2, k = (sys.modules[f"skactive.selection.{name}"] for name in ("d2_sampling", "k_center"))
    monkeypatch.setattr(d2._Sampler, "draw", watched(d2._Sampler.draw))
    monkeypatch.setattr(k, "farthest_first", watched(k.farthest_first))
    h = np.random.default_rng(0).random((100, 5))
    rows = (h,) if function == "d2_sampling" else h
    getattr(selection, function)(rows, 10, centers=[3], rng=np.random.default_rng(0))
    assert seen
    assert all(threads == {expected} for threads in seen)
    assert blas_threads() == {3}


def test_one_thread_is_for_torch_too():
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            assert torch.get_num_threads() == 1
            assert blas_threads() == {1}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("took", "threads"),
    [
        ([9.0, 0.1, 0.1, 0.2], [1, 1, 1, 1]),  # the first has imports
        ([0.1, 0.1, 0.3, 0.2, 0.5, 0.1], [1, 1, 1, 3, 3, 3]),
        ([0.1, 0.3, 0.4, 0.5, 0.6], [1, 1, 3, 1, 1]),  # several are slower: not tried again
    ],
)
def test_rounds_have_several_threads_where_one_takes_a_while_and_they_are_faster(took, threads):
    seen = []

    def rounds():
        for seconds in took:
            seen.append(blas_threads())
            yield Round(100, np.arange(0), 100, 100.0, seconds / 2, seconds / 2)

    assert len(list(_by_threads(rounds()))) == len(took)
    assert seen == [{n} for n in threads]
    assert blas_threads() == {3}


class Counting(ClassifierMixin, BaseEstimator):
    """Note how many threads there are in a fit; fail in the fit of many."""

    def __init__(self, seen, most=100):
        self.seen, self.most = seen, most

    def __sklearn_clone__(self):
        return type(self)(self.seen, self.most)

    def fit(self, X, y):
        self.seen.append(blas_threads())
        if len(X) > self.most:
            raise MemoryError
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.repeat(self.classes_[:1], len(X))


def test_a_simulation_of_short_fits_has_one_thread_and_gives_the_others_back():
    X, y, seen = np.arange(60.0)[:, None], np.arange(60) % 2, []
    for most, error in (100, None), (30, MemoryError):
        simulated = SimulatedLearner(
            ActiveLearner(Counting(seen, most), "random"), budget=50, n_instances=10
        )
        with pytest.raises(error) if error else nullcontext():
            simulated.fit(X, y)
        assert seen and set(map(frozenset, seen)) == {frozenset({1})}
        assert blas_threads() == {3}
