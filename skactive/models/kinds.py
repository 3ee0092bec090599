"""What an estimator is, what it is wrapped in, and what it can give a strategy, told by class."""

import inspect
from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor

from ..utils.checks import is_instance, may_have


def _in(module: str, names: str) -> tuple[str, ...]:
    """Return the paths of classes in a module."""
    return tuple(f"{module}.{name}" for name in names.split())


# Bases that scikit-learn does not export are named by their own module; tests see that each exists.
PIPELINES = ("sklearn.pipeline.Pipeline",)
FROZEN = ("sklearn.frozen.FrozenEstimator",)
SEARCHES = ("sklearn.model_selection._search.BaseSearchCV",)
NETS = ("skorch.NeuralNet",)
MODULES = ("torch.nn.Module",)
# What wants labels 0 to k-1, whatever the labels are.
CODED = (*NETS, "xgboost.XGBModel", "lightgbm.LGBMModel")

# scikit-learn's ensembles whose members each predict the target itself. Members of boosting fit
# residuals, those of one-vs-rest fit one class: they are no committee.
FORESTS = ("sklearn.ensemble._forest.BaseForest",)
CODED_COMMITTEES = FORESTS + _in("sklearn.ensemble", "BaggingClassifier VotingClassifier")
COMMITTEES = CODED_COMMITTEES + _in(
    "sklearn.ensemble", "BaggingRegressor VotingRegressor AdaBoostClassifier AdaBoostRegressor"
)
# What lets n_jobs threads sum its members' answers, in the order in which they finish or in parts:
# so the last digits of a sum may be others in the next call.
SUMMED_IN_THREADS = FORESTS + _in("sklearn.ensemble", "BaggingClassifier BaggingRegressor")
# What is made of these is no committee either, though it may fit its members itself.
NO_COMMITTEES = _in("sklearn.ensemble", "StackingClassifier StackingRegressor") + _in(
    "sklearn.multiclass", "OneVsRestClassifier OneVsOneClassifier OutputCodeClassifier"
)
# What keeps its members under warm_start, as do those whose number is n_estimators.
GROWING = _in("sklearn.ensemble", "HistGradientBoostingClassifier HistGradientBoostingRegressor")

# What predicts by a linear layer: of the rows, or of the last hidden layer.
LINEAR_CLASSIFIERS = ("sklearn.linear_model._base.LinearClassifierMixin",)
LINEAR_REGRESSORS = (
    "sklearn.linear_model._base.LinearModel",
    "sklearn.linear_model._stochastic_gradient.BaseSGDRegressor",
    "sklearn.cross_decomposition.PLSRegression",
)
PERCEPTRONS = ("sklearn.neural_network._multilayer_perceptron.BaseMultilayerPerceptron",)

# What learns several labels a row by an estimator for each, which may refuse a label of one value.
FOR_EACH_LABEL = _in("sklearn.multioutput", "MultiOutputClassifier ClassifierChain")
ONE_FOR_REST = ("sklearn.multiclass.OneVsRestClassifier",)
LINEAR_FOR_EACH = (*ONE_FOR_REST, "sklearn.multioutput.MultiOutputClassifier")  # of the same rows
# What makes no sense, or is not there yet, for several labels a row.
OF_ONE_LABEL = {"value", "std", "dropout", "perturbation", "input_gradient", "feature_dropout"}
BY_MEMBER = {"samples", "value_samples"}  # whose first axis is that of the members
OF_ONE_LABEL |= BY_MEMBER

# What a strategy may read, and how a sentence ends that begins with "it needs".
NEEDS = {
    "proba": "predict_proba",
    "decision": "a decision_function with one column for each class",
    "prediction": "predict",
    "value": "to be a regressor",
    "std": "predict(X, return_std=True), or to be an ensemble of at least two regressors, or a "
    "net with dropout",
    "value_samples": "to be an ensemble of at least two regressors (a forest, bagging, voting), or "
    "a net with dropout",
    "samples": "to be an ensemble of at least two classifiers (a forest, bagging, voting), or a "
    "net with dropout",
    "dropout": "to be a skorch classifier with dropout",
    "embedding": "rows of numbers, or a Pipeline whose first steps make numbers of them, or "
    "embedding=",
    "gradient": "a linear last layer (a linear model, with predict_proba if it is a classifier, an "
    "MLP, or a net with a Linear layer) or embedding=, which is no layer's name",
    "perturbation": "to be a linear classifier or a skorch classifier",
    "input_gradient": "to be a skorch classifier",
    "feature_dropout": "to be a classifier, and no net, for which there is Dropout()",
}

