"""What an estimator is, told by its class, and what it is wrapped in.

Classes are looked up among the modules that are loaded: an instance of a class that nobody has
imported cannot be there, so that nothing is imported to tell. Names of classes are never compared,
since users call theirs what they like, and subclass scikit-learn's under other names.
"""

from collections.abc import Iterable, Iterator
from sys import modules

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
CODED_COMMITTEES = (
    *FORESTS,
    "sklearn.ensemble.BaggingClassifier",
    "sklearn.ensemble.VotingClassifier",
)
COMMITTEES = (
    *CODED_COMMITTEES,
    "sklearn.ensemble.BaggingRegressor",
    "sklearn.ensemble.VotingRegressor",
    "sklearn.ensemble.AdaBoostClassifier",
    "sklearn.ensemble.AdaBoostRegressor",
)
# What keeps its members under warm_start, as do those whose number is n_estimators.
GROWING = (
    "sklearn.ensemble.HistGradientBoostingClassifier",
    "sklearn.ensemble.HistGradientBoostingRegressor",
)
# What is made of these is no committee either, though it may fit its members itself.
NO_COMMITTEES = (
    "sklearn.multiclass.OneVsRestClassifier",
    "sklearn.multiclass.OneVsOneClassifier",
    "sklearn.multiclass.OutputCodeClassifier",
    "sklearn.ensemble.StackingClassifier",
    "sklearn.ensemble.StackingRegressor",
)

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


def is_own(estimator, method: str) -> bool:
    """Whether a method is the user's own or a third party's: not scikit-learn's or skorch's."""
    defined = getattr(type(estimator), method, None)
    return not str(getattr(defined, "__module__", "")).startswith(("skorch.", "sklearn."))


def is_pipeline(estimator) -> bool:
    """Whether an estimator is a Pipeline; others have a number, or a layer, called steps."""
    return is_instance(estimator, PIPELINES)


def is_frozen(estimator) -> bool:
    """Whether an estimator is in scikit-learn's FrozenEstimator: used as it is, never fitted."""
    return is_instance(estimator, FROZEN)


def is_net(estimator) -> bool:
    """Whether an estimator is a skorch net, alone, frozen or at the end of a Pipeline."""
    return is_instance(last_step(estimator), NETS)


def layers_of(estimator) -> Iterator:
    """Yield an estimator and, inside pipelines, searches and FrozenEstimator, what predicts."""
    while True:
        yield estimator
        if is_pipeline(estimator):
            estimator = estimator.steps[-1][1]
        elif is_frozen(estimator):
            estimator = estimator.estimator
        elif hasattr(estimator, "best_estimator_"):  # a search of a third party, too
            estimator = estimator.best_estimator_
        elif is_instance(estimator, SEARCHES):
            estimator = estimator.estimator
        else:
            return


def last_step(estimator):
    """Return the estimator that predicts, inside pipelines, searches and FrozenEstimator."""
    *_, last = layers_of(estimator)
    return last


def reach_last(estimator, X) -> tuple:
    """Return rows as the estimator that predicts is given them, and that estimator."""
    for each in layers_of(estimator):
        if is_pipeline(each) and len(each.steps) > 1:
            X = each[:-1].transform(X)
    return X, each
