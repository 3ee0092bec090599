"""What an estimator is, told by its class, and what it is wrapped in.

Classes are looked up among the modules that are loaded: an instance of a class that nobody has
imported cannot be there, so that nothing is imported to tell. Names of classes are never compared,
since users call theirs what they like, and subclass scikit-learn's under other names.
"""

from collections.abc import Iterable, Iterator
from sys import modules


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


def is_instance(thing, paths: Iterable[str]) -> bool:
    """Whether an object is an instance of one of these classes, as "module.Class"."""
    found = (_loaded(*path.rsplit(".", 1)) for path in paths)
    return isinstance(thing, tuple(cls for cls in found if cls is not None))


def _loaded(module: str, name: str) -> type | None:
    """Return a class, if its module is loaded."""
    return getattr(modules.get(module), name, None)


def is_own(thing, method: str) -> bool:
    """Whether a method of an object or a class is none of scikit-learn's, skorch's or torch's."""
    defined = getattr(thing if isinstance(thing, type) else type(thing), method, None)
    # Where a function was defined is what its module says: no name that users give comes into it.
    home = str(getattr(defined, "__module__", ""))
    return not home.startswith(("sklearn.", "skorch.", "torch."))


def is_pipeline(estimator) -> bool:
    """Whether an estimator is a Pipeline; others have a number, or a layer, called steps."""
    return is_instance(estimator, PIPELINES)


def is_frozen(estimator) -> bool:
    """Whether an estimator is in scikit-learn's FrozenEstimator: used as it is, never fitted."""
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
        elif is_frozen(estimator):
            estimator = estimator.estimator
        elif hasattr(estimator, "best_estimator_"):  # of a third party's search too, once fitted
            estimator = estimator.best_estimator_
        elif is_instance(estimator, SEARCHES):
            estimator = estimator.estimator
        else:
            return


def last_step(estimator):
    """Return the estimator that predicts, inside pipelines, searches and FrozenEstimator."""
    *_, last = unwrapped(estimator)
    return last


def reach_last(estimator, X) -> tuple:
    """Return rows as the estimator that predicts is given them, and that estimator."""
    for each in unwrapped(estimator):
        if is_pipeline(each) and len(each.steps) > 1:
            X = each[:-1].transform(X)
    return X, each
