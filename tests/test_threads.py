"""How many threads compute, while it lasts and afterwards."""

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import numpy as np
import pytest
import threadpoolctl

from skactive import selection
from skactive.threads import LITTLE, few_threads, one_thread


def blas_threads():
    """The numbers of threads of the BLAS libraries that are there."""
    pools = threadpoolctl.threadpool_info()
    return {pool["num_threads"] for pool in pools if pool["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def three_threads():
    """Three threads, unless the BLAS library cannot be told how many."""
    with threadpoolctl.threadpool_limits(3, user_api="blas"):
        if blas_threads() != {3}:
            pytest.skip("this BLAS has one thread only")
        yield


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

    monkeypatch.setattr("skactive.threads._blas", Library)
    first_is_in, second_is_in, first_is_out = Event(), Event(), Event()

    def first():
        with few_threads(1.0):
            first_is_in.set()
            assert second_is_in.wait(10)
        first_is_out.set()

    with ThreadPoolExecutor() as executor:
        done = executor.submit(first)
        assert first_is_in.wait(10)
        with few_threads(1.0):
            assert found == [1]
            second_is_in.set()
            assert first_is_out.wait(10)
        done.result()
    assert found == [3]


@pytest.mark.parametrize("function", ["d2_sampling", "k_center"])
@pytest.mark.parametrize(("little", "expected"), [(LITTLE, 1), (2.0 * 100 * 5 * 11, 1), (1e4, 3)])
def test_a_few_rows_are_chosen_with_one_thread(function, little, expected, monkeypatch):
    seen = []
    monkeypatch.setattr("skactive.threads.LITTLE", little)

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
