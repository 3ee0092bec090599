"""Files of runs: what was reported as appended is there, whatever happened since."""

import json
import os
import re
import signal
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skactive.evaluation.results import ResultsFile, merge_results, stored_settings

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = {"budget": 100, "estimator": "LogisticRegression()", "initial": None}
RUNS = [{"variant": "random", "repeat": k, "scores": [0.5, 0.1 * k]} for k in range(3)]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.jsonl"


def written(path, runs=RUNS, shared=SETTINGS):
    """A file with runs; returns its bytes."""
    file = ResultsFile(path, shared)
    for run in runs:
        file.append(run)
    return path.read_bytes()


def refused(path, shared=SETTINGS):
    """Why a file is refused, having seen that it stays as it is."""
    before = path.read_bytes()
    with pytest.raises(ValueError) as caught:
        ResultsFile(path, shared)
    assert path.read_bytes() == before
    return str(caught.value).removeprefix(repr(str(path)))


# Written and read


def test_runs_are_read_back_as_they_were_appended(path):
    written(path)
    assert ResultsFile(path, SETTINGS).runs == RUNS


def test_a_file_that_was_appended_to_knows_what_it_holds(path):
    file = ResultsFile(path, SETTINGS)
    assert file.runs == []
    file.append({"indices": (1, 2)})
    assert file.runs == [{"indices": [1, 2]}] == ResultsFile(path, SETTINGS).runs


def test_a_file_goes_on_where_it_ended(path):
    whole = written(path)
    path.unlink()
    for position in range(3):
        file = ResultsFile(path, SETTINGS)
        assert file.runs == RUNS[:position]
        file.append(RUNS[position])
    assert path.read_bytes() == whole


def test_every_line_is_json_with_its_checksum(path):
    lines = written(path).split(b"\n")
    assert lines.pop() == b""
    assert len(lines) == 4
    for line in lines:
        text, check = line.split(b"\t")
        assert int(check, 16) == zlib.crc32(text)
    header = json.loads(lines[0].split(b"\t")[0])
    assert header == {"format": "skactive-comparison", "settings": SETTINGS}


def test_text_paths_serve_too(path):
    ResultsFile(str(path), SETTINGS).append(RUNS[0])
    assert ResultsFile(os.fspath(path), SETTINGS).runs == RUNS[:1]


@settings(max_examples=30)  # each waits for the disk
@given(st.dictionaries(st.text(), JSON), st.lists(st.dictionaries(st.text(), JSON), max_size=4))
def test_whatever_json_takes_comes_back(tmp_path_factory, shared, runs):
    path = tmp_path_factory.mktemp("results") / "runs"
    written(path, runs, shared)
    assert ResultsFile(path, shared).runs == runs
    assert stored_settings(path) == shared


def test_numbers_that_are_none_come_back(path):
    written(path, [{"score": float("nan")}], {"seed": float("nan")})
    (run,) = ResultsFile(path, {"seed": float("nan")}).runs
    assert run["score"] != run["score"]


def test_what_json_does_not_take_is_refused_and_changes_nothing(path):
    before = written(path)
    file = ResultsFile(path, SETTINGS)
    with pytest.raises(TypeError):
        file.append({"scores": {1, 2}})
    assert path.read_bytes() == before
    assert file.runs == RUNS
    file.append(RUNS[0])
    assert ResultsFile(path, SETTINGS).runs == [*RUNS, RUNS[0]]
    with pytest.raises(TypeError):
        ResultsFile(path.with_name("new"), {"initial": {1}})
    assert not path.with_name("new").exists()


# Settings


def test_settings_are_read_from_a_file_that_has_some(path):
    assert stored_settings(path) is None
    written(path)
    assert stored_settings(path) == SETTINGS
    path.write_bytes(b"")
    assert stored_settings(path) is None
    path.write_bytes(b"something else\n")
    assert stored_settings(path) is None


def test_a_file_without_runs_takes_other_settings(path):
    written(path, [])
    ResultsFile(path, {"budget": 7})
    assert stored_settings(path) == {"budget": 7}
    whole = written(path, RUNS[:1], {"budget": 8})
    path.write_bytes(whole[:-1])  # a torn run is none
    ResultsFile(path, SETTINGS).append(RUNS[1])
    assert ResultsFile(path, SETTINGS).runs == RUNS[1:2]


def test_the_same_settings_in_other_words_are_the_same(path):
    written(path, shared={"share": 0.5, "rows": (1, 2), "more": {"b": 1, "a": 2}})
    same = {"more": {"a": 2, "b": 1}, "rows": [1, 2], "share": 0.5}
    assert ResultsFile(path, same).runs == RUNS


