"""Time of `import skactive` beside `import sklearn.base`, in interleaved new interpreters.

Prints the median of each and the median of the paired ratios; the target is at most 1.2.
"""

import argparse
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TIMED = "from time import perf_counter as t; a = t(); import {}; print(t() - a)"


def seconds(module):
    """Seconds that one new interpreter needs to import a module, its own start not counted."""
    command = [sys.executable, "-c", TIMED.format(module)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return float(result.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=15)
    pairs = parser.parse_args().pairs
    for module in ("sklearn.base", "skactive"):  # fill the file cache
        seconds(module)
    ours, theirs = [], []
    for _ in range(pairs):
        theirs.append(seconds("sklearn.base"))
        ours.append(seconds("skactive"))
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    print(f"import sklearn.base  {statistics.median(theirs):.3f} s")
    print(f"import skactive      {statistics.median(ours):.3f} s")
    print(f"ratio                {ratio:.2f}  (target: at most 1.2; {pairs} pairs)")


if __name__ == "__main__":
    main()