# What an estimator of the user's own may bring: a method for what is read. Of `predict_samples`
# also the spread of predicted values.
BROUGHT = dict.fromkeys(("samples", "dropout", "value_samples", "std"), "predict_samples")
BROUGHT |= {"embedding": "embed", "gradient": "gradient_factors", "features": "gradient_factors"}
CALLS = {
    "predict_samples": "predict_samples(X, n_passes)",
    "embed": "embed(X)",
    "gradient_factors": "gradient_factors(X)",
}

METHODS = {"proba": "predict_proba", "decision": "decision_function"}
SOME_ROWS = 16  # by which it is told whether a layer accounts for the predictions


def is_own(thing, method: str) -> bool:
    """Whether a method is the user's, and not defined by scikit-learn, skorch or torch."""
    defined = getattr(thing if isinstance(thing, type) else type(thing), method, None)
    # Where a function was defined is what its module says: no name that users give comes into it.
    home = str(getattr(defined, "__module__", ""))
    return not home.startswith(("sklearn.", "skorch.", "torch."))


def is_pipeline(estimator) -> bool:
    """Whether an estimator is a Pipeline; others have a number, or a layer, called steps."""
    return is_instance(estimator, PIPELINES)


def is_frozen(estimator) -> bool:
    """Whether an estimator is a FrozenEstimator, which is used as it is and never fitted."""
    return is_instance(estimator, FROZEN)


def is_net(estimator) -> bool:
    """Whether an estimator is a skorch net, alone, frozen or at the end of a Pipeline."""
    return is_instance(last_step(estimator), NETS)


def unwrapped(estimator) -> Iterator:
    """Yield an estimator, and what is inside pipelines, searches and FrozenEstimator in turn."""
    while True:
        yield estimator
        if is_pipeline(estimator):
            estimator = estimator.steps[-1][1]
        elif hasattr(estimator, "best_estimator_") and not is_frozen(estimator):
            estimator = estimator.best_estimator_  # of a third party's search too, once fitted
        elif is_instance(estimator, (*FROZEN, *SEARCHES)):
            estimator = estimator.estimator
        else:
            return


def last_step(estimator) -> Any:
    """Return the estimator that predicts, inside pipelines, searches and FrozenEstimator."""
    *_, last = unwrapped(estimator)
    return last


def is_wrapped_in_own(estimator, method: str) -> bool:
    """Whether a wrapper around the last step answers by the user's method, not by that step's."""
    *wrappers, _ = unwrapped(estimator)
    return any(hasattr(type(each), method) and is_own(each, method) for each in wrappers)


def reach_last(estimator, X) -> tuple:
    """Return the last step of an estimator, after rows as they reach it."""
    for transform in transforms_of(estimator):
        X = transform(X)
    return X, last_step(estimator)


def bringer(estimator, method: str) -> Any:
    """Return who brings a method of the user's own: the last step, or what is around it; or None.

    Told by the class, since an attribute called so may be anything, such as a module of torch.
    """
    for each in unwrapped(estimator):
        is_method = callable(getattr(type(each), method, None)) and is_own(each, method)
        if is_method and may_have(each, method):
            return each
    return None


def brought(estimator, what: str) -> str | None:
    """Return the method of the user's own that gives `what`, or None.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> class Halves(LogisticRegression):
    ...     def embed(self, X):
    ...         return X[:, :2]
    >>> brought(Halves(), "embedding"), brought(Halves(), "samples")
    ('embed', None)
    """
    method, last = BROUGHT.get(what), last_step(estimator)
    if method is None or bringer(estimator, method) is None:
        return None
    if what in ("samples", "dropout"):
        return None if is_regressor(last) else method
    if what in ("std", "value_samples"):
        has_own = what == "std" and has_return_std(last)
        return None if is_classifier(last) or has_own else method
    return method