@pytest.mark.parametrize(
    ("others", "changes"),
    [
        ({**SETTINGS, "budget": 50}, "budget was 100, is 50"),
        (
            {**SETTINGS, "estimator": "SVC()", "budget": 1.0},
            "budget was 100, is 1.0; estimator was 'LogisticRegression()', is 'SVC()'",
        ),
        ({**SETTINGS, "initial": [3]}, "initial was None, is [3]"),
        ({**SETTINGS, "name": "iris"}, "name was None, is 'iris'"),
        ({"budget": 100, "initial": None}, "estimator was 'LogisticRegression()', is None"),
    ],
)
def test_other_settings_are_refused_by_name(path, others, changes):
    written(path)
    assert refused(path, others) == (
        f" holds runs of another comparison: {changes}; give another file, or the same settings."
    )
    assert ResultsFile(path, SETTINGS).runs == RUNS


# Torn and damaged


def test_a_line_torn_at_any_byte_is_dropped_and_the_others_stay(path):
    whole = written(path)
    starts = [0]
    while starts[-1] < len(whole):
        starts.append(whole.index(b"\n", starts[-1]) + 1)
    for n_bytes in range(len(whole)):
        path.write_bytes(whole[:n_bytes])
        n_runs = max(0, sum(start <= n_bytes for start in starts[1:]) - 1)
        file = ResultsFile(path, SETTINGS)
        assert file.runs == RUNS[:n_runs]
        for run in RUNS[n_runs:]:
            file.append(run)
        assert path.read_bytes() == whole


def test_a_torn_header_takes_other_settings(path):
    whole = written(path, [])
    for n_bytes in range(len(whole) - 1):
        path.write_bytes(whole[:n_bytes])
        assert stored_settings(path) is None
        ResultsFile(path, {"budget": 7}).append(RUNS[0])
        assert ResultsFile(path, {"budget": 7}).runs == RUNS[:1]


def test_a_line_damaged_anywhere_is_refused_by_its_number(path):
    whole = written(path)
    for position in range(len(whole) - 1):
        damaged = bytearray(whole)
        damaged[position] ^= 1
        path.write_bytes(bytes(damaged))
        number = whole[:position].count(b"\n") + 1
        if number > 1:
            expected = f"line {number} of {str(path)!r} is damaged; delete that line, and its run"
        else:
            expected = " is not a file of compare_strategies; give another name."
        assert refused(path).startswith(expected)


def test_a_damaged_line_that_is_deleted_costs_its_run_alone(path):
    lines = written(path).splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[1], lines[2][3:], lines[3]]))
    assert refused(path).startswith("line 3 of ")
    path.write_bytes(b"".join([lines[0], lines[1], lines[3]]))
    assert ResultsFile(path, SETTINGS).runs == [RUNS[0], RUNS[2]]


@pytest.mark.parametrize(
    "data",
    [
        b"a,b\n1,2\n",
        b"a,b",
        b'{"format": "another"}',
        b'{"format": "skactive-comparison"}\n',
        b"\x00\xff\x80",
        b"\n",
        b'{"format": "skactive-pool", "settings": {}}\tce4b6f1d\n',
    ],
)
def test_a_foreign_file_is_refused_and_stays_as_it_is(path, data):
    path.write_bytes(data)
    assert refused(path) == " is not a file of compare_strategies; give another name."


@pytest.mark.parametrize("value", [{"format": "another", "settings": {}}, {"a": 1}, [1], 3, "x"])
def test_a_foreign_file_with_our_checksums_is_refused_too(path, value):
    text = json.dumps(value).encode()
    path.write_bytes(b"%s\t%08x\n" % (text, zlib.crc32(text)))
    assert refused(path) == " is not a file of compare_strategies; give another name."


def test_a_folder_that_is_not_there_is_an_error(path):
    with pytest.raises(FileNotFoundError):
        ResultsFile(path / "runs", SETTINGS)


# Two at once, and killed


def test_what_another_wrote_is_not_overwritten(path):
    one, other = ResultsFile(path, SETTINGS), ResultsFile(path, SETTINGS)
    other.append(RUNS[0])
    with pytest.raises(RuntimeError, match=r"has changed since it was opened; let one comparison"):
        one.append(RUNS[1])
    assert one.runs == []
    assert ResultsFile(path, SETTINGS).runs == RUNS[:1]


