"""Estimators: those that a command takes by itself, and those that a person names."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from sklearn.base import BaseEstimator, is_regressor

from .features import Thumbnails
from .words import from_extra

OF_TEXT = "TF-IDF of words and logistic regression"
OF_TABLES = "skrub's tabular_pipeline around logistic regression"
OF_IMAGES = "logistic regression on images of 16 x 16 pixels"
OF_VECTORS = "logistic regression on the vectors of --embedding"
BRING_FEATURES = (
    "Images are looked at as 16 x 16 pixels, which tells simple ones apart and no more: bring "
    "features by --embedding file.npy, or --embed timm:NAME."
)


def default_model(kind: str, *, several: bool = False, numbers: bool = False) -> tuple[Any, str]:
    """Return the estimator for a kind of rows, and what it is called."""
    from sklearn.linear_model import Ridge  # which takes sparse vectors, as BayesianRidge does not
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    last = _last(several, numbers)
    if kind == "table":
        return from_extra("skrub", "tables").tabular_pipeline(last), _called(OF_TABLES, numbers)
    if kind == "text" and numbers:
        return make_pipeline(_words(), Ridge()), OF_TEXT.replace("logistic", "ridge")
    if kind == "text":
        return make_pipeline(_words(), last), OF_TEXT
    return make_pipeline(Thumbnails(), StandardScaler(), last), _called(OF_IMAGES, numbers)


def on_vectors(features: Any, *, several: bool = False, numbers: bool = False) -> tuple[Any, str]:
    """Return the estimator on vectors that are looked up by the rows, and what it is called."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    last = _last(several, numbers)
    return make_pipeline(features, StandardScaler(), last), _called(OF_VECTORS, numbers)


def _called(name: str, numbers: bool) -> str:
    return name.replace("logistic", "Bayesian ridge") if numbers else name


def _last(several: bool, numbers: bool = False) -> BaseEstimator:
    """Return the step that predicts."""
    from sklearn.linear_model import BayesianRidge, LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    if numbers:
        return BayesianRidge()
    last = LogisticRegression(max_iter=1000)
    return OneVsRestClassifier(last) if several else last


def _words() -> BaseEstimator:
    from sklearn.feature_extraction.text import TfidfVectorizer

    # Signs are words too, so that a text of nothing else is not refused as empty.
    return TfidfVectorizer(sublinear_tf=True, token_pattern=r"\w+|[^\w\s]")


def named_model(name: str, *, numbers: bool = False) -> Any:
    """Return the estimator that ``module:object`` names, of the current folder or installed.

    It is only looked up, never called, since a record that somebody sent may name it.
    """
    module, colon, thing = name.partition(":")
    if not (module and colon and thing):
        raise ValueError(f"--model is {name!r}; write module:object, such as models:forest.")
    if "" not in sys.path:
        sys.path.insert(0, "")  # the current folder, as for python -m
    try:
        found: Any = import_module(module)
    except (ImportError, SyntaxError) as error:
        lacking = error.name if isinstance(error, ModuleNotFoundError) else None
        if lacking is None or not f"{module}.".startswith(f"{lacking}."):  # the module is there
            instead = f"mend or install what {module} needs"
        elif module.endswith(".py"):
            instead = f"write {module.removesuffix('.py')}:{thing}"
        else:
            instead = "give a module of this folder"
        raise ImportError(f"--model {name}: {error}; {instead}.") from error
    for part in thing.split("."):
        if not hasattr(found, part):
            raise ValueError(f"--model {name}: {module} has no {thing!r}; name what stands in it.")
        found = getattr(found, part)
    if isinstance(found, type) or not hasattr(found, "fit"):
        raise ValueError(
            f"--model {name} is {found!r}, which is no estimator; write one in {module}.py, say "
            f"model = {'Ridge' if numbers else 'LogisticRegression'}(), and name that."
        )
    if numbers and not is_regressor(found):
        raise ValueError(
            f"--model {name} learns no numbers, for which --numbers asks; name a regressor, or "
            f"leave --numbers out."
        )
    if is_regressor(found) and not numbers:
        raise ValueError(
            f"--model {name} learns numbers, and labels are classes; name a classifier, or write "
            f"--numbers where labels are measured."
        )
    return found
