"""Through how many modules of the library fit, query and teach pass: margin on an array.

``python benchmarks/walk.py`` prints each call's modules; a module counts if one of its functions is
called. Importing is done before, and what is computed once and kept counts where it is computed.
"""

import sys
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

import skactive
from skactive import ActiveLearner

PACKAGE = Path(skactive.__file__).parent


def modules_of(call) -> list[str]:
    """Return the modules of the library whose functions a call passes through, sorted."""
    seen: set[str] = set()

    def watch(frame, event, _):
        if event == "call":
            seen.add(frame.f_code.co_filename)

    sys.setprofile(watch)
    try:
        call()
    finally:
        sys.setprofile(None)
    inside = [Path(name) for name in seen if name.startswith(f"{PACKAGE}/")]
    return sorted(path.relative_to(PACKAGE).as_posix() for path in inside)


def walk() -> dict[str, list[str]]:
    """Return the modules of each call of the loop, on digits."""
    X, truth = load_digits(return_X_y=True)
    y = truth.copy()
    y[50:] = -1
    learner = ActiveLearner(LogisticRegression(max_iter=20), "margin", random_state=0)
    walked = {"fit": modules_of(lambda: learner.fit(X, y))}
    asked = []
    walked["query"] = modules_of(lambda: asked.append(learner.query(n_instances=10)[0]))
    walked["teach"] = modules_of(lambda: learner.teach(asked[0], truth[asked[0]]))
    walked["together"] = sorted(set().union(*walked.values()))
    return walked


if __name__ == "__main__":
    for name, modules in walk().items():
        print(f"{name:<9} {len(modules):>3}  {', '.join(modules)}")