def test_a_write_that_fails_reports_nothing_as_appended(path, monkeypatch):
    file = ResultsFile(path, SETTINGS)
    file.append(RUNS[0])
    with monkeypatch.context() as patch:
        patch.setattr("skactive.evaluation.results.os.fsync", _disk_full)
        with pytest.raises(OSError, match="disk full"):
            file.append(RUNS[1])
    assert file.runs == RUNS[:1]
    again = ResultsFile(path, SETTINGS)
    assert again.runs[:1] == RUNS[:1]


def _disk_full(*_):
    raise OSError("disk full")


WRITER = """
import sys
from skactive.evaluation.results import ResultsFile
file = ResultsFile(sys.argv[1], {"budget": 100})
print("ready", flush=True)
for k in range(len(file.runs), 10**6):
    file.append({"repeat": k, "filler": "x" * 3000})
    print(k, flush=True)
"""


@pytest.mark.once
def test_a_writer_that_is_killed_loses_nothing_that_it_reported(path):
    reported = -1
    for n_lines in (1, 4, 11):  # killed three times, at other moments
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout.readline() == "ready\n"
            for _ in range(n_lines):
                reported = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            reported = max([reported, *map(int, writer.stdout.read().split("\n")[:-1])])
        assert writer.returncode == -signal.SIGKILL
        runs = ResultsFile(path, {"budget": 100}).runs
        assert [run["repeat"] for run in runs] == list(range(len(runs)))
        assert len(runs) > reported
        assert all(run["filler"] == "x" * 3000 for run in runs)


# Parts, joined


def parts(folder, *of_each, shared=SETTINGS):
    """Files of runs, one for each list."""
    paths = [folder / f"{k}.jsonl" for k in range(len(of_each))]
    for path, runs in zip(paths, of_each, strict=True):
        written(path, runs, shared)
    return paths


def not_joined(paths, into, error=ValueError):
    """Why parts are not joined, having seen that nothing was written."""
    before = {path: path.read_bytes() for path in into.parent.iterdir()}
    with pytest.raises(error) as caught:
        merge_results(paths, into)
    assert {path: path.read_bytes() for path in into.parent.iterdir()} == before
    return str(caught.value)


def test_parts_are_joined_in_the_order_of_repeats_each_run_once(path, tmp_path):
    took_longer = RUNS[1] | {"seconds": [[9.0, 9.0, 9.0]]}
    paths = parts(tmp_path, [RUNS[2], RUNS[1]], [took_longer, RUNS[0]])
    whole = [file.read_bytes() for file in paths]
    merge_results(map(str, paths), path)
    assert ResultsFile(path, SETTINGS).runs == RUNS
    assert [file.read_bytes() for file in paths] == whole


def test_a_part_may_be_the_file_that_is_written_and_may_be_cut_short(tmp_path):
    first, second = parts(tmp_path, RUNS[:1], RUNS[1:])
    second.write_bytes(second.read_bytes()[:-5])
    merge_results([first, second], first)
    assert ResultsFile(first, SETTINGS).runs == RUNS[:2]


def test_a_file_that_is_none_of_the_parts_stays(path, tmp_path):
    paths = parts(tmp_path, RUNS)
    path.write_text("a letter")
    assert "is there and none of the parts" in not_joined(paths, path, FileExistsError)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda files: files.clear(), "there are no parts to join"),
        (lambda files: files[1].write_text("a letter\n"), "1.jsonl' is not a file of compare_str"),
        (lambda files: files[1].write_bytes(b""), "1.jsonl' has no settings"),
        (
            lambda files: files[1].write_bytes(files[1].read_bytes().replace(b"0.5", b"0.6", 1)),
            "line 2 of '.*1.jsonl' is damaged",
        ),
        (lambda files: written(files[1].with_name("2.jsonl"), [RUNS[0] | {"scores": [1.0]}]), ""),
    ],
)
def test_what_is_no_part_is_refused(path, tmp_path, spoil, said):
    paths = parts(tmp_path, RUNS[:2], RUNS[2:])
    spoil(paths)
    if not said:
        paths.append(tmp_path / "2.jsonl")
        said = "0.jsonl' and '.*2.jsonl' both hold repeat 0 of 'random', with other rows or scores"
    assert re.search(said, not_joined(paths, path))


def test_parts_of_other_settings_are_refused_by_name(path, tmp_path):
    one, _ = parts(tmp_path, RUNS[:1], RUNS)
    other = tmp_path / "other.jsonl"
    written(other, RUNS[1:], SETTINGS | {"budget": 200})
    said = not_joined([one, other], path)
    assert "other.jsonl' holds runs of another comparison: budget was 200, is 100" in said


def test_a_part_that_is_missing_is_told(path, tmp_path):
    assert "nowhere" in not_joined([*parts(tmp_path, RUNS), tmp_path / "nowhere"], path, OSError)
