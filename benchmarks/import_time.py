"""`import skactive` beside `import sklearn.base`, each in a new interpreter: median of pairs.

    python benchmarks/import_time.py [--pairs 15]

Exits with 1 where the target is missed. The interpreter's own start, about 10 ms, is in both times.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from _timing import print_table, ratio

ROOT = Path(__file__).resolve().parents[1]


def new_interpreter(statement):
    """A call that runs one statement in an interpreter of its own."""
    return lambda: subprocess.run([sys.executable, "-c", statement], cwd=ROOT, check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=15)
    pairs = parser.parse_args().pairs
    times = ratio(new_interpreter("import skactive"), new_interpreter("import sklearn.base"), pairs)
    met = print_table([("import skactive / import sklearn.base", times, 1.2)])
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
