"""scikit-learn's own checks of estimators, passed by the learner around one of each kind."""

import pytest
from sklearn.base import is_classifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from skactive import ActiveLearner

pytestmark = [  # third parties', in the new and in the old environment
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:scipy.optimize:DeprecationWarning"),
]

ESTIMATORS = [
    LogisticRegression(),
    # A seed: a bag without one row of positive weight, one in a thousand, predicts nothing that a
    # check of scikit-learn 1.6 expects.
    RandomForestClassifier(n_estimators=5, random_state=0),
    SVC(),
    make_pipeline(StandardScaler(), LogisticRegression()),
    Ridge(),
    GaussianProcessRegressor(),
    OneVsRestClassifier(LogisticRegression()),  # several labels a row too
]
LEARNERS = [
    ActiveLearner(estimator, missing_label=missing_label)
    for missing_label in ("auto", None)
    for estimator in (ESTIMATORS if missing_label == "auto" else ESTIMATORS[:-1])
]


def expected_failures(learner):
    """The checks that must fail, with the reason; a pass would fail too (xfail_strict)."""
    certain = {}
    if isinstance(learner.estimator, RandomForestClassifier):
        certain = {
            "check_classifiers_multilabel_output_format_predict_proba": "it takes probabilities "
            "above 0 and below 1 alone, and here forests say 0 and 1 of several labels a row"
        }
    if learner.missing_label is None or not is_classifier(learner):
        return certain
    return certain | {
        "check_classifiers_classes": "it takes -1 for one of two classes, and here -1 is the "
        "missing label unless missing_label=None is given"
    }


def as_list(mark):
    """A parametrize mark whose cases are a list: scikit-learn 1.6's generator is deprecated."""
    names, cases = mark.args
    return pytest.mark.parametrize(names, list(cases), **mark.kwargs)


@as_list(parametrize_with_checks(LEARNERS, expected_failed_checks=expected_failures))
def test_the_learner_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_only_classifiers_that_read_minus_1_as_missing_may_fail_and_only_one_check():
    failing = [
        learner for learner in LEARNERS if "check_classifiers_classes" in expected_failures(learner)
    ]
    assert [learner.estimator for learner in failing] == [*ESTIMATORS[:4], ESTIMATORS[-1]]
    for learner in failing:
        own = "check_classifiers_multilabel_output_format_predict_proba"  # of forests
        assert set(expected_failures(learner)) - {own} == {"check_classifiers_classes"}