def is_linear_on_embed(estimator) -> bool:
    """Whether gradients are those of a linear layer on what the user's own `embed` gives."""
    if bringer(estimator, "embed") is None or brought(estimator, "gradient"):
        return False
    return not is_classifier(last_step(estimator)) or may_have(estimator, "predict_proba")


def n_threads_of(estimator) -> int:
    """Return how many threads add up what an estimator, or one inside it, answers."""
    last = last_step(estimator)
    inside = last.get_params().values() if hasattr(last, "get_params") else ()
    summed = [part for part in (last, *inside) if is_instance(part, SUMMED_IN_THREADS)]
    if not summed:
        return 1
    from joblib import effective_n_jobs

    return max(min(effective_n_jobs(part.n_jobs), part.n_estimators) for part in summed)


def transforms_of(estimator, inner=None) -> list[Callable]:
    """Return what rows pass through before the last step, or what is `inner`, in their order."""
    outer = takewhile(lambda each: each is not inner, unwrapped(estimator))
    steps = [step for each in outer if is_pipeline(each) for step in each.steps[:-1]]
    # Samplers, as imbalanced-learn has them, have no transform: they act where one fits.
    return [step.transform for _, step in steps if hasattr(step, "transform")]


def refusal(estimator, *alternatives: str, multilabel: bool = False) -> str | None:
    """Return why an estimator can give none of these, or None if it can give one.

    Before the estimator is fitted, None also means that it cannot be told yet. With `multilabel`,
    rows have several labels.
    """
    found = [what for what in alternatives if not (multilabel and what in OF_ONE_LABEL)]
    if any(_gives(estimator, what) for what in found):
        return None
    if not found:
        views = " or ".join(f"view.{what}" for what in alternatives)
        return (
            f"{views}, which no estimator gives for several labels a row; write 'margin' or "
            f"'entropy', or a strategy that looks at the rows, such as 'k_center'."
        )
    return cannot_give(estimator, *found)


def cannot_give(estimator, *alternatives: str) -> str:
    """Return the sentence that says that an estimator gives none of these, and what it needs."""
    last = last_step(estimator)
    views = " or ".join(f"view.{what}" for what in alternatives)
    needs = " or ".join(NEEDS[what] for what in alternatives)
    if "decision" in alternatives and _is_one_vs_one(last):
        needs += "; decision_function_shape='ovo' has one for each pair, write 'ovr'"
    if "with dropout" in needs and hasattr(last, "module_"):
        from .modules import always_off  # torch is there by now

        if off := always_off(last.module_):
            needs += f"; that inside {' and '.join(off)} cannot be switched on"
    needs += own_methods(last, *alternatives)
    return f"{views}, which {type(last).__name__} cannot give: it needs {needs}."


def own_methods(last, *alternatives: str) -> str:
    """Return how a sentence ends that says what a class of the user's own might bring."""
    if not is_own(last, "fit"):
        return ""
    unlike = {"samples": is_regressor, "dropout": is_regressor}
    unlike |= {"std": is_classifier, "value_samples": is_classifier}
    found = [what for what in alternatives if what not in unlike or not unlike[what](last)]
    methods = ["embed"] if "gradient" in found else []
    methods += [BROUGHT[what] for what in found if what in BROUGHT]
    calls = [CALLS[name] for name in dict.fromkeys(methods) if bringer(last, name) is None]
    return f", or a method {' or '.join(calls)} of its own" if calls else ""


def members_of(estimator) -> list:
    """Return the fitted members of an ensemble."""
    members = list(getattr(estimator, "estimators_", []))
    # Boosting has an array of them, one for each round and class. By type, since pipelines and
    # ensembles are sequences too, in which np.ndim would see more than one dimension.
    return [] if any(isinstance(member, (list, np.ndarray)) for member in members) else members


def has_return_std(estimator) -> bool:
    """Whether ``predict(X, return_std=True)`` gives standard deviations."""
    predict = getattr(type(estimator), "predict", None)
    return predict is not None and "return_std" in inspect.signature(predict).parameters


def _net_gives(net, what: str) -> bool:
    """Whether a net can give `what`, or might once it has a module."""
    is_for_numbers = what in ("value", "std", "value_samples")
    is_never = what in ("decision", "feature_dropout")
    if is_never or (is_for_numbers and is_classifier(net)):
        return False
    is_for_classes = what in ("proba", "samples", "dropout", "perturbation", "input_gradient")
    if is_for_classes and not is_classifier(net):
        return False
    if not hasattr(net, "module_"):  # which alone tells what layers there are
        return what in NEEDS
    from .modules import has_linear, may_drop  # torch is there by now

    if what in ("samples", "value_samples", "std", "dropout"):
        return may_drop(net.module_)
    return has_linear(net.module_) if what == "gradient" else what in NEEDS


def _gives(estimator, what: str) -> bool:
    """Whether an estimator can give `what`, or might once it is fitted."""
    last = last_step(estimator)
    if brought(estimator, what) or (what == "gradient" and is_linear_on_embed(estimator)):
        return True
    if is_net(last):
        return _net_gives(last, what)
    if what in ("dropout", "input_gradient"):
        return False
    if what == "feature_dropout":
        return is_classifier(last)
    if what == "perturbation":
        return is_instance(last, LINEAR_CLASSIFIERS)
    if is_instance(last, ONE_FOR_REST) and what in METHODS and hasattr(last, "estimators_"):
        # What it has of a label that all rows have, or none, it may not have of others.
        return may_have(last.estimator, METHODS[what])
    if what == "proba":
        return may_have(estimator, "predict_proba")
    if what == "decision":
        return may_have(estimator, "decision_function") and not _is_one_vs_one(last)
    if what == "gradient":
        return _has_linear_layer(last)
    if what == "value":
        return not is_classifier(last)
    if what == "std":
        return has_return_std(last) or _gives(last, "value_samples")
    if what == "value_samples":
        return not is_classifier(last) and _is_committee(last)
    if what == "samples":
        are_classifiers = all(hasattr(member, "classes_") for member in members_of(last))
        return not is_regressor(last) and are_classifiers and _is_committee(last)
    return what in NEEDS


def _has_linear_layer(estimator) -> bool:
    """Whether an estimator is a linear model or an MLP, or might be; or one for each label."""
    if is_instance(estimator, LINEAR_FOR_EACH):
        # Of one label a row, probabilities are not those of sigmoids: only fit tells.
        is_of_labels = getattr(estimator, "multilabel_", True)
        is_linear = is_instance(estimator.estimator, LINEAR_CLASSIFIERS)
        return is_of_labels and is_linear and may_have(estimator.estimator, "predict_proba")
    if is_instance(estimator, LINEAR_CLASSIFIERS):
        return may_have(estimator, "predict_proba")
    if is_instance(estimator, (*LINEAR_REGRESSORS, *PERCEPTRONS)):
        return getattr(estimator, "loss", None) != "poisson"  # an MLP then predicts through exp
    # Whatever else predicts by scikit-learn's own code is known to have no such layer: SVC and
    # PoissonRegressor have coefficients, but predict by a kernel or through a link function.
    if not is_own(estimator, "predict_proba" if is_classifier(estimator) else "predict"):
        return False
    if is_classifier(estimator) and not may_have(estimator, "predict_proba"):
        return False
    return hasattr(estimator, "coef_") or not _is_fitted(estimator)


def _is_committee(estimator) -> bool:
    """Whether an estimator is an ensemble whose members predict the target, or might be."""
    fitted = members_of(estimator)
    if len(fitted) == 1:  # which disagrees with nobody
        return False
    if is_instance(estimator, COMMITTEES):
        return True
    # Whatever else scikit-learn's own code fits is known to be none.
    if not is_own(estimator, "fit") or is_instance(estimator, NO_COMMITTEES):
        return False
    return bool(fitted) or not _is_fitted(estimator)


def _is_fitted(estimator) -> bool:
    """Whether an estimator is fitted, by what it says or by its attributes."""
    if hasattr(estimator, "__sklearn_is_fitted__"):
        return estimator.__sklearn_is_fitted__()
    return any(name.endswith("_") and not name.startswith("__") for name in vars(estimator))


def _is_one_vs_one(estimator) -> bool:
    """Whether the decision function has a column for each pair of classes."""
    return getattr(estimator, "decision_function_shape", "ovr") == "ovo"
